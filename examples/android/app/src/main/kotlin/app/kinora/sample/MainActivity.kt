package app.kinora.sample

import android.content.Intent
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia
import androidx.activity.viewModels
import androidx.compose.runtime.getValue
import androidx.core.content.FileProvider
import androidx.lifecycle.AndroidViewModel
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import androidx.lifecycle.viewModelScope
import app.kinora.android.openStudio
import app.kinora.android.photoOf
import app.kinora.prompts
import java.io.File

/** Keeps the model over turns of the device. */
class AnimateViewModel(app: android.app.Application) : AndroidViewModel(app) {
    val model = AnimateModel(viewModelScope, File(app.cacheDir, "clips")) { openStudio(app) }
    val motions: List<Pair<String, List<String>>> = chips(prompts())

    override fun onCleared() = model.close()
}

class MainActivity : ComponentActivity() {
    private val kept: AnimateViewModel by viewModels()

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        setContent {
            val screen by kept.model.screen.collectAsStateWithLifecycle()
            // The system's picker hands over one photo; no permission is asked for.
            val picker = rememberLauncherForActivityResult(PickVisualMedia()) { uri ->
                if (uri != null) kept.model.pick { photoOf(applicationContext, uri) }
            }
            AnimateScreen(
                screen = screen,
                chips = kept.motions,
                pick = { picker.launch(PickVisualMediaRequest(PickVisualMedia.ImageOnly)) },
                say = kept.model::say,
                toggle = kept.model::toggle,
                animate = kept.model::animate,
                cancel = kept.model::cancel,
                share = ::share,
            )
        }
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
