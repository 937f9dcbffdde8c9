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
    fun whatAPackCannotDoIsSaid() {
        val store = stored()
        val studio = studioWithPacks()
        fun code(request: GenerationRequest) = assertThrows(KinoraException.Request::class.java) {
            runBlocking { studio.generate(request) }
        }.code
        assertEquals("request.task", code(small(photoOf(picture())).copy(pack = "tiny-wan-t2v")))
        store.remove("tiny-wan-t2v")
        val error = assertThrows(KinoraException.Model::class.java) {
            runBlocking { studio.generate(small(photoOf(picture())).copy(pack = "tiny-wan-t2v")) }
        }
        assertEquals("pack.not_installed", error.code)
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
