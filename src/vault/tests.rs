//! What a vault withstands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError, Secret, Vault};

/// Xor with a pad and a sum behind it: quick, and no store for real keys.
struct Pad(u8);

impl KeyStore for Pad {
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        let sum = key.iter().fold(self.0, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        Ok(key.iter().map(|byte| byte ^ self.0).chain([sum]).collect())
    }

    fn unwrap(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        let (sum, key) = blob.split_last().ok_or("empty")?;
        let key: Vec<u8> = key.iter().map(|byte| byte ^ self.0).collect();
        let own = key.iter().fold(self.0, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        if own == *sum { Ok(Zeroizing::new(key)) } else { Err("damaged".into()) }
    }
}

/// Gives the key back as it came.
struct Open;

impl KeyStore for Open {
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        Ok(key.to_vec())
    }

    fn unwrap(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        Ok(Zeroizing::new(blob.to_vec()))
    }
}

fn open(folder: &Path, pad: u8) -> Vault {
    Vault::open(folder, Arc::new(Pad(pad))).unwrap()
}

/// A vault with two secrets, in memory where the system has a folder for that.
fn filled() -> (tempfile::TempDir, PathBuf, Vault) {
    let memory = Path::new("/dev/shm");
    let at = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(at).unwrap();
    let vault = open(folder.path(), 0x5c);
    for (provider, secret) in [("fal", "first secret"), ("kling", "second secret")] {
        vault.put(provider, "api_key", &Secret::new(secret)).unwrap();
    }
    let file = folder.path().join("vault.json");
    (folder, file, vault)
}

fn read(vault: &Vault, provider: &str) -> Result<Vec<u8>, &'static str> {
    let secret = vault.open_secret(provider, "api_key").map_err(|error| error.code())?;
    Ok(secret.bytes().to_vec())
}

#[test]
fn secrets_come_back_and_lie_sealed() {
    let (folder, file, vault) = filled();
    assert_eq!(read(&vault, "fal").unwrap(), b"first secret");
    assert_eq!(read(&open(folder.path(), 0x5c), "kling").unwrap(), b"second secret");
    let text = fs::read_to_string(file).unwrap();
    assert!(!text.contains("secret\""), "{text}");
    vault.put("fal", "api_key", &Secret::new("third")).unwrap();
    assert_eq!(read(&vault, "fal").unwrap(), b"third");
    assert!(vault.remove("fal", "api_key").unwrap());
    assert!(!vault.remove("fal", "api_key").unwrap());
    assert_eq!(read(&vault, "fal").unwrap_err(), "vault.missing");
    assert_eq!(vault.entries().unwrap().len(), 1);
    vault.erase().unwrap();
    assert_eq!(read(&vault, "kling").unwrap_err(), "vault.missing");
}

#[test]
fn what_is_wrong_is_said() {
    let (folder, file, vault) = filled();
    let code = |provider: &str, secret: &str| {
        vault.put(provider, "api_key", &Secret::new(secret)).unwrap_err().code()
    };
    assert_eq!(code("", "x"), "vault.name");
    assert_eq!(code("../fal", "x"), "vault.name");
    assert_eq!(code("fal", ""), "vault.too_long");
    // Another key.
    let other = open(folder.path(), 0x33);
    assert_eq!(read(&other, "fal").unwrap_err(), "vault.key_store");
    // A store that protects nothing.
    let bare = tempfile::tempdir().unwrap();
    let bare = Vault::open(bare.path(), Arc::new(Open)).unwrap();
    let error = bare.put("fal", "api_key", &Secret::new("x")).unwrap_err();
    assert_eq!(error.code(), "vault.key_store");
    // Records that have changed places.
    let mut swapped: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let entries = swapped["entries"].as_array_mut().unwrap();
    let first = entries[0]["sealed"].clone();
    entries[0]["sealed"] = entries[1]["sealed"].clone();
    entries[1]["sealed"] = first;
    fs::write(&file, swapped.to_string()).unwrap();
    assert_eq!(read(&vault, "fal").unwrap_err(), "vault.damaged");
    assert_eq!(read(&vault, "kling").unwrap_err(), "vault.damaged");
}

/// `KINORA_FLIPS` sets how many flips are tried.
#[test]
fn a_cut_or_flipped_file_gives_no_wrong_secret() {
    let (_folder, file, vault) = filled();
    let whole = fs::read(&file).unwrap();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut check = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let told = match read(&vault, "fal") {
            Ok(secret) => {
                assert_eq!(secret, b"first secret");
                "harmless"
            }
            Err(code) => code,
        };
        *seen.entry(told).or_default() += 1;
    };
    for length in 0..whole.len() {
        check(&whole[..length]);
    }
    let flips = std::env::var("KINORA_FLIPS").ok().and_then(|text| text.parse().ok());
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..flips.unwrap_or(10_000) {
        let mut bytes = whole.clone();
        let at = random.next_u32() as usize % (8 * bytes.len());
        bytes[at / 8] ^= 1 << (at % 8);
        check(&bytes);
    }
    println!("{seen:?}");
}

#[test]
fn secrets_do_not_print() {
    let (_folder, _, vault) = filled();
    let text = format!("{:?} {vault:?}", Secret::new("first secret"));
    assert!(!text.contains("first"), "{text}");
}
