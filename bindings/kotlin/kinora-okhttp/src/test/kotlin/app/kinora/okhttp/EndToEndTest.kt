package app.kinora.okhttp

import app.kinora.FakeProvider
import app.kinora.GenerationRequest
import app.kinora.KinoraException
import app.kinora.MemoryKeys
import app.kinora.Photo
import app.kinora.PhotoOrientation
import app.kinora.RemoteOptions
import app.kinora.StudioOptions
import app.kinora.allowed
import app.kinora.generate
import app.kinora.keepSecret
import app.kinora.openRemote
import app.kinora.openStudio
import app.kinora.previewOf
import app.kinora.question
import app.kinora.sentTo
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.Socket
import java.net.SocketAddress
import java.nio.ByteBuffer
import java.nio.file.Path
import javax.net.SocketFactory
import kotlinx.coroutines.runBlocking
import mockwebserver3.Dispatcher
import mockwebserver3.MockResponse
import mockwebserver3.MockWebServer
import mockwebserver3.RecordedRequest
import okhttp3.Dns
import okhttp3.OkHttpClient
import okhttp3.tls.HandshakeCertificates
import okhttp3.tls.HeldCertificate
import okio.Buffer
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** From the studio through OkHttp and TLS to a provider on this machine, and back. */
class EndToEndTest {
    @TempDir
    lateinit var folder: Path

    private fun photo(): Photo {
        val pixels = ByteBuffer.allocateDirect(4 * 480 * 320)
        repeat(480 * 320) { pixels.put(byteArrayOf(it.toByte(), (it / 480).toByte(), 90, -1)) }
        pixels.flip()
        return Photo.fromPixels(pixels, 480u, 320u, 1920u, PhotoOrientation.UPRIGHT)
    }

    /** Says what the provider says; its host's certificate is [certificate]. */
    private fun provider(clip: ByteArray, certificate: HeldCertificate) = MockWebServer().apply {
        val own = HandshakeCertificates.Builder().heldCertificate(certificate).build()
        useHttps(own.sslSocketFactory())
        dispatcher = object : Dispatcher() {
            override fun dispatch(request: RecordedRequest): MockResponse {
                val place = "https://${request.headers["host"]}${request.target}"
                val asked = request.method to place
                return when (asked) {
                    "POST" to FakeProvider.SUBMIT -> json("""{"id":"job-1","status":"queued"}""")
                    "GET" to FakeProvider.JOB -> json(
                        """{"id":"job-1","status":"completed","steps":[{"type":"model_output",""" +
                            """"content":[{"type":"video","uri":"${FakeProvider.CLIP}"}]}]}""",
                    )
                    "GET" to FakeProvider.CLIP -> MockResponse.Builder().body(Buffer().write(clip)).build()
                    "DELETE" to FakeProvider.JOB -> json("{}")
                    else -> MockResponse(code = 404)
                }
            }
        }
        start(InetAddress.getLoopbackAddress(), 0)
    }

    private fun json(text: String) =
        MockResponse.Builder().addHeader("Content-Type", "application/json").body(text).build()

    /** A client that finds every host at [server] and trusts [certificate]. */
    private fun client(server: MockWebServer, certificate: HeldCertificate): OkHttpClient {
        val trust = HandshakeCertificates.Builder().addTrustedCertificate(certificate.certificate).build()
        val here = InetAddress.getLoopbackAddress()
        return OkHttpClient.Builder()
            .sslSocketFactory(trust.sslSocketFactory(), trust.trustManager)
            .dns(object : Dns {
                override fun lookup(hostname: String) = listOf(here)
            })
            .socketFactory(Leading(InetSocketAddress(here, server.port)))
            .build()
    }

    private fun certificate(host: String) =
        HeldCertificate.Builder().addSubjectAlternativeName(host).build()

    @Test
    fun aClipComesThroughTheWholeWay() = runBlocking {
        val clip = openStudio(StudioOptions(threads = 2u)).use { studio ->
            val local = GenerationRequest(photo(), seconds = 0.5f, size = 192u)
            checkNotNull(studio.generate(local).bytes)
        }
        val certificate = certificate("generativelanguage.googleapis.com")
        provider(clip, certificate).use { server ->
            val transport = OkHttpTransport(client(server, certificate))
            val options = RemoteOptions("$folder/right", MemoryKeys(), transport)
            openRemote(options).use { remote ->
                remote.keepSecret("gemini", "api_key", "CANARY-KEY".toByteArray())
                openStudio(StudioOptions(threads = 2u, remote = remote)).use { studio ->
                    val request = GenerationRequest(photo(), prompt = "it drifts", seconds = 4f)
                    val preview = studio.previewOf(request, FakeProvider.MODEL)
                    val grant = remote.question(preview).allowed()
                    assertEquals(0, server.requestCount)
                    val made = studio.generate(request.sentTo(FakeProvider.MODEL, grant))
                    assertArrayEquals(clip, made.bytes)
                    assertEquals(4, server.requestCount)
                    val submit = server.takeRequest()
                    assertArrayEquals(preview.body, submit.body?.toByteArray())
                    assertEquals("CANARY-KEY", submit.headers["x-goog-api-key"])
                }
            }
        }
    }

    @Test
    fun whoeverElseAnswersGetsNothing() = runBlocking {
        val other = certificate("evil.example.com")
        provider(ByteArray(0), other).use { server ->
            val transport = OkHttpTransport(client(server, other))
            openRemote(RemoteOptions("$folder/wrong", MemoryKeys(), transport)).use { remote ->
                remote.keepSecret("gemini", "api_key", "CANARY-KEY".toByteArray())
                openStudio(StudioOptions(threads = 2u, remote = remote)).use { studio ->
                    val request = GenerationRequest(photo(), prompt = "it drifts", seconds = 4f)
                    val grant = remote.question(studio.previewOf(request, FakeProvider.MODEL)).allowed()
                    val error = runCatching {
                        studio.generate(request.sentTo(FakeProvider.MODEL, grant))
                    }.exceptionOrNull() as KinoraException.Remote
                    assertEquals("remote.certificate", error.code)
                    assertEquals(0, server.requestCount)
                }
            }
        }
    }
}

/** Sockets that lead to one place, whatever they are told. */
private class Leading(private val place: SocketAddress) : SocketFactory() {
    override fun createSocket(): Socket = object : Socket() {
        override fun connect(endpoint: SocketAddress?, timeout: Int) = super.connect(place, timeout)
    }

    override fun createSocket(host: String, port: Int) = throw UnsupportedOperationException()

    override fun createSocket(host: String, port: Int, local: InetAddress, localPort: Int) =
        throw UnsupportedOperationException()

    override fun createSocket(host: InetAddress, port: Int) = throw UnsupportedOperationException()

    override fun createSocket(host: InetAddress, port: Int, local: InetAddress, localPort: Int) =
        throw UnsupportedOperationException()
}
