//! Traps that the system itself closes: calls that end the program, and a network without anybody.

use std::ffi::OsString;
use std::io;

#[cfg(any(target_os = "linux", target_os = "macos"))]
use super::child::Child;
use super::rung::{Control, Outcome, Rung};
#[cfg(any(target_os = "linux", target_os = "macos"))]
use super::runs::Seen;
use super::runs::{Program, Runs};

/// Every call on sockets. `io_uring` opens them too, past any filter of calls.
#[cfg(target_os = "linux")]
const CALLS: [i64; 19] = [
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_io_uring_setup,
];
/// Numbers of the x32 interface, which a kernel for x86-64 may answer beside its own.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const X32: i64 = 0x4000_0000;

/// Sets the trap on this process, which every program that it becomes or starts inherits, and
/// becomes `program`.
#[cfg(target_os = "linux")]
pub(super) fn become_trapped(program: &[OsString], unix: bool) -> io::Result<()> {
    use std::os::unix::process::CommandExt;

    let (first, rest) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    // A socket that was handed down could be written to like a file.
    for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        if target.to_string_lossy().starts_with("socket:") {
            let number = entry.file_name();
            return Err(io::Error::other(format!("descriptor {} is a socket", number.display())));
        }
    }
    let filter = filter(unix).map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
    Err(std::process::Command::new(first).args(rest).exec())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn become_trapped(_: &[OsString], _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn filter(unix: bool) -> Result<seccompiler::BpfProgram, seccompiler::BackendError> {
    use seccompiler::{
        SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    let opens = [libc::SYS_socket, libc::SYS_socketpair];
    let mut rules = std::collections::BTreeMap::new();
    for call in CALLS {
        let when = match unix {
            false => vec![],
            true if opens.contains(&call) => vec![SeccompRule::new(vec![SeccompCondition::new(
                0,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::Ne,
                libc::AF_UNIX as u64,
            )?])?],
            true if call == libc::SYS_io_uring_setup => vec![],
            // With no other family to be had, the rest can only be about AF_UNIX.
            true => continue,
        };
        rules.insert(call, when);
        #[cfg(target_arch = "x86_64")]
        rules.insert(call | X32, vec![]);
    }
    let architecture = std::env::consts::ARCH.try_into()?;
    // The process, not the thread: one that dies alone would go unnoticed.
    let (pass, kill) = (SeccompAction::Allow, SeccompAction::KillProcess);
    SeccompFilter::new(rules, pass, kill, architecture)?.try_into()
}

const KERNEL: &str = "kernel";

/// The program with the system's hand on every call for a socket.
#[cfg(target_os = "linux")]
pub(super) fn kernel(runs: &Runs, program: &Program) -> Rung {
    let checked = format!(
        "a whole job and {} s of rest under seccomp, which ends it at the first call on sockets{}",
        runs.idle(),
        if program.unix { " other than AF_UNIX" } else { "" }
    );
    let mut wrapper = runs.child(if program.unix { Child::TrapUnix } else { Child::Trap });
    wrapper.push("--".into());
    let controls = [Child::Connect, Child::Datagram, Child::Lookup];
    let mut survived = Vec::new();
    for control in controls {
        match runs.run(control.name(), &wrapper, &Program::ours(runs, control)) {
            Ok(seen) if seen.was_trapped() => {}
            Ok(seen) => survived.push(format!("`{}` ended with {}", control.name(), seen.ended())),
            Err(error) => survived.push(format!("`{}`: {error}", control.name())),
        }
    }
    let control = if survived.is_empty() {
        let what = "programs that open TCP, open UDP and look up a name were ended by SIGSYS";
        Control::Caught(what.to_owned())
    } else {
        Control::Missed(survived.join("; "))
    };
    let outcome = match runs.run(KERNEL, &wrapper, program) {
        Ok(seen) if seen.was_trapped() => {
            Outcome::Failed("the program called for a socket and was ended by SIGSYS".to_owned())
        }
        seen => lived(seen),
    };
    Rung { name: KERNEL, checked, outcome, control }
}

/// Apple's sandbox refuses what it forbids and lets the program go on, so what this shows is less:
/// that the job needs no network.
#[cfg(target_os = "macos")]
pub(super) fn kernel(runs: &Runs, program: &Program) -> Rung {
    let profile = "(version 1)(allow default)(deny network*)";
    let wrapper = ["/usr/bin/sandbox-exec", "-p", profile].map(OsString::from);
    let control = match runs.run("connect", &wrapper, &Program::ours(runs, Child::Connect)) {
        Ok(seen) if seen.stderr.contains(&format!("[{}]", libc::EPERM)) => {
            Control::Caught("a TCP connection was refused with EPERM".to_owned())
        }
        Ok(seen) => Control::Missed(format!("`connect` ended with {}", seen.ended())),
        Err(error) => Control::NotRun(error.to_string()),
    };
    Rung {
        name: KERNEL,
        checked: format!(
            "a whole job and {} s of rest under sandbox-exec, which refuses the network",
            runs.idle()
        ),
        outcome: lived(runs.run(KERNEL, &wrapper, program)),
        control,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn kernel(_: &Runs, _: &Program) -> Rung {
    not_run(
        KERNEL,
        "a whole job with the network forbidden",
        "this system has no seccomp".to_owned(),
    )
}

const ISOLATION: &str = "isolation";

/// The program where there is nothing to reach.
#[cfg(target_os = "linux")]
pub(super) fn isolation(runs: &Runs, program: &Program) -> Rung {
    let checked =
        format!("a whole job and {} s of rest in a network namespace of its own", runs.idle());
    let words = |words: &[&str]| -> Vec<OsString> { words.iter().map(OsString::from).collect() };
    let ways = [
        words(&["unshare", "--net", "--"]),
        words(&["unshare", "--user", "--map-root-user", "--net", "--"]),
    ];
    let nothing = Program::other(&["true".into()], false);
    let works = |way: &&Vec<OsString>| {
        runs.run("isolation-probe", way, &nothing).is_ok_and(|seen| seen.status.success())
    };
    let Some(wrapper) = ways.iter().find(works) else {
        let why = "`unshare --net` is missing, or the kernel permits it neither to this user nor in \
                   a user namespace";
        return not_run(ISOLATION, &checked, why.to_owned());
    };
    let connect = Program::ours(runs, Child::Connect);
    let unreachable = |seen: &Seen| seen.stderr.contains(&format!("[{}]", libc::ENETUNREACH));
    if runs.run("isolation-outside", &[], &connect).is_ok_and(|seen| unreachable(&seen)) {
        let why = "this program has no network already, so no difference can be seen";
        return not_run(ISOLATION, &checked, why.to_owned());
    }
    let control = match runs.run("isolation-inside", wrapper, &connect) {
        Ok(seen) if unreachable(&seen) => Control::Caught(
            "a TCP connection reached this machine outside, nothing inside".to_owned(),
        ),
        Ok(seen) => Control::Missed(format!("`connect` inside ended with {}", seen.ended())),
        Err(error) => Control::NotRun(error.to_string()),
    };
    Rung {
        name: ISOLATION,
        checked,
        outcome: lived(runs.run(ISOLATION, wrapper, program)),
        control,
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn isolation(_: &Runs, _: &Program) -> Rung {
    let why = "network namespaces are Linux's".to_owned();
    not_run(ISOLATION, "a whole job in a network namespace of its own", why)
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn lived(seen: io::Result<Seen>) -> Outcome {
    match seen {
        Err(error) => Outcome::Failed(format!("the program did not start: {error}")),
        Ok(seen) => match seen.problem() {
            Some(problem) => Outcome::Failed(problem),
            None => Outcome::Passed(made(&seen)),
        },
    }
}

/// What a program that succeeded made.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn made(seen: &Seen) -> String {
    let files = std::fs::read_dir(&seen.out).into_iter().flatten().flatten();
    let files: Vec<String> = files
        .filter_map(|entry| {
            let bytes = entry.metadata().ok()?.len();
            Some(format!("{} of {bytes} bytes", entry.file_name().display()))
        })
        .collect();
    let files = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
    format!("it ended well and made {files}; it left nothing in HOME, TMPDIR or the XDG folders")
}

pub(super) fn not_run(name: &'static str, checked: &str, why: String) -> Rung {
    let control = Control::NotRun("the rung did not run".to_owned());
    Rung { name, checked: checked.to_owned(), outcome: Outcome::NotRun(why), control }
}
