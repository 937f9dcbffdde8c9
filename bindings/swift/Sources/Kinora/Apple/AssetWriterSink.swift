#if canImport(AVFoundation)
import AVFoundation
import CoreVideo
import Foundation

/// Writes a clip as an MP4 with the system's H.264 encoder. It is what an `.mp4` output becomes on
/// Apple platforms; an app only needs it to write several files at once or to change the bit rate.
///
/// The file appears under its name when it is whole.
public final class AssetWriterSink: FrameSink, @unchecked Sendable {
    // Unchecked: the calls of a job come one after another, as `FrameSink` promises.
    private let file: URL
    private let unfinished: URL
    private let bitsPerPixel: Double
    private var writing: Writing?

    private struct Writing {
        let writer: AVAssetWriter
        let input: AVAssetWriterInput
        let adaptor: AVAssetWriterInputPixelBufferAdaptor
        let format: VideoFormat
        var frames: Int64 = 0
    }

    /// - Parameters:
    ///   - file: Where the clip goes; its folder must exist.
    ///   - bitsPerPixel: Bits for each pixel of each frame: 0.2 is good, 0.1 small.
    /// - Throws: `KinoraError.Output` when the folder does not exist, or `file` is one itself.
    public init(file: URL, bitsPerPixel: Double = 0.2) throws {
        try SinkFile.check(file)
        self.file = file
        self.bitsPerPixel = bitsPerPixel
        unfinished = file.deletingLastPathComponent()
            .appendingPathComponent(".kinora-\(UUID().uuidString).mp4")
    }

    /// Opens the encoder.
    public func begin(format: VideoFormat) throws {
        let (width, height) = (Int(format.width), Int(format.height))
        let writer = try AVAssetWriter(outputURL: unfinished, fileType: .mp4)
        // The index stands at the front, so that the clip plays while it is sent.
        writer.shouldOptimizeForNetworkUse = true
        let rate = Double(format.fpsNumerator) / Double(format.fpsDenominator)
        let input = AVAssetWriterInput(mediaType: .video, outputSettings: [
            AVVideoCodecKey: AVVideoCodecType.h264,
            AVVideoWidthKey: width,
            AVVideoHeightKey: height,
            AVVideoColorPropertiesKey: [
                AVVideoColorPrimariesKey: AVVideoColorPrimaries_ITU_R_709_2,
                AVVideoTransferFunctionKey: AVVideoTransferFunction_ITU_R_709_2,
                AVVideoYCbCrMatrixKey: AVVideoYCbCrMatrix_ITU_R_709_2,
            ],
            AVVideoCompressionPropertiesKey: [
                AVVideoAverageBitRateKey: Int(bitsPerPixel * Double(width * height) * rate),
                AVVideoProfileLevelKey: AVVideoProfileLevelH264HighAutoLevel,
                AVVideoExpectedSourceFrameRateKey: Int(rate.rounded()),
            ],
        ])
        input.expectsMediaDataInRealTime = false
        let adaptor = AVAssetWriterInputPixelBufferAdaptor(
            assetWriterInput: input,
            sourcePixelBufferAttributes: [
                kCVPixelBufferPixelFormatTypeKey as String:
                    kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange,
                kCVPixelBufferWidthKey as String: width,
                kCVPixelBufferHeightKey as String: height,
            ]
        )
        guard writer.canAdd(input) else {
            let size = "\(width)×\(height)"
            throw failure("the system's encoder does not take \(size) pixels", writer.error)
        }
        writer.add(input)
        guard writer.startWriting() else {
            throw failure("the system's encoder did not start", writer.error)
        }
        writer.startSession(atSourceTime: .zero)
        writing = Writing(writer: writer, input: input, adaptor: adaptor, format: format)
    }

    /// Encodes a frame, waiting while the encoder is busy.
    public func frame(i420: Data, timestampUs: UInt64) throws {
        guard var now = writing else { throw failure("a frame came before the clip began", nil) }
        while !now.input.isReadyForMoreMediaData {
            guard now.writer.status == .writing else {
                throw failure("the system's encoder stopped", now.writer.error)
            }
            // The thread is the job's own; the encoder calls nobody back when it is not asked to.
            Thread.sleep(forTimeInterval: 0.002)
        }
        guard let pool = now.adaptor.pixelBufferPool else {
            throw failure("the system gives no memory for frames", now.writer.error)
        }
        var made: CVPixelBuffer?
        let status = CVPixelBufferPoolCreatePixelBuffer(nil, pool, &made)
        guard status == kCVReturnSuccess, let buffer = made else {
            throw failure("the system gives no memory for a frame (\(status))", nil)
        }
        fill(buffer, from: i420, format: now.format)
        tag(buffer)
        // Whole frames at the exact rate: microseconds would drift by a frame in an hour.
        let time = CMTime(
            value: now.frames * Int64(now.format.fpsDenominator),
            timescale: Int32(now.format.fpsNumerator)
        )
        guard now.adaptor.append(buffer, withPresentationTime: time) else {
            throw failure("the system's encoder refused a frame", now.writer.error)
        }
        now.frames += 1
        writing = now
    }

    /// Closes the file and gives it its name.
    public func finish() throws {
        guard let now = writing else { throw failure("a clip ended before it began", nil) }
        writing = nil
        now.input.markAsFinished()
        let end = CMTime(
            value: now.frames * Int64(now.format.fpsDenominator),
            timescale: Int32(now.format.fpsNumerator)
        )
        now.writer.endSession(atSourceTime: end)
        let done = DispatchSemaphore(value: 0)
        now.writer.finishWriting { done.signal() }
        done.wait()
        guard now.writer.status == .completed else {
            try? FileManager.default.removeItem(at: unfinished)
            throw failure("the system's encoder did not finish the file", now.writer.error)
        }
        try name()
    }

    private func name() throws {
        let files = FileManager.default
        do {
            if files.fileExists(atPath: file.path) {
                _ = try files.replaceItemAt(file, withItemAt: unfinished)
            } else {
                try files.moveItem(at: unfinished, to: file)
            }
        } catch {
            try? files.removeItem(at: unfinished)
            throw failure("the clip could not be put in its place", error)
        }
    }

    /// Throws away what was written.
    public func abandon() throws {
        writing?.writer.cancelWriting()
        writing = nil
        try? FileManager.default.removeItem(at: unfinished)
    }

    private func fill(_ buffer: CVPixelBuffer, from i420: Data, format: VideoFormat) {
        let planes = Planes(width: Int(format.width), height: Int(format.height))
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        i420.withUnsafeBytes { frame in
            if let luma = CVPixelBufferGetBaseAddressOfPlane(buffer, 0) {
                let stride = CVPixelBufferGetBytesPerRowOfPlane(buffer, 0)
                planes.copy(plane: 0, of: frame, to: luma, stride: stride)
            }
            if let chroma = CVPixelBufferGetBaseAddressOfPlane(buffer, 1) {
                let stride = CVPixelBufferGetBytesPerRowOfPlane(buffer, 1)
                planes.copyChromaPairs(of: frame, to: chroma, stride: stride)
            }
        }
    }

    /// Says that the frame is BT.709: the system matches the colours of the frames to those that
    /// the file asks for, and has to be told what it starts from (Apple's Technical Q&A QA1839).
    private func tag(_ buffer: CVPixelBuffer) {
        for (key, value) in [
            (kCVImageBufferColorPrimariesKey, kCVImageBufferColorPrimaries_ITU_R_709_2),
            (kCVImageBufferTransferFunctionKey, kCVImageBufferTransferFunction_ITU_R_709_2),
            (kCVImageBufferYCbCrMatrixKey, kCVImageBufferYCbCrMatrix_ITU_R_709_2),
        ] {
            CVBufferSetAttachment(buffer, key, value, .shouldPropagate)
        }
    }

    private func failure(_ reason: String, _ below: Error?) -> KinoraError {
        .Output(code: "output.encoder", reason: reason, detail: below.map { "\($0)" })
    }
}
#endif
