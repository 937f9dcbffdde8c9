//! The promise: the default feature tree, and the command line's, link no network crate.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;

/// Crates that open connections, speak a network protocol, or drive sockets. deny.toml bans the
/// same ones.
const NETWORK: &[&str] = &[
    "actix-web",
    "async-std",
    "attohttpc",
    "awc",
    "axum",
    "curl",
    "curl-sys",
    "h2",
    "h3",
    "hickory-resolver",
    "http-req",
    "hyper",
    "hyper-util",
    "isahc",
    "minreq",
    "mio",
    "native-tls",
    "openssl",
    "openssl-sys",
    "quinn",
    "reqwest",
    "rustls",
    "smoltcp",
    "socket2",
    "surf",
    "tiny_http",
    "tokio",
    "tonic",
    "trust-dns-resolver",
    "tungstenite",
    "ureq",
    "websocket",
];

#[test]
fn default_features_link_no_network_crate() {
    let tree = tree(&[]);
    assert_eq!(network_crates(&tree), Vec::<&str>::new());
}

#[test]
fn the_command_line_links_no_network_crate() {
    let tree = tree(&["--features", "cli"]);
    assert!(names(&tree).any(|name| name == "clap"), "the tree lacks the command line:\n{tree}");
    assert_eq!(network_crates(&tree), Vec::<&str>::new());
}

#[test]
fn consent_vault_and_wire_protocols_link_no_network_crate() {
    let tree = tree(&["--features", "cli,uniffi,remote"]);
    assert!(names(&tree).any(|name| name == "aes-gcm"), "the tree lacks the vault:\n{tree}");
    assert_eq!(network_crates(&tree), Vec::<&str>::new());
}

#[test]
fn manifests_link_no_network_crate() {
    let tree = tree(&["--features", "cli,uniffi,remote,c2pa"]);
    assert!(names(&tree).any(|name| name == "c2pa"), "the tree lacks manifests:\n{tree}");
    assert_eq!(network_crates(&tree), Vec::<&str>::new());
}

#[test]
fn only_our_client_links_network_crates() {
    // The positive control: the list finds what is there.
    for feature in ["remote-http", "download"] {
        let tree = tree(&["--features", feature]);
        let mut found = network_crates(&tree);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, ["rustls", "ureq"], "{feature}");
    }
}

#[test]
fn downloading_brings_nothing_of_the_remote_side() {
    let tree = tree(&["--features", "cli,download"]);
    for name in ["aes-gcm", "argon2", "hmac", "jiff"] {
        assert!(!names(&tree).any(|found| found == name), "{name}:\n{tree}");
    }
}

#[test]
fn a_network_crate_would_be_caught() {
    let tree = "kinora v0.1.0 (/somewhere)\nhyperfine v1.0.0\nhyper v1.6.0\nbytes v1.0.0\n";
    assert_eq!(network_crates(tree), ["hyper"]);
}

#[test]
fn deny_bans_the_same_crates() {
    let deny = include_str!("../deny.toml");
    for name in NETWORK {
        assert!(deny.contains(&format!("{{ crate = \"{name}\"")), "deny.toml lacks {name}");
    }
}

/// What cargo links for this host, one `name version` a line.
fn tree(features: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--package", "kinora", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .args(features)
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    // Were the tree empty, nothing would be found in it.
    assert!(names(&tree).any(|name| name == "ort"), "this is no tree of Kinora:\n{tree}");
    tree
}

fn network_crates(tree: &str) -> Vec<&str> {
    names(tree).filter(|name| NETWORK.contains(name)).collect()
}

fn names(tree: &str) -> impl Iterator<Item = &str> {
    tree.lines().filter_map(|line| line.split_whitespace().next())
}
