package app.kinora

import java.nio.file.Files
import java.nio.file.Path
import kotlin.io.path.isRegularFile
import kotlin.io.path.readBytes
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Consent, vault and remote jobs, with a provider in this process. */
class RemoteTest {
    @TempDir
    lateinit var folder: Path

    private val keys = MemoryKeys()
    private val provider = FakeProvider(clip)
    private val options by lazy { RemoteOptions("$folder/remote", keys, provider) }
    private val remote by lazy { Remote.open(options) }
    private val own by lazy { Studio.open(StudioOptions(threads = 2u, remote = remote)) }

    @AfterEach
    fun close() {
        own.close()
        remote.close()
    }

    private suspend fun request() =
        small(photoOf(picture(480, 320))).copy(prompt = "the clouds drift CANARY-PROMPT", seconds = 4f)

    private suspend fun withKey() = remote.keepSecret("gemini", "api_key", KEY.toByteArray())

    /** What a person does who agrees. */
    private suspend fun agreed(request: GenerationRequest): Grant =
        remote.question(own.previewOf(request, FakeProvider.MODEL)).allowed()

    private suspend fun failure(body: suspend () -> Unit): KinoraException {
        val error = runCatching { body() }.exceptionOrNull()
        assertTrue(error is KinoraException, "$error")
        return error as KinoraException
    }

    @Test
    fun askedAllowedAndMade() = runBlocking {
        withKey()
        val request = request()
        val preview = own.previewOf(request, FakeProvider.MODEL)
        assertNull(remote.standingGrant(preview))
        val question = remote.question(preview)
        val notice = question.notice()
        assertEquals("title", notice.lines.first().key)
        assertEquals(preview.kinds.toSet(), notice.kinds.toSet())
        assertTrue(notice.lines.all { it.text.isNotBlank() })
        assertEquals(emptyList<Sent>(), provider.sent)
        val grant = question.allowed(days = 30)
        assertEquals("consent.answered", failure { question.allowed() }.code)

        val events = own.events(request.sentTo(FakeProvider.MODEL, grant)).toList()
        val made = (events.last() as GenerationEvent.Finished).clip
        assertArrayEquals(clip, made.bytes)
        assertEquals(FakeProvider.MODEL, made.remoteModel)
        assertNull(made.executionProvider)
        val stages = events.filterIsInstance<GenerationEvent.Progressed>().map { it.progress.stage }
        assertEquals(ProgressStage.DONE, stages.last())

        // The preview was the truth, and the key was in its own header alone.
        val submit = provider.sent.first()
        assertEquals(preview.method to preview.url, submit.method to submit.url)
        assertArrayEquals(preview.body, submit.body)
        assertEquals(KEY, submit.header("x-goog-api-key"))
        assertEquals(1, provider.submits)
        assertEquals(
            listOf("POST", "GET", "GET", "DELETE"),
            provider.sent.map(Sent::method),
        )
        val job = remote.jobs().single()
        assertEquals(RemoteJobState.DONE to Copies.DELETED, job.state to job.copies)
        assertTrue(!job.isResumable)
        assertEquals(grant.id(), remote.standingGrant(preview)?.id())
    }

    @Test
    fun aFileIsWrittenAsItCameAndNotEncodedAgain() = runBlocking {
        withKey()
        val request = request()
        val grant = agreed(request)
        val file = folder.resolve("clip.mp4")
        Encoders.mp4 = { error("a remote clip needs no encoder") }
        try {
            val output = ClipOutput.Mp4("$file")
            val made = own.generate(request.copy(output = output).sentTo(FakeProvider.MODEL, grant))
            assertEquals("$file", made.path)
        } finally {
            Encoders.mp4 = null
        }
        assertArrayEquals(clip, file.readBytes())
    }

    @Test
    fun nothingIsSentWithoutAGrantThatAPersonGave() = runBlocking {
        withKey()
        val request = request()
        val destination = remote.destination(FakeProvider.MODEL)
        // On the device, and nowhere else.
        assertNotNull(own.generate(request.copy(seconds = 0.5f)).bytes)
        own.previewOf(request, FakeProvider.MODEL)
        assertEquals("consent.never", failure { remote.grant(destination) }.code)
        // A grant that no question gave is none.
        val made = request.sentTo(FakeProvider.MODEL, Grant(NoHandle))
        assertTrue(runCatching { own.generate(made) }.isFailure)
        // One for less is not enough, and one for another company neither.
        val less = remote.question(destination, listOf(DataKind.PROMPT)).allowed()
        val short = failure { own.generate(request.sentTo(FakeProvider.MODEL, less)) }
        assertEquals("consent.other_kinds", short.code)
        assertNull(remote.standingGrant(own.previewOf(request, FakeProvider.MODEL)))
        val kinds = DataKind.entries.toList()
        val others = remote.question(remote.destination("openai/sora-2"), kinds).allowed()
        assertEquals(
            "remote.other_grant",
            failure { own.generate(request.sentTo(FakeProvider.MODEL, others)) }.code,
        )
        // A question that is only asked is no answer.
        remote.question(own.previewOf(request, FakeProvider.MODEL)).close()
        assertEquals(emptyList<Sent>(), provider.sent)
    }

    @Test
    fun aNoIsANo() = runBlocking {
        withKey()
        val request = request()
        val preview = own.previewOf(request, FakeProvider.MODEL)
        val grant = agreed(request)
        remote.question(preview).refused()
        assertNull(remote.standingGrant(preview))
        val late = failure { own.generate(request.sentTo(FakeProvider.MODEL, grant)) }
        assertTrue(late is KinoraException.Consent, "$late")
        assertEquals(emptyList<Sent>(), provider.sent)
        assertTrue("refused" in remote.log().map(LedgerEntry::event))
    }

    @Test
    fun aWithdrawalEndsWhatRunsAndWhatComesLater() = runBlocking {
        withKey()
        val request = request()
        val grant = agreed(request)
        provider.status = "in_progress"
        val chosen = request.sentTo(FakeProvider.MODEL, grant)
        val running = async(Dispatchers.Default) { runCatching { own.generate(chosen) } }
        withTimeout(20_000) { while (provider.sent.none { it.method == "GET" }) delay(10) }
        val withdrawal = remote.withdrawn(grant.destination())
        assertEquals(1uL, withdrawal.sent)
        assertEquals(Copies.DELETED, withdrawal.jobs.single().copies)
        val error = withTimeout(20_000) { running.await() }.exceptionOrNull()
        assertEquals("consent.withdrawn", (error as KinoraException).code)
        assertEquals("consent.withdrawn", failure { own.generate(chosen) }.code)
        assertTrue(remote.state(grant.destination()) is ConsentState.Withdrawn)
        assertEquals(1, provider.submits)
        val ending = listOf("${FakeProvider.JOB}/cancel", FakeProvider.JOB)
        assertEquals(ending, provider.sent.takeLast(2).map(Sent::url))
    }

    @Test
    fun cancellingEndsTheJobAtItsProvider() = runBlocking {
        withKey()
        val request = request()
        val chosen = request.sentTo(FakeProvider.MODEL, agreed(request))
        provider.status = "in_progress"
        val running = launch(Dispatchers.Default) { own.generate(chosen) }
        withTimeout(20_000) { while (provider.sent.none { it.method == "GET" }) delay(10) }
        withTimeout(10_000) { running.cancelAndJoin() }
        assertTrue(provider.sent.any { it.url == "${FakeProvider.JOB}/cancel" })
        assertEquals(RemoteJobState.ENDED, remote.jobs().single().state)
    }

    @Test
    fun aJobIsGoneOnWithAfterARestart() = runBlocking {
        withKey()
        val request = request()
        // A key that is refused for a while: the job waits.
        provider.refusal = 401
        val chosen = request.sentTo(FakeProvider.MODEL, agreed(request))
        assertEquals("remote.unauthorised", failure { own.generate(chosen) }.code)
        val job = remote.jobs().single()
        assertTrue(job.isResumable)
        own.close()
        remote.close()

        provider.refusal = null
        openRemote(options).use { again ->
            Studio.open(StudioOptions(threads = 2u, remote = again)).use { studio ->
                val events = studio.resumedEvents(job.id).toList()
                assertArrayEquals(clip, (events.last() as GenerationEvent.Finished).clip.bytes)
                assertEquals("remote.over", failure { studio.resumed(job.id) }.code)
                assertEquals("remote.no_job", failure { studio.resumed("0".repeat(32)) }.code)
            }
        }
        assertEquals(1, provider.submits)
    }

    @Test
    fun secretsComeOutNowhere() = runBlocking {
        val bytes = KEY.toByteArray()
        remote.keepSecret("gemini", "api_key", bytes)
        assertTrue(bytes.all { it == 0.toByte() })
        val request = request()
        val preview = own.previewOf(request, FakeProvider.MODEL)
        val grant = agreed(request)
        own.generate(request.sentTo(FakeProvider.MODEL, grant))
        val told = listOf(
            options, remote, own, grant, preview, preview.headers, String(preview.body),
            remote.kept(), remote.secrets(), remote.jobs(), remote.log(), remote.exported(),
            remote.exportLogJson(), remote.exportLogText(), request.sentTo(FakeProvider.MODEL, grant),
        ).map(Any::toString)
        assertTrue(told.none { KEY in it })
        assertEquals(listOf(VaultEntry("gemini", "api_key")), remote.secrets())
        for (file in Files.walk(folder).filter { it.isRegularFile() }) {
            val held = String(file.readBytes(), Charsets.ISO_8859_1)
            assertTrue(KEY !in held && "CANARY-PROMPT" !in held, "$file")
        }
    }

    @Test
    fun whatIsHeldIsShownExportedAndDeleted() = runBlocking {
        withKey()
        val request = request()
        val grant = agreed(request)
        own.generate(request.sentTo(FakeProvider.MODEL, grant))
        val kept = remote.kept()
        assertEquals(listOf(grant.destination()), kept.grants.map(ConsentOverview::destination))
        assertTrue(kept.grants.single().state is ConsentState.Given)
        assertTrue(kept.ledgerIntact && kept.ledgerEntries > 3u)
        assertEquals(1, kept.jobs.size)
        assertEquals(0uL, kept.scratchFiles)
        val exported = remote.exported()
        assertTrue(listOf("consents", "jobs", "secrets", "api_key").all { it in exported })
        assertEquals(emptyList<RemoteJob>(), remote.deleted(DataItem.Everything))
        val left = remote.kept()
        assertEquals(0, left.grants.size + left.secrets.size + left.jobs.size)
        val late = failure { own.generate(request.sentTo(FakeProvider.MODEL, grant)) }
        assertTrue(late is KinoraException.Consent || late is KinoraException.Vault, "$late")
        assertEquals(1, provider.submits)
    }

    @Test
    fun aPersonsPictureNeedsTheAnswerOfRights() = runBlocking {
        val path = data("faces/imageio/astronaut.png") ?: return@runBlocking
        withKey()
        val request = request().copy(photo = photoOf(path), prompt = "she smiles")
        val preview = own.previewOf(request, FakeProvider.MODEL)
        assertTrue(preview.asksForRights)
        val grant = agreed(request)
        val silent = failure { own.generate(request.sentTo(FakeProvider.MODEL, grant)) }
        assertEquals("remote.rights", silent.code)
        val intimate = request.copy(prompt = "undress her").sentTo(FakeProvider.MODEL, grant, Rights.AGREED)
        assertEquals("safety.non_consensual_intimacy", failure { own.generate(intimate) }.code)
        assertEquals(emptyList<Sent>(), provider.sent)
        assertNotNull(own.generate(request.sentTo(FakeProvider.MODEL, grant, Rights.AGREED)).bytes)
    }

    @Test
    fun thePromptGateHoldsBackHereAndThere() = runBlocking {
        withKey()
        val request = request()
        val grant = agreed(request)
        val bad = request.copy(prompt = "smi\u0007le")
        assertEquals("safety.unreadable", failure { own.previewOf(bad, FakeProvider.MODEL) }.code)
        val error = failure { own.generate(bad.sentTo(FakeProvider.MODEL, grant)) }
        assertEquals("safety.unreadable", error.code)
        assertEquals(emptyList<Sent>(), provider.sent)
        val here = bad.sentTo(FakeProvider.MODEL, grant).onThisDevice().copy(seconds = 0.5f)
        assertEquals("safety.unreadable", failure { own.generate(here) }.code)
        assertNotNull(own.generate(here.copy(prompt = "smile")).bytes)
    }

    @Test
    fun withoutKeyTransportOrRemoteSideNothingGoes() = runBlocking {
        val request = request()
        val chosen = request.sentTo(FakeProvider.MODEL, agreed(request))
        assertEquals("vault.missing", failure { own.generate(chosen) }.code)
        assertEquals("remote.none", failure { studio.generate(chosen) }.code)
        withKey()
        openRemote(RemoteOptions("$folder/other", keys)).use { quiet ->
            Studio.open(StudioOptions(threads = 2u, remote = quiet)).use { studio ->
                val grant = quiet.question(studio.previewOf(request, FakeProvider.MODEL)).allowed()
                val error = failure { studio.generate(request.sentTo(FakeProvider.MODEL, grant)) }
                assertEquals("remote.no_transport", error.code)
            }
        }
        assertEquals(emptyList<Sent>(), provider.sent)
    }

    @Test
    fun aVideoIsTakenInThePhotosPlace() = runBlocking {
        withKey()
        assertEquals("request.video", failure { videoOf(ByteArray(40)) }.code)
        val request = GenerationRequest(
            photo = null,
            prompt = "make it rain",
            seconds = 4f,
            video = videoOf(clip),
        )
        val preview = own.previewOf(request, FakeProvider.MODEL)
        assertTrue(DataKind.VIDEO in preview.kinds && DataKind.PHOTO !in preview.kinds)
        val grant = agreed(request)
        val chosen = request.sentTo(FakeProvider.MODEL, grant, Rights.OWN)
        assertArrayEquals(clip, own.generate(chosen).bytes)
    }

    private companion object {
        const val KEY = "CANARY-KEY-0123456789"
        val clip: ByteArray by lazy {
            runBlocking { checkNotNull(studio.generate(small(photoOf(picture()))).bytes) }
        }
    }
}
