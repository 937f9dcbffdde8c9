import Foundation

extension GenerationRequest {
    /// What the system's own encoder has to write, because the libraries for Apple platforms carry
    /// none; nil where the library does all by itself.
    func systemFile() throws -> SinkFile? {
        // A remote model's clip comes as a file: there is nothing to encode.
        if remote != nil { return nil }
        #if canImport(AVFoundation)
        return try SinkFile(self) { try AssetWriterSink(file: $0) }
        #else
        return nil
        #endif
    }
}
