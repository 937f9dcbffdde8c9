//! `kinora prove`: shows on this machine that a local job opens no socket and writes nowhere else.
//!
//! The job runs in programs of their own, each in another trap. Beside each trap runs a control: a
//! program that does what the job must not do, and that has to be caught.

mod child;
mod kernel;
mod program;
mod rung;
mod runs;
#[cfg(target_os = "linux")]
mod symbols;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "strace is Linux's"))]
mod trace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::say;
use child::Child;
use rung::Rung;
use runs::Runs;

#[derive(Args)]
pub(crate) struct Prove {
    /// The photo that the job animates; without one, a picture is made up.
    photo: Option<PathBuf>,
    /// Seconds to wait after the job for what might still wake up.
    #[arg(long, default_value_t = 15)]
    idle: u64,
    /// Run only these traps; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Trap>,
    /// Allow sockets that stay on this machine (AF_UNIX), which a JVM opens to ask who runs it.
    #[arg(long, requires = "program")]
    unix: bool,
    /// Another program to put into the traps instead, such as the tests of an app. It is told in
    /// KINORA_PROVE_OUT in which folder it may write, in KINORA_PROVE_IDLE how long to wait at its end.
    #[arg(last = true, conflicts_with = "photo")]
    program: Vec<OsString>,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
    /// What a program does that this one starts.
    #[arg(long, value_enum, hide = true)]
    child: Option<Child>,
}

/// A trap that a program runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trap {
    /// The system ends the program at its first call for a socket.
    Kernel,
    /// The program has a network of its own, in which nobody else is.
    Isolation,
    /// Every call for sockets and for writing is written down.
    Trace,
}

/// Whether this process is one that `kinora prove` started. Those meet the runtime as an app does:
/// `ORT_DISABLE_TELEMETRY` is only what they were started with.
pub(crate) fn is_child() -> bool {
    std::env::var_os(runs::IDLE).is_some()
}

impl Prove {
    pub(crate) fn run(self) -> ExitCode {
        if let Some(child) = self.child {
            return child.run(self.photo.as_deref(), &self.program);
        }
        let (rungs, runtime) = match self.climb() {
            Ok(climbed) => climbed,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        };
        let held = rungs.iter().all(Rung::holds);
        if self.json {
            let rungs: Vec<_> = rungs.iter().map(Rung::json).collect();
            say(json!({
                "kinora": env!("CARGO_PKG_VERSION"),
                "remote_http": cfg!(feature = "remote-http"),
                "download": cfg!(feature = "download"),
                "runtime": runtime,
                "idle_seconds": self.idle,
                "holds": held,
                "rungs": rungs,
            }));
        } else {
            rungs.iter().for_each(Rung::tell);
            let count = |word| rungs.iter().filter(|rung| rung.word() == word).count();
            say(format_args!(
                "\n{} passed, {} failed, {} not run, {} noted",
                count("passed"),
                count("FAILED"),
                count("not run"),
                count("noted")
            ));
        }
        if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// All rungs, and what is known of the runtime where the job is our own.
    fn climb(&self) -> std::io::Result<(Vec<Rung>, serde_json::Value)> {
        let idle = Duration::from_secs(self.idle);
        let runs = Runs::new(idle)?;
        let mut rungs = Vec::new();
        let mut runtime = serde_json::Value::Null;
        let program = if self.program.is_empty() {
            rungs.push(program::client());
            rungs.push(program::symbols());
            let opened = program::runtime(&runs)?;
            runtime = opened.json;
            rungs.push(opened.rung);
            let photo = match &self.photo {
                Some(photo) => photo.clone(),
                None => child::picture(runs.folder())?,
            };
            runs::Program::job(&runs, &photo, opened.silenced)
        } else {
            runs::Program::other(&self.program, self.unix)
        };
        // The traps spend most of their time waiting, so they wait together.
        let wanted = |trap| self.only.is_empty() || self.only.contains(&trap);
        let (runs, program) = (&runs, &program);
        std::thread::scope(|scope| {
            let kernel =
                scope.spawn(move || wanted(Trap::Kernel).then(|| kernel::kernel(runs, program)));
            let isolation = scope
                .spawn(move || wanted(Trap::Isolation).then(|| kernel::isolation(runs, program)));
            let trace = wanted(Trap::Trace).then(|| trace::rungs(runs, program));
            let one = |name, joined: std::thread::Result<Option<Rung>>| {
                joined.unwrap_or_else(|_| Some(Rung::broken(name, "its thread ended early")))
            };
            rungs.extend(one("kernel", kernel.join()));
            rungs.extend(one("isolation", isolation.join()));
            rungs.extend(trace.into_iter().flatten());
        });
        Ok((rungs, runtime))
    }
}
