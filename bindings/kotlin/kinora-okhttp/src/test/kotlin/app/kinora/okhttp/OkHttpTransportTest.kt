package app.kinora.okhttp

import app.kinora.HttpHeader
import app.kinora.HttpReply
import app.kinora.HttpRequest
import app.kinora.NoHandle
import app.kinora.TransportException
import java.net.InetAddress
import java.net.ServerSocket
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime
import mockwebserver3.MockResponse
import mockwebserver3.MockWebServer
import mockwebserver3.SocketEffect
import okhttp3.Cookie
import okhttp3.CookieJar
import okhttp3.HttpUrl
import okhttp3.OkHttpClient
import okhttp3.tls.HandshakeCertificates
import okhttp3.tls.HeldCertificate
import okio.Buffer
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

/** A request as Kinora makes them. */
private class Asked(
    private val url: String,
    private val method: String = "GET",
    private val headers: List<HttpHeader> = emptyList(),
    body: ByteArray? = null,
    private val length: Int? = body?.size,
    private val timeout: Double = 10.0,
) : HttpRequest(NoHandle) {
    private val pieces = body?.toList()?.chunked(1_000)?.map(List<Byte>::toByteArray)?.iterator()

    @Volatile var stopped = false

    /** Stops after so many pieces. */
    var most = Int.MAX_VALUE
    val taken = AtomicInteger()

    override fun method() = method

    override fun url() = url

    override fun headers() = headers

    override fun bodyLength() = length?.toULong()

    override fun nextPiece(): ByteArray {
        if (stopped || taken.getAndIncrement() >= most) throw TransportException.Stopped()
        return if (pieces != null && pieces.hasNext()) pieces.next() else ByteArray(0)
    }

    override fun timeoutSeconds() = timeout

    override fun isStopped() = stopped
}

/** A reply that takes so many bytes. */
private class Answered(private val most: Long = Long.MAX_VALUE) : HttpReply(NoHandle) {
    var status: Int? = null
    var headers = emptyList<HttpHeader>()
    val body = Buffer()

    override fun begin(status: UShort, headers: List<HttpHeader>) {
        this.status = status.toInt()
        this.headers = headers
    }

    override fun push(piece: ByteArray) {
        if (body.size + piece.size > most) throw TransportException.TooLong()
        body.write(piece)
    }

    override fun isStopped() = false
}

/** What goes over the wire, with a server in this process. */
class OkHttpTransportTest {
    private val certificate = HeldCertificate.Builder().addSubjectAlternativeName("localhost").build()
    private val server = MockWebServer()

    private fun trusting(certificate: HeldCertificate): OkHttpClient.Builder {
        val trust = HandshakeCertificates.Builder().addTrustedCertificate(certificate.certificate).build()
        return OkHttpClient.Builder().sslSocketFactory(trust.sslSocketFactory(), trust.trustManager)
    }

    private val transport = OkHttpTransport(trusting(certificate).build())

    @BeforeEach
    fun open() {
        val own = HandshakeCertificates.Builder().heldCertificate(certificate).build()
        server.useHttps(own.sslSocketFactory())
        server.start(InetAddress.getByName("localhost"), 0)
    }

    @AfterEach
    fun close() = server.close()

    private fun url(path: String = "/v1/jobs") = server.url(path).toString()

    private inline fun <reified T : TransportException> fails(
        asked: HttpRequest,
        answered: HttpReply = Answered(),
        transport: OkHttpTransport = this.transport,
    ): T {
        val error = runCatching { transport.exchange(asked, answered) }.exceptionOrNull()
        assertTrue(error is T, "$error")
        // No error says where it was or what was said.
        assertTrue("localhost" !in "${error?.message}" && SECRET !in "${error?.message}", "$error")
        return error as T
    }

    @Test
    fun exactlyMethodHeadersAndBodyGoOut() {
        server.enqueue(
            MockResponse.Builder().code(201).addHeader("X-Told", "yes").addHeader("Retry-After", "0")
                .body("made").build(),
        )
        val body = ByteArray(123_456) { it.toByte() }
        val headers = listOf(HttpHeader("x-api-key", SECRET), HttpHeader("content-type", "application/json"))
        val answered = Answered()
        transport.exchange(Asked(url("/v1/jobs?a=b%20c"), "POST", headers, body), answered)
        val seen = server.takeRequest()
        assertEquals("POST", seen.method)
        assertEquals("/v1/jobs?a=b%20c", seen.target)
        assertEquals(
            mapOf(
                "host" to "localhost:${server.port}",
                "content-length" to "123456",
                "x-api-key" to SECRET,
                "content-type" to "application/json",
            ),
            seen.headers.associate { (name, value) -> name.lowercase() to value },
        )
        assertArrayEquals(body, seen.body?.toByteArray())
        assertEquals(201, answered.status)
        assertEquals("made", answered.body.readUtf8())
        val told = answered.headers.associate { it.name to it.value }
        assertEquals("yes" to "0", told["X-Told"] to told["Retry-After"])
    }

    @Test
    fun everyMethodGoesWithAndWithoutABody() {
        for (method in listOf("GET", "POST", "PUT", "DELETE")) {
            server.enqueue(MockResponse(code = 200))
            transport.exchange(Asked(url(), method), Answered())
            val seen = server.takeRequest()
            assertEquals(method, seen.method)
            assertEquals(0L, seen.bodySize)
            val names = seen.headers.names().map(String::lowercase).toSet()
            assertEquals(setOf("host"), names - "content-length", method)
        }
    }

    @Test
    fun noRedirectIsFollowedAndNothingIsRepeated() {
        for (status in listOf(301, 302, 303, 307, 308, 401, 407, 408, 421, 429, 500, 503)) {
            for (method in listOf("GET", "POST")) {
                server.enqueue(
                    MockResponse.Builder().code(status).addHeader("Location", url("/elsewhere"))
                        .addHeader("Retry-After", "0").addHeader("WWW-Authenticate", "Basic realm=x").build(),
                )
                val before = server.requestCount
                val answered = Answered()
                val result = runCatching { transport.exchange(Asked(url(), method), answered) }
                assertEquals(1, server.requestCount - before, "$status $method $result")
                // OkHttp takes a 407 of anybody but a proxy for a fault.
                if (status != 407) assertEquals(status, answered.status, "$result")
            }
        }
    }

    @Test
    fun ofTheGivenClientNeitherCookiesNorInterceptorsCount() {
        var asked = 0
        val jar = object : CookieJar {
            override fun loadForRequest(url: HttpUrl): List<Cookie> {
                asked++
                return listOf(Cookie.Builder().name("who").value("me").domain("localhost").build())
            }

            override fun saveFromResponse(url: HttpUrl, cookies: List<Cookie>) {
                asked++
            }
        }
        val client = trusting(certificate).cookieJar(jar).followRedirects(true)
            .addInterceptor { asked++; it.proceed(it.request()) }
            .addNetworkInterceptor { asked++; it.proceed(it.request()) }
            .build()
        server.enqueue(MockResponse.Builder().addHeader("Set-Cookie", "a=b").build())
        OkHttpTransport(client).exchange(Asked(url()), Answered())
        assertNull(server.takeRequest().headers["cookie"])
        assertEquals(0, asked)
    }

    @Test
    fun aStrangersCertificateIsRefusedBeforeAnythingIsSent() {
        val other = HeldCertificate.Builder().addSubjectAlternativeName("localhost").build()
        val headers = listOf(HttpHeader("x-api-key", SECRET))
        val asked = Asked(url(), "POST", headers, ByteArray(10))
        fails<TransportException.Certificate>(asked, transport = OkHttpTransport(trusting(other).build()))
        // One that is trusted, but another host's.
        val numbers = url().replace("localhost", "127.0.0.1")
        fails<TransportException.Certificate>(Asked(numbers, "POST", headers, ByteArray(10)))
        assertEquals(0, asked.taken.get())
        assertNull(server.takeRequest(200, TimeUnit.MILLISECONDS))
    }

    @Test
    fun nobodyThereIsNoConnection() {
        val port = ServerSocket(0).use { it.localPort }
        fails<TransportException.Connect>(Asked("https://localhost:$port/"))
        fails<TransportException.Connect>(Asked("https://no-such-host.invalid/"))
        // TLS alone: whoever answers in the clear gets nothing.
        val asked = Asked(url().replace("https://", "http://"), "POST", emptyList(), ByteArray(10))
        fails<TransportException.Connect>(asked)
        assertEquals(0, asked.taken.get())
        assertEquals(0, server.requestCount)
    }

    @Test
    fun aConnectionThatIsClosedAfterTheRequestIsBroken() {
        server.enqueue(MockResponse.Builder().onResponseStart(SocketEffect.CloseSocket()).build())
        fails<TransportException.Broken>(Asked(url(), "POST", emptyList(), ByteArray(10)))
        server.enqueue(
            MockResponse.Builder().body("half of it").onResponseBody(SocketEffect.CloseSocket()).build(),
        )
        fails<TransportException.Broken>(Asked(url()))
        assertEquals(2, server.requestCount)
    }

    @Test
    fun silenceEndsWithTheRequestsOwnTime() {
        server.enqueue(MockResponse.Builder().headersDelay(20, TimeUnit.SECONDS).build())
        val waited = measureTime { fails<TransportException.Timeout>(Asked(url(), timeout = 0.7)) }
        assertTrue(waited < 5.seconds, "$waited")
        assertEquals(1, server.requestCount)
        // A server that never shakes hands was not sent anything.
        ServerSocket(0).use { deaf ->
            val asked = Asked("https://localhost:${deaf.localPort}/", timeout = 0.7)
            val error = fails<TransportException.Connect>(asked)
            assertEquals("no connection in time", error.reason)
        }
    }

    @Test
    fun anEndlessBodyIsCutWhenTheReplySaysNo() {
        server.enqueue(
            MockResponse.Builder().chunkedBody(Buffer().write(ByteArray(8 shl 20)), 4_096)
                .throttleBody(256L shl 10, 100, TimeUnit.MILLISECONDS).build(),
        )
        val answered = Answered(most = 300_000)
        val waited = measureTime { fails<TransportException.TooLong>(Asked(url()), answered) }
        assertTrue(answered.body.size <= 300_000)
        assertTrue(waited < 2.seconds, "$waited")
    }

    @Test
    fun aStopEndsTheExchangeWhereverItIs() {
        fails<TransportException.Stopped>(Asked(url()).apply { stopped = true })
        assertEquals(0, server.requestCount)
        // While the body goes out: the server never gets all of it.
        val body = ByteArray(2 shl 20)
        val sending = Asked(url(), "POST", emptyList(), body).apply { most = 20 }
        fails<TransportException.Stopped>(sending)
        assertEquals(21, sending.taken.get())
        // While nothing comes back.
        server.enqueue(MockResponse.Builder().headersDelay(20, TimeUnit.SECONDS).build())
        val waiting = Asked(url(), timeout = 30.0)
        thread {
            Thread.sleep(300)
            waiting.stopped = true
        }
        val waited = measureTime { fails<TransportException.Stopped>(waiting) }
        assertTrue(waited < 5.seconds, "$waited")
    }

    @Test
    fun aBodyIsAsLongAsWasSaidOrDoesNotGo() {
        for (length in listOf(9, 11)) {
            fails<TransportException.Broken>(Asked(url(), "POST", emptyList(), ByteArray(10), length))
        }
    }

    @Test
    fun packedAnswersComeAsTheyAre() {
        server.enqueue(
            MockResponse.Builder().addHeader("Content-Encoding", "gzip").body("not unpacked").build(),
        )
        val answered = Answered()
        transport.exchange(Asked(url()), answered)
        assertEquals("not unpacked", answered.body.readUtf8())
        assertTrue(answered.headers.any { it.name == "Content-Encoding" && it.value == "gzip" })
    }

    @Test
    fun aHeaderThatIsNoneIsNotRepeatedInWords() {
        val asked = Asked(url(), headers = listOf(HttpHeader("x-api-key", "$SECRET\n")))
        fails<TransportException.Connect>(asked)
        assertEquals(0, server.requestCount)
    }

    private companion object {
        const val SECRET = "CANARY-KEY"
    }
}
