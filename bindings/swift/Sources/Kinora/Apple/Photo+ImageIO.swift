#if canImport(ImageIO)
import CoreGraphics
import Foundation
import ImageIO

extension Photo {
    /// Takes a picture that the app holds already. It is drawn once, upright as it is, in sRGB.
    ///
    /// - Parameters:
    ///   - image: The picture.
    ///   - longestSide: A larger one is scaled down to so many pixels.
    /// - Throws: `KinoraError.Photo` when it cannot be drawn.
    public static func of(
        _ image: CGImage,
        longestSide: Int = Photo.usualLongestSide
    ) throws -> Photo {
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
                    bitmapInfo: CGImageAlphaInfo.premultipliedLast.rawValue
                )
            else { return false }
            let whole = CGRect(x: 0, y: 0, width: width, height: height)
            // What is see-through lies on white, as in the library's own decoders; so the whole
            // is opaque, and premultiplied alpha is the same as the straight one of `fromPixels`.
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
        return try Photo.fromPixels(
            rgba: pixels,
            width: UInt32(width),
            height: UInt32(height),
            stride: UInt32(stride),
            orientation: .upright
        )
    }

    /// Decodes a picture file through ImageIO, as `system` does.
    static func decodedBySystem(_ data: Data, longestSide: Int) throws -> Photo {
        let source = CGImageSourceCreateWithData(data as CFData, unread)
        // The library's own decoders say what is wrong in the same words on every platform.
        return try system(source, longestSide: longestSide) ?? Photo.fromBytes(bytes: data)
    }

    /// Reads and decodes a picture file through ImageIO; its bytes never lie in memory whole.
    static func decodedBySystem(_ file: URL, longestSide: Int) throws -> Photo {
        let source = CGImageSourceCreateWithURL(file as CFURL, unread)
        return try system(source, longestSide: longestSide) ?? Photo.open(path: file.path)
    }

    /// Every format of the system, turned upright, at most `longestSide` pixels long. A larger
    /// photo is scaled while it is decoded and never lies in memory whole. Nil where it is no
    /// picture.
    private static func system(_ source: CGImageSource?, longestSide: Int) throws -> Photo? {
        let options: [CFString: Any] = [
            kCGImageSourceCreateThumbnailFromImageAlways: true,
            kCGImageSourceCreateThumbnailWithTransform: true,
            kCGImageSourceThumbnailMaxPixelSize: longestSide,
            kCGImageSourceShouldCacheImmediately: true,
        ]
        guard
            let source,
            let image = CGImageSourceCreateThumbnailAtIndex(source, 0, options as CFDictionary)
        else { return nil }
        return try of(image, longestSide: longestSide)
    }

    private static var unread: CFDictionary {
        [kCGImageSourceShouldCache: false] as CFDictionary
    }
}
#endif
