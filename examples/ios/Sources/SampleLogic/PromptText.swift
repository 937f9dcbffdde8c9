import Foundation

/// A prompt as people type it, with the phrases of the chips set into it between commas.
public struct PromptText: Equatable, Sendable {
    /// The words that Kinora gets.
    public var text: String

    public init(_ text: String = "") {
        self.text = text
    }

    /// Whether `phrase` stands in the prompt as a part of its own.
    public func holds(_ phrase: String) -> Bool {
        parts.contains { $0.lowercased() == phrase.lowercased() }
    }

    /// Adds `phrase` at the end, or takes it out where it stands.
    public mutating func toggle(_ phrase: String) {
        let kept = holds(phrase)
            ? parts.filter { $0.lowercased() != phrase.lowercased() }
            : parts + [phrase]
        text = kept.joined(separator: ", ")
    }

    private var parts: [String] {
        text.split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            .filter { !$0.isEmpty }
    }
}
