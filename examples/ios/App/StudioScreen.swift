import Kinora
import PhotosUI
import SwiftUI

/// The main screen: pick, say what should happen, watch.
struct StudioScreen: View {
    let door: RemoteDoor

    @State private var maker: ClipMaker
    @State private var isSettings = false
    @State private var picked: PhotosPickerItem?
    @State private var thumbnail: CGImage?
    @FocusState private var isTyping: Bool
    @Environment(\.scenePhase) private var scenePhase

    init(door: RemoteDoor) {
        self.door = door
        _maker = State(initialValue: ClipMaker(door: door))
    }

    var body: some View {
        NavigationStack {
            Form {
                Section { stage }
                Section("What should happen") {
                    TextField("She smiles, slow zoom in", text: $maker.prompt.text, axis: .vertical)
                        .focused($isTyping)
                        .submitLabel(.done)
                    MotionChips(prompt: $maker.prompt)
                    Stepper(
                        "\(maker.seconds, format: .number) seconds",
                        value: $maker.seconds,
                        in: 1...10,
                        step: 0.5
                    )
                }
                .disabled(maker.isBusy)
                ModelSection(door: door, model: $maker.model)
                    .disabled(maker.isBusy)
                Section { buttons }
            }
            .navigationTitle("Kinora")
            .scrollDismissesKeyboard(.interactively)
            .toolbar {
                ToolbarItem(placement: .topBarLeading) {
                    Button("Settings", systemImage: "gearshape") { isSettings = true }
                }
                // The photo arrives as it is: Kinora has the system decode HEIC, so that the picker
                // does not have to make a JPEG of it. The app sees no other photo of the library.
                ToolbarItem(placement: .topBarTrailing) {
                    PhotosPicker(
                        selection: $picked,
                        matching: .images,
                        preferredItemEncoding: .current
                    ) {
                        Label("Pick a photo", systemImage: "photo.badge.plus")
                    }
                }
            }
            .task(id: picked) { await take() }
            .onChange(of: scenePhase) { _, now in
                // The system takes the encoder away from an app that nobody sees.
                if now == .background { maker.hide() }
            }
            .sheet(isPresented: $isSettings) { SettingsScreen(door: door) }
            .questions(maker.questions)
        }
    }

    @ViewBuilder private var stage: some View {
        switch maker.phase {
        case let .made(file):
            ClipPlayer(file: file)
                .aspectRatio(proportions, contentMode: .fit)
        case .waiting, .making, .failed:
            if let thumbnail {
                Image(decorative: thumbnail, scale: 1)
                    .resizable()
                    .aspectRatio(contentMode: .fit)
                    .accessibilityLabel("The picked photo")
            } else {
                ContentUnavailableView(
                    "No photo yet",
                    systemImage: "photo",
                    description: Text("Pick one above. It stays here until you allow otherwise.")
                )
            }
        }
        if case let .failed(said) = maker.phase {
            Label(said, systemImage: "exclamationmark.triangle")
                .foregroundStyle(.red)
        }
    }

    @ViewBuilder private var buttons: some View {
        switch maker.phase {
        case let .making(progress):
            ProgressView(value: Double(progress?.share ?? 0)) {
                Text(progress?.stage.words ?? "Making the clip")
            } currentValueLabel: {
                if let left = progress?.secondsLeft {
                    Text("\(Int(left.rounded(.up))) s left")
                }
            }
            Button("Cancel", role: .cancel) { maker.cancel() }
        case let .made(file):
            ShareLink(item: file)
            makeButton("Make another")
        case .waiting, .failed:
            makeButton("Make the clip")
        }
    }

    private func makeButton(_ title: LocalizedStringKey) -> some View {
        Button(title) {
            isTyping = false
            maker.make()
        }
        .disabled(!maker.canMake)
    }

    private var proportions: CGFloat {
        guard let thumbnail, thumbnail.height > 0 else { return 1 }
        return CGFloat(thumbnail.width) / CGFloat(thumbnail.height)
    }

    private func take() async {
        guard let picked else { return }
        do {
            // Nil where the item has no picture data at all.
            guard let bytes = try await picked.loadTransferable(type: Data.self) else { return }
            thumbnail = await Thumbnail.of(bytes, longest: 1200)
            await maker.take(bytes)
        } catch is CancellationError {
            // Another photo was picked.
        } catch {
            maker.tell(error)
        }
    }
}
