import Foundation

extension Remote {
    /// Opens the folder of ledger, vault and job handles away from the calling thread.
    ///
    /// - Throws: `KinoraError.Consent`, `.Vault` or `.Remote` when what lies there cannot be read.
    public static func opened(_ options: RemoteOptions) async throws -> Remote {
        try await away { try Remote.open(options: options) }
    }

    /// Enters in the ledger that the notice is shown, and gives the question to show.
    ///
    /// - Parameters:
    ///   - destination: Whom it is about: `destination(model:region:)`.
    ///   - kinds: What would be sent: ``PayloadPreview/kinds`` says it for a request.
    public func ask(
        _ destination: Destination,
        for kinds: [DataKind]
    ) async throws -> ConsentQuestion {
        try await away { try self.ask(destination: destination, kinds: kinds) }
    }

    /// Takes a consent back at once: what is being sent is stopped, jobs are ended at the provider,
    /// and copies are deleted there where that can be done. The last two may take seconds.
    ///
    /// Cancelling the task does not call it off.
    public func withdraw(_ destination: Destination) async throws -> Withdrawal {
        try await away { try self.withdraw(destination: destination) }
    }

    /// Seals a key or token for its provider. It never comes out again.
    ///
    /// - Parameters:
    ///   - secret: The key itself. Keep no copy of it.
    ///   - purpose: What it is, as ``RemoteModel/credentials`` names it.
    ///   - provider: The provider's short name.
    /// - Throws: `KinoraError.Vault` or what the key store has thrown.
    public func store(_ secret: Data, as purpose: String, of provider: String) async throws {
        try await away {
            try self.putSecret(provider: provider, purpose: purpose, secret: secret)
        }
    }

    /// Ends a job at its provider and has its copies deleted there, as far as that can be done.
    public func cleanUp(_ jobId: String) async throws -> Copies {
        try await away { try self.cleanUp(jobId: jobId) }
    }

    /// Deletes something; gives the jobs whose copies stay at their providers until they expire.
    public func delete(_ item: DataItem) async throws -> [RemoteJob] {
        try await away { try self.delete(item: item) }
    }

    /// Everything that is held on this device, for a page that shows it.
    public func kept() async throws -> DataKept {
        try await away { try self.data() }
    }

    /// All of it as JSON, to take along; never the secrets.
    public func exported() async throws -> String {
        try await away { try self.exportData() }
    }

    /// The ledger as text, as a person reads it.
    public func ledgerText() async throws -> String {
        try await away { try self.exportLogText() }
    }
}

extension ConsentQuestion {
    /// The person says yes. Call it from the button that says so, and from nowhere else.
    ///
    /// - Parameter days: How long it holds, 1 to 365; left out 180.
    public func answerYes(days: UInt16? = nil) async throws -> Grant {
        try await away { try self.allow(days: days) }
    }

    /// The person says no. A grant that stood before is withdrawn.
    public func answerNo() async throws {
        try await away { try self.refuse() }
    }
}

extension Studio {
    /// What a remote model would be sent for `request`, byte for byte, built away from the calling
    /// thread. Nothing is sent.
    ///
    /// - Parameters:
    ///   - request: The request; its `remote` may still be nil.
    ///   - model: The remote model's id.
    ///   - region: One of its provider's regions; left out the first.
    /// - Throws: `KinoraError.Request` with a code `safety.…` when the words are held back.
    public func preview(
        of request: GenerationRequest,
        by model: String,
        in region: String? = nil
    ) async throws -> PayloadPreview {
        try await away { try self.preview(request: request, model: model, region: region) }
    }

    /// Goes on with a remote job that was begun before, also before a restart, and returns its
    /// clip. It is looked for and followed, and never sent again.
    ///
    /// Cancelling the task ends the job at its provider too. To leave it for later, let the process
    /// end, or keep waiting.
    ///
    /// - Parameters:
    ///   - jobId: ``RemoteJob/id`` of a job that is `sending` or `sent`.
    ///   - output: An MP4 file, or its bytes.
    ///   - onProgress: Hears how far the job is, on a thread of the job.
    /// - Throws: ``KinoraError``, or `CancellationError` when the task was cancelled.
    public func resume(
        _ jobId: String,
        to output: ClipOutput,
        onProgress: (@Sendable (GenerationProgress) -> Void)? = nil
    ) async throws -> Clip {
        try Task.checkCancellation()
        let listener = onProgress.map(Listener.init)
        let job = try await away {
            try self.resume(jobId: jobId, output: output, listener: listener)
        }
        return try await job.value
    }
}
