package androidx.test.internal.runner.intent

import android.content.Intent
import androidx.test.runner.intent.IntentMonitor

public class IntentMonitorImpl : IntentMonitor {
    public fun signalIntent(intent: Intent): Unit = Unit
}
