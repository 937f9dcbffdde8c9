/// What a running clip tells: see ``Studio/events(for:)``.
public enum GenerationEvent: Sendable {
    /// The clip has come this far.
    case progressed(GenerationProgress)
    /// The clip is made; the last event.
    case finished(Clip)
}

extension Studio {
    /// Makes the clip, and tells its progress and then the clip itself.
    ///
    /// A slow reader sees the newest progress and never misses the clip. Ending the loop, or
    /// cancelling the task around it, cancels the job.
    public func events(
        for request: GenerationRequest
    ) -> AsyncThrowingStream<GenerationEvent, Error> {
        told { try await self.generate(request, onProgress: $0) }
    }

    /// Goes on with a remote job, and tells its progress and then the clip, as ``events(for:)``
    /// does.
    ///
    /// Ending the loop, or cancelling the task around it, ends the job at its provider too.
    ///
    /// - Parameters:
    ///   - jobId: ``RemoteJob/id`` of a job that is `sending` or `sent`.
    ///   - output: An MP4 file, or its bytes.
    public func events(
        resuming jobId: String,
        to output: ClipOutput
    ) -> AsyncThrowingStream<GenerationEvent, Error> {
        told { try await self.resume(jobId, to: output, onProgress: $0) }
    }

    private func told(
        _ make: @escaping @Sendable (
            @escaping @Sendable (GenerationProgress) -> Void
        ) async throws -> Clip
    ) -> AsyncThrowingStream<GenerationEvent, Error> {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                do {
                    let clip = try await make { continuation.yield(.progressed($0)) }
                    continuation.yield(.finished(clip))
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
