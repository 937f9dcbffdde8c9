package app.kinora.android

import android.media.MediaCodec
import android.media.MediaCodecInfo.CodecCapabilities
import android.media.MediaFormat
import android.media.MediaMuxer
import app.kinora.FrameSink
import app.kinora.KinoraException
import app.kinora.VideoFormat
import java.io.File
import java.nio.ByteBuffer
import java.util.UUID
import kotlin.math.roundToInt

/**
 * Writes a clip as an MP4 with the system's H.264 encoder. It is what an MP4 becomes once a studio is
 * opened with `openStudio(context)`; an app only needs it for another bit rate.
 *
 * The file appears under its name when it is whole.
 *
 * @param file where the clip goes; its folder must exist
 * @param bitsPerPixel bits for each pixel of each frame: 0.2 is good, 0.1 small
 * @throws KinoraException.Output when the folder does not exist
 */
public class MediaCodecSink(
    private val file: File,
    private val bitsPerPixel: Double = 0.2,
) : FrameSink {
    private val folder = file.absoluteFile.parentFile
    private val unfinished = File(folder, ".kinora-${UUID.randomUUID()}.mp4")
    private var writing: Writing? = null

    init {
        if (folder?.isDirectory != true) {
            val reason = "the folder $folder does not exist: create it first"
            throw KinoraException.Output("output.no_folder", reason, null)
        }
    }

    /** Opens the encoder. */
    override fun begin(format: VideoFormat) {
        writing = encoding("the system's encoder did not start") { Writing(format) }
    }

    /** Encodes a frame, waiting while the encoder is busy. */
    override fun frame(i420: ByteArray, timestampUs: ULong) {
        encoding("the system's encoder refused a frame") {
            checkNotNull(writing).frame(i420, timestampUs.toLong())
        }
    }

    /** Closes the file and gives it its name. */
    override fun finish() {
        encoding("the system's encoder did not finish the file") {
            checkNotNull(writing).finish()
            writing = null
            check(unfinished.renameTo(file)) { "$unfinished could not be renamed" }
        }
    }

    /** Throws away what was written. */
    override fun abandon() {
        writing?.release()
        writing = null
        unfinished.delete()
    }

    private fun <T> encoding(otherwise: String, work: () -> T): T = try {
        work()
    } catch (error: IllegalStateException) {
        // Codec and muxer say everything with this one; MediaCodec.CodecException is one too.
        throw KinoraException.Output("output.encoder", otherwise, error.message)
    } catch (error: java.io.IOException) {
        throw KinoraException.Output("output.write", otherwise, error.message)
    }

    /** An encoder and the file it writes. */
    private inner class Writing(private val format: VideoFormat) {
        private val width = format.width.toInt()
        private val height = format.height.toInt()
        private val codec = MediaCodec.createEncoderByType(MediaFormat.MIMETYPE_VIDEO_AVC)
        private val muxer = MediaMuxer(unfinished.path, MediaMuxer.OutputFormat.MUXER_OUTPUT_MPEG_4)
        private val told = MediaCodec.BufferInfo()
        private var track = -1

        init {
            val rate = format.fpsNumerator.toDouble() / format.fpsDenominator.toDouble()
            val wanted = MediaFormat.createVideoFormat(MediaFormat.MIMETYPE_VIDEO_AVC, width, height)
            wanted.setInteger(
                MediaFormat.KEY_COLOR_FORMAT,
                CodecCapabilities.COLOR_FormatYUV420Flexible,
            )
            wanted.setInteger(
                MediaFormat.KEY_BIT_RATE,
                (bitsPerPixel * width * height * rate).roundToInt(),
            )
            wanted.setFloat(MediaFormat.KEY_FRAME_RATE, rate.toFloat())
            wanted.setInteger(MediaFormat.KEY_I_FRAME_INTERVAL, 1)
            wanted.setInteger(MediaFormat.KEY_COLOR_STANDARD, MediaFormat.COLOR_STANDARD_BT709)
            wanted.setInteger(MediaFormat.KEY_COLOR_RANGE, MediaFormat.COLOR_RANGE_LIMITED)
            wanted.setInteger(MediaFormat.KEY_COLOR_TRANSFER, MediaFormat.COLOR_TRANSFER_SDR_VIDEO)
            codec.configure(wanted, null, null, MediaCodec.CONFIGURE_FLAG_ENCODE)
            codec.start()
        }

        fun frame(i420: ByteArray, timestampUs: Long) {
            val index = freeInput()
            val image = checkNotNull(codec.getInputImage(index)) { "the encoder takes no pictures" }
            tightPlanes(width, height).zip(image.planes.asIterable()).forEach { (plane, target) ->
                plane.copy(i420, target.buffer, target.rowStride, target.pixelStride)
            }
            codec.queueInputBuffer(index, 0, i420.size, timestampUs, 0)
            drain(untilEnd = false)
        }

        fun finish() {
            codec.queueInputBuffer(freeInput(), 0, 0, 0, MediaCodec.BUFFER_FLAG_END_OF_STREAM)
            drain(untilEnd = true)
            codec.stop()
            muxer.stop()
            release()
        }

        fun release() {
            codec.release()
            // A muxer that never got a track throws on release; there is nothing to save then.
            runCatching { muxer.release() }
        }

        private fun freeInput(): Int {
            while (true) {
                val index = codec.dequeueInputBuffer(WAIT_US)
                if (index >= 0) return index
                // An encoder that waits for its output to be taken gives no input.
                drain(untilEnd = false)
            }
        }

        private fun drain(untilEnd: Boolean) {
            while (true) {
                val index = codec.dequeueOutputBuffer(told, if (untilEnd) WAIT_US else 0)
                when {
                    index == MediaCodec.INFO_OUTPUT_FORMAT_CHANGED -> {
                        track = muxer.addTrack(codec.outputFormat)
                        muxer.start()
                    }
                    index >= 0 -> {
                        val end = told.flags and MediaCodec.BUFFER_FLAG_END_OF_STREAM != 0
                        val setup = told.flags and MediaCodec.BUFFER_FLAG_CODEC_CONFIG != 0
                        // The track's format holds the set-up already.
                        if (told.size > 0 && !setup) {
                            muxer.writeSampleData(track, checkNotNull(codec.getOutputBuffer(index)), told)
                        }
                        codec.releaseOutputBuffer(index, false)
                        if (end) return
                    }
                    !untilEnd -> return
                }
            }
        }
    }

    private companion object {
        const val WAIT_US = 10_000L
    }
}

/** One plane of a tight I420 frame: where it starts, and its size. */
internal data class Plane(val start: Int, val width: Int, val height: Int) {
    /** Copies it to where a codec wants it, whose rows and pixels may lie apart. */
    fun copy(frame: ByteArray, target: ByteBuffer, rowStride: Int, pixelStride: Int) {
        for (row in 0 until height) {
            val from = start + row * width
            if (pixelStride == 1) {
                target.position(row * rowStride)
                target.put(frame, from, width)
            } else {
                for (column in 0 until width) {
                    target.put(row * rowStride + column * pixelStride, frame[from + column])
                }
            }
        }
    }
}

/** Y, U and V of a frame that a [FrameSink] gets. */
internal fun tightPlanes(width: Int, height: Int): List<Plane> {
    val (luma, chroma) = width * height to (width / 2) * (height / 2)
    return listOf(
        Plane(0, width, height),
        Plane(luma, width / 2, height / 2),
        Plane(luma + chroma, width / 2, height / 2),
    )
}
