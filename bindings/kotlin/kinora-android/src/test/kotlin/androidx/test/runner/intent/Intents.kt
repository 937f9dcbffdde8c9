package androidx.test.runner.intent

import android.app.Instrumentation
import android.content.Intent

public interface IntentMonitor

public interface IntentStubber {
    public fun getActivityResultForIntent(intent: Intent): Instrumentation.ActivityResult?
}

public object IntentMonitorRegistry {
    @JvmStatic
    public fun registerInstance(monitor: IntentMonitor?): Unit = Unit
}

public object IntentStubberRegistry {
    @JvmStatic
    public fun isLoaded(): Boolean = false
}
