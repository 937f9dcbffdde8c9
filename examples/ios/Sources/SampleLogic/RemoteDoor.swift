import Foundation
import Kinora

/// Where a clip is made.
public struct ModelChoice: Identifiable, Hashable, Sendable {
    /// The remote model's id; empty on this device.
    public let id: String
    /// Its name for people.
    public let name: String
    /// The keys that it needs, by their purposes; none on this device.
    public let credentials: [String]

    /// Nothing leaves.
    public static let onThisDevice = ModelChoice(id: "", name: "On this device", credentials: [])

    /// Whether it is somewhere else.
    public var isRemote: Bool { !id.isEmpty }

    /// The provider's short name, which its keys are kept under.
    public var provider: String { String(id.prefix { $0 != "/" }) }
}

/// The way out, which stays shut until a remote model is chosen: ledger and vault are not even
/// opened before that.
@MainActor
public final class RemoteDoor {
    private let open: @Sendable () async throws -> Remote
    private var opening: Task<Remote, Error>?

    /// - Parameter open: Opens the remote side; it is kept.
    public init(open: @escaping @Sendable () async throws -> Remote) {
        self.open = open
    }

    /// The remote side, opened once.
    public func remote() async throws -> Remote {
        let task = opening ?? Task { [open] in try await open() }
        opening = task
        do {
            return try await task.value
        } catch {
            // It may work the next time, such as after the device was unlocked.
            opening = nil
            throw error
        }
    }

    /// This device first, then every remote model that still works.
    public func choices() async throws -> [ModelChoice] {
        let models = try await remote().models().filter { $0.retired == nil }
        return [.onThisDevice] + models.map { model in
            ModelChoice(id: model.id, name: model.name, credentials: model.credentials)
        }
    }

    /// The keys that a model still needs.
    public func missing(for choice: ModelChoice) async throws -> [String] {
        guard choice.isRemote else { return [] }
        let kept = try await remote().secrets().filter { $0.provider == choice.provider }
        return choice.credentials.filter { purpose in !kept.contains { $0.purpose == purpose } }
    }

    /// Seals a key that somebody has typed.
    public func keep(_ key: String, as purpose: String, for choice: ModelChoice) async throws {
        let trimmed = key.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.isEmpty else { return }
        try await remote().store(Data(trimmed.utf8), as: purpose, of: choice.provider)
    }
}
