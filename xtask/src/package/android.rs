use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::check;
use super::files::{copy, fresh, write};
use crate::crate_size::version;
use crate::failure::{Failure, succeed};
use crate::kotlin::maven;
use crate::place::Place;
use crate::released::Released;
use crate::sbom;

/// Android's names for the processors, and Rust's. Not 32-bit ARM: it lacks memory and vector units.
const PROCESSORS: [(&str, &str); 2] =
    [("arm64-v8a", "aarch64-linux-android"), ("x86_64", "x86_64-linux-android")];
/// The oldest Android, as bindings/kotlin/kinora-android/build.gradle.kts says it too.
const OLDEST: &str = "24";
/// Pages of 16 KB, which Android asks of every library from 2025 on.
const PAGES: &str = "link-arg=-Wl,-z,max-page-size=16384,-z,common-page-size=16384";

/// `package android`: libraries, gates, AAR, and the jars that a repository wants beside it.
pub(super) fn package(place: &Place) -> Result<(), Failure> {
    let Some(ndk) = env::var_os("ANDROID_NDK_HOME").map(PathBuf::from) else {
        return Err(Failure::new(
            "packaging for Android needs the NDK (set ANDROID_NDK_HOME), cargo-ndk and the Rust \
             targets aarch64-linux-android and x86_64-linux-android",
        ));
    };
    let version = version(place)?;
    let out = place.target.join("package/android");
    fresh(&out)?;
    let mut broken = Vec::new();
    for (abi, target) in PROCESSORS {
        let library = build(place, &ndk, abi, target)?;
        let jni = out.join("jni").join(abi).join("libkinora.so");
        copy(&library, &jni)?;
        strip(&ndk, &jni)?;
        for gate in check::built(place, &jni)? {
            broken.extend(gate.broken().map(|what| format!("{abi}: {what}")));
        }
    }
    if !broken.is_empty() {
        return Err(Failure::new(format!("gates that do not hold: {}", broken.join("; "))));
    }
    crate::bindings::sources(place, crate::bindings::Language::Kotlin)?;
    succeed(maven(place)?.args(["package", "-DskipTests", "--quiet"]), "Maven did not pack")?;
    let jars = ["kinora", "kinora-android"]
        .map(|name| place.target.join(format!("maven/{name}/{name}-{version}.jar")));
    let sources = [
        place.root.join("bindings/kotlin/kinora/src/main/kotlin"),
        place.root.join("bindings/kotlin/kinora-android/src/main/kotlin"),
        place.target.join("bindings/kotlin"),
    ];
    let module = place.root.join("bindings/kotlin/kinora-android");
    let aar = assemble(&out, "kinora", &module, &jars, &version)?;
    pack(&out.join(format!("kinora-{version}-sources.jar")), &sources)?;
    let docs = out.join("docs");
    copy(&place.root.join("bindings/README.md"), &docs.join("README.md"))?;
    pack(&out.join(format!("kinora-{version}-javadoc.jar")), &[docs])?;
    write(&out.join(format!("kinora-{version}.pom")), &pom("kinora", &version, DEPENDENCIES))?;
    sbom::write(place, Released::Android, &out)?;
    println!("{}", aar.display());
    println!("{}", remote(place, &out, &version)?.display());
    Ok(())
}

/// The package with the transport, which alone asks for the network.
fn remote(place: &Place, out: &Path, version: &str) -> Result<PathBuf, Failure> {
    const NAME: &str = "kinora-okhttp";
    let out = out.join(NAME);
    fresh(&out)?;
    let module = place.root.join("bindings/kotlin").join(NAME);
    let jar = place.target.join(format!("maven/{NAME}/{NAME}-{version}.jar"));
    let aar = assemble(&out, NAME, &module, &[jar], version)?;
    let sources = module.join("src/main/kotlin");
    pack(&out.join(format!("{NAME}-{version}-sources.jar")), &[sources])?;
    let docs = out.join("docs");
    copy(&place.root.join("bindings/README.md"), &docs.join("README.md"))?;
    pack(&out.join(format!("{NAME}-{version}-javadoc.jar")), &[docs])?;
    let kinora = Dependency {
        group: "app.kinora",
        name: "kinora",
        version,
        license: "MIT OR Apache-2.0",
        kind: "aar",
    };
    let pom = pom(NAME, version, &[kinora, OKHTTP]);
    write(&out.join(format!("{NAME}-{version}.pom")), &pom)?;
    Ok(aar)
}

fn build(place: &Place, ndk: &Path, abi: &str, target: &str) -> Result<PathBuf, Failure> {
    let mut cargo = place.cargo("ndk");
    cargo
        .args(["--target", abi, "--platform", OLDEST, "rustc", "--release", "--package", "kinora"])
        .args(["--lib", "--crate-type", "cdylib", "--features", Released::Android.features()])
        .args(["--", "-C", PAGES])
        .env("ANDROID_NDK_HOME", ndk);
    succeed(
        &mut cargo,
        &format!(
            "{abi} did not build: `cargo install cargo-ndk` and `rustup target add {target}` are \
             needed"
        ),
    )?;
    Ok(place.target.join(target).join("release/libkinora.so"))
}

fn strip(ndk: &Path, library: &Path) -> Result<(), Failure> {
    let host = format!("{}-x86_64", env::consts::OS.replace("macos", "darwin"));
    let tool = ndk.join("toolchains/llvm/prebuilt").join(host).join("bin/llvm-strip");
    succeed(Command::new(tool).arg(library), "the NDK's llvm-strip did not strip the library")
}

/// An AAR: `out` holds jni/ where there are libraries, `module` the manifest and perhaps rules,
/// `jars` the classes.
fn assemble(
    out: &Path,
    name: &str,
    module: &Path,
    jars: &[PathBuf],
    version: &str,
) -> Result<PathBuf, Failure> {
    let tree = out.join("aar");
    let classes = out.join("classes");
    fresh(&tree)?;
    fresh(&classes)?;
    for jar in jars {
        let mut unpack = Command::new("jar");
        unpack.arg("--extract").arg("--file").arg(jar).current_dir(&classes);
        succeed(&mut unpack, &format!("{} could not be unpacked", jar.display()))?;
    }
    pack(&tree.join("classes.jar"), &[classes])?;
    let libraries = out.join("jni");
    if libraries.is_dir() {
        super::files::copy_folder(&libraries, &tree.join("jni"))?;
    }
    copy(&module.join("src/main/AndroidManifest.xml"), &tree.join("AndroidManifest.xml"))?;
    let rules = module.join("consumer-rules.pro");
    if rules.is_file() {
        copy(&rules, &tree.join("proguard.txt"))?;
    }
    // There are no resources, and the file that lists them has to be there.
    write(&tree.join("R.txt"), "")?;
    let aar = out.join(format!("{name}-{version}.aar"));
    pack(&aar, &[tree])?;
    Ok(aar)
}

/// Packs what the folders hold into one archive.
fn pack(archive: &Path, folders: &[PathBuf]) -> Result<(), Failure> {
    let mut jar = Command::new("jar");
    jar.args(["--create", "--no-manifest", "--file"]).arg(archive);
    for folder in folders {
        jar.arg("-C").arg(folder).arg(".");
    }
    succeed(&mut jar, &format!("{} could not be packed", archive.display()))
}

/// What an app gets along with a package.
pub(crate) struct Dependency<'a> {
    pub(crate) group: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// An SPDX expression.
    pub(crate) license: &'a str,
    /// `aar`, or `jar`, which Maven takes without being told.
    kind: &'a str,
}

pub(crate) const DEPENDENCIES: &[Dependency<'_>] = &[
    Dependency {
        group: "net.java.dev.jna",
        name: "jna",
        version: "5.19.1",
        license: "LGPL-2.1-or-later OR Apache-2.0",
        kind: "aar",
    },
    Dependency {
        group: "org.jetbrains.kotlinx",
        name: "kotlinx-coroutines-android",
        version: "1.10.2",
        license: "Apache-2.0",
        kind: "jar",
    },
    Dependency {
        group: "com.microsoft.onnxruntime",
        name: "onnxruntime-android",
        version: "1.28.0",
        license: "MIT",
        kind: "jar",
    },
];
const OKHTTP: Dependency<'_> = Dependency {
    group: "com.squareup.okhttp3",
    name: "okhttp",
    version: "5.5.1",
    license: "Apache-2.0",
    kind: "jar",
};

fn pom(name: &str, version: &str, dependencies: &[Dependency<'_>]) -> String {
    let mut listed = String::new();
    for Dependency { group, name, version, kind, .. } in dependencies {
        let kind = match *kind {
            "jar" => String::new(),
            kind => format!("\n      <type>{kind}</type>"),
        };
        listed += &format!(
            r#"    <dependency>
      <groupId>{group}</groupId>
      <artifactId>{name}</artifactId>
      <version>{version}</version>{kind}
    </dependency>
"#
        );
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>app.kinora</groupId>
  <artifactId>{name}</artifactId>
  <version>{version}</version>
  <packaging>aar</packaging>
  <name>{name}</name>
  <description>Turns a photo into a short video on the device that holds it.</description>
  <licenses>
    <license><name>MIT</name></license>
    <license><name>Apache-2.0</name></license>
  </licenses>
  <dependencies>
{listed}  </dependencies>
</project>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aar_holds_what_gradle_looks_for() {
        if Command::new("jar")
            .arg("--version")
            .stdout(std::process::Stdio::null())
            .status()
            .is_err()
        {
            eprintln!("skipped: there is no JDK to pack an archive with");
            return;
        }
        let out = env::temp_dir().join(format!("kinora-aar-{}", std::process::id()));
        fresh(&out).unwrap();
        for (abi, _) in PROCESSORS {
            write(&out.join("jni").join(abi).join("libkinora.so"), "a library").unwrap();
        }
        let classes = out.join("made");
        write(&classes.join("app/kinora/Studio.class"), "a class").unwrap();
        let jar = out.join("kinora.jar");
        pack(&jar, &[classes]).unwrap();
        let module = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../bindings/kotlin/kinora-android")
            .canonicalize()
            .unwrap();
        let aar = assemble(&out, "kinora", &module, &[jar], "1.2.3").unwrap();
        assert!(aar.ends_with("kinora-1.2.3.aar"));
        let list = Command::new("jar").arg("--list").arg("--file").arg(&aar).output().unwrap();
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        for file in [
            "AndroidManifest.xml",
            "R.txt",
            "classes.jar",
            "jni/arm64-v8a/libkinora.so",
            "jni/x86_64/libkinora.so",
            "proguard.txt",
        ] {
            assert!(list.lines().any(|line| line == file), "{file} is not in\n{list}");
        }
        std::fs::remove_dir_all(out).unwrap();
    }

    #[test]
    fn the_package_asks_for_no_network() {
        let manifest =
            include_str!("../../../bindings/kotlin/kinora-android/src/main/AndroidManifest.xml");
        assert!(!manifest.contains("uses-permission"));
        // The other one has it, and nothing else.
        let remote =
            include_str!("../../../bindings/kotlin/kinora-okhttp/src/main/AndroidManifest.xml");
        assert_eq!(remote.matches("uses-permission").count(), 1);
        assert!(remote.contains("android.permission.INTERNET"));
    }

    #[test]
    fn versions_are_the_same_in_both_builds() {
        let gradle = include_str!("../../../bindings/kotlin/kinora-android/build.gradle.kts");
        for part in ["jna:5.19.1@aar", "coroutines-android:1.10.2", "onnxruntime-android:1.28.0"] {
            assert!(gradle.contains(part), "{part}");
        }
        assert!(gradle.contains(&format!("minSdk = {OLDEST}")));
        let pom = pom("kinora", "1.2.3", DEPENDENCIES);
        assert!(["5.19.1", "1.10.2", "1.28.0", "1.2.3"].iter().all(|part| pom.contains(part)));
        assert_eq!(pom.matches("<type>").count(), 1);
        let okhttp = include_str!("../../../bindings/kotlin/kinora-okhttp/build.gradle.kts");
        assert!(okhttp.contains(&format!("okhttp3:okhttp:{}", OKHTTP.version)));
    }
}
