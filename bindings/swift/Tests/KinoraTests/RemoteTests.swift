import Foundation
import XCTest

@testable import Kinora

/// The app's key store in these tests: a pad with a sum behind it.
final class PadKeyStore: KeyStore {
    func wrap(key: Data) throws -> Data {
        Data(key.map { $0 ^ 0xa5 }) + Data([key.reduce(7) { $0 &* 31 &+ $1 }])
    }

    func unwrap(blob: Data) throws -> Data {
        let key = Data(blob.dropLast().map { $0 ^ 0xa5 })
        guard blob.last == key.reduce(7, { $0 &* 31 &+ $1 }) else {
            throw KinoraError.Host(code: "host.failed", reason: "damaged blob", detail: nil)
        }
        return key
    }
}

/// The app's HTTP stack, and the provider behind it.
final class Gemini: HttpTransport {
    struct Seen {
        let method: String
        let url: String
        let body: Data
        let headers: [HttpHeader]
    }

    static let media = "https://generativelanguage.googleapis.com/v1beta/files/clip:download"
    let clip: Data
    let seen = Box([Seen]())
    /// Called before the body of a submit is read on.
    let midway = Box<(@Sendable () -> Void)?>(nil)
    /// The job never ends.
    let endless: Bool

    init(clip: Data, endless: Bool = false) {
        self.clip = clip
        self.endless = endless
    }

    func exchange(request: HttpRequest, reply: HttpReply) throws {
        var body = Data()
        while true {
            let piece = try request.nextPiece()
            if piece.isEmpty { break }
            body.append(piece)
            if let midway = midway.value {
                self.midway.change { $0 = nil }
                midway()
            }
        }
        let (method, url) = (try request.method(), try request.url())
        let one = Seen(method: method, url: url, body: body, headers: try request.headers())
        seen.change { $0.append(one) }
        let state = endless ? "in_progress" : "completed"
        let answer: Data
        switch (method, url) {
        case ("GET", Self.media): answer = clip
        case ("GET", _):
            answer = Data("""
                {"id":"job-1","status":"\(state)","steps":[{"type":"model_output",
                "content":[{"type":"video","uri":"\(Self.media)"}]}]}
                """.utf8)
        default: answer = Data(#"{"id":"job-1","status":"queued"}"#.utf8)
        }
        let length = HttpHeader(name: "Content-Length", value: "\(answer.count)")
        try reply.begin(status: 200, headers: [length])
        try reply.push(piece: answer)
    }
}

/// Remote models through an app's own HTTP stack.
final class RemoteTests: FolderCase {
    private let model = "gemini/omni-1.2-flash"
    private let key = "CANARY-KEY"

    private func open(_ transport: HttpTransport) async throws -> Remote {
        let remote = try await Remote.opened(
            RemoteOptions(
                folder: folder.path, keyStore: PadKeyStore(), transport: transport))
        try await remote.seal(key, for: "gemini", as: "api_key")
        return remote
    }

    private func clip() async throws -> Data {
        let photo = try Photo.fromBytes(bytes: picture())
        let made = try await shared.get().generate(small(photo))
        return try XCTUnwrap(made.bytes)
    }

    /// Words alone: the made picture is smaller than what the model takes.
    private func asked(_ grant: Grant, prompt: String = "a river under snow") -> GenerationRequest {
        var request = GenerationRequest(
            photo: nil, output: .bytes(container: .mp4), prompt: prompt, seconds: 3)
        request.remote = RemoteChoice(model: model, grant: grant)
        return request
    }

    private func studio(_ remote: Remote) async throws -> Studio {
        _ = try shared.get()
        return try await Studio.opened(StudioOptions(threads: 2, remote: remote))
    }

    func testOnlyAYesLetsAnythingOut() async throws {
        let provider = Gemini(clip: try await clip())
        let remote = try await open(provider)
        let studio = try await studio(remote)
        let none = try await remote.standingGrant(for: model)
        XCTAssertNil(none)
        let refused = try await remote.question(for: model)
        XCTAssertTrue(try refused.notice().lines[0].text.contains("Google"))
        try refused.refuse()
        let twice = await code { _ = try refused.allow() }
        XCTAssertEqual(twice, "consent.answered")
        XCTAssertEqual(try remote.state(destination: remote.destination(of: model)), .never)
        XCTAssertTrue(provider.seen.value.isEmpty)

        let grant = try await remote.question(for: model).allow(days: 30)
        let preview = try studio.preview(request: asked(grant), model: model)
        XCTAssertTrue(provider.seen.value.isEmpty)
        let stages = Box([ProgressStage]())
        let made = try await studio.generate(asked(grant)) { progress in
            stages.change { $0.append(progress.stage) }
        }
        XCTAssertEqual(made.bytes, provider.clip)
        XCTAssertEqual(made.remoteModel, model)
        XCTAssertNil(made.executionProvider)
        XCTAssertEqual(stages.value.last, .done)
        let seen = provider.seen.value
        XCTAssertEqual(seen[0].body, preview.body)
        XCTAssertEqual(seen[0].url, preview.url)
        XCTAssertTrue(seen[0].headers.contains { $0.value == key })
        XCTAssertFalse(preview.headers.contains { $0.value.contains(key) })
        XCTAssertEqual(seen.last?.method, "DELETE")
        // Neither key nor words nor picture print.
        let printed = "\(seen[0].headers) \(asked(grant)) \(preview) \(made)"
        XCTAssertFalse(printed.contains(key) || printed.contains("river"), printed)
        XCTAssertLessThan(printed.count, 800)
    }

    func testAWithdrawalStopsWhatIsBeingSent() async throws {
        let provider = Gemini(clip: Data(), endless: true)
        let remote = try await open(provider)
        let studio = try await studio(remote)
        let grant = try await remote.question(for: model).allow()
        let destination = try remote.destination(of: model)
        // While the job is polled.
        async let made = studio.generate(asked(grant))
        while provider.seen.value.count < 2 { try await Task.sleep(nanoseconds: 10_000_000) }
        let done = try await remote.withdrawn(destination)
        XCTAssertEqual(done.sent, 1)
        XCTAssertFalse(done.stillSending)
        do {
            _ = try await made
            XCTFail("a clip after a withdrawal")
        } catch let error as KinoraError {
            XCTAssertTrue(["consent.withdrawn", "cancelled"].contains(error.code), error.code)
        }
        let sent = provider.seen.value.count
        let later = await code { _ = try await studio.generate(asked(grant)) }
        XCTAssertEqual(later, "consent.withdrawn")
        XCTAssertEqual(provider.seen.value.count, sent)
        let text = try remote.exportLogText()
        XCTAssertTrue(text.contains("withdrawn"), text)
    }

    func testAnAppThatWasClosedGoesOnWithItsJob() async throws {
        let bytes = try await clip()
        let endless = Gemini(clip: bytes, endless: true)
        do {
            let remote = try await open(endless)
            let studio = try await studio(remote)
            let grant = try await remote.question(for: model).allow()
            let job = try studio.start(request: asked(grant), listener: nil)
            while endless.seen.value.count < 2 { try await Task.sleep(nanoseconds: 10_000_000) }
            // As if the process ended here: its record stays, its threads go.
            let records = folder.appendingPathComponent("jobs")
            let kept = folder.appendingPathComponent("kept")
            try FileManager.default.copyItem(at: records, to: kept)
            try job.cancel()
            _ = try? await job.value
            try FileManager.default.removeItem(at: records)
            try FileManager.default.moveItem(at: kept, to: records)
        }
        let provider = Gemini(clip: bytes)
        let remote = try await open(provider)
        let job = try XCTUnwrap(remote.jobs().first)
        XCTAssertEqual(job.state, .sent)
        let made = try await studio(remote).resumed(job.id, into: .bytes(container: .mp4))
        XCTAssertEqual(made.bytes, bytes)
        XCTAssertFalse(provider.seen.value.contains { $0.method == "POST" })
    }

    func testWhatIsHeldIsShownExportedAndDeleted() async throws {
        let remote = try await open(Gemini(clip: Data()))
        _ = try await remote.question(for: model).allow()
        let data = try remote.data()
        XCTAssertEqual(data.grants.count, 1)
        XCTAssertEqual(data.secrets, [VaultEntry(provider: "gemini", purpose: "api_key")])
        let told = try remote.exportData() + "\(remote) \(data) \(try remote.log())"
        XCTAssertFalse(told.contains(key), told)
        XCTAssertTrue(try remote.exportLogJson().contains("27560"))
        let left = try await remote.deleted(.everything)
        XCTAssertEqual(left, [])
        XCTAssertEqual(try remote.data().ledgerEntries, 1)
        XCTAssertTrue(try remote.secrets().isEmpty)
    }

    func testTheGatesHold() async throws {
        let provider = Gemini(clip: Data())
        let remote = try await open(provider)
        let studio = try await studio(remote)
        let grant = try await remote.question(for: model).allow()
        let bad = await code {
            _ = try await studio.generate(asked(grant, prompt: "a naked child"))
        }
        XCTAssertEqual(bad, "safety.sexual_minors")
        if data("faces/imageio/astronaut.png") != nil {
            var request = asked(grant, prompt: "she smiles")
            request.photo = try await portrait()
            let portrait = request
            let unasked = await code { _ = try await studio.generate(portrait) }
            XCTAssertEqual(unasked, "remote.rights")
        }
        XCTAssertTrue(provider.seen.value.isEmpty)
    }
}
