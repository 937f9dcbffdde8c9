package app.kinora.sample

import android.media.AudioManager
import android.net.Uri
import android.os.Build
import android.widget.VideoView
import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.ExperimentalLayoutApi
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.aspectRatio
import androidx.compose.foundation.layout.consumeWindowInsets
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.imePadding
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.FilterChip
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import androidx.compose.ui.viewinterop.AndroidView
import java.io.File

@OptIn(ExperimentalLayoutApi::class)
@Composable
fun AnimateScreen(
    screen: Screen,
    chips: List<Pair<String, List<String>>>,
    pick: () -> Unit,
    say: (String) -> Unit,
    toggle: (String) -> Unit,
    choose: (Place) -> Unit,
    animate: () -> Unit,
    cancel: () -> Unit,
    share: (File) -> Unit,
    openPrivacy: () -> Unit,
    sheet: @Composable () -> Unit,
) {
    val colours = if (isSystemInDarkTheme()) darkColorScheme() else lightColorScheme()
    MaterialTheme(colours) {
        Scaffold { inner ->
            Column(
                // `inner` holds the bars of the system: the keyboard adds only what it covers more.
                Modifier
                    .padding(inner)
                    .consumeWindowInsets(inner)
                    .imePadding()
                    .verticalScroll(rememberScrollState())
                    .padding(16.dp),
                Arrangement.spacedBy(12.dp),
            ) {
                Row(Modifier.fillMaxWidth(), Arrangement.SpaceBetween) {
                    OutlinedButton(pick) {
                        val words = if (screen.hasPhoto) R.string.pick_other else R.string.pick
                        Text(stringResource(words))
                    }
                    TextButton(openPrivacy) { Text(stringResource(R.string.privacy)) }
                }
                OutlinedTextField(
                    value = screen.prompt,
                    onValueChange = say,
                    label = { Text(stringResource(R.string.prompt)) },
                    modifier = Modifier.fillMaxWidth(),
                )
                val said = screen.prompt.split(",").map(String::trim)
                for ((title, motions) in chips) {
                    Text(title, style = MaterialTheme.typography.labelLarge)
                    FlowRow(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
                        for (motion in motions) {
                            FilterChip(motion in said, { toggle(motion) }, { Text(motion) })
                        }
                    }
                }
                Places(screen, choose)
                Outcome(screen, animate, cancel, share)
            }
        }
        sheet()
    }
}

/** Where the clip is made: on this device until somebody chooses otherwise. */
@OptIn(ExperimentalLayoutApi::class)
@Composable
private fun Places(screen: Screen, choose: (Place) -> Unit) {
    if (screen.places.size < 2) return
    Text(stringResource(R.string.place), style = MaterialTheme.typography.labelLarge)
    FlowRow(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        for (place in screen.places) {
            val name = when (place) {
                Place.OnDevice -> stringResource(R.string.on_device)
                is Place.Elsewhere -> place.name
            }
            FilterChip(place == screen.place, { choose(place) }, { Text(name) })
        }
    }
}

@Composable
private fun Outcome(
    screen: Screen,
    animate: () -> Unit,
    cancel: () -> Unit,
    share: (File) -> Unit,
) {
    val working = screen.phase as? Phase.Working
    if (working == null) {
        Button(animate, enabled = screen.hasPhoto) { Text(stringResource(R.string.animate)) }
    } else {
        val told = stringResource(R.string.progress, (100 * working.share).toInt())
        LinearProgressIndicator(
            progress = { working.share },
            modifier = Modifier.fillMaxWidth().semantics { contentDescription = told },
        )
        OutlinedButton(cancel) { Text(stringResource(R.string.cancel)) }
    }
    when (val phase = screen.phase) {
        is Phase.Done -> {
            Player(phase.clip)
            if (phase.ignored.isNotEmpty()) {
                Text(stringResource(R.string.ignored, phase.ignored.joinToString(", ")))
            }
            Button({ share(phase.clip) }) { Text(stringResource(R.string.share)) }
        }
        is Phase.Failed -> Text(phase.reason, color = MaterialTheme.colorScheme.error)
        else -> Unit
    }
}

/** Plays a clip again and again. */
@Composable
private fun Player(clip: File) {
    val told = stringResource(R.string.clip)
    AndroidView(
        factory = { context ->
            VideoView(context).apply {
                // Clips are silent: music goes on. Before Android 8 there is no way to say so.
                if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
                    setAudioFocusRequest(AudioManager.AUDIOFOCUS_NONE)
                }
            }
        },
        update = { view ->
            // Called at every change of the screen; the same clip plays on.
            if (view.tag != clip) {
                view.tag = clip
                view.setOnPreparedListener { it.isLooping = true }
                view.setVideoURI(Uri.fromFile(clip))
                view.start()
            }
        },
        modifier = Modifier.fillMaxWidth().aspectRatio(1f).semantics { contentDescription = told },
    )
}
