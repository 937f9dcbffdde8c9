plugins {
    id("com.android.library")
    id("org.jetbrains.kotlin.android")
    `maven-publish`
}

group = "app.kinora"
version = "0.1.0"

/** Where cargo builds: the generated sources lie there, and the native libraries. */
val cargoTarget: String = (findProperty("kinora.target") as String?) ?: "$rootDir/../../target"

android {
    namespace = "app.kinora.android"
    compileSdk = 36
    // Pages of 16 KB: the linker's alignment is checked by `cargo xtask package check`.
    ndkVersion = "28.2.13676358"

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
        ndk {
            // No 32-bit ARM: it has neither the memory nor the vector units.
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }

    sourceSets.named("main") {
        kotlin.srcDirs(
            "src/main/kotlin",
            "../kinora/src/main/kotlin",
            "$cargoTarget/bindings/kotlin",
        )
        jniLibs.srcDir("$cargoTarget/package/android/jni")
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    publishing {
        singleVariant("release") {
            withSourcesJar()
            withJavadocJar()
        }
    }
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    // The AAR and not the jar: it holds JNA's own library for each processor.
    api("net.java.dev.jna:jna:5.19.1@aar")
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.10.2")
    // Pinned: the first releases after this one carry a telemetry client.
    implementation("com.microsoft.onnxruntime:onnxruntime-android:1.28.0")
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "kinora"
            afterEvaluate { from(components["release"]) }
            pom {
                name = "Kinora"
                description = "Turns a photo into a short video on the device that holds it."
                licenses {
                    license { name = "MIT" }
                    license { name = "Apache-2.0" }
                }
            }
        }
    }
}
