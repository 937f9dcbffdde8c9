#if canImport(ImageIO)
import CoreGraphics
import Foundation
import ImageIO

extension Photo {
    /// The longest side that a photo is decoded to: twice the longest side of a clip by default.
    static let longestSide = 2560

    /// Takes a picture that the app holds already. It is drawn once, upright as it is, in sRGB.
    ///
    /// - Throws: `KinoraError.Photo` when it has no pixels or too many.
    public static func of(_ image: CGImage) throws -> Photo {
        let (width, height) = fitted(width: image.width, height: image.height, longest: longestSide)
        let stride = 4 * width
        var pixels = Data(count: stride * height)
        // The pixels of a face do not stay behind in freed memory.
        defer { pixels.resetBytes(in: 0..<pixels.count) }
        let drawn = pixels.withUnsafeMutableBytes { memory -> Bool in
            guard
                let space = CGColorSpace(name: CGColorSpace.sRGB),
                let context = CGContext(
                    data: memory.baseAddress,
                    width: width,
                    height: height,
                    bitsPerComponent: 8,
                    bytesPerRow: stride,
                    space: space,
                    bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue
                )
            else { return false }
            let whole = CGRect(x: 0, y: 0, width: width, height: height)
            // What is see-through lies on white, as in the library's own decoders.
            context.setFillColor(CGColor(red: 1, green: 1, blue: 1, alpha: 1))
            context.fill(whole)
            context.interpolationQuality = .high
            context.draw(image, in: whole)
            return true
        }
        guard drawn else {
            throw KinoraError.Photo(
                code: "photo.bad_pixels",
                reason: "the system could not draw the picture: give another one",
                detail: nil
            )
        }
        // The fourth byte is padding here; the library takes it for alpha.
        pixels.withUnsafeMutableBytes { memory in
            for at in Swift.stride(from: 3, to: memory.count, by: 4) { memory[at] = 255 }
        }
        return try Photo.fromPixels(
            rgba: pixels,
            width: UInt32(width),
            height: UInt32(height),
            stride: UInt32(stride),
            orientation: .upright
        )
    }

    /// Decodes through ImageIO: every format of the system, turned upright, at most `longestSide`
    /// pixels long. A larger photo is scaled while it is decoded and never lies in memory whole.
    static func decodedBySystem(_ data: Data) throws -> Photo {
        let options: [CFString: Any] = [
            kCGImageSourceCreateThumbnailFromImageAlways: true,
            kCGImageSourceCreateThumbnailWithTransform: true,
            kCGImageSourceThumbnailMaxPixelSize: longestSide,
            kCGImageSourceShouldCacheImmediately: true,
        ]
        guard
            let source = CGImageSourceCreateWithData(
                data as CFData, [kCGImageSourceShouldCache: false] as CFDictionary
            ),
            let image = CGImageSourceCreateThumbnailAtIndex(source, 0, options as CFDictionary)
        else {
            // The library's own decoders say why, in the same words on every platform.
            return try Photo.fromBytes(bytes: data)
        }
        return try of(image)
    }
}
#endif
