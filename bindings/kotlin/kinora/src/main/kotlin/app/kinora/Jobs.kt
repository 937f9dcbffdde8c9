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
): Clip = start(request, onProgress?.let(::Listener)).use { it.await() }

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
    val listener = Listener { trySend(GenerationEvent.Progressed(it)) }
    val clip = start(request, listener).use { it.await() }
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
