import Foundation
import Kinora

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Carries Kinora's requests with the system's own HTTP client.
///
/// Each exchange has a session of its own that is gone after it: no cookies, no cache, no stored
/// credentials, no connection that is kept, and so nothing that the system would send a second time
/// over a stale one. Redirects are handed to Kinora instead of being followed. Only HTTPS is used,
/// with the system's own check of certificates.
///
/// The system puts `User-Agent`, `Accept-Language` and the like into every request, which would
/// tell the app, the device and its language. Here they are the same for everyone.
///
/// ```swift
/// RemoteOptions(folder: path, keyStore: keys, transport: URLSessionTransport())
/// ```
///
/// On Linux the system's client reads on while a reply is being taken, so that more than Kinora lets
/// in may lie in memory for a moment before the connection is closed.
///
/// A transport holds nothing, so one serves any number of requests at a time.
public final class URLSessionTransport: HttpTransport {
    /// What the system would otherwise fill in by itself.
    private static let neutral = [
        ("User-Agent", "Kinora"),
        ("Accept", "*/*"),
        ("Accept-Language", "en"),
        // A packed reply would be unpacked before Kinora counts it.
        ("Accept-Encoding", "identity"),
    ]

    private let allowsLoopback: Bool

    /// A transport; nothing is connected yet.
    public convenience init() {
        self.init(allowsLoopback: false)
    }

    /// - Parameter allowsLoopback: Lets plain HTTP through to this machine itself, for tests.
    init(allowsLoopback: Bool) {
        self.allowsLoopback = allowsLoopback
    }

    /// Sends `request` and fills `reply`. It blocks until the reply is whole, or does not come.
    ///
    /// - Throws: `TransportError` when there is no whole reply.
    public func exchange(request: HttpRequest, reply: HttpReply) throws {
        do {
            guard try !request.isStopped() else { throw TransportError.Stopped }
            let sent = try built(request)
            let seconds = try request.timeoutSeconds()
            let exchange = Exchange(request: request, reply: reply)
            try exchange.run(sent, seconds: seconds)
        } catch let error as TransportError {
            throw error
        } catch {
            // Its words may hold the URL.
            throw TransportError.Broken(reason: "the request could not be read")
        }
    }

    private func built(_ request: HttpRequest) throws -> URLRequest {
        let url = try allowed(request.url())
        var built = URLRequest(url: url)
        built.httpMethod = try request.method()
        built.httpShouldHandleCookies = false
        for (name, value) in Self.neutral { built.setValue(value, forHTTPHeaderField: name) }
        for header in try request.headers() {
            built.setValue(header.value, forHTTPHeaderField: header.name)
        }
        if let length = try request.bodyLength() {
            let body = try collected(request, length: length)
            built.httpBody = body
            built.setValue("\(body.count)", forHTTPHeaderField: "Content-Length")
        }
        return built
    }

    /// The body in one piece: a stream would be sent in chunks, without its length.
    private func collected(_ request: HttpRequest, length: UInt64) throws -> Data {
        var body = Data()
        body.reserveCapacity(Int(length))
        while true {
            let piece = try request.nextPiece()
            if piece.isEmpty { break }
            body.append(piece)
        }
        guard body.count == length else {
            throw TransportError.Connect(reason: "the body is not as long as it says")
        }
        return body
    }

    private func allowed(_ text: String) throws -> URL {
        guard let url = URL(string: text), let host = url.host, url.user == nil else {
            throw TransportError.Connect(reason: "this is no address")
        }
        let isLoopback = ["127.0.0.1", "localhost"].contains(host)
        guard url.scheme == "https" || (allowsLoopback && isLoopback && url.scheme == "http") else {
            throw TransportError.Connect(reason: "only HTTPS is used")
        }
        return url
    }
}
