package app.kinora

import java.io.File
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
        return system?.finished(marked(clip, system.file)) ?: clip
    } finally {
        system?.clear()
    }
}

/**
 * Marks [file], which an encoder outside the library has written out of a sink's frames for [clip], as
 * the library marks its own files, and returns the clip with the layers that it has now. [generate]
 * does so by itself; apps with a sink of their own call it when the clip is made.
 *
 * A file that cannot be marked is removed: nothing leaves without the marks that were asked for.
 *
 * @throws KinoraException.Output when the file is no clip or cannot be written
 */
public suspend fun Studio.marked(clip: Clip, file: File): Clip = withContext(Dispatchers.IO) {
    try {
        clip.copy(marks = signFile(file.path) + clip.marks)
    } catch (failure: KinoraException) {
        file.delete()
        throw failure
    }
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
            is ClipOutput.Mp4 -> StandIn(request, open, File(output.path), kept = true)
            is ClipOutput.Bytes -> if (output.container == Container.MP4) inMemory(request, open) else null
            null -> inMemory(request, open)
            else -> null
        }
    }

    // A system's encoder writes files alone; on Android the temporary folder is the app's own cache.
    private fun inMemory(request: GenerationRequest, open: (String) -> FrameSink) =
        StandIn(request, open, File.createTempFile("kinora", ".mp4"), kept = false)
}

/** A request whose MP4 the system's encoder writes to [file]. */
internal class StandIn(
    asked: GenerationRequest,
    open: (path: String) -> FrameSink,
    val file: File,
    private val kept: Boolean,
) {
    val request: GenerationRequest = asked.copy(output = ClipOutput.Sink(open(file.path)))

    /** The clip with what was asked for: a sink has neither path nor bytes. */
    fun finished(clip: Clip): Clip =
        if (kept) clip.copy(path = file.path) else clip.copy(bytes = file.readBytes())

    /** Removes what nobody asked to keep. */
    fun clear() {
        if (!kept) file.delete()
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

/** The faces of [photo], largest first, found away from the calling thread. */
public suspend fun Studio.facesOf(photo: Photo): List<FaceInPhoto> =
    withContext(Dispatchers.Default) { faces(photo) }

private class Listener(private val heard: (GenerationProgress) -> Unit) : ProgressListener {
    override fun progressed(progress: GenerationProgress) {
        heard(progress)
    }
}
