import Foundation

/// An MP4 that a sink writes in the library's stead, where the library has no H.264 encoder.
struct SinkFile {
    /// The request, with the sink as its output.
    let request: GenerationRequest
    /// Until it is whole and marked it has a name of its own, as the library's own files have.
    private let file: URL
    /// Where it goes then; nil for memory.
    private let wanted: URL?

    /// Nil where the library writes the request's output itself.
    ///
    /// - Parameter sink: Makes the sink that writes the file.
    init?(_ request: GenerationRequest, sink: (URL) throws -> FrameSink) throws {
        // A remote model's clip comes encoded.
        guard request.remote == nil else { return nil }
        switch request.output {
        case let .mp4(path)?:
            let place = URL(fileURLWithPath: path)
            try Self.check(place)
            wanted = place
        case nil, .bytes(container: .mp4)?:
            wanted = nil
        default:
            return nil
        }
        // Encoders of systems write files; one in the app's own folder becomes the bytes.
        let folder = wanted?.deletingLastPathComponent() ?? FileManager.default.temporaryDirectory
        Self.tidy(folder)
        file = folder.appendingPathComponent("\(Self.prefix)\(UUID().uuidString)\(Self.suffix)")
        var request = request
        request.output = .sink(sink: try sink(file))
        self.request = request
    }

    /// The clip as the library would have told of it, its file marked by the studio.
    func told(_ clip: Clip, by studio: Studio) async throws -> Clip {
        var clip = try await studio.marked(clip, at: file, marking: request.marking)
        guard let wanted else {
            clip.bytes = try Data(contentsOf: file)
            return clip
        }
        // Takes the place of what is there in one step, which FileManager's own functions do not.
        guard rename(file.path, wanted.path) == 0 else {
            throw KinoraError.Output(
                code: "output.write",
                reason: "\(wanted.path) could not be written: choose another place",
                detail: nil
            )
        }
        clip.path = wanted.path
        return clip
    }

    /// Removes what was not wanted, or did not become whole. Call it however the job has ended.
    func clean() {
        try? FileManager.default.removeItem(at: file)
    }

    private static let (prefix, suffix) = (".kinora-", ".mp4")

    /// Removes what a killed process left behind an hour ago or longer.
    private static func tidy(_ folder: URL) {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: folder.path)) ?? []
        where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
            let place = folder.appendingPathComponent(name)
            let changed = try? files.attributesOfItem(atPath: place.path)[.modificationDate] as? Date
            if let changed, changed.timeIntervalSinceNow < -3600 { try? files.removeItem(at: place) }
        }
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
