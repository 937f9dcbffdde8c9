import Foundation
import XCTest

@testable import Kinora

/// What makes clips, and what ends them.
final class StudioTests: FolderCase {
    func testAPhotoBecomesAnMP4() async throws {
        let studio = try shared.get()
        let file = folder.appendingPathComponent("clip.mp4")
        let told = Box([GenerationProgress]())
        let request = small(try await portrait(), .mp4(path: file.path), seconds: 1)
        let clip = try await studio.generate(request) { progress in
            told.change { $0.append(progress) }
        }
        XCTAssertEqual(clip.path, file.path)
        XCTAssertEqual(clip.frames, 12)
        XCTAssertTrue(clip.used.contains("smiles"))
        let kinds = boxes(try Data(contentsOf: file))
        XCTAssertEqual(kinds.first, "ftyp")
        let index = try XCTUnwrap(kinds.firstIndex(of: "moov"))
        XCTAssertLessThan(index, try XCTUnwrap(kinds.firstIndex(of: "mdat")))
        let shares = told.value.map(\.share)
        XCTAssertGreaterThan(shares.count, 5)
        XCTAssertEqual(shares, shares.sorted())
        XCTAssertEqual(told.value.last?.stage, .done)
        print("progress events of a 12-frame clip: \(shares.count)")
        // Kept for the caller of the suite, who may have a player at hand.
        if let kept = ProcessInfo.processInfo.environment["KINORA_KEEP_CLIP"] {
            try? FileManager.default.removeItem(atPath: kept)
            try FileManager.default.copyItem(atPath: file.path, toPath: kept)
        }
    }

    func testTheSameSeedGivesTheSameBytes() async throws {
        let (studio, photo) = (try shared.get(), try Photo.fromBytes(bytes: picture()))
        let one = try await studio.generate(small(photo))
        let two = try await studio.generate(small(photo))
        XCTAssertNotNil(one.bytes)
        XCTAssertEqual(one.bytes, two.bytes)
    }

    func testEventsEndWithTheClip() async throws {
        let (studio, photo) = (try shared.get(), try Photo.fromBytes(bytes: picture()))
        var (told, clip) = (0, Clip?.none)
        for try await event in studio.events(for: small(photo)) {
            switch event {
            case .progressed: told += 1
            case let .finished(made): clip = made
            }
        }
        XCTAssertGreaterThan(told, 0)
        XCTAssertEqual(clip?.frames, 6)
        // A loop that is left early cancels the job and is not held up.
        let start = Date()
        for try await _ in studio.events(for: small(photo, seconds: 10)) { break }
        XCTAssertLessThan(Date().timeIntervalSince(start), 2)
    }

    func testFacesAreListedForAPicker() async throws {
        guard data("faces/imageio/astronaut.png") != nil else { return }
        let (studio, photo) = (try shared.get(), try await portrait())
        let faces = try await studio.faces(of: photo)
        XCTAssertEqual(faces.map(\.number), [0])
        XCTAssertTrue((150...220).contains(faces[0].left) && (60...150).contains(faces[0].width))
        var request = small(photo)
        request.faces = FaceChoice.none
        let still = try await studio.generate(request)
        XCTAssertEqual(still.faces, 0)
        request.faces = .number(number: 0)
        let moving = try await studio.generate(request)
        XCTAssertEqual(moving.faces, 1)
    }

    func testCancellingATaskStopsTheLibrary() async throws {
        let (studio, photo) = (try shared.get(), try await portrait())
        let file = folder.appendingPathComponent("no.mp4")
        var request = small(photo, .mp4(path: file.path), seconds: 10)
        request.size = 640
        request.fps = 30
        var (times, inNetworks) = ([Double](), 0)
        for turn in 0..<20 {
            // So many steps that ONNX Runtime is at work in every other turn, else the frames are.
            request.steps = turn.isMultiple(of: 2) ? 60 : 1
            let stage = Box(ProgressStage?.none)
            let task = Task { [request] in
                try await studio.generate(request) { told in stage.change { $0 = told.stage } }
            }
            try await Task.sleep(nanoseconds: UInt64(20 + 23 * turn) * 1_000_000)
            if stage.value == .faces || stage.value == .motion { inNetworks += 1 }
            let start = Date()
            task.cancel()
            switch await task.result {
            case .success: XCTFail("the clip was ready before it could be cancelled")
            case let .failure(error): XCTAssertTrue(error is CancellationError, "\(error)")
            }
            times.append(1000 * Date().timeIntervalSince(start))
        }
        times.sort()
        let shown = [times[10], times[18], times[19]].map { String(format: "%.0f", $0) }
        print(
            "figure swift cancel to end, ms: median \(shown[0]), p95 \(shown[1]), most \(shown[2])",
            "(\(inNetworks) of 20 while the networks ran)"
        )
        XCTAssertGreaterThan(inNetworks, 0)
        XCTAssertLessThan(times[18], 1000)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [])
    }

    func testAJobThatSomebodyCancelsSaysSo() async throws {
        let job = try shared.get().start(
            request: small(Photo.fromBytes(bytes: picture()), seconds: 10), listener: nil
        )
        try job.cancel()
        let said = await code { _ = try await job.value }
        XCTAssertEqual(said, "cancelled")
        XCTAssertTrue(try job.isFinished())
    }

    func testWhatIsLetGoOfEarlyEndsQuietly() async throws {
        let sink = Counting()
        var job: GenerationJob? = try shared.get().start(
            request: small(Photo.fromBytes(bytes: picture()), .sink(sink: sink), seconds: 10),
            listener: nil
        )
        XCTAssertNotNil(job)
        while sink.seen.value.frames == 0 { try await Task.sleep(nanoseconds: 2_000_000) }
        job = nil
        for _ in 0..<2000 where !sink.seen.value.abandoned {
            try await Task.sleep(nanoseconds: 2_000_000)
        }
        XCTAssertTrue(sink.seen.value.abandoned)
        XCTAssertFalse(sink.seen.value.finished)

        var other: Studio? = try Studio.open(options: StudioOptions(threads: 1))
        let running = try XCTUnwrap(other).start(
            request: small(Photo.fromBytes(bytes: picture())), listener: nil
        )
        other = nil
        let clip = try await running.value
        XCTAssertNotNil(clip.bytes)
    }

    func testManyTasksShareOneStudio() async throws {
        let (studio, photo) = (try shared.get(), try Photo.fromBytes(bytes: picture()))
        let seeds = try await withThrowingTaskGroup(of: UInt64.self) { group -> [UInt64] in
            for seed in 0..<8 {
                group.addTask {
                    var request = small(photo)
                    request.seed = UInt64(seed)
                    return try await studio.generate(request).seed
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        XCTAssertEqual(seeds.sorted(), (0..<8).map(UInt64.init))
    }

    func testFiftyJobsGiveTheirMemoryBack() async throws {
        let (studio, photo) = (try shared.get(), try await portrait())
        var after5 = 0
        for turn in 0..<50 {
            let file = folder.appendingPathComponent("\(turn).mp4")
            _ = try await studio.generate(small(photo, .mp4(path: file.path)))
            if turn == 4 {
                guard let now = residentKiB() else { return print("skipped: no VmRSS") }
                after5 = now
            }
        }
        let after50 = try XCTUnwrap(residentKiB())
        let ratio = Double(after50) / Double(after5)
        let shown = String(format: "%.3f", ratio)
        print("figure swift memory after 50 jobs over after 5: \(shown) (\(after50) KiB)")
        XCTAssertLessThan(ratio, 1.1)
    }

    func testSwiftAddsNextToNothing() async throws {
        let (studio, photo) = (try shared.get(), try await portrait())
        let request = GenerationRequest(
            photo: photo, output: .mp4(path: folder.appendingPathComponent("clip.mp4").path),
            prompt: "she smiles, slow zoom in", seconds: 1, size: 512
        )
        _ = try await studio.generate(request)
        var ratios = [Double]()
        for _ in 0..<5 {
            let start = Date()
            let clip = try await studio.generate(request) { _ in }
            ratios.append(Date().timeIntervalSince(start) / clip.seconds.total)
        }
        ratios.sort()
        let shown = String(format: "%.4f", ratios[2])
        print("figure swift waited over time inside the library: \(shown)")
        XCTAssertLessThan(ratios[2], 1.2)
    }
}
