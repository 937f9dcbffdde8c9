package app.kinora

import java.nio.file.Path
import kotlin.time.DurationUnit
import kotlin.time.measureTime
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** What Kotlin adds to a clip: what its caller waits beside what the job took inside the library. */
class SpeedTest {
    @Test
    fun kotlinAddsNextToNothing(@TempDir folder: Path) = runBlocking {
        val photo = photoOf(portrait())
        val request = GenerationRequest(
            photo = photo,
            output = ClipOutput.Mp4("${folder.resolve("clip.mp4")}"),
            prompt = "she smiles, slow zoom in",
            seconds = 1f,
            size = 512u,
        )
        studio.generate(request)
        val ratios = (0 until 5).map {
            val clip: Clip
            val waited = measureTime { clip = studio.generate(request) { } }
            waited.toDouble(DurationUnit.SECONDS) / clip.seconds.total
        }.sorted()
        println("figure kotlin waited over time inside the library: %.4f".format(ratios[2]))
        assertTrue(ratios[2] < 1.2, "$ratios")
    }
}
