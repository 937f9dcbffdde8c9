import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A server on this machine that speaks as much HTTP as a test needs: it takes one request for each
/// connection, keeps its bytes, and lets the test answer with whatever bytes it likes.
final class LoopbackServer: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.

    /// One connection, for the test's answer.
    final class Connection {
        private let socket: Int32

        init(_ socket: Int32) {
            self.socket = socket
        }

        /// Sends bytes; false when the other side is gone.
        @discardableResult
        func send(_ bytes: Data) -> Bool {
            var left = bytes
            while !left.isEmpty {
                let count = left.withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
                if count <= 0 { return false }
                left = Data(left.dropFirst(count))
            }
            return true
        }

        @discardableResult
        func send(_ text: String) -> Bool {
            send(Data(text.utf8))
        }

        /// Waits until the other side closes; false when it has not within some seconds.
        func closes() -> Bool {
            var limit = timeval(tv_sec: 5, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
            var byte: UInt8 = 0
            let count = read(socket, &byte, 1)
            return count == 0 || (count < 0 && errno == ECONNRESET)
        }
    }

    let port: UInt16
    private let listener: Int32
    private let lock = NSLock()
    private let over = DispatchSemaphore(value: 0)
    private var hasStopped = false
    private var seen = [Data]()

    /// The requests, to the byte, in the order in which they came.
    var requests: [Data] {
        lock.lock()
        defer { lock.unlock() }
        return seen
    }

    var url: String { "http://127.0.0.1:\(port)" }

    init(answer: @escaping @Sendable (Connection, Data) -> Void) throws {
        signal(SIGPIPE, SIG_IGN)
        listener = Self.newSocket()
        var place = Self.place(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                bind(listener, place, size) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, place, &size) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: place.sin_port)
        Thread.detachNewThread { [weak self, over] in
            // Only this thread closes it: its number may stand for another socket right after.
            defer {
                close(listener)
                over.signal()
            }
            while true {
                let socket = accept(listener, nil, nil)
                guard socket >= 0 else { return }
                guard self?.isStopped == false else {
                    close(socket)
                    return
                }
                Thread.detachNewThread { [weak self] in
                    defer { close(socket) }
                    guard let request = Self.request(from: socket) else { return }
                    self?.keep(request)
                    answer(Connection(socket), request)
                }
            }
        }
    }

    /// Takes no more connections; the port refuses from then on.
    func stop() {
        lock.lock()
        hasStopped = true
        lock.unlock()
        // Systems differ in what ends a wait for connections: this does, or one last connection.
        shutdown(listener, Int32(SHUT_RDWR))
        if over.wait(timeout: .now() + 0.2) == .timedOut {
            let last = Self.newSocket()
            var place = Self.place(port: port)
            withUnsafePointer(to: &place) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                    _ = connect(last, place, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            close(last)
            over.wait()
        }
    }

    private var isStopped: Bool {
        lock.lock()
        defer { lock.unlock() }
        return hasStopped
    }

    private static func newSocket() -> Int32 {
        #if canImport(Glibc)
        return socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        return socket(AF_INET, SOCK_STREAM, 0)
        #endif
    }

    private static func place(port: UInt16) -> sockaddr_in {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = inet_addr("127.0.0.1")
        place.sin_port = port.bigEndian
        return place
    }

    private func keep(_ request: Data) {
        lock.lock()
        defer { lock.unlock() }
        seen.append(request)
    }

    /// Head and body, by the head's `Content-Length`; nil when the other side went first.
    private static func request(from socket: Int32) -> Data? {
        var bytes = Data()
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            if let end = bytes.range(of: Data("\r\n\r\n".utf8))?.upperBound {
                let length = header("content-length", of: bytes).flatMap { Int($0) } ?? 0
                if bytes.count - end >= length { return bytes }
            }
            let count = read(socket, &piece, piece.count)
            if count <= 0 { return nil }
            bytes += piece[..<count]
        }
    }
}

/// The lines of a request's head.
func head(of request: Data) -> [String] {
    let end = request.range(of: Data("\r\n\r\n".utf8))?.lowerBound ?? request.endIndex
    return String(decoding: request[..<end], as: UTF8.self).components(separatedBy: "\r\n")
}

/// The first value of a header, its name in lower case.
func header(_ name: String, of request: Data) -> String? {
    let line = head(of: request).dropFirst().first { $0.lowercased().hasPrefix("\(name):") }
    return line.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
}

/// What stands behind a request's head.
func body(of request: Data) -> Data {
    request.range(of: Data("\r\n\r\n".utf8)).map { Data(request[$0.upperBound...]) } ?? Data()
}
