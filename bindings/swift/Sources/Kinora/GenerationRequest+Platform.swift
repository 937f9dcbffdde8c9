import Foundation

extension GenerationRequest {
    /// The request as this platform's library can do it, and what then names the finished clip.
    ///
    /// The libraries for Apple platforms carry no H.264 encoder: there the system's own one writes
    /// the file, through a sink.
    func forThisPlatform() throws -> (GenerationRequest, @Sendable (Clip) -> Clip) {
        #if canImport(AVFoundation)
        guard case let .mp4(path)? = output else { return (self, { $0 }) }
        var request = self
        request.output = .sink(sink: try AssetWriterSink(file: URL(fileURLWithPath: path)))
        return (request, { clip in
            var named = clip
            named.path = path
            return named
        })
        #else
        return (self, { $0 })
        #endif
    }
}
