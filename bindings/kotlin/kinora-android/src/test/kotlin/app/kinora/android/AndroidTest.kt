package app.kinora.android

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.graphics.Bitmap
import android.graphics.Color
import android.net.Uri
import android.os.ParcelFileDescriptor
import app.kinora.ClipOutput
import app.kinora.Encoders
import app.kinora.FrameSink
import app.kinora.GenerationRequest
import app.kinora.KinoraException
import app.kinora.LayerKind
import app.kinora.StudioOptions
import app.kinora.VideoFormat
import app.kinora.generate
import java.io.File
import java.nio.ByteBuffer
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

/**
 * Bitmaps and planes on Android's own classes under Robolectric. The encoder and ImageDecoder need a
 * device: what they are asked is compiled here and was not run.
 */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [28])
class AndroidTest {
    @Test
    fun aBitmapBecomesAPhoto() {
        for (config in listOf(Bitmap.Config.ARGB_8888, Bitmap.Config.RGB_565)) {
            val bitmap = Bitmap.createBitmap(48, 32, config)
            bitmap.eraseColor(Color.rgb(200, 120, 40))
            bitmap.toPhoto().use {
                assertEquals(48u, it.width())
                assertEquals(32u, it.height())
            }
        }
    }

    @Test
    fun largePhotosAreFitted() {
        assertEquals(2560 to 1920, fitted(8000, 6000))
        assertEquals(1920 to 2560, fitted(6000, 8000))
        assertEquals(640 to 480, fitted(640, 480))
        assertEquals(2560 to 1, fitted(100_000, 1))
    }

    @Test
    fun planesKeepTheirRowsAndPixels() {
        val frame = ByteArray(12) { it.toByte() }
        val (luma, u, v) = tightPlanes(4, 2)
        val wide = ByteBuffer.allocate(12)
        luma.copy(frame, wide, rowStride = 6, pixelStride = 1)
        assertArrayEquals(byteArrayOf(0, 1, 2, 3, 0, 0, 4, 5, 6, 7, 0, 0), wide.array())
        // The two colours of a biplanar codec are one buffer, seen from its first and second byte.
        val pairs = ByteBuffer.allocate(4)
        u.copy(frame, pairs, rowStride = 4, pixelStride = 2)
        v.copy(frame, pairs.apply { position(1) }.slice(), rowStride = 4, pixelStride = 2)
        assertArrayEquals(byteArrayOf(8, 10, 9, 11), pairs.array())
    }

    @Test
    fun aPhotoThatTheProviderDeniesIsAnErrorOfThePhoto() {
        Robolectric.buildContentProvider(Denying::class.java).create("app.kinora.denying")
        val denied = Uri.parse("content://app.kinora.denying/photo")
        val error = assertThrows(KinoraException.Photo::class.java) {
            runBlocking { photoOf(RuntimeEnvironment.getApplication(), denied) }
        }
        assertEquals("photo.unreadable_file", error.code)
        assertTrue(error.reason.contains("choose it again"))
        assertEquals("the grant is gone", error.detail)
    }

    @Test
    fun aFolderThatIsNotThereIsSaidAtOnce() {
        val error = assertThrows(KinoraException.Output::class.java) {
            MediaCodecSink(File("/no/such/folder/clip.mp4"))
        }
        assertEquals("output.no_folder", error.code)
    }

    @Test
    fun theSystemsEncoderIsInstalledWithTheStudio() = runBlocking {
        val context = RuntimeEnvironment.getApplication()
        val studio = openStudio(context, StudioOptions(threads = 2u))
        val file = File.createTempFile("kinora", ".mp4")
        val own = checkNotNull(Encoders.mp4)
        assertTrue(own(file.path) is MediaCodecSink)
        // Robolectric has no encoder: another sink in its place shows that the request goes there.
        var counting: Counting? = null
        Encoders.mp4 = { path -> Counting(File(path)).also { counting = it } }
        try {
            val bitmap = Bitmap.createBitmap(64, 48, Bitmap.Config.ARGB_8888)
            bitmap.eraseColor(Color.GRAY)
            val request = GenerationRequest(
                photo = bitmap.toPhoto(),
                output = ClipOutput.Mp4(file.path),
                seconds = 0.5f,
                fps = 12.0,
            )
            val clip = studio.generate(request)
            assertEquals(file.path, clip.path)
            assertEquals(6, counting?.frames)
            assertTrue(file.parentFile.list().orEmpty().none { it.startsWith(".kinora-") })
            assertEquals(listOf(LayerKind.XMP, LayerKind.WATERMARK), clip.marks)
            assertTrue(file.readText(Charsets.ISO_8859_1).contains("trainedAlgorithmicMedia"))
            // Bytes go through a file of the system's too, of which nothing is left.
            var written: File? = null
            Encoders.mp4 = { path -> Counting(File(path).also { written = it }) }
            val bytes = checkNotNull(studio.generate(request.copy(output = null)).bytes)
            assertArrayEquals(EMPTY, bytes.copyOf(EMPTY.size))
            assertTrue(String(bytes, Charsets.ISO_8859_1).contains("trainedAlgorithmicMedia"))
            assertTrue(written?.exists() == false)
        } finally {
            Encoders.mp4 = null
        }
    }

    /** Refuses every reader, as a picker's provider does when its grant has ended. */
    internal class Denying : ContentProvider() {
        override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor =
            throw SecurityException("the grant is gone")

        override fun onCreate() = true

        override fun getType(uri: Uri) = "image/jpeg"

        override fun query(
            uri: Uri,
            projection: Array<String>?,
            selection: String?,
            selectionArgs: Array<String>?,
            sortOrder: String?,
        ): Cursor? = null

        override fun insert(uri: Uri, values: ContentValues?): Uri? = null

        override fun update(
            uri: Uri,
            values: ContentValues?,
            selection: String?,
            selectionArgs: Array<String>?,
        ) = 0

        override fun delete(uri: Uri, selection: String?, selectionArgs: Array<String>?) = 0
    }

    private class Counting(private val file: File? = null) : FrameSink {
        var frames = 0

        override fun begin(format: VideoFormat) = Unit

        override fun frame(i420: ByteArray, timestampUs: ULong) {
            frames++
        }

        override fun finish() {
            file?.writeBytes(EMPTY)
        }

        override fun abandon() = Unit
    }

    private companion object {
        /** A file that looks like an MP4 and has no pictures. */
        val EMPTY = byteArrayOf(0, 0, 0, 16) + "ftypisom".toByteArray() + byteArrayOf(0, 0, 0, 0)
    }
}
