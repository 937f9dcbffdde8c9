package app.kinora.sample

import app.kinora.KinoraException
import app.kinora.Remote
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** The remote side, opened once, when it is first needed. */
class RemoteDoor(private val open: suspend () -> Remote) {
    private val opening = Mutex()
    private var opened: Remote? = null

    /** The remote side. */
    suspend fun get(): Remote = opening.withLock { opened ?: open().also { opened = it } }

    /** The remote side, or null where it does not open: clips on the device need none. */
    suspend fun orNull(): Remote? = try {
        get()
    } catch (_: KinoraException) {
        null
    }

    /** Lets go of it. */
    fun close() {
        opened?.close()
        opened = null
    }
}
