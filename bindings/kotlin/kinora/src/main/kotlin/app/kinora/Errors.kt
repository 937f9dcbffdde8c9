package app.kinora

/** A code that stays the same across versions, such as `photo.heic`. */
public val KinoraException.code: String
    get() = parts.first

/** A sentence that says what to do, in English: for a log, or a dialogue until there is a better one. */
public val KinoraException.reason: String
    get() = parts.second

/** The words of the error below, where there is one. */
public val KinoraException.detail: String?
    get() = parts.third

private val KinoraException.parts: Triple<String, String, String?>
    get() = when (this) {
        is KinoraException.Photo -> Triple(code, reason, detail)
        is KinoraException.Request -> Triple(code, reason, detail)
        is KinoraException.Runtime -> Triple(code, reason, detail)
        is KinoraException.Model -> Triple(code, reason, detail)
        is KinoraException.Output -> Triple(code, reason, detail)
        is KinoraException.Consent -> Triple(code, reason, detail)
        is KinoraException.Vault -> Triple(code, reason, detail)
        is KinoraException.Remote -> Triple(code, reason, detail)
        is KinoraException.Cancelled -> Triple(code, reason, detail)
        is KinoraException.Host -> Triple(code, reason, detail)
        is KinoraException.Internal -> Triple(code, reason, detail)
    }
