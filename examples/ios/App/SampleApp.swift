import SwiftUI

/// Kinora's sample: a photo from the picker becomes a clip that plays and can be shared.
@main
struct SampleApp: App {
    var body: some Scene {
        WindowGroup {
            StudioScreen(door: .own)
        }
    }
}
