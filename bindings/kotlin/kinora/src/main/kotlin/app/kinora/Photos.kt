package app.kinora

import java.nio.ByteBuffer
import java.nio.file.Path
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * Decodes the bytes of a JPEG, PNG, WebP, GIF, BMP or TIFF file away from the calling thread.
 *
 * The bytes are copied once, into memory that the library can see, and wiped there afterwards; a
 * direct [ByteBuffer] can be given to [Photo.fromBytes] without that copy.
 *
 * @throws KinoraException.Photo when they cannot be read
 */
public suspend fun photoOf(bytes: ByteArray): Photo =
    withContext(Dispatchers.Default) { bytes.lent(Photo::fromBytes) }

/**
 * Reads and decodes a file away from the calling thread.
 *
 * @throws KinoraException.Photo when it cannot be read
 */
public suspend fun photoOf(file: Path): Photo =
    withContext(Dispatchers.IO) { Photo.open(file.toString()) }

/** Gives [use] a copy of these bytes that the library can see, and wipes it afterwards. */
internal inline fun <T> ByteArray.lent(use: (ByteBuffer) -> T): T {
    val direct = ByteBuffer.allocateDirect(size)
    direct.put(this).flip()
    try {
        return use(direct)
    } finally {
        direct.clear()
        direct.put(ByteArray(size))
    }
}
