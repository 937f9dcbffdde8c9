package app.kinora.sample

import android.content.Intent
import android.net.Uri
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.BackHandler
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts.CreateDocument
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia
import androidx.activity.viewModels
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.core.content.FileProvider
import androidx.lifecycle.AndroidViewModel
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import androidx.lifecycle.viewModelScope
import app.kinora.Rights
import app.kinora.StudioOptions
import app.kinora.android.openStudio
import app.kinora.android.photoOf
import app.kinora.android.remoteOptions
import app.kinora.okhttp.OkHttpTransport
import app.kinora.openRemote
import app.kinora.prompts
import java.io.File
import java.io.IOException

/** Keeps the model over turns of the device. */
class AnimateViewModel(app: android.app.Application) : AndroidViewModel(app) {
    private val remote = RemoteDoor { openRemote(remoteOptions(app, OkHttpTransport())) }
    val model = AnimateModel(viewModelScope, File(app.cacheDir, "clips"), remote) {
        openStudio(app, StudioOptions(remote = remote.orNull()))
    }
    val privacy = PrivacyModel(viewModelScope, remote)
    val motions: List<Pair<String, List<String>>> = chips(prompts())

    init {
        model.findPlaces()
    }

    override fun onCleared() {
        model.close()
        remote.close()
    }
}

class MainActivity : ComponentActivity() {
    private val kept: AnimateViewModel by viewModels()

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        setContent {
            val screen by kept.model.screen.collectAsStateWithLifecycle()
            var showsPrivacy by rememberSaveable { mutableStateOf(false) }
            // The system's picker hands over one photo; no permission is asked for.
            val picker = rememberLauncherForActivityResult(PickVisualMedia()) { uri ->
                if (uri != null) kept.model.pick { photoOf(applicationContext, uri) }
            }
            if (showsPrivacy) {
                Settings { showsPrivacy = false }
            } else {
                AnimateScreen(
                    screen = screen,
                    chips = kept.motions,
                    pick = { picker.launch(PickVisualMediaRequest(PickVisualMedia.ImageOnly)) },
                    say = kept.model::say,
                    toggle = kept.model::toggle,
                    choose = kept.model::choose,
                    animate = kept.model::animate,
                    cancel = kept.model::cancel,
                    share = ::share,
                    openPrivacy = { showsPrivacy = true },
                    sheet = { screen.asking?.let { Sheet(it) } },
                )
            }
        }
    }

    @Composable
    private fun Sheet(asking: Asking) = AskingSheet(
        asking = asking,
        answer = { allow: Boolean -> kept.model.answer(allow) },
        answerRights = { right: Rights? -> kept.model.answer(right) },
        leave = kept.model::cancel,
    )

    @Composable
    private fun Settings(back: () -> Unit) {
        val page by kept.privacy.page.collectAsStateWithLifecycle()
        // The person says where the file goes; no permission is asked for.
        val place = rememberLauncherForActivityResult(CreateDocument("application/json")) { uri ->
            if (uri != null) kept.privacy.export { json -> write(uri, json) }
        }
        LaunchedEffect(Unit) { kept.privacy.refresh() }
        BackHandler(onBack = back)
        PrivacyScreen(
            page = page,
            withdraw = kept.privacy::withdraw,
            keep = kept.privacy::keep,
            forget = kept.privacy::forget,
            export = { place.launch("kinora.json") },
            askToDelete = kept.privacy::askToDelete,
            deleteEverything = kept.privacy::deleteEverything,
            back = back,
        )
    }

    private fun write(uri: Uri, json: String) {
        val stream = contentResolver.openOutputStream(uri) ?: throw IOException("no such file")
        stream.use { it.write(json.toByteArray()) }
    }

    private fun share(clip: File) {
        val uri = FileProvider.getUriForFile(this, "$packageName.clips", clip)
        val send = Intent(Intent.ACTION_SEND)
            .setType("video/mp4")
            .putExtra(Intent.EXTRA_STREAM, uri)
            .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        startActivity(Intent.createChooser(send, null))
    }
}
