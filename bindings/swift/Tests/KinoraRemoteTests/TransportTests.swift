import Foundation
import Kinora
import XCTest

@testable import KinoraRemote

/// A request as Kinora makes them, without Kinora.
final class MadeRequest: HttpRequest, @unchecked Sendable {
    struct Parts {
        var method = "GET"
        var url = ""
        var headers = [HttpHeader]()
        var body: Data?
        var length: UInt64?
        var seconds = 10.0
        var isStopped = false
        var stopsInBody = false
    }

    private let lock = NSLock()
    private var parts: Parts

    init(_ parts: Parts) {
        self.parts = parts
        super.init(noHandle: NoHandle())
    }

    required init(unsafeFromHandle handle: UInt64) {
        parts = Parts()
        super.init(noHandle: NoHandle())
    }

    func stop() {
        lock.lock()
        defer { lock.unlock() }
        parts.isStopped = true
    }

    private var now: Parts {
        lock.lock()
        defer { lock.unlock() }
        return parts
    }

    override func method() throws -> String { now.method }
    override func url() throws -> String { now.url }
    override func headers() throws -> [HttpHeader] { now.headers }
    override func timeoutSeconds() throws -> Double { now.seconds }
    override func isStopped() throws -> Bool { now.isStopped }

    override func bodyLength() throws -> UInt64? {
        now.length ?? now.body.map { UInt64($0.count) }
    }

    override func nextPiece() throws -> Data {
        lock.lock()
        defer { lock.unlock() }
        if parts.stopsInBody { throw TransportError.Stopped }
        let piece = Data(parts.body?.prefix(16 * 1024) ?? Data())
        parts.body = parts.body.map { Data($0.dropFirst(piece.count)) }
        return piece
    }
}

/// A reply that keeps what it takes, up to a limit.
final class TakenReply: HttpReply, @unchecked Sendable {
    private let lock = NSLock()
    private let limit: Int
    private var taken: (status: UInt16, headers: [HttpHeader], body: Data) = (0, [], Data())

    init(limit: Int = 1 << 30) {
        self.limit = limit
        super.init(noHandle: NoHandle())
    }

    required init(unsafeFromHandle handle: UInt64) {
        limit = 0
        super.init(noHandle: NoHandle())
    }

    var whole: (status: UInt16, headers: [HttpHeader], body: Data) {
        lock.lock()
        defer { lock.unlock() }
        return taken
    }

    override func isStopped() throws -> Bool { false }

    override func begin(status: UInt16, headers: [HttpHeader]) throws {
        lock.lock()
        defer { lock.unlock() }
        (taken.status, taken.headers) = (status, headers)
    }

    override func push(piece: Data) throws {
        lock.lock()
        defer { lock.unlock() }
        if taken.body.count + piece.count > limit { throw TransportError.TooLong }
        taken.body += piece
    }
}

/// The system's client against a server of bare sockets.
final class TransportTests: XCTestCase {
    private let transport = URLSessionTransport(allowsLoopback: true)

    /// How an exchange ends: nil when the reply is whole.
    private func end(
        _ parts: MadeRequest.Parts,
        _ reply: TakenReply = TakenReply()
    ) -> TransportError? {
        end(MadeRequest(parts), reply)
    }

    private func end(_ request: MadeRequest, _ reply: TakenReply) -> TransportError? {
        do {
            try transport.exchange(request: request, reply: reply)
            return nil
        } catch {
            return error as? TransportError ?? .Broken(reason: "\(error)")
        }
    }

    private func name(_ error: TransportError?) -> String {
        switch error {
        case nil: return "whole"
        case .Connect: return "connect"
        case .Certificate: return "certificate"
        case .Timeout: return "timeout"
        case .Broken: return "broken"
        case .TooLong: return "too long"
        case .Stopped: return "stopped"
        }
    }

    private static func ok(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nX-Own: yes\r\n\r\n\(body)"
    }

    func testExactlyTheRequestArrivesAndTheReplyComesBack() throws {
        let server = try LoopbackServer { connection, _ in connection.send(Self.ok("made")) }
        defer { server.stop() }
        let sent = Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) })
        for method in ["POST", "PUT"] {
            let reply = TakenReply()
            let error = end(
                MadeRequest.Parts(
                    method: method, url: "\(server.url)/v1/a%20b?c=d",
                    headers: [
                        HttpHeader(name: "Content-Type", value: "application/json"),
                        HttpHeader(name: "x-goog-api-key", value: "secret"),
                    ],
                    body: sent
                ),
                reply
            )
            XCTAssertNil(error)
            let got = try XCTUnwrap(server.requests.last)
            XCTAssertEqual(head(of: got).first, "\(method) /v1/a%20b?c=d HTTP/1.1")
            XCTAssertEqual(header("content-length", of: got), "100000")
            XCTAssertNil(header("transfer-encoding", of: got))
            XCTAssertNil(header("expect", of: got))
            XCTAssertEqual(header("content-type", of: got), "application/json")
            XCTAssertEqual(header("x-goog-api-key", of: got), "secret")
            XCTAssertEqual(body(of: got), sent)
            let whole = reply.whole
            XCTAssertEqual(whole.status, 200)
            XCTAssertEqual(String(decoding: whole.body, as: UTF8.self), "made")
            XCTAssertTrue(whole.headers.contains { $0.name.lowercased() == "x-own" })
        }
        XCTAssertEqual(server.requests.count, 2)
    }

    func testNothingOfTheDeviceIsAdded() throws {
        let server = try LoopbackServer { connection, _ in connection.send(Self.ok("")) }
        defer { server.stop() }
        for (method, body) in [("GET", nil), ("DELETE", nil), ("POST", Data())] {
            XCTAssertNil(end(MadeRequest.Parts(method: method, url: server.url, body: body)))
        }
        let known = [
            "host", "user-agent", "accept", "accept-language", "accept-encoding", "connection",
            "content-length", "content-type",
        ]
        for (request, method) in zip(server.requests, ["GET", "DELETE", "POST"]) {
            let lines = head(of: request)
            XCTAssertEqual(lines[0], "\(method) / HTTP/1.1")
            for line in lines.dropFirst() {
                let name = line.prefix { $0 != ":" }.lowercased()
                XCTAssertTrue(known.contains(name), line)
            }
            XCTAssertEqual(header("user-agent", of: request), "Kinora")
            XCTAssertEqual(header("accept-language", of: request), "en")
            XCTAssertEqual(header("accept-encoding", of: request), "identity")
        }
        XCTAssertEqual(server.requests.count, 3)
        XCTAssertEqual(header("content-length", of: server.requests[2]), "0")
    }

    func testCookiesAreNotKept() throws {
        let server = try LoopbackServer { connection, _ in
            connection.send("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        for _ in 0..<2 { XCTAssertNil(end(MadeRequest.Parts(url: server.url))) }
        XCTAssertEqual(server.requests.count, 2)
        XCTAssertTrue(server.requests.allSatisfy { header("cookie", of: $0) == nil })
    }

    func testARedirectIsHandedOnAndNotFollowed() throws {
        let server = try LoopbackServer { connection, _ in
            connection.send("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        let reply = TakenReply()
        XCTAssertNil(end(MadeRequest.Parts(url: server.url), reply))
        XCTAssertEqual(reply.whole.status, 302)
        let location = reply.whole.headers.first { $0.name.lowercased() == "location" }
        XCTAssertEqual(location?.value, "/other")
        XCTAssertEqual(server.requests.count, 1)
    }

    func testEveryStatusIsAReply() throws {
        for status in [200, 204, 401, 404, 429, 500] {
            let server = try LoopbackServer { connection, _ in
                connection.send(
                    "HTTP/1.1 \(status) X\r\nWWW-Authenticate: Basic realm=\"a\"\r\n"
                        + "Retry-After: 3\r\nContent-Length: \(status == 204 ? 0 : 3)\r\n\r\nwhy"
                )
            }
            defer { server.stop() }
            let reply = TakenReply()
            XCTAssertNil(end(MadeRequest.Parts(url: server.url), reply), "\(status)")
            XCTAssertEqual(reply.whole.status, UInt16(status))
            let why = String(decoding: reply.whole.body, as: UTF8.self)
            XCTAssertEqual(why, status == 204 ? "" : "why", "\(status)")
            XCTAssertEqual(server.requests.count, 1)
        }
    }

    func testARefusedConnectionHasSentNothing() throws {
        let server = try LoopbackServer { _, _ in }
        server.stop()
        let parts = MadeRequest.Parts(method: "POST", url: server.url, body: Data("a".utf8))
        XCTAssertEqual(name(end(parts)), "connect")
    }

    func testADisconnectMayHaveArrived() throws {
        let silent = try LoopbackServer { _, _ in }
        defer { silent.stop() }
        let parts = MadeRequest.Parts(method: "POST", url: silent.url, body: Data("a".utf8))
        XCTAssertEqual(name(end(parts)), "broken")
        XCTAssertEqual(silent.requests.count, 1, "it is not sent again")
        let cut = try LoopbackServer { connection, _ in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        }
        defer { cut.stop() }
        XCTAssertEqual(name(end(MadeRequest.Parts(url: cut.url))), "broken")
        XCTAssertEqual(cut.requests.count, 1)
    }

    func testAnEndlessBodyIsCut() throws {
        let closed = expectation(description: "the connection is closed")
        let server = try LoopbackServer { connection, _ in
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            let piece = Data(count: 64 * 1024)
            for _ in 0..<8000 {
                if !connection.send(piece) { return closed.fulfill() }
                // As fast as a network, not as memory: the client on Linux gathers without bounds.
                Thread.sleep(forTimeInterval: 0.001)
            }
        }
        defer { server.stop() }
        let reply = TakenReply(limit: 1 << 20)
        XCTAssertEqual(name(end(MadeRequest.Parts(url: server.url), reply)), "too long")
        XCTAssertLessThanOrEqual(reply.whole.body.count, 1 << 20)
        wait(for: [closed], timeout: 10)
    }

    func testAStopEndsTheExchange() throws {
        let closed = expectation(description: "the connection is closed")
        let server = try LoopbackServer { connection, _ in
            if connection.closes() { closed.fulfill() }
        }
        defer { server.stop() }
        let request = MadeRequest(MadeRequest.Parts(url: server.url))
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.2) { request.stop() }
        let start = Date()
        XCTAssertEqual(name(end(request, TakenReply())), "stopped")
        XCTAssertLessThan(Date().timeIntervalSince(start), 2)
        wait(for: [closed], timeout: 10)
        XCTAssertEqual(name(end(request, TakenReply())), "stopped")
        let inBody = MadeRequest.Parts(
            method: "POST", url: server.url, body: Data("a".utf8), stopsInBody: true
        )
        XCTAssertEqual(name(end(inBody)), "stopped")
        XCTAssertEqual(server.requests.count, 1)
    }

    func testSilenceEndsInTime() throws {
        let server = try LoopbackServer { connection, _ in _ = connection.closes() }
        defer { server.stop() }
        let start = Date()
        let parts = MadeRequest.Parts(url: server.url, seconds: 0.5)
        XCTAssertEqual(name(end(parts)), "timeout")
        let took = Date().timeIntervalSince(start)
        XCTAssertTrue((0.4...3).contains(took), "\(took)")
    }

    func testOnlyHTTPSLeavesThisMachine() throws {
        let server = try LoopbackServer { connection, _ in connection.send(Self.ok("")) }
        defer { server.stop() }
        let parts = MadeRequest.Parts(url: server.url)
        for url in ["http://example.com/", "ftp://127.0.0.1/", "https://a:b@example.com/", "no"] {
            XCTAssertEqual(name(end(MadeRequest.Parts(url: url))), "connect", url)
        }
        XCTAssertThrowsError(
            try URLSessionTransport().exchange(request: MadeRequest(parts), reply: TakenReply())
        ) { XCTAssertEqual(name($0 as? TransportError), "connect") }
        XCTAssertEqual(server.requests.count, 0)
    }

    func testABodyThatIsShorterThanItSaysIsNotSent() throws {
        let server = try LoopbackServer { connection, _ in connection.send(Self.ok("")) }
        defer { server.stop() }
        let parts = MadeRequest.Parts(
            method: "POST", url: server.url, body: Data("short".utf8), length: 99
        )
        XCTAssertEqual(name(end(parts)), "connect")
        XCTAssertEqual(server.requests.count, 0)
    }

    func testThePrivacyManifestNamesWhatIsSent() throws {
        var package = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { package.deleteLastPathComponent() }
        let file = package.appendingPathComponent("Sources/KinoraRemote/PrivacyInfo.xcprivacy")
        let read = try PropertyListSerialization.propertyList(
            from: Data(contentsOf: file), format: nil
        )
        let manifest = try XCTUnwrap(read as? [String: Any])
        XCTAssertEqual(manifest["NSPrivacyTracking"] as? Bool, false)
        let types = try XCTUnwrap(manifest["NSPrivacyCollectedDataTypes"] as? [[String: Any]])
        let names = types.compactMap { $0["NSPrivacyCollectedDataType"] as? String }
        XCTAssertEqual(
            names.map { $0.replacingOccurrences(of: "NSPrivacyCollectedDataType", with: "") },
            ["PhotosorVideos", "OtherUserContent"]
        )
        for type in types {
            XCTAssertEqual(type["NSPrivacyCollectedDataTypeLinked"] as? Bool, false)
            XCTAssertEqual(type["NSPrivacyCollectedDataTypeTracking"] as? Bool, false)
        }
    }
}
