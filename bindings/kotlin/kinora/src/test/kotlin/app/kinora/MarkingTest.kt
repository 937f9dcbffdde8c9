package app.kinora

import java.io.File
import java.nio.file.Path
import java.security.SecureRandom
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** An app's signer, as one over the system's key store would be: it says yes or no each time. */
private class AppSigner(private val refuses: Boolean = false) : ManifestSigner {
    private val own = ownSigner(ByteArray(32).also { SecureRandom().nextBytes(it) })
    val asked = CopyOnWriteArrayList<Int>()

    override fun algorithm(): SigningAlgorithm = own.algorithm()

    override fun certificates(): List<ByteArray> = own.certificates()

    override fun sign(bytes: ByteArray): ByteArray {
        asked += bytes.size
        if (refuses) throw KinoraException.Host("host.failed", "the key was not unlocked", null)
        return own.sign(bytes)
    }
}

/** What made clips say of themselves, and who signs it. */
class MarkingTest {
    @TempDir
    lateinit var folder: Path

    private fun states(file: File): Map<LayerKind, LayerState> =
        verifyFile(file.path).associate { it.kind to it.state }

    private fun make(studio: Studio, file: File, marking: MarkingOptions? = null): Clip = runBlocking {
        studio.generate(small(photoOf(portrait()), ClipOutput.Mp4(file.path)).copy(marking = marking))
    }

    @Test
    fun anAppsKeySignsEachFileOnceAndOneFlippedByteShows() {
        val file = folder.resolve("clip.mp4").toFile()
        val signer = AppSigner()
        val clip = make(studio, file, MarkingOptions(signer = signer))
        assertEquals(1, signer.asked.size)
        assertTrue(LayerKind.MANIFEST in clip.marks)
        assertEquals(LayerState.INTACT, states(file)[LayerKind.MANIFEST])
        assertEquals(LayerState.INTACT, states(file)[LayerKind.XMP])
        val bytes = file.readBytes()
        bytes[bytes.size - 100] = (bytes[bytes.size - 100].toInt() xor 1).toByte()
        file.writeBytes(bytes)
        assertEquals(LayerState.DAMAGED, states(file)[LayerKind.MANIFEST])
    }

    @Test
    fun aSignerThatRefusesIsHeardAndLeavesTheFile() {
        val file = folder.resolve("clip.mp4").toFile()
        val clip = make(studio, file)
        val before = file.readBytes()
        val refusing = MarkingOptions(signer = AppSigner(refuses = true))
        val told = assertThrows(KinoraException.Output::class.java) {
            studio.signFile(file.path, clip, refusing)
        }
        assertEquals("marking.signer", told.code)
        assertArrayEquals(before, file.readBytes())
        studio.signFile(file.path, clip, MarkingOptions(signer = freshSigner()))
        assertEquals(LayerState.INTACT, states(file)[LayerKind.MANIFEST])
    }
}
