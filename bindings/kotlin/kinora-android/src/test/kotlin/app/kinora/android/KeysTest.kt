package app.kinora.android

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.security.keystore.StrongBoxUnavailableException
import app.kinora.KinoraException
import app.kinora.checkKeyStore
import app.kinora.keepSecret
import app.kinora.kept
import app.kinora.openRemote
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.KeyGenerator
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

/**
 * The key store over a provider in software under the Keystore's name, which Robolectric does not have.
 * What only a device can show, that the key stays inside, was not run.
 */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [28])
class KeysTest {
    @Before
    fun install() {
        Security.addProvider(SoftKeystore())
    }

    @After
    fun remove() {
        Security.removeProvider("AndroidKeyStore")
        SoftKeystore.keys.clear()
        SoftKeystore.hasStrongBox = true
    }

    @Test
    fun kinoraTrustsIt() = checkKeyStore(AndroidKeyStore("one"))

    @Test
    fun aKeyOpensAgainAndNoBlobIsLikeAnother() {
        val store = AndroidKeyStore("one")
        val key = ByteArray(32) { it.toByte() }
        val (first, second) = store.wrap(key) to store.wrap(key)
        assertFalse(first.contentEquals(second))
        assertEquals(1 + 12 + 32 + 16, first.size)
        assertArrayEquals(key, AndroidKeyStore("one").unwrap(first))
        assertEquals(setOf("one"), SoftKeystore.keys.keys)
        for (at in first.indices) {
            val changed = first.copyOf().also { it[at] = (it[at].toInt() xor 1).toByte() }
            assertThrows("$at", KinoraException.Host::class.java) { store.unwrap(changed) }
        }
        assertThrows(KinoraException.Host::class.java) { store.unwrap(ByteArray(0)) }
        AndroidKeyStore("two").wrap(key)
        assertThrows(KinoraException.Host::class.java) { AndroidKeyStore("two").unwrap(first) }
        store.forget()
        val gone = assertThrows(KinoraException.Host::class.java) { store.unwrap(first) }
        assertEquals("host.key_store", gone.code)
    }

    @Test
    fun theKeyIsAskedForThisAlone() {
        AndroidKeyStore("one").wrap(ByteArray(32))
        val asked = checkNotNull(SoftKeystore.asked)
        assertEquals("one", asked.keystoreAlias)
        assertEquals(256, asked.keySize)
        assertEquals(KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT, asked.purposes)
        assertArrayEquals(arrayOf("GCM"), asked.blockModes)
        assertTrue(asked.isRandomizedEncryptionRequired && asked.isStrongBoxBacked)
    }

    @Test
    fun withoutAStrongBoxItIsMadeElsewhere() {
        SoftKeystore.hasStrongBox = false
        val store = AndroidKeyStore("one")
        assertArrayEquals(ByteArray(32), store.unwrap(store.wrap(ByteArray(32))))
        assertFalse(checkNotNull(SoftKeystore.asked).isStrongBoxBacked)
    }

    @Test
    fun theVaultLiesInTheAppsOwnFolder() = runBlocking {
        val context = RuntimeEnvironment.getApplication()
        val options = remoteOptions(context)
        assertTrue(options.folder.startsWith(context.filesDir.path))
        openRemote(options).use { remote ->
            remote.keepSecret("gemini", "api_key", "CANARY-KEY".toByteArray())
            assertEquals("gemini", remote.kept().secrets.single().provider)
        }
        openRemote(options).use { assertEquals(1, it.secrets().size) }
    }
}

/** The Keystore's name over keys in memory. */
internal class SoftKeystore : Provider("AndroidKeyStore", 1.0, "in memory") {
    init {
        put("KeyStore.AndroidKeyStore", Keys::class.java.name)
        put("KeyGenerator.AES", Generator::class.java.name)
    }

    class Generator : KeyGeneratorSpi() {
        override fun engineInit(random: SecureRandom?) = Unit

        override fun engineInit(params: AlgorithmParameterSpec?, random: SecureRandom?) {
            asked = params as KeyGenParameterSpec
        }

        override fun engineInit(size: Int, random: SecureRandom?) = Unit

        override fun engineGenerateKey(): SecretKey {
            if (checkNotNull(asked).isStrongBoxBacked && !hasStrongBox) throw StrongBoxUnavailableException()
            val key = KeyGenerator.getInstance("AES", "SunJCE").apply { init(256) }.generateKey()
            keys[checkNotNull(asked).keystoreAlias] = key
            return key
        }
    }

    class Keys : KeyStoreSpi() {
        override fun engineGetKey(alias: String, password: CharArray?): Key? = keys[alias]

        override fun engineDeleteEntry(alias: String) {
            keys.remove(alias)
        }

        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit

        override fun engineAliases() = Collections.enumeration(keys.keys)

        override fun engineContainsAlias(alias: String) = alias in keys

        override fun engineSize() = keys.size

        override fun engineIsKeyEntry(alias: String) = alias in keys

        override fun engineIsCertificateEntry(alias: String) = false

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

        override fun engineGetCertificate(alias: String): Certificate? = null

        override fun engineGetCreationDate(alias: String): Date? = null

        override fun engineGetCertificateAlias(certificate: Certificate?): String? = null

        override fun engineSetKeyEntry(
            alias: String,
            key: Key?,
            password: CharArray?,
            chain: Array<Certificate>?,
        ) = throw UnsupportedOperationException()

        override fun engineSetKeyEntry(alias: String, key: ByteArray?, chain: Array<Certificate>?) =
            throw UnsupportedOperationException()

        override fun engineSetCertificateEntry(alias: String, certificate: Certificate?) =
            throw UnsupportedOperationException()

        override fun engineStore(stream: OutputStream?, password: CharArray?) = Unit
    }

    companion object {
        val keys: MutableMap<String, SecretKey> = ConcurrentHashMap()

        @Volatile var hasStrongBox = true

        @Volatile var asked: KeyGenParameterSpec? = null
    }
}
