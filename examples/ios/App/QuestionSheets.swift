import Kinora
import SwiftUI

extension View {
    /// Shows what `questions` asks, in a sheet that only an answer takes away.
    func questions(_ questions: Questions) -> some View {
        sheet(item: Binding(get: { questions.asked }, set: { _ in })) { asked in
            Group {
                switch asked {
                case let .consent(notice): ConsentSheet(notice: notice, questions: questions)
                case .rights: RightsSheet(questions: questions)
                }
            }
            .interactiveDismissDisabled()
        }
    }
}

/// The whole notice, and two buttons that weigh the same.
private struct ConsentSheet: View {
    let notice: Notice
    let questions: Questions

    var body: some View {
        NavigationStack {
            ScrollView {
                VStack(alignment: .leading, spacing: 12) {
                    ForEach(Array(notice.lines.dropFirst().enumerated()), id: \.offset) { _, line in
                        Text(line.text)
                            .fixedSize(horizontal: false, vertical: true)
                    }
                }
                .frame(maxWidth: .infinity, alignment: .leading)
                .padding()
            }
            .navigationTitle(notice.lines.first?.text ?? "")
            .navigationBarTitleDisplayMode(.inline)
            .safeAreaInset(edge: .bottom) {
                HStack(spacing: 12) {
                    button("Not Now") { questions.notNow() }
                    button("Allow") { questions.allow() }
                }
                .padding()
                .background(.bar)
            }
        }
    }

    private func button(_ title: LocalizedStringKey, action: @escaping () -> Void) -> some View {
        Button(action: action) {
            Text(title).frame(maxWidth: .infinity)
        }
        .buttonStyle(.bordered)
        .controlSize(.large)
    }
}

/// Whether the picture of whom it shows may be used. Nothing is chosen beforehand.
private struct RightsSheet: View {
    let questions: Questions

    var body: some View {
        NavigationStack {
            List {
                Section {
                    ForEach(Questions.rights, id: \.rights) { answer in
                        Button(answer.words) { questions.may(answer.rights) }
                    }
                } header: {
                    Text("Somebody can be seen in this photo. May it be sent?")
                        .textCase(nil)
                }
                Section {
                    Button("Not Now", role: .cancel) { questions.dismiss() }
                }
            }
            .navigationTitle("Who is it?")
            .navigationBarTitleDisplayMode(.inline)
        }
        .presentationDetents([.medium, .large])
    }
}
