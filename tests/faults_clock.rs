//! Promise: a calendar that jumps, forwards or back, changes nothing about a job that is running; a
//! consent that has run out meanwhile does.
//!
//! A job on the device asks no calendar at all: it measures with a clock that only runs on.

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

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kinora::{Container, GenerationRequest, Model, Output};
use remote::fake::{Fake, HOSTS, Step, Trouble};
use remote::server::Server;
use remote::{Jumping, client, grant, keys};

const HOUR: i64 = 60 * 60;

/// A job whose provider has the calendar jump by `seconds` at each look of it.
fn job_with_jumps(seconds: i64) -> Result<(), &'static str> {
    const MODEL: &str = "fal/kling-2.5-turbo";
    let studio = common::studio().expect("looked for before");
    let fake = Fake::new(MODEL, Trouble::None, remote::clip(studio, common::picture(160, 120)));
    let clock = Jumping::new();
    let jumps = Arc::new(AtomicU32::new(0));
    let (jumping, count) = (clock.clone(), Arc::clone(&jumps));
    let server = Server::start(&HOSTS, &[], move |request| {
        if fake.step(request) == Step::Poll {
            jumping.set_by(seconds);
            count.fetch_add(1, Ordering::SeqCst);
        }
        fake.answer(request)
    });
    let folder = tempfile::tempdir().unwrap();
    let remote = remote::remote(folder.path(), client(&server), &clock);
    keys(&remote, MODEL);
    let grant = grant(&remote, MODEL);
    let studio = studio.clone().with_remote(remote);
    let request = GenerationRequest::animate(common::picture(640, 480))
        .prompt("a river")
        .seconds(5.0)
        .model(Model::Remote { model: MODEL.to_owned(), grant })
        .output(Output::bytes(Container::Mp4));
    let result = studio.generate(request).and_then(|job| job.wait());
    assert!(jumps.load(Ordering::SeqCst) > 0);
    result.map(drop).map_err(|error| error.code())
}

#[test]
fn a_job_outlasts_a_calendar_that_jumps() {
    if common::studio().is_none() {
        return;
    }
    for seconds in [2 * HOUR, -2 * HOUR, 24 * HOUR, -30 * 24 * HOUR] {
        assert_eq!(job_with_jumps(seconds), Ok(()), "{seconds} s");
    }
}

#[test]
fn a_consent_that_ran_out_meanwhile_ends_it() {
    if common::studio().is_none() {
        return;
    }
    let code = job_with_jumps(10 * 365 * 24 * HOUR).unwrap_err();
    assert!(code.starts_with("consent."), "{code}");
}
