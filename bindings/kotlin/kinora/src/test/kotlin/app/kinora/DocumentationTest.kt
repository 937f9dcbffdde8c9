package app.kinora

import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Everything that a user of the package sees says what it is. */
class DocumentationTest {
    /** uniffi's own machinery, public for its generated code's sake. */
    private val plumbing = Regex(
        "FfiConverter|[Uu]niffi|RustBuffer|ForeignBytes|Disposable|NoHandle|InternalException|" +
            "ErrorHandler|companion object|override |Interface\\b|destroy\\(|close\\(",
    )
    /** What stands in a body of generated code: a local value. Ours says `public` where it means it. */
    private val local = Regex("^ {4,}val .*(= .*\\(|= try|= suspend)")
    private val declared = Regex(
        "^\\s*(?:@Throws\\([^)]*\\)\\s*)?(?:public |open |sealed |data |abstract |suspend |inline |inner )*" +
            "(?:class|interface|object|enum class|fun|val|var|typealias)\\s",
    )

    @Test
    fun everythingPublicIsDocumented() {
        val roots = System.getProperty("kinora.sources").split(File.pathSeparator).map(Path::of)
        val files = roots.flatMap { root -> Files.walk(root).filter { "$it".endsWith(".kt") }.toList() }
        assertTrue(files.size >= 4, "$files")
        val bare = files.flatMap(::undocumented)
        val all = files.sumOf { seen(it).size }
        println("figure kotlin documented public declarations: ${all - bare.size} of $all")
        assertEquals(emptyList<String>(), bare)
    }

    private fun seen(file: Path): List<Pair<Int, String>> {
        val lines = Files.readAllLines(file)
        var hidden = 0
        return lines.withIndex().mapNotNull { (i, line) ->
            val depth = line.takeWhile { it == ' ' }.length / 4
            if (hidden > 0 && (line.isBlank() || depth >= hidden)) return@mapNotNull null
            hidden = 0
            val private = Regex("\\b(private|internal|protected)\\b").containsMatchIn(line)
            if (private || plumbing.containsMatchIn(line)) {
                // What stands inside something hidden is hidden too.
                if (declared.containsMatchIn(line.replace(Regex("(private|internal|protected) "), "")) &&
                    line.trimEnd().endsWith("{")
                ) {
                    hidden = depth + 1
                }
                return@mapNotNull null
            }
            // Members stand one level in, a generated error's fields three.
            val ours = file.fileName.toString() != "kinora.kt"
            val inBody = local.containsMatchIn(line) || ours && depth > 0 && line.trim().startsWith("val ")
            if (!declared.containsMatchIn(line) || inBody || depth > 3) null else i to line
        }
    }

    private fun undocumented(file: Path): List<String> {
        val lines = Files.readAllLines(file)
        return seen(file).filterNot { (i, _) ->
            var above = i - 1
            while (above >= 0 && (lines[above].isBlank() || lines[above].trim().startsWith("@"))) above--
            above >= 0 && lines[above].trim().endsWith("*/")
        }.map { (i, line) -> "${file.fileName}:${i + 1} ${line.trim()}" }
    }
}
