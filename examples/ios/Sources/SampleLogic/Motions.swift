import Kinora

/// Chips of one kind: what a photo can be asked to do.
public struct Motions: Identifiable, Sendable {
    /// What they are about.
    public let title: String
    /// The chips.
    public let motions: [Motion]

    public var id: String { title }

    /// Every motion that the library knows, in its own order.
    public static func all() throws -> [Motions] {
        try prompts().map { section in
            Motions(title: section.title, motions: section.entries.compactMap(Motion.init))
        }
    }
}

/// One chip.
public struct Motion: Identifiable, Sendable {
    /// The phrase that goes into the prompt.
    public let phrase: String
    /// What is seen, for VoiceOver.
    public let does: String

    public var id: String { phrase }

    init?(_ entry: PromptEntry) {
        guard let phrase = entry.phrases.first else { return nil }
        self.phrase = phrase
        does = entry.does
    }
}
