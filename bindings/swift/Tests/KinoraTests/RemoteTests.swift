import Foundation
import XCTest

@testable import Kinora

/// Remote models from the question to the clip, against a provider that a test plays.
final class RemoteTests: FolderCase {
    /// A remote side with a key in its vault, and a studio on it.
    private struct Side {
        let provider: FakeGemini
        let remote: Remote
        let studio: Studio
        let destination: Destination
    }

    /// The clip that the provider hands out.
    private func clip() async throws -> Data {
        let photo = try Photo.fromBytes(bytes: picture())
        let clip = try await shared.get().generate(small(photo))
        return try XCTUnwrap(clip.bytes)
    }

    private func side(
        _ mood: FakeGemini.Mood = .done,
        provider: FakeGemini? = nil
    ) async throws -> Side {
        let provider = if let provider { provider } else {
            FakeGemini(clip: try await clip(), mood: mood)
        }
        let remote = try await Remote.opened(
            RemoteOptions(folder: folder.path, keyStore: ToyKeys(), transport: provider)
        )
        let key = Data(FakeGemini.key.utf8)
        try await remote.store(key, as: "api_key", of: "gemini")
        return Side(
            provider: provider, remote: remote,
            studio: try await Studio.opened(StudioOptions(threads: 2, remote: remote)),
            destination: try remote.destination(model: FakeGemini.model)
        )
    }

    private func request(_ grant: Grant? = nil) throws -> GenerationRequest {
        GenerationRequest(
            photo: try Photo.fromBytes(bytes: picture(384, 256)), prompt: "the sea moves",
            seconds: 3, seed: 5,
            remote: grant.map {
                RemoteChoice(model: FakeGemini.model, grant: $0, rights: .nobodyReal)
            }
        )
    }

    /// Asks for what the request holds, and says yes.
    private func allowed(_ side: Side) async throws -> Grant {
        let preview = try await side.studio.preview(of: request(), by: FakeGemini.model)
        let question = try await side.remote.ask(side.destination, for: preview.kinds)
        return try await question.answerYes()
    }

    private func events(_ remote: Remote) throws -> [String] {
        try remote.log().map(\.event)
    }

    func testNothingIsSentWithoutAGrant() async throws {
        let side = try await side()
        let said = await code { _ = try side.remote.grant(destination: side.destination) }
        XCTAssertEqual(said, "consent.never")
        let state = try side.remote.state(destination: side.destination)
        XCTAssertEqual(state, .never)
        _ = try await side.studio.preview(of: request(), by: FakeGemini.model)
        // A question that is not answered is no answer.
        _ = try await side.remote.ask(side.destination, for: [.photo, .prompt, .technicalMetadata])
        let local = try await side.studio.generate(small(Photo.fromBytes(bytes: picture())))
        XCTAssertNil(local.remoteModel)
        XCTAssertNotNil(local.executionProvider)
        let without = await code {
            _ = try await shared.get().preview(of: request(), by: FakeGemini.model)
        }
        XCTAssertEqual(without, "remote.none")
        XCTAssertEqual(side.provider.names, [])
    }

    func testAYesMakesAClipAndTheCopiesAreDeleted() async throws {
        let side = try await side()
        let preview = try await side.studio.preview(of: request(), by: FakeGemini.model)
        XCTAssertEqual(Set(preview.kinds), [.photo, .prompt, .technicalMetadata])
        let question = try await side.remote.ask(side.destination, for: preview.kinds)
        let notice = try question.notice()
        XCTAssertEqual(notice.lines.first?.key, "title")
        XCTAssertTrue(notice.lines.contains { $0.key == "withdraw" })
        XCTAssertEqual(notice.destination, side.destination)
        let grant = try await question.answerYes(days: 30)
        let twice = await code { _ = try await question.answerYes() }
        XCTAssertEqual(twice, "consent.answered")
        guard case let .given(until) = try side.remote.state(destination: side.destination) else {
            return XCTFail("there is no grant")
        }
        let wanted = 1000 * (Date().timeIntervalSince1970 + 30 * 86400)
        XCTAssertEqual(Double(until), wanted, accuracy: 3_600_000)

        var (stages, clip) = ([ProgressStage](), Clip?.none)
        for try await event in side.studio.events(for: try request(grant)) {
            switch event {
            case let .progressed(progress): stages.append(progress.stage)
            case let .finished(made): clip = made
            }
        }
        let made = try XCTUnwrap(clip)
        let bytes = try XCTUnwrap(made.bytes)
        let provided = try await self.clip()
        XCTAssertEqual(bytes, provided)
        XCTAssertEqual(made.remoteModel, FakeGemini.model)
        XCTAssertNil(made.executionProvider)
        XCTAssertFalse(stages.contains(.motion))
        XCTAssertEqual(side.provider.names, [
            "POST \(FakeGemini.jobs)", "GET \(FakeGemini.jobs)/job-1", "GET \(FakeGemini.file)",
            "DELETE \(FakeGemini.jobs)/job-1",
        ])
        let job = try XCTUnwrap(side.remote.jobs().first)
        XCTAssertEqual(job.state, .done)
        XCTAssertEqual(job.copies, .deleted)
        let ledger = try events(side.remote)
        XCTAssertEqual(ledger.filter { $0 == "used" }.count, 1)
        XCTAssertTrue(ledger.contains("delete_sent"), "\(ledger)")
    }

    func testAFileTakesTheClipToo() async throws {
        let side = try await side()
        var request = try request(await allowed(side))
        let file = folder.appendingPathComponent("clip.mp4")
        request.output = .mp4(path: file.path)
        let made = try await side.studio.generate(request)
        XCTAssertEqual(made.path, file.path)
        let provided = try await clip()
        XCTAssertEqual(try Data(contentsOf: file), provided)
    }

    func testThePreviewIsWhatIsSentAndHoldsNoKey() async throws {
        let side = try await side()
        let grant = try await allowed(side)
        let preview = try await side.studio.preview(of: request(), by: FakeGemini.model)
        XCTAssertEqual(side.provider.names, [])
        _ = try await side.studio.generate(request(grant))
        let sent = try XCTUnwrap(side.provider.sent.value.first)
        XCTAssertEqual(sent.body, preview.body)
        XCTAssertEqual(sent.method, preview.method)
        XCTAssertTrue(preview.url.hasSuffix(sent.path))
        XCTAssertTrue(String(decoding: preview.body, as: UTF8.self).contains("the sea moves"))
        XCTAssertEqual(sent.headers.map(\.name).sorted(), preview.headers.map(\.name).sorted())
        let own = sent.headers.first { $0.name.lowercased() == "x-goog-api-key" }
        XCTAssertEqual(own?.value, FakeGemini.key)
        XCTAssertFalse(preview.headers.contains { $0.value.contains(FakeGemini.key) })
        XCTAssertNil(preview.body.range(of: Data(FakeGemini.key.utf8)))
    }

    func testSecretsAndWordsDoNotPrint() async throws {
        let side = try await side()
        let grant = try await allowed(side)
        let preview = try await side.studio.preview(of: request(), by: FakeGemini.model)
        _ = try await side.studio.generate(request(grant))
        var text = "\(side.remote) \(grant) \(preview) \(preview.headers)"
        text += String(reflecting: side.remote) + String(reflecting: preview)
        dump(side.remote, to: &text)
        dump(side.studio, to: &text)
        dump(preview, to: &text)
        dump(try side.remote.secrets(), to: &text)
        dump(try await side.remote.kept(), to: &text)
        text += try await side.remote.exported()
        text += try await side.remote.ledgerText()
        text += try side.remote.exportLogJson()
        for sent in side.provider.sent.value { text += sent.printed }
        XCTAssertTrue(text.contains("api_key") && text.contains("x-goog-api-key"))
        XCTAssertFalse(text.contains(FakeGemini.key))
        XCTAssertFalse(text.contains("the sea moves"))
        // Nor does the disk hold them.
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var read = 0
        for case let file as URL in try XCTUnwrap(files) {
            guard let bytes = try? Data(contentsOf: file) else { continue }
            read += 1
            XCTAssertNil(bytes.range(of: Data(FakeGemini.key.utf8)), file.path)
            XCTAssertNil(bytes.range(of: Data("the sea moves".utf8)), file.path)
        }
        XCTAssertGreaterThan(read, 2)
    }

    func testAWithdrawalInTheMiddleStopsAndHolds() async throws {
        let side = try await side(.queued)
        let grant = try await allowed(side)
        let request = try request(grant)
        let task = Task { try await side.studio.generate(request) }
        while !side.provider.names.contains("GET \(FakeGemini.jobs)/job-1") {
            try await Task.sleep(nanoseconds: 5_000_000)
        }
        let done = try await side.remote.withdraw(side.destination)
        XCTAssertEqual(done.sent, 1)
        XCTAssertFalse(done.stillSending)
        XCTAssertEqual(done.jobs.map(\.copies), [.deleted])
        let ended = await code { _ = try await task.value }
        XCTAssertTrue(ended.hasPrefix("consent.") || ended.hasPrefix("remote."), ended)
        let before = side.provider.names
        XCTAssertTrue(before.contains("DELETE \(FakeGemini.jobs)/job-1"), "\(before)")
        let again = await code { _ = try await side.studio.generate(request) }
        XCTAssertEqual(again, "consent.withdrawn")
        let grants = try side.remote.grants()
        guard case .withdrawn? = grants.first?.state else { return XCTFail("\(grants)") }
        XCTAssertEqual(side.provider.names, before)
    }

    func testANoIsANo() async throws {
        let side = try await side()
        let kinds = [DataKind.photo, .prompt, .technicalMetadata]
        let question = try await side.remote.ask(side.destination, for: kinds)
        try await question.answerNo()
        let twice = await code { _ = try await question.answerYes() }
        XCTAssertEqual(twice, "consent.answered")
        let said = await code { _ = try side.remote.grant(destination: side.destination) }
        XCTAssertEqual(said, "consent.never")
        XCTAssertTrue(try events(side.remote).contains("refused"))
        // A no after a yes takes the yes back.
        let grant = try await allowed(side)
        try await side.remote.ask(side.destination, for: kinds).answerNo()
        let request = try request(grant)
        let after = await code { _ = try await side.studio.generate(request) }
        XCTAssertEqual(after, "consent.withdrawn")
        XCTAssertEqual(side.provider.names, [])
    }

    func testAGrantCoversOnlyWhatItSays() async throws {
        let side = try await side()
        let question = try await side.remote.ask(
            side.destination, for: [.prompt, .technicalMetadata]
        )
        let request = try request(await question.answerYes())
        let said = await code { _ = try await side.studio.generate(request) }
        XCTAssertTrue(said.hasPrefix("consent."), said)
        XCTAssertEqual(side.provider.names, [])
    }

    func testCancellingATaskEndsTheJobThereToo() async throws {
        let side = try await side(.queued)
        let request = try request(await allowed(side))
        let task = Task { try await side.studio.generate(request) }
        while !side.provider.names.contains("GET \(FakeGemini.jobs)/job-1") {
            try await Task.sleep(nanoseconds: 5_000_000)
        }
        task.cancel()
        guard case let .failure(error) = await task.result else { return XCTFail("it went on") }
        XCTAssertTrue(error is CancellationError, "\(error)")
        XCTAssertTrue(side.provider.names.contains("POST \(FakeGemini.jobs)/job-1/cancel"))
        XCTAssertTrue(side.provider.names.contains("DELETE \(FakeGemini.jobs)/job-1"))
    }

    func testAJobGoesOnAfterReopening() async throws {
        let provider = FakeGemini(clip: try await clip(), mood: .unauthorised)
        var id = ""
        do {
            let side = try await side(provider: provider)
            let request = try request(await allowed(side))
            let said = await code { _ = try await side.studio.generate(request) }
            XCTAssertEqual(said, "remote.unauthorised")
            let job = try XCTUnwrap(side.remote.jobs().first)
            XCTAssertEqual(job.state, .sent)
            id = job.id
        }
        provider.mood.change { $0 = .done }
        let side = try await side(provider: provider)
        XCTAssertEqual(try side.remote.jobs().map(\.id), [id])
        var made: Clip?
        for try await event in side.studio.events(resuming: id, to: .bytes(container: .mp4)) {
            if case let .finished(clip) = event { made = clip }
        }
        let provided = try await clip()
        XCTAssertEqual(made?.bytes, provided)
        XCTAssertEqual(made?.remoteModel, FakeGemini.model)
        XCTAssertEqual(provider.names.filter { $0 == "POST \(FakeGemini.jobs)" }.count, 1)
        let over = await code {
            _ = try await side.studio.resume(id, to: .bytes(container: .mp4))
        }
        XCTAssertEqual(over, "remote.over")
        let unknown = await code {
            _ = try await side.studio.resume("nothing", to: .bytes(container: .mp4))
        }
        XCTAssertTrue(unknown.hasPrefix("remote."), unknown)
    }

    func testEverythingCanBeSeenTakenAlongAndDeleted() async throws {
        let side = try await side(.unauthorised)
        let request = try request(await allowed(side))
        _ = await code { _ = try await side.studio.generate(request) }
        var kept = try await side.remote.kept()
        XCTAssertEqual(kept.grants.map(\.destination), [side.destination])
        XCTAssertEqual(kept.secrets, [VaultEntry(provider: "gemini", purpose: "api_key")])
        XCTAssertEqual(kept.jobs.map(\.copies), [.kept])
        XCTAssertGreaterThan(kept.ledgerEntries, 2)
        XCTAssertTrue(kept.ledgerIntact)
        XCTAssertEqual(kept.scratchFiles, 0)
        let json = try JSONSerialization.jsonObject(
            with: Data(await side.remote.exported().utf8)
        )
        XCTAssertTrue(json is [String: Any])
        let copies = try await side.remote.cleanUp(kept.jobs[0].id)
        XCTAssertEqual(copies, .deleted)
        let left = try await side.remote.delete(.everything)
        XCTAssertEqual(left, [])
        kept = try await side.remote.kept()
        XCTAssertEqual(kept.grants, [])
        XCTAssertEqual(kept.secrets, [])
        XCTAssertEqual(kept.jobs, [])
        let again = await code { _ = try await side.studio.generate(request) }
        XCTAssertTrue(again.hasPrefix("consent."), again)
        XCTAssertEqual(side.provider.names.filter { $0 == "POST \(FakeGemini.jobs)" }.count, 1)
    }

    func testTheGateHoldsWordsBackBeforeAnythingIsSent() async throws {
        let side = try await side()
        var request = try request(await allowed(side))
        // Nothing that a person types: what cannot be read cannot be checked.
        request.prompt = "wave\u{202E}evaw"
        let held = request
        let preview = await code {
            _ = try await side.studio.preview(of: held, by: FakeGemini.model)
        }
        XCTAssertEqual(preview, "safety.unreadable")
        let sent = await code { _ = try await side.studio.generate(held) }
        XCTAssertEqual(sent, "safety.unreadable")
        XCTAssertEqual(side.provider.names, [])
    }

    func testAPersonInThePhotoAsksForRights() async throws {
        guard data("faces/imageio/astronaut.png") != nil else { return }
        let side = try await side()
        var request = try request()
        request.photo = try await portrait()
        let preview = try await side.studio.preview(of: request, by: FakeGemini.model)
        XCTAssertTrue(preview.asksForRights)
        let grant = try await side.remote.ask(side.destination, for: preview.kinds).answerYes()
        request.remote = RemoteChoice(model: FakeGemini.model, grant: grant)
        let unasked = request
        let said = await code { _ = try await side.studio.generate(unasked) }
        XCTAssertEqual(said, "remote.rights")
        XCTAssertEqual(side.provider.names, [])
        request.remote?.rights = .agreed
        let made = try await side.studio.generate(request)
        XCTAssertEqual(made.remoteModel, FakeGemini.model)
    }

    func testWithoutAKeyNothingIsSent() async throws {
        let side = try await side()
        let request = try request(await allowed(side))
        let left = try await side.remote.delete(.secret(provider: "gemini", purpose: "api_key"))
        XCTAssertEqual(left, [])
        let said = await code { _ = try await side.studio.generate(request) }
        XCTAssertEqual(said, "vault.missing")
        XCTAssertEqual(side.provider.names, [])
    }

    func testModelsAndNoticesAreListed() async throws {
        let side = try await side()
        let models = try side.remote.models()
        let own = try XCTUnwrap(models.first { $0.id == FakeGemini.model })
        XCTAssertEqual(own.credentials, ["api_key"])
        XCTAssertTrue(own.takesVideo && !own.needsPhoto && own.retired == nil)
        XCTAssertTrue(try noticeTexts().contains { $0.key == "title" })
        let video = try Video.fromBytes(bytes: await clip())
        var request = try request()
        (request.photo, request.video) = (nil, video)
        let preview = try await side.studio.preview(of: request, by: FakeGemini.model)
        XCTAssertTrue(preview.kinds.contains(.video) && preview.asksForRights)
    }
}
