import Kinora
import SwiftUI

/// On this device, or a provider's model.
struct ModelPicker: View {
    @Bindable var desk: PrivacyDesk

    var body: some View {
        Section {
            Picker("Made by", selection: $desk.model) {
                Text("This device").tag(String?.none)
                ForEach(desk.models, id: \.id) { model in
                    Text(model.name).tag(String?.some(model.id))
                }
            }
        } footer: {
            Text(desk.model == nil
                ? "Nothing leaves this device."
                : "You are asked before anything is sent.")
        }
    }
}

/// Asks before anything goes: the notice of the provider, and the right to use the photo.
struct AsksFirst: ViewModifier {
    let maker: ClipMaker

    func body(content: Content) -> some View {
        content
            .sheet(isPresented: isAsked) {
                if let desk = maker.desk, let asked = desk.asked {
                    ConsentSheet(asked: asked) {
                        desk.allow()
                        maker.make()
                    } refuse: {
                        desk.refuse()
                    }
                }
            }
            .confirmationDialog(
                "The photo shows a person. May you have it turned into a video by this provider?",
                isPresented: asksForRights,
                titleVisibility: .visible
            ) {
                Button("It is me") { maker.make(rights: .own) }
                Button("They agreed") { maker.make(rights: .agreed) }
                Button("It shows nobody real") { maker.make(rights: .nobodyReal) }
                Button("Cancel", role: .cancel) { maker.cancel() }
            }
    }

    private var isAsked: Binding<Bool> {
        Binding {
            maker.desk?.asked != nil
        } set: { shown in
            // Putting the sheet away is no yes.
            if !shown { maker.desk?.refuse() }
        }
    }

    private var asksForRights: Binding<Bool> {
        Binding {
            if case .asksForRights = maker.phase { true } else { false }
        } set: { _ in }
    }
}

/// The notice, and two buttons of one size: neither is chosen beforehand.
struct ConsentSheet: View {
    let asked: PrivacyDesk.Asked
    let allow: () -> Void
    let refuse: () -> Void

    var body: some View {
        NavigationStack {
            List(asked.lines.dropFirst(), id: \.key) { line in
                Text(line.text)
            }
            .navigationTitle(asked.lines.first?.text ?? "")
            .navigationBarTitleDisplayMode(.inline)
            .safeAreaInset(edge: .bottom) {
                HStack {
                    Button("Not Now", action: refuse)
                    Button("Allow", action: allow)
                }
                .buttonStyle(.bordered)
                .controlSize(.large)
                .padding()
                .frame(maxWidth: .infinity)
                .background(.bar)
            }
        }
        .interactiveDismissDisabled()
    }
}
