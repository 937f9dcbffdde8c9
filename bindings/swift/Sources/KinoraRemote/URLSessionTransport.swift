import Foundation
import Kinora

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Carries Kinora's remote requests with `URLSession`: no cookies, no cache, no redirect, nothing of
/// the device's language or of the app's name, and one connection for each request.
public final class URLSessionTransport: HttpTransport {
    /// A transport; nothing is connected yet.
    public init() {}

    /// Sends one request that a permit allows, and takes the reply. It blocks; Kinora calls it.
    public func exchange(request: HttpRequest, reply: HttpReply) throws {
        guard let url = URL(string: try request.url()), url.scheme == "https" else {
            throw TransportError.Connect(reason: "only HTTPS is used")
        }
        var sent = URLRequest(url: url)
        sent.httpMethod = try request.method()
        for header in try request.headers() {
            sent.setValue(header.value, forHTTPHeaderField: header.name)
        }
        if try request.bodyLength() != nil {
            var body = Data()
            while true {
                let piece = try request.nextPiece()
                if piece.isEmpty { break }
                body.append(piece)
            }
            sent.httpBody = body
        }
        sent.timeoutInterval = try request.timeoutSeconds()
        let exchange = Exchange(
            begin: { try reply.begin(status: $0, headers: $1) },
            push: { try reply.push(piece: $0) }
        )
        try exchange.run(sent) { (try? request.isStopped()) ?? true }
    }
}

/// One request and its reply, on a session of its own.
final class Exchange: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let begin: (UInt16, [HttpHeader]) throws -> Void
    private let push: (Data) throws -> Void
    private let ended = DispatchSemaphore(value: 0)
    private let lock = NSLock()
    private var failure: Error?

    init(
        begin: @escaping (UInt16, [HttpHeader]) throws -> Void,
        push: @escaping (Data) throws -> Void
    ) {
        self.begin = begin
        self.push = push
    }

    /// How often a stop is looked for, in milliseconds.
    private static let glance = 20

    func run(_ request: URLRequest, isStopped: () -> Bool) throws {
        if isStopped() { throw TransportError.Stopped }
        let configuration = URLSessionConfiguration.ephemeral
        configuration.urlCache = nil
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.urlCredentialStorage = nil
        configuration.timeoutIntervalForResource = request.timeoutInterval
        // Else the system says which app and which language it is.
        configuration.httpAdditionalHeaders = ["User-Agent": "Kinora", "Accept-Language": "*"]
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        defer { session.invalidateAndCancel() }
        let task = session.dataTask(with: request)
        task.resume()
        while ended.wait(timeout: .now() + .milliseconds(Self.glance)) == .timedOut {
            if isStopped() {
                keep(TransportError.Stopped)
                task.cancel()
            }
        }
        if let failure = locked({ failure }) { throw failure }
    }

    /// The first failure is the one that counts: what follows is its consequence.
    private func keep(_ error: Error) {
        locked { if failure == nil { failure = error } }
    }

    private func locked<T>(_ body: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        // Kinora decides whether and where to go on.
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        guard let response = response as? HTTPURLResponse else {
            keep(TransportError.Broken(reason: "the answer is no HTTP"))
            return completionHandler(.cancel)
        }
        let headers = response.allHeaderFields.compactMap { name, value -> HttpHeader? in
            guard let name = name as? String, let value = value as? String else { return nil }
            // The system has undone it, so the length is another one.
            let undone = ["content-encoding", "content-length"].contains(name.lowercased())
            let coded = response.allHeaderFields.keys.contains {
                ($0 as? String)?.lowercased() == "content-encoding"
            }
            return undone && coded ? nil : HttpHeader(name: name, value: value)
        }
        do {
            try begin(UInt16(response.statusCode), headers)
            completionHandler(.allow)
        } catch {
            keep(error)
            completionHandler(.cancel)
        }
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        do {
            try push(data)
        } catch {
            keep(error)
            dataTask.cancel()
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didCompleteWithError error: Error?
    ) {
        if let error { keep(Self.told(error)) }
        ended.signal()
    }

    /// What the system says, in Kinora's terms; its words may hold a URL, so only their kind goes on.
    static func told(_ error: Error) -> TransportError {
        guard let error = error as? URLError else {
            return .Broken(reason: "the connection broke")
        }
        switch error.code {
        case .cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet,
            .dataNotAllowed, .internationalRoamingOff, .callIsActive:
            return .Connect(reason: "the host cannot be reached")
        case .secureConnectionFailed, .serverCertificateUntrusted, .serverCertificateHasBadDate,
            .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid,
            .clientCertificateRejected, .clientCertificateRequired,
            .appTransportSecurityRequiresSecureConnection:
            return .Certificate(reason: "the certificate was refused")
        case .timedOut:
            return .Timeout
        case .cancelled:
            return .Stopped
        default:
            return .Broken(reason: "the connection broke (\(error.code.rawValue))")
        }
    }
}
