import Foundation
import Kinora
import XCTest

@testable import SampleLogic

/// Keys behind a pad: enough for a test.
private final class PadKeys: KeyStore {
    func wrap(key: Data) throws -> Data {
        Data(key.map { $0 ^ 0x5a }) + [key.reduce(0, &+)]
    }

    func unwrap(blob: Data) throws -> Data {
        Data(blob.dropLast().map { $0 ^ 0x5a })
    }
}

/// A provider that goes nowhere and has one clip.
private final class Provider: HttpTransport, @unchecked Sendable {
    private static let origin = "https://generativelanguage.googleapis.com/v1beta/"
    private let clip: Data
    private let lock = NSLock()
    private var seen = [String]()

    init(clip: Data) {
        self.clip = clip
    }

    var names: [String] {
        lock.lock()
        defer { lock.unlock() }
        return seen
    }

    func exchange(request: HttpRequest, reply: HttpReply) throws {
        while try !request.nextPiece().isEmpty {}
        guard let method = try? request.method(), let url = try? request.url() else {
            throw TransportError.Stopped
        }
        let name = "\(method) \(url.dropFirst(Self.origin.count))"
        lock.lock()
        seen.append(name)
        lock.unlock()
        let video = #"{"type":"video","uri":"\#(Self.origin)files/clip:download"}"#
        let body = switch name {
        case "POST interactions": Data(#"{"id":"1","status":"queued"}"#.utf8)
        case "GET interactions/1": Data(
            #"{"status":"completed","steps":[{"type":"model_output","content":[\#(video)]}]}"#.utf8
        )
        case "GET files/clip:download": clip
        default: Data("{}".utf8)
        }
        try reply.begin(status: 200, headers: [])
        try reply.push(piece: body)
    }
}

/// The way out, with somebody who is asked.
final class RemoteLogicTests: XCTestCase {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("sample-remote-\(UUID().uuidString)")
    private let id = "gemini/omni-1.2-flash"

    override func tearDown() {
        try? FileManager.default.removeItem(at: folder)
    }

    /// 384×256 pixels, BMP, 24 bits.
    private var picture: Data {
        let little = { (value: UInt32) in withUnsafeBytes(of: value.littleEndian) { Data($0) } }
        var bytes = Data("BM".utf8) + little(54 + 384 * 256 * 3)
        for part in [0, 54, 40, 384, 256, 1 | 24 << 16] { bytes += little(UInt32(part)) }
        bytes += Data(count: 24)
        bytes += Data((0..<384 * 256 * 3).map { UInt8(truncatingIfNeeded: $0 / 700) })
        return bytes
    }

    @MainActor
    private func setUpAll() async throws -> (ClipMaker, RemoteDoor, Provider) {
        let clip = try await Studio.opened().generate(
            GenerationRequest(photo: try Photo.fromBytes(bytes: picture), seconds: 0.5, size: 128)
        )
        let provider = Provider(clip: try XCTUnwrap(clip.bytes))
        let path = folder.appendingPathComponent("remote").path
        let door = RemoteDoor {
            try await Remote.opened(
                RemoteOptions(folder: path, keyStore: PadKeys(), transport: provider)
            )
        }
        let maker = ClipMaker(folder: folder.appendingPathComponent("clips"), door: door)
        await maker.take(picture)
        maker.prompt = PromptText("the sea moves")
        (maker.seconds, maker.size) = (3, nil)
        return (maker, door, provider)
    }

    @MainActor
    private func choice(_ door: RemoteDoor) async throws -> ModelChoice {
        let choices = try await door.choices()
        return try XCTUnwrap(choices.first { $0.id == id })
    }

    /// Waits for a question.
    @MainActor
    private func asked(_ maker: ClipMaker) async throws -> Questions.Asked {
        for _ in 0..<2000 {
            if let asked = maker.questions.asked { return asked }
            try await Task.sleep(nanoseconds: 5_000_000)
        }
        struct NobodyWasAsked: Error {
            let phase: ClipMaker.Phase
        }
        throw NobodyWasAsked(phase: maker.phase)
    }

    @MainActor
    func testTheDeviceIsChosenUntilSomebodyChoosesOtherwise() async throws {
        let (maker, door, provider) = try await setUpAll()
        XCTAssertEqual(maker.model, .onThisDevice)
        (maker.seconds, maker.size) = (0.5, 128)
        maker.make()
        await maker.settle()
        guard case .made = maker.phase else { return XCTFail("\(maker.phase)") }
        let remote = folder.appendingPathComponent("remote").path
        XCTAssertFalse(FileManager.default.fileExists(atPath: remote), "the door stays shut")
        let choices = try await door.choices()
        XCTAssertEqual(choices.first, .onThisDevice)
        XCTAssertGreaterThan(choices.count, 3)
        XCTAssertEqual(provider.names, [])
    }

    @MainActor
    func testAllowSendsAndTheNextClipIsNotAskedAbout() async throws {
        let (maker, door, provider) = try await setUpAll()
        maker.model = try await choice(door)
        var missing = try await door.missing(for: maker.model)
        XCTAssertEqual(missing, ["api_key"])
        try await door.keep(" a-key\n", as: "api_key", for: maker.model)
        missing = try await door.missing(for: maker.model)
        XCTAssertEqual(missing, [])

        maker.make()
        guard case let .consent(notice) = try await asked(maker) else { return XCTFail() }
        XCTAssertEqual(notice.lines.first?.key, "title")
        XCTAssertEqual(provider.names, [], "nothing leaves while somebody reads")
        maker.questions.allow()
        await maker.settle()
        guard case let .made(file) = maker.phase else { return XCTFail("\(maker.phase)") }
        XCTAssertGreaterThan(try Data(contentsOf: file).count, 100)
        XCTAssertNil(maker.questions.asked)

        maker.make()
        await maker.settle()
        guard case .made = maker.phase else { return XCTFail("\(maker.phase)") }
        XCTAssertEqual(provider.names.filter { $0 == "POST interactions" }.count, 2)
    }

    @MainActor
    func testNotNowSendsNothingAndIsAskedAgain() async throws {
        let (maker, door, provider) = try await setUpAll()
        maker.model = try await choice(door)
        try await door.keep("a-key", as: "api_key", for: maker.model)
        maker.make()
        _ = try await asked(maker)
        maker.questions.notNow()
        await maker.settle()
        guard case .waiting = maker.phase else { return XCTFail("\(maker.phase)") }
        // The app that goes to the background leaves the question where it is.
        maker.make()
        _ = try await asked(maker)
        maker.hide()
        XCTAssertNotNil(maker.questions.asked)
        maker.questions.dismiss()
        await maker.settle()
        // A sheet that goes away is no answer, and cancelling takes it away.
        for end in [{ maker.questions.dismiss() }, { maker.cancel() }] {
            maker.make()
            _ = try await asked(maker)
            end()
            for _ in 0..<200 where maker.isBusy { try await Task.sleep(nanoseconds: 5_000_000) }
            guard case .waiting = maker.phase else { return XCTFail("\(maker.phase)") }
            XCTAssertNil(maker.questions.asked)
        }
        let events = try await door.remote().log().map(\.event)
        XCTAssertEqual(events.filter { $0 == "refused" }.count, 1)
        XCTAssertFalse(events.contains("given"))
        XCTAssertEqual(provider.names, [])
    }

    @MainActor
    func testRightsAreAskedOneAtATime() async throws {
        let questions = Questions()
        async let rights = questions.rights()
        while questions.asked == nil { await Task.yield() }
        // The buttons of the other sheet do nothing here.
        questions.allow()
        XCTAssertNotNil(questions.asked)
        questions.may(.agreed)
        let answered = await rights
        XCTAssertEqual(answered, .agreed)
        async let gone = questions.rights()
        while questions.asked == nil { await Task.yield() }
        questions.dismiss()
        let none = await gone
        XCTAssertNil(none)
        XCTAssertEqual(Questions.rights.count, 3)
    }

    @MainActor
    func testAPersonInThePhotoNeedsAnAnswerToo() async throws {
        let root = ProcessInfo.processInfo.environment["KINORA_DATA"] ?? "../../../shared/data"
        let file = URL(fileURLWithPath: root).appendingPathComponent("faces/imageio/astronaut.png")
        guard let portrait = try? Data(contentsOf: file) else {
            throw XCTSkip("there is no portrait in the test data (KINORA_DATA)")
        }
        let (maker, door, provider) = try await setUpAll()
        maker.model = try await choice(door)
        try await door.keep("a-key", as: "api_key", for: maker.model)
        await maker.take(portrait)
        maker.make()
        guard case .consent = try await asked(maker) else { return XCTFail("no consent") }
        maker.questions.allow()
        guard case .rights = try await asked(maker) else { return XCTFail("no rights") }
        maker.questions.dismiss()
        await maker.settle()
        guard case .waiting = maker.phase else { return XCTFail("\(maker.phase)") }
        XCTAssertEqual(provider.names, [])
        maker.make()
        guard case .rights = try await asked(maker) else { return XCTFail("asked each time") }
        maker.questions.may(.own)
        await maker.settle()
        guard case .made = maker.phase else { return XCTFail("\(maker.phase)") }
    }

    @MainActor
    func testThePrivacyPageShowsWithdrawsExportsAndDeletes() async throws {
        let (maker, door, provider) = try await setUpAll()
        let page = PrivacyPage(door: door, folder: folder)
        await page.load()
        XCTAssertTrue(page.rows.isEmpty && page.keys.isEmpty)
        maker.model = try await choice(door)
        try await door.keep("a-key", as: "api_key", for: maker.model)
        maker.make()
        _ = try await asked(maker)
        maker.questions.allow()
        await maker.settle()

        await page.load()
        XCTAssertNil(page.said)
        XCTAssertEqual(page.keys, ["gemini: api_key"])
        let row = try XCTUnwrap(page.rows.first)
        XCTAssertTrue(row.canWithdraw)
        XCTAssertTrue(row.state.hasPrefix("Allowed until"), row.state)
        XCTAssertTrue(row.title.hasPrefix("gemini"), row.title)
        XCTAssertGreaterThan(page.ledger.count, 50)

        let exported = await page.export()
        let json = try String(contentsOf: XCTUnwrap(exported), encoding: .utf8)
        XCTAssertTrue(json.contains("gemini"))
        XCTAssertFalse(json.contains("a-key"))

        await page.withdraw(row)
        XCTAssertTrue(page.said?.hasPrefix("Nothing more is sent.") == true, page.said ?? "")
        XCTAssertEqual(page.rows.first?.canWithdraw, false)
        let before = provider.names
        maker.make()
        guard case .consent = try await asked(maker) else { return XCTFail("not asked again") }
        maker.questions.dismiss()
        await maker.settle()
        XCTAssertEqual(provider.names, before)

        await page.deleteEverything()
        XCTAssertEqual(page.said, "Everything is deleted.")
        XCTAssertTrue(page.rows.isEmpty && page.keys.isEmpty)
    }

    @MainActor
    func testWithoutAKeyItSaysSo() async throws {
        let (maker, door, provider) = try await setUpAll()
        maker.model = try await choice(door)
        maker.make()
        _ = try await asked(maker)
        maker.questions.allow()
        await maker.settle()
        guard case let .failed(said) = maker.phase else { return XCTFail("\(maker.phase)") }
        XCTAssertTrue(said.contains("api_key"), said)
        XCTAssertEqual(provider.names, [])
    }
}
