import Foundation
import Kinora
import Observation

/// Settings, Privacy: who may get something, what was done, and taking all of it back.
@MainActor
@Observable
public final class PrivacyPage {
    /// A provider that was asked about.
    public struct Row: Identifiable, Sendable {
        /// Whom it is about.
        public let destination: Destination
        /// Its name.
        public let title: String
        /// How it stands, in words.
        public let state: String
        /// Whether there is something to take back.
        public let canWithdraw: Bool

        public var id: String { title }

        init(_ overview: ConsentOverview) {
            destination = overview.destination
            title = [destination.provider, destination.vendor, destination.region]
                .joined(separator: " · ")
            (state, canWithdraw) = Self.told(overview.state)
        }

        private static func told(_ state: ConsentState) -> (String, Bool) {
            switch state {
            case .never: ("Not allowed", false)
            case let .given(until): ("Allowed until \(day(until))", true)
            case let .withdrawn(at): ("Withdrawn on \(day(at))", false)
            case let .expired(at): ("Expired on \(day(at))", false)
            case .noticeChanged: ("Asks again: what the provider does has changed", false)
            }
        }

        private static func day(_ milliseconds: Int64) -> String {
            Date(timeIntervalSince1970: Double(milliseconds) / 1000)
                .formatted(date: .abbreviated, time: .omitted)
        }
    }

    /// Everyone who was ever asked about.
    public private(set) var rows = [Row]()
    /// The keys that are kept, by provider and purpose; never the keys themselves.
    public private(set) var keys = [String]()
    /// What was done, as text.
    public private(set) var ledger = ""
    /// What to tell after something was done, or has failed.
    public private(set) var said: String?
    /// Whether something is being done.
    public private(set) var isBusy = false

    private let door: RemoteDoor
    private let folder: URL

    /// - Parameters:
    ///   - door: The way out.
    ///   - folder: Where an export goes.
    public init(door: RemoteDoor, folder: URL = FileManager.default.temporaryDirectory) {
        self.door = door
        self.folder = folder
    }

    /// Reads everything anew.
    public func load() async {
        await busy { try await self.read() }
    }

    /// Takes a consent back and tells what could not be called back.
    public func withdraw(_ row: Row) async {
        await busy {
            let done = try await self.door.remote().withdraw(row.destination)
            self.said = Self.told(done)
            try await self.read()
        }
    }

    /// Everything as a JSON file, to share; nil when it did not work.
    public func export() async -> URL? {
        var file: URL?
        await busy {
            let json = try await self.door.remote().exported()
            let place = self.folder.appendingPathComponent("Kinora data.json")
            try Data(json.utf8).write(to: place, options: .atomic)
            file = place
        }
        return file
    }

    /// Deletes keys, jobs, grants and the ledger, and copies at providers where that can be done.
    public func deleteEverything() async {
        await busy {
            let left = try await self.door.remote().delete(.everything)
            self.said = left.isEmpty
                ? "Everything is deleted."
                : "Everything on this device is deleted. \(Self.copies(left.count))"
            try await self.read()
        }
    }

    private func read() async throws {
        let remote = try await door.remote()
        let kept = try await remote.kept()
        rows = kept.grants.map(Row.init)
        keys = kept.secrets.map { "\($0.provider): \($0.purpose)" }
        ledger = try await remote.ledgerText()
    }

    private func busy(_ work: @MainActor () async throws -> Void) async {
        guard !isBusy else { return }
        isBusy = true
        defer { isBusy = false }
        said = nil
        do {
            try await work()
        } catch {
            said = error.localizedDescription
        }
    }

    private static func told(_ done: Withdrawal) -> String {
        var parts = ["Nothing more is sent."]
        if done.sent > 0 { parts.append("Sent before and not called back: \(done.sent).") }
        if done.stillSending { parts.append("One request was still on its way out.") }
        let left = done.jobs.filter { $0.copies != .deleted }.count
        if left > 0 { parts.append(copies(left)) }
        return parts.joined(separator: " ")
    }

    private static func copies(_ count: Int) -> String {
        "Copies of \(count) \(count == 1 ? "job" : "jobs") stay at the provider until they expire."
    }
}
