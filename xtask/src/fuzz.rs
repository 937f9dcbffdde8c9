use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, succeed};
use crate::place::Place;
use crate::system::on_path;

const USAGE: &str = "cargo xtask fuzz [TARGET] [--runs N] [--build]";
/// What another version would be is another program.
const CARGO_FUZZ: &str = "0.13.2";
/// Executions of each target unless `--runs` says otherwise.
const RUNS: u64 = 1_000_000;
/// Seconds for one input, and megabytes for the process: more is a finding.
const PATIENCE: &str = "10";
const MEMORY: &str = "2048";

/// A target of fuzz/fuzz_targets, by its name.
struct Target {
    name: &'static str,
    /// Bytes of the longest input that is made up.
    longest: u32,
    /// Where further seeds lie: below the test data, or below the repository.
    seeds: &'static [Seeds],
    /// Of how many executions one is made: more than one where each draws whole pictures.
    one_of: u64,
}

enum Seeds {
    Data(&'static str),
    Own(&'static str),
}

const TARGETS: [Target; 16] = [
    Target { name: "curves", longest: 3_000, seeds: &[], one_of: 1 },
    Target { name: "detector", longest: 3_600, seeds: &[], one_of: 1 },
    Target { name: "film", longest: 4_096, seeds: &[], one_of: 1 },
    Target { name: "ledger", longest: 4_096, seeds: &[], one_of: 1 },
    Target { name: "marks", longest: 4_096, seeds: &[], one_of: 1 },
    Target { name: "motion", longest: 4_096, seeds: &[], one_of: 10 },
    Target { name: "pack", longest: 12_288, seeds: &[], one_of: 1 },
    Target { name: "photo", longest: 16_384, seeds: &[Seeds::Data("bad")], one_of: 1 },
    Target { name: "points", longest: 420, seeds: &[], one_of: 1 },
    Target { name: "profile", longest: 4_096, seeds: &[], one_of: 1 },
    Target { name: "prompt", longest: 4_096, seeds: &[], one_of: 1 },
    Target { name: "reply", longest: 2_048, seeds: &[], one_of: 1 },
    Target {
        name: "tables",
        longest: 9_000,
        seeds: &[Seeds::Own("src/remote/models.json"), Seeds::Own("src/consent/sheets.json")],
        one_of: 1,
    },
    Target { name: "tiff", longest: 16_384, seeds: &[Seeds::Data("bad")], one_of: 1 },
    Target { name: "vault", longest: 2_048, seeds: &[], one_of: 1 },
    Target { name: "video", longest: 8_192, seeds: &[], one_of: 1 },
];

/// `fuzz`: the targets of fuzz/, built with libFuzzer and AddressSanitizer, one after another.
pub(crate) fn fuzz(place: &Place, args: &[String]) -> Result<(), Failure> {
    let asked = asked(args)?;
    let build = place.target.join("fuzz");
    let mut cargo = cargo_fuzz(place, "build")?;
    cargo.arg("--target-dir").arg(&build).args(asked.only);
    succeed(&mut cargo, "the fuzz targets did not build")?;
    if asked.build {
        return Ok(());
    }
    let mut found = Vec::new();
    for target in TARGETS.iter().filter(|target| asked.only.is_none_or(|only| only == target.name))
    {
        let told = run(place, &build, target, asked.runs)?;
        let word = if told.found { "FOUND SOMETHING" } else { "ok" };
        println!(
            "{:<9} {:>9} executions, {} edges covered, {} features, {} inputs kept  {word}",
            target.name, told.runs, told.edges, told.features, told.kept
        );
        if told.found {
            found.push(target.name);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let folder = build.join("artifacts");
    Err(Failure::new(format!("{}: see {}", found.join(", "), folder.display())))
}

struct Asked<'a> {
    only: Option<&'a str>,
    runs: u64,
    build: bool,
}

fn asked(args: &[String]) -> Result<Asked<'_>, Failure> {
    let mut asked = Asked { only: None, runs: RUNS, build: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--build" => asked.build = true,
            "--runs" => {
                let number = args.next().and_then(|text| text.replace('_', "").parse().ok());
                asked.runs = number.ok_or_else(|| Failure::new(USAGE))?;
            }
            name if TARGETS.iter().any(|target| target.name == name) => asked.only = Some(name),
            other => {
                let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                let names = names.join(", ");
                return Err(Failure::new(format!("{USAGE}\n{other} is none of {names}")));
            }
        }
    }
    Ok(asked)
}

/// A cargo-fuzz command about fuzz/; the program is installed where there is none.
fn cargo_fuzz(place: &Place, subcommand: &str) -> Result<Command, Failure> {
    let tools = place.target.join("tools");
    let program = tools.join("bin").join("cargo-fuzz");
    let program = if on_path("cargo-fuzz") { PathBuf::from("cargo-fuzz") } else { program };
    if program.is_absolute() && !program.is_file() {
        let mut install = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        install.args(["install", "cargo-fuzz", "--quiet", "--locked", "--version", CARGO_FUZZ]);
        install.arg("--root").arg(&tools).env("CARGO_TARGET_DIR", tools.join("build"));
        succeed(&mut install, "cargo-fuzz was not installed")?;
    }
    let mut command = Command::new(program);
    command.arg("fuzz").arg(subcommand).arg("--fuzz-dir").arg(place.root.join("fuzz"));
    // The sanitizer is a flag that the stable compiler has and keeps locked.
    command.env("RUSTC_BOOTSTRAP", "1").current_dir(&place.root);
    Ok(command)
}

/// What libFuzzer says at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    runs: u64,
    edges: u64,
    features: u64,
    kept: u64,
    found: bool,
}

fn run(place: &Place, build: &Path, target: &Target, runs: u64) -> Result<Told, Failure> {
    let Target { name, longest, seeds, one_of } = target;
    let runs = runs.div_ceil(*one_of);
    let make = |path: PathBuf| {
        let failed = Failure::while_doing(format!("cannot make {}", path.display()));
        fs::create_dir_all(&path).map_err(failed).map(|()| path)
    };
    let corpus = make(build.join("corpus").join(name))?;
    let artifacts = make(build.join("artifacts").join(name))?;
    let fuzz = place.root.join("fuzz");
    let mut command = Command::new(program(build, name)?);
    command.arg(&corpus).arg(fuzz.join("seeds").join(name));
    let data =
        env::var_os("KINORA_DATA").map_or_else(|| place.root.join("../shared/data"), PathBuf::from);
    for seeds in *seeds {
        match seeds {
            Seeds::Data(folder) if data.join(folder).is_dir() => {
                command.arg(data.join(folder));
            }
            Seeds::Data(folder) => println!("skipped: {folder} of the test data (KINORA_DATA)"),
            Seeds::Own(file) => {
                let (from, to) = (place.root.join(file), corpus.join(file.replace('/', "-")));
                fs::copy(&from, to)
                    .map_err(Failure::while_doing(format!("cannot copy {}", from.display())))?;
            }
        }
    }
    let dictionary = fuzz.join("dictionaries").join(name);
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command.args([format!("-runs={runs}"), format!("-max_len={longest}")]);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args([format!("-timeout={PATIENCE}"), format!("-rss_limit_mb={MEMORY}")]);
    command.args(["-print_final_stats=1", "-verbosity=1"]);
    // What is fuzzed runs on one thread; a pool beside it only switches back and forth.
    command.env("RAYON_NUM_THREADS", "1").stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(Failure::while_doing(format!("{name} did not start")))?;
    let mut told = Told::default();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            told.read(&line);
            // The log of every new input is for nobody; what was found is.
            if !line.starts_with('#') && !line.starts_with("INFO:") {
                eprintln!("{line}");
            }
        }
    }
    let status = child.wait().map_err(Failure::while_doing(format!("{name} did not end")))?;
    told.found = !status.success();
    Ok(told)
}

/// Where cargo-fuzz has put a target's program: below the triple that it was built for.
fn program(build: &Path, name: &str) -> Result<PathBuf, Failure> {
    let folders = fs::read_dir(build).map_err(Failure::while_doing("nothing was built"))?;
    folders
        .filter_map(|entry| Some(entry.ok()?.path().join("release").join(name)))
        .find(|path| path.is_file())
        .ok_or_else(|| Failure::new(format!("{name} was not built")))
}

impl Told {
    /// `#4096 pulse cov: 812 ft: 1764 corp: 61/2Kb …`, and `stat::number_of_executed_units: 4096`.
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| -> Option<u64> {
            let at = words.iter().position(|found| *found == word)?;
            words.get(at + 1)?.split('/').next()?.parse().ok()
        };
        if let Some(runs) = words.first().and_then(|first| first.strip_prefix('#')?.parse().ok()) {
            self.runs = runs;
        }
        if let Some(runs) = after("stat::number_of_executed_units:") {
            self.runs = runs;
        }
        self.edges = after("cov:").unwrap_or(self.edges);
        self.features = after("ft:").unwrap_or(self.features);
        self.kept = after("corp:").unwrap_or(self.kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzers_lines_are_read() {
        let mut told = Told::default();
        told.read("#2048	REDUCE cov: 85 ft: 130 corp: 9/66b lim: 21 exec/s: 0 rss: 41Mb");
        told.read("#4096	DONE   cov: 86 ft: 131 corp: 10/70b lim: 21 exec/s: 0 rss: 41Mb");
        told.read("Done 4096 runs in 1 second(s)");
        told.read("stat::number_of_executed_units: 4097");
        let wanted = Told { runs: 4097, edges: 86, features: 131, kept: 10, found: false };
        assert_eq!(told, wanted);
    }

    #[test]
    fn every_target_is_listed_and_has_seeds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let mut files: Vec<_> = fs::read_dir(fuzz.join("fuzz_targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_os_string())
            .collect();
        files.sort();
        assert_eq!(files, TARGETS.map(|target| target.name));
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for Target { name, .. } in &TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            let seeds = fuzz.join("seeds").join(name);
            assert!(seeds.is_dir() || *name == "tables", "{name} has no seeds");
        }
    }

    #[test]
    fn what_is_asked_for_is_read() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let words = args("reply --runs 1_000");
        let told = asked(&words).unwrap();
        assert_eq!((told.only, told.runs, told.build), (Some("reply"), 1000, false));
        assert!(asked(&args("replies")).is_err() && asked(&args("--runs many")).is_err());
    }
}
