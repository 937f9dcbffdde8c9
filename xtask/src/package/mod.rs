//! `package`: what app developers install, made of the library and the packages in bindings/.

mod android;
mod apple;
mod check;
mod elf;
mod files;

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
