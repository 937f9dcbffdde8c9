//! `bench`: the criterion benches, then Kinora beside other programs, as ratios with limits.

mod entries;
mod figures;
mod peers;

use std::fmt;
use std::fs;
use std::path::Path;

use crate::demo;
use crate::failure::Failure;
use crate::place::Place;
use crate::runtime;

use entries::{ENTRIES, Entry, Limit, Source};
use figures::Figures;

/// Criterion's settings: enough for a ratio with two digits, quick enough to be run often.
const QUICK: &[&str] = &["--quick", "--noplot"];

/// Runs everything and prints one row per entry; fails when a limit does not hold.
pub(crate) fn bench(place: &Place) -> Result<(), Failure> {
    let library = runtime::set_up(place)?;
    demo::build(place)?;
    let mut figures = Figures::default();
    for name in benches(&place.root.join("benches"))? {
        eprintln!("xtask: bench {name}");
        let mut cargo = place.cargo("bench");
        cargo
            .args(["--package", "kinora", "--features", "cli,uniffi", "--bench", &name, "--"])
            .args(QUICK)
            .env(runtime::VARIABLE, &library);
        figures.read_output(&name, &mut cargo);
    }
    figures.read_criterion(&place.target.join("criterion"));
    peers::run(place, &library, &mut figures);
    print_table(&figures)
}

/// The benches are named one by one: bare `cargo bench` would hand criterion's arguments to the
/// unit tests too, which do not know them.
fn benches(folder: &Path) -> Result<Vec<String>, Failure> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(Failure::while_doing("cannot list benches/"))?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(stem.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn print_table(figures: &Figures) -> Result<(), Failure> {
    println!("\n{:<46} {:>10} {:>10}", "what", "figure", "limit");
    let mut broken = Vec::new();
    let mut missing = Vec::new();
    for entry in ENTRIES {
        let value = entry.value(figures);
        let (figure, word) = match value {
            Some(value) if entry.limit.holds(value) => (format!("{value:.3}"), ""),
            Some(value) => {
                broken.push(entry.name);
                (format!("{value:.3}"), "  BROKEN")
            }
            None => {
                missing.push(entry.name);
                ("missing".to_owned(), "")
            }
        };
        println!("{:<46} {figure:>10} {:>10}{word}", entry.name, entry.limit.to_string());
    }
    for problem in &figures.problems {
        println!("not measured: {problem}");
    }
    if !broken.is_empty() {
        return Err(Failure::new(format!("limits that do not hold: {}", broken.join(", "))));
    }
    println!("{} within limits, {} missing", ENTRIES.len() - missing.len(), missing.len());
    Ok(())
}

impl Limit {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
        }
    }
}

impl Entry {
    fn value(&self, figures: &Figures) -> Option<f64> {
        let one = |source: &Source| figures.get(source.key());
        match &self.over {
            Some(peer) => Some(one(&self.figure)? / one(peer)?),
            None => one(&self.figure),
        }
    }
}
