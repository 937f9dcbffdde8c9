package app.kinora.sample

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.ModalBottomSheet
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.Text
import androidx.compose.material3.rememberModalBottomSheetState
import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import app.kinora.Rights

/**
 * What is asked before anything is sent. Nothing is selected beforehand, yes and no look the same,
 * and whoever swipes it away has said neither.
 */
@OptIn(ExperimentalMaterial3Api::class)
@Composable
fun AskingSheet(
    asking: Asking,
    answer: (Boolean) -> Unit,
    answerRights: (Rights?) -> Unit,
    leave: () -> Unit,
) {
    // Whole at once: the end of the notice is not hidden below the edge.
    val state = rememberModalBottomSheetState(skipPartiallyExpanded = true)
    ModalBottomSheet(leave, sheetState = state) {
        Column(
            Modifier.verticalScroll(rememberScrollState()).padding(16.dp),
            Arrangement.spacedBy(12.dp),
        ) {
            when (asking) {
                is Asking.Consent -> Notice(asking.lines, answer)
                Asking.PictureRights -> RightsQuestion(answerRights)
            }
        }
    }
}

@Composable
private fun Notice(lines: List<String>, answer: (Boolean) -> Unit) {
    Title(lines.firstOrNull().orEmpty())
    for (line in lines.drop(1)) Text(line)
    Row(Modifier.fillMaxWidth(), Arrangement.spacedBy(12.dp)) {
        OutlinedButton({ answer(false) }, Modifier.weight(1f)) {
            Text(stringResource(R.string.not_now))
        }
        OutlinedButton({ answer(true) }, Modifier.weight(1f)) {
            Text(stringResource(R.string.allow))
        }
    }
}

@Composable
private fun RightsQuestion(answer: (Rights?) -> Unit) {
    Title(stringResource(R.string.rights))
    Text(stringResource(R.string.rights_more))
    val answers = listOf(
        R.string.rights_own to Rights.OWN,
        R.string.rights_agreed to Rights.AGREED,
        R.string.rights_nobody to Rights.NOBODY_REAL,
        R.string.rights_none to null,
    )
    for ((words, right) in answers) {
        OutlinedButton({ answer(right) }, Modifier.fillMaxWidth()) { Text(stringResource(words)) }
    }
}

@Composable
private fun Title(words: String) = Text(
    words,
    Modifier.semantics { heading() },
    style = MaterialTheme.typography.titleLarge,
)
