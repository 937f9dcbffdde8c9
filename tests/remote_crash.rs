//! Promise: a process that is killed at any point of a remote job leaves a job that is gone on with
//! or reported, and never one that is submitted twice; a ledger that is cut or flipped
//! anywhere is noticed or harmless (the vault's own tests do the same to it).

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "remote-http")]

mod common;
#[path = "common/remote/mod.rs"]
mod remote;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kinora::consent::{Answer, Consent, DataKind, Sheets};
use kinora::remote::RemoteJobState;
use kinora::transport::{HttpClient, HttpClientOptions};
use kinora::{Container, GenerationRequest, Model, Output};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use remote::fake::{Fake, HOSTS, Trouble};
use remote::server::Server;
use remote::{Jumping, grant, keys};

/// What a child is to do, where, and with whom: `make` or `resume`, folder, model, address, root.
const CHILD: &str = "KINORA_TEST_CHILD";

/// Not a test of its own: what the killed process runs.
#[test]
fn child() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let [what, folder, model, address, root] =
        order.split('\n').collect::<Vec<_>>().try_into().unwrap();
    let options = HttpClientOptions::default().root_certificate(std::fs::read(root).unwrap());
    let address = address.parse().unwrap();
    let options = HOSTS.iter().fold(options, |o, host| o.resolve(*host, address));
    let client = Arc::new(HttpClient::new(options));
    let remote = remote::remote(Path::new(folder), client, &Jumping::new());
    let studio = common::studio().unwrap().with_remote(remote.clone());
    let output = || Output::bytes(Container::Mp4);
    let told = |result: kinora::Result<kinora::Clip>| match result {
        Ok(_) => println!("outcome: clip"),
        Err(error) => println!("outcome: {}", error.code()),
    };
    if what == "make" {
        let destination = remote.destination(model, None).unwrap();
        let grant = remote.consent().grant(&destination).unwrap();
        let request = GenerationRequest::animate(common::picture(640, 480))
            .prompt("a river")
            .seconds(5.0)
            .model(Model::Remote { model: model.to_owned(), grant })
            .output(output());
        told(studio.generate(request).and_then(|job| job.wait()));
        return;
    }
    for job in remote.jobs().unwrap() {
        if matches!(job.state, RemoteJobState::Sending | RemoteJobState::Sent) {
            told(studio.resume(&job.id, output()).and_then(|job| job.wait()));
        } else {
            println!("outcome: {}", job.error.as_deref().unwrap_or("clip"));
        }
    }
}

fn order(what: &str, folder: &Path, model: &str, server: &Server, root: &Path) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let (folder, root) = (folder.to_str().unwrap(), root.to_str().unwrap());
    let order = [what, folder, model, &server.address.to_string(), root].join("\n");
    child.args(["child", "--exact", "--nocapture"]).env(CHILD, order);
    child.stdout(Stdio::piped()).stderr(Stdio::null());
    child
}

fn outcomes(stdout: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stdout);
    text.lines()
        // The harness writes on the same line.
        .filter_map(|line| line.split_once("outcome: "))
        .map(|(_, outcome)| outcome.trim().to_owned())
        .collect()
}

#[test]
fn a_killed_job_is_gone_on_with_or_reported_and_never_sent_twice() {
    let Some(studio) = common::studio() else { return };
    let clip = remote::clip(studio, common::picture(160, 120));
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..24 {
        let model = ["kling/3.0", "fal/kling-2.5-turbo", "bedrock/luma-ray-2"][round % 3];
        let fake = Fake::new(model, Trouble::None, clip.clone());
        let slow = Arc::clone(&fake);
        let server = Server::start(&HOSTS, &[], move |request| {
            // Time to be killed in, before the answer and after the job was made.
            let answer = slow.answer(request);
            std::thread::sleep(Duration::from_millis(25));
            answer
        });
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root.der");
        std::fs::write(&root, &server.root).unwrap();
        {
            let remote = remote::remote(folder.path(), remote::client(&server), &Jumping::new());
            keys(&remote, model);
            grant(&remote, model);
        }
        let mut child = order("make", folder.path(), model, &server, &root).spawn().unwrap();
        let moment = Duration::from_millis(u64::from(random.next_u32() % 200));
        if round % 4 > 0 {
            // Most are killed from their first request on, however long the start takes here.
            let patience = Instant::now();
            while server.seen().is_empty() && patience.elapsed() < Duration::from_secs(30) {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        std::thread::sleep(moment);
        child.kill().unwrap();
        let first = outcomes(&child.wait_with_output().unwrap().stdout);
        let jobs = fake.jobs();
        let again = order("resume", folder.path(), model, &server, &root).output().unwrap();
        assert!(again.status.success());
        let told = outcomes(&again.stdout);
        assert!(jobs <= 1 && fake.jobs() == jobs, "{model}: {} jobs", fake.jobs());
        let outcome = match (&first[..], &told[..]) {
            // Killed before the record was written: nothing was sent either.
            ([], []) => {
                assert_eq!(jobs, 0, "{model}: a job that nobody knows of");
                "not begun".to_owned()
            }
            (_, [one]) => one.clone(),
            other => panic!("{model}: {other:?}"),
        };
        let known = ["clip", "not begun", "remote.unknown_outcome", "consent.unknown_job"];
        assert!(known.contains(&outcome.as_str()), "{model}: {outcome}");
        // Who can look for a job finds it.
        if jobs == 1 && model != "fal/kling-2.5-turbo" {
            assert_eq!(outcome, "clip", "{model}");
        }
        *seen.entry(outcome).or_default() += 1;
    }
    println!("24 kills: {seen:?}");
    assert!(seen.get("clip").is_some_and(|count| *count >= 5), "{seen:?}");
}

const KINDS: [DataKind; 2] = [DataKind::Photo, DataKind::Prompt];

/// Reads a ledger that may be damaged, and says how its one consent stands, or the error's code.
fn standing(folder: &Path) -> &'static str {
    let opened = Consent::open(folder, Sheets::shipped().unwrap(), Arc::new(Jumping::new()));
    let consent = match opened {
        Ok(consent) => consent,
        Err(error) => return error.code(),
    };
    let destination = consent.sheets().destination("fal", "luma", None).unwrap();
    // Exports must work on whatever there is.
    consent.export_json().unwrap();
    consent.export_text().unwrap();
    consent.state(&destination).map_or_else(|error| error.code(), |state| state.name())
}

#[test]
fn a_ledger_that_is_cut_or_flipped_gives_no_consent_back() {
    let folder = tempfile::tempdir_in(quick_folder()).unwrap();
    {
        let clock = Arc::new(Jumping::new());
        let consent = Consent::open(folder.path(), Sheets::shipped().unwrap(), clock).unwrap();
        let destination = consent.sheets().destination("fal", "luma", None).unwrap();
        let question = consent.ask(&destination, &KINDS).unwrap();
        consent.answer(question, Answer::yes()).unwrap().unwrap();
        consent.withdraw(&destination).unwrap();
    }
    assert_eq!(standing(folder.path()), "withdrawn");
    let (lines, head) = (folder.path().join("ledger"), folder.path().join("ledger.head"));
    let whole = (std::fs::read(&lines).unwrap(), std::fs::read(&head).unwrap());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut check = |lines_now: &[u8], head_now: &[u8], what: &str| {
        std::fs::write(&lines, lines_now).unwrap();
        std::fs::write(&head, head_now).unwrap();
        let standing = standing(folder.path());
        // Whatever happens to the files, the consent that was taken back does not come back.
        assert!(standing != "given", "{what}");
        *seen.entry(standing).or_default() += 1;
    };
    for length in 0..=whole.0.len() {
        check(&whole.0[..length], &whole.1, "lines cut");
    }
    for length in 0..=whole.1.len() {
        check(&whole.0, &whole.1[..length], "head cut");
    }
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for _ in 0..flips() {
        let (mut lines, mut head) = whole.clone();
        let at = random.next_u32() as usize % (8 * (lines.len() + head.len()));
        let bit = 1 << (at % 8);
        match at / 8 {
            at if at < lines.len() => lines[at] ^= bit,
            at => head[at - lines.len()] ^= bit,
        }
        check(&lines, &head, "bit flipped");
    }
    println!("{seen:?}");
}

/// How many random bit flips are tried, of each file.
fn flips() -> usize {
    std::env::var("KINORA_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

fn quick_folder() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() }
}
