import Foundation
import XCTest

@testable import Kinora

/// What stands between a request and an encoder of the system, tried with one that is none.
final class PlatformTests: FolderCase {
    /// Writes one byte for each frame, as a file that looks like an MP4.
    private final class Encoder: FrameSink {
        /// A box `ftyp`, and one without an end for the frames.
        static let head = Data([0, 0, 0, 16]) + Data("ftypisom".utf8) + Data([0, 0, 0, 0])
            + Data([0, 0, 0, 14]) + Data("free".utf8)
        let file: URL
        let bytes = Box(Data())

        init(file: URL) {
            self.file = file
        }

        func begin(format: VideoFormat) throws {}

        func frame(i420: Data, timestampUs: UInt64) throws {
            bytes.change { $0.append(7) }
        }

        func finish() throws {
            try (Self.head + bytes.value).write(to: file)
        }

        func abandon() throws {}
    }

    func testAnEncoderOfTheSystemMakesFilesAndBytes() async throws {
        let photo = try Photo.fromBytes(bytes: picture())
        let path = folder.appendingPathComponent("clip.mp4").path
        for output in [.mp4(path: path), nil, .bytes(container: .mp4)] as [ClipOutput?] {
            let places = Box([URL]())
            let made = try SinkFile(small(photo, output)) { place in
                places.change { $0.append(place) }
                return Encoder(file: place)
            }
            let file = try XCTUnwrap(made)
            let job = try shared.get().start(request: file.request, listener: nil)
            let clip = try await file.told(job.value, by: shared.get())
            file.clean()
            XCTAssertEqual(clip.marks, [.xmp, .watermark])
            XCTAssertFalse(FileManager.default.fileExists(atPath: places.value[0].path))
            if case .mp4? = output {
                XCTAssertEqual(clip.path, path)
                XCTAssertNil(clip.bytes)
                let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                XCTAssertEqual(names, ["clip.mp4"])
            } else {
                let bytes = try XCTUnwrap(clip.bytes)
                let written = Encoder.head + Data(repeating: 7, count: Int(clip.frames))
                XCTAssertEqual(bytes.prefix(written.count), written)
                let term = Data("trainedAlgorithmicMedia".utf8)
                XCTAssertNotNil(bytes.range(of: term))
                XCTAssertNil(clip.path)
            }
        }
    }

    func testOtherOutputsAreTheLibrarysOwn() throws {
        let photo = try Photo.fromBytes(bytes: picture())
        for output in [.gif(path: "a.gif"), .bytes(container: .gif)] as [ClipOutput] {
            XCTAssertNil(try SinkFile(small(photo, output)) { Encoder(file: $0) })
        }
    }

    func testARemoteClipNeedsNoEncoder() throws {
        var request = small(try Photo.fromBytes(bytes: picture()), .mp4(path: "a.mp4"))
        request.remote = RemoteChoice(model: "kling/3.0", grant: Grant(noHandle: Grant.NoHandle()))
        XCTAssertNil(try SinkFile(request) { Encoder(file: $0) })
    }

    func testAFolderIsNotReplacedByAClip() async throws {
        let inside = folder.appendingPathComponent("no/clip.mp4")
        for (place, wanted) in [(folder, "output.is_folder"), (inside, "output.no_folder")] {
            let system = await code { try SinkFile.check(place) }
            XCTAssertEqual(system, wanted)
            let request = small(try Photo.fromBytes(bytes: picture()), .mp4(path: place.path))
            let own = await code { _ = try await shared.get().generate(request) }
            XCTAssertEqual(own, wanted)
        }
    }

    func testManyThreadsShareOneStudio() throws {
        let (studio, photo) = (try shared.get(), try Photo.fromBytes(bytes: picture()))
        let failures = Box([String]())
        let ended = DispatchGroup()
        for turn in 0..<6 {
            ended.enter()
            Thread.detachNewThread {
                do {
                    let job = try studio.start(request: small(photo), listener: nil)
                    while try !job.isFinished() {
                        _ = try (job.progress(), job.preview())
                        if turn.isMultiple(of: 3) { try job.cancel() }
                        Thread.sleep(forTimeInterval: 0.002)
                    }
                } catch {
                    failures.change { $0.append("\(error)") }
                }
                ended.leave()
            }
        }
        XCTAssertEqual(ended.wait(timeout: .now() + 60), .success)
        XCTAssertEqual(failures.value, [])
    }
}
