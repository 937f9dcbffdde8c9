package app.kinora

import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Models that an app brings along. */
class PackTest {
    @TempDir
    lateinit var folder: Path

    private val source: Path = Path.of("../../../tests/fixtures/packs/wan-t2v").toAbsolutePath().normalize()

    private fun stored(): PackStore {
        val store = PackStore.open(folder.resolve("packs").toString())
        val terms = packTerms(source.toString())
        assertTrue(terms.isOpen() && terms.licence().isNotEmpty() && terms.url().startsWith("https://"))
        store.add(source.toString(), terms.accept())
        return store
    }

    private fun studioWithPacks() =
        Studio.open(StudioOptions(threads = 2u, packs = folder.resolve("packs").toString()))

    @Test
    fun wordsAloneBecomeAClip() = runBlocking {
        val listed = stored().list().single()
        assertTrue(listed.makesTextToVideo && listed.accepted)
        val request = GenerationRequest(photo = null, prompt = "a lighthouse in a storm", seed = 3u, steps = 2u)
        val stages = mutableListOf<ProgressStage>()
        val clip = studioWithPacks().generate(request) { stages += it.stage }
        assertEquals(listed.id, clip.pack?.id)
        assertEquals(Triple(listed.width, listed.height, listed.frames), Triple(clip.width, clip.height, clip.frames))
        assertTrue(isFastStartMp4(clip.bytes!!))
        assertTrue(ProgressStage.DENOISING in stages)
    }

    @Test
    fun whatAPackCannotDoIsSaid() = runBlocking {
        val store = stored()
        val studio = studioWithPacks()
        val request = small(photoOf(picture())).copy(pack = "tiny-wan-t2v")
        fun make() = runBlocking { studio.generate(request) }
        assertEquals("request.task", assertThrows(KinoraException.Request::class.java) { make() }.code)
        store.remove("tiny-wan-t2v")
        assertEquals("pack.not_installed", assertThrows(KinoraException.Model::class.java) { make() }.code)
    }

    @Test
    fun aCheckpointIsSealedUnderTheAppsKeysAndGoesWithItsJob() = runBlocking {
        stored()
        val checkpoints = Checkpoints.open(folder.resolve("checkpoints").toString(), MemoryKeys())
        val packs = folder.resolve("packs").toString()
        val studio = Studio.open(StudioOptions(threads = 2u, packs = packs, checkpoints = checkpoints))
        val full = object : FrameSink {
            override fun begin(format: VideoFormat) = Unit

            override fun frame(i420: ByteArray, timestampUs: ULong): Unit =
                throw KinoraException.Host("host.encoder", "no encoder is free", null)

            override fun finish() = Unit

            override fun abandon() = Unit
        }
        val words = GenerationRequest(photo = null, prompt = "a lighthouse in a storm", seed = 3u, steps = 2u)
        val request = words.copy(output = ClipOutput.Sink(full))
        val failed = assertThrows(KinoraException.Host::class.java) { runBlocking { studio.generate(request) } }
        assertEquals("host.encoder", failed.code)
        val left = checkpoints.list().single()
        val clip = studio.resumedClip(left.id, ClipOutput.Bytes(Container.GIF))
        assertEquals(3uL, clip.seed)
        assertTrue(checkpoints.list().isEmpty())
        val told = studio.preflight(words)
        assertTrue(told.fits && told.seconds == null)
    }

    @Test
    fun aPackThatWasTouchedIsNotOpened() {
        val store = stored()
        store.verify("tiny-wan-t2v")
        val weights = folder.resolve("packs/tiny-wan-t2v/denoiser.data")
        val bytes = Files.readAllBytes(weights)
        bytes[100] = (bytes[100].toInt() xor 1).toByte()
        Files.write(weights, bytes)
        val error = assertThrows(KinoraException.Model::class.java) { store.verify("tiny-wan-t2v") }
        assertEquals("pack.hash", error.code)
        store.remove("tiny-wan-t2v")
        assertFalse(Files.exists(weights))
    }
}
