import Foundation
import Kinora
import XCTest

@testable import KinoraRemote

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An HTTP server on loopback that answers every connection with the same bytes and keeps what came.
final class Loopback: @unchecked Sendable {
    private let socket: Int32
    private let answer: Data
    private let lock = NSLock()
    private var requests = [String]()
    private(set) var port: UInt16 = 0

    init(answering answer: String) throws {
        self.answer = Data(answer.utf8)
        #if canImport(Glibc)
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(socket, raw, length) == 0 && getsockname(socket, raw, &length) == 0
            }
        }
        guard bound, listen(socket, 8) == 0 else { throw POSIXError(.EADDRINUSE) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in serve() }
    }

    var seen: [String] {
        lock.lock()
        defer { lock.unlock() }
        return requests
    }

    func close() {
        shutdown(socket, Int32(SHUT_RDWR))
        #if canImport(Glibc)
        _ = Glibc.close(socket)
        #else
        _ = Darwin.close(socket)
        #endif
    }

    private func serve() {
        while true {
            let connection = accept(socket, nil, nil)
            if connection < 0 { return }
            var (text, buffer) = ("", [UInt8](repeating: 0, count: 65536))
            while !whole(text) {
                let count = recv(connection, &buffer, buffer.count, 0)
                if count <= 0 { break }
                text += String(decoding: buffer[0..<count], as: UTF8.self)
            }
            lock.lock()
            requests.append(text)
            lock.unlock()
            _ = answer.withUnsafeBytes { send(connection, $0.baseAddress, answer.count, 0x4000) }
            #if canImport(Glibc)
            _ = Glibc.close(connection)
            #else
            _ = Darwin.close(connection)
            #endif
        }
    }

    private func whole(_ text: String) -> Bool {
        guard let end = text.range(of: "\r\n\r\n") else { return false }
        let line = text.lowercased().components(separatedBy: "content-length: ")
        let length = line.count > 1 ? Int(line[1].prefix { $0.isNumber }) ?? 0 : 0
        return text[end.upperBound...].utf8.count >= length
    }
}

/// What came of an exchange.
private final class Taken {
    var status: UInt16 = 0
    var headers = [HttpHeader]()
    var body = Data()
}

/// The exchange below `URLSessionTransport`, over plain HTTP on loopback: the transport itself takes
/// HTTPS alone.
final class ExchangeTests: XCTestCase {
    private func run(
        _ port: UInt16, method: String = "GET", body: Data? = nil, most: Int = 1 << 20,
        isStopped: @escaping () -> Bool = { false }
    ) throws -> (status: UInt16, body: Data, headers: [HttpHeader]) {
        let taken = Taken()
        let exchange = Exchange(
            begin: { (taken.status, taken.headers) = ($0, $1) },
            push: { piece in
                taken.body.append(piece)
                if taken.body.count > most { throw TransportError.TooLong }
            }
        )
        var request = URLRequest(url: try XCTUnwrap(URL(string: "http://127.0.0.1:\(port)/a?b=c")))
        request.httpMethod = method
        request.setValue("Key abc", forHTTPHeaderField: "Authorization")
        request.httpBody = body
        request.timeoutInterval = 5
        try exchange.run(request, isStopped: isStopped)
        return (taken.status, taken.body, taken.headers)
    }

    private func failure(_ work: () throws -> Void) -> TransportError? {
        do {
            try work()
            return nil
        } catch {
            return error as? TransportError
        }
    }

    func testWhatIsGivenIsSentAndWhatComesIsTaken() throws {
        let server = try Loopback(
            answering: "HTTP/1.1 201 Created\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello")
        defer { server.close() }
        let got = try run(server.port, method: "POST", body: Data("payload".utf8))
        XCTAssertEqual(got.status, 201)
        XCTAssertEqual(got.body, Data("hello".utf8))
        XCTAssertTrue(got.headers.contains { $0.name.lowercased() == "x-one" && $0.value == "1" })
        let seen = server.seen[0]
        XCTAssertTrue(seen.hasPrefix("POST /a?b=c HTTP/1.1\r\n"), seen)
        XCTAssertTrue(seen.contains("Authorization: Key abc\r\n"), seen)
        XCTAssertTrue(seen.lowercased().contains("content-length: 7\r\n"), seen)
        XCTAssertTrue(seen.hasSuffix("\r\n\r\npayload"), seen)
        XCTAssertFalse(seen.lowercased().contains("cookie"), seen)
    }

    func testARedirectIsNotFollowed() throws {
        let other = try Loopback(answering: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        defer { other.close() }
        let server = try Loopback(
            answering: "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:\(other.port)/\r\n"
                + "Content-Length: 0\r\n\r\n")
        defer { server.close() }
        let got = try run(server.port)
        XCTAssertEqual(got.status, 302)
        XCTAssertTrue(got.headers.contains { $0.name.lowercased() == "location" })
        XCTAssertTrue(other.seen.isEmpty)
    }

    func testNobodyThereIsNoConnection() throws {
        let server = try Loopback(answering: "")
        server.close()
        let port = server.port
        guard case .Connect? = failure({ _ = try run(port) }) else {
            return XCTFail("no connection is not said")
        }
    }

    func testAConnectionThatBreaksMayHaveArrived() throws {
        let server = try Loopback(answering: "")
        defer { server.close() }
        let told = failure { _ = try run(server.port, method: "POST", body: Data("x".utf8)) }
        guard case .Broken? = told else { return XCTFail("\(String(describing: told))") }
        XCTAssertGreaterThan(server.seen.count, 0)
    }

    func testABodyThatIsTooLongIsCut() throws {
        let long = String(repeating: "x", count: 100_000)
        let server = try Loopback(
            answering: "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\(long)")
        defer { server.close() }
        XCTAssertEqual(failure { _ = try run(server.port, most: 100) }, .TooLong)
    }

    func testAStopEndsIt() throws {
        let server = try Loopback(answering: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        defer { server.close() }
        XCTAssertEqual(failure { _ = try run(server.port, isStopped: { true }) }, .Stopped)
        XCTAssertTrue(server.seen.isEmpty)
    }
}
