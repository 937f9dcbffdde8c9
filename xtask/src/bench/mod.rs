//! `bench`: the criterion benches, then Kinora beside other programs, as ratios with limits.

mod entries;
mod figures;
mod peers;

use std::fs;
use std::path::Path;

use crate::demo;
use crate::failure::Failure;
use crate::place::Place;
use crate::runtime;

use entries::{ENTRIES, Entry, Source};
use figures::Figures;

/// Criterion's settings: enough for a ratio with two digits, quick enough to be run often.
const QUICK: &[&str] = &["--quick", "--noplot"];

/// Runs everything and prints one row per entry; fails when a ratio is over its limit.
pub(crate) fn bench(place: &Place) -> Result<(), Failure> {
    let library = runtime::set_up(place)?;
    demo::build(place)?;
    let mut figures = Figures::default();
    for name in benches(&place.root.join("benches"))? {
        eprintln!("xtask: bench {name}");
        let mut cargo = place.cargo("bench");
        cargo
            .args(["--package", "kinora", "--features", "cli", "--bench", &name, "--"])
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
    let mut over = Vec::new();
    let mut missing = Vec::new();
    for entry in ENTRIES {
        let value = entry.value(figures);
        let (figure, word) = match value {
            Some(value) if value <= entry.limit => (format!("{value:.3}"), ""),
            Some(value) => {
                over.push(entry.name);
                (format!("{value:.3}"), "  OVER")
            }
            None => {
                missing.push(entry.name);
                ("missing".to_owned(), "")
            }
        };
        println!("{:<46} {figure:>10} {:>10.3}{word}", entry.name, entry.limit);
    }
    for problem in &figures.problems {
        println!("not measured: {problem}");
    }
    if !over.is_empty() {
        return Err(Failure::new(format!("over the limit: {}", over.join(", "))));
    }
    println!("{} within limits, {} missing", ENTRIES.len() - missing.len(), missing.len());
    Ok(())
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
