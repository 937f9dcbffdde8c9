import Foundation

@testable import Kinora

/// A transport that goes nowhere and plays one provider, with one job and one clip.
final class FakeGemini: HttpTransport {
    /// What the provider does with the next question for the job.
    enum Mood {
        case done, queued, unauthorised
    }

    struct Sent {
        let method: String
        let path: String
        let headers: [HttpHeader]
        let body: Data
        /// What the whole request prints as.
        let printed: String

        var name: String { "\(method) \(path)" }
    }

    static let model = "gemini/omni-1.2-flash"
    static let key = "a-key-that-nobody-may-see"
    static let jobs = "/v1beta/interactions"
    static let file = "/v1beta/files/clip:download"
    private static let origin = "https://generativelanguage.googleapis.com"

    let sent = Box([Sent]())
    let mood: Box<Mood>
    private let clip: Data

    init(clip: Data, mood: Mood = .done) {
        self.clip = clip
        self.mood = Box(mood)
    }

    /// Methods and paths, in order.
    var names: [String] { sent.value.map(\.name) }

    func exchange(request: HttpRequest, reply: HttpReply) throws {
        var body = Data()
        while true {
            let piece = try request.nextPiece()
            if piece.isEmpty { break }
            body += piece
        }
        guard let method = try? request.method(), let url = try? request.url(),
            let headers = try? request.headers(), url.hasPrefix(Self.origin)
        else { throw TransportError.Connect(reason: "this is another provider") }
        var printed = ""
        dump(request, to: &printed)
        dump(headers, to: &printed)
        let path = String(url.dropFirst(Self.origin.count))
        let one = Sent(method: method, path: path, headers: headers, body: body, printed: printed)
        sent.change { $0.append(one) }
        let (status, answer) = answer(one)
        try reply.begin(status: status, headers: [
            HttpHeader(name: "Content-Length", value: "\(answer.count)"),
        ])
        for start in stride(from: 0, to: answer.count, by: 10_000) {
            try reply.push(piece: answer[start..<min(start + 10_000, answer.count)])
        }
    }

    private func answer(_ one: Sent) -> (UInt16, Data) {
        let json = { (text: String) in (UInt16(200), Data(text.utf8)) }
        switch one.name {
        case "POST \(Self.jobs)":
            return json(#"{"id":"job-1","status":"queued"}"#)
        case "GET \(Self.jobs)/job-1":
            switch mood.value {
            case .queued: return json(#"{"id":"job-1","status":"queued"}"#)
            case .unauthorised: return (401, Data(#"{"error":{"status":"UNAUTHENTICATED"}}"#.utf8))
            case .done:
                let video = #"{"type":"video","uri":"\#(Self.origin)\#(Self.file)"}"#
                let steps = #"[{"type":"model_output","content":[\#(video)]}]"#
                return json(#"{"id":"job-1","status":"completed","steps":\#(steps)}"#)
            }
        case "GET \(Self.file)": return (200, clip)
        case "DELETE \(Self.jobs)/job-1", "POST \(Self.jobs)/job-1/cancel": return json("{}")
        default: return (404, Data())
        }
    }
}
