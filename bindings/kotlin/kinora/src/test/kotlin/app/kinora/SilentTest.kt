package app.kinora

import java.io.File
import java.net.DatagramSocket
import java.nio.file.Path
import kotlin.io.path.exists
import kotlin.io.path.writeBytes
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** A program of its own for the traps: one clip, then the wait; or a socket. */
internal object SilentJob {
    @JvmStatic
    fun main(arguments: Array<String>) {
        if (arguments[0] == "socket") return DatagramSocket().close()
        val out = System.getenv("KINORA_PROVE_OUT")
        // The photo's path goes to the library. Java's own file channels would load its network
        // library, which opens a socket only to learn what there is.
        runBlocking {
            val clip = studio.generate(
                GenerationRequest(
                    photo = photoOf(Path.of(arguments[0])),
                    output = ClipOutput.Mp4("$out/clip.mp4"),
                    prompt = "she smiles, slow zoom in",
                    seconds = 1f,
                ),
            )
            check(clip.frames == 24u) { clip }
        }
        Thread.sleep(1000 * System.getenv("KINORA_PROVE_IDLE").toLong())
    }
}

/** A local job of the Kotlin package opens no socket: `kinora prove` holds the traps. */
class SilentTest {
    @Test
    fun aLocalJobOpensNoSocketAndWritesOnlyWhereItIsTold(@TempDir folder: Path) {
        val photo = folder.resolve("photo.png").also { it.writeBytes(portrait()) }
        val (status, told) = prove(photo.toString(), "--idle", "15")
        println(told)
        assertEquals(0, status, told)
        assertTrue("passed   kernel" in told && "made clip.mp4 of" in told, told)
    }

    @Test
    fun aSocketEndsTheProgram() {
        val (status, told) = prove("socket", "--idle", "0", "--only", "kernel")
        assertNotEquals(0, status, told)
        assertTrue("called for a socket and was ended by SIGSYS" in told, told)
    }

    private fun prove(argument: String, vararg options: String): Pair<Int, String> {
        val kinora = System.getenv("KINORA_PROGRAM")
        assumeTrue(kinora != null && Path.of(kinora).exists(), "KINORA_PROGRAM names no kinora")
        val path = System.getProperty("surefire.test.class.path")
            ?: System.getProperty("java.class.path")
        val java = File(System.getProperty("java.home"), "bin/java").path
        // AF_UNIX: a JVM asks the system's name service for its user. What Java, JNA and libffi below it
        // unpack, they get the given folder for.
        val process = ProcessBuilder(
            listOf(kinora, "prove", "--unix") + options +
                listOf("--", "/bin/sh", "-c", INTO_THE_FOLDER, java) +
                listOf("-XX:-UsePerfData", "-cp", path) +
                "-Djna.library.path=${System.getProperty("jna.library.path")}" +
                listOf(SilentJob::class.java.name, argument),
        ).redirectErrorStream(true).start()
        val told = process.inputStream.reader().readText()
        return process.waitFor() to told
    }

    private companion object {
        const val INTO_THE_FOLDER = "export TMPDIR=\"\$KINORA_PROVE_OUT\"; " +
            "exec \"\$0\" -Djava.io.tmpdir=\"\$TMPDIR\" -Djna.tmpdir=\"\$TMPDIR\" \"\$@\""
    }
}
