package androidx.test.platform.app

import android.app.Instrumentation
import android.os.Bundle

/**
 * What Robolectric tells of itself to AndroidX tests. The real class comes from Google's repository,
 * which a build from Maven Central alone does not reach; nothing here asks for what is told.
 */
public object InstrumentationRegistry {
    @JvmStatic
    public fun registerInstance(instrumentation: Instrumentation?, arguments: Bundle?) {
        registered = instrumentation to arguments
    }

    @JvmStatic
    public fun getInstrumentation(): Instrumentation =
        checkNotNull(registered?.first) { "Robolectric has not registered" }

    private var registered: Pair<Instrumentation?, Bundle?>? = null
}
