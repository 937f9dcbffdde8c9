import Foundation
import XCTest

@testable import Kinora

/// An app's signer, as one over the Secure Enclave would be: it says yes or no each time.
private final class AppSigner: ManifestSigner {
    let asked = Box(0)
    private let own: ManifestSigner
    private let refuses: Bool

    init(refuses: Bool = false) throws {
        var random = SystemRandomNumberGenerator()
        own = try ownSigner(seed: Data((0..<32).map { _ in random.next() as UInt8 }))
        self.refuses = refuses
    }

    func algorithm() throws -> SigningAlgorithm {
        try own.algorithm()
    }

    func certificates() throws -> [Data] {
        try own.certificates()
    }

    func sign(bytes: Data) throws -> Data {
        asked.change { $0 += 1 }
        if refuses {
            throw KinoraError.Host(
                code: "host.failed", reason: "the key was not unlocked", detail: nil)
        }
        return try own.sign(bytes: bytes)
    }
}

/// What made clips say of themselves, and who signs it.
final class MarkingTests: FolderCase {
    private func state(of layer: LayerKind, in file: URL) throws -> LayerState? {
        try verifyFile(path: file.path).first { $0.kind == layer }?.state
    }

    private func make(at file: URL, marking: MarkingOptions? = nil) async throws -> Clip {
        var request = small(try await portrait(), .mp4(path: file.path))
        request.marking = marking
        return try await shared.get().generate(request)
    }

    func testAnAppsKeySignsEachFileOnceAndOneFlippedByteShows() async throws {
        let file = folder.appendingPathComponent("clip.mp4")
        let signer = try AppSigner()
        let clip = try await make(at: file, marking: MarkingOptions(signer: signer))
        XCTAssertEqual(signer.asked.value, 1)
        XCTAssertTrue(clip.marks.contains(.manifest))
        XCTAssertEqual(try state(of: .manifest, in: file), .intact)
        XCTAssertEqual(try state(of: .xmp, in: file), .intact)
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count - 100] ^= 1
        try bytes.write(to: file)
        XCTAssertEqual(try state(of: .manifest, in: file), .damaged)
    }

    func testASignerThatRefusesIsHeardAndLeavesTheFile() async throws {
        let file = folder.appendingPathComponent("clip.mp4")
        let (studio, clip) = (try shared.get(), try await make(at: file))
        let before = try Data(contentsOf: file)
        let refusing = MarkingOptions(signer: try AppSigner(refuses: true))
        let told = await code {
            _ = try studio.signFile(path: file.path, clip: clip, marking: refusing)
        }
        XCTAssertEqual(told, "marking.signer")
        XCTAssertEqual(try Data(contentsOf: file), before)
        let fresh = MarkingOptions(signer: try freshSigner())
        _ = try studio.signFile(path: file.path, clip: clip, marking: fresh)
        XCTAssertEqual(try state(of: .manifest, in: file), .intact)
    }
}
