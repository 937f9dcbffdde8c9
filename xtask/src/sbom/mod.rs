//! `sbom`: what the released packages are made of, for whoever has to know.

mod cyclonedx;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use crate::crate_size::version;
use crate::failure::Failure;
use crate::package::{DEPENDENCIES, Dependency};
use crate::place::Place;
use crate::released::Released;
use crate::{runtime, sha256};
use cyclonedx::{Component, Kind};

/// The networks inside the library.
const MODELS: [&str; 4] =
    ["face_detector.onnx", "face_points.onnx", "perception.onnx", "motion.onnx"];

/// `sbom [--out FOLDER]`: one file for each of what is released.
pub(crate) fn sbom(place: &Place, args: &[String]) -> Result<(), Failure> {
    let folder = match args {
        [] => place.target.join("sbom"),
        [flag, folder] if flag == "--out" => PathBuf::from(folder),
        _ => return Err(Failure::new("cargo xtask sbom [--out FOLDER]")),
    };
    for released in Released::ALL {
        println!("{}", write(place, released, &folder)?.display());
    }
    Ok(())
}

/// Writes the list of `released` beside its artefacts in `folder`.
pub(crate) fn write(place: &Place, released: Released, folder: &Path) -> Result<PathBuf, Failure> {
    let text = of(place, released)?;
    fs::create_dir_all(folder)
        .map_err(Failure::while_doing(format!("cannot make {}", folder.display())))?;
    let path = folder.join(format!("{}-{}.cdx.json", released.name(), version(place)?));
    fs::write(&path, text)
        .map_err(Failure::while_doing(format!("cannot write {}", path.display())))?;
    Ok(path)
}

/// The list as CycloneDX JSON. The same sources give the same bytes: it has no date and no number
/// of its own.
fn of(place: &Place, released: Released) -> Result<String, Failure> {
    let target = released.target();
    let mut tree = tree::read(place, target, released.features())?;
    for name in MODELS {
        let path = place.root.join("models").join(name);
        let sum = sha256::of_file(&path)
            .map_err(Failure::while_doing(format!("cannot read {}", path.display())))?;
        tree.uses(Component {
            kind: Kind::Model,
            name: name.to_owned(),
            version: version(place)?,
            license: Some("MIT OR Apache-2.0".to_owned()),
            sha256: Some(sum),
            purl: None,
        });
    }
    for (file, sum) in runtime::pins(target) {
        tree.uses(Component {
            kind: Kind::Library,
            name: file.to_owned(),
            version: runtime::VERSION.to_owned(),
            license: Some("MIT".to_owned()),
            sha256: sum.map(str::to_owned),
            purl: runtime::purl(target),
        });
    }
    if released == Released::Android {
        // Maven keeps their sums.
        for Dependency { group, name, version, license, .. } in DEPENDENCIES {
            tree.uses(Component {
                kind: Kind::Library,
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                license: Some((*license).to_owned()),
                sha256: None,
                purl: Some(format!("pkg:maven/{group}/{name}@{version}")),
            });
        }
    }
    Ok(cyclonedx::write(&tree))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        Place { target: root.join("target"), root }
    }

    #[test]
    fn the_crates_list_is_whole_and_the_same_each_time() {
        let place = place();
        let text = of(&place, Released::Crate).unwrap();
        assert_eq!(text, of(&place, Released::Crate).unwrap());
        for part in ["\"CycloneDX\"", "pkg:cargo/ort@", "pkg:cargo/openh264-sys2@", "motion.onnx"] {
            assert!(text.contains(part), "{part}");
        }
        let motion = sha256::of_file(&place.root.join("models/motion.onnx")).unwrap();
        assert!(text.contains(&motion));
        let (_, runtime) = runtime::pins("x86_64-unknown-linux-gnu")[0];
        assert!(text.contains(runtime.unwrap()));
        // Neither where nor when it was made.
        for part in [place.root.to_str().unwrap(), "timestamp", "serialNumber", "path+file"] {
            assert!(!text.contains(part), "{part}");
        }
    }

    #[test]
    fn phones_get_no_c_and_nobody_a_client() {
        let place = place();
        for released in Released::ALL {
            let text = of(&place, released).unwrap();
            assert!(!text.contains("pkg:cargo/ureq@") && !text.contains("pkg:cargo/rustls@"));
            let phone = matches!(released, Released::Android | Released::Apple);
            assert_eq!(text.contains("openh264-sys2"), !phone, "{released:?}");
            assert_eq!(text.contains("pkg:cargo/uniffi@"), released != Released::Crate);
            assert_eq!(text.contains("pkg:cargo/c2pa@"), released != Released::Crate);
            // What Kotlin's side brings along is Android's alone.
            for part in ["net.java.dev.jna/jna@", "coroutines-android@", "onnxruntime-android@"] {
                assert_eq!(text.contains(part), released == Released::Android, "{part}");
            }
        }
    }
}
