import Foundation
import XCTest

@testable import Kinora

/// A sink that counts.
final class Counting: FrameSink {
    struct Seen {
        var (frames, bytes) = (0, 0)
        var format: VideoFormat?
        var times = [UInt64]()
        var (finished, abandoned) = (false, false)
    }

    let seen = Box(Seen())
    private let thrown: (@Sendable () -> Error)?

    init(throwing thrown: (@Sendable () -> Error)? = nil) {
        self.thrown = thrown
    }

    func begin(format: VideoFormat) throws {
        seen.change { $0.format = format }
    }

    func frame(i420: Data, timestampUs: UInt64) throws {
        if let thrown { throw thrown() }
        seen.change {
            $0.frames += 1
            $0.bytes += i420.count
            $0.times.append(timestampUs)
        }
    }

    func finish() throws {
        seen.change { $0.finished = true }
    }

    func abandon() throws {
        seen.change { $0.abandoned = true }
    }
}

/// What the host gives and gets: errors, sinks, logs, keys.
final class HostTests: FolderCase {
    func testEveryErrorHasItsCodeAndSaysWhatToDo() async throws {
        let (studio, photo) = (try shared.get(), try Photo.fromBytes(bytes: picture()))
        let heic = Data([0, 0, 0, 24]) + Data("ftypheic".utf8) + Data(count: 12)
        let models = folder.appendingPathComponent("models")
        try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
        for name in ["face_detector", "face_points", "perception", "motion"] {
            try Data([1, 2, 3]).write(to: models.appendingPathComponent("\(name).onnx"))
        }
        let text = Data("no picture".utf8)
        let nowhere = folder.appendingPathComponent("no/such/clip.mp4").path
        let absent = folder.appendingPathComponent("absent.jpg")
        var wrongFace = small(photo)
        wrongFace.faces = .number(number: 7)
        let face = wrongFace
        let expected: [(String, () async throws -> Void)] = [
            ("photo.empty", { _ = try Photo.fromBytes(bytes: Data()) }),
            ("photo.heic", { _ = try Photo.fromBytes(bytes: heic) }),
            ("photo.unsupported_format", { _ = try Photo.fromBytes(bytes: text) }),
            ("photo.damaged", { _ = try Photo.fromBytes(bytes: picture().prefix(50)) }),
            ("photo.unreadable_file", { _ = try await Photo.decoded(from: absent) }),
            ("request.seconds", { _ = try await studio.generate(small(photo, seconds: 99)) }),
            ("request.face", { _ = try await studio.generate(face) }),
            ("output.no_folder", {
                _ = try await studio.generate(small(photo, .mp4(path: nowhere)))
            }),
            ("runtime.other_library", {
                _ = try await Studio.opened(StudioOptions(runtimeLibrary: absent.path))
            }),
        ]
        for (wanted, work) in expected {
            let got = await code(of: work)
            XCTAssertEqual(got, wanted)
        }
        let model = await code { _ = try await Studio.opened(StudioOptions(models: models.path)) }
        XCTAssertTrue(model.hasPrefix("model."), model)
    }

    func testASinkTakesEveryFrame() async throws {
        let sink = Counting()
        let request = small(try Photo.fromBytes(bytes: picture()), .sink(sink: sink), seconds: 1)
        let clip = try await shared.get().generate(request)
        let seen = sink.seen.value
        XCTAssertEqual(seen.frames, Int(clip.frames))
        XCTAssertEqual(seen.bytes, seen.frames * Int(clip.width * clip.height) * 3 / 2)
        XCTAssertEqual(
            seen.format,
            VideoFormat(width: clip.width, height: clip.height, fpsNumerator: 12, fpsDenominator: 1)
        )
        XCTAssertEqual(seen.times, seen.times.sorted())
        XCTAssertEqual(seen.times.first, 0)
        XCTAssertTrue(seen.finished && !seen.abandoned)
    }

    func testASinkThatFailsEndsTheJobInItsOwnWords() async throws {
        struct Busy: Error, CustomStringConvertible {
            let description = "no encoder is free"
        }
        let own: @Sendable () -> Error = {
            KinoraError.Host(code: "host.encoder", reason: "no encoder is free", detail: nil)
        }
        let busy: @Sendable () -> Error = { Busy() }
        for (thrown, code) in [(own, "host.encoder"), (busy, "host.failed")] {
            let sink = Counting(throwing: thrown)
            do {
                _ = try await shared.get().generate(
                    small(Photo.fromBytes(bytes: picture()), .sink(sink: sink))
                )
                XCTFail("a sink that fails ends the job")
            } catch let error as KinoraError {
                XCTAssertEqual(error.code, code)
                XCTAssertTrue(error.reason.contains("no encoder is free"), "\(error)")
            }
            XCTAssertTrue(sink.seen.value.abandoned)
        }
    }

    func testAListenerThatThrowsDoesNotHarmTheClip() async throws {
        final class Failing: ProgressListener {
            func progressed(progress: GenerationProgress) throws {
                let reason = "a listener that throws"
                throw KinoraError.Host(code: "host.listener", reason: reason, detail: nil)
            }
        }
        let request = small(try Photo.fromBytes(bytes: picture()))
        let clip = try await shared.get().start(request: request, listener: Failing()).value
        XCTAssertEqual(clip.frames, 6)
    }

    func testTheLogTellsOfJobsAndNeverOfPrompts() async throws {
        final class Lines: LogSink {
            let lines = Box([LogRecord]())

            func log(record: LogRecord) throws {
                lines.change { $0.append(record) }
            }
        }
        let log = Lines()
        try setLogSink(sink: log, level: .debug)
        var request = small(try Photo.fromBytes(bytes: picture()))
        request.prompt = "smile at aunt mathilda"
        _ = try await shared.get().generate(request)
        try setLogSink(sink: nil, level: .error)
        let lines = log.lines.value
        XCTAssertTrue(lines.contains { $0.level == .info && $0.message.hasPrefix("job done") })
        XCTAssertFalse(lines.contains { $0.message.contains("mathilda") })
    }

    func testKeysAreWrappedByTheHost() async throws {
        try checkKeyStore(store: ToyKeys(checks: true))
        let said = await code { try checkKeyStore(store: ToyKeys(checks: false)) }
        XCTAssertEqual(said, "host.key_store")
    }

    func testTheCatalogueAndTheDoctorAnswer() throws {
        let sections = try prompts()
        XCTAssertGreaterThan(sections.count, 3)
        XCTAssertTrue(sections.flatMap(\.entries).contains { $0.phrases.contains("smile") })
        let report = try shared.get().doctor()
        XCTAssertEqual(report.kinora, try version())
        XCTAssertTrue(report.providers[0].works, "\(report.providers)")
        XCTAssertEqual(report.telemetry, "absent")
    }

    func testPlanesKeepTheirRows() {
        let planes = Planes(width: 4, height: 2)
        let frame = Data(0..<12)
        var luma = [UInt8](repeating: 255, count: 12)
        var chroma = [UInt8](repeating: 255, count: 6)
        frame.withUnsafeBytes { bytes in
            luma.withUnsafeMutableBytes {
                planes.copy(plane: 0, of: bytes, to: $0.baseAddress!, stride: 6)
            }
            chroma.withUnsafeMutableBytes {
                planes.copyChromaPairs(of: bytes, to: $0.baseAddress!, stride: 6)
            }
        }
        XCTAssertEqual(luma, [0, 1, 2, 3, 255, 255, 4, 5, 6, 7, 255, 255])
        XCTAssertEqual(chroma, [8, 10, 9, 11, 255, 255])
        XCTAssertTrue(fitted(width: 6000, height: 4000, longest: 3000) == (3000, 2000))
        XCTAssertTrue(fitted(width: 60, height: 40, longest: 3000) == (60, 40))
    }
}
