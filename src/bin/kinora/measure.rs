//! `kinora pack measure`: what jobs of a pack take, each size in a process of its own.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use kinora::pack::Pack;
use kinora::runtime::RuntimeOptions;
use kinora::studio::Measured;
use kinora::{ExecutionProvider, Result};
use serde_json::json;

use crate::say;

pub(crate) fn run(folder: &Path, threads: Option<usize>, at: Option<[u32; 3]>) -> Result<ExitCode> {
    if let Some(size) = at {
        // The processor's memory is what is measured.
        let mut options = RuntimeOptions::default().execution_provider(ExecutionProvider::Cpu);
        if let Some(threads) = threads {
            options = options.threads(threads);
        }
        say(json!(Measured::of(folder, &options, size)?));
        return Ok(ExitCode::SUCCESS);
    }
    let pack = Pack::open(folder)?;
    let mut measured = Vec::new();
    for size in Measured::sizes(pack.manifest()) {
        match one(folder, threads, size) {
            Ok(found) => {
                eprintln!("{}", json!(found));
                measured.push(found);
            }
            Err(why) => {
                let [width, height, frames] = size;
                eprintln!("left out: {frames} frames of {width}×{height}: {why}");
            }
        }
    }
    pack.note_estimate(Measured::fit(pack.manifest(), &measured)?)?;
    Ok(ExitCode::SUCCESS)
}

/// One size, in a process that has nothing else in its memory.
fn one(folder: &Path, threads: Option<usize>, size: [u32; 3]) -> Result<Measured, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let [width, height, frames] = size;
    let mut command = Command::new(program);
    command.args(["pack", "measure"]).arg(folder);
    command.args(["--at", &format!("{width}x{height}x{frames}")]).stderr(Stdio::inherit());
    if let Some(threads) = threads {
        command.args(["--threads", &threads.to_string()]);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
