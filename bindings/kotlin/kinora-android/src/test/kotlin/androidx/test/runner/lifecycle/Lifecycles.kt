package androidx.test.runner.lifecycle

import android.app.Activity

// Empty stand-ins, as `InstrumentationRegistry` beside them says: no test here has an activity.

public enum class Stage {
    PRE_ON_CREATE,
    CREATED,
    STARTED,
    RESUMED,
    PAUSED,
    STOPPED,
    RESTARTED,
    DESTROYED,
}

public enum class ApplicationStage { PRE_ON_CREATE, CREATED }

public interface ActivityLifecycleMonitor {
    public fun getLifecycleStageOf(activity: Activity): Stage
}

public interface ApplicationLifecycleMonitor

public object ActivityLifecycleMonitorRegistry {
    @JvmStatic
    public fun registerInstance(monitor: ActivityLifecycleMonitor?): Unit = Unit
}

public object ApplicationLifecycleMonitorRegistry {
    @JvmStatic
    public fun registerInstance(monitor: ApplicationLifecycleMonitor?): Unit = Unit
}
