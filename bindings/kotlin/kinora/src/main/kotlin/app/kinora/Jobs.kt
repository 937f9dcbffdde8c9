package app.kinora

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
    val clip = start(Encoders.applied(request), listener).use { it.await() }
    // A sink has no path; the one that was asked for has the file now.
    return if (clip.path == null) clip.copy(path = (request.output as? ClipOutput.Mp4)?.path) else clip
}

/** Encoders of the system that stand in for those that the library lacks on it. */
public object Encoders {
    /**
     * What writes an MP4 at a path; without one the library's own encoder does. The Android package
     * sets it when a studio is opened.
     */
    @Volatile
    public var mp4: ((path: String) -> FrameSink)? = null

    internal fun applied(request: GenerationRequest): GenerationRequest {
        val path = (request.output as? ClipOutput.Mp4)?.path ?: return request
        val sink = mp4?.invoke(path) ?: return request
        return request.copy(output = ClipOutput.Sink(sink))
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

/** The faces of [photo], largest first, found away from the calling thread. */
public suspend fun Studio.facesOf(photo: Photo): List<FaceInPhoto> =
    withContext(Dispatchers.Default) { faces(photo) }

private class Listener(private val heard: (GenerationProgress) -> Unit) : ProgressListener {
    override fun progressed(progress: GenerationProgress) {
        heard(progress)
    }
}
