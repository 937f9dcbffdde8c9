use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::demo::{code_of, status_of, value_of};
use crate::failure::Failure;
use crate::place::Place;
use crate::{python, runtime};

const HELP: &str = "\
cargo xtask quality [--data DIR] [--json] [--quick] [--only 1,3] [--card] [--self-test]

Judges the default model by the seven tests of models/MODEL_CARD.md, on frames that the release
library renders. Exit status 1: a threshold is missed, or a control that must fail passes. The last
line sums up.

  --data DIR    faces/, photos/ and videos/ to judge on (default: KINORA_DATA, ../shared/data, of which
                only what training did not see is used); the judges' models come from KINORA_DATA/models
  --json        figures as one line of JSON on the standard output, the summary on the standard error
  --quick       few faces and clips: two or three minutes, coarser figures
  --only LIST   these tests alone: 1 image gap, 2 prompt, 3 blink, 4 seeds, 5 real, 6 physics, 7 the eye
  --systems LIST  of model,simulator,no motion,training mean,average support only these
  --from LIST   only these folders of DIR/faces (sheets to be published: synthetic,caltech_faces)
  --card        write the figures into models/MODEL_CARD.md also when DIR, the counts or the tests are
                not the default ones (a whole run on the default DIR always does)
  --self-test   only check the judge: synthetic motions that it must recognise
";

/// Options that narrow a run; a card of a part is written only when it is asked for.
const LISTS: [&str; 3] = ["--only", "--systems", "--from"];
/// Where the judge lives, and what it needs.
const JUDGE: &str = "benches/quality";
const RENDERER: &str = "quality_render";

/// `quality`: renders with the release library, judges with independent networks in Python.
pub(crate) fn quality(place: &Place, args: &[String]) -> Result<ExitCode, Failure> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    check(args)?;
    let library = runtime::set_up(place)?;
    let python = python(place)?;
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let kept =
        env::var_os("KINORA_DATA").map_or_else(|| place.root.join("../shared/data"), PathBuf::from);
    let kept = absolute(&kept);
    let judges = kept.join("models");
    if !judges.is_dir() {
        return Err(Failure::new(format!(
            "there is no {}: set KINORA_DATA to a folder whose models/ holds the judges",
            judges.display()
        )));
    }

    // The judge proves its own measuring first: a figure from a broken ruler is worse than none.
    let mut proof = judge(place, &python);
    proof.args(["-m", "unittest", "-q", "judge.test_judge"]).env("KINORA_JUDGES", &judges);
    let proof = status_of(&mut proof)?;
    if !proof.success() || has("--self-test") {
        return Ok(code_of(proof));
    }

    build(place)?;
    let data = value_of(args, &["--data"]).map_or_else(|| kept.clone(), PathBuf::from);
    let data = absolute(&data);
    if !data.is_dir() {
        return Err(Failure::new(format!("there is no folder {}", data.display())));
    }
    let program = format!("{RENDERER}{}", env::consts::EXE_SUFFIX);
    let mut judge = judge(place, &python);
    judge.args(["-m", "judge"]).env(runtime::VARIABLE, &library);
    for (name, path) in [
        ("--renderer", &place.target.join("release/examples").join(program)),
        ("--models", &place.root.join("models")),
        ("--judges", &judges),
        ("--data", &data),
        ("--default-data", &kept),
        ("--work", &place.target.join("quality")),
    ] {
        judge.arg(name).arg(path);
    }
    judge.args(args.iter().filter(|arg| ["--json", "--quick"].contains(&arg.as_str())));
    for name in LISTS {
        if let Some(list) = value_of(args, &[name]) {
            judge.args([name, list]);
        }
    }
    let part = LISTS.iter().any(|name| value_of(args, &[name]).is_some());
    let whole = !has("--quick") && !part;
    if has("--card") || (whole && same(&data, &kept)) {
        judge.arg("--card").arg(place.root.join("models/MODEL_CARD.md"));
    }
    Ok(code_of(status_of(&mut judge)?))
}

/// Refuses what is not understood: a mistyped `--data` must not judge another folder.
fn check(args: &[String]) -> Result<(), Failure> {
    let mut rest = args.iter().map(String::as_str);
    while let Some(arg) = rest.next() {
        match arg {
            "--json" | "--quick" | "--card" | "--self-test" => {}
            "--data" | "--only" | "--systems" | "--from" if rest.next().is_some() => {}
            _ if ["--data=", "--only=", "--systems=", "--from="]
                .iter()
                .any(|name| arg.starts_with(name)) => {}
            other => return Err(Failure::new(format!("{other} is not understood\n\n{HELP}"))),
        }
    }
    Ok(())
}

fn python(place: &Place) -> Result<PathBuf, Failure> {
    let path = place.root.join(JUDGE).join("requirements.txt");
    let text = fs::read_to_string(&path)
        .map_err(Failure::while_doing(format!("cannot read {}", path.display())))?;
    let packages: Vec<&str> =
        text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    python::environment(&place.target.join("quality-python"), &packages)
}

/// The judge's Python, in its own folder, on one thread a network.
fn judge(place: &Place, python: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(place.root.join(JUDGE))
        .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"].map(|name| (name, OsString::from("1"))))
        // TensorFlow Lite and OpenCV tell their set-up otherwise, and would end up in the last line.
        .envs([("TF_CPP_MIN_LOG_LEVEL", "3"), ("OPENCV_LOG_LEVEL", "ERROR")])
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn build(place: &Place) -> Result<(), Failure> {
    let mut build = place.cargo("build");
    build.args(["--release", "--package", "kinora", "--features", "cli", "--example", RENDERER]);
    if status_of(&mut build)?.success() {
        Ok(())
    } else {
        Err(Failure::new("the renderer does not build: see what cargo says above"))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn refuses_what_it_does_not_understand() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for good in ["--json", "--data here --json", "--data=here --only 1,3", "--quick --card"] {
            assert!(check(&args(good)).is_ok(), "{good}");
        }
        for bad in ["--dta here", "--data", "here", "--json --only"] {
            assert!(check(&args(bad)).is_err(), "{bad}");
        }
    }
}
