//! Manifests are made, read by the crate's own reader, and broken.

use std::sync::Mutex;

use super::*;
use crate::clip::tests::{make_with, names, spec};
use crate::clip::{Container, Finish, Output};
use crate::marking::tests::hostile::Dice;
use crate::marking::tests::{GENERATED, boxes, containers, layer, made, plain, statement};
use crate::marking::{Declared, FileMarks, Layer, LayerKind, LayerState, find_xmp};

fn signer() -> Arc<OwnSigner> {
    Arc::new(OwnSigner::from_seed([7; 32]))
}

fn marks() -> FileMarks {
    FileMarks::new(statement()).signed_by(signer())
}

fn manifest(bytes: &[u8]) -> Layer {
    layer(bytes, LayerKind::Manifest)
}

fn report(bytes: &[u8], kind: Kind) -> Value {
    let reader = c2pa::Reader::from_context(context().unwrap())
        .with_stream(kind.media_type(), std::io::Cursor::new(bytes))
        .unwrap();
    serde_json::from_str(&reader.json()).unwrap()
}

fn active(report: &Value) -> &Value {
    &report["manifests"][report["active_manifest"].as_str().unwrap()]
}

#[test]
fn signed_clips_of_every_format_are_intact_and_of_an_unknown_signer() {
    for container in containers() {
        let bytes = made(container, &Finish::with(marks()));
        let layer = manifest(&bytes);
        assert_eq!(layer.state, LayerState::Intact, "{container:?}: {layer:?}");
        assert!(!layer.trusted);
        assert_eq!(layer.details, ["signingCredential.untrusted"]);
        let trained = Declared::Generated(DigitalSourceType::TrainedAlgorithmicMedia);
        assert_eq!(layer.digital_source_type, Some(trained));
        assert_eq!(find_xmp(&bytes), GENERATED);
    }
}

#[test]
fn a_manifest_tells_what_the_statement_says() {
    let marks = FileMarks::new(statement().watermarked(true)).signed_by(signer());
    let bytes = marks.sign_bytes(plain(Container::Gif)).unwrap();
    let report = report(&bytes, Kind::Gif);
    let manifest = active(&report);
    let text = manifest.to_string();
    assert_eq!(manifest["claim_generator_info"][0]["name"], "Kinora");
    let assertions = manifest["assertions"].as_array().unwrap();
    let data = |label: &str| {
        &assertions.iter().find(|assertion| assertion["label"] == label).unwrap()["data"]
    };
    let actions = &data("c2pa.actions.v2")["actions"];
    assert_eq!(actions[0]["action"], "c2pa.created");
    assert_eq!(actions[0]["digitalSourceType"], DigitalSourceType::TrainedAlgorithmicMedia.uri());
    assert_eq!(actions[0]["softwareAgent"]["name"], "Kinora");
    assert_eq!(actions[0]["when"], "2026-11-26T00:00:00Z");
    assert_eq!(actions[1]["action"], "c2pa.watermarked.unbound");
    assert_eq!(data("kinora.model")["id"], "kinora/motion");
    assert_eq!(data("kinora.model")["version"], "2");
    assert!(manifest.get("thumbnail").is_none() && !text.contains("thumbnail"));
    assert!(manifest["ingredients"].as_array().is_none_or(Vec::is_empty), "{text}");
    assert!(manifest["signature_info"].get("time").is_none());
}

#[test]
fn the_same_clip_gives_the_same_bytes() {
    for container in containers() {
        let first = made(container, &Finish::with(marks()));
        assert_eq!(first, made(container, &Finish::with(marks())), "{container:?}");
        assert_eq!(first, marks().sign_bytes(plain(container)).unwrap(), "{container:?}");
        let other = FileMarks::new(statement()).signed_by(Arc::new(OwnSigner::from_seed([8; 32])));
        assert_ne!(first, other.sign_bytes(plain(container)).unwrap());
    }
}

#[test]
fn files_are_signed_whole_and_leave_nothing_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.gif");
    make_with(Output::gif(&path), &spec(48, 32, 24.0, 6), Finish::with(marks())).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes, made(Container::Gif, &Finish::with(marks())));
    std::fs::write(&path, plain(Container::Gif)).unwrap();
    assert_eq!(marks().sign_file(&path).unwrap(), [LayerKind::Xmp, LayerKind::Manifest]);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(names(folder.path()), ["clip.gif"]);
}

#[test]
fn frames_of_a_folder_are_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::png_folder(folder.path().join("f"));
    make_with(output, &spec(16, 16, 24.0, 2), Finish::with(marks())).unwrap();
    let frame = std::fs::read(folder.path().join("f/frame_0000.png")).unwrap();
    assert_eq!(manifest(&frame).state, LayerState::Absent);
    assert_eq!(find_xmp(&frame), GENERATED);
    // A picture by itself is.
    let picture = marks().sign_bytes(frame).unwrap();
    assert_eq!(manifest(&picture).state, LayerState::Intact);
}

#[cfg(feature = "openh264")]
#[test]
fn a_signed_mp4_plays_from_the_front() {
    let bytes = made(Container::Mp4, &Finish::with(marks()));
    assert_eq!(boxes(&bytes), ["ftyp", "uuid", "moov", "free", "mdat", "uuid"]);
    let before = plain(Container::Mp4);
    let pictures = memchr::memmem::find(&before, b"mdat").unwrap();
    assert!(memchr::memmem::find(&bytes, &before[pictures..]).is_some());
    #[cfg(feature = "remote")]
    {
        let movie = crate::clip::movie::read(&bytes).unwrap();
        assert_eq!(movie, crate::clip::movie::read(&before).unwrap());
        // The index leads to the same pictures.
        assert_eq!(crate::clip::movie::strip(&bytes), crate::clip::movie::strip(&before));
    }
}

#[test]
fn a_manifest_that_was_there_becomes_the_parent() {
    let theirs = FileMarks::new(statement()).signed_by(Arc::new(OwnSigner::from_seed([1; 32])));
    for container in containers() {
        let first = theirs.sign_bytes(plain(container)).unwrap();
        let again = marks().sign_bytes(first.clone()).unwrap();
        assert_eq!(manifest(&again).state, LayerState::Intact, "{:?}", manifest(&again));
        assert_eq!(again, marks().sign_bytes(first.clone()).unwrap(), "{container:?}");
        let kind = Kind::of(&again).unwrap();
        let (before, after) = (report(&first, kind), report(&again, kind));
        assert_eq!(after["manifests"].as_object().unwrap().len(), 2);
        let parent = &active(&after)["ingredients"][0];
        assert_eq!(parent["relationship"], "parentOf");
        assert_eq!(parent["active_manifest"], before["active_manifest"]);
        let actions = active(&after)["assertions"].to_string();
        assert!(actions.contains("c2pa.opened") && !actions.contains("c2pa.created"));
    }
}

#[test]
fn a_photo_is_named_only_if_asked() {
    let mut photo = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(9, 7, image::Rgb([90, 80, 70]));
    picture.write_to(&mut photo, image::ImageFormat::Jpeg).unwrap();
    let marks = marks().made_of(Arc::from(photo.into_inner()));
    let bytes = marks.sign_bytes(plain(Container::Gif)).unwrap();
    assert_eq!(manifest(&bytes).state, LayerState::Intact, "{:?}", manifest(&bytes));
    assert_eq!(bytes, marks.sign_bytes(plain(Container::Gif)).unwrap());
    let report = report(&bytes, Kind::Gif);
    let photo = &active(&report)["ingredients"][0];
    assert_eq!(photo["relationship"], "inputTo");
    assert!(photo.get("thumbnail").is_none() && photo.get("title").is_none(), "{photo}");
}

/// A signer with a key on P-256 and a chain of two, whose signatures are in DER as phones give them.
struct Phone {
    key: rcgen::KeyPair,
    chain: Vec<Vec<u8>>,
}

impl Phone {
    fn new() -> Self {
        use rcgen::{
            BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
            KeyUsagePurpose,
        };
        let params = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(rcgen::DnType::OrganizationName, name);
            params.use_authority_key_identifier_extension = true;
            params
        };
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut root = params("A company");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issued = root.self_signed(&root_key).unwrap().der().to_vec();
        let mut own = params("An app");
        own.is_ca = IsCa::ExplicitNoCa;
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
        let own = own.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
        Self { key, chain: vec![own.der().to_vec(), issued] }
    }
}

impl ManifestSigner for Phone {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::Es256
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>> {
        Ok(self.chain.clone())
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(rcgen::SigningKey::sign(&self.key, bytes).unwrap())
    }
}

#[test]
fn a_phones_own_key_signs_too() {
    let marks = FileMarks::new(statement()).signed_by(Arc::new(Phone::new()));
    for container in containers() {
        let bytes = marks.sign_bytes(plain(container)).unwrap();
        let layer = manifest(&bytes);
        assert_eq!(layer.state, LayerState::Intact, "{layer:?}");
        assert_eq!(layer.details, ["signingCredential.untrusted"]);
    }
}

/// A signer of the host's that counts how often it is asked.
struct Host(Mutex<usize>);

impl ManifestSigner for Host {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::Ed25519
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>> {
        OwnSigner::from_seed([3; 32]).certificates()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        *self.0.lock().unwrap() += 1;
        OwnSigner::from_seed([3; 32]).sign(bytes)
    }
}

#[test]
fn a_host_is_asked_once_a_clip_and_its_refusal_is_told() {
    let host = Arc::new(Host(Mutex::new(0)));
    let marks = FileMarks::new(statement()).signed_by(host.clone());
    let bytes = marks.sign_bytes(plain(Container::Gif)).unwrap();
    assert_eq!(*host.0.lock().unwrap(), 1);
    assert_eq!(manifest(&bytes).state, LayerState::Intact);

    struct Refuses(bool);
    impl ManifestSigner for Refuses {
        fn algorithm(&self) -> SigningAlgorithm {
            SigningAlgorithm::Es256
        }
        fn certificates(&self) -> Result<Vec<Vec<u8>>> {
            if self.0 { Ok(Vec::new()) } else { OwnSigner::from_seed([3; 32]).certificates() }
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>> {
            Err(Error::Cancelled)
        }
    }
    let code = |signer: Refuses| {
        let marks = FileMarks::new(statement()).signed_by(Arc::new(signer));
        marks.sign_bytes(plain(Container::Gif)).unwrap_err().code()
    };
    assert_eq!(code(Refuses(true)), "marking.signer");
    assert_eq!(code(Refuses(false)), "cancelled");
}

/// Where the pictures of a signed file lie: behind its manifest.
fn pictures(container: Container, bytes: &[u8]) -> std::ops::Range<usize> {
    let find = |what: &[u8]| memchr::memmem::find(bytes, what).unwrap();
    match container {
        Container::Mp4 => find(b"mdat") + 4..memchr::memmem::rfind(bytes, b"uuid").unwrap() - 4,
        Container::Webp => find(b"ANMF") + 8..find(b"XMP "),
        Container::Gif => {
            memchr::memmem::rfind(bytes, b"XMP DataXMP").unwrap() - 2000
                ..memchr::memmem::rfind(bytes, b"XMP DataXMP").unwrap() - 3
        }
    }
}

#[test]
fn one_changed_byte_of_the_pictures_is_seen() {
    let mut dice = Dice(0x51_7cc1_b727_220a);
    for container in containers() {
        let whole = marks().sign_bytes(plain(container)).unwrap();
        let pictures = pictures(container, &whole);
        for _ in 0..100 {
            let place = pictures.start + dice.below(pictures.len());
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << dice.below(8);
            // A frame's own size may lead the walk past the manifest; it is never taken for whole.
            let state = manifest(&bytes).state;
            assert!(
                matches!(state, LayerState::Damaged | LayerState::Absent),
                "{container:?}: byte {place} of {pictures:?}: {state:?}"
            );
            if container == Container::Mp4 {
                assert_eq!(state, LayerState::Damaged, "byte {place}");
            }
        }
    }
}

#[test]
fn no_flip_and_no_cut_anywhere_fails_the_reader() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let started = std::time::Instant::now();
    let (mut looks, mut intact) = (0, 0);
    for container in containers() {
        let whole = marks().sign_bytes(plain(container)).unwrap();
        for round in 0..150 {
            let mut bytes = whole.clone();
            match round % 3 {
                0 => bytes.truncate(dice.below(whole.len())),
                // The manifest stands near the front.
                1 => bytes[dice.below(8000.min(whole.len()))] ^= 1 << dice.below(8),
                _ => bytes[dice.below(whole.len())] ^= 1 << dice.below(8),
            }
            let Ok(layers) = crate::marking::verify(&bytes) else { continue };
            looks += 1;
            // What is excluded from hashes: `ftyp`, `free`, and the manifest's own padding.
            intact += usize::from(layers[0].state == LayerState::Intact);
            if round % 3 == 0 {
                assert_ne!(layers[0].state, LayerState::Intact, "{container:?}: {}", bytes.len());
            }
        }
    }
    assert!(looks > 200 && intact * 10 < looks, "{intact} of {looks}");
    assert!(started.elapsed() < std::time::Duration::from_secs(120), "{:?}", started.elapsed());
}

#[test]
fn certificates_tell_nothing_and_are_the_same_for_a_seed() {
    let certificate = |seed: u8| OwnSigner::from_seed([seed; 32]).certificates().unwrap().remove(0);
    assert_eq!(certificate(1), certificate(1));
    assert_ne!(certificate(1), certificate(2));
    assert!(memchr::memmem::find(&certificate(1), b"Kinora").is_some());
    assert!(certificate(1).len() < 600, "{}", certificate(1).len());
    assert_eq!(format!("{:?}", OwnSigner::from_seed([1; 32])), "OwnSigner");
}
