package app.kinora

import java.io.File
import java.util.UUID
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.withContext

/**
 * Opens ONNX Runtime and the networks away from the calling thread.
 *
 * @throws KinoraException.Runtime when ONNX Runtime is not found or refused
 * @throws KinoraException.Model when a network does not fit
 */
public suspend fun openStudio(options: StudioOptions = StudioOptions()): Studio =
    withContext(Dispatchers.IO) { Studio.open(options) }

/**
 * Makes the clip of [request] and returns it when it is whole; [onProgress] hears how far it is, on a
 * thread of the job.
 *
 * Cancelling the coroutine stops the job inside the library; the call then ends within a few tens of
 * milliseconds, and nothing of the clip is left.
 *
 * @throws KinoraException when the request is out of range or something goes wrong on the way
 */
public suspend fun Studio.generate(
    request: GenerationRequest,
    onProgress: ((GenerationProgress) -> Unit)? = null,
): Clip {
    val listener = onProgress?.let(::Listener)
    val system = Encoders.standIn(request)
    try {
        val clip = start(system?.request ?: request, listener).use { it.await() }
        return system?.finished(this, clip) ?: clip
    } finally {
        system?.clear()
    }
}

/**
 * Marks [file], which an encoder outside the library has written out of a sink's frames for [clip], as
 * the library marks its own files, and returns the clip with the layers that it has now. [generate]
 * does so by itself; apps with a sink of their own call it when the clip is made, with the [marking] of
 * the request if it had one.
 *
 * A file that is not marked in the end, also because the coroutine was cancelled, is removed: nothing
 * leaves without the marks that were asked for.
 *
 * @throws KinoraException.Output when the file is no clip or cannot be written
 */
public suspend fun Studio.marked(clip: Clip, file: File, marking: MarkingOptions? = null): Clip {
    val layers = try {
        withContext(Dispatchers.IO) { signFile(file.path, clip, marking) }
    } catch (failure: Throwable) {
        file.delete()
        throw failure
    }
    return clip.copy(marks = layers + clip.marks)
}

/** Encoders of the system that stand in for those that the library lacks on it. */
public object Encoders {
    /**
     * What writes an MP4 at a path; without one the library's own encoder does. The Android package
     * sets it when a studio is opened.
     */
    @Volatile
    public var mp4: ((path: String) -> FrameSink)? = null

    /** How the system makes what [request] asks for; null where the library does it itself. */
    internal fun standIn(request: GenerationRequest): StandIn? {
        // A remote model's clip comes encoded: it is written as it is.
        if (request.remote != null) return null
        val open = mp4 ?: return null
        return when (val output = request.output) {
            is ClipOutput.Mp4 -> StandIn(request, open, File(output.path))
            is ClipOutput.Bytes -> if (output.container == Container.MP4) StandIn(request, open, null) else null
            null -> StandIn(request, open, null)
            else -> null
        }
    }
}

/** A request whose MP4 the system's encoder writes: to [wanted], or for memory. */
internal class StandIn(
    private val asked: GenerationRequest,
    open: (path: String) -> FrameSink,
    private val wanted: File?,
) {
    // Until it is whole and marked it has a name of its own, as the library's own files have. For
    // memory it lies in the temporary folder, which on Android is the app's own cache.
    private val file = run {
        if (wanted?.isDirectory == true) {
            val reason = "$wanted is a folder: give the name of a file in it"
            throw KinoraException.Output("output.is_folder", reason, null)
        }
        val temporary = File(System.getProperty("java.io.tmpdir").orEmpty())
        val folder = if (wanted == null) temporary else wanted.absoluteFile.parentFile ?: temporary
        tidy(folder)
        File(folder, "$PREFIX${UUID.randomUUID()}$SUFFIX")
    }
    val request: GenerationRequest = asked.copy(output = ClipOutput.Sink(open(file.path)))

    /** The clip with its marks and with what was asked for: a sink has neither path nor bytes. */
    suspend fun finished(studio: Studio, clip: Clip): Clip {
        val marked = studio.marked(clip, file, asked.marking)
        return withContext(Dispatchers.IO) {
            if (wanted == null) return@withContext marked.copy(bytes = file.readBytes())
            if (!file.renameTo(wanted)) {
                val reason = "$wanted could not be written: choose another place"
                throw KinoraException.Output("output.write", reason, null)
            }
            marked.copy(path = wanted.path)
        }
    }

    /** Removes what was not wanted, or did not become whole. */
    fun clear() {
        file.delete()
    }

    private companion object {
        const val PREFIX = ".kinora-"
        const val SUFFIX = ".mp4"
        const val STALE_MS = 60 * 60 * 1000L

        /** Removes what a killed process left behind. */
        fun tidy(folder: File) {
            val then = System.currentTimeMillis() - STALE_MS
            folder.listFiles { file -> file.name.startsWith(PREFIX) && file.name.endsWith(SUFFIX) }
                ?.filter { it.lastModified() in 1 until then }
                ?.forEach { it.delete() }
        }
    }
}

/** What a running clip tells: see [events]. */
public sealed interface GenerationEvent {
    /** The clip has come this far. */
    public data class Progressed(
        /** How far. */
        val progress: GenerationProgress,
    ) : GenerationEvent

    /** The clip is made; the last event. */
    public data class Finished(
        /** The clip. */
        val clip: Clip,
    ) : GenerationEvent
}

/**
 * Makes the clip of [request] once for each collector: progress, then the clip. A slow collector sees
 * the newest progress and never misses the clip; one that stops collecting cancels the job.
 */
public fun Studio.events(request: GenerationRequest): Flow<GenerationEvent> = channelFlow {
    val clip = generate(request) { trySend(GenerationEvent.Progressed(it)) }
    send(GenerationEvent.Finished(clip))
}.conflate()

/**
 * Waits for the clip; cancelling the coroutine cancels the job and waits until it has ended.
 *
 * @throws KinoraException.Cancelled when somebody else cancelled the job
 */
public suspend fun GenerationJob.await(): Clip =
    try {
        clip()
    } catch (cancellation: CancellationException) {
        cancel()
        // The job's threads are gone, and its unfinished file too, before the caller goes on.
        withContext(NonCancellable) { runCatching { clip() } }
        throw cancellation
    }

/**
 * Goes on with the remote job [jobId], also after a restart, and returns its clip when it is whole. It
 * is looked for and followed, and never sent again: see [RemoteJob.state] for those that can be
 * resumed.
 *
 * Cancelling the coroutine ends the job at its provider too. To leave it for later, let the process end.
 *
 * @param output an MP4 file, or its bytes
 * @throws KinoraException.Remote with `remote.no_job` or `remote.over` where there is none to go on with
 * @throws KinoraException.Consent when the consent for it does not stand any more
 */
public suspend fun Studio.resumed(
    jobId: String,
    output: ClipOutput = ClipOutput.Bytes(Container.MP4),
    onProgress: ((GenerationProgress) -> Unit)? = null,
): Clip = resume(jobId, output, onProgress?.let(::Listener)).use { it.await() }

/** The same as [resumed], as [events] tells it: progress, then the clip. */
public fun Studio.resumedEvents(
    jobId: String,
    output: ClipOutput = ClipOutput.Bytes(Container.MP4),
): Flow<GenerationEvent> = channelFlow {
    val clip = resumed(jobId, output) { trySend(GenerationEvent.Progressed(it)) }
    send(GenerationEvent.Finished(clip))
}.conflate()

/**
 * Goes on with a pack's job that the end of an earlier process has interrupted, and returns its clip when
 * it is whole: byte for byte the one that the job would have made. See [Checkpoints.list].
 *
 * @param output where the clip goes; it is not among what a checkpoint keeps
 * @param marking what the request said of marks, if it did
 * @throws KinoraException.Request with `checkpoint.…` for one that is not there, running, damaged, or of
 *   another version of its pack
 */
public suspend fun Studio.resumedClip(
    checkpointId: String,
    output: ClipOutput = ClipOutput.Bytes(Container.MP4),
    marking: MarkingOptions? = null,
    onProgress: ((GenerationProgress) -> Unit)? = null,
): Clip =
    withContext(Dispatchers.IO) { resumeClip(checkpointId, output, onProgress?.let(::Listener), marking) }
        .use { it.await() }

/** The faces of [photo], largest first, found away from the calling thread. */
public suspend fun Studio.facesOf(photo: Photo): List<FaceInPhoto> =
    withContext(Dispatchers.Default) { faces(photo) }

private class Listener(private val heard: (GenerationProgress) -> Unit) : ProgressListener {
    override fun progressed(progress: GenerationProgress) {
        heard(progress)
    }
}
