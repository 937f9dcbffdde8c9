import Foundation
import XCTest

/// Everything that a user of the package sees says what it is.
final class DocumentationTests: XCTestCase {
    func testEverythingPublicIsDocumented() throws {
        var package = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { package.deleteLastPathComponent() }
        let sources = package.appendingPathComponent("Sources")
        let found = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        let files = try XCTUnwrap(found).compactMap { $0 as? URL }
            .filter { $0.pathExtension == "swift" }
        XCTAssertGreaterThan(files.count, 6)
        var (all, bare) = (0, [String]())
        for file in files {
            var surface = Surface(try String(contentsOf: file, encoding: .utf8))
            while let declared = surface.next() {
                all += 1
                if !declared.isDocumented { bare.append("\(file.lastPathComponent):\(declared)") }
            }
            XCTAssertTrue(surface.isWhole, "the braces of \(file.lastPathComponent) do not match")
        }
        print("figure swift documented public declarations: \(all - bare.count) of \(all)")
        XCTAssertEqual(bare, [])
    }

    func testTheCheckSeesWhatHasNoDocumentation() {
        var surface = Surface("""
            /// Documented.
            public struct Known {
                public let bare: Int
                /// Documented.
                public var known: Int { 1 }
                let own: Int
                public init(bare: Int) { }
            }
            public enum Bare {
                /** Documented. */
                case known(
                    a: Int
                )
                case bare
            }
            struct Hidden { public let notSeen: Int }
            /// Documented.
            public protocol Asked {
                func bare() throws
            }
            """)
        var (all, bare) = (0, 0)
        while let declared = surface.next() {
            all += 1
            if !declared.isDocumented { bare += 1 }
        }
        XCTAssertEqual(all, 8)
        XCTAssertEqual(bare, 4)
    }
}

/// Walks over the public declarations of a source file. It reads lines and counts braces: enough
/// for uniffi's code and for ours, without a parser.
private struct Surface {
    struct Declared: CustomStringConvertible {
        let line: Int
        let text: String
        let isDocumented: Bool

        var description: String { "\(line) \(text)" }
    }

    /// uniffi's own machinery, public only because generated code has to be.
    private static let plumbing = [
        "FfiConverter", "uniffi", "Uniffi", "NoHandle", "noHandle", "unsafeFromHandle",
        "RustBuffer", "Impl: ",
    ]
    /// What Swift itself asks for, and initialisers: uniffi writes no text of its own above the
    /// ones that set every field, and puts those of the fields at their parameters.
    private static let known = ["init(", "hash(into", "func ==", "var description"]

    private let lines: [String]
    private var at = 0
    private var depth = 0
    /// What opens the block at the left edge that the lines stand in; nil where it is hidden.
    private var around: String?

    /// Whether every block was left again.
    var isWhole: Bool { depth == 0 }

    init(_ source: String) {
        // uniffi breaks the line between `public` and `enum` of an error.
        lines = source.replacingOccurrences(of: "public \nenum", with: "public enum")
            .components(separatedBy: "\n")
    }

    mutating func next() -> Declared? {
        while at < lines.count {
            let (line, text) = (at, lines[at].trimmingCharacters(in: .whitespaces))
            let (before, isSeen) = (depth, isPublic(text))
            at += 1
            depth += braces(text)
            let isExtension = text.hasPrefix("extension ") && !isPlumbing(text)
            if before == 0, depth > 0 { around = isSeen || isExtension ? text : nil }
            if isSeen {
                return Declared(line: line + 1, text: text, isDocumented: isDocumented(line))
            }
        }
        return nil
    }

    private func isPublic(_ text: String) -> Bool {
        guard depth == 0 || (depth == 1 && around != nil) else { return false }
        guard !isPlumbing(text), !Self.known.contains(where: text.contains) else { return false }
        if text.hasPrefix("public ") || text.hasPrefix("open ") { return true }
        guard depth == 1, let around else { return false }
        // Requirements and cases are as public as what they stand in.
        return around.contains("protocol ") && (text.hasPrefix("func ") || text.hasPrefix("var "))
            || around.contains("enum ") && text.hasPrefix("case ")
    }

    private func isPlumbing(_ text: String) -> Bool {
        Self.plumbing.contains(where: text.contains)
    }

    private func isDocumented(_ line: Int) -> Bool {
        var above = line - 1
        while above >= 0 {
            let text = lines[above].trimmingCharacters(in: .whitespaces)
            if text.hasSuffix("*/") || text.hasPrefix("///") { return true }
            guard text.isEmpty || text.hasPrefix("@") || text.hasPrefix("#") else { return false }
            above -= 1
        }
        return false
    }

    private func braces(_ text: String) -> Int {
        // A comment's end may have code behind it.
        let isComment = ["//", "/*", "*"].contains(where: text.hasPrefix) && !text.hasPrefix("*/")
        guard !isComment else { return 0 }
        return text.reduce(0) { $0 + ($1 == "{" ? 1 : $1 == "}" ? -1 : 0) }
    }
}
