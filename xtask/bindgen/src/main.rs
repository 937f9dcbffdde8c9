//! Makes the Swift or Kotlin sources of a built library: `kinora-bindgen kotlin LIBRARY FOLDER`.
//!
//! A program of its own, so that neither the library nor the chores carry the generator.

use std::process::ExitCode;

use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [language, library, folder] = args.as_slice() else {
        eprintln!("usage: kinora-bindgen swift|kotlin LIBRARY FOLDER");
        return ExitCode::FAILURE;
    };
    let language = match language.as_str() {
        "swift" => TargetLanguage::Swift,
        "kotlin" => TargetLanguage::Kotlin,
        other => {
            eprintln!("kinora-bindgen: there is no {other}: give swift or kotlin");
            return ExitCode::FAILURE;
        }
    };
    let options = GenerateOptions {
        languages: vec![language],
        source: library.into(),
        out_dir: folder.into(),
        metadata_no_deps: true,
        ..GenerateOptions::default()
    };
    match generate(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kinora-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
