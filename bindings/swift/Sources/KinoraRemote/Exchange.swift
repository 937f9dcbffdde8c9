import Foundation
import Kinora

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// One request on its way, in a session of its own.
final class Exchange: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    // Unchecked: everything that changes is behind `lock`.

    /// How often a waiting exchange looks whether it should give up.
    private static let glance = 0.02

    private let request: HttpRequest
    private let reply: HttpReply
    private let lock = NSLock()
    private let ended = DispatchSemaphore(value: 0)
    private var result: Result<Void, TransportError>?
    private var hasBegun = false
    private var sent: Int64 = 0

    init(request: HttpRequest, reply: HttpReply) {
        self.request = request
        self.reply = reply
    }

    /// Sends `built` and waits for the end of its reply, at most `seconds`.
    func run(_ built: URLRequest, seconds: Double) throws {
        let session = URLSession(
            configuration: Self.configuration(seconds: seconds),
            delegate: self,
            delegateQueue: Self.queue()
        )
        // It holds the delegate until then, and its connection.
        defer { session.invalidateAndCancel() }
        let task = session.dataTask(with: built)
        let deadline = Date(timeIntervalSinceNow: seconds)
        task.resume()
        while ended.wait(timeout: .now() + Self.glance) == .timedOut {
            if isStopped {
                end(.failure(.Stopped))
            } else if Date() >= deadline {
                end(.failure(.Timeout))
            }
        }
        try outcome()
    }

    private static func configuration(seconds: Double) -> URLSessionConfiguration {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        configuration.urlCache = nil
        configuration.urlCredentialStorage = nil
        configuration.httpShouldUsePipelining = false
        // `run` keeps the time; the system counts whole seconds on some platforms.
        configuration.timeoutIntervalForRequest = seconds.rounded(.up) + 1
        configuration.timeoutIntervalForResource = seconds.rounded(.up) + 1
        #if !canImport(FoundationNetworking)
        configuration.waitsForConnectivity = false
        configuration.tlsMinimumSupportedProtocolVersion = .TLSv12
        #endif
        return configuration
    }

    /// The delegate's calls come one after another.
    private static func queue() -> OperationQueue {
        let queue = OperationQueue()
        queue.name = "kinora-http"
        queue.maxConcurrentOperationCount = 1
        queue.qualityOfService = .userInitiated
        return queue
    }

    private var isStopped: Bool {
        // What cannot be asked is better stopped.
        ((try? request.isStopped()) ?? true) || ((try? reply.isStopped()) ?? true)
    }

    /// Keeps the first end; whatever comes later is not heard any more.
    private func end(_ how: Result<Void, TransportError>) {
        lock.lock()
        defer { lock.unlock() }
        guard result == nil else { return }
        result = how
        ended.signal()
    }

    /// The end without an error: the reply is whole if there was one.
    private func finish() {
        lock.lock()
        let hasBegun = hasBegun
        lock.unlock()
        end(hasBegun ? .success(()) : .failure(.Broken(reason: "there is no reply")))
    }

    private var isOver: Bool {
        lock.lock()
        defer { lock.unlock() }
        return result != nil
    }

    private func outcome() throws {
        lock.lock()
        defer { lock.unlock() }
        try (result ?? .failure(.Broken(reason: "there is no reply"))).get()
    }

    /// Runs what fills the reply; where it says no the exchange ends at once.
    private func fill(_ work: () throws -> Void) -> Bool {
        guard !isOver else { return false }
        do {
            try work()
            return true
        } catch let error as TransportError {
            end(.failure(error))
        } catch {
            end(.failure(.Broken(reason: "the reply was not taken")))
        }
        return false
    }

    // MARK: What the session tells

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        // The redirect itself is the reply.
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (
            URLSession.AuthChallengeDisposition, URLCredential?
        ) -> Void
    ) {
        #if canImport(FoundationNetworking)
        // It asks when the refusal has come whole, which is the reply; an answer would send again.
        finish()
        completionHandler(.cancelAuthenticationChallenge, nil)
        #else
        // The system checks the server. Nobody else gets credentials from here.
        let isServer = challenge.protectionSpace.authenticationMethod
            == NSURLAuthenticationMethodServerTrust
        completionHandler(isServer ? .performDefaultHandling : .rejectProtectionSpace, nil)
        #endif
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        didSendBodyData bytesSent: Int64,
        totalBytesSent: Int64,
        totalBytesExpectedToSend: Int64
    ) {
        lock.lock()
        defer { lock.unlock() }
        sent = totalBytesSent
    }

    func urlSession(
        _ session: URLSession,
        dataTask: URLSessionDataTask,
        didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let goesOn = fill {
            guard let http = response as? HTTPURLResponse else {
                throw TransportError.Broken(reason: "the answer is no HTTP")
            }
            lock.lock()
            hasBegun = true
            lock.unlock()
            let headers = http.allHeaderFields.map { name, value in
                HttpHeader(name: "\(name)", value: "\(value)")
            }
            try reply.begin(status: UInt16(clamping: http.statusCode), headers: headers)
        }
        completionHandler(goesOn ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        if !fill({ try reply.push(piece: data) }) { dataTask.cancel() }
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        didCompleteWithError error: Error?
    ) {
        guard let error else { return finish() }
        end(.failure(told(error)))
    }

    /// What the system says, in Kinora's terms. Its words may hold the URL, so they do not go on.
    private func told(_ error: Error) -> TransportError {
        if isStopped { return .Stopped }
        guard let code = (error as? URLError)?.code else {
            return .Broken(reason: "the connection failed")
        }
        lock.lock()
        let nothingLeft = !hasBegun && sent == 0
        lock.unlock()
        switch code {
        case .timedOut:
            return .Timeout
        case .serverCertificateUntrusted, .serverCertificateHasBadDate,
            .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid:
            return nothingLeft
                ? .Certificate(reason: "the system does not trust it (\(code.rawValue))")
                : .Broken(reason: "the certificate was refused in between")
        case .cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet,
            .dataNotAllowed, .internationalRoamingOff, .callIsActive,
            .appTransportSecurityRequiresSecureConnection:
            return nothingLeft
                ? .Connect(reason: Self.words(code))
                : .Broken(reason: "the connection broke")
        default:
            return .Broken(reason: "the connection broke (\(code.rawValue))")
        }
    }

    private static func words(_ code: URLError.Code) -> String {
        switch code {
        case .cannotFindHost, .dnsLookupFailed: return "no such host, or no network"
        case .cannotConnectToHost: return "the host does not answer"
        case .dataNotAllowed, .internationalRoamingOff: return "mobile data are switched off"
        case .appTransportSecurityRequiresSecureConnection: return "only HTTPS is used"
        default: return "no network"
        }
    }
}
