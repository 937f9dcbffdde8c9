package app.kinora

import java.awt.Color
import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.nio.file.Files
import java.nio.file.Path
import javax.imageio.ImageIO
import kotlin.io.path.exists
import kotlin.io.path.readBytes

/** One studio for the suite: a process holds one ONNX Runtime anyway. */
internal val studio: Studio by lazy { Studio.open(StudioOptions(threads = 2u)) }

/** A file below KINORA_DATA; says what is skipped where it is absent. */
internal fun data(sub: String): Path? {
    val root = System.getenv("KINORA_DATA") ?: "../../../../shared/data"
    val path = Path.of(root, sub)
    if (path.exists()) return path
    System.err.println("skipped: there is no $sub in the test data (KINORA_DATA)")
    return null
}

/** The standard portrait, or a made picture without a face. */
internal fun portrait(): ByteArray = data("faces/imageio/astronaut.png")?.readBytes() ?: picture()

/** A made PNG without a face. */
internal fun picture(width: Int = 192, height: Int = 128): ByteArray {
    val image = BufferedImage(width, height, BufferedImage.TYPE_INT_RGB)
    for (y in 0 until height) for (x in 0 until width) {
        image.setRGB(x, y, Color(x * 255 / width, y * 255 / height, 90).rgb)
    }
    return ByteArrayOutputStream().also { ImageIO.write(image, "png", it) }.toByteArray()
}

/** A small request: a quarter of the work of a usual clip. */
internal fun small(photo: Photo, output: ClipOutput? = null, seconds: Float = 0.5f) =
    GenerationRequest(
        photo = photo,
        output = output,
        prompt = "she smiles",
        seconds = seconds,
        fps = 12.0,
        size = 192u,
        seed = 5u,
    )

/** Whether [bytes] are an MP4 whose index stands before its frames. */
internal fun isFastStartMp4(bytes: ByteArray): Boolean {
    val boxes = mutableListOf<String>()
    var at = 0
    while (at + 8 <= bytes.size) {
        val size = (0 until 4).fold(0) { sum, i -> sum * 256 + (bytes[at + i].toInt() and 255) }
        boxes += String(bytes, at + 4, 4, Charsets.ISO_8859_1)
        if (size < 8) return false
        at += size
    }
    return boxes.first() == "ftyp" && boxes.indexOf("moov") in 0 until boxes.indexOf("mdat")
}

/** Width, height and frames as ffprobe sees them; null where it is not installed. */
internal fun probed(file: Path): List<Int>? {
    val program = System.getenv("PATH").split(java.io.File.pathSeparator)
        .map { Path.of(it, "ffprobe") }.firstOrNull(Files::isExecutable) ?: return null
    val entries = "stream=width,height,nb_read_frames"
    val process = ProcessBuilder(
        program.toString(), "-v", "error", "-count_frames", "-select_streams", "v:0",
        "-show_entries", entries, "-of", "csv=p=0", file.toString(),
    ).redirectErrorStream(true).start()
    val told = process.inputStream.reader().readText().trim()
    check(process.waitFor() == 0) { told }
    return told.split(",").map(String::toInt)
}

/** Memory of this process, KiB; null where the system does not tell. */
internal fun residentKib(): Long? {
    System.gc()
    Thread.sleep(50)
    val status = Path.of("/proc/self/status")
    if (!status.exists()) return null
    return Files.readAllLines(status).first { it.startsWith("VmRSS:") }
        .filter(Char::isDigit).toLong()
}
