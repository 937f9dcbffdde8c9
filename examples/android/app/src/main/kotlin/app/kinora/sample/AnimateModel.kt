package app.kinora.sample

import app.kinora.ClipOutput
import app.kinora.ConsentQuestion
import app.kinora.GenerationEvent
import app.kinora.GenerationRequest
import app.kinora.Grant
import app.kinora.KinoraException
import app.kinora.NoticeLine
import app.kinora.Photo
import app.kinora.PromptSection
import app.kinora.Rights
import app.kinora.Studio
import app.kinora.allowed
import app.kinora.events
import app.kinora.previewOf
import app.kinora.question
import app.kinora.reason
import app.kinora.refused
import app.kinora.sentTo
import app.kinora.standingGrant
import java.io.File
import kotlin.random.Random
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** Where the app stands. */
sealed interface Phase {
    /** Nothing is being made. */
    data object Idle : Phase

    /** A clip is being made: its share so far, and the seconds that are probably left. */
    data class Working(val share: Float, val secondsLeft: Float?) : Phase

    /** A clip is ready, and these words of the prompt meant nothing. */
    data class Done(val clip: File, val ignored: List<String>) : Phase

    /** It did not work, for this reason. */
    data class Failed(val reason: String) : Phase
}

/** Where a clip is made. */
sealed interface Place {
    /** Here: nothing is sent. */
    data object OnDevice : Place

    /** By a remote model, once the person has agreed. */
    data class Elsewhere(val model: String, val name: String) : Place
}

/** What the person is asked before anything is sent. */
sealed interface Asking {
    /** Whether they agree to this notice; its title is the first line. */
    data class Consent(val lines: List<String>) : Asking

    /** Whether the picture of whom it shows may be used. */
    data object PictureRights : Asking
}

/** All that the screen shows. */
data class Screen(
    val hasPhoto: Boolean = false,
    val prompt: String = "",
    val places: List<Place> = listOf(Place.OnDevice),
    val place: Place = Place.OnDevice,
    val asking: Asking? = null,
    val phase: Phase = Phase.Idle,
)

/**
 * What the screen does, without anything of Android, so that it is compiled and tested anywhere.
 *
 * @param clips the folder for clips; only the newest one is kept
 * @param remote the remote side, for the models that are not on this device
 * @param open opens the studio when the first clip is made
 */
class AnimateModel(
    private val scope: CoroutineScope,
    private val clips: File,
    private val remote: RemoteDoor? = null,
    private val open: suspend () -> Studio,
) {
    private val shown = MutableStateFlow(Screen())
    private var photo: Photo? = null
    private var studio: Studio? = null
    private var picking: Job? = null
    private var work: Job? = null
    private var consent: CompletableDeferred<Boolean>? = null
    private var rights: CompletableDeferred<Rights?>? = null

    /** All that the screen shows. */
    val screen: StateFlow<Screen> = shown.asStateFlow()

    /** Takes the photo that [read] gives. The clip of another photo and another pick end. */
    fun pick(read: suspend () -> Photo) {
        cancel()
        picking?.cancel()
        picking = scope.launch {
            try {
                val fresh = read()
                // Not every read stops when it is cancelled, and another pick counts by then.
                if (isActive) take(fresh) else fresh.close()
            } catch (error: KinoraException) {
                if (isActive) fail(error)
            }
        }
    }

    /** Changes the prompt. */
    fun say(prompt: String) = shown.update { it.copy(prompt = prompt) }

    /** Adds a motion to the prompt, or takes it out again. */
    fun toggle(motion: String) = shown.update { it.copy(prompt = toggled(it.prompt, motion)) }

    /** Finds out which remote models there are. Nothing is sent for that. */
    fun findPlaces() {
        val remote = remote ?: return
        scope.launch {
            // Where the remote side does not open, the device is left.
            val models = remote.orNull()?.let { withContext(Dispatchers.IO) { it.models() } }
            val places = models.orEmpty().filter { it.retired == null }
                .map { Place.Elsewhere(it.id, it.name) }
            shown.update { it.copy(places = listOf(Place.OnDevice) + places) }
        }
    }

    /** Chooses where the next clip is made. */
    fun choose(place: Place) = shown.update { it.copy(place = place) }

    /** The person agrees to the notice that is shown, or not now. */
    fun answer(allow: Boolean) {
        shown.update { it.copy(asking = null) }
        consent?.complete(allow)
    }

    /** The person says why the picture may be used; null: it may not. */
    fun answer(right: Rights?) {
        shown.update { it.copy(asking = null) }
        rights?.complete(right)
    }

    /** Starts to make the clip. */
    fun animate() {
        val photo = photo ?: return
        // By what is shown: the last clip's coroutine may still be ending.
        if (shown.value.phase is Phase.Working) return
        shown.update { it.copy(phase = Phase.Working(0f, null)) }
        work = scope.launch {
            try {
                make(photo)
            } catch (error: KinoraException) {
                fail(error)
            }
        }
    }

    /** Stops the clip that is being made, or the question before it; nothing of it is left. */
    fun cancel() {
        work?.cancel()
        work = null
        // Here and not when the job has ended: another one may have begun by then.
        if (shown.value.phase is Phase.Working) {
            shown.update { it.copy(phase = Phase.Idle, asking = null) }
        }
    }

    /** Lets go of the photo and the studio, when the screen is gone for good. */
    fun close() {
        cancel()
        picking?.cancel()
        photo?.close()
        studio?.close()
    }

    private fun take(fresh: Photo) {
        // A clip that was begun while this photo was read is of the one that is closed here.
        cancel()
        photo?.close()
        photo = fresh
        shown.update { it.copy(hasPhoto = true, phase = Phase.Idle) }
    }

    private suspend fun make(photo: Photo) {
        val file = withContext(Dispatchers.IO) { emptied().resolve("${System.nanoTime()}.mp4") }
        val studio = studio ?: open().also { studio = it }
        val request = GenerationRequest(
            photo = photo,
            output = ClipOutput.Mp4(file.path),
            prompt = shown.value.prompt,
            // Another clip each time; the player repeats it, so it returns to its start.
            seed = Random.nextLong(Long.MAX_VALUE).toULong(),
            looping = true,
        )
        val ready = when (val place = shown.value.place) {
            Place.OnDevice -> request
            is Place.Elsewhere -> agreed(studio, request, place.model)
        }
        if (ready == null) {
            shown.update { it.copy(phase = Phase.Idle) }
            return
        }
        studio.events(ready).collect { event ->
            val phase = when (event) {
                is GenerationEvent.Progressed ->
                    Phase.Working(event.progress.share, event.progress.secondsLeft)
                is GenerationEvent.Finished -> Phase.Done(file, event.clip.ignored)
            }
            shown.update { it.copy(phase = phase) }
        }
    }

    /** The request with the person's yes to where it goes; null where they said no. */
    private suspend fun agreed(
        studio: Studio,
        request: GenerationRequest,
        model: String,
    ): GenerationRequest? {
        val remote = checkNotNull(remote).get()
        val preview = studio.previewOf(request, model)
        val grant = remote.standingGrant(preview)
            ?: remote.question(preview).use { asked(it) }
            ?: return null
        val right = if (preview.asksForRights) askedForRights() ?: return null else null
        return request.sentTo(model, grant, right)
    }

    private suspend fun asked(question: ConsentQuestion): Grant? {
        val answer = CompletableDeferred<Boolean>().also { consent = it }
        val lines = question.notice().lines.map(NoticeLine::text)
        shown.update { it.copy(asking = Asking.Consent(lines)) }
        if (answer.await()) return question.allowed()
        question.refused()
        return null
    }

    private suspend fun askedForRights(): Rights? {
        val answer = CompletableDeferred<Rights?>().also { rights = it }
        shown.update { it.copy(asking = Asking.PictureRights) }
        return answer.await()
    }

    /** The clips' folder, without the clips that were made before. */
    private fun emptied(): File {
        clips.deleteRecursively()
        clips.mkdirs()
        return clips
    }

    private fun fail(error: KinoraException) {
        // Kinora's errors carry a sentence that says what to do.
        shown.update { it.copy(phase = Phase.Failed(error.reason)) }
    }
}

/** The motions of a prompt, separated by commas, with [motion] added or taken out. */
internal fun toggled(prompt: String, motion: String): String {
    val said = prompt.split(",").map(String::trim).filter(String::isNotEmpty)
    return (if (motion in said) said - motion else said + motion).joinToString(", ")
}

/** A few motions of each section that are worth a chip: the usual phrase of each entry. */
internal fun chips(sections: List<PromptSection>, most: Int = 4): List<Pair<String, List<String>>> =
    sections.map { section ->
        section.title to section.entries.take(most).map { it.phrases.first() }
    }
