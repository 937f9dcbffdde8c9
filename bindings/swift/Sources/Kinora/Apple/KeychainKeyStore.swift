#if canImport(Security) && canImport(CryptoKit)
import CryptoKit
import Foundation
import Security

/// Wraps the vault's key with one of 256 bits that lies in the Keychain, by AES-GCM.
///
/// The Keychain's item is this device's alone: it is not synchronised, it is in no backup that can
/// be restored elsewhere, and it can be read once the device was unlocked after its start, so that
/// a job can go on in the background. It is made with the first `wrap`. Where it is gone, what was
/// sealed with it is lost: put the provider's keys into the vault again.
///
/// ```swift
/// RemoteOptions(folder: path, keyStore: KeychainKeyStore(), transport: URLSessionTransport())
/// ```
///
/// - Note: This class was only type-checked, against stand-ins for Security and CryptoKit. It was
///   not run. Call `checkKeyStore(store:)` with it on a device before you rely on it.
public final class KeychainKeyStore: KeyStore {
    private let service: String
    private let account: String

    /// - Parameters:
    ///   - service: `kSecAttrService` of the item; the app's own name is a good one.
    ///   - account: `kSecAttrAccount` of the item.
    public init(service: String = "app.kinora.vault", account: String = "master-key") {
        self.service = service
        self.account = account
    }

    /// Encrypts `key` with the item's key; makes the item where there is none.
    ///
    /// - Throws: `KinoraError.Host`, `host.keychain`, when the Keychain refuses.
    public func wrap(key: Data) throws -> Data {
        let master = try found() ?? made()
        guard let sealed = try? AES.GCM.seal(key, using: master).combined else {
            throw failure("the key could not be sealed", nil)
        }
        return sealed
    }

    /// Decrypts what `wrap` gave.
    ///
    /// - Throws: `KinoraError.Host`, `host.keychain`, when the item is gone or cannot be read yet,
    ///   or when the blob is not one of this item's.
    public func unwrap(blob: Data) throws -> Data {
        // A new key would open nothing.
        guard let master = try found() else {
            throw failure("the vault's key is gone from the Keychain", errSecItemNotFound)
        }
        guard
            let box = try? AES.GCM.SealedBox(combined: blob),
            let key = try? AES.GCM.open(box, using: master)
        else {
            throw failure("the blob was changed, or another key made it", nil)
        }
        return key
    }

    /// Removes the item. What was sealed with it cannot be opened any more.
    public func erase() throws {
        let status = SecItemDelete(item as CFDictionary)
        guard status == errSecSuccess || status == errSecItemNotFound else {
            throw failure("the Keychain did not remove the vault's key", status)
        }
    }

    private var item: [CFString: Any] {
        var item: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrAccount: account,
            kSecAttrSynchronizable: false,
        ]
        // On a Mac too the Keychain of iOS, where an item is bound to the app and the device.
        item[kSecUseDataProtectionKeychain] = true
        return item
    }

    private func found() throws -> SymmetricKey? {
        var query = item
        query[kSecReturnData] = true
        query[kSecMatchLimit] = kSecMatchLimitOne
        var result: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &result)
        if status == errSecItemNotFound { return nil }
        guard status == errSecSuccess, var bytes = result as? Data, bytes.count == 32 else {
            throw failure("the Keychain did not give the vault's key", status)
        }
        defer { bytes.resetBytes(in: 0..<bytes.count) }
        return SymmetricKey(data: bytes)
    }

    private func made() throws -> SymmetricKey {
        let key = SymmetricKey(size: .bits256)
        var attributes = item
        attributes[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        attributes[kSecValueData] = key.withUnsafeBytes { Data($0) }
        let status = SecItemAdd(attributes as CFDictionary, nil)
        // Another thread, or an extension of the app, was first: its key is the one.
        if status == errSecDuplicateItem, let found = try found() { return found }
        guard status == errSecSuccess else {
            throw failure("the Keychain did not keep the vault's key", status)
        }
        return key
    }

    private func failure(_ reason: String, _ status: OSStatus?) -> KinoraError {
        .Host(code: "host.keychain", reason: reason, detail: status.map { "OSStatus \($0)" })
    }
}
#endif
