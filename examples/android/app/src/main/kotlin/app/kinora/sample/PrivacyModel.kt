package app.kinora.sample

import app.kinora.ConsentOverview
import app.kinora.Copies
import app.kinora.DataItem
import app.kinora.Destination
import app.kinora.KinoraException
import app.kinora.Remote
import app.kinora.RemoteJob
import app.kinora.VaultEntry
import app.kinora.deleted
import app.kinora.exported
import app.kinora.keepSecret
import app.kinora.kept
import app.kinora.reason
import app.kinora.withdrawn
import java.io.IOException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/** What came of the last thing that was done on the page. */
sealed interface Told {
    /** A consent is withdrawn: so many requests had gone by then; copies of so many are left. */
    data class Withdrawn(val sent: Int, val left: Int) : Told

    /** All is deleted here; copies of so many jobs stay at their providers until they expire. */
    data class Deleted(val left: Int) : Told

    /** The file is written. */
    data object Exported : Told

    /** It did not work, for this reason. */
    data class Failed(val reason: String) : Told
}

/** All that the page shows. */
data class Privacy(
    val grants: List<ConsentOverview> = emptyList(),
    val keys: List<VaultEntry> = emptyList(),
    val keysMissing: List<VaultEntry> = emptyList(),
    val jobs: List<RemoteJob> = emptyList(),
    val ledger: String = "",
    val ledgerIntact: Boolean = true,
    val isBusy: Boolean = false,
    val asksToDelete: Boolean = false,
    val told: Told? = null,
)

/** Settings → Privacy: everything that is held, and what a person may do with it. */
class PrivacyModel(private val scope: CoroutineScope, private val remote: RemoteDoor) {
    private val shown = MutableStateFlow(Privacy())
    private val turn = Mutex()

    /** All that the page shows. */
    val page: StateFlow<Privacy> = shown.asStateFlow()

    /** Reads everything anew. */
    fun refresh() = act { null }

    /** Takes the consent for [destination] back; what is under way there ends. */
    fun withdraw(destination: Destination) = act { remote ->
        val done = remote.withdrawn(destination)
        Told.Withdrawn(done.sent.toInt(), done.jobs.count(::isLeft))
    }

    /** Keeps a key for its provider. The field that held it is emptied by the screen. */
    fun keep(key: VaultEntry, secret: String) = act { remote ->
        remote.keepSecret(key.provider, key.purpose, secret.trim().toByteArray())
        null
    }

    /** Removes a key. */
    fun forget(key: VaultEntry) = act { remote ->
        remote.deleted(DataItem.Secret(key.provider, key.purpose))
        null
    }

    /** Gives everything but the keys to [write], as JSON. */
    fun export(write: (String) -> Unit) = act { remote ->
        val json = remote.exported()
        withContext(Dispatchers.IO) { write(json) }
        Told.Exported
    }

    /** Asks whether everything is to be deleted, or asks no more. */
    fun askToDelete(asks: Boolean) = shown.update { it.copy(asksToDelete = asks) }

    /** Deletes everything, after [askToDelete] was answered with yes. */
    fun deleteEverything() {
        if (!shown.value.asksToDelete) return
        askToDelete(false)
        act { remote -> Told.Deleted(remote.deleted(DataItem.Everything).size) }
    }

    /** Does one thing after the other, and shows what is held then. */
    private fun act(work: suspend (Remote) -> Told?) {
        scope.launch {
            turn.withLock {
                shown.update { it.copy(isBusy = true) }
                val told = attempt(work)
                val failed = attempt { remote ->
                    show(remote)
                    null
                }
                shown.update { it.copy(isBusy = false, told = told ?: failed) }
            }
        }
    }

    private suspend fun attempt(work: suspend (Remote) -> Told?): Told? = try {
        work(remote.get())
    } catch (error: KinoraException) {
        Told.Failed(error.reason)
    } catch (error: IOException) {
        Told.Failed(error.message ?: error.javaClass.simpleName)
    } catch (error: SecurityException) {
        // What the person chose for the export may be gone again.
        Told.Failed(error.message ?: error.javaClass.simpleName)
    }

    private suspend fun show(remote: Remote) {
        val kept = remote.kept()
        val (ledger, wanted) = withContext(Dispatchers.IO) {
            val wanted = remote.models().filter { it.retired == null }.flatMap { model ->
                model.credentials.map { VaultEntry(model.id.substringBefore('/'), it) }
            }
            remote.exportLogText() to wanted.distinct()
        }
        shown.update {
            it.copy(
                grants = kept.grants,
                keys = kept.secrets,
                keysMissing = wanted - kept.secrets.toSet(),
                jobs = kept.jobs,
                ledger = ledger,
                ledgerIntact = kept.ledgerIntact,
            )
        }
    }
}

/** Whether a provider still has something of a job. */
internal fun isLeft(job: RemoteJob): Boolean = job.copies != Copies.DELETED
