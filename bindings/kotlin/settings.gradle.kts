// The AAR of Kinora. `cargo xtask package android` fills build/jni and calls it; Maven (pom.xml) checks
// the same sources on a JVM.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "kinora-kotlin"
include(":kinora-android", ":kinora-okhttp")
