use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Steps that run one after another, each timed; one that fails does not stop the next.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    took: Duration,
    counts: Counts,
    /// The command's own word, which also covers what never came to be counted.
    succeeded: bool,
}

/// Tests that passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// Reads the counts out of one line of a test program's output, where it holds any.
pub(crate) type Count = fn(&str) -> Option<Counts>;

impl Steps {
    /// Runs `command`, shows what it writes and counts its tests with `count`.
    pub(crate) fn run(&mut self, name: &'static str, command: &mut Command, count: Count) {
        eprintln!("xtask: {name}");
        let start = Instant::now();
        let (succeeded, counts) = match watch(command, count) {
            Ok(seen) => seen,
            Err(error) => {
                eprintln!("xtask: {name} did not start: {error}");
                (false, Counts::default())
            }
        };
        self.done.push(Step { name, took: start.elapsed(), counts, succeeded });
    }

    /// Runs a command whose preparation may have failed, which then is the step's failure.
    pub(crate) fn prepared(
        &mut self,
        name: &'static str,
        command: Result<Command, Failure>,
        count: Count,
    ) {
        match command {
            Ok(mut command) => self.run(name, &mut command, count),
            Err(failure) => {
                eprintln!("xtask: {name}: {failure}");
                let (took, counts) = (Duration::ZERO, Counts::default());
                self.done.push(Step { name, took, counts, succeeded: false });
            }
        }
    }

    /// Says how long each step took, and how many tests passed and failed in all.
    pub(crate) fn close(self) -> Result<(), Failure> {
        for step in &self.done {
            let word = if step.succeeded { "passed" } else { "FAILED" };
            println!("{:>7.1} s  {word}  {}", step.took.as_secs_f64(), step.name);
        }
        let passed: u64 = self.done.iter().map(|step| step.counts.passed).sum();
        let failed: u64 = self.done.iter().map(|step| step.counts.failed).sum();
        let broken: Vec<_> =
            self.done.iter().filter(|step| !step.succeeded).map(|step| step.name).collect();
        if broken.is_empty() && failed == 0 {
            println!("{passed} passed, 0 failed");
            return Ok(());
        }
        // A step that did not build ran no test, so its silence must not read as success.
        Err(Failure::new(format!(
            "{passed} passed, {failed} failed; steps that failed: {}",
            broken.join(", ")
        )))
    }
}

fn watch(command: &mut Command, count: Count) -> std::io::Result<(bool, Counts)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut counts = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        let mut ours = std::io::stdout().lock();
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            ours.write_all(&line)?;
            ours.write_all(b"\n")?;
            if let Some(more) = count(&String::from_utf8_lossy(&line)) {
                counts.passed += more.passed;
                counts.failed += more.failed;
            }
        }
    }
    Ok((child.wait()?.success(), counts))
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; …`, the closing line of a Rust test program.
pub(crate) fn count_rust(line: &str) -> Option<Counts> {
    let words: Vec<&str> = line.strip_prefix("test result: ")?.split_whitespace().collect();
    let before = |word: &str| {
        let at = words.iter().position(|found| *found == word)?;
        words.get(at.checked_sub(1)?)?.parse().ok()
    };
    Some(Counts { passed: before("passed;")?, failed: before("failed;")? })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Counts, Steps, count_rust};

    #[test]
    fn counts_a_rust_summary() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(count_rust(line), Some(Counts { passed: 12, failed: 3 }));
        assert_eq!(count_rust("test something ... ok"), None);
    }

    #[test]
    fn a_step_that_never_ran_is_a_failure() {
        let mut steps = Steps::default();
        steps.run("absent", &mut Command::new("no-such-program-here"), count_rust);
        assert!(steps.close().unwrap_err().to_string().contains("absent"));
    }
}
