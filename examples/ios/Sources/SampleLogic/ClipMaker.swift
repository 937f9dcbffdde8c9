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
        /// The photo shows somebody, and a remote model is to get it: may it be used?
        case asksForRights
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

    /// Where the person is asked about remote models; nil in an app that has none.
    public var desk: PrivacyDesk?

    private let folder: URL
    private let open: @Sendable () async throws -> Studio
    private var studio: Studio?
    private var work: Task<Void, Never>?

    /// - Parameters:
    ///   - folder: Where clips go. Only the newest one is kept.
    ///   - open: Opens the studio when the first clip is made; it is kept for the next ones.
    public init(
        folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent("Clips"),
        open: @escaping @Sendable () async throws -> Studio = { try await Studio.opened() }
    ) {
        self.folder = folder
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

    /// Starts to make the clip: on this device, or with the remote model that was chosen. Where
    /// somebody has to be asked first, ``PrivacyDesk/asked`` has the notice and nothing starts.
    ///
    /// - Parameter rights: The answer to ``Phase/asksForRights``.
    public func make(rights: Rights? = nil) {
        guard let photo, !isBusy else { return }
        phase = .making(nil)
        let (prompt, seconds, size, desk) = (prompt.text, seconds, size, desk)
        work = Task {
            var remote: RemoteChoice?
            if let desk, let model = desk.model {
                do {
                    guard let grant = try await desk.grant(for: model) else {
                        phase = .waiting
                        return
                    }
                    remote = RemoteChoice(model: model, grant: grant, rights: rights)
                } catch {
                    return tell(error)
                }
            }
            await run { file in
                GenerationRequest(
                    photo: photo,
                    output: .mp4(path: file.path),
                    prompt: prompt,
                    seconds: seconds,
                    size: size,
                    seed: .random(in: 0..<1 << 32),
                    remote: remote
                )
            }
        }
    }

    /// Stops the clip that is being made; nothing of it is left. Without one nothing happens.
    public func cancel() {
        work?.cancel()
        work = nil
        if isBusy { phase = .waiting }
    }

    /// Waits until the clip that is being made has ended, well or not.
    public func settle() async {
        await work?.value
    }

    private func run(_ request: (URL) -> GenerationRequest) async {
        do {
            let file = try emptied().appendingPathComponent("\(UUID().uuidString).mp4")
            let studio = try await opened()
            for try await event in studio.events(for: request(file)) {
                // Another clip may have been asked for since; it owns the phase now.
                guard !Task.isCancelled else { return }
                switch event {
                case let .progressed(progress): phase = .making(progress)
                case .finished: phase = .made(file)
                }
            }
        } catch {
            guard !Task.isCancelled else { return }
            if (error as? KinoraError)?.code == "remote.rights" {
                phase = .asksForRights
            } else {
                tell(error)
            }
        }
    }

    private func opened() async throws -> Studio {
        if let studio { return studio }
        let opened = try await open()
        studio = opened
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
