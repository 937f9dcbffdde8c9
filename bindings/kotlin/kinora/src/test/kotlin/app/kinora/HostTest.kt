package app.kinora

import java.nio.file.Files
import java.nio.file.Path
import java.security.SecureRandom
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.spec.GCMParameterSpec
import kotlin.io.path.writeBytes
import kotlin.io.path.writeText
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** A sink that counts. */
internal class Counting(private val frames: AtomicInteger = AtomicInteger()) : FrameSink {
    var bytes = 0L
    var format: VideoFormat? = null
    val times = CopyOnWriteArrayList<ULong>()

    @Volatile var finished = false

    @Volatile var abandoned = false

    override fun begin(format: VideoFormat) {
        this.format = format
    }

    override fun frame(i420: ByteArray, timestampUs: ULong) {
        frames.incrementAndGet()
        bytes += i420.size
        times += timestampUs
    }

    override fun finish() {
        finished = true
    }

    override fun abandon() {
        abandoned = true
    }
}

/** What the host gives and gets: errors, sinks, logs, keys. */
class HostTest {
    @TempDir
    lateinit var folder: Path

    private fun failure(body: suspend () -> Unit): KinoraException {
        val error = runCatching { runBlocking { body() } }.exceptionOrNull()
        assertTrue(error is KinoraException, "$error")
        return error as KinoraException
    }

    @Test
    fun everyErrorHasItsCodeAndSaysWhatToDo() {
        val photo = runBlocking { photoOf(picture()) }
        val text = folder.resolve("note.txt").also { it.writeText("not a picture") }
        val heic = byteArrayOf(0, 0, 0, 24) + "ftypheic".toByteArray() + ByteArray(12)
        val nowhere = "$folder/no/such/clip.mp4"
        val wrong = folder.resolve("models").also { Files.createDirectory(it) }
        for (name in listOf("face_detector", "face_points", "perception", "motion")) {
            wrong.resolve("$name.onnx").writeBytes(byteArrayOf(1, 2, 3))
        }
        val expected = listOf<Pair<String, suspend () -> Unit>>(
            "photo.empty" to { photoOf(ByteArray(0)) },
            "photo.heic" to { photoOf(heic) },
            "photo.unsupported_format" to { photoOf(text) },
            "photo.damaged" to { photoOf(picture().copyOf(60)) },
            "photo.unreadable_file" to { photoOf(folder.resolve("absent.jpg")) },
            "request.seconds" to { studio.generate(small(photo, seconds = 99f)) },
            "request.fps" to { studio.generate(small(photo).copy(fps = 0.0)) },
            "request.face" to { studio.generate(small(photo).copy(faces = FaceChoice.Number(7u))) },
            "output.no_folder" to { studio.generate(small(photo, ClipOutput.Mp4(nowhere))) },
            "runtime.other_library" to { openStudio(StudioOptions(runtimeLibrary = "$text")) },
        )
        for ((code, body) in expected) {
            val error = failure(body)
            assertEquals(code, error.code)
            assertTrue(error.reason.length > 10 && error.message!!.contains(error.reason))
        }
        val model = failure { openStudio(StudioOptions(models = "$wrong")) }
        assertTrue(model is KinoraException.Model, "$model")
    }

    @Test
    fun aSinkTakesEveryFrame() = runBlocking {
        val frames = AtomicInteger()
        val sink = Counting(frames)
        val clip = studio.generate(small(photoOf(picture()), ClipOutput.Sink(sink), seconds = 1f))
        assertEquals(clip.frames.toInt(), frames.get())
        assertEquals(clip.width.toLong() * clip.height.toLong() * 3 / 2 * frames.get(), sink.bytes)
        assertEquals(VideoFormat(clip.width, clip.height, 12u, 1u), sink.format)
        assertEquals(0uL, sink.times.first())
        assertTrue(sink.times.zipWithNext().all { (a, b) -> a < b })
        assertTrue(sink.finished && !sink.abandoned)
    }

    @Test
    fun aSinkThatFailsEndsTheJobInItsOwnWords() {
        class Failing(private val thrown: Exception) : FrameSink {
            var abandoned = false

            override fun begin(format: VideoFormat) = Unit

            override fun frame(i420: ByteArray, timestampUs: ULong): Unit = throw thrown

            override fun finish() = Unit

            override fun abandon() {
                abandoned = true
            }
        }
        val own = KinoraException.Host("host.encoder", "no encoder is free", null)
        val thrown = mapOf("host.encoder" to own, "host.failed" to IllegalStateException(own.reason))
        for ((code, thrown) in thrown) {
            val sink = Failing(thrown)
            val error = failure { studio.generate(small(photoOf(picture()), ClipOutput.Sink(sink))) }
            assertEquals(code, error.code)
            assertTrue(error.reason.contains("no encoder is free"), error.reason)
            assertTrue(sink.abandoned)
        }
        val cancelled = Failing(KinoraException.Cancelled("cancelled", "the user left", null))
        val error = failure { studio.generate(small(photoOf(picture()), ClipOutput.Sink(cancelled))) }
        assertTrue(error is KinoraException.Cancelled)
    }

    @Test
    fun aListenerThatThrowsDoesNotHarmTheClip() = runBlocking {
        val clip = studio.generate(small(photoOf(picture()))) { error("a listener that throws") }
        assertEquals(6u, clip.frames)
    }

    @Test
    fun theLogTellsOfJobsAndNeverOfPrompts() = runBlocking {
        val lines = CopyOnWriteArrayList<LogRecord>()
        setLogSink(
            object : LogSink {
                override fun log(record: LogRecord) {
                    lines += record
                }
            },
            LogLevel.DEBUG,
        )
        try {
            studio.generate(small(photoOf(picture())).copy(prompt = "smile at aunt mathilda"))
        } finally {
            setLogSink(null, LogLevel.ERROR)
        }
        assertTrue(lines.any { it.level == LogLevel.INFO && it.message.startsWith("job done") })
        assertTrue(lines.none { it.message.contains("mathilda") })
    }

    @Test
    fun keysAreWrappedByTheHost() {
        val key = KeyGenerator.getInstance("AES").apply { init(256) }.generateKey()
        class Sealed(private val checks: Boolean) : KeyStore {
            override fun wrap(key: ByteArray): ByteArray = cipher(Cipher.ENCRYPT_MODE, nonce())
                .let { it.iv + it.doFinal(key) }

            override fun unwrap(blob: ByteArray): ByteArray = try {
                cipher(Cipher.DECRYPT_MODE, blob.copyOf(12)).doFinal(blob.copyOfRange(12, blob.size))
            } catch (error: AEADBadTagException) {
                if (checks) throw KinoraException.Host("host.tampered", "the blob was changed", "$error")
                ByteArray(32)
            }

            private fun nonce() = ByteArray(12).also(SecureRandom()::nextBytes)

            private fun cipher(mode: Int, nonce: ByteArray) = Cipher.getInstance("AES/GCM/NoPadding")
                .apply { init(mode, key, GCMParameterSpec(128, nonce)) }
        }
        checkKeyStore(Sealed(checks = true))
        assertEquals("host.key_store", failure { checkKeyStore(Sealed(checks = false)) }.code)
    }

    @Test
    fun theCatalogueAndTheDoctorAnswer() {
        val sections = prompts()
        assertTrue(sections.size > 3 && sections.all { it.entries.isNotEmpty() })
        assertTrue(sections.flatMap(PromptSection::entries).any { "smile" in it.phrases })
        val report = studio.doctor()
        assertEquals(version(), report.kinora)
        assertTrue(report.providers.first().works, "${report.providers}")
        assertEquals("absent", report.telemetry)
    }

    @Test
    fun neitherKeysNorWordsNorPicturesPrint() = runBlocking {
        val request = small(photoOf(picture())).copy(prompt = "CANARY-WORDS smile", output = null)
        val clip = studio.generate(request)
        val printed = "${HttpHeader("Authorization", "CANARY-KEY")} $request $clip"
        assertTrue("CANARY" !in printed && printed.length < 300, printed)
    }
}
