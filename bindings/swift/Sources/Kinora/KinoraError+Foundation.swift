import Foundation

extension KinoraError: LocalizedError {
    /// A code that stays the same across versions, such as `photo.heic`.
    public var code: String { parts.code }

    /// A sentence that says what to do, in English.
    public var reason: String { parts.reason }

    /// The words of the error below, where there is one.
    public var detail: String? { parts.detail }

    private var parts: (code: String, reason: String, detail: String?) {
        switch self {
        case let .Photo(code, reason, detail),
            let .Request(code, reason, detail),
            let .Runtime(code, reason, detail),
            let .Model(code, reason, detail),
            let .Output(code, reason, detail),
            let .Consent(code, reason, detail),
            let .Vault(code, reason, detail),
            let .Remote(code, reason, detail),
            let .Cancelled(code, reason, detail),
            let .Host(code, reason, detail),
            let .Internal(code, reason, detail):
            return (code, reason, detail)
        }
    }

    /// What `localizedDescription` shows: the sentence that says what to do.
    public var errorDescription: String? { reason }

    /// The words of the error below, for a log or a second line.
    public var failureReason: String? { detail }
}
