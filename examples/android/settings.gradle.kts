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

rootProject.name = "kinora-sample"
include(":app")
// The package from this checkout; an app of your own takes `app.kinora:kinora` from a repository,
// once it is published.
includeBuild("../../bindings/kotlin") {
    dependencySubstitution {
        substitute(module("app.kinora:kinora")).using(project(":kinora-android"))
        substitute(module("app.kinora:kinora-okhttp")).using(project(":kinora-okhttp"))
    }
}
