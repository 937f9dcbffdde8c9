//! `train`: the four networks from their data to files that the library opens.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fs};

use crate::failure::Failure;
use crate::place::Place;
use crate::{demo, python, runtime, sample};

const USAGE: &str = "\
cargo xtask train [--quick] [--data DIR] [--out DIR] [--python PROGRAM]

  --quick           ten minutes on a sample of the data: whether the whole chain runs
  --data DIR        the data of models/train/README.md; by default KINORA_DATA
  --out DIR         where the four files go; by default train/ in the build folder
  --python PROGRAM  a Python with models/train/requirements.txt; by default KINORA_PYTHON, else an
                    environment of its own in the build folder is made (PyTorch: several gigabytes)
";

/// One program of models/train, in the order in which they need each other.
struct Stage {
    module: &'static str,
    /// `DATA`, `WORK` and `OUT` stand for the folders; empty where only `--quick` runs it.
    arguments: &'static str,
    /// What `--quick` gives it instead; empty where that leaves it out.
    quick: &'static str,
    /// Planned minutes of one core.
    minutes: f32,
}

impl Stage {
    /// What it is given; nothing: it is left out.
    fn given(&self, quick: bool) -> Vec<&'static str> {
        if quick { self.quick } else { self.arguments }.split_whitespace().collect()
    }
}

const STAGES: &[Stage] = &[
    Stage {
        module: "vision.labels",
        arguments: "--data DATA --work WORK",
        quick: "--data DATA --work WORK",
        minutes: 7.0,
    },
    Stage {
        module: "vision.detector",
        arguments: "--data DATA --work WORK --minutes 90 --compile --out OUT/face_detector.onnx",
        quick: "--data DATA --work WORK --minutes 0.5 --wall 1 --out OUT/face_detector.onnx",
        minutes: 90.0,
    },
    Stage {
        module: "vision.points",
        arguments: "--data DATA --work WORK --minutes 15 --out OUT/face_points.onnx",
        quick: "--data DATA --work WORK --minutes 0.5 --wall 1 --out OUT/face_points.onnx",
        minutes: 15.0,
    },
    Stage {
        module: "vision.perception",
        arguments: "--data DATA --work WORK --minutes 60 --compile --out OUT/perception.onnx",
        quick: "--data DATA --work WORK --minutes 0.5 --wall 1 --out OUT/perception.onnx",
        minutes: 60.0,
    },
    Stage {
        module: "motion.track",
        arguments: "--data DATA --work WORK",
        quick: "--data DATA --work WORK",
        minutes: 1.0,
    },
    Stage {
        module: "motion.real",
        arguments: "--work WORK",
        quick: "--work WORK --count 600",
        minutes: 1.0,
    },
    Stage {
        module: "motion.train",
        arguments: "--compile --minutes 45 --real WORK/real.npz --out OUT/motion.onnx --work WORK",
        quick: "--quick --minutes 1 --real WORK/real.npz --out OUT/motion.onnx --work WORK",
        minutes: 45.0,
    },
    Stage {
        module: "vision.evaluate",
        arguments: "--data DATA --work WORK --models OUT --compare --groups",
        // A detector that learnt for half a minute finds no face whose points could be measured.
        quick: "--data DATA --work WORK --models OUT --only points",
        minutes: 5.0,
    },
    Stage {
        module: "vision.evaluate",
        arguments: "",
        quick: "--data DATA --work WORK --models OUT --only perception",
        minutes: 0.0,
    },
    Stage {
        module: "motion.evaluate",
        arguments: "OUT/motion.onnx --work WORK",
        quick: "OUT/motion.onnx --work WORK --count 4 --steps 4",
        minutes: 3.0,
    },
    Stage {
        module: "motion.likeness",
        arguments: "OUT/motion.onnx --work WORK",
        quick: "",
        minutes: 3.0,
    },
];

/// What `train` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    quick: bool,
    data: Option<PathBuf>,
    out: Option<PathBuf>,
    python: Option<OsString>,
}

impl Options {
    fn read(args: &[String]) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (name, joined) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            let mut value = || {
                joined
                    .clone()
                    .or_else(|| args.next().cloned())
                    .filter(|v| !v.is_empty())
                    .ok_or_else(|| Failure::new(format!("{name} needs a value\n\n{USAGE}")))
            };
            match name {
                "--quick" => options.quick = true,
                "--data" => options.data = Some(value()?.into()),
                "--out" => options.out = Some(value()?.into()),
                "--python" => options.python = Some(value()?.into()),
                _ => return Err(Failure::new(format!("train knows no {arg}\n\n{USAGE}"))),
            }
        }
        Ok(options)
    }
}

pub(crate) fn train(place: &Place, args: &[String]) -> Result<ExitCode, Failure> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::read(args)?;
    let data = data(place, options.data)?;
    let stages: Vec<&Stage> =
        STAGES.iter().filter(|stage| !stage.given(options.quick).is_empty()).collect();
    let (kind, default_out) =
        if options.quick { ("quick", "train-quick") } else { ("full", "train") };
    let out = absolute(&options.out.unwrap_or_else(|| place.target.join(default_out)))?;
    let work = place.target.join(format!("{default_out}-work"));
    if options.quick && work.exists() {
        // What an earlier sample left there would be taken for this one's.
        fs::remove_dir_all(&work)
            .map_err(Failure::while_doing(format!("cannot remove {}", work.display())))?;
    }
    for folder in [&out, &work] {
        fs::create_dir_all(folder)
            .map_err(Failure::while_doing(format!("cannot make {}", folder.display())))?;
    }
    if !options.quick {
        plan(place, &stages)?;
    }
    let python = interpreter(place, options.python)?;
    let data = if options.quick { sample::draw(&data, &work.join("data"))? } else { data };
    println!("{kind} run: data {}, files to {}", data.display(), out.display());

    let start = Instant::now();
    for (number, stage) in stages.iter().enumerate() {
        let clock = Instant::now();
        eprintln!("xtask: {} ({} of {})", stage.module, number + 1, stages.len());
        let arguments = stage.given(options.quick);
        let mut command = Command::new(&python);
        command.current_dir(place.root.join("models/train")).stdin(Stdio::null());
        command.args(["-m", stage.module]);
        command.args(arguments.iter().map(|argument| filled(argument, &data, &work, &out)));
        let status = command.status().map_err(Failure::while_doing("python did not start"))?;
        if !status.success() {
            return Err(Failure::new(format!("{} failed: {status}", stage.module)));
        }
        println!("{:>6.1} min  {}", clock.elapsed().as_secs_f64() / 60.0, stage.module);
    }
    open(place, &data, &out)?;
    println!(
        "{:>6.1} min in all; the files: {}",
        start.elapsed().as_secs_f64() / 60.0,
        out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// What a full run takes and learns from.
fn plan(place: &Place, stages: &[&Stage]) -> Result<(), Failure> {
    println!("planned minutes of one core:");
    for stage in stages {
        println!("{:>6.0}  {}", stage.minutes, stage.module);
    }
    println!("{:>6.0}  in all", stages.iter().map(|stage| stage.minutes).sum::<f32>());
    let readme = place.root.join("models/train/README.md");
    let text = fs::read_to_string(&readme)
        .map_err(Failure::while_doing(format!("cannot read {}", readme.display())))?;
    println!("\ndata, what it is used for, licence:");
    let table = text.lines().skip_while(|line| !line.starts_with("| data |"));
    for line in table.take_while(|line| line.starts_with('|')).skip(2) {
        println!("  {}", line.trim_matches(['|', ' ']));
    }
    println!();
    Ok(())
}

/// The library opens the four files and makes a clip with them: their contract holds.
fn open(place: &Place, data: &Path, out: &Path) -> Result<(), Failure> {
    let library = runtime::set_up(place)?;
    demo::build(place)?;
    let photo = sample::portrait(data)?;
    let clip = out.join("clip.mp4");
    let mut animate = demo::kinora(place, &library);
    animate.arg("animate").arg(&photo).arg("-o").arg(&clip).arg("--models").arg(out);
    animate.args(["--prompt", "first smile, then turn right", "--seconds", "2", "--json"]);
    let status = animate.status().map_err(Failure::while_doing("cargo did not start"))?;
    if !status.success() || !clip.is_file() {
        return Err(Failure::new("the library makes no clip with these files"));
    }
    println!("the library opens them: {}", clip.display());
    Ok(())
}

fn filled(argument: &str, data: &Path, work: &Path, out: &Path) -> OsString {
    let (name, rest) = argument.split_once('/').unwrap_or((argument, ""));
    let folder = match name {
        "DATA" => data,
        "WORK" => work,
        "OUT" => out,
        _ => return argument.into(),
    };
    if rest.is_empty() { folder.into() } else { folder.join(rest).into() }
}

/// The data's folder: named, or where the tests look for it.
fn data(place: &Place, named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let folder = named
        .or_else(|| env::var_os("KINORA_DATA").map(PathBuf::from))
        .unwrap_or_else(|| place.root.join("../shared/data"));
    if folder.join("faces").is_dir() {
        return absolute(&folder);
    }
    Err(Failure::new(format!(
        "{} holds no training data (faces/, photos/, videos/, models/): name its folder with --data; \
         models/train/README.md lists what belongs there",
        folder.display()
    )))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(Failure::while_doing(format!("cannot resolve {}", path.display())))
}

/// A Python that has what models/train needs.
fn interpreter(place: &Place, named: Option<OsString>) -> Result<OsString, Failure> {
    if let Some(python) = named.or_else(|| env::var_os("KINORA_PYTHON")) {
        return Ok(python);
    }
    let requirements = place.root.join("models/train/requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .map_err(Failure::while_doing(format!("cannot read {}", requirements.display())))?;
    let packages: Vec<&str> =
        wanted.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    eprintln!("xtask: an environment for training (PyTorch: several gigabytes, once)");
    Ok(python::environment(&place.target.join("train-python"), &packages)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Options, Failure> {
        Options::read(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        let options = read(&["--quick", "--data=d", "--out", "o", "--python", "p"]).unwrap();
        assert!(options.quick);
        assert_eq!(options.data.unwrap(), Path::new("d"));
        assert_eq!(options.out.unwrap(), Path::new("o"));
        assert_eq!(options.python.unwrap(), "p");
        for wrong in [&["--out"][..], &["--quikc"], &["models"], &["--data="]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_file_of_the_library_is_written_by_one_stage() {
        for file in ["face_detector", "face_points", "perception", "motion"] {
            let path = format!("OUT/{file}.onnx");
            for quick in [false, true] {
                let writes = |stage: &&Stage| {
                    stage.given(quick).windows(2).any(|pair| pair[0] == "--out" && pair[1] == path)
                };
                assert_eq!(STAGES.iter().filter(writes).count(), 1, "{path}, quick {quick}");
            }
        }
    }

    #[test]
    fn every_stage_is_a_program_of_this_repository() {
        let train = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/train");
        for stage in STAGES {
            let file = train.join(stage.module.replace('.', "/")).with_extension("py");
            let program = fs::read_to_string(&file).unwrap();
            for flag in [false, true]
                .iter()
                .flat_map(|quick| stage.given(*quick))
                .filter(|a| a.starts_with("--"))
            {
                assert!(program.contains(&format!("\"{flag}\"")), "{} has no {flag}", stage.module);
            }
        }
    }
}
