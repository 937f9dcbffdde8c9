import Foundation

extension Remote {
    /// Opens ledger, vault and job handles away from the calling thread. Nothing is sent.
    ///
    /// - Throws: `KinoraError.Consent` or `KinoraError.Remote` when the folder cannot be used.
    public static func opened(_ options: RemoteOptions) async throws -> Remote {
        try await away { try Remote.open(options: options) }
    }

    /// Whom a model's data go to, in the provider's first region.
    ///
    /// - Throws: `KinoraError.Remote` for a model that there is not.
    public func destination(of model: String) throws -> Destination {
        try destination(model: model, region: nil)
    }

    /// Asks for everything that a photo with words needs: what it gives has the notice to show.
    ///
    /// - Throws: `KinoraError.Consent` when the ledger cannot be written.
    public func question(for model: String) async throws -> ConsentQuestion {
        try await away {
            let kinds: [DataKind] = [.photo, .prompt, .technicalMetadata]
            return try self.ask(destination: self.destination(of: model), kinds: kinds)
        }
    }

    /// The person's yes for a model, if it stands; nil where somebody has to be asked.
    ///
    /// - Throws: `KinoraError.Consent` when the ledger was cut or edited.
    public func standingGrant(for model: String) async throws -> Grant? {
        try await away {
            do {
                return try self.grant(destination: self.destination(of: model))
            } catch let error as KinoraError where Self.asks(error.code) {
                return nil
            }
        }
    }

    private static func asks(_ code: String) -> Bool {
        ["consent.never", "consent.withdrawn", "consent.expired", "consent.notice_changed"]
            .contains(code)
    }

    /// Takes a consent back, ends its jobs at the provider and has copies deleted there where that
    /// can be done.
    ///
    /// - Throws: `KinoraError.Consent`; also then nothing more is sent.
    public func withdrawn(_ destination: Destination) async throws -> Withdrawal {
        try await away { try self.withdraw(destination: destination) }
    }

    /// Seals a key or token for its provider. It never comes out again.
    ///
    /// - Throws: `KinoraError.Vault`.
    public func seal(_ secret: String, for provider: String, as purpose: String) async throws {
        try await away {
            try self.putSecret(provider: provider, purpose: purpose, secret: Data(secret.utf8))
        }
    }

    /// Deletes something of what is held; gives the jobs whose copies stay at their providers until
    /// they expire.
    ///
    /// - Throws: ``KinoraError``.
    public func deleted(_ item: DataItem) async throws -> [RemoteJob] {
        try await away { try self.delete(item: item) }
    }
}

extension Studio {
    /// Goes on with a remote job that was begun before, also before a restart. It is never sent
    /// again.
    ///
    /// - Parameters:
    ///   - job: Its number, from `Remote.jobs()`.
    ///   - output: An MP4 file, or its bytes.
    ///   - onProgress: Hears how far the job is.
    /// - Throws: ``KinoraError``, or `CancellationError` when the task was cancelled.
    public func resumed(
        _ job: String,
        into output: ClipOutput,
        onProgress: (@Sendable (GenerationProgress) -> Void)? = nil
    ) async throws -> Clip {
        let listener = onProgress.map(Listener.init)
        return try await resume(jobId: job, output: output, listener: listener).value
    }
}
