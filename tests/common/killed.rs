//! A child process that makes clips and is stopped at a moment of its job's.

#![allow(dead_code, reason = "each test file links its own copy and uses its own part")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use kinora::studio::Stage;
use kinora::{GenerationRequest, Output};

/// What a child is to do: the folder of its clip.
const ORDER: &str = "KINORA_TEST_ORDER";

/// The body of the test `child`, which each file with children has: makes a clip where it is told
/// to, and says how far it is, a line at a time.
pub(crate) fn child() {
    let Some(path) = std::env::var_os(ORDER).map(PathBuf::from) else { return };
    let studio = crate::common::open_studio().expect("the parent has looked");
    let photo = crate::common::astronaut().unwrap_or_else(|| crate::common::picture(512, 512));
    let job = studio.generate(request(photo, output(&path))).unwrap();
    while !job.is_finished() {
        if let Some(progress) = job.next_progress(Duration::from_millis(20)) {
            println!("at {:?} {}/{}", progress.stage, progress.step, progress.of);
        }
    }
    match job.wait() {
        Ok(_) => println!("outcome clip"),
        Err(error) => println!("outcome {}", error.code()),
    }
}

/// A clip that takes a while and is written to the disk as it grows.
pub(crate) fn request(photo: kinora::Photo, output: Output) -> GenerationRequest {
    GenerationRequest::animate(photo).size(320).seconds(3.0).output(output)
}

/// A clip by its name; one without extension is a folder of PNG files.
pub(crate) fn output(path: &Path) -> Output {
    match path.extension() {
        Some(_) => Output::from_path(path).unwrap(),
        None => Output::png_folder(path),
    }
}

/// A process at work on the clip of that name.
pub(crate) struct Worker {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// `shell` may set limits first; it ends with `exec "$@"`.
    pub(crate) fn start(path: &Path, shell: Option<&str>) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = match shell {
            Some(script) => {
                let mut command = Command::new("sh");
                command.args(["-c", script, "sh"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(["child", "--exact", "--nocapture", "--test-threads=1"]).env(ORDER, path);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Waits until the job is so far; false where it ended before.
    pub(crate) fn until(&mut self, stage: Stage, step: u32) -> bool {
        let stage = format!("at {stage:?} ");
        for line in self.lines.by_ref().map_while(Result::ok) {
            let at = line.split_once(&stage).and_then(|(_, at)| at.split_once('/'));
            if at.is_some_and(|(now, _)| now.parse::<u32>().is_ok_and(|now| now >= step)) {
                return true;
            }
        }
        false
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// How it ended: `clip`, an error's code, or nothing where the process itself ended.
    pub(crate) fn outcome(mut self) -> Option<String> {
        let mut outcome = None;
        for line in self.lines.by_ref().map_while(Result::ok) {
            if let Some((_, told)) = line.split_once("outcome ") {
                outcome = Some(told.trim().to_owned());
            }
        }
        self.process.wait().unwrap();
        outcome
    }
}

/// What lies in a folder, by name.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether a name is that of something in the making.
pub(crate) fn is_part(name: &str) -> bool {
    name.starts_with(".kinora-") && name.ends_with(".part")
}

/// Makes everything in the making in `folder` look as if it was left two hours ago.
pub(crate) fn age(folder: &Path) {
    let then = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    for name in names(folder).iter().filter(|name| is_part(name)) {
        std::fs::File::open(folder.join(name)).unwrap().set_modified(then).unwrap();
    }
}

/// A clip of a second into `path`, with this process's studio.
pub(crate) fn make(path: &Path) -> kinora::Result<kinora::Clip> {
    let studio = crate::common::studio().expect("looked for before");
    let request = GenerationRequest::animate(crate::common::picture(640, 480)).size(320);
    studio.generate(request.seconds(1.0).fps(12.0).output(output(path)))?.wait()
}

/// Fails unless an MP4 file is whole.
pub(crate) fn assert_whole(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[4..8], b"ftyp");
    // The boxes follow one another to the file's very end, the index and the pictures among them.
    let (mut at, mut seen) = (0, Vec::new());
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        assert!(size >= 8 && at + size <= bytes.len(), "{} is cut", path.display());
        seen.push(bytes[at + 4..at + 8].to_vec());
        at += size;
    }
    assert!(seen.contains(&b"moov".to_vec()) && seen.contains(&b"mdat".to_vec()), "{seen:?}");
}
