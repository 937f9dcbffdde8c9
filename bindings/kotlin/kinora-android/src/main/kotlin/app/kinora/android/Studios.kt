package app.kinora.android

import android.content.Context
import android.util.Log
import app.kinora.Clip
import app.kinora.ClipOutput
import app.kinora.Encoders
import app.kinora.GenerationProgress
import app.kinora.GenerationRequest
import app.kinora.LogLevel
import app.kinora.LogRecord
import app.kinora.LogSink
import app.kinora.Studio
import app.kinora.StudioOptions
import app.kinora.generate
import java.io.File

/**
 * Opens the studio with the ONNX Runtime of the app's own package, away from the calling thread, and
 * installs the system's H.264 encoder for every MP4.
 *
 * @throws app.kinora.KinoraException when ONNX Runtime or a network does not load
 */
public suspend fun openStudio(
    context: Context,
    options: StudioOptions = StudioOptions(),
): Studio {
    Encoders.mp4 = systemEncoder
    // Only where the system unpacks libraries is there a file that Kinora can look into before it
    // loads it; elsewhere the loader finds it by its name.
    val unpacked = File(context.applicationInfo.nativeLibraryDir.orEmpty(), "libonnxruntime.so")
    val library = options.runtimeLibrary ?: unpacked.path.takeIf { unpacked.isFile }
    return app.kinora.openStudio(options.copy(runtimeLibrary = library))
}

/**
 * Makes the clip of [request] as an MP4 at [file] with the system's encoder; a remote model's clip comes
 * encoded and is written as it is.
 *
 * @throws app.kinora.KinoraException when the request is out of range or something goes wrong
 */
public suspend fun Studio.generateMp4(
    request: GenerationRequest,
    file: File,
    onProgress: ((GenerationProgress) -> Unit)? = null,
): Clip {
    // A studio that was opened by the other package's function has not installed it.
    Encoders.mp4 = Encoders.mp4 ?: systemEncoder
    return generate(request.copy(output = ClipOutput.Mp4(file.path)), onProgress)
}

private val systemEncoder = { path: String -> MediaCodecSink(File(path)) }

/** Sends what Kinora and ONNX Runtime say to logcat: `setLogSink(Logcat, LogLevel.INFO)`. */
public object Logcat : LogSink {
    /** One line, under the tag `kinora`. */
    override fun log(record: LogRecord) {
        val line = "${record.source}: ${record.message}"
        when (record.level) {
            LogLevel.ERROR -> Log.e(TAG, line)
            LogLevel.WARNING -> Log.w(TAG, line)
            LogLevel.INFO -> Log.i(TAG, line)
            LogLevel.DEBUG -> Log.d(TAG, line)
        }
    }

    private const val TAG = "kinora"
}
