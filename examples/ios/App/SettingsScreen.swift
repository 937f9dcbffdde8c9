import SwiftUI

/// Settings: one page, on privacy.
struct SettingsScreen: View {
    let door: RemoteDoor

    @Environment(\.dismiss) private var dismiss

    var body: some View {
        NavigationStack {
            List {
                NavigationLink("Privacy") { PrivacyScreen(page: PrivacyPage(door: door)) }
            }
            .navigationTitle("Settings")
            .toolbar { Button("Done") { dismiss() } }
        }
    }
}

/// Who may get something, what was done, and taking all of it back.
private struct PrivacyScreen: View {
    @State var page: PrivacyPage
    @State private var exported: URL?
    @State private var asksToDelete = false

    var body: some View {
        List {
            if let said = page.said {
                Section { Text(said) }
            }
            Section("May be sent to") {
                if page.rows.isEmpty { Text("Nobody was ever asked about.") }
                ForEach(page.rows) { row in
                    VStack(alignment: .leading, spacing: 4) {
                        Text(row.title)
                        Text(row.state)
                            .font(.subheadline)
                            .foregroundStyle(.secondary)
                        if row.canWithdraw {
                            Button("Withdraw", role: .destructive) {
                                Task { await page.withdraw(row) }
                            }
                            .buttonStyle(.borderless)
                        }
                    }
                }
            }
            if !page.keys.isEmpty {
                Section("Keys") {
                    ForEach(page.keys, id: \.self) { Text($0) }
                }
            }
            Section("What was done") {
                ScrollView(.horizontal) {
                    Text(page.ledger.isEmpty ? "Nothing." : page.ledger)
                        .font(.caption.monospaced())
                        .textSelection(.enabled)
                }
            }
            Section {
                Button("Export everything") {
                    Task { exported = await page.export() }
                }
                if let exported { ShareLink(item: exported) }
                Button("Delete everything", role: .destructive) { asksToDelete = true }
            } footer: {
                Text("Your clips are not part of this; the keys are deleted and never exported.")
            }
        }
        .disabled(page.isBusy)
        .navigationTitle("Privacy")
        .task { await page.load() }
        .confirmationDialog(
            "Delete keys, jobs, consents and the record of them?",
            isPresented: $asksToDelete,
            titleVisibility: .visible
        ) {
            Button("Delete everything", role: .destructive) {
                exported = nil
                Task { await page.deleteEverything() }
            }
        }
    }
}
