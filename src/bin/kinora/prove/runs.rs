//! Programs that are started with an environment of their own and looked at when they end.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::child::Child;

/// Names the only folder that a program may write in.
pub(super) const OUT: &str = "KINORA_PROVE_OUT";
/// Says how many seconds a program waits at its end.
pub(super) const IDLE: &str = "KINORA_PROVE_IDLE";
/// ONNX Runtime's switch for its telemetry.
pub(super) const SILENCE: &str = "ORT_DISABLE_TELEMETRY";

/// What a build server sets. Telemetry clients hold still where they see one of them (the first ten
/// are those that ONNX Runtime 1.31 looks for), so the programs see none.
const BUILD_SERVERS: [&str; 16] = [
    "TF_BUILD",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CIRCLECI",
    "TRAVIS",
    "JENKINS_URL",
    "CODEBUILD_BUILD_ID",
    "BUILDKITE",
    "TEAMCITY_VERSION",
    "APPVEYOR",
    "CI",
    "CONTINUOUS_INTEGRATION",
    "BUILD_ID",
    "BUILD_NUMBER",
    "GITEA_ACTIONS",
    "FORGEJO_ACTIONS",
];
/// Where programs write that were not told where.
const HOMES: [&str; 9] = [
    "HOME",
    "TMPDIR",
    "TEMP",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "KINORA_HOME",
];
/// Beyond the wait: a job on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where all runs lie; removed with it.
#[derive(Debug)]
pub(super) struct Runs {
    folder: TempDir,
    us: PathBuf,
    idle: Duration,
}

/// A program for the traps.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) words: Vec<OsString>,
    /// Whether it may open sockets of AF_UNIX.
    pub(super) unix: bool,
    /// Whether it starts with telemetry put to sleep, as the command line does.
    silenced: bool,
}

/// What is known of a program that has ended.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The folder that it was told to write in.
    pub(super) out: PathBuf,
    /// What it left in the folders that it was not told of.
    pub(super) strays: Vec<PathBuf>,
}

impl Program {
    /// The whole job of a photo, by this program itself.
    pub(super) fn job(runs: &Runs, photo: &Path, silenced: bool) -> Self {
        let mut words = runs.child(Child::Job);
        words.push(photo.into());
        Self { words, unix: false, silenced }
    }

    pub(super) fn other(words: &[OsString], unix: bool) -> Self {
        Self { words: words.to_vec(), unix, silenced: false }
    }

    /// Something that this program does when it is started once more.
    pub(super) fn ours(runs: &Runs, child: Child) -> Self {
        Self { words: runs.child(child), unix: false, silenced: false }
    }
}

impl Runs {
    pub(super) fn new(idle: Duration) -> io::Result<Self> {
        // The real path: what is traced has no links in it.
        let parent = std::env::temp_dir().canonicalize()?;
        let folder = tempfile::Builder::new().prefix("kinora-prove-").tempdir_in(parent)?;
        Ok(Self { folder, us: std::env::current_exe()?, idle })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn idle(&self) -> u64 {
        self.idle.as_secs()
    }

    /// This program as one of its children.
    pub(super) fn child(&self, child: Child) -> Vec<OsString> {
        let words = ["prove", "--child", child.name()].map(OsString::from);
        [self.us.clone().into_os_string()].into_iter().chain(words).collect()
    }

    /// Runs `program` behind the words of `wrapper` in a new folder `name`.
    pub(super) fn run(
        &self,
        name: &str,
        wrapper: &[OsString],
        program: &Program,
    ) -> io::Result<Seen> {
        self.run_with(name, wrapper, program, &[])
    }

    pub(super) fn run_with(
        &self,
        name: &str,
        wrapper: &[OsString],
        program: &Program,
        variables: &[(&str, &OsStr)],
    ) -> io::Result<Seen> {
        let folder = self.folder().join(name);
        let (out, home) = (folder.join("out"), folder.join("home"));
        fs::create_dir_all(&out)?;
        fs::create_dir_all(&home)?;
        let mut words = wrapper.iter().chain(&program.words);
        let first = words.next().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(first);
        command.args(words);
        for variable in BUILD_SERVERS {
            command.env_remove(variable);
        }
        for variable in HOMES {
            command.env(variable, &home);
        }
        command.env_remove(SILENCE).env(OUT, &out).env(IDLE, self.idle.as_secs().to_string());
        if program.silenced {
            command.env(SILENCE, "1");
        }
        command.envs(variables.iter().copied());
        // Files, not pipes: nobody has to read them while it runs.
        let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
        command.stdin(Stdio::null());
        command.stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
        let status = self.wait(command)?;
        let text = |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let mut strays = Vec::new();
        walk(&home, &mut strays)?;
        Ok(Seen { status, stdout: text(stdout)?, stderr: text(stderr)?, out, strays })
    }

    fn wait(&self, mut command: Command) -> io::Result<ExitStatus> {
        let mut child = command.spawn()?;
        let end = Instant::now() + self.idle + PATIENCE;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > end {
                child.kill()?;
                return child.wait();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Seen {
    /// The program's end as a sentence: what it said last, or which signal ended it.
    pub(super) fn ended(&self) -> String {
        let said = self.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word");
        format!("{}: {said}", self.status)
    }

    /// Whether the system ended it for a call that it must not make.
    #[cfg(target_os = "linux")]
    pub(super) fn was_trapped(&self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.status.signal() == Some(libc::SIGSYS)
    }

    /// Why the run is no success, if it is none.
    pub(super) fn problem(&self) -> Option<String> {
        if !self.status.success() {
            return Some(format!("the program ended with {}", self.ended()));
        }
        let first = self.strays.first()?;
        let count = self.strays.len();
        Some(format!("{count} files outside of the given folder, among them {}", first.display()))
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            walk(&path, found)?;
        }
        found.push(path);
    }
    Ok(())
}
