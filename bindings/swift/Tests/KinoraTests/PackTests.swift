import Foundation
import XCTest

@testable import Kinora

/// Models that an app brings along.
final class PackTests: FolderCase {
    private let id = "tiny-wan-t2v"

    private var source: String {
        let here = URL(fileURLWithPath: #filePath)
        let root = (0..<5).reduce(here) { folder, _ in folder.deletingLastPathComponent() }
        return root.appendingPathComponent("tests/fixtures/packs/wan-t2v").path
    }

    private var packs: URL { folder.appendingPathComponent("packs") }

    private func stored() throws -> PackStore {
        let store = try PackStore.open(folder: packs.path)
        let terms = try packTerms(source: source)
        XCTAssertTrue(try terms.isOpen())
        XCTAssertFalse(try terms.licence().isEmpty)
        _ = try store.add(source: source, acceptance: try terms.accept())
        return store
    }

    func testWordsAloneBecomeAClip() async throws {
        let listed = try XCTUnwrap(try stored().list().first)
        XCTAssertTrue(listed.makesTextToVideo && listed.accepted)
        let studio = try Studio.open(options: StudioOptions(threads: 2, packs: packs.path))
        let request = GenerationRequest(
            photo: nil, prompt: "a lighthouse in a storm", seed: 3, steps: 2)
        let clip = try await studio.generate(request)
        XCTAssertEqual(clip.pack?.id, listed.id)
        XCTAssertEqual([clip.width, clip.height, clip.frames], [listed.width, listed.height, listed.frames])
        XCTAssertTrue(boxes(try XCTUnwrap(clip.bytes)).starts(with: ["ftyp", "moov"]))
    }

    func testWhatAPackCannotDoIsSaid() async throws {
        let store = try stored()
        let studio = try Studio.open(options: StudioOptions(threads: 2, packs: packs.path))
        var request = small(try Photo.fromBytes(bytes: picture()))
        request.pack = id
        let photographed = request
        let wrongTask = await code { _ = try await studio.generate(photographed) }
        XCTAssertEqual(wrongTask, "request.task")
        try store.remove(id: id)
        let gone = await code { _ = try await studio.generate(photographed) }
        XCTAssertEqual(gone, "pack.not_installed")
    }

    func testACheckpointIsSealedUnderTheAppsKeysAndGoesWithItsJob() async throws {
        _ = try stored()
        let place = folder.appendingPathComponent("checkpoints")
        let checkpoints = try Checkpoints.open(folder: place.path, keyStore: ToyKeys())
        let studio = try Studio.open(
            options: StudioOptions(threads: 2, packs: packs.path, checkpoints: checkpoints))
        let sink = Counting(throwing: {
            KinoraError.Host(code: "host.encoder", reason: "no encoder is free", detail: nil)
        })
        let request = GenerationRequest(
            photo: nil, output: .sink(sink: sink), prompt: "a lighthouse in a storm", seed: 3, steps: 2)
        let failed = await code { _ = try await studio.generate(request) }
        XCTAssertEqual(failed, "host.encoder")
        let left = try XCTUnwrap(try checkpoints.list().first)
        let clip = try await studio.resumedClip(left.id, to: .bytes(container: .gif))
        XCTAssertEqual(clip.seed, 3)
        XCTAssertTrue(try checkpoints.list().isEmpty)
        let told = try studio.preflight(request: request)
        XCTAssertTrue(told.fits && told.seconds == nil)
    }

    func testAPackThatWasTouchedIsNotOpened() async throws {
        let store = try stored()
        try store.verify(id: id)
        let weights = packs.appendingPathComponent("\(id)/denoiser.data")
        var bytes = try Data(contentsOf: weights)
        bytes[100] ^= 1
        try bytes.write(to: weights)
        let touched = await code { try store.verify(id: id) }
        XCTAssertEqual(touched, "pack.hash")
    }
}
