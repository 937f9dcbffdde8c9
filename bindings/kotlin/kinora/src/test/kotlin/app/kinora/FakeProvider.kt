package app.kinora

import java.security.SecureRandom
import java.util.concurrent.CopyOnWriteArrayList
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.spec.GCMParameterSpec

/** What the fake provider was sent. */
internal class Sent(
    val method: String,
    val url: String,
    val headers: List<HttpHeader>,
    val body: ByteArray,
) {
    fun header(name: String): String? =
        headers.firstOrNull { it.name.equals(name, ignoreCase = true) }?.value
}

/** A transport that is the provider itself: Gemini's interface with one job, in this process. */
internal class FakeProvider(private val clip: ByteArray) : HttpTransport {
    /** Everything that was sent, in order. */
    val sent = CopyOnWriteArrayList<Sent>()

    /** What a look at the job says. */
    @Volatile var status = "completed"

    /** With which status a look at the job is refused. */
    @Volatile var refusal: Int? = null

    /** Jobs that were made. */
    val submits get() = sent.count { it.method == "POST" && it.url == SUBMIT }

    override fun exchange(request: HttpRequest, reply: HttpReply) {
        val body = generateSequence { request.nextPiece().takeIf(ByteArray::isNotEmpty) }
            .fold(ByteArray(0), ByteArray::plus)
        val (method, url) = request.method() to request.url()
        sent += Sent(method, url, request.headers(), body)
        when {
            method == "POST" && url == SUBMIT -> reply.json("""{"id":"job-1","status":"queued"}""")
            method == "POST" && url == "$JOB/cancel" -> reply.json("{}")
            method == "DELETE" && url == JOB -> reply.json("{}")
            method == "GET" && url == JOB -> look(reply)
            method == "GET" && url == CLIP -> reply.whole(200, "video/mp4", clip)
            else -> reply.whole(404, "text/plain", "no such place".toByteArray())
        }
    }

    private fun look(reply: HttpReply) {
        refusal?.let { return reply.whole(it, "application/json", "{}".toByteArray()) }
        if (status != "completed") return reply.json("""{"id":"job-1","status":"$status"}""")
        reply.json(
            """{"id":"job-1","status":"completed","steps":[{"type":"model_output",""" +
                """"content":[{"type":"video","uri":"$CLIP"}]}]}""",
        )
    }

    private fun HttpReply.json(text: String) = whole(200, "application/json", text.toByteArray())

    private fun HttpReply.whole(status: Int, type: String, body: ByteArray) {
        begin(status.toUShort(), listOf(HttpHeader("content-type", type)))
        push(body)
    }

    companion object {
        const val MODEL = "gemini/omni-1.1-flash"
        const val SUBMIT = "https://generativelanguage.googleapis.com/v1beta/interactions"
        const val JOB = "$SUBMIT/job-1"
        const val CLIP = "https://generativelanguage.googleapis.com/v1beta/files/clip:download"
    }
}

/** A key store whose key is in memory, for tests. */
internal class MemoryKeys : KeyStore {
    private val key = KeyGenerator.getInstance("AES").apply { init(256) }.generateKey()

    override fun wrap(key: ByteArray): ByteArray {
        val iv = ByteArray(12).also(SecureRandom()::nextBytes)
        return iv + cipher(Cipher.ENCRYPT_MODE, iv).doFinal(key)
    }

    override fun unwrap(blob: ByteArray): ByteArray =
        cipher(Cipher.DECRYPT_MODE, blob.copyOf(12)).doFinal(blob.copyOfRange(12, blob.size))

    private fun cipher(mode: Int, iv: ByteArray) =
        Cipher.getInstance("AES/GCM/NoPadding").apply { init(mode, key, GCMParameterSpec(128, iv)) }
}
