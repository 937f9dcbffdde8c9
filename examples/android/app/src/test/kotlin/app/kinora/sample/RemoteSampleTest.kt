package app.kinora.sample

import app.kinora.ConsentState
import app.kinora.FakeProvider
import app.kinora.GenerationRequest
import app.kinora.MemoryKeys
import app.kinora.Photo
import app.kinora.PhotoOrientation
import app.kinora.Remote
import app.kinora.RemoteOptions
import app.kinora.Rights
import app.kinora.StudioOptions
import app.kinora.VaultEntry
import app.kinora.generate
import app.kinora.openRemote
import app.kinora.openStudio
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.file.Path
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The sheet, the picker and the page, with a provider in this process. */
class RemoteSampleTest {
    @TempDir
    lateinit var folder: Path

    private val provider = FakeProvider(clip)
    private val scope = CoroutineScope(Dispatchers.Default)
    private val door = RemoteDoor {
        openRemote(RemoteOptions("$folder/kinora", MemoryKeys(), provider))
    }
    private val model by lazy {
        AnimateModel(scope, folder.resolve("clips").toFile(), door) {
            openStudio(StudioOptions(threads = 2u, remote = door.orNull()))
        }
    }
    private val privacy by lazy { PrivacyModel(scope, door) }
    private val key = VaultEntry("gemini", "api_key")

    @AfterEach
    fun close() {
        model.close()
        door.close()
    }

    private fun until(wanted: (Screen) -> Boolean): Screen = runBlocking {
        withTimeout(60_000) { model.screen.first(wanted) }
    }

    private fun page(wanted: (Privacy) -> Boolean): Privacy = runBlocking {
        withTimeout(60_000) { privacy.page.first { !it.isBusy && wanted(it) } }
    }

    private fun ready(photo: Photo = photo()) {
        model.findPlaces()
        model.pick { photo }
        until { it.hasPhoto && it.places.size > 1 }
        assertEquals(Place.OnDevice, model.screen.value.place)
        val gemini = model.screen.value.places.filterIsInstance<Place.Elsewhere>()
            .first { it.model == FakeProvider.MODEL }
        model.choose(gemini)
        privacy.keep(key, " CANARY-KEY ")
        page { key in it.keys }
    }

    private fun allowed(): Phase.Done {
        model.animate()
        until { it.asking is Asking.Consent }
        model.answer(allow = true)
        return until { it.phase is Phase.Done }.phase as Phase.Done
    }

    @Test
    fun theDeviceIsTheFirstChoiceAndAsksNothing() {
        model.findPlaces()
        model.pick { photo() }
        until { it.hasPhoto && it.places.size > 1 }
        model.animate()
        val done = until { it.phase is Phase.Done || it.asking != null }
        assertTrue(done.phase is Phase.Done && provider.sent.isEmpty())
    }

    @Test
    fun aYesSendsOnceAndIsRemembered() {
        ready()
        model.animate()
        val asking = until { it.asking != null }.asking as Asking.Consent
        assertTrue(asking.lines.size > 4 && asking.lines.none(String::isBlank))
        assertTrue(provider.sent.isEmpty())
        model.answer(allow = true)
        val done = until { it.phase is Phase.Done }.phase as Phase.Done
        assertArrayEquals(clip, done.clip.readBytes())
        assertEquals("CANARY-KEY", provider.sent.first().header("x-goog-api-key"))
        model.animate()
        val again = until { it.asking != null || it.phase is Phase.Done && it.phase != done }
        assertEquals(null, again.asking)
        assertEquals(2, provider.submits)
    }

    @Test
    fun notNowAndGoingAwaySendNothing() {
        ready()
        model.animate()
        until { it.asking is Asking.Consent }
        model.answer(allow = false)
        until { it.phase is Phase.Idle && it.asking == null }
        model.animate()
        until { it.asking is Asking.Consent }
        model.cancel()
        until { it.phase is Phase.Idle && it.asking == null }
        assertTrue(provider.sent.isEmpty())
        privacy.refresh()
        assertTrue(page { it.ledger.isNotEmpty() }.grants.none { it.state is ConsentState.Given })
    }

    @Test
    fun aPictureOfSomebodyAsksForRights() {
        val portrait = portrait() ?: return
        ready(portrait)
        model.animate()
        until { it.asking is Asking.Consent }
        model.answer(allow = true)
        until { it.asking is Asking.PictureRights }
        model.answer(right = null)
        until { it.phase is Phase.Idle }
        assertTrue(provider.sent.isEmpty())
        model.animate()
        until { it.asking is Asking.PictureRights }
        model.answer(Rights.AGREED)
        until { it.phase is Phase.Done }
        assertEquals(1, provider.submits)
    }

    @Test
    fun aMissingKeyIsSaid() {
        ready()
        privacy.forget(key)
        page { key !in it.keys && key in it.keysMissing }
        model.animate()
        until { it.asking is Asking.Consent }
        model.answer(allow = true)
        val failed = until { it.phase is Phase.Failed }.phase as Phase.Failed
        assertTrue("vault" in failed.reason, failed.reason)
        assertTrue(provider.sent.isEmpty())
    }

    @Test
    fun thePageShowsWithdrawsExportsAndDeletes() {
        ready()
        allowed()
        privacy.refresh()
        val held = page { it.grants.isNotEmpty() && it.jobs.isNotEmpty() }
        assertTrue(held.grants.single().state is ConsentState.Given)
        assertTrue(held.ledgerIntact && held.ledger.lines().size > 3)
        var json = ""
        privacy.export { json = it }
        page { it.told == Told.Exported }
        assertTrue("consents" in json && "CANARY" !in json)
        for (error in listOf(IOException("the disk is full"), SecurityException("not yours"))) {
            privacy.export { throw error }
            page { it.told == Told.Failed("${error.message}") }
        }

        privacy.withdraw(held.grants.single().destination)
        assertEquals(Told.Withdrawn(1, 0), page { it.told is Told.Withdrawn }.told)
        assertTrue(privacy.page.value.grants.single().state is ConsentState.Withdrawn)
        model.animate()
        until { it.asking is Asking.Consent }
        model.cancel()

        // Not without being asked.
        privacy.deleteEverything()
        assertEquals(1, privacy.page.value.grants.size)
        privacy.askToDelete(true)
        privacy.deleteEverything()
        val left = page { it.told is Told.Deleted }
        assertEquals(Told.Deleted(0), left.told)
        assertEquals(0, left.grants.size + left.keys.size + left.jobs.size)
    }

    @Test
    fun aRemoteSideThatDoesNotOpenLeavesTheDevice() {
        val broken = RemoteDoor {
            Remote.open(RemoteOptions("/proc/no/such/folder", MemoryKeys()))
        }
        val model = AnimateModel(scope, folder.resolve("others").toFile(), broken) {
            openStudio(StudioOptions(threads = 2u, remote = broken.orNull()))
        }
        model.findPlaces()
        model.pick { photo() }
        runBlocking { withTimeout(60_000) { model.screen.first { it.hasPhoto } } }
        model.animate()
        runBlocking { withTimeout(60_000) { model.screen.first { it.phase is Phase.Done } } }
        assertEquals(listOf<Place>(Place.OnDevice), model.screen.value.places)
        model.close()
        val page = PrivacyModel(scope, broken)
        page.refresh()
        runBlocking { withTimeout(60_000) { page.page.first { it.told is Told.Failed } } }
    }

    private companion object {
        fun photo(): Photo {
            val pixels = ByteBuffer.allocateDirect(4 * 480 * 320)
            repeat(480 * 320) { pixels.put(byteArrayOf(it.toByte(), (it / 480).toByte(), 90, -1)) }
            pixels.flip()
            return Photo.fromPixels(pixels, 480u, 320u, 1920u, PhotoOrientation.UPRIGHT)
        }

        /** The standard portrait of the test data, where it is there. */
        fun portrait(): Photo? {
            val root = System.getenv("KINORA_DATA") ?: "../../../shared/data"
            val path = Path.of(root, "faces/imageio/astronaut.png")
            if (path.toFile().isFile) return Photo.open("$path")
            System.err.println("skipped: there is no $path in the test data (KINORA_DATA)")
            return null
        }

        val clip: ByteArray by lazy {
            runBlocking {
                openStudio(StudioOptions(threads = 2u)).use { studio ->
                    val request = GenerationRequest(photo(), seconds = 0.5f, size = 192u)
                    checkNotNull(studio.generate(request).bytes)
                }
            }
        }
    }
}
