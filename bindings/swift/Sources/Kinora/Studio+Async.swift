import Foundation

extension Studio {
    /// Opens ONNX Runtime and the networks away from the calling thread.
    ///
    /// - Throws: `KinoraError.Runtime` when ONNX Runtime is not found or
    ///   refused, `KinoraError.Model` when a network does not fit.
    public static func opened(
        _ options: StudioOptions = StudioOptions()
    ) async throws -> Studio {
        try await away { try Studio.open(options: options) }
    }

    /// Makes the clip and returns it when it is whole.
    ///
    /// Cancelling the task stops the job inside the library; the call then throws
    /// `CancellationError` within a few tens of milliseconds, and nothing of the clip is left.
    /// On Apple platforms the system's own encoder makes an MP4, be it a file or bytes.
    /// `start(request:listener:)` does not do that: there it takes any output but an MP4.
    ///
    /// With `remote` in the request the clip is made elsewhere, under the consent that stands
    /// there; cancelling then ends the job at its provider too. See <doc:RemoteModels>.
    ///
    /// - Parameters:
    ///   - request: What to make, and where it goes.
    ///   - onProgress: Hears how far the job is, on a thread of the job.
    /// - Throws: ``KinoraError``, or `CancellationError` when the task was cancelled.
    public func generate(
        _ request: GenerationRequest,
        onProgress: (@Sendable (GenerationProgress) -> Void)? = nil
    ) async throws -> Clip {
        try Task.checkCancellation()
        let listener = onProgress.map(Listener.init)
        guard let file = try request.systemFile() else {
            // A remote job looks for faces and builds its payload before it starts.
            let start = { @Sendable in try self.start(request: request, listener: listener) }
            return try await (request.remote == nil ? start() : away(start)).value
        }
        defer { file.clean() }
        let clip = try await start(request: file.request, listener: listener).value
        return try await file.told(clip, by: self)
    }

    /// Goes on with a pack's job that the end of an earlier process has interrupted, and returns its
    /// clip: byte for byte the one that the job would have made, but for an MP4 that the system
    /// encodes. See ``Checkpoints/list()``.
    ///
    /// - Parameters:
    ///   - checkpointId: ``Checkpoint/id``.
    ///   - output: Where the clip goes; it is not among what a checkpoint keeps.
    ///   - marking: What the request said of marks, if it did.
    ///   - onProgress: Hears how far the job is, on a thread of the job.
    /// - Throws: ``KinoraError``, or `CancellationError` when the task was cancelled.
    public func resumedClip(
        _ checkpointId: String,
        to output: ClipOutput,
        marking: MarkingOptions? = nil,
        onProgress: (@Sendable (GenerationProgress) -> Void)? = nil
    ) async throws -> Clip {
        try Task.checkCancellation()
        let listener = onProgress.map(Listener.init)
        let file = try GenerationRequest(photo: nil, output: output, marking: marking).systemFile()
        defer { file?.clean() }
        let place = file?.request.output ?? output
        let job = try await away {
            try self.resumeClip(
                checkpointId: checkpointId, output: place, listener: listener, marking: marking)
        }
        let clip = try await job.value
        guard let file else { return clip }
        return try await file.told(clip, by: self)
    }

    /// Marks a file that an encoder outside the library has written out of a sink's frames, as the
    /// library marks its own files. ``generate(_:onProgress:)`` does so by itself; apps with a sink
    /// of their own call this when the clip is made.
    ///
    /// A file that cannot be marked is removed: nothing leaves without the marks that were asked
    /// for.
    ///
    /// - Parameters:
    ///   - clip: What the job gave.
    ///   - file: Where its file lies.
    ///   - marking: What the request said of marks, if it did.
    /// - Returns: The clip, with the layers that it has now.
    /// - Throws: `KinoraError.Output` when the file is no clip or cannot be written.
    public func marked(
        _ clip: Clip, at file: URL, marking: MarkingOptions? = nil
    ) async throws -> Clip {
        do {
            let layers = try await away {
                try self.signFile(path: file.path, clip: clip, marking: marking)
            }
            var clip = clip
            clip.marks = layers + clip.marks
            return clip
        } catch {
            try? FileManager.default.removeItem(at: file)
            throw error
        }
    }

    /// The faces of a photo, largest first, found away from the calling thread.
    public func faces(of photo: Photo) async throws -> [FaceInPhoto] {
        try await away { try self.faces(photo: photo) }
    }
}

extension GenerationJob {
    /// The clip, once it is made. Cancelling the task cancels the job.
    ///
    /// - Throws: `CancellationError` when the task was cancelled, else ``KinoraError``.
    public var value: Clip {
        get async throws {
            do {
                return try await withTaskCancellationHandler {
                    try await clip()
                } onCancel: {
                    try? cancel()
                }
            } catch KinoraError.Cancelled where Task.isCancelled {
                throw CancellationError()
            }
        }
    }
}

/// Runs blocking work on a thread that may block.
func away<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global(qos: .userInitiated).async {
            continuation.resume(with: Result(catching: work))
        }
    }
}

final class Listener: ProgressListener {
    private let heard: @Sendable (GenerationProgress) -> Void

    init(_ heard: @escaping @Sendable (GenerationProgress) -> Void) {
        self.heard = heard
    }

    func progressed(progress: GenerationProgress) throws {
        heard(progress)
    }
}
