//! Every call for sockets and for writing, as strace writes them down.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::child::Child;
use super::kernel::not_run;
use super::rung::{Control, Outcome, Rung};
use super::runs::{Program, Runs, Seen};

/// Calls that name files. A question mark: not every processor has it.
const FILES: &str = "?open,openat,?openat2,?creat,?rename,?renameat,renameat2,?mkdir,mkdirat,?rmdir,\
    ?unlink,unlinkat,?link,linkat,?symlink,symlinkat,?truncate,?mknod,mknodat";
/// Opens sockets past all calls that are named after them.
const RING: &str = "io_uring_setup";
/// Where writing leaves nothing: what lies in /proc are a process's own switches.
const NOWHERE: [&str; 3] = ["/dev/null", "/dev/tty", "/proc"];
const NAMES: [&str; 2] = ["calls", "files"];

/// What a program did, as far as it was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Traced {
    /// Calls on sockets, with their arguments.
    network: Vec<String>,
    /// Paths that were made, changed, moved or removed.
    written: BTreeSet<PathBuf>,
}

/// Two rungs from one run: no call on sockets, and no file outside of the given folder.
pub(super) fn rungs(runs: &Runs, program: &Program) -> Vec<Rung> {
    let checked = [
        format!(
            "calls on sockets during a whole job and {} s of rest, counted by strace",
            runs.idle()
        ),
        "paths written, made, moved or removed during the job, listed by strace".to_owned(),
    ];
    let Some(strace) = strace(runs) else {
        let why = "strace is not installed, or may not watch programs here";
        return NAMES.iter().zip(&checked).map(|(n, c)| not_run(n, c, why.to_owned())).collect();
    };
    let control = follow(runs, "stray", &strace, &Program::ours(runs, Child::Stray));
    let controls = match &control {
        Ok((seen, traced)) => [
            caught(!traced.network.is_empty(), traced.network.len(), "of a program that opens UDP"),
            caught(
                // A file, a folder, and the file's place in it.
                outside(traced, &seen.out).len() == 3 && !seen.strays.is_empty(),
                outside(traced, &seen.out).len(),
                "of a program that writes into HOME",
            ),
        ],
        Err(error) => [Control::NotRun(error.to_string()), Control::NotRun(error.to_string())],
    };
    let outcomes = match follow(runs, "trace", &strace, program) {
        Err(error) => [Outcome::Failed(error.to_string()), Outcome::Failed(error.to_string())],
        Ok((seen, traced)) => match seen.problem() {
            Some(problem) => [Outcome::Failed(problem.clone()), Outcome::Failed(problem)],
            None => [calls(&traced, program.unix), files(&traced, &seen.out)],
        },
    };
    let parts = NAMES.into_iter().zip(checked).zip(outcomes).zip(controls);
    parts
        .map(|(((name, checked), outcome), control)| Rung { name, checked, outcome, control })
        .collect()
}

fn caught(caught: bool, count: usize, what: &str) -> Control {
    let found = format!("counted {count} {what}");
    if caught { Control::Caught(found) } else { Control::Missed(found) }
}

fn calls(traced: &Traced, unix: bool) -> Outcome {
    let allowed = |call: &&String| unix && is_local(call);
    let (local, network): (Vec<_>, Vec<_>) = traced.network.iter().partition(allowed);
    match (network.first(), local.len()) {
        (Some(first), _) => Outcome::Failed(format!("{} calls, the first: {first}", network.len())),
        (None, 0) => Outcome::Passed("0 calls".to_owned()),
        (None, n) => {
            Outcome::Passed(format!("0 calls beside {n} on sockets of AF_UNIX, as allowed"))
        }
    }
}

/// Whether a call is about AF_UNIX alone. Many name no family: they need a socket that was opened.
fn is_local(call: &str) -> bool {
    let mut families = call.match_indices("AF_");
    !call.starts_with(RING) && families.all(|(at, _)| call[at..].starts_with("AF_UNIX"))
}

fn files(traced: &Traced, out: &Path) -> Outcome {
    let outside = outside(traced, out);
    match outside.first() {
        Some(first) => {
            let count = outside.len();
            Outcome::Failed(format!(
                "{count} outside of the given folder, the first: {}",
                first.display()
            ))
        }
        None => {
            let count = traced.written.len();
            Outcome::Passed(format!(
                "{count} paths, all in the given folder; HOME and TMPDIR untouched"
            ))
        }
    }
}

fn outside<'t>(traced: &'t Traced, out: &Path) -> Vec<&'t PathBuf> {
    let nowhere = |path: &Path| NOWHERE.iter().any(|other| path.starts_with(other));
    traced.written.iter().filter(|path| !path.starts_with(out) && !nowhere(path)).collect()
}

/// The words of an strace that works here. Where it knows how, it stops the program only at the
/// calls that it is asked for.
fn strace(runs: &Runs) -> Option<Vec<OsString>> {
    let watched = format!("trace=%network,{FILES},{RING}");
    let common = ["-ff", "-qq", "-y", "-s", "4096", "-e", "signal=none", "-e", &watched];
    let nothing = Program::other(&["true".into()], false);
    [&["strace", "--seccomp-bpf"][..], &["strace"]].into_iter().find_map(|start| {
        let words: Vec<OsString> = start.iter().chain(&common).map(OsString::from).collect();
        follow(runs, "strace-probe", &words, &nothing)
            .is_ok_and(|(seen, _)| seen.status.success())
            .then_some(words)
    })
}

fn follow(
    runs: &Runs,
    name: &str,
    strace: &[OsString],
    program: &Program,
) -> io::Result<(Seen, Traced)> {
    // One file a thread, so that no line is cut by another's.
    let folder = runs.folder().join(format!("{name}-threads"));
    fs::create_dir_all(&folder)?;
    let mut wrapper = strace.to_vec();
    wrapper.extend(["-o".into(), folder.join("thread").into_os_string(), "--".into()]);
    let seen = runs.run(name, &wrapper, program)?;
    let start = std::env::current_dir()?;
    let mut traced = Traced::default();
    let mut threads = 0;
    for entry in fs::read_dir(&folder)? {
        threads += 1;
        let bytes = fs::read(entry?.path())?;
        String::from_utf8_lossy(&bytes).lines().for_each(|line| traced.read(line, &start));
    }
    // Were nothing written down at all, nothing would be found in it.
    if threads == 0 {
        return Err(io::Error::other(format!("strace wrote nothing down: {}", seen.ended())));
    }
    Ok((seen, traced))
}

impl Traced {
    /// One line, such as `openat(AT_FDCWD</here>, "a", O_WRONLY|O_CREAT, 0666) = 3</here/a>`.
    fn read(&mut self, line: &str, start: &Path) {
        let Some((call, rest)) = line.split_once('(') else { return };
        let named = |list: &str| list.split(',').any(|name| name.trim_start_matches('?') == call);
        if !named(FILES) {
            // The last words of a thread are `+++ exited with 0 +++`, without a parenthesis.
            self.network.push(line.to_owned());
            return;
        }
        let (arguments, result) = rest.rsplit_once(" = ").unwrap_or((rest, "?"));
        if result.starts_with('-') {
            return;
        }
        if call.starts_with("open") {
            const WRITING: [&str; 5] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"];
            if !WRITING.iter().any(|flag| after_quotes(arguments).contains(flag)) {
                return;
            }
        }
        // Behind links lies what the descriptor says.
        if let Some(real) = in_angles(result) {
            self.written.insert(PathBuf::from(real));
        }
        let mut folder = start.to_path_buf();
        let mut rest = arguments;
        while let Some(at) = rest.find('"') {
            if let Some(named) = in_angles(&rest[..at]) {
                folder = PathBuf::from(named);
            }
            let (path, after) = unquoted(&rest[at + 1..]);
            // The first name of a symbolic link is text; of the others both are changed.
            if !call.starts_with("symlink") || after.trim_start_matches([',', ' ']).starts_with(')')
            {
                self.written.insert(normal(&folder.join(path)));
            }
            rest = after;
        }
    }
}

/// What stands in the last `<…>`.
fn in_angles(text: &str) -> Option<String> {
    let inside = text.rsplit_once('<')?.1;
    let inside = inside.rsplit_once('>').map_or(inside, |(path, _)| path);
    Some(unquoted(inside).0)
}

/// All that stands behind the last quotation mark: the flags.
fn after_quotes(arguments: &str) -> &str {
    arguments.rsplit_once('"').map_or(arguments, |(_, flags)| flags)
}

/// A text up to its closing quotation mark without strace's escapes, and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let bytes = text.as_bytes();
    let mut plain = Vec::new();
    let mut at = 0;
    while at < bytes.len() && bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            plain.push(bytes[at]);
            at += 1;
            continue;
        }
        let digits =
            bytes[at + 1..].iter().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
        if digits > 0 {
            let octal =
                bytes[at + 1..=at + digits].iter().fold(0u8, |n, b| n.wrapping_mul(8) + b - b'0');
            plain.push(octal);
            at += 1 + digits;
        } else {
            plain.push(match bytes.get(at + 1) {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                other => *other.unwrap_or(&b'\\'),
            });
            at += 2;
        }
    }
    let rest = text.get((at + 1).min(text.len())..).unwrap_or_default();
    (String::from_utf8_lossy(&plain).into_owned(), rest)
}

/// Without `.` and `..`, by the words alone.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, part| {
        match part {
            Component::ParentDir => _ = normal.pop(),
            Component::CurDir => {}
            other => normal.push(other),
        }
        normal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Traced {
        let mut traced = Traced::default();
        lines.iter().for_each(|line| traced.read(line, Path::new("/o")));
        traced
    }

    #[test]
    fn reading_is_not_writing() {
        let traced = read(&[
            r#"openat(AT_FDCWD</o>, "/etc/O_RDWR", O_RDONLY|O_CLOEXEC) = 3</etc/O_RDWR>"#,
            r#"openat(AT_FDCWD</o>, "/gone", O_WRONLY|O_CREAT, 0666) = -1 ENOENT (No such file)"#,
            "+++ exited with 0 +++",
        ]);
        assert_eq!(traced, Traced::default());
    }

    #[test]
    fn every_way_of_writing_is_seen() {
        for (line, written) in [
            (r#"openat(AT_FDCWD</o>, "a", O_WRONLY|O_CREAT, 0666) = 3</o/a>"#, &["/o/a"][..]),
            (r#"openat(AT_FDCWD</o>, "l", O_RDWR) = 3</real>"#, &["/real", "/o/l"]),
            (r#"openat(4</d>, "\303\244", O_WRONLY|O_CREAT, 0666) = 3</d/\303\244>"#, &["/d/ä"]),
            (r#"rename("a", "/h/../b") = 0"#, &["/o/a", "/b"]),
            (r#"renameat2(3</x>, "a", 4</y>, "b", 0) = 0"#, &["/x/a", "/y/b"]),
            (r#"symlink("/etc/text", "l") = 0"#, &["/o/l"]),
            (r#"symlinkat("/etc/text", 3</x>, "l") = 0"#, &["/x/l"]),
            (r#"link("a", "b") = 0"#, &["/o/a", "/o/b"]),
            (r#"unlink("/h/\"q\"") = 0"#, &["/h/\"q\""]),
            (r#"mkdir("/h/n", 0777) = 0"#, &["/h/n"]),
        ] {
            let seen = read(&[line]).written;
            let wanted: BTreeSet<PathBuf> = written.iter().map(PathBuf::from).collect();
            assert_eq!(seen, wanted, "{line}");
        }
    }

    #[test]
    fn calls_on_sockets_are_counted_and_local_ones_only_if_allowed() {
        let inet = "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP) = 3<UDP:[7]>";
        let unix = "connect(5<UNIX-STREAM:[9]>, {sa_family=AF_UNIX, sun_path=\"/n\"}, 110) = -1 ENOENT (No)";
        let ring = "io_uring_setup(8, {flags=0}) = 4";
        assert!(
            matches!(calls(&read(&[inet, unix]), true), Outcome::Failed(text) if text.starts_with("1 "))
        );
        assert!(matches!(calls(&read(&[unix]), true), Outcome::Passed(_)));
        assert!(matches!(calls(&read(&[unix]), false), Outcome::Failed(_)));
        assert!(matches!(calls(&read(&[ring]), true), Outcome::Failed(_)));
    }

    #[test]
    fn what_lies_outside_is_named() {
        let traced = read(&[r#"creat("/o/in", 0666) = 3"#, r#"creat("/out", 0666) = 3"#]);
        assert_eq!(outside(&traced, Path::new("/o")), [Path::new("/out")]);
        assert!(outside(&read(&[r#"creat("/dev/null", 0666) = 3"#]), Path::new("/o")).is_empty());
    }
}
