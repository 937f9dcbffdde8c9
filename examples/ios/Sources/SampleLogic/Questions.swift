import Kinora
import Observation

/// What a person is asked before anything leaves, one question at a time. Only their own answer is
/// a yes: a sheet that goes away otherwise is none.
@MainActor
@Observable
public final class Questions {
    /// What is asked now.
    public enum Asked: Identifiable, Sendable {
        /// Whether this may be sent to that provider.
        case consent(Notice)
        /// Whether the picture of whom it shows may be used.
        case rights

        /// The same while the same is asked.
        public var id: String {
            switch self {
            case let .consent(notice): "consent \(notice.hash)"
            case .rights: "rights"
            }
        }
    }

    private enum Answer {
        case allowed, refused, may(Rights), gone
    }

    /// What is asked now; nothing is chosen beforehand.
    public private(set) var asked: Asked?
    private var waiting: CheckedContinuation<Answer, Never>?

    /// Nobody is asked yet.
    public init() {}

    /// The answers to the question of rights, with their words. None stands for the others.
    public static let rights: [(rights: Rights, words: String)] = [
        (.own, "It shows me"),
        (.agreed, "Everyone in it has agreed; for a child, the parents have"),
        (.nobodyReal, "It shows nobody real"),
    ]

    /// The person has pressed Allow.
    public func allow() {
        if case .consent = asked { end(.allowed) }
    }

    /// The person has pressed Not Now.
    public func notNow() {
        if case .consent = asked { end(.refused) }
    }

    /// The person has said why the picture may be used.
    public func may(_ rights: Rights) {
        if case .rights = asked { end(.may(rights)) }
    }

    /// The question went away without an answer.
    public func dismiss() {
        end(.gone)
    }

    /// Shows a notice. True and false are the person's own answers.
    func consent(to notice: Notice) async -> Bool? {
        switch await ask(.consent(notice)) {
        case .allowed: true
        case .refused: false
        case .may, .gone: nil
        }
    }

    /// Asks whether the picture may be used; nil stands for no.
    func rights() async -> Rights? {
        if case let .may(rights) = await ask(.rights) { return rights }
        return nil
    }

    private func ask(_ question: Asked) async -> Answer {
        dismiss()
        return await withCheckedContinuation { continuation in
            waiting = continuation
            asked = question
        }
    }

    private func end(_ answer: Answer) {
        asked = nil
        waiting?.resume(returning: answer)
        waiting = nil
    }
}
