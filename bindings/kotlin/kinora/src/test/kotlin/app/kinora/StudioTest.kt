package app.kinora

import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.io.path.fileSize
import kotlin.io.path.readBytes
import kotlin.time.measureTime
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** What makes clips, and what ends them. */
class StudioTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun aPhotoBecomesAnMp4() = runBlocking {
        val photo = photoOf(portrait())
        val file = folder.resolve("clip.mp4")
        val told = CopyOnWriteArrayList<GenerationProgress>()
        val clip = studio.generate(small(photo, ClipOutput.Mp4("$file"), seconds = 1f)) { told += it }
        assertEquals("$file", clip.path)
        assertNull(clip.bytes)
        assertEquals(12u, clip.frames)
        assertEquals(listOf("smiles"), clip.used.filter { it == "smiles" })
        assertTrue(isFastStartMp4(file.readBytes()))
        probed(file)?.let {
            assertEquals(listOf(clip.width.toInt(), clip.height.toInt(), 12), it)
        } ?: println("skipped: ffprobe is not installed; the boxes were checked")
        assertTrue(told.size > 5, "${told.size} progress events")
        assertTrue(told.zipWithNext().all { (a, b) -> a.share <= b.share })
        assertEquals(ProgressStage.DONE, told.last().stage)
        println("progress events of a 12-frame clip: ${told.size}")
    }

    @Test
    fun theSameSeedGivesTheSameBytes() = runBlocking {
        val photo = photoOf(picture())
        val one = studio.generate(small(photo))
        val two = studio.generate(small(photo))
        assertTrue(one.bytes!!.contentEquals(two.bytes!!))
    }

    @Test
    fun eventsEndWithTheClip() = runBlocking {
        val photo = photoOf(picture())
        val events = studio.events(small(photo)).toList()
        assertTrue(events.dropLast(1).all { it is GenerationEvent.Progressed })
        assertEquals(6u, (events.last() as GenerationEvent.Finished).clip.frames)
        // A collector that stops after the first event cancels the job and is not held up.
        val first = withTimeout(2_000) { studio.events(small(photo, seconds = 10f)).first() }
        assertTrue(first is GenerationEvent.Progressed)
    }

    @Test
    fun facesAreListedForAPicker() = runBlocking {
        val path = data("faces/imageio/astronaut.png") ?: return@runBlocking
        val photo = photoOf(path)
        val faces = studio.facesOf(photo)
        assertEquals(1, faces.size)
        val face = faces.single()
        assertEquals(0u, face.number)
        assertTrue(face.left > 150 && face.left < 220 && face.width > 60 && face.width < 150)
        assertTrue(face.score > 0.6)
        val clip = studio.generate(small(photo).copy(faces = FaceChoice.Number(0u)))
        assertEquals(1u, clip.faces)
        assertEquals(0u, studio.generate(small(photo).copy(faces = FaceChoice.None)).faces)
    }

    @Test
    fun cancellingACoroutineStopsTheLibrary() = runBlocking {
        val photo = photoOf(portrait())
        val file = folder.resolve("cancelled.mp4")
        val request = small(photo, ClipOutput.Mp4("$file"), seconds = 10f).copy(size = 640u, fps = 30.0)
        val times = (0 until 20).map { turn ->
            val job = launch(Dispatchers.Default) { studio.generate(request) }
            delay(20L + 23L * turn)
            assertTrue(job.isActive, "the clip was ready before it could be cancelled")
            measureTime { job.cancelAndJoin() }.inWholeMilliseconds
        }.sorted()
        println("figure kotlin cancel to end, ms: median ${times[10]}, p95 ${times[18]}, most ${times[19]}")
        assertTrue(times[18] < 1_000, "$times")
        assertEquals(emptyList<Path>(), Files.list(folder).toList())
    }

    @Test
    fun aJobThatSomebodyCancelsSaysSo() = runBlocking {
        val job = studio.start(small(photoOf(picture()), seconds = 10f), null)
        job.cancel()
        val error = runCatching { job.await() }.exceptionOrNull()
        assertTrue(error is KinoraException.Cancelled, "$error")
        assertEquals("cancelled", (error as KinoraException).code)
        assertTrue(job.isFinished())
    }

    @Test
    fun whatIsLetGoOfEarlyEndsQuietly() = runBlocking {
        val photo = photoOf(picture())
        val frames = AtomicInteger()
        val sink = Counting(frames)
        val job = studio.start(small(photo, ClipOutput.Sink(sink), seconds = 10f), null)
        photo.close()
        withTimeout(5_000) { while (frames.get() == 0) delay(2) }
        job.close()
        withTimeout(5_000) { while (!sink.abandoned) delay(2) }
        assertTrue(!sink.finished)

        val other = Studio.open(StudioOptions(threads = 1u))
        val running = other.start(small(photoOf(picture())), null)
        other.close()
        assertNotNull(running.await().bytes)
    }

    @Test
    fun manyThreadsShareOneStudio() = runBlocking {
        val photo = photoOf(picture())
        val clips = (0 until 8).map { seed ->
            async(Dispatchers.Default) { studio.generate(small(photo).copy(seed = seed.toULong())) }
        }.awaitAll()
        assertEquals((0 until 8).map(Int::toULong), clips.map(Clip::seed))
        val failures = CopyOnWriteArrayList<Throwable>()
        (0 until 6).map {
            thread {
                runCatching { runBlocking { studio.generate(small(photo)) } }.onFailure { failures += it }
            }
        }.forEach(Thread::join)
        assertEquals(emptyList<Throwable>(), failures)
    }

    @Test
    fun fiftyJobsGiveTheirMemoryBack() = runBlocking {
        val photo = photoOf(portrait())
        var after5 = 0L
        repeat(50) { turn ->
            val file = folder.resolve("$turn.mp4")
            studio.generate(small(photo, ClipOutput.Mp4("$file")))
            assertTrue(file.fileSize() > 500)
            if (turn == 4) after5 = residentKib() ?: return@runBlocking println("skipped: no VmRSS")
        }
        val after50 = residentKib()!!
        val ratio = after50.toDouble() / after5
        println("figure kotlin memory after 50 jobs over after 5: %.3f (%d KiB)".format(ratio, after50))
        assertTrue(ratio < 1.1, "$ratio")
    }

    @Test
    fun cancellationIsNotSwallowed() = runBlocking {
        val photo = photoOf(picture())
        var seen: Throwable? = null
        val job = launch(Dispatchers.Default) {
            try {
                studio.generate(small(photo, seconds = 10f))
            } catch (error: Throwable) {
                seen = error
                throw error
            }
        }
        delay(50)
        job.cancelAndJoin()
        assertTrue(seen is CancellationException, "$seen")
    }
}
