import Foundation

extension GenerationRequest {
    /// What the system's own encoder has to write, because the libraries for Apple platforms carry
    /// none; nil where the library does all by itself.
    func systemFile() throws -> SinkFile? {
        #if canImport(AVFoundation)
        return try SinkFile(self) { try AssetWriterSink(file: $0) }
        #else
        return nil
        #endif
    }
}
