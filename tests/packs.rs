//! Promise: nothing of a pack is opened before all of it is what its `pack.json` says; a store takes a
//! pack whole or not at all, and only after somebody said yes to the terms of its weights.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use kinora::pack::{Pack, PackManifest, PackStore};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const FILES: [(&str, &[u8]); 4] = [
    ("denoiser.onnx", b"a graph"),
    ("denoiser.data", &[7; 10_000]),
    ("tokenizer.json", b"{}"),
    ("LICENSE", b"You may look at these weights, and nothing else."),
];

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn manifest() -> Value {
    let files: serde_json::Map<String, Value> = FILES
        .iter()
        .map(|(name, bytes)| {
            ((*name).to_owned(), json!({"size": bytes.len(), "sha256": digest(bytes)}))
        })
        .collect();
    let port = json!({"type": "f32", "shape": [1, 4, "frames", "height", "width"]});
    json!({
        "format": 1, "id": "made-up-1.0", "name": "Made up", "version": "1.0.0", "family": "wan",
        "tasks": ["text-to-video"],
        "licence": {"name": "Look, don't touch", "spdx": null, "url": "https://example.com/terms",
            "open": false, "file": "LICENSE"},
        "source": "a test", "precision": "f32", "minimum_runtime": "1.22.0", "files": files,
        "components": {"denoiser": {"graph": "denoiser.onnx", "data": "denoiser.data",
            "inputs": {"latents": port}, "outputs": {"prediction": port}, "weights": 10_000}},
        "tokenizer": {"file": "tokenizer.json", "length": 64, "pad": 0, "end": 1},
        "scheduler": {"type": "FlowMatchEuler", "shift": 3.0},
        "defaults": {"steps": 8, "guidance_scale": 5.0, "width": 64, "height": 48, "frames": 9,
            "fps": 16, "negative_prompt": ""},
        "limits": {"side_multiple": 16, "side_min": 16, "side_max": 1280, "frames_multiple": 4,
            "frames_offset": 1, "frames_max": 121},
        "latents": {"channels": 4, "spatial": 8, "temporal": 4, "mean": [0, 0, 0, 0],
            "std": [1, 1, 1, 1], "scale": 1.0},
        "preview": null, "family_settings": {}
    })
}

/// A pack's folder whose `pack.json` went through `change`.
fn made(folder: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let path = folder.join("source");
    fs::create_dir(&path).unwrap();
    for (name, bytes) in FILES {
        fs::write(path.join(name), bytes).unwrap();
    }
    let mut manifest = manifest();
    change(&mut manifest);
    fs::write(path.join("pack.json"), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
    path
}

fn add(store: &PackStore, source: &Path) -> kinora::Result<()> {
    store.add(source, &PackStore::terms(source)?.accept()).map(|_| ())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "lock");
    names.sort();
    names
}

#[test]
fn a_pack_is_added_listed_opened_exported_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let source = made(folder.path(), |_| ());
    let store = PackStore::open(folder.path().join("store")).unwrap();
    assert_eq!(store.pack("made-up-1.0").unwrap_err().code(), "pack.not_installed");
    add(&store, &source).unwrap();
    let listed = store.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].manifest.id, "made-up-1.0");
    assert_eq!(listed[0].accepted.as_ref().unwrap().name, "Look, don't touch");
    assert!(!listed[0].accepted.as_ref().unwrap().open);
    store.verify("made-up-1.0").unwrap();
    let pack = store.pack("made-up-1.0").unwrap();
    let bytes: usize = FILES.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(pack.manifest().size(), bytes as u64);

    // One file, whose members lie where they can be mapped, and twice is the same.
    let one = folder.path().join("one.kinora-pack");
    let two = folder.path().join("two.kinora-pack");
    store.export("made-up-1.0", &one).unwrap();
    store.export("made-up-1.0", &two).unwrap();
    let bytes = fs::read(&one).unwrap();
    assert!(bytes == fs::read(&two).unwrap());
    let data = bytes.windows(64).position(|window| window == [7; 64]).unwrap();
    assert_eq!(data % 4096, 0);
    assert_eq!(Pack::open(&one).unwrap().manifest(), pack.manifest());

    // A store takes it as well, in the place of the folder.
    add(&store, &one).unwrap();
    assert_eq!(names(store.folder()), ["made-up-1.0.kinora-pack", "store.json"]);
    store.pack("made-up-1.0").unwrap();
    store.remove("made-up-1.0").unwrap();
    store.remove("made-up-1.0").unwrap();
    assert_eq!(names(store.folder()), ["store.json"]);
    assert!(source.join("pack.json").exists() && one.exists());
}

#[test]
fn terms_are_accepted_as_they_are_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let source = made(folder.path(), |_| ());
    let store = PackStore::open(folder.path().join("store")).unwrap();
    let terms = PackStore::terms(&source).unwrap();
    assert_eq!(terms.text.as_deref(), Some("You may look at these weights, and nothing else."));
    let yes = terms.accept();
    fs::write(source.join("LICENSE"), "You owe us your house.").unwrap();
    let mut other = manifest();
    other["files"]["LICENSE"] = json!({"size": 22, "sha256": digest(b"You owe us your house.")});
    fs::write(source.join("pack.json"), other.to_string()).unwrap();
    assert_eq!(store.add(&source, &yes).unwrap_err().code(), "pack.licence");
    assert_eq!(names(store.folder()), Vec::<String>::new());
    add(&store, &source).unwrap();
    // A store's notes that are gone are no yes.
    fs::remove_file(store.folder().join("store.json")).unwrap();
    assert_eq!(store.pack("made-up-1.0").unwrap_err().code(), "pack.licence");
}

#[test]
fn what_changed_after_it_was_added_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let source = made(folder.path(), |_| ());
    let store = PackStore::open(folder.path().join("store")).unwrap();
    add(&store, &source).unwrap();
    let data = store.folder().join("made-up-1.0/denoiser.data");
    let mut bytes = fs::read(&data).unwrap();
    bytes[5_000] ^= 1;
    fs::write(&data, &bytes).unwrap();
    assert_eq!(store.pack("made-up-1.0").unwrap_err().code(), "pack.hash");
    assert_eq!(store.verify("made-up-1.0").unwrap_err().code(), "pack.hash");
    bytes[5_000] ^= 1;
    fs::write(&data, &bytes).unwrap();
    store.pack("made-up-1.0").unwrap();
    fs::write(&data, &bytes[1..]).unwrap();
    assert_eq!(store.pack("made-up-1.0").unwrap_err().code(), "pack.size");
}

/// What each damage to a pack is called, as a folder.
#[test]
fn damaged_packs_are_told_apart_and_leave_the_store_as_it_was() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 8] = [
        ("pack.hash", |pack| fs::write(pack.join("denoiser.data"), [8; 10_000]).unwrap()),
        ("pack.size", |pack| fs::write(pack.join("denoiser.data"), [7; 9_999]).unwrap()),
        ("pack.missing_file", |pack| fs::remove_file(pack.join("denoiser.data")).unwrap()),
        ("pack.extra_file", |pack| fs::write(pack.join("readme.txt"), "hello").unwrap()),
        ("pack.path", |pack| fs::write(pack.join(".hidden"), "hello").unwrap()),
        ("pack.path", |pack| {
            fs::remove_file(pack.join("tokenizer.json")).unwrap();
            fs::create_dir(pack.join("tokenizer.json")).unwrap();
        }),
        ("pack.manifest", |pack| fs::write(pack.join("pack.json"), "{").unwrap()),
        ("pack.missing_file", |pack| fs::remove_file(pack.join("pack.json")).unwrap()),
    ];
    for (wanted, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let source = made(folder.path(), |_| ());
        let store = PackStore::open(folder.path().join("store")).unwrap();
        let yes = PackStore::terms(&source).unwrap().accept();
        damage(&source);
        assert_eq!(Pack::open(&source).unwrap_err().code(), wanted);
        assert_eq!(store.add(&source, &yes).unwrap_err().code(), wanted);
        assert_eq!(names(store.folder()), Vec::<String>::new(), "{wanted}");
    }
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let source = made(folder.path(), |_| ());
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(source.join("denoiser.data"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, source.join("denoiser.data")).unwrap();
    assert_eq!(Pack::open(&source).unwrap_err().code(), "pack.path");
}

#[test]
fn a_manifest_that_lies_is_refused_before_any_file_is_read() {
    type Lie = (&'static str, fn(&mut Value));
    let lies: [Lie; 16] = [
        ("pack.format", |m| m["format"] = json!(2)),
        ("pack.manifest", |m| m["id"] = json!("../../etc")),
        ("pack.manifest", |m| m["id"] = json!("Upper")),
        ("pack.manifest", |m| m["surprise"] = json!(1)),
        ("pack.manifest", |m| m["tasks"] = json!([])),
        ("pack.manifest", |m| m["family"] = json!("sora")),
        ("pack.manifest", |m| m["version"] = json!("one")),
        ("pack.manifest", |m| m["latents"]["std"] = json!([1, 1, 1])),
        ("pack.manifest", |m| m["latents"]["std"] = json!([1, 1, 1, 0])),
        ("pack.manifest", |m| m["limits"]["side_multiple"] = json!(0)),
        ("pack.manifest", |m| m["files"]["denoiser.data"]["sha256"] = json!("AB")),
        ("pack.path", |m| m["files"]["../../outside"] = m["files"]["LICENSE"].clone()),
        ("pack.path", |m| m["files"]["a/b"] = m["files"]["LICENSE"].clone()),
        ("pack.too_large", |m| m["files"]["denoiser.data"]["size"] = json!(u64::MAX)),
        ("pack.too_large", |m| {
            m["components"]["denoiser"]["inputs"]["latents"]["shape"] = json!([65536, 65536, 4]);
        }),
        ("pack.missing_file", |m| m["components"]["denoiser"]["data"] = json!("other.data")),
    ];
    for (number, (wanted, lie)) in lies.into_iter().enumerate() {
        let mut manifest = manifest();
        lie(&mut manifest);
        let error = PackManifest::parse(manifest.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.code(), wanted, "{number}: {error}");
        // What to do stands in the sentence.
        assert!(error.to_string().contains(':'), "{error}");
    }
    assert!(PackManifest::parse(manifest().to_string().as_bytes()).is_ok());
}

#[test]
fn archives_that_cannot_be_mapped_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.kinora-pack");
    fs::write(&path, "no archive at all").unwrap();
    assert_eq!(Pack::open(&path).unwrap_err().code(), "pack.archive");
    assert_eq!(Pack::open(folder.path().join("nothing")).unwrap_err().code(), "pack.unreadable");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("pack.json", options).unwrap();
    archive.write_all(manifest().to_string().as_bytes()).unwrap();
    for (file, bytes) in FILES {
        archive.start_file(file, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    Pack::open(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    // Cut off, one byte changed.
    for end in [bytes.len() - 1, bytes.len() / 2, 100] {
        fs::write(&path, &bytes[..end]).unwrap();
        assert!(Pack::open(&path).is_err(), "{end}");
    }
    let middle = bytes.windows(64).position(|window| window == [7; 64]).unwrap() + 500;
    let mut changed = bytes.clone();
    changed[middle] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert_eq!(Pack::open(&path).unwrap_err().code(), "pack.hash");
    // Headers that say "deflated" (APPNOTE.TXT 4.3.7 and 4.3.12: the method stands after 8 and 10 bytes).
    let mut compressed = bytes;
    for (signature, method) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let found: Vec<_> =
            compressed.windows(4).enumerate().filter(|(_, part)| part == signature).collect();
        let starts: Vec<_> = found.into_iter().map(|(at, _)| at).collect();
        assert_eq!(starts.len(), 1 + FILES.len());
        starts.into_iter().for_each(|at| compressed[at + method] = 8);
    }
    fs::write(&path, &compressed).unwrap();
    assert_eq!(Pack::open(&path).unwrap_err().code(), "pack.archive");
}
