import Foundation
import XCTest

@testable import Kinora

/// A file below KINORA_DATA; says what is skipped where it is absent.
func data(_ sub: String) -> URL? {
    let root = ProcessInfo.processInfo.environment["KINORA_DATA"] ?? "../../../shared/data"
    let file = URL(fileURLWithPath: root).appendingPathComponent(sub)
    if FileManager.default.fileExists(atPath: file.path) { return file }
    print("skipped: there is no \(sub) in the test data (KINORA_DATA)")
    return nil
}

/// A made picture without a face: BMP, 24 bits.
func picture(_ width: Int = 192, _ height: Int = 128) -> Data {
    var bytes = Data("BM".utf8)
    let little = { (value: Int, count: Int) in
        Data((0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
    }
    bytes += little(54 + 3 * width * height, 4) + little(0, 4) + little(54, 4) + little(40, 4)
    bytes += little(width, 4) + little(height, 4) + little(1, 2) + little(24, 2) + Data(count: 24)
    for y in 0..<height {
        for x in 0..<width {
            bytes.append(contentsOf: [90, UInt8(y & 255), UInt8(x & 255)])
        }
    }
    return bytes
}

/// The standard portrait, or the made picture.
func portrait() async throws -> Photo {
    guard let file = data("faces/imageio/astronaut.png") else {
        return try Photo.fromBytes(bytes: picture())
    }
    return try await Photo.decoded(from: file)
}

/// A small request: a quarter of the work of a usual clip.
func small(_ photo: Photo, _ output: ClipOutput? = nil, seconds: Float = 0.5) -> GenerationRequest {
    GenerationRequest(
        photo: photo, output: output, prompt: "she smiles",
        seconds: seconds, fps: 12, size: 192, seed: 5
    )
}

/// The kinds of the boxes of an MP4 file, in order.
func boxes(_ bytes: Data) -> [String] {
    var (found, at) = ([String](), bytes.startIndex)
    while at + 8 <= bytes.endIndex {
        let size = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
        found.append(String(decoding: bytes[at + 4..<at + 8], as: UTF8.self))
        guard size >= 8 else { break }
        at += size
    }
    return found
}

/// Memory of this process in KiB; nil where the system does not tell.
func residentKiB() -> Int? {
    let file = "/proc/self/status"
    guard let status = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }
}

/// A value that many threads change.
final class Box<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var held: Value

    init(_ value: Value) {
        held = value
    }

    var value: Value {
        lock.lock()
        defer { lock.unlock() }
        return held
    }

    func change(_ how: (inout Value) -> Void) {
        lock.lock()
        defer { lock.unlock() }
        how(&held)
    }
}

/// A folder that is gone after the test.
class FolderCase: XCTestCase {
    private(set) var folder = URL(fileURLWithPath: "/")

    override func setUpWithError() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("kinora-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws {
        try? FileManager.default.removeItem(at: folder)
    }

    func code(of work: () async throws -> Void) async -> String {
        do {
            try await work()
            return "no error"
        } catch let error as KinoraError {
            XCTAssertGreaterThan(error.reason.count, 9)
            XCTAssertEqual(error.localizedDescription, error.reason)
            return error.code
        } catch {
            return "\(error)"
        }
    }
}

/// One studio for the suite: a process holds one ONNX Runtime anyway.
let shared = Result { try Studio.open(options: StudioOptions(threads: 2)) }

/// A pad with a sum behind it: enough to see that keys come and go, no protection at all.
final class ToyKeys: KeyStore {
    private let checks: Bool

    init(checks: Bool = true) {
        self.checks = checks
    }

    func wrap(key: Data) throws -> Data {
        Data(key.map { $0 ^ 0xa5 }) + [key.reduce(0, &+)]
    }

    func unwrap(blob: Data) throws -> Data {
        let key = Data(blob.dropLast().map { $0 ^ 0xa5 })
        if checks, key.reduce(0, &+) != blob.last {
            let reason = "the blob was changed"
            throw KinoraError.Host(code: "host.tampered", reason: reason, detail: nil)
        }
        return key
    }
}
