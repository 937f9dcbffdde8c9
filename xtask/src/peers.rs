//! `peers`: packs through the release library beside diffusers and OpenVINO.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::demo::{code_of, status_of, value_of};
use crate::failure::Failure;
use crate::place::Place;
use crate::{python, runtime};

const HELP: &str = "\
cargo xtask peers [--quick] [--rounds N] [--only FAMILY] [--parts LIST]

Makes packs of 100 million parameters with random weights, runs them through the release library
and the same weights through diffusers and OpenVINO, in turns, and writes benches/PEERS.md. An hour
or two on two cores, with nothing else running; several gigabytes for the Python environment, once.

  --quick        two rounds, and no packs of the tests made anew
  --rounds N     rounds of each comparison; 5 by default
  --only FAMILY  wan, svd or ltx alone
  --parts LIST   of steps,w8a8,start,cancel,preflight,tiled,long,noise,tiny only these, in that order

With --only or --parts the report goes to peers-video/ in the build folder instead.
";

/// Beside what the exporter needs; diffusers loads a Wan transformer with accelerate alone.
const PACKAGES: [&str; 2] = ["openvino==2026.4.1", "accelerate==1.15.0"];
const EXAMPLE: &str = "bench_video";
/// Options with a value; those before the last two narrow nothing.
const OPTIONS: [&str; 3] = ["--rounds", "--only", "--parts"];
const NARROWING: [&str; 2] = ["--only", "--parts"];

pub(crate) fn peers(place: &Place, args: &[String]) -> Result<ExitCode, Failure> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    check(args)?;
    let library = runtime::set_up(place)?;
    let python = python(place)?;
    let mut build = place.cargo("build");
    build.args(["--release", "--package", "kinora", "--features", "cli"]);
    build.args(["--bin", "kinora", "--example", EXAMPLE]);
    if !status_of(&mut build)?.success() {
        return Err(Failure::new("the example does not build: see what cargo says above"));
    }

    let out = place.target.join("peers-video");
    fs::create_dir_all(&out)
        .map_err(Failure::while_doing(format!("cannot make {}", out.display())))?;
    let part = NARROWING.iter().any(|name| value_of(args, &[name]).is_some());
    let report = if part { out.join("PEERS.md") } else { place.root.join("benches/PEERS.md") };
    let built = place.target.join("release");
    let program = |name: &str| built.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let mut run = std::process::Command::new(python);
    run.current_dir(place.root.join("models"))
        .args(["-m", "export.peers", "--program"])
        .arg(program(&format!("examples/{EXAMPLE}")))
        .arg("--command-line")
        .arg(program("kinora"))
        .arg("--out")
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .args(args)
        .env(runtime::VARIABLE, library)
        .env("OMP_NUM_THREADS", "2")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let status = status_of(&mut run)?;
    if status.success() {
        println!("{}", report.display());
    }
    Ok(code_of(status))
}

/// What the exporter needs, and the peers beside it.
fn python(place: &Place) -> Result<PathBuf, Failure> {
    let path = place.root.join("models/export/requirements.txt");
    let text = fs::read_to_string(&path)
        .map_err(Failure::while_doing(format!("cannot read {}", path.display())))?;
    let packages: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .chain(PACKAGES)
        .collect();
    python::environment(&place.target.join("export-python"), &packages)
}

/// Refuses what is not understood: hours would pass before it is noticed.
fn check(args: &[String]) -> Result<(), Failure> {
    let mut rest = args.iter().map(String::as_str);
    while let Some(arg) = rest.next() {
        match arg {
            "--quick" => {}
            _ if OPTIONS.contains(&arg) && rest.next().is_some() => {}
            _ if OPTIONS.iter().any(|name| arg.starts_with(&format!("{name}="))) => {}
            other => return Err(Failure::new(format!("{other} is not understood\n\n{HELP}"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn refuses_what_it_does_not_understand() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for good in ["--quick", "--rounds 3 --quick", "--only=ltx --parts steps,start"] {
            assert!(check(&args(good)).is_ok(), "{good}");
        }
        for bad in ["--quikc", "wan", "--quick --rounds"] {
            assert!(check(&args(bad)).is_err(), "{bad}");
        }
    }
}
