#if canImport(Security) && canImport(CryptoKit)
import CryptoKit
import Foundation
import Security

/// Wraps Kinora's keys with a key in the Keychain that stays on this device: AES-256-GCM, readable
/// after the first unlock, in no backup and not synchronised.
///
/// It has not been run on a device by us.
public final class KeychainKeyStore: KeyStore {
    private let service: String
    private let account: String

    /// - Parameters:
    ///   - service: The Keychain's name for it, usually the app's bundle identifier.
    ///   - account: Which key of the service.
    public init(service: String = "app.kinora", account: String = "vault") {
        self.service = service
        self.account = account
    }

    /// Encrypts a key with the one in the Keychain, which is made if it is missing.
    public func wrap(key: Data) throws -> Data {
        guard let sealed = try AES.GCM.seal(key, using: master(making: true)).combined else {
            throw failure("the system's encryption gave nothing")
        }
        return sealed
    }

    /// Decrypts what `wrap` gave.
    public func unwrap(blob: Data) throws -> Data {
        try AES.GCM.open(AES.GCM.SealedBox(combined: blob), using: master(making: false))
    }

    private var query: [CFString: Any] {
        [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrAccount: account,
            kSecUseDataProtectionKeychain: true,
        ]
    }

    private func master(making: Bool) throws -> SymmetricKey {
        var search = query
        search[kSecReturnData] = true
        var found: CFTypeRef?
        let status = SecItemCopyMatching(search as CFDictionary, &found)
        if status == errSecSuccess, let data = found as? Data {
            return SymmetricKey(data: data)
        }
        guard status == errSecItemNotFound, making else {
            throw failure("the Keychain does not give the key (\(status))")
        }
        let key = SymmetricKey(size: .bits256)
        var item = query
        item[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        item[kSecAttrSynchronizable] = false
        item[kSecValueData] = key.withUnsafeBytes { Data($0) }
        let added = SecItemAdd(item as CFDictionary, nil)
        if added == errSecDuplicateItem {
            // Another thread was quicker: its key is the one.
            return try master(making: false)
        }
        guard added == errSecSuccess else {
            throw failure("the Keychain does not keep the key (\(added))")
        }
        return key
    }

    private func failure(_ reason: String) -> KinoraError {
        .Host(code: "host.failed", reason: reason, detail: nil)
    }
}
#endif
