import Foundation

/// Where the three planes of a tight I420 frame lie.
struct Planes {
    let width: Int
    let height: Int

    /// Start, width and height of Y, U and V.
    var all: [(start: Int, width: Int, height: Int)] {
        let (luma, chroma) = (width * height, (width / 2) * (height / 2))
        return [
            (0, width, height),
            (luma, width / 2, height / 2),
            (luma + chroma, width / 2, height / 2),
        ]
    }

    /// Bytes of a whole frame.
    var bytes: Int { width * height * 3 / 2 }

    /// Copies one plane into memory whose rows are `stride` bytes apart.
    func copy(
        plane: Int,
        of frame: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawPointer,
        stride: Int
    ) {
        let (start, width, height) = all[plane]
        guard let source = frame.baseAddress, frame.count >= bytes, stride >= width else { return }
        for row in 0..<height {
            memcpy(target + row * stride, source + start + row * width, width)
        }
    }

    /// Copies U and V into one plane of pairs, as biplanar buffers want them.
    func copyChromaPairs(
        of frame: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawPointer,
        stride: Int
    ) {
        let (u, v) = (all[1], all[2])
        guard frame.count >= bytes, stride >= 2 * u.width else { return }
        for row in 0..<u.height {
            let out = (target + row * stride).assumingMemoryBound(to: UInt8.self)
            for column in 0..<u.width {
                out[2 * column] = frame[u.start + row * u.width + column]
                out[2 * column + 1] = frame[v.start + row * v.width + column]
            }
        }
    }
}

/// A size that fits into `longest` with the same proportions; never larger than it is.
func fitted(width: Int, height: Int, longest: Int) -> (width: Int, height: Int) {
    let scale = min(1, Double(longest) / Double(max(width, height, 1)))
    let side = { (value: Int) in max(1, Int((Double(value) * scale).rounded())) }
    return (side(width), side(height))
}
