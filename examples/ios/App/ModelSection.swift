import Kinora
import SwiftUI

/// Where the clip is made, and the key that a remote model needs.
struct ModelSection: View {
    let door: RemoteDoor
    @Binding var model: ModelChoice

    @State private var choices = [ModelChoice.onThisDevice]
    @State private var missing = [String]()
    @State private var key = ""
    @State private var failure: String?

    var body: some View {
        Section {
            // The list is read when it is asked for: until then the way out stays shut.
            if choices.count > 1 {
                Picker("Made", selection: $model) {
                    ForEach(choices) { Text($0.name).tag($0) }
                }
            } else {
                LabeledContent("Made", value: ModelChoice.onThisDevice.name)
                Button("Other models…") {
                    Task { await attempt { choices = try await door.choices() } }
                }
            }
            if let purpose = missing.first {
                SecureField("\(model.provider): \(purpose)", text: $key)
                    .textContentType(.password)
                    .autocorrectionDisabled()
                    .onSubmit { Task { await keep(purpose) } }
            }
            if let failure {
                Text(failure).foregroundStyle(.red)
            }
        } footer: {
            Text(
                model.isRemote
                    ? "You are asked before anything is sent."
                    : "The photo does not leave this device."
            )
        }
        .task(id: model) { await look() }
    }

    private func look() async {
        await attempt { missing = try await door.missing(for: model) }
    }

    private func keep(_ purpose: String) async {
        await attempt {
            try await door.keep(key, as: purpose, for: model)
            key = ""
            missing = try await door.missing(for: model)
        }
    }

    private func attempt(_ work: () async throws -> Void) async {
        do {
            failure = nil
            try await work()
        } catch {
            failure = error.localizedDescription
        }
    }
}
