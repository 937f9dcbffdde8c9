package app.kinora.android

import android.content.Context
import android.os.Build
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import app.kinora.HttpTransport
import app.kinora.KeyStore
import app.kinora.KinoraException
import app.kinora.RemoteOptions
import java.io.File
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.ProviderException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Wraps the vault's key with one that never leaves the Android Keystore: AES-256-GCM, made on first use,
 * in the StrongBox where the device has one, else in the trusted hardware or, on devices without, the
 * system. What comes out is a version byte, the random IV, and the sealed key.
 *
 * The key does not move to another device: leave the folder of [remoteOptions] out of backups, or the
 * secrets in it have to be put in again there.
 *
 * Robolectric runs it on a software key store. On a device, and in a StrongBox, it was not run by us.
 *
 * @param alias the name of the key; another name is another key
 */
public class AndroidKeyStore(private val alias: String = "app.kinora.vault") : KeyStore {
    /** Seals [key] under the Keystore's key, which is made if there is none. */
    override fun wrap(key: ByteArray): ByteArray = kept("wrap") {
        val cipher = Cipher.getInstance(CIPHER)
        // The Keystore draws the IV itself, anew each time.
        cipher.init(Cipher.ENCRYPT_MODE, known() ?: made())
        val iv = cipher.iv
        check(iv.size == IV) { "an IV of ${iv.size} bytes" }
        byteArrayOf(VERSION) + iv + cipher.doFinal(key)
    }

    /** Opens what [wrap] gave. What was changed, or sealed under another key, is refused. */
    override fun unwrap(blob: ByteArray): ByteArray = kept("unwrap") {
        if (blob.size <= 1 + IV || blob[0] != VERSION) throw GeneralSecurityException("an unknown blob")
        val key = known() ?: throw GeneralSecurityException("the key is gone")
        val cipher = Cipher.getInstance(CIPHER)
        cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, blob, 1, IV))
        cipher.doFinal(blob, 1 + IV, blob.size - 1 - IV)
    }

    /** Removes the key: what was sealed under it can never be opened again. */
    public fun forget(): Unit = kept("forget") { keystore().deleteEntry(alias) }

    private fun keystore() = java.security.KeyStore.getInstance(PROVIDER).apply { load(null) }

    private fun known(): SecretKey? = keystore().getKey(alias, null) as SecretKey?

    private fun made(): SecretKey = synchronized(making) {
        known()?.let { return it }
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) {
            try {
                return made(spec(alias).setIsStrongBoxBacked(true).build())
            } catch (_: ProviderException) {
                // Most devices have none: the exception that says so is one of these.
            }
        }
        made(spec(alias).build())
    }

    private fun made(wanted: KeyGenParameterSpec): SecretKey =
        KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER)
            .apply { init(wanted) }
            .generateKey()

    /** Whatever the Keystore throws, in words without anything of the key. */
    private fun <T> kept(what: String, work: () -> T): T = try {
        work()
    } catch (error: GeneralSecurityException) {
        throw failed(what, error)
    } catch (error: IOException) {
        throw failed(what, error)
    } catch (error: ProviderException) {
        throw failed(what, error)
    } catch (error: IllegalStateException) {
        throw failed(what, error)
    }

    private fun failed(what: String, error: Exception): KinoraException {
        val reason = "the Android Keystore could not $what the vault's key: unlock the device and try " +
            "again, or delete the secrets and put them in again"
        return KinoraException.Host("host.key_store", reason, error.javaClass.simpleName)
    }

    internal companion object {
        private const val PROVIDER = "AndroidKeyStore"
        private const val CIPHER = "AES/GCM/NoPadding"
        private const val VERSION: Byte = 1
        private const val IV = 12
        private const val TAG_BITS = 128
        private val making = Any()

        /** What is asked of the Keystore: a key for this alone, which cannot come out. */
        fun spec(alias: String): KeyGenParameterSpec.Builder = KeyGenParameterSpec.Builder(
            alias,
            KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT,
        )
            .setKeySize(256)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setRandomizedEncryptionRequired(true)
    }
}

/**
 * The remote side in the app's own folder (`filesDir/kinora`), its keys under [AndroidKeyStore]. Nothing
 * is opened yet: give them to `openRemote`, and change what else you need with `copy`.
 *
 * @param transport who carries requests, such as `OkHttpTransport()` of `kinora-okhttp`; without one
 * consents and keys can be managed, and nothing is sent
 */
public fun remoteOptions(context: Context, transport: HttpTransport? = null): RemoteOptions =
    RemoteOptions(
        folder = File(context.filesDir, "kinora").path,
        keyStore = AndroidKeyStore(),
        transport = transport,
    )
