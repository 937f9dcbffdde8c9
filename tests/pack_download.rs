//! Promise: a pack is downloaded when somebody asks for it and never else, goes on where it stopped,
//! and has its name only when it is, to the byte, the file that was asked for.

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
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kinora::pack::{Download, DownloadHost, DownloadProgress};
use kinora::runtime::Cancel;

use shelf::server::{Answer, Server};
use shelf::{HOSTS, Place, Shelf, Told, URL, file, names, options, sha256};

#[test]
fn a_file_comes_whole_and_only_the_request_for_it_is_sent() {
    let wanted = file(0);
    let place = Place::new(Shelf::new(wanted.clone()));
    let told = Told::default();
    let upper = sha256(&wanted).to_uppercase();
    place.download(&upper).run(place.target(), &told, &Cancel::new()).unwrap();
    place.assert_done(&wanted);
    let told = told.0.into_inner();
    let total = wanted.len() as u64;
    assert_eq!((told[0].bytes, told[0].of), (0, Some(total)));
    assert_eq!(told.last().map(|told| (told.bytes, told.of)), Some((total, Some(total))));
    assert!(told.is_sorted_by_key(|told| told.bytes));
    let seen = place.server.seen();
    assert_eq!((seen.len(), seen[0].method.as_str(), seen[0].body.len()), (1, "GET", 0));
    assert_eq!(seen[0].path, "/a.kinora-pack");
    let headers: Vec<_> = seen[0].headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(headers, ["host"]);
    // What is there already is not asked for again.
    place.run(&sha256(&wanted)).unwrap();
    assert_eq!(place.server.seen().len(), 1);
}

#[test]
fn a_cut_connection_is_said_and_the_next_run_goes_on() {
    let wanted = file(0);
    let validators = [
        ("etag", "\"a tag\"".to_owned()),
        ("last-modified", "Thu, 26 Nov 2026 12:00:00 GMT".to_owned()),
    ];
    for validator in validators {
        let mut shelf = Shelf::new(wanted.clone());
        shelf.validator = Some(validator.clone());
        shelf.cuts = vec![(300_000, false), (200_000, false), (0, false)];
        let place = Place::new(shelf);
        fs::write(place.target(), "an older pack").unwrap();
        for so_far in [300_000, 500_000, 500_000] {
            assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.interrupted");
            assert_eq!(fs::read(place.target()).unwrap(), b"an older pack");
            fs::remove_file(place.target()).unwrap();
            assert_eq!(place.part(), so_far);
            fs::write(place.target(), "an older pack").unwrap();
        }
        place.run(&sha256(&wanted)).unwrap();
        place.assert_done(&wanted);
        let from = |from: &str| Some(format!("bytes={from}-"));
        assert_eq!(place.ranges(), [None, from("300000"), from("500000"), from("500000")]);
        for request in &place.server.seen()[1..] {
            assert_eq!(request.header("if-range"), Some(validator.1.as_str()));
        }
    }
}

#[test]
fn a_server_that_gives_no_parts_begins_anew() {
    let wanted = file(0);
    // It ignores the wish; or it names no state of its file, so there is nothing to go on from.
    for (ranges, validator) in [(false, true), (true, false)] {
        let mut shelf = Shelf::new(wanted.clone());
        shelf.ranges = ranges;
        shelf.validator = shelf.validator.filter(|_| validator);
        shelf.cuts = vec![(300_000, false)];
        let place = Place::new(shelf);
        assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.interrupted");
        assert_eq!(place.part(), 300_000);
        place.run(&sha256(&wanted)).unwrap();
        place.assert_done(&wanted);
        assert_eq!(place.ranges()[1].is_some(), validator);
    }
}

#[test]
fn a_file_that_changed_meanwhile_comes_from_its_beginning() {
    let (old, new) = (file(1), file(2));
    let mut shelf = Shelf::new(old);
    shelf.cuts = vec![(300_000, false)];
    let place = Place::new(shelf);
    assert_eq!(place.run(&sha256(&new)).unwrap_err().code(), "download.interrupted");
    *place.shelf.lock().unwrap() = Shelf::new(new.clone());
    place.run(&sha256(&new)).unwrap();
    place.assert_done(&new);
}

/// Servers that answer a wish for the rest with something else than that.
#[test]
fn a_rest_that_does_not_fit_is_not_joined_to_what_is_here() {
    let wanted = file(0);
    type Bad = fn(&[u8]) -> Answer;
    let bad: [Bad; 4] = [
        // Too short a file by now, as one says that has no `If-Range`.
        |_| Answer::With(416, vec![("content-range", "bytes */1000".to_owned())], Vec::new()),
        // Another beginning, another length, no word about either.
        |file| {
            let range = format!("bytes 299999-700000/{}", file.len());
            Answer::With(206, vec![("content-range", range)], file[299_999..].to_vec())
        },
        |file| {
            let range = "bytes 300000-800000/800001".to_owned();
            Answer::With(206, vec![("content-range", range)], file[300_000..].to_vec())
        },
        |file| Answer::With(206, Vec::new(), file[300_000..].to_vec()),
    ];
    for bad in bad {
        let shelf =
            Mutex::new(Shelf { cuts: vec![(300_000, false)], ..Shelf::new(wanted.clone()) });
        let server = Server::start(&HOSTS, &[], move |seen| match seen.header("range") {
            Some(_) => bad(&shelf.lock().unwrap().file),
            None => shelf.lock().unwrap().answer(seen),
        });
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.kinora-pack");
        let download = Download::new(URL, &sha256(&wanted)).unwrap().client(options(&server));
        let run = || download.run(&target, &(), &Cancel::new());
        assert_eq!(run().unwrap_err().code(), "download.interrupted");
        run().unwrap();
        assert!(fs::read(&target).unwrap() == wanted);
        assert_eq!(server.seen().len(), 3);
    }
}

/// One byte of what was here changed between two runs.
#[test]
fn a_spoilt_part_is_found_out() {
    let wanted = file(0);
    let place = Place::new(Shelf { cuts: vec![(300_000, false)], ..Shelf::new(wanted.clone()) });
    assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.interrupted");
    let part = place.folder.path().join("a.kinora-pack.part");
    let mut bytes = fs::read(&part).unwrap();
    bytes[1234] ^= 1;
    fs::write(&part, bytes).unwrap();
    assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.hash");
    assert_eq!(names(place.folder.path()), Vec::<String>::new());
    place.run(&sha256(&wanted)).unwrap();
    place.assert_done(&wanted);
}

/// Killed between the last byte and the name: the notes say that nothing is missing.
#[test]
fn a_part_that_is_whole_needs_no_server() {
    let wanted = file(0);
    let place = Place::new(Shelf { cuts: vec![(300_000, false)], ..Shelf::new(wanted.clone()) });
    assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.interrupted");
    fs::write(place.folder.path().join("a.kinora-pack.part"), &wanted).unwrap();
    place.run(&sha256(&wanted)).unwrap();
    place.assert_done(&wanted);
    assert_eq!(place.server.seen().len(), 1);
}

/// The same, where nobody had said how long the file is: the server has no sequel to it.
#[test]
fn a_server_without_a_sequel_says_that_all_is_here() {
    let wanted = file(0);
    let place = Place::new(Shelf { cuts: vec![(300_000, false)], ..Shelf::new(wanted.clone()) });
    assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.interrupted");
    fs::write(place.folder.path().join("a.kinora-pack.part"), &wanted).unwrap();
    let notes = place.folder.path().join("a.kinora-pack.part.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&notes).unwrap()).unwrap();
    assert_eq!(json["total"].take(), wanted.len());
    fs::write(&notes, json.to_string()).unwrap();
    place.run(&sha256(&wanted)).unwrap();
    place.assert_done(&wanted);
    assert_eq!(place.ranges(), [None, Some(format!("bytes={}-", wanted.len()))]);
}

#[test]
fn a_part_of_another_file_is_not_gone_on_with() {
    let (old, wanted) = (file(1), file(2));
    let place = Place::new(Shelf { cuts: vec![(300_000, false)], ..Shelf::new(wanted.clone()) });
    assert_eq!(place.run(&sha256(&old)).unwrap_err().code(), "download.interrupted");
    place.run(&sha256(&wanted)).unwrap();
    place.assert_done(&wanted);
    assert_eq!(place.ranges(), [None, None]);
}

/// A file without a length before it, to its end.
#[test]
fn a_length_that_nobody_said_is_no_hindrance() {
    let server = Server::start(&HOSTS, &[], |_| Answer::Padded(file(0), 99_992));
    let mut wanted = file(0);
    wanted.extend(100_000u32.to_be_bytes());
    wanted.extend(b"free");
    wanted.extend([0; 99_992]);
    let folder = tempfile::tempdir().unwrap();
    let told = Told::default();
    let download = Download::new(URL, &sha256(&wanted)).unwrap().client(options(&server));
    download.run(folder.path().join("a"), &told, &Cancel::new()).unwrap();
    assert!(fs::read(folder.path().join("a")).unwrap() == wanted);
    let last = *told.0.borrow().last().unwrap();
    assert_eq!((last.bytes, last.of), (wanted.len() as u64, None));
}

/// Says no from some number of bytes on.
struct Metered {
    from: u64,
    seen: AtomicUsize,
}

impl DownloadHost for Metered {
    fn may_go_on(&self) -> bool {
        (self.seen.load(Ordering::SeqCst) as u64) < self.from
    }

    fn progress(&self, progress: DownloadProgress) {
        self.seen.store(progress.bytes as usize, Ordering::SeqCst);
    }
}

#[test]
fn nothing_comes_while_the_host_says_no() {
    let wanted = file(0);
    // The server is silent after a third: the host is asked all the same.
    let place = Place::new(Shelf { cuts: vec![(300_000, true)], ..Shelf::new(wanted.clone()) });
    let run = |from| {
        let host = Metered { from, seen: AtomicUsize::new(0) };
        place.download(&sha256(&wanted)).run(place.target(), &host, &Cancel::new())
    };
    assert_eq!(run(0).unwrap_err().code(), "download.waiting");
    assert_eq!(place.server.seen().len(), 0);
    assert_eq!(names(place.folder.path()), Vec::<String>::new());
    assert_eq!(run(1).unwrap_err().code(), "download.waiting");
    assert!((1..=300_000).contains(&place.part()));
    let so_far = place.part();
    run(u64::MAX).unwrap();
    place.assert_done(&wanted);
    assert_eq!(place.ranges(), [None, Some(format!("bytes={so_far}-"))]);
}

/// Cancels when so many bytes are here.
struct Cancelling<'c>(u64, &'c Cancel);

impl DownloadHost for Cancelling<'_> {
    fn progress(&self, progress: DownloadProgress) {
        if progress.bytes >= self.0 {
            self.1.cancel();
        }
    }
}

#[test]
fn a_cancelled_download_stops_and_another_goes_on() {
    let wanted = file(0);
    let place = Place::new(Shelf { cuts: vec![(300_000, true)], ..Shelf::new(wanted.clone()) });
    let download = place.download(&sha256(&wanted));
    let cancel = Cancel::new();
    cancel.cancel();
    assert_eq!(download.run(place.target(), &(), &cancel).unwrap_err().code(), "cancelled");
    assert_eq!(place.server.seen().len(), 0);
    let cancel = Cancel::new();
    let host = Cancelling(1, &cancel);
    assert_eq!(download.run(place.target(), &host, &cancel).unwrap_err().code(), "cancelled");
    let so_far = place.part();
    assert!((1..=300_000).contains(&so_far));
    // The last byte is here, the sum was not looked at.
    let cancel = Cancel::new();
    let host = Cancelling(wanted.len() as u64, &cancel);
    assert_eq!(download.run(place.target(), &host, &cancel).unwrap_err().code(), "cancelled");
    assert_eq!(place.part(), wanted.len());
    download.run(place.target(), &(), &Cancel::new()).unwrap();
    place.assert_done(&wanted);
    assert_eq!(place.ranges(), [None, Some(format!("bytes={so_far}-"))]);
}

/// While the server is silent nothing else wakes the one who waits.
#[test]
fn a_cancel_does_not_wait_for_a_silent_server() {
    let wanted = file(0);
    let place = Place::new(Shelf { cuts: vec![(300_000, true)], ..Shelf::new(wanted.clone()) });
    let (download, target) = (place.download(&sha256(&wanted)), place.target());
    let cancel = Cancel::new();
    let token = cancel.clone();
    let run = std::thread::spawn(move || download.run(target, &(), &token));
    // Held by that run: no other one takes it.
    let part = place.folder.path().join("a.kinora-pack.part");
    while fs::metadata(&part).map_or(0, |metadata| metadata.len()) < 300_000 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(place.run(&sha256(&wanted)).unwrap_err().code(), "download.busy");
    let clock = std::time::Instant::now();
    cancel.cancel();
    assert_eq!(run.join().unwrap().unwrap_err().code(), "cancelled");
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
    assert_eq!(place.part(), 300_000);
    place.run(&sha256(&wanted)).unwrap();
    place.assert_done(&wanted);
}
