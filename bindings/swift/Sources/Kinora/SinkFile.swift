import Foundation

/// An MP4 that a sink writes in the library's stead, where the library has no H.264 encoder.
struct SinkFile {
    /// The request, with the sink as its output.
    let request: GenerationRequest
    private let file: URL
    private let isWanted: Bool

    /// Nil where the library writes the request's output itself.
    ///
    /// - Parameter sink: Makes the sink that writes the file.
    init?(_ request: GenerationRequest, sink: (URL) throws -> FrameSink) throws {
        // A remote model's clip comes encoded.
        guard request.remote == nil else { return nil }
        switch request.output {
        case let .mp4(path)?:
            (file, isWanted) = (URL(fileURLWithPath: path), true)
            try Self.check(file)
        case nil, .bytes(container: .mp4)?:
            // Encoders of systems write files; one in the app's own folder becomes the bytes.
            let name = "kinora-\(UUID().uuidString).mp4"
            file = FileManager.default.temporaryDirectory.appendingPathComponent(name)
            isWanted = false
        default:
            return nil
        }
        var request = request
        request.output = .sink(sink: try sink(file))
        self.request = request
    }

    /// The clip as the library would have told of it, its file marked by the studio.
    func told(_ clip: Clip, by studio: Studio) async throws -> Clip {
        var clip = try await studio.marked(clip, at: file)
        if isWanted {
            clip.path = file.path
        } else {
            clip.bytes = try Data(contentsOf: file)
        }
        return clip
    }

    /// Removes a file that only stood in for memory. Call it however the job has ended.
    func clean() {
        if !isWanted { try? FileManager.default.removeItem(at: file) }
    }

    /// Refuses what is no place for a file, with the library's own codes.
    static func check(_ file: URL) throws {
        var isFolder: ObjCBool = false
        let files = FileManager.default
        if files.fileExists(atPath: file.path, isDirectory: &isFolder), isFolder.boolValue {
            throw KinoraError.Output(
                code: "output.is_folder",
                reason: "\(file.path) is a folder: give the name of a file in it",
                detail: nil
            )
        }
        let folder = file.deletingLastPathComponent().path
        let exists = files.fileExists(atPath: folder, isDirectory: &isFolder)
        guard exists, isFolder.boolValue else {
            throw KinoraError.Output(
                code: "output.no_folder",
                reason: "the folder \(folder) does not exist: create it first",
                detail: nil
            )
        }
    }
}
