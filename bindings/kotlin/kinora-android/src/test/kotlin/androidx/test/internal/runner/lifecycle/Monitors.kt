package androidx.test.internal.runner.lifecycle

import android.app.Activity
import android.app.Application
import androidx.test.runner.lifecycle.ActivityLifecycleMonitor
import androidx.test.runner.lifecycle.ApplicationLifecycleMonitor
import androidx.test.runner.lifecycle.ApplicationStage
import androidx.test.runner.lifecycle.Stage

public class ActivityLifecycleMonitorImpl : ActivityLifecycleMonitor {
    override fun getLifecycleStageOf(activity: Activity): Stage = Stage.CREATED

    public fun signalLifecycleChange(stage: Stage, activity: Activity): Unit = Unit
}

public class ApplicationLifecycleMonitorImpl : ApplicationLifecycleMonitor {
    public fun signalLifecycleChange(app: Application, stage: ApplicationStage): Unit = Unit
}
