import CoreGraphics
import Foundation
import ImageIO

/// A picture for the screen: small, so that a photo of 48 megapixels does not lie in memory whole.
enum Thumbnail {
    static func of(_ bytes: Data, longest: Int) async -> CGImage? {
        await Task.detached(priority: .userInitiated) {
            let options: [CFString: Any] = [
                kCGImageSourceCreateThumbnailFromImageAlways: true,
                kCGImageSourceCreateThumbnailWithTransform: true,
                kCGImageSourceThumbnailMaxPixelSize: longest,
            ]
            guard let source = CGImageSourceCreateWithData(bytes as CFData, nil) else { return nil }
            return CGImageSourceCreateThumbnailAtIndex(source, 0, options as CFDictionary)
        }.value
    }
}
