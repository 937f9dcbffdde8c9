package app.kinora.sample

import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.ExperimentalLayoutApi
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.consumeWindowInsets
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.imePadding
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.foundation.text.selection.SelectionContainer
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.AlertDialog
import androidx.compose.material3.FilterChip
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.input.KeyboardType
import androidx.compose.ui.text.input.PasswordVisualTransformation
import androidx.compose.ui.unit.dp
import app.kinora.ConsentOverview
import app.kinora.ConsentState
import app.kinora.Destination
import app.kinora.VaultEntry
import java.text.DateFormat
import java.util.Date

/** Settings → Privacy. */
@Composable
fun PrivacyScreen(
    page: Privacy,
    withdraw: (Destination) -> Unit,
    keep: (VaultEntry, String) -> Unit,
    forget: (VaultEntry) -> Unit,
    export: () -> Unit,
    askToDelete: (Boolean) -> Unit,
    deleteEverything: () -> Unit,
    back: () -> Unit,
) {
    val colours = if (isSystemInDarkTheme()) darkColorScheme() else lightColorScheme()
    MaterialTheme(colours) {
        Scaffold { inner ->
            Column(
                Modifier
                    .padding(inner)
                    .consumeWindowInsets(inner)
                    .imePadding()
                    .verticalScroll(rememberScrollState())
                    .padding(16.dp),
                Arrangement.spacedBy(12.dp),
            ) {
                TextButton(back) { Text(stringResource(R.string.back)) }
                page.told?.let { Outcome(it) }
                Heading(R.string.grants)
                if (page.grants.isEmpty()) Text(stringResource(R.string.grants_none))
                for (grant in page.grants) GrantRow(grant, page.isBusy, withdraw)
                Heading(R.string.keys)
                for (key in page.keys) {
                    Text("${key.provider} · ${key.purpose}")
                    OutlinedButton({ forget(key) }, enabled = !page.isBusy) {
                        Text(stringResource(R.string.remove))
                    }
                }
                NewKey(page, keep)
                Heading(R.string.ledger)
                if (!page.ledgerIntact) Text(stringResource(R.string.ledger_damaged))
                SelectionContainer {
                    Text(page.ledger, style = MaterialTheme.typography.bodySmall)
                }
                Heading(R.string.held)
                Text(stringResource(R.string.jobs, page.jobs.size, page.jobs.count(::isLeft)))
                OutlinedButton(export, enabled = !page.isBusy) {
                    Text(stringResource(R.string.export))
                }
                OutlinedButton({ askToDelete(true) }, enabled = !page.isBusy) {
                    Text(stringResource(R.string.delete_all))
                }
            }
        }
        if (page.asksToDelete) DeleteQuestion(askToDelete, deleteEverything)
    }
}

@Composable
private fun GrantRow(
    grant: ConsentOverview,
    isBusy: Boolean,
    withdraw: (Destination) -> Unit,
) {
    val (provider, vendor, region) = grant.destination
    Text("$provider · $vendor · $region", style = MaterialTheme.typography.titleSmall)
    val words = when (val state = grant.state) {
        is ConsentState.Never -> stringResource(R.string.state_never)
        is ConsentState.Given -> stringResource(R.string.state_given, day(state.untilMs))
        is ConsentState.Withdrawn -> stringResource(R.string.state_withdrawn, day(state.atMs))
        is ConsentState.Expired -> stringResource(R.string.state_expired, day(state.atMs))
        is ConsentState.NoticeChanged -> stringResource(R.string.state_changed, day(state.atMs))
    }
    Text(words)
    if (grant.state is ConsentState.Given) {
        OutlinedButton({ withdraw(grant.destination) }, enabled = !isBusy) {
            Text(stringResource(R.string.withdraw))
        }
    }
}

/** A key is typed once; it is gone from the field as soon as it is kept. */
@OptIn(ExperimentalLayoutApi::class)
@Composable
private fun NewKey(page: Privacy, keep: (VaultEntry, String) -> Unit) {
    if (page.keysMissing.isEmpty()) return
    // Not saved over a turn of the device: what is typed here lies in no bundle.
    var chosen by remember { mutableStateOf<VaultEntry?>(null) }
    var secret by remember { mutableStateOf("") }
    FlowRow(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        for (key in page.keysMissing) {
            val name = "${key.provider} · ${key.purpose}"
            FilterChip(key == chosen, { chosen = key }, { Text(name) })
        }
    }
    val key = chosen?.takeIf { it in page.keysMissing } ?: return
    OutlinedTextField(
        value = secret,
        onValueChange = { secret = it },
        label = { Text(stringResource(R.string.key)) },
        visualTransformation = PasswordVisualTransformation(),
        keyboardOptions = KeyboardOptions(keyboardType = KeyboardType.Password),
        modifier = Modifier.fillMaxWidth(),
    )
    OutlinedButton(
        {
            keep(key, secret)
            secret = ""
        },
        enabled = secret.isNotBlank() && !page.isBusy,
    ) {
        Text(stringResource(R.string.keep))
    }
}

@Composable
private fun DeleteQuestion(askToDelete: (Boolean) -> Unit, deleteEverything: () -> Unit) {
    AlertDialog(
        onDismissRequest = { askToDelete(false) },
        title = { Text(stringResource(R.string.delete_all)) },
        text = { Text(stringResource(R.string.delete_more)) },
        dismissButton = {
            TextButton({ askToDelete(false) }) { Text(stringResource(R.string.keep_all)) }
        },
        confirmButton = {
            TextButton(deleteEverything) { Text(stringResource(R.string.delete)) }
        },
    )
}

@Composable
private fun Outcome(told: Told) {
    when (told) {
        is Told.Withdrawn -> Text(stringResource(R.string.told_withdrawn, told.sent, told.left))
        is Told.Deleted -> Text(stringResource(R.string.told_deleted, told.left))
        Told.Exported -> Text(stringResource(R.string.told_exported))
        is Told.Failed -> Text(told.reason, color = MaterialTheme.colorScheme.error)
    }
}

@Composable
private fun Heading(words: Int) = Text(
    stringResource(words),
    Modifier.semantics { heading() },
    style = MaterialTheme.typography.titleMedium,
)

private fun day(ms: Long): String = DateFormat.getDateInstance().format(Date(ms))
