package app.kinora

import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

// Nothing in here sends a request: that goes through `Studio` under a `Grant`, and a grant comes out of
// `ConsentQuestion.allow` alone. A withdrawal and a deletion tell a provider to end and delete jobs.

/**
 * Opens the remote side away from the calling thread. Nothing is sent, and the vault stays closed until
 * a key is needed. Give it to the studio with [StudioOptions.remote].
 *
 * @throws KinoraException.Consent when the ledger in its folder cannot be read
 * @throws KinoraException.Remote when a table of the app's own is not one
 */
public suspend fun openRemote(options: RemoteOptions): Remote = blocking { Remote.open(options) }

/**
 * What [model] would be sent for [request], byte for byte, built away from the calling thread. Nothing
 * is sent.
 *
 * @throws KinoraException when the gate holds the prompt back (`safety.…`), or the model does not take
 * the request (`remote.…`)
 */
public suspend fun Studio.previewOf(
    request: GenerationRequest,
    model: String,
    region: String? = null,
): PayloadPreview = withContext(Dispatchers.Default) { preview(request, model, region) }

/**
 * The question whether [preview] may be sent: for its destination and the kinds of data in it. That it
 * is asked goes into the ledger, so ask it when its notice is shown.
 *
 * @throws KinoraException.Consent when the ledger cannot be written
 */
public suspend fun Remote.question(preview: PayloadPreview): ConsentQuestion =
    question(preview.destination, preview.kinds)

/**
 * The question whether [kinds] of data may go to [destination]. That it is asked goes into the ledger,
 * so ask it when its notice is shown.
 *
 * @throws KinoraException.Consent when the ledger cannot be written
 */
public suspend fun Remote.question(destination: Destination, kinds: List<DataKind>): ConsentQuestion =
    blocking { ask(destination, kinds) }

/**
 * The person says yes, for so many days (1 to 365), or for 180. Call it from the button that says so,
 * and from nowhere else.
 *
 * @throws KinoraException.Consent with `consent.answered` the second time, `consent.notice_changed` when
 * the facts changed meanwhile
 */
public suspend fun ConsentQuestion.allowed(days: Int? = null): Grant = blocking {
    // What does not fit is out of range for the library too.
    allow(days?.coerceIn(0, UShort.MAX_VALUE.toInt())?.toUShort())
}

/**
 * The person says no. A grant that stood before is withdrawn.
 *
 * @throws KinoraException.Consent with `consent.answered` the second time
 */
public suspend fun ConsentQuestion.refused(): Unit = blocking { refuse() }

/**
 * The grant that stands for [destination], also from before a restart; null where nobody said yes, or
 * the yes is withdrawn, over, or of an older notice.
 *
 * @throws KinoraException.Consent when the ledger cannot be read or was tampered with
 */
public suspend fun Remote.standingGrant(destination: Destination): Grant? = blocking {
    try {
        grant(destination)
    } catch (none: KinoraException.Consent) {
        if (none.code in NO_GRANT) null else throw none
    }
}

/**
 * The grant that stands for [preview] and covers every kind of data in it; null where the person has to
 * be asked.
 *
 * @throws KinoraException.Consent when the ledger cannot be read or was tampered with
 */
public suspend fun Remote.standingGrant(preview: PayloadPreview): Grant? {
    val grant = standingGrant(preview.destination) ?: return null
    if (grant.kinds().containsAll(preview.kinds)) return grant
    grant.close()
    return null
}

/**
 * Takes the consent for [destination] back: what is being sent stops, its jobs are ended at the provider
 * and copies deleted there where that can be done. It may take seconds, and is not undone by cancelling.
 *
 * @throws KinoraException.Consent when the ledger cannot be written
 */
public suspend fun Remote.withdrawn(destination: Destination): Withdrawal =
    blocking { withdraw(destination) }

/**
 * Seals [secret] for its provider and overwrites the array with zeros, whatever comes of it. It never
 * comes out again.
 *
 * @throws KinoraException.Vault when it cannot be sealed
 * @throws KinoraException.Host when the app's key store failed
 */
public suspend fun Remote.keepSecret(provider: String, purpose: String, secret: ByteArray): Unit =
    try {
        blocking { putSecret(provider, purpose, secret) }
    } finally {
        secret.fill(0)
    }

/**
 * Ends the job at its provider and has its copies deleted there, as far as that can be done; says what
 * is left.
 *
 * @throws KinoraException.Remote when there is no such job, or the provider could not be asked
 */
public suspend fun Remote.cleanedUp(jobId: String): Copies = blocking { cleanUp(jobId) }

/**
 * Everything that is held on this device, and what providers still have.
 *
 * @throws KinoraException when a part of it cannot be read
 */
public suspend fun Remote.kept(): DataKept = blocking { data() }

/**
 * All of it as JSON, to take along; never the secrets.
 *
 * @throws KinoraException when a part of it cannot be read
 */
public suspend fun Remote.exported(): String = blocking { exportData() }

/**
 * Deletes [item]; gives the jobs whose copies stay at their providers until they expire. Jobs are ended
 * at their providers first, which may take seconds.
 *
 * @throws KinoraException when a part of it could not be deleted; of [DataItem.Everything] as much as
 * possible is gone by then
 */
public suspend fun Remote.deleted(item: DataItem): List<RemoteJob> = blocking { delete(item) }

/**
 * The same request for the remote model [model], under [grant].
 *
 * @param rights the person's answer to the question of rights, which [PayloadPreview.asksForRights] says
 * is needed
 */
public fun GenerationRequest.sentTo(
    model: String,
    grant: Grant,
    rights: Rights? = null,
): GenerationRequest = copy(remote = RemoteChoice(model, grant, rights))

/** The same request on this device: nothing of it is sent. */
public fun GenerationRequest.onThisDevice(): GenerationRequest = copy(remote = null)

/** Whether this job can be gone on with: see [resumed]. */
public val RemoteJob.isResumable: Boolean
    get() = state == RemoteJobState.SENDING || state == RemoteJobState.SENT

/**
 * Takes the bytes of an MP4 or QuickTime file with H.264 pictures away from the calling thread, without
 * its sound and metadata.
 *
 * @throws KinoraException.Request with `request.video` when it is none
 */
public suspend fun videoOf(bytes: ByteArray): Video = withContext(Dispatchers.Default) {
    bytes.lent(Video::fromBytes)
}

/**
 * Reads a video file away from the calling thread: see [videoOf].
 *
 * @throws KinoraException.Request with `request.video` when it is none
 * @throws java.io.IOException when the file cannot be read
 */
public suspend fun videoOf(file: Path): Video =
    videoOf(withContext(Dispatchers.IO) { Files.readAllBytes(file) })

private suspend fun <T> blocking(call: () -> T): T = withContext(Dispatchers.IO) { call() }

/** What a destination answers that nobody, or nobody any more, said yes to. */
private val NO_GRANT =
    setOf("consent.never", "consent.withdrawn", "consent.expired", "consent.notice_changed")
