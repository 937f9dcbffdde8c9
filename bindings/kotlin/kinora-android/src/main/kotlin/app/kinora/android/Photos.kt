package app.kinora.android

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.ColorSpace
import android.graphics.ImageDecoder
import android.net.Uri
import android.os.Build
import app.kinora.KinoraException
import app.kinora.Photo
import app.kinora.PhotoOrientation
import app.kinora.photoOf
import java.io.IOException
import java.nio.ByteBuffer
import kotlin.math.max
import kotlin.math.roundToInt
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** The longest side that a photo is decoded to: twice the longest side of a clip by default. */
internal const val LONGEST_SIDE = 2560

/**
 * Reads the photo that a picker gave, away from the calling thread.
 *
 * From Android 9 on the system decodes: HEIC works, the picture stands upright, and a very large one
 * is scaled while it is decoded. Before that the library decodes JPEG, PNG, WebP, GIF and BMP.
 *
 * @throws KinoraException.Photo when it cannot be read, or the app may not read it
 */
public suspend fun photoOf(context: Context, uri: Uri): Photo {
    val resolver = context.contentResolver
    if (Build.VERSION.SDK_INT < Build.VERSION_CODES.P) {
        val bytes = withContext(Dispatchers.IO) {
            read { resolver.openInputStream(uri)?.use { it.readBytes() } }
        }
        return photoOf(bytes)
    }
    return withContext(Dispatchers.IO) {
        val bitmap = read {
            ImageDecoder.decodeBitmap(ImageDecoder.createSource(resolver, uri)) { decoder, info, _ ->
                val (width, height) = fitted(info.size.width, info.size.height)
                decoder.setTargetSize(width, height)
                // Pixels in the graphics card cannot be read.
                decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
                decoder.setTargetColorSpace(ColorSpace.get(ColorSpace.Named.SRGB))
            }
        }
        try {
            bitmap.toPhoto()
        } finally {
            bitmap.recycle()
        }
    }
}

/**
 * Takes a bitmap that the app holds already; it must stand upright. What is see-through lies on
 * white.
 *
 * @throws KinoraException.Photo when it has no pixels or too many
 */
public fun Bitmap.toPhoto(): Photo {
    val plain = opaque()
    val pixels = ByteBuffer.allocateDirect(plain.rowBytes * plain.height)
    try {
        plain.copyPixelsToBuffer(pixels)
        pixels.flip()
        return Photo.fromPixels(
            pixels,
            plain.width.toUInt(),
            plain.height.toUInt(),
            plain.rowBytes.toUInt(),
            PhotoOrientation.UPRIGHT,
        )
    } finally {
        // The pixels of a face do not stay behind in freed memory.
        pixels.clear()
        pixels.put(ByteArray(pixels.capacity()))
        if (plain !== this) plain.recycle()
    }
}

/** Eight bits a channel, readable and without transparency, whose colours Android premultiplies. */
private fun Bitmap.opaque(): Bitmap {
    if (config == Bitmap.Config.ARGB_8888 && !hasAlpha()) return this
    val source = if (config == Bitmap.Config.ARGB_8888) this else copy(Bitmap.Config.ARGB_8888, false)
    val drawn = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
    Canvas(drawn).apply {
        drawColor(Color.WHITE)
        drawBitmap(source, 0f, 0f, null)
    }
    if (source !== this) source.recycle()
    return drawn
}

/** A size with the same proportions that fits into [LONGEST_SIDE]; never larger than it is. */
internal fun fitted(width: Int, height: Int): Pair<Int, Int> {
    val scale = minOf(1.0, LONGEST_SIDE.toDouble() / max(width, height))
    val side = { value: Int -> max(1, (value * scale).roundToInt()) }
    return side(width) to side(height)
}

private fun <T : Any> read(reading: () -> T?): T = try {
    reading() ?: throw IOException("the provider gave nothing")
} catch (error: IOException) {
    throw unreadable("the photo cannot be opened: choose it again, or another one", error)
} catch (error: SecurityException) {
    // What a picker grants ends with the app's process, so an address that was kept is refused.
    throw unreadable("the app may not read the photo, or no longer: choose it again", error)
}

private fun unreadable(reason: String, error: Exception) =
    KinoraException.Photo("photo.unreadable_file", reason, error.message)
