use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::PathBuf;

use crate::failure::{Failure, succeed};
use crate::place::Place;
use crate::released::Released;

/// A language that the library's surface is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Kotlin,
    Swift,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Kotlin, Self::Swift];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kotlin => "kotlin",
            Self::Swift => "swift",
        }
    }
}

/// `bindings`: builds the library for this machine and makes the Kotlin and Swift sources.
pub(crate) fn bindings(place: &Place) -> Result<(), Failure> {
    println!("{}", library(place)?.display());
    for language in Language::ALL {
        println!("{}", sources(place, language)?.display());
    }
    Ok(())
}

/// The shared library for this machine with the `uniffi` surface, built if it is not.
pub(crate) fn library(place: &Place) -> Result<PathBuf, Failure> {
    let mut build = place.cargo("rustc");
    build.args(["--release", "--package", "kinora", "--lib"]);
    build.args(["--crate-type", "cdylib", "--features", Released::Library.features()]);
    if cfg!(target_os = "linux") {
        // As Android wants it, so that its gates can be held here too.
        build.args(["--", "-C", "link-arg=-Wl,-z,max-page-size=16384"]);
    }
    succeed(&mut build, "the library did not build")?;
    Ok(place.target.join("release").join(format!("{DLL_PREFIX}kinora{DLL_SUFFIX}")))
}

/// The folder with the generated sources of `language`, made anew from the built library. They are
/// never committed: they belong to one library, whose checksums they carry.
pub(crate) fn sources(place: &Place, language: Language) -> Result<PathBuf, Failure> {
    let library = library(place)?;
    let folder = place.target.join("bindings").join(language.name());
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .map_err(Failure::while_doing(format!("cannot empty {}", folder.display())))?;
    }
    let mut bindgen = place.cargo("run");
    // Found by the crate's root: uniffi.toml lies there.
    bindgen.current_dir(&place.root);
    bindgen.args(["--quiet", "--release", "--package", "kinora-bindgen", "--", language.name()]);
    succeed(bindgen.arg(&library).arg(&folder), "the sources were not made")?;
    Ok(folder)
}
