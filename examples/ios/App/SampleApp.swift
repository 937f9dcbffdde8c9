import Kinora
import KinoraRemote
import SwiftUI

/// Kinora's sample: a photo from the picker becomes a clip that plays and can be shared.
@main
struct SampleApp: App {
    private let desk = Self.openDesk()

    var body: some Scene {
        WindowGroup {
            StudioScreen(desk: desk)
        }
    }

    /// Without its folder the app makes clips on the device alone.
    private static func openDesk() -> PrivacyDesk? {
        let folder = URL.applicationSupportDirectory.appending(path: "Kinora")
        let options = RemoteOptions(
            folder: folder.path, keyStore: KeychainKeyStore(), transport: URLSessionTransport())
        return (try? Remote.open(options: options)).map(PrivacyDesk.init)
    }
}
