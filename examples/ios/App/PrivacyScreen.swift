import Kinora
import SwiftUI

/// Settings → Privacy: what was agreed to, taking it back, the ledger, and deleting everything.
struct PrivacyScreen: View {
    let desk: PrivacyDesk
    @State private var isSure = false
    @Environment(\.dismiss) private var dismiss

    var body: some View {
        NavigationStack {
            Form {
                Section("Consents") {
                    if desk.grants.isEmpty { Text("Nobody was asked. Nothing was sent.") }
                    ForEach(desk.grants, id: \.destination) { one in
                        LabeledContent(one.destination.provider, value: words(one.state))
                        if case .given = one.state {
                            Button("Withdraw", role: .destructive) {
                                Task { await desk.withdraw(one.destination) }
                            }
                        }
                    }
                }
                if let said = desk.said { Section { Text(said) } }
                Section("What happened") {
                    Text(desk.ledger).font(.footnote.monospaced()).textSelection(.enabled)
                    if let all = try? desk.export() {
                        ShareLink("Take it along", item: all)
                    }
                }
                Section {
                    Button("Delete everything", role: .destructive) { isSure = true }
                } footer: {
                    Text("Consents, ledger, keys and jobs. Your clips stay.")
                }
            }
            .navigationTitle("Privacy")
            .toolbar { Button("Done") { dismiss() } }
            .confirmationDialog("Delete it for good?", isPresented: $isSure) {
                Button("Delete", role: .destructive) { Task { await desk.deleteEverything() } }
            }
            .task { desk.refresh() }
        }
    }

    private func words(_ state: ConsentState) -> String {
        let day = { (milliseconds: Int64) in
            Date(timeIntervalSince1970: Double(milliseconds) / 1000)
                .formatted(date: .abbreviated, time: .omitted)
        }
        switch state {
        case .never: return "not given"
        case let .given(until): return "given until \(day(until))"
        case let .withdrawn(at): return "withdrawn on \(day(at))"
        case let .expired(at): return "expired on \(day(at))"
        case let .noticeChanged(at): return "void since \(day(at))"
        }
    }
}
