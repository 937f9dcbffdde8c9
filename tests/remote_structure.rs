//! Promise: privacy is structure. Only `consent` gives leave for a request, only `remote` makes one,
//! and what talks to providers does not know that there are faces.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut out = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                out.push((path, text));
            }
        }
    }
    assert!(!out.is_empty());
    out
}

/// The files of `folder` whose code, without comments and tests, holds `word`.
fn naming(folder: &str, word: &str) -> Vec<String> {
    let holds = |text: &str| {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        code.lines().any(|line| line.split("//").next().unwrap_or_default().contains(word))
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names: Vec<String> = sources(folder)
        .into_iter()
        .filter(|(path, text)| !path.ends_with("tests.rs") && holds(text))
        .map(|(path, _)| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"))
        .collect();
    names.sort();
    names
}

#[test]
fn only_consent_gives_leave() {
    assert_eq!(naming("", "Leave::new("), ["consent/permit.rs"]);
}

#[test]
fn only_one_place_makes_requests() {
    assert_eq!(naming("", "HttpRequest::new("), ["remote/send.rs"]);
}

#[test]
fn only_one_place_opens_secrets() {
    assert_eq!(naming("", ".open_secret("), ["remote/send.rs"]);
}

#[test]
fn the_remote_side_knows_no_faces() {
    for room in ["remote", "consent", "transport", "vault", "scratch", "safety"] {
        for word in ["crate::face", "Face", "Landmarks", "landmarks"] {
            assert_eq!(naming(room, word), Vec::<String>::new(), "{room} names {word}");
        }
    }
}

#[test]
fn only_our_client_opens_connections() {
    let client = ["transport/agent.rs", "transport/fetch.rs", "transport/http.rs"];
    for word in ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "ureq::", "ToSocketAddrs"] {
        let files = naming("", word);
        assert!(files.iter().all(|file| client.contains(&file.as_str())), "{word}: {files:?}");
    }
    assert_eq!(naming("", "ureq::"), client);
    // What a file is fetched with takes no leave, and can send nothing.
    assert_eq!(naming("", "Fetch::begin("), ["pack/download/exchange.rs"]);
}
