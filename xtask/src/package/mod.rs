//! `package`: what app developers install, made of the library and the packages in bindings/.

mod android;
mod apple;
mod check;
mod elf;
mod files;

pub(crate) use android::{DEPENDENCIES, Dependency};
pub(crate) use check::gated;

use crate::failure::Failure;
use crate::place::Place;

const USAGE: &str = "\
cargo xtask package check [LIBRARY…]   alignment, symbols, strings and sizes of built libraries
cargo xtask package android            the AAR's libraries, checked, and the AAR (needs the NDK)
cargo xtask package apple --url URL    the XCFrameworks and the repository that SwiftPM takes (needs
                                       Xcode); URL is where the archives will lie";

/// `package WHAT`.
pub(crate) fn package(place: &Place, args: &[String]) -> Result<(), Failure> {
    match args.split_first().map(|(what, rest)| (what.as_str(), rest)) {
        Some(("check", libraries)) => check::check(place, libraries),
        Some(("android", [])) => android::package(place),
        Some(("apple", rest)) => apple::package(place, rest),
        _ => Err(Failure::new(format!("say what to package:\n{USAGE}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::crate_size::version;

    /// Where our version stands in files that no chore writes: the file, and what comes before it
    /// once all white space is gone.
    const VERSIONS: [(&str, &str); 8] = [
        ("bindings/README.md", "kinora-swift\",from:\""),
        ("bindings/README.md", "app.kinora:kinora:"),
        ("bindings/kotlin/pom.xml", PARENT),
        ("bindings/kotlin/kinora/pom.xml", PARENT),
        ("bindings/kotlin/kinora-android/pom.xml", PARENT),
        ("bindings/kotlin/kinora-android/build.gradle.kts", "group=\"app.kinora\"version=\""),
        ("examples/android/pom.xml", PARENT),
        ("examples/android/app/build.gradle.kts", "app.kinora:kinora:"),
    ];
    const PARENT: &str = "<artifactId>kinora-parent</artifactId><version>";

    #[test]
    fn every_package_comes_with_the_list_of_what_is_in_it() {
        for (chore, released) in [
            (include_str!("android.rs"), "Released::Android, &out"),
            (include_str!("apple.rs"), "Released::Apple, &out"),
        ] {
            assert!(chore.contains(&format!("sbom::write(place, {released})?")), "{released}");
        }
    }

    #[test]
    fn every_package_has_the_version_of_the_crate() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let place = Place { target: root.join("target"), root };
        let version = version(&place).unwrap();
        for (file, before) in VERSIONS {
            let text = fs::read_to_string(place.root.join(file)).unwrap();
            let text: String = text.split_whitespace().collect();
            let named: Vec<&str> = text.split(before).skip(1).collect();
            assert!(!named.is_empty(), "{file} has no {before}");
            for rest in named {
                let said = rest.split(['"', '<']).next();
                assert_eq!(said, Some(version.as_str()), "{file}: {before}");
            }
        }
    }
}
