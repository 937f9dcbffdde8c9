package app.kinora.okhttp

import app.kinora.HttpHeader
import app.kinora.HttpReply
import app.kinora.HttpRequest
import app.kinora.HttpTransport
import app.kinora.TransportException
import java.io.IOException
import java.io.InterruptedIOException
import java.security.cert.CertPathBuilderException
import java.security.cert.CertPathValidatorException
import java.security.cert.CertificateException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import javax.net.ssl.SSLPeerUnverifiedException
import kotlin.concurrent.thread
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.ConnectionPool
import okhttp3.ConnectionSpec
import okhttp3.CookieJar
import okhttp3.EventListener
import okhttp3.Headers
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okio.BufferedSink

/**
 * Carries Kinora's requests with OkHttp: one connection for each, over TLS, with exactly the given
 * method, headers and body. It follows no redirect, repeats nothing, and keeps neither cookies nor
 * copies; where the reply says no, or the consent is withdrawn, the connection is closed.
 *
 * Of [client] its DNS, proxy, sockets, trust and certificate pins count. Its interceptors, cookies,
 * cache, authenticator and listeners do not: they could keep, change or log what a person agreed to
 * send to one company alone.
 *
 * @param client whose way into the network is used
 */
public class OkHttpTransport(client: OkHttpClient = OkHttpClient()) : HttpTransport {
    private val client = client.newBuilder()
        .apply {
            interceptors().clear()
            networkInterceptors().clear()
        }
        .followRedirects(false)
        .followSslRedirects(false)
        .retryOnConnectionFailure(false)
        .cookieJar(CookieJar.NO_COOKIES)
        .cache(null)
        .authenticator(Authenticator.NONE)
        .connectionSpecs(listOf(ConnectionSpec.MODERN_TLS))
        // A connection each, which ends with its exchange.
        .protocols(listOf(Protocol.HTTP_1_1))
        .pingInterval(0, TimeUnit.SECONDS)
        .connectTimeout(CONNECT_SECONDS, TimeUnit.SECONDS)
        // A slow drip is not waited for to the end.
        .readTimeout(SILENCE_SECONDS, TimeUnit.SECONDS)
        .writeTimeout(SILENCE_SECONDS, TimeUnit.SECONDS)
        .build()

    /** Sends [request] and fills [reply]; any HTTP status is a reply. */
    override fun exchange(request: HttpRequest, reply: HttpReply) {
        if (request.isStopped()) throw TransportException.Stopped()
        val exchange = Exchange(request)
        try {
            exchange.run(reply)
        } catch (error: Given) {
            throw error.reason
        } catch (error: IOException) {
            throw if (request.isStopped()) TransportException.Stopped() else exchange.told(error)
        }
    }

    /** One request on its way. */
    private inner class Exchange(private val request: HttpRequest) {
        private val watched = Watched()

        fun run(reply: HttpReply) {
            val call = call()
            val ended = CountDownLatch(1)
            thread(isDaemon = true, name = "kinora-okhttp-stop") {
                while (!ended.await(GLANCE_MS, TimeUnit.MILLISECONDS)) {
                    // A host object that is gone stops too.
                    if (runCatching { request.isStopped() }.getOrDefault(true)) {
                        call.cancel()
                        break
                    }
                }
            }
            try {
                call.execute().use { answer ->
                    try {
                        hand(answer, reply)
                    } catch (no: TransportException) {
                        // Before the answer is closed, which would read on for a while otherwise.
                        call.cancel()
                        throw no
                    }
                }
            } finally {
                ended.countDown()
            }
        }

        private fun call(): Call {
            val own = request.headers()
            val built = Request.Builder()
            try {
                built.url(request.url())
                for ((name, value) in own) built.addHeader(name, value)
            } catch (error: IllegalArgumentException) {
                // Its words may hold a header's value.
                throw TransportException.Connect("the request is no HTTP")
            }
            val method = request.method()
            val length = request.bodyLength()
            val body = when {
                length != null -> Pieces(request, length.toLong())
                method == "POST" || method == "PUT" -> Pieces(request, 0)
                else -> null
            }
            val ready = built.method(method, body).build()
            if (!ready.isHttps) throw TransportException.Connect("only HTTPS is used")
            val exact = Exact(own.map { it.name.lowercase() }.toSet(), watched)
            val timeout = (request.timeoutSeconds() * 1_000).toLong().coerceAtLeast(1)
            return client.newBuilder()
                .connectionPool(ConnectionPool(0, 1, TimeUnit.SECONDS))
                .callTimeout(timeout, TimeUnit.MILLISECONDS)
                .eventListener(watched)
                .addInterceptor { chain ->
                    // Else OkHttp asks for gzip and unpacks it by itself.
                    val asked = chain.request()
                    val plain = asked.header(ENCODING) ?: "identity"
                    chain.proceed(asked.newBuilder().header(ENCODING, plain).build())
                }
                .addNetworkInterceptor(exact)
                .build()
                .newCall(ready)
        }

        private fun hand(response: Response, reply: HttpReply) {
            val headers = checkNotNull(watched.headers)
            reply.begin(response.code.toUShort(), headers.map { (name, value) -> HttpHeader(name, value) })
            val bytes = response.body.byteStream()
            val piece = ByteArray(PIECE)
            while (true) {
                val count = bytes.read(piece)
                if (count < 0) return
                reply.push(piece.copyOf(count))
            }
        }

        /** What OkHttp says, by what is known to have left. Its words may hold a URL, so they stay here. */
        fun told(error: IOException): TransportException {
            val kind = error.javaClass.simpleName
            val late = error is InterruptedIOException
            return when {
                watched.hasSent -> if (late) TransportException.Timeout() else TransportException.Broken(kind)
                error.isOfCertificate() -> TransportException.Certificate(kind)
                else -> TransportException.Connect(if (late) "no connection in time" else kind)
            }
        }
    }

    private companion object {
        const val CONNECT_SECONDS = 20L
        const val SILENCE_SECONDS = 60L
        const val GLANCE_MS = 20L
        const val PIECE = 64 * 1024
    }
}

private const val ENCODING = "Accept-Encoding"

/** Knows whether anything of the request has left, and keeps the answer's headers as they came. */
private class Watched : EventListener() {
    @Volatile
    var hasSent = false
        private set

    @Volatile
    var headers: Headers? = null

    override fun requestHeadersStart(call: Call) {
        hasSent = true
    }
}

/** Last before the wire: no header of OkHttp's own goes out, and no answer makes it send again. */
private class Exact(private val own: Set<String>, private val watched: Watched) : Interceptor {
    override fun intercept(chain: Interceptor.Chain): Response {
        val bare = chain.request().newBuilder()
        for (name in listOf("User-Agent", ENCODING, "Connection")) {
            if (name.lowercase() !in own) bare.removeHeader(name)
        }
        val answer = chain.proceed(bare.build())
        watched.headers = answer.headers
        // OkHttp repeats what is refused with a 503 that may be tried again at once.
        return answer.newBuilder().removeHeader("Retry-After").build()
    }
}

/** A request's body, taken from Kinora piece by piece as the connection takes it. */
private class Pieces(private val request: HttpRequest, private val length: Long) : RequestBody() {
    override fun contentType() = null

    override fun contentLength() = length

    override fun isOneShot() = true

    override fun writeTo(sink: BufferedSink) {
        var left = length
        while (left > 0) {
            val piece = try {
                request.nextPiece()
            } catch (no: TransportException) {
                throw Given(no)
            }
            if (piece.isEmpty() || piece.size > left) {
                throw Given(TransportException.Broken("the body is not as long as was said"))
            }
            sink.write(piece)
            left -= piece.size
        }
    }
}

/** Carries a reason of Kinora's through OkHttp, which knows no other errors than these. */
private class Given(val reason: TransportException) : IOException()

private fun Throwable.isOfCertificate(): Boolean = generateSequence(this) { it.cause }.take(8).any {
    it is SSLPeerUnverifiedException || it is CertificateException ||
        it is CertPathValidatorException || it is CertPathBuilderException
}
