import Foundation
import Kinora
import XCTest

@testable import SampleLogic

final class SampleLogicTests: XCTestCase {
    func testChipsGoInAndOutOfThePrompt() {
        var prompt = PromptText("She turns her head ,slow zoom in")
        XCTAssertTrue(prompt.holds("Slow zoom in"))
        prompt.toggle("blink")
        XCTAssertEqual(prompt.text, "She turns her head, slow zoom in, blink")
        prompt.toggle("slow zoom in")
        XCTAssertEqual(prompt.text, "She turns her head, blink")
        XCTAssertFalse(prompt.holds("turns"))
    }

    func testEveryMotionHasItsChip() throws {
        let all = try Motions.all()
        XCTAssertGreaterThan(all.count, 3)
        XCTAssertTrue(all.allSatisfy { !$0.motions.isEmpty })
        let phrases = all.flatMap(\.motions).map(\.phrase)
        XCTAssertEqual(Set(phrases).count, phrases.count)
    }

    @MainActor
    func testAPhotoBecomesAClipAndTheNextOneReplacesIt() async throws {
        let maker = ClipMaker(folder: clips)
        defer { try? FileManager.default.removeItem(at: clips) }
        XCTAssertFalse(maker.canMake)
        await maker.take(picture)
        XCTAssertTrue(maker.canMake)
        (maker.seconds, maker.size) = (0.5, 128)
        var made = [URL]()
        for _ in 0..<2 {
            maker.make()
            XCTAssertTrue(maker.isBusy)
            await maker.settle()
            guard case let .made(file) = maker.phase else { return XCTFail("\(maker.phase)") }
            XCTAssertTrue(FileManager.default.fileExists(atPath: file.path))
            made.append(file)
        }
        XCTAssertNotEqual(made[0], made[1])
        XCTAssertFalse(FileManager.default.fileExists(atPath: made[0].path))
    }

    @MainActor
    func testCancellingLeavesNothingAndAnotherClipCanBeMade() async throws {
        let maker = ClipMaker(folder: clips)
        defer { try? FileManager.default.removeItem(at: clips) }
        await maker.take(picture)
        (maker.seconds, maker.size) = (10, 640)
        maker.make()
        try await Task.sleep(nanoseconds: 200_000_000)
        maker.cancel()
        guard case .waiting = maker.phase else { return XCTFail("\(maker.phase)") }
        try await Task.sleep(nanoseconds: 500_000_000)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: clips.path), [])
        (maker.seconds, maker.size) = (0.5, 128)
        maker.make()
        await maker.settle()
        guard case .made = maker.phase else { return XCTFail("\(maker.phase)") }
    }

    @MainActor
    func testWhatFailsSaysWhatToDo() async throws {
        let maker = ClipMaker(folder: clips)
        await maker.take(Data("no picture".utf8))
        guard case let .failed(said) = maker.phase else { return XCTFail("\(maker.phase)") }
        XCTAssertGreaterThan(said.count, 20)
        XCTAssertFalse(maker.canMake)
    }

    private let clips = FileManager.default.temporaryDirectory
        .appendingPathComponent("sample-\(UUID().uuidString)")

    /// 64×48 pixels, BMP, 24 bits.
    private var picture: Data {
        let little = { (value: UInt32) in withUnsafeBytes(of: value.littleEndian) { Data($0) } }
        let header = [0, 54, 40, 64, 48, 1 | 24 << 16].map { UInt32($0) }.map(little)
        var bytes = Data("BM".utf8) + little(54 + 64 * 48 * 3)
        for part in header { bytes += part }
        bytes += Data(count: 24)
        for at in 0..<64 * 48 * 3 { bytes.append(UInt8(truncatingIfNeeded: at / 7)) }
        return bytes
    }
}
