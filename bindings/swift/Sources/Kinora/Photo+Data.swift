import Foundation

extension Photo {
    /// The longest side in pixels that the system decodes a photo to, where nothing else is asked:
    /// twice that of a clip.
    public static let usualLongestSide = 2560

    /// Decodes the bytes of a picture file away from the calling thread.
    ///
    /// On Apple platforms the system decodes, so that HEIC works and a very large photo never lies
    /// in memory whole; elsewhere JPEG, PNG, WebP, GIF, BMP and TIFF are read.
    ///
    /// - Parameters:
    ///   - data: The file's bytes.
    ///   - longestSide: A larger photo is scaled down to so many pixels on Apple platforms. Ask for
    ///     more only for a clip whose `size` is over 1280: memory grows with its square.
    /// - Throws: `KinoraError.Photo` when it cannot be read.
    public static func decoded(
        from data: Data,
        longestSide: Int = Photo.usualLongestSide
    ) async throws -> Photo {
        #if canImport(ImageIO)
        return try await away { try Photo.decodedBySystem(data, longestSide: longestSide) }
        #else
        return try await away { try Photo.fromBytes(bytes: data) }
        #endif
    }

    /// Reads and decodes a file away from the calling thread, as ``decoded(from:longestSide:)``
    /// does with bytes.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - longestSide: A larger photo is scaled down to so many pixels on Apple platforms.
    /// - Throws: `KinoraError.Photo` when it cannot be read.
    public static func decoded(
        from file: URL,
        longestSide: Int = Photo.usualLongestSide
    ) async throws -> Photo {
        #if canImport(ImageIO)
        return try await away { try Photo.decodedBySystem(file, longestSide: longestSide) }
        #else
        return try await away { try Photo.open(path: file.path) }
        #endif
    }
}
