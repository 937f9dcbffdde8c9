import Foundation
import XCTest

/// Everything that a user of the package sees says what it is.
final class DocumentationTests: XCTestCase {
    /// uniffi's own machinery, public for its generated code's sake, and what Swift itself asks for.
    private let plumbing = [
        "FfiConverter", "uniffi", "Uniffi", "NoHandle", "noHandle", "unsafeFromHandle", "public init(",
        "Protocol: AnyObject", "Impl:", "hash(into", "static func ==", "open func", "convenience init",
        "var description", "var debugDescription", "RustBuffer", "FfiType", "SwiftType", "from buf: inout",
        "static func lift", "static func lower",
    ]

    func testEverythingPublicIsDocumented() throws {
        let package = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let sources = package.appendingPathComponent("Sources/Kinora")
        let files = try XCTUnwrap(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        XCTAssertGreaterThan(files.count, 6)
        var (all, bare) = (0, [String]())
        for file in files {
            let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
            var hidden = false
            for (i, line) in lines.enumerated() {
                // What stands inside something private is private too.
                hidden = line == "}" ? false : hidden || line.contains("private enum ")
                guard !hidden, isDeclared(line) else { continue }
                all += 1
                var above = i - 1
                while above >= 0, isBetween(lines[above]) { above -= 1 }
                let text = above >= 0 ? lines[above].trimmingCharacters(in: .whitespaces) : ""
                if !text.hasSuffix("*/"), !text.hasPrefix("///") {
                    bare.append("\(file.lastPathComponent):\(i + 1) \(line)")
                }
            }
        }
        print("figure swift documented public declarations: \(all - bare.count) of \(all)")
        XCTAssertEqual(bare, [])
    }

    private func isDeclared(_ line: String) -> Bool {
        let text = line.trimmingCharacters(in: .whitespaces)
        let starts = ["public ", "open class", "case "].contains { text.hasPrefix($0) }
        // A switch has cases too; those of an enum name no value and open no body.
        let isBranch = text.hasPrefix("case ") && (text.contains(":") && !text.contains("(")
            || text.hasPrefix("case .") || text.hasPrefix("case let") || text.hasSuffix(":")
            || text.range(of: "^case [0-9]", options: .regularExpression) != nil)
        return starts && !isBranch && !plumbing.contains { text.contains($0) }
            && !text.hasPrefix("public let lower") && !text.hasPrefix("public static func write")
    }

    private func isBetween(_ line: String) -> Bool {
        let text = line.trimmingCharacters(in: .whitespaces)
        return text.isEmpty || text.hasPrefix("@") || text.hasPrefix("#")
    }
}
