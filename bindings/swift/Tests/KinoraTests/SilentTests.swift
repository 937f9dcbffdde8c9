import Foundation
import XCTest

@testable import Kinora

/// The programs that `kinora prove` puts into its traps (`cargo xtask test swift` starts it); in the
/// suite itself they have nothing to do.
final class SilentTests: XCTestCase {
    /// One clip, then the wait.
    func testALocalJob() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let out = environment["KINORA_PROVE_OUT"] else {
            throw XCTSkip("runs under `kinora prove`")
        }
        let clip = try await shared.get().generate(
            GenerationRequest(
                photo: try await portrait(), output: .mp4(path: "\(out)/clip.mp4"),
                prompt: "she smiles, slow zoom in", seconds: 1
            )
        )
        XCTAssertEqual(clip.frames, 24)
        let idle = environment["KINORA_PROVE_IDLE"].flatMap(UInt64.init) ?? 0
        try await Task.sleep(nanoseconds: idle * 1_000_000_000)
    }

    /// The control: the system must end it.
    func testASocket() throws {
        guard ProcessInfo.processInfo.environment["KINORA_PROVE_OUT"] != nil else {
            throw XCTSkip("runs under `kinora prove`")
        }
        #if os(Linux)
            XCTAssertGreaterThanOrEqual(socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0), 0)
        #endif
    }
}
