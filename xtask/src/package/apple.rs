use std::path::{Path, PathBuf};
use std::process::Command;

use super::files::{copy, copy_folder, fresh, write};
use crate::failure::{Failure, succeed};
use crate::place::Place;
use crate::released::Released;
use crate::{sbom, sha256, swift};

/// One library of the XCFramework and the targets that are joined in it.
const SLICES: [(&str, &[&str]); 3] = [
    ("device", &["aarch64-apple-ios"]),
    ("simulator", &["aarch64-apple-ios-sim", "x86_64-apple-ios"]),
    ("macos", &["aarch64-apple-darwin", "x86_64-apple-darwin"]),
];
const KINORA: &str = "KinoraFFI.xcframework.zip";
const ONNX_RUNTIME: &str = "onnxruntime.xcframework.zip";

/// `package apple --url URL --onnxruntime FILE`.
pub(super) fn package(place: &Place, args: &[String]) -> Result<(), Failure> {
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    let (Some(url), Some(runtime)) = (value("--url"), value("--onnxruntime")) else {
        return Err(Failure::new(
            "say `package apple --url URL --onnxruntime FILE`: where the archives will lie, and \
             ONNX Runtime's own XCFramework archive (onnxruntime-c 1.28.0)",
        ));
    };
    if !cfg!(target_os = "macos") {
        return Err(Failure::new(
            "packaging for Apple needs macOS with Xcode and the Rust targets of iOS, its simulator \
             and macOS",
        ));
    }
    let out = place.target.join("package/apple");
    fresh(&out)?;
    let package = swift::package(place)?;
    // A folder of the module's name: two packages' module maps in one place would collide.
    let headers = out.join("headers");
    for name in ["KinoraFFI.h", "module.modulemap"] {
        copy(&package.join("Sources/KinoraFFI").join(name), &headers.join("KinoraFFI").join(name))?;
    }
    let framework = out.join("KinoraFFI.xcframework");
    let mut create = Command::new("xcodebuild");
    create.arg("-create-xcframework");
    for (name, targets) in SLICES {
        let library = joined(place, &out.join(name), targets)?;
        create.arg("-library").arg(library).arg("-headers").arg(&headers);
    }
    succeed(create.arg("-output").arg(&framework), "xcodebuild made no XCFramework")?;
    let archive = out.join(KINORA);
    let mut zip = Command::new("ditto");
    zip.args(["-c", "-k", "--keepParent"]).arg(&framework).arg(&archive);
    succeed(&mut zip, "ditto did not pack the XCFramework")?;
    copy(Path::new(&runtime), &out.join(ONNX_RUNTIME))?;
    let sum = |name: &str| {
        sha256::of_file(&out.join(name))
            .map_err(Failure::while_doing(format!("cannot read {name}")))
    };
    let binaries = [(KINORA, sum(KINORA)?), (ONNX_RUNTIME, sum(ONNX_RUNTIME)?)];
    let repository = out.join("repository");
    distribution(&place.root, &package, &repository, &url, &binaries)?;
    sbom::write(place, Released::Apple, &out)?;
    println!("{}\n{}", archive.display(), repository.display());
    Ok(())
}

/// One static library of a slice's targets.
fn joined(place: &Place, folder: &Path, targets: &[&str]) -> Result<PathBuf, Failure> {
    let mut libraries = Vec::new();
    for target in targets {
        let mut cargo = place.cargo("rustc");
        cargo.args(["--release", "--package", "kinora", "--lib", "--crate-type", "staticlib"]);
        cargo.args(["--features", Released::Apple.features(), "--target", target]);
        let missing = format!("{target} did not build: `rustup target add {target}` is needed");
        succeed(&mut cargo, &missing)?;
        libraries.push(place.target.join(target).join("release/libkinora.a"));
    }
    fresh(folder)?;
    let library = folder.join("libkinora.a");
    let mut lipo = Command::new("lipo");
    lipo.arg("-create").args(&libraries).arg("-output").arg(&library);
    succeed(&mut lipo, "lipo did not join the libraries")?;
    Ok(library)
}

/// The repository that SwiftPM takes: Package.swift at its root, sources, licences, no tests.
fn distribution(
    root: &Path,
    package: &Path,
    repository: &Path,
    url: &str,
    binaries: &[(&str, String); 2],
) -> Result<(), Failure> {
    fresh(repository)?;
    for product in ["Sources/Kinora", "Sources/KinoraRemote"] {
        copy_folder(&package.join(product), &repository.join(product))?;
    }
    let template = std::fs::read_to_string(package.join("Package.swift"))
        .map_err(Failure::while_doing("cannot read Package.swift"))?;
    write(&repository.join("Package.swift"), &manifest(&template, url, binaries)?)?;
    copy(&root.join("bindings/README.md"), &repository.join("README.md"))?;
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "NOTICE"] {
        copy(&root.join(name), &repository.join(name))?;
    }
    Ok(())
}

/// The package's own manifest with both binaries named, and without its tests.
fn manifest(
    template: &str,
    url: &str,
    [kinora, runtime]: &[(&str, String); 2],
) -> Result<String, Failure> {
    let mut text = template.to_owned();
    for (variable, (name, checksum)) in [("kinora", kinora), ("onnxRuntime", runtime)] {
        let empty = format!("let {variable}: Binary? = nil");
        if !text.contains(&empty) {
            return Err(Failure::new(format!("Package.swift has no line `{empty}`")));
        }
        let url = url.trim_end_matches('/');
        let filled = format!(
            "let {variable}: Binary? = Binary(\n    url: \"{url}/{name}\",\n    checksum: \
             \"{checksum}\"\n)"
        );
        text = text.replace(&empty, &filled);
    }
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(".testTarget("));
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_repository_names_both_binaries_and_holds_what_a_store_asks_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let repository = std::env::temp_dir().join(format!("kinora-spm-{}", std::process::id()));
        let binaries = [(KINORA, "a1".repeat(32)), (ONNX_RUNTIME, "b2".repeat(32))];
        let package = root.join("bindings/swift");
        distribution(&root, &package, &repository, "https://host.test/1.0/", &binaries).unwrap();
        let manifest = fs::read_to_string(repository.join("Package.swift")).unwrap();
        for part in [
            "https://host.test/1.0/KinoraFFI.xcframework.zip",
            "https://host.test/1.0/onnxruntime.xcframework.zip",
            &binaries[0].1,
            &binaries[1].1,
        ] {
            assert!(manifest.contains(part), "{part} is not in\n{manifest}");
        }
        assert!(!manifest.contains(".testTarget") && !manifest.contains("Binary? = nil"));
        for file in [
            "Sources/Kinora/PrivacyInfo.xcprivacy",
            "Sources/KinoraRemote/PrivacyInfo.xcprivacy",
            "Sources/KinoraRemote/URLSessionTransport.swift",
            "README.md",
            "LICENSE-MIT",
            "NOTICE",
        ] {
            assert!(repository.join(file).is_file(), "{file}");
        }
        fs::remove_dir_all(repository).unwrap();
    }

    #[test]
    fn a_manifest_without_its_lines_is_refused() {
        let binaries = [(KINORA, String::new()), (ONNX_RUNTIME, String::new())];
        assert!(manifest("let package = Package()", "x", &binaries).is_err());
    }
}
