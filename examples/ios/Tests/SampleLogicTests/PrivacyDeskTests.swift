import Foundation
import Kinora
import XCTest

@testable import SampleLogic

/// Counts what would be sent.
private final class Nobody: HttpTransport, @unchecked Sendable {
    private let lock = NSLock()
    private var calls = 0

    var count: Int {
        lock.lock()
        defer { lock.unlock() }
        return calls
    }

    func exchange(request: HttpRequest, reply: HttpReply) throws {
        lock.lock()
        calls += 1
        lock.unlock()
        throw TransportError.Certificate(reason: "nobody is there")
    }
}

/// A pad with a sum behind it.
private final class Pad: KeyStore {
    func wrap(key: Data) throws -> Data {
        Data(key.map { $0 ^ 0xa5 }) + Data([key.reduce(7) { $0 &* 31 &+ $1 }])
    }

    func unwrap(blob: Data) throws -> Data {
        Data(blob.dropLast().map { $0 ^ 0xa5 })
    }
}

@MainActor
final class PrivacyDeskTests: XCTestCase {
    private let model = "gemini/omni-1.2-flash"
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("desk-\(UUID().uuidString)")

    private func desk(_ transport: HttpTransport) throws -> PrivacyDesk {
        let options = RemoteOptions(
            folder: folder.path, keyStore: Pad(), transport: transport)
        return PrivacyDesk(remote: try Remote.open(options: options))
    }

    /// 512×384 pixels, BMP, 24 bits.
    private var picture: Data {
        let little = { (value: UInt32) in withUnsafeBytes(of: value.littleEndian) { Data($0) } }
        let header = [0, 54, 40, 512, 384, 1 | 24 << 16].map { UInt32($0) }.map(little)
        var bytes = Data("BM".utf8) + little(54 + 512 * 384 * 3)
        for part in header { bytes += part }
        return bytes + Data(count: 24 + 512 * 384 * 3)
    }

    func testNothingGoesBeforeAYesAndAllCanBeTakenBack() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let transport = Nobody()
        let desk = try desk(transport)
        let maker = ClipMaker(folder: folder.appendingPathComponent("clips")) {
            try await Studio.opened(StudioOptions(threads: 2, remote: desk.remote))
        }
        maker.desk = desk
        await maker.take(picture)
        maker.seconds = 3
        XCTAssertTrue(desk.models.contains { $0.id == model })
        XCTAssertFalse(desk.models.contains { $0.id == "openai/sora-2" })

        desk.model = model
        maker.make()
        await maker.settle()
        guard case .waiting = maker.phase else { return XCTFail("\(maker.phase)") }
        XCTAssertTrue(try XCTUnwrap(desk.asked).lines[0].text.contains("Google"))
        desk.refuse()
        XCTAssertNil(desk.asked)

        maker.make()
        await maker.settle()
        desk.allow()
        XCTAssertEqual(transport.count, 0)
        // Now it may go; without a key it still does not.
        maker.make()
        await maker.settle()
        guard case let .failed(said) = maker.phase else { return XCTFail("\(maker.phase)") }
        XCTAssertTrue(said.contains("vault"), said)
        XCTAssertEqual(transport.count, 0)
        try await desk.remote.seal("key", for: "gemini", as: "api_key")
        maker.make()
        await maker.settle()
        XCTAssertGreaterThan(transport.count, 0)

        desk.refresh()
        XCTAssertEqual(desk.grants.count, 1)
        await desk.withdraw(desk.grants[0].destination)
        XCTAssertTrue(desk.ledger.contains("withdrawn"), desk.ledger)
        XCTAssertTrue(try XCTUnwrap(desk.said).contains("called back"))
        let sent = transport.count
        maker.make()
        await maker.settle()
        XCTAssertNotNil(desk.asked)
        XCTAssertEqual(transport.count, sent)

        XCTAssertTrue(try desk.export().contains("27560"))
        await desk.deleteEverything()
        XCTAssertTrue(desk.grants.isEmpty)
        XCTAssertTrue(try desk.remote.secrets().isEmpty)
    }
}
