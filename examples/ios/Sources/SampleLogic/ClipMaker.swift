import Foundation
import Kinora
import Observation

/// Makes one clip at a time, and says how far it is: what the screen shows and what its buttons do.
@MainActor
@Observable
public final class ClipMaker {
    /// Where things stand.
    public enum Phase: Sendable {
        /// Nothing runs; a photo may be there or not.
        case waiting
        /// A clip is being made; nil until the library tells how far it is.
        case making(GenerationProgress?)
        /// The clip is whole and lies at this place.
        case made(URL)
        /// It did not work: what to tell.
        case failed(String)
    }

    /// Where things stand.
    public private(set) var phase = Phase.waiting
    /// The photo that will move.
    public private(set) var photo: Photo?
    /// What should happen.
    public var prompt = PromptText()
    /// How long the clip becomes, in seconds.
    public var seconds: Float = 2
    /// The clip's longer side in pixels; nil leaves it to the library.
    public var size: UInt32?
    /// Where the clip is made: on this device, until somebody chooses otherwise.
    public var model = ModelChoice.onThisDevice
    /// What is asked before anything leaves.
    public let questions = Questions()

    private let folder: URL
    private let door: RemoteDoor?
    private let open: @Sendable (Remote?) async throws -> Studio
    private var studio: Studio?
    private var canSend = false
    private var isElsewhere = false
    private var work: Task<Void, Never>?

    /// - Parameters:
    ///   - folder: Where clips go. Only the newest one is kept.
    ///   - door: The way out to remote models; nil for an app that has none.
    ///   - open: Opens the studio when the first clip is made; it is kept for the next ones.
    public init(
        folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent("Clips"),
        door: RemoteDoor? = nil,
        open: @escaping @Sendable (Remote?) async throws -> Studio = { remote in
            try await Studio.opened(StudioOptions(remote: remote))
        }
    ) {
        self.folder = folder
        self.door = door
        self.open = open
    }

    /// Whether a clip is being made.
    public var isBusy: Bool {
        if case .making = phase { return true }
        return false
    }

    /// Whether the button that makes a clip can be pressed.
    public var canMake: Bool { photo != nil && !isBusy }

    /// Takes the bytes of a picked photo. A clip that is being made of another photo is cancelled.
    public func take(_ bytes: Data) async {
        cancel()
        photo = nil
        do {
            let decoded = try await Photo.decoded(from: bytes)
            // Another photo may have been picked meanwhile.
            guard !Task.isCancelled else { return }
            photo = decoded
            phase = .waiting
        } catch {
            tell(error)
        }
    }

    /// Says that something outside of Kinora went wrong, such as a photo that did not arrive.
    public func tell(_ error: Error) {
        // Kinora's errors carry a sentence that says what to do.
        phase = .failed(error.localizedDescription)
    }

    /// Starts to make the clip.
    public func make() {
        guard let photo, !isBusy else { return }
        phase = .making(nil)
        let (prompt, seconds, size) = (prompt.text, seconds, size)
        let model = model
        isElsewhere = model.isRemote
        work = Task {
            await run(on: model) { file in
                GenerationRequest(
                    photo: photo,
                    output: .mp4(path: file.path),
                    prompt: prompt,
                    seconds: seconds,
                    size: size,
                    seed: .random(in: 0..<1 << 32)
                )
            }
        }
    }

    /// Stops the clip that is being made; nothing of it is left. Without one nothing happens.
    public func cancel() {
        work?.cancel()
        work = nil
        questions.dismiss()
        if isBusy { phase = .waiting }
    }

    /// The app is seen no more. The system takes its encoder away then, so a clip of this device is
    /// cancelled; one that is made elsewhere goes on there.
    public func hide() {
        if !isElsewhere { cancel() }
    }

    /// Waits until the clip that is being made has ended, well or not.
    public func settle() async {
        await work?.value
    }

    private func run(on model: ModelChoice, _ request: (URL) -> GenerationRequest) async {
        do {
            let file = try emptied().appendingPathComponent("\(UUID().uuidString).mp4")
            var request = request(file)
            let studio = try await opened(for: model)
            if model.isRemote {
                guard let choice = try await allowed(request, on: model, by: studio) else {
                    if !Task.isCancelled { phase = .waiting }
                    return
                }
                request.remote = choice
            }
            for try await event in studio.events(for: request) {
                // Another clip may have been asked for since; it owns the phase now.
                guard !Task.isCancelled else { return }
                switch event {
                case let .progressed(progress): phase = .making(progress)
                case .finished: phase = .made(file)
                }
            }
        } catch {
            guard !Task.isCancelled else { return }
            tell(error)
        }
    }

    /// Everything that a person has to say before this request may leave; nil where they do not.
    private func allowed(
        _ request: GenerationRequest,
        on model: ModelChoice,
        by studio: Studio
    ) async throws -> RemoteChoice? {
        guard let remote = try await door?.remote() else { return nil }
        let preview = try await studio.preview(of: request, by: model.id)
        guard let grant = try await grant(for: preview, from: remote) else { return nil }
        guard preview.asksForRights else { return RemoteChoice(model: model.id, grant: grant) }
        // Asked for each picture: the answer to one says nothing of the next.
        guard let rights = await questions.rights(), !Task.isCancelled else { return nil }
        return RemoteChoice(model: model.id, grant: grant, rights: rights)
    }

    /// The grant that stands, if it covers what would be sent; else the person is asked.
    private func grant(for preview: PayloadPreview, from remote: Remote) async throws -> Grant? {
        if let grant = try? remote.grant(destination: preview.destination),
            Set(preview.kinds).isSubset(of: try grant.kinds())
        {
            return grant
        }
        let question = try await remote.ask(preview.destination, for: preview.kinds)
        let answer = await questions.consent(to: try question.notice())
        // What was pressed for a clip that nobody waits for any more is no answer.
        guard let answer, !Task.isCancelled else { return nil }
        if answer { return try await question.answerYes() }
        try await question.answerNo()
        return nil
    }

    private func opened(for model: ModelChoice) async throws -> Studio {
        if let studio, canSend || !model.isRemote { return studio }
        // Without a remote model the door stays shut.
        let remote = model.isRemote ? try await door?.remote() : nil
        let opened = try await open(remote)
        (studio, canSend) = (opened, remote != nil)
        return opened
    }

    /// The clips' folder, without the clips that were made before.
    private func emptied() throws -> URL {
        let files = FileManager.default
        try? files.removeItem(at: folder)
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}
