//! Promise: an app in Swift or Kotlin has its clips marked, signs them with a key of its own where the
//! build can, and reads the marks of any file.

#![cfg(feature = "uniffi")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/ffi.rs"]
mod app;

use std::path::Path;
use std::sync::Arc;

use app::{Result, photo, request};
use kinora::ffi::{
    Clip, ClipOutput, GenerationRequest, KinoraError, LayerKind, LayerState, MarkLayer,
    MarkingOptions, Studio, StudioOptions, own_signer, verify_file,
};

fn options() -> MarkingOptions {
    MarkingOptions {
        watermark: true,
        in_file: true,
        day: Some("2026-11-26".to_owned()),
        signer: None,
    }
}

fn studio(marking: MarkingOptions) -> Option<Result<Arc<Studio>>> {
    app::studio(StudioOptions { marking: Some(marking), ..app::options() })
}

fn make(studio: &Studio, path: &Path) -> Clip {
    let request = GenerationRequest {
        output: Some(ClipOutput::Gif { path: path.to_string_lossy().into_owned() }),
        ..request(Some(photo(192, 128)))
    };
    let job = studio.start(request, None).unwrap();
    pollster::block_on(job.clip()).unwrap()
}

fn layer(path: &Path, kind: LayerKind) -> MarkLayer {
    let layers = verify_file(path.to_string_lossy().into_owned()).unwrap();
    layers.into_iter().find(|layer| layer.kind == kind).unwrap()
}

#[test]
fn clips_say_what_made_them_and_on_which_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.gif");
    let Some(studio) = studio(options()) else { return };
    make(&studio.unwrap(), &path);
    let packet = layer(&path, LayerKind::Xmp);
    assert_eq!((packet.state, packet.says_generated), (LayerState::Intact, true));
    assert_eq!(layer(&path, LayerKind::Manifest).state, LayerState::Absent);
    // A smooth slope has little room for a watermark that nobody sees: what is there is not told wrong.
    let watermark = layer(&path, LayerKind::Watermark).watermark;
    assert!(watermark.is_none_or(|watermark| watermark.day == "2026-11-26"));
}

#[test]
fn a_day_that_is_none_is_refused() {
    let asked = MarkingOptions { day: Some("2026-02-30".to_owned()), ..options() };
    let Some(studio) = studio(asked) else { return };
    let KinoraError::Request { code, .. } = studio.unwrap_err() else { panic!() };
    assert_eq!(code, "request.day");
}

#[cfg(feature = "c2pa")]
mod manifests {
    use std::sync::Mutex;

    use kinora::ffi::{ManifestSigner, SigningAlgorithm, fresh_signer};

    use super::*;

    /// An app's signer, with what it was asked.
    struct Signs {
        own: Arc<dyn ManifestSigner>,
        lengths: Mutex<Vec<usize>>,
        refuses: bool,
    }

    impl ManifestSigner for Signs {
        fn algorithm(&self) -> Result<SigningAlgorithm> {
            self.own.algorithm()
        }

        fn certificates(&self) -> Result<Vec<Vec<u8>>> {
            self.own.certificates()
        }

        fn sign(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
            self.lengths.lock().unwrap().push(bytes.len());
            if self.refuses {
                return Err(KinoraError::Host {
                    code: "host.failed".to_owned(),
                    reason: "the person did not unlock the key".to_owned(),
                    detail: None,
                });
            }
            self.own.sign(bytes)
        }
    }

    fn signer(refuses: bool) -> Arc<Signs> {
        let own = own_signer(vec![7; 32]).unwrap();
        Arc::new(Signs { own, lengths: Mutex::default(), refuses })
    }

    #[test]
    fn an_apps_key_signs_each_file_once_and_one_flipped_byte_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.gif");
        let signer = signer(false);
        let asked = MarkingOptions { signer: Some(signer.clone()), ..options() };
        let Some(studio) = studio(asked) else { return };
        make(&studio.unwrap(), &path);
        assert_eq!(signer.lengths.lock().unwrap().len(), 1);
        let manifest = layer(&path, LayerKind::Manifest);
        assert_eq!((manifest.state, manifest.says_generated), (LayerState::Intact, true));
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() - 200;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(layer(&path, LayerKind::Manifest).state, LayerState::Damaged);
    }

    #[test]
    fn a_signer_that_refuses_is_heard_and_the_file_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.gif");
        let Some(plain) = studio(MarkingOptions { in_file: false, ..options() }) else { return };
        let plain = plain.unwrap();
        let clip = make(&plain, &path);
        let before = std::fs::read(&path).unwrap();
        let sign = |signer| {
            let asked = MarkingOptions { signer: Some(signer), ..options() };
            plain.sign_file(path.to_string_lossy().into_owned(), clip.clone(), Some(asked))
        };
        let KinoraError::Output { code, .. } = sign(signer(true)).unwrap_err() else { panic!() };
        assert_eq!(code, "marking.signer");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(sign(fresh_signer().unwrap()).unwrap(), [LayerKind::Xmp, LayerKind::Manifest]);
        assert_eq!(layer(&path, LayerKind::Manifest).state, LayerState::Intact);
    }

    #[test]
    fn a_seed_of_another_length_is_refused() {
        let KinoraError::Request { code, .. } = own_signer(vec![7; 16]).err().unwrap() else {
            panic!()
        };
        assert_eq!(code, "request.seed");
    }
}

#[cfg(not(feature = "c2pa"))]
#[test]
fn a_build_without_manifests_says_so() {
    let KinoraError::Request { code, .. } = own_signer(vec![7; 32]).err().unwrap() else {
        panic!()
    };
    assert_eq!(code, "request.signer");
}
