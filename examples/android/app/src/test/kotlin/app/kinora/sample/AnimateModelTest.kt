package app.kinora.sample

import app.kinora.PhotoOrientation
import app.kinora.Photo
import app.kinora.StudioOptions
import app.kinora.openStudio
import app.kinora.photoOf
import app.kinora.prompts
import java.io.File
import java.nio.ByteBuffer
import java.nio.file.Path
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class AnimateModelTest {
    @TempDir
    lateinit var folder: Path

    private val model by lazy {
        AnimateModel(CoroutineScope(Dispatchers.Default), folder.resolve("clips").toFile()) {
            openStudio(StudioOptions(threads = 2u))
        }
    }

    @AfterEach
    fun close() = model.close()

    private fun photo(): Photo {
        val pixels = ByteBuffer.allocateDirect(4 * 96 * 64)
        repeat(96 * 64) { pixels.put(byteArrayOf(it.toByte(), (it / 96).toByte(), 90, -1)) }
        pixels.flip()
        return Photo.fromPixels(pixels, 96u, 64u, 384u, PhotoOrientation.UPRIGHT)
    }

    private fun until(wanted: (Screen) -> Boolean): Screen = runBlocking {
        withTimeout(60_000) { model.screen.first(wanted) }
    }

    @Test
    fun aPhotoAndAChipMakeAClip() {
        assertTrue(!model.screen.value.hasPhoto)
        model.pick { photo() }
        until { it.hasPhoto }
        model.toggle("zoom in")
        model.animate()
        val done = until { it.phase is Phase.Done }.phase as Phase.Done
        assertTrue(done.clip.length() > 500 && done.ignored.isEmpty())
        // Only the newest is kept.
        model.animate()
        val again = until { it.phase is Phase.Done && it.phase != done }.phase as Phase.Done
        assertEquals(listOf(again.clip), done.clip.parentFile.listFiles()?.toList())
    }

    @Test
    fun aSecondPickStopsTheFirst() {
        val begun = CompletableDeferred<Unit>()
        val ended = CompletableDeferred<Unit>()
        model.pick {
            begun.complete(Unit)
            try {
                awaitCancellation()
            } finally {
                ended.complete(Unit)
            }
        }
        runBlocking { withTimeout(60_000) { begun.await() } }
        model.pick { photo() }
        until { it.hasPhoto }
        runBlocking { withTimeout(60_000) { ended.await() } }
    }

    @Test
    fun aClipCanBeStopped() {
        model.pick { photo() }
        until { it.hasPhoto }
        model.animate()
        until { it.phase is Phase.Working }
        model.cancel()
        until { it.phase is Phase.Idle }
    }

    @Test
    fun whatGoesWrongIsSaid() {
        model.pick { photoOf(File("/no/such/photo.jpg").toPath()) }
        val failed = until { it.phase is Phase.Failed }.phase as Phase.Failed
        assertTrue(failed.reason.length > 10)
    }

    @Test
    fun chipsComeAndGo() {
        assertEquals("smile, blink", toggled("smile", "blink"))
        assertEquals("smile", toggled("smile, blink", "blink"))
        assertEquals("nod", toggled("", "nod"))
        assertTrue(chips(prompts()).all { (_, motions) -> motions.size in 1..4 })
    }
}
