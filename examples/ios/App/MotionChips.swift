import SwiftUI

/// What Kinora can do with a photo, as chips that go in and out of the prompt.
struct MotionChips: View {
    @Binding var prompt: PromptText

    private let all = (try? Motions.all()) ?? []

    var body: some View {
        ForEach(all) { section in
            VStack(alignment: .leading, spacing: 6) {
                Text(section.title)
                    .font(.caption)
                    .foregroundStyle(.secondary)
                ScrollView(.horizontal, showsIndicators: false) {
                    HStack(spacing: 8) {
                        ForEach(section.motions) { motion in
                            chip(motion)
                        }
                    }
                }
            }
        }
    }

    private func chip(_ motion: Motion) -> some View {
        let isOn = prompt.holds(motion.phrase)
        return Button(motion.phrase) { prompt.toggle(motion.phrase) }
            .buttonStyle(.bordered)
            .buttonBorderShape(.capsule)
            .tint(isOn ? Color.accentColor : Color.secondary)
            .accessibilityHint(motion.does)
            .accessibilityAddTraits(isOn ? .isSelected : [])
    }
}
