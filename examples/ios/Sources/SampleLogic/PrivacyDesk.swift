import Foundation
import Kinora
import Observation

/// What the consent sheet and the privacy page show, and what their buttons do.
@MainActor
@Observable
public final class PrivacyDesk {
    /// A notice that waits for an answer.
    public struct Asked: Identifiable {
        /// One for each time that somebody is asked.
        public let id = UUID()
        /// What to show, line by line; the first is the title.
        public let lines: [NoticeLine]
        let question: ConsentQuestion
    }

    /// The remote model that clips are made with; nil: on this device, which nobody is asked about.
    public var model: String?
    /// The notice to show, where somebody has to be asked.
    public private(set) var asked: Asked?
    /// Destinations that were ever answered, and how they stand.
    public private(set) var grants = [ConsentOverview]()
    /// The ledger, a line for each entry.
    public private(set) var ledger = ""
    /// What is left to say: what a withdrawal cannot call back, or what went wrong.
    public private(set) var said: String?

    /// Ledger, keys and jobs of the app.
    public let remote: Remote

    /// - Parameter remote: Ledger, keys and jobs of the app.
    public init(remote: Remote) {
        self.remote = remote
    }

    /// The models that can be asked for, without those that are switched off.
    public var models: [RemoteModel] {
        ((try? remote.models()) ?? []).filter { $0.retired == nil }
    }

    /// The person's yes for the chosen model. Where there is none, ``asked`` has the notice to show,
    /// and nothing may be sent.
    public func grant(for model: String) async throws -> Grant? {
        if let grant = try await remote.standingGrant(for: model) { return grant }
        let question = try await remote.question(for: model)
        asked = Asked(lines: try question.notice().lines, question: question)
        return nil
    }

    /// The person has tapped Allow.
    public func allow() {
        answer { _ = try $0.allow() }
    }

    /// The person has tapped Not Now, or put the sheet away.
    public func refuse() {
        answer { try $0.refuse() }
    }

    private func answer(_ how: (ConsentQuestion) throws -> Void) {
        guard let asked else { return }
        self.asked = nil
        said = nil
        do {
            try how(asked.question)
        } catch {
            said = error.localizedDescription
        }
    }

    /// Reads again what is held.
    public func refresh() {
        do {
            grants = try remote.grants()
            ledger = try remote.exportLogText()
        } catch {
            said = error.localizedDescription
        }
    }

    /// Takes a consent back, and says honestly what has gone already.
    public func withdraw(_ destination: Destination) async {
        do {
            let done = try await remote.withdrawn(destination)
            said = done.sent == 0
                ? "Nothing had been sent."
                : "\(done.sent) sent before; that cannot be called back."
        } catch {
            said = error.localizedDescription
        }
        refresh()
    }

    /// Everything that is held, as JSON, to be shared.
    public func export() throws -> String {
        try remote.exportData()
    }

    /// Deletes all of it.
    public func deleteEverything() async {
        do {
            let left = try await remote.deleted(.everything)
            said = left.isEmpty
                ? "Deleted."
                : "Deleted here. \(left.count) clips stay at their providers until they expire."
        } catch {
            said = error.localizedDescription
        }
        refresh()
    }
}
