use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use crate::bindings::{self, Language};
use crate::failure::Failure;
use crate::place::Place;
use crate::steps::{Counts, Steps};
use crate::system::{self, on_path, quietly};
use crate::{prove, runtime};

/// Debian's release whose Swift is taken, and what the package and its proof need beside it.
const RELEASE: &str = "trixie";
const PACKAGES: &[&str] = &["swiftlang", "libc6-dev", "libstdc++-14-dev", "strace"];
/// Written last: a chroot without it is half made.
const READY: &str = "kinora-ready";

/// Enters the chroot with everything in its place, in a mount namespace of its own, so that nothing
/// stays mounted whatever happens. Arguments: the chroot, the folder to start in, then folders to
/// bind at their own paths up to `--`, then the command.
const ENTER: &str = r#"
set -eu
root=$1 start=$2
shift 2
while [ "$1" != -- ]; do
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    shift
done
shift
mount -t proc proc "$root/proc"
exec chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$start" "$@"
"#;

/// The Swift package's tests. Where Swift cannot be had they are skipped by name, or fail when they
/// are required.
pub(crate) fn test(place: &Place, library: &Path, require: bool, steps: &mut Steps) {
    const NAME: &str = "swift: the package";
    match Toolchain::find(place) {
        Ok(toolchain) => {
            let ours = package(place)
                .and_then(|folder| prepare(place, &toolchain, library, &folder, "swift"));
            steps.prepared(NAME, ours, count_swift);
            probe(place);
            if cfg!(target_os = "linux") {
                let silent = silent(place, &toolchain, library);
                steps.prepared("swift: a job in the traps", silent, prove::count_rungs);
            }
            let sample = place.root.join("examples/ios");
            // SwiftPM does not build its tests anew when the package beside them has another surface.
            _ = fs::remove_dir_all(place.target.join("swift-sample"));
            let sample = prepare(place, &toolchain, library, &sample, "swift-sample");
            steps.prepared("swift: the sample app's logic", sample, count_swift);
        }
        Err(failure) if require => steps.prepared(NAME, Err(failure), count_swift),
        Err(failure) => println!("skipped: Swift ({failure})"),
    }
}

/// Puts the generated sources into the package and gives its folder.
pub(crate) fn package(place: &Place) -> Result<PathBuf, Failure> {
    let made = bindings::sources(place, Language::Swift)?;
    let package = place.root.join("bindings/swift");
    for (from, to) in [
        ("Kinora.swift", "Sources/Kinora/Generated/Kinora.swift"),
        ("KinoraFFI.h", "Sources/KinoraFFI/KinoraFFI.h"),
        ("KinoraFFI.modulemap", "Sources/KinoraFFI/module.modulemap"),
    ] {
        renew(&made.join(from), &package.join(to))?;
    }
    Ok(package)
}

/// The tests of the package in `folder`, built in `scratch` below the target folder.
fn prepare(
    place: &Place,
    toolchain: &Toolchain,
    library: &Path,
    folder: &Path,
    scratch: &str,
) -> Result<Command, Failure> {
    let mut command = tested(place, toolchain, library, folder)?;
    command.args(["swift", "test", "--scratch-path"]).arg(place.target.join(scratch));
    Ok(command)
}

/// A command that starts in `folder` with all that tests of Swift need.
fn tested(
    place: &Place,
    toolchain: &Toolchain,
    library: &Path,
    folder: &Path,
) -> Result<Command, Failure> {
    let binds = [place.root.as_path(), place.target.as_path(), library];
    let data = data(place);
    let mut command = toolchain.command(folder, &binds, data.as_deref())?;
    command
        .env("KINORA_LIBRARY_DIR", place.target.join("release"))
        .env("LD_LIBRARY_PATH", place.target.join("release"))
        .env("DYLD_LIBRARY_PATH", place.target.join("release"))
        .env("KINORA_KEEP_CLIP", kept_clip(place))
        // glibc gives each new thread an arena of its own and keeps it: memory would seem to grow.
        .env("MALLOC_ARENA_MAX", "2")
        .env(runtime::VARIABLE, library);
    if let Some(data) = data {
        command.env("KINORA_DATA", data);
    }
    Ok(command)
}

/// Runs a test in the traps of `kinora prove`, then one that opens a socket, which has to fall.
/// Arguments: the command line, the program of the package's tests.
const SILENT: &str = r#"
"$1" prove --idle 15 -- "$2" KinoraTests.SilentTests/testALocalJob || exit 1
"$1" prove --idle 0 --only kernel -- "$2" KinoraTests.SilentTests/testASocket |
    grep "called for a socket and was ended by SIGSYS" && exit 0
echo "a socket of Swift's was not caught"
exit 1
"#;

/// The package's tests, built by now, as a program in the traps.
fn silent(place: &Place, toolchain: &Toolchain, library: &Path) -> Result<Command, Failure> {
    let mut command = tested(place, toolchain, library, &place.root)?;
    let tests = place.target.join("swift/debug/KinoraPackageTests.xctest");
    command.args(["sh", "-c", SILENT, "sh"]).arg(prove::program(place)?).arg(tests);
    Ok(command)
}

/// Where Swift comes from.
#[derive(Debug)]
enum Toolchain {
    /// On this machine's path.
    Own,
    /// Debian's, in a chroot.
    Chroot(PathBuf),
}

impl Toolchain {
    fn find(place: &Place) -> Result<Self, Failure> {
        let own = Command::new("swift").arg("--version").stderr(Stdio::null()).output();
        if own.is_ok_and(|output| output.status.success()) {
            return Ok(Self::Own);
        }
        if !cfg!(target_os = "linux") {
            return Err(Failure::new("install Xcode or the Swift toolchain"));
        }
        let root = place.target.join("swift-chroot");
        make_chroot(&root)?;
        Ok(Self::Chroot(root))
    }

    /// A command that starts in `start`; its own arguments follow.
    fn command(
        &self,
        start: &Path,
        binds: &[&Path],
        data: Option<&Path>,
    ) -> Result<Command, Failure> {
        let Self::Chroot(root) = self else {
            let mut command = Command::new("env");
            command.current_dir(start);
            return Ok(command);
        };
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]);
        command.arg(root).arg(start);
        for folder in binds.iter().copied().chain(data) {
            // A file is reached through its folder.
            let folder = if folder.is_dir() { Some(folder) } else { folder.parent() };
            command.args(folder);
        }
        command.args(["--", "/usr/bin/env", "HOME=/root", "PATH=/usr/local/bin:/usr/bin:/bin"]);
        Ok(command)
    }
}

/// Makes the chroot once; a half-made one is made anew.
fn make_chroot(root: &Path) -> Result<(), Failure> {
    if root.join(READY).exists() {
        return Ok(());
    }
    let allowed = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", "mount -t tmpfs none /mnt"])
        .stderr(Stdio::null())
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        return Err(Failure::new(
            "a chroot with Debian's Swift needs root and mounts, which this machine does not \
             permit; install Swift instead",
        ));
    }
    if !on_path("debootstrap") {
        system::install(&["debootstrap"])?;
    }
    if root.exists() {
        fs::remove_dir_all(root)
            .map_err(Failure::while_doing(format!("cannot empty {}", root.display())))?;
    }
    eprintln!("xtask: making a chroot with Debian's Swift, about 3.3 GB, once");
    let mut bootstrap = Command::new("debootstrap");
    bootstrap.args(["--variant=minbase", RELEASE]).arg(root).args(mirror());
    if !quietly(&mut bootstrap) {
        return Err(Failure::new("debootstrap did not make the chroot: is Debian reachable?"));
    }
    let mut install = Toolchain::Chroot(root.to_path_buf()).command(Path::new("/"), &[], None)?;
    install.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq"]);
    install.arg("--no-install-recommends").args(PACKAGES);
    if !quietly(&mut install) {
        return Err(Failure::new("apt-get did not install Swift in the chroot"));
    }
    fs::write(root.join(READY), RELEASE)
        .map_err(Failure::while_doing("cannot mark the chroot as ready"))
}

/// The mirror that this machine's own apt uses, where it is a Debian; else debootstrap's default.
fn mirror() -> Option<String> {
    let lists = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    let paths = lists.map(|entry| entry.path()).chain(["/etc/apt/sources.list".into()]);
    paths.filter_map(|path| fs::read_to_string(path).ok()).find_map(|text| mirror_of(&text))
}

/// The first archive of Debian itself in an apt list, in either of its two formats.
fn mirror_of(list: &str) -> Option<String> {
    list.lines().filter(|line| !line.trim_start().starts_with('#')).find_map(|line| {
        let mut words = line.split_whitespace();
        let first = words.next()?;
        (first == "URIs:" || first == "deb").then_some(())?;
        let uri = words.find(|word| word.contains("://"))?;
        uri.trim_end_matches('/').ends_with("/debian").then(|| uri.to_owned())
    })
}

/// The clip that the suite leaves, read by a program that is not ours, where there is one.
fn probe(place: &Place) {
    let clip = kept_clip(place);
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "csv=p=0"]);
    ffprobe.args(["-show_entries", "stream=codec_name,width,height,nb_read_frames"]).arg(&clip);
    match ffprobe.output() {
        Ok(output) if output.status.success() => {
            print!("swift's clip by ffprobe: {}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(_) => println!("swift's clip: ffprobe does not read {}", clip.display()),
        Err(_) => println!("skipped: ffprobe is not installed; the suite checked the boxes"),
    }
}

fn kept_clip(place: &Place) -> PathBuf {
    place.target.join("swift-clip.mp4")
}

fn data(place: &Place) -> Option<PathBuf> {
    let data =
        env::var_os("KINORA_DATA").map_or_else(|| place.root.join("../shared/data"), PathBuf::from);
    data.canonicalize().ok()
}

/// Copies a file where it differs: what did not change must not be built again.
fn renew(from: &Path, to: &Path) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let new = fs::read(from)?;
        if fs::read(to).is_ok_and(|old| old == new) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(to, new)
    };
    write().map_err(Failure::while_doing(format!("cannot write {}", to.display())))
}

/// `Executed 19 tests, with 0 failures (0 unexpected) in 12.3 seconds`: XCTest says it for each
/// class, for the bundle and for all; only the last stands below `Test Suite 'All tests'`.
fn count_swift(line: &str) -> Option<Counts> {
    use std::sync::atomic::{AtomicBool, Ordering};

    static ALL: AtomicBool = AtomicBool::new(false);
    if line.starts_with("Test Suite ") {
        let all = line.contains("'All tests'") || line.contains("'Selected tests'");
        ALL.store(all && !line.contains(" started"), Ordering::Relaxed);
        return None;
    }
    let counts = executed(line)?;
    ALL.swap(false, Ordering::Relaxed).then_some(counts)
}

fn executed(line: &str) -> Option<Counts> {
    let (run, rest) = line.trim_start().strip_prefix("Executed ")?.split_once(" test")?;
    let failures = rest.split_once("with ")?.1;
    // "with 1 test skipped and 2 failures": skipped ones did not pass.
    let (skipped, failures) = match failures.split_once(" skipped and ") {
        Some((skipped, failures)) => (skipped.split(' ').next()?.parse().ok()?, failures),
        None => (0u64, failures),
    };
    let failed: u64 = failures.split(' ').next()?.parse().ok()?;
    let run: u64 = run.parse().ok()?;
    Some(Counts { passed: run.saturating_sub(failed + skipped), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_tests_once() {
        let log = "Test Suite 'All tests' started at 12:00\n\
            Test Suite 'HostTests' started at 12:00\n\
            Test Suite 'HostTests' passed at 12:00\n\
            \t Executed 7 tests, with 0 failures (0 unexpected) in 1.2 (1.2) seconds\n\
            Test Suite 'All tests' passed at 12:00\n\
            \t Executed 19 tests, with 1 test skipped and 2 failures (0 unexpected) in 9 seconds";
        let counts: Vec<_> = log.lines().filter_map(count_swift).collect();
        assert_eq!(counts, [Counts { passed: 16, failed: 2 }]);
    }

    #[test]
    fn finds_the_machines_own_mirror() {
        let deb822 = "# a comment\nTypes: deb\nURIs: http://mirror.test/debian\nSuites: x";
        assert_eq!(mirror_of(deb822).as_deref(), Some("http://mirror.test/debian"));
        let one_line = "deb [signed-by=/k] https://mirror.test/debian/ x main";
        assert_eq!(mirror_of(one_line).as_deref(), Some("https://mirror.test/debian/"));
        assert_eq!(mirror_of("deb http://mirror.test/ubuntu x main"), None);
    }
}
