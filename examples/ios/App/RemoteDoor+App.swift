import Foundation
import Kinora
import KinoraRemote

extension RemoteDoor {
    /// The app's way out: ledger and vault in a folder of its own, the vault's key in the Keychain.
    static let own = RemoteDoor {
        let files = FileManager.default
        var folder = try files.url(
            for: .applicationSupportDirectory,
            in: .userDomainMask,
            appropriateFor: nil,
            create: true
        ).appendingPathComponent("Kinora")
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        // The vault's key stays on this device, so a backup of the vault would open nowhere.
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try folder.setResourceValues(values)
        return try await Remote.opened(RemoteOptions(
            folder: folder.path,
            keyStore: KeychainKeyStore(service: "app.kinora.sample"),
            transport: URLSessionTransport()
        ))
    }
}
