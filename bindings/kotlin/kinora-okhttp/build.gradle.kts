plugins {
    id("com.android.library")
    id("org.jetbrains.kotlin.android")
    `maven-publish`
}

group = "app.kinora"
version = "0.1.0"

android {
    namespace = "app.kinora.okhttp"
    compileSdk = 36

    defaultConfig {
        minSdk = 24
    }

    sourceSets.named("main") {
        kotlin.srcDirs("src/main/kotlin")
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
    api(project(":kinora-android"))
    api("com.squareup.okhttp3:okhttp:5.5.1")
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "kinora-okhttp"
            afterEvaluate { from(components["release"]) }
            pom {
                name = "Kinora's requests through OkHttp"
                description = "Carries requests to remote models, which a person has agreed to."
                licenses {
                    license { name = "MIT" }
                    license { name = "Apache-2.0" }
                }
            }
        }
    }
}
