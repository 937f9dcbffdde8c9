//! Promise: what keeps a pack from coming is said by a code of its own, and spoils nothing that was
//! there.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "download")]

#[path = "common/shelf.rs"]
mod shelf;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kinora::pack::{Download, PackStore};
use kinora::runtime::Cancel;
use kinora::transport::HttpClientOptions;

use shelf::server::{Answer, Server};
use shelf::{HOSTS, Place, Shelf, URL, file, names, options, sha256};

#[test]
fn another_file_is_removed_and_what_was_there_stays() {
    let place = Place::new(Shelf::new(file(1)));
    fs::write(place.target(), "an older pack").unwrap();
    let error = place.run(&sha256(&file(2))).unwrap_err();
    assert_eq!(error.code(), "download.hash");
    assert_eq!(names(place.folder.path()), ["a.kinora-pack"]);
    assert_eq!(fs::read(place.target()).unwrap(), b"an older pack");
}

#[test]
fn somebody_elses_file_in_the_place_of_the_part_is_left_alone() {
    let wanted = file(0);
    let place = Place::new(Shelf::new(wanted.clone()));
    let part = place.folder.path().join("a.kinora-pack.part");
    fs::write(&part, "a browser's").unwrap();
    assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.write");
    assert_eq!(fs::read(&part).unwrap(), b"a browser's");
    fs::remove_file(&part).unwrap();
    #[cfg(unix)]
    {
        let elsewhere = place.folder.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &part).unwrap();
        assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.write");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"");
    }
    assert_eq!(place.server.seen().len(), 0);
}

#[test]
fn what_a_server_refuses_is_told_apart_and_leaves_nothing() {
    let cases = [
        (404, "download.not_found"),
        (410, "download.not_found"),
        (403, "download.refused"),
        (304, "download.refused"),
        (206, "download.answer"),
        (416, "download.refused"),
        (429, "download.unavailable"),
        (503, "download.unavailable"),
    ];
    let status = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&status);
    let server = Server::start(&HOSTS, &[], move |_| {
        Answer::With(own.load(Ordering::SeqCst) as u16, Vec::new(), Vec::new())
    });
    let folder = tempfile::tempdir().unwrap();
    let download = Download::new(URL, &sha256(b"")).unwrap().client(options(&server));
    for (code, wanted) in cases {
        status.store(code, Ordering::SeqCst);
        let run = download.run(folder.path().join("a"), &(), &Cancel::new());
        let error = run.unwrap_err();
        assert_eq!(error.code(), wanted, "{code}: {error}");
        assert_eq!(names(folder.path()), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn a_file_that_is_too_large_does_not_come() {
    let wanted = file(0);
    let place = Place::new(Shelf { cuts: vec![(300_000, false)], ..Shelf::new(wanted.clone()) });
    let limited = |bytes| {
        let download = place.download(&sha256(&wanted)).size_limit(bytes);
        download.run(place.target(), &(), &Cancel::new())
    };
    assert_eq!(limited(700_000).unwrap_err().code(), "download.too_large");
    assert_eq!(names(place.folder.path()), Vec::<String>::new());
    // What has come under a higher limit is not thrown away.
    place.shelf.lock().unwrap().cuts = vec![(300_000, false)];
    assert_eq!(limited(700_001).unwrap_err().code(), "download.interrupted");
    assert_eq!(limited(700_000).unwrap_err().code(), "download.too_large");
    assert_eq!(place.part(), 300_000);
    limited(700_001).unwrap();
    place.assert_done(&wanted);

    // Nor does one whose length nobody said.
    let endless = Server::start(&HOSTS, &[], |_| Answer::Endless);
    let download = Download::new(URL, &sha256(&wanted)).unwrap().client(options(&endless));
    let target = place.folder.path().join("b");
    let run = download.size_limit(1 << 20).run(&target, &(), &Cancel::new());
    assert_eq!(run.unwrap_err().code(), "download.too_large");
    assert_eq!(names(place.folder.path()), ["a.kinora-pack"]);
}

#[test]
fn redirects_stay_on_https_and_come_to_an_end() {
    let wanted = file(0);
    let shelf = Mutex::new(Shelf { cuts: vec![(300_000, false)], ..Shelf::new(wanted.clone()) });
    let server = Server::start(&HOSTS, &[], move |seen| {
        let location = match (seen.host.as_str(), seen.path.as_str()) {
            ("packs.example.com", "/newest") => "https://mirror.example.com/v1/newest?key=k",
            ("mirror.example.com", "/v1/newest?key=k") => "a.kinora-pack",
            ("mirror.example.com", "/v1/a.kinora-pack") => {
                return shelf.lock().unwrap().answer(seen);
            }
            (_, "/http") => "http://packs.example.com/a.kinora-pack",
            (_, "/password") => "https://a:b@packs.example.com/a.kinora-pack",
            (_, "/file") => "file:///etc/passwd",
            (_, "/round") => "/round",
            (_, "/nowhere") => return Answer::With(302, Vec::new(), Vec::new()),
            other => panic!("{other:?}"),
        };
        Answer::With(302, vec![("location", location.to_owned())], b"a page".to_vec())
    });
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a");
    let run = |path: &str| {
        let url = format!("https://packs.example.com{path}");
        let download = Download::new(&url, &sha256(&wanted)).unwrap().client(options(&server));
        download.run(&target, &(), &Cancel::new())
    };
    for path in ["/http", "/password", "/file", "/round", "/nowhere"] {
        assert_eq!(run(path).unwrap_err().code(), "download.redirect", "{path}");
        assert_eq!(names(folder.path()), Vec::<String>::new(), "{path}");
    }
    assert_eq!(server.seen().iter().filter(|seen| seen.path == "/round").count(), 6);
    // Through redirects it goes on, too.
    assert_eq!(run("/newest").unwrap_err().code(), "download.interrupted");
    run("/newest").unwrap();
    assert!(fs::read(&target).unwrap() == wanted);
    let seen = server.seen();
    assert_eq!(seen.last().unwrap().header("range"), Some("bytes=300000-"));
    assert!(seen.iter().all(|seen| seen.header("referer").is_none()));
}

#[test]
fn who_cannot_prove_to_be_the_host_gives_nothing() {
    let server = Server::start(&HOSTS, &[HOSTS[0]], |_| panic!("nothing may be asked"));
    let folder = tempfile::tempdir().unwrap();
    let run = |client| {
        let download = Download::new(URL, &sha256(b"")).unwrap().client(client);
        download.run(folder.path().join("a"), &(), &Cancel::new()).unwrap_err().code()
    };
    assert_eq!(run(options(&server)), "download.certificate");
    // Nor one whose root nobody trusts.
    let unknown = HttpClientOptions::default().resolve(HOSTS[0], server.address);
    assert_eq!(run(unknown), "download.certificate");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(run(options(&server).resolve(HOSTS[0], port)), "download.no_connection");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    assert_eq!(server.seen().len(), 0);
}

/// Takes trace lines of everything, on the threads that ask for it.
struct Curious;

thread_local! {
    static CURIOUS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl log::Log for Curious {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        CURIOUS.get()
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

#[test]
fn nothing_is_asked_while_every_byte_would_be_logged() {
    log::set_logger(&Curious).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let wanted = file(0);
    let place = Place::new(Shelf::new(wanted.clone()));
    CURIOUS.set(true);
    assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.withheld");
    assert_eq!(place.server.seen().len(), 0);
    CURIOUS.set(false);
    place.run(&sha256(&wanted)).unwrap();
    place.assert_done(&wanted);
}

#[test]
fn addresses_and_sums_that_make_no_sense_are_refused_at_once() {
    let sum = sha256(b"");
    for url in
        ["", "a.kinora-pack", "http://packs.example.com/a", "file:///a", "https://", "ftp://a/b"]
    {
        assert_eq!(Download::new(url, &sum).unwrap_err().code(), "download.url", "{url}");
    }
    let url = "https://somebody:password@packs.example.com/a";
    assert_eq!(Download::new(url, &sum).unwrap_err().code(), "download.url");
    for sum in ["", "00", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
        assert_eq!(Download::new(URL, sum).unwrap_err().code(), "download.sha256", "{sum}");
    }
    // An address may hold a key.
    let download = Download::new("https://packs.example.com/a?key=CANARY", &sum).unwrap();
    assert!(!format!("{download:?}").contains("CANARY"));
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let place = Place::new(Shelf::new(file(0)));
    let download = place.download(&sha256(&file(0)));
    let run = |target: &Path| download.run(target, &(), &Cancel::new()).unwrap_err().code();
    assert_eq!(run(&place.folder.path().join("no/such/folder/a")), "download.write");
    assert_eq!(run(place.folder.path()), "download.write");
    assert_eq!(run(Path::new("/")), "download.write");
    assert_eq!(place.server.seen().len(), 0);
}

/// A disk of its own, too small for the file; mounting takes root, on Linux.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_what_has_come_and_with_room_again_it_goes_on() {
    use std::process::{Command, Stdio};
    let wanted = file(0);
    let place = Place::new(Shelf::new(wanted.clone()));
    let mount = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).arg(place.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !mount("mount", &["-t", "tmpfs", "-o", "size=400k", "tmpfs"]) {
        eprintln!("skipped: no disk can be mounted here (it takes root)");
        return;
    }
    let full = place.run(&sha256(&wanted)).map_err(|error| error.code());
    let so_far = place.part();
    assert!(mount("mount", &["-o", "remount,ro"]));
    let read_only = place.run(&sha256(&wanted)).map_err(|error| error.code());
    assert!(mount("mount", &["-o", "remount,rw,size=2m"]));
    let roomy = place.run(&sha256(&wanted)).map_err(|error| error.code());
    let there = fs::read(place.target());
    let ranges = place.ranges();
    assert!(mount("umount", &["--lazy"]));
    assert_eq!((full, read_only), (Err("download.disk_full"), Err("download.write")));
    assert!((100_000..400 << 10).contains(&so_far), "{so_far}");
    assert_eq!(roomy, Ok(()));
    assert!(there.unwrap() == wanted);
    assert_eq!(ranges, [None, Some(format!("bytes={so_far}-"))]);
}

/// The licence stands between a download and a pack that can be used: this file has none.
#[test]
fn a_file_that_is_no_pack_comes_and_is_refused_by_the_store() {
    let wanted = file(0);
    let place = Place::new(Shelf::new(wanted.clone()));
    place.run(&sha256(&wanted)).unwrap();
    assert_eq!(PackStore::terms(place.target()).unwrap_err().code(), "pack.archive");
}
