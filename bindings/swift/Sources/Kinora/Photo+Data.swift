import Foundation

extension Photo {
    /// Decodes the bytes of a picture file away from the calling thread.
    ///
    /// On Apple platforms the system decodes, so that HEIC works and a very large photo never lies
    /// in memory whole; elsewhere JPEG, PNG, WebP, GIF, BMP and TIFF are read.
    ///
    /// - Throws: `KinoraError.Photo` when it cannot be read.
    public static func decoded(from data: Data) async throws -> Photo {
        #if canImport(ImageIO)
        return try await away { try Photo.decodedBySystem(data) }
        #else
        return try await away { try Photo.fromBytes(bytes: data) }
        #endif
    }

    /// Reads and decodes a file away from the calling thread, as ``decoded(from:)`` does.
    ///
    /// - Throws: `KinoraError.Photo` when it cannot be read.
    public static func decoded(from file: URL) async throws -> Photo {
        #if canImport(ImageIO)
        return try await away { try Photo.decodedBySystem(Data(contentsOf: file)) }
        #else
        return try await away { try Photo.open(path: file.path) }
        #endif
    }
}
