use std::env;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::place::Place;
use crate::wheel::Pinned;

/// The variable under which a host, and our command line, name the library.
pub(crate) const VARIABLE: &str = "ORT_DYLIB_PATH";

/// The newest release without telemetry (docs/adr/0002).
pub(crate) const VERSION: &str = "1.28.0";

const INSTEAD: &str = "install python3 with pip and connect to the network once, \
    or set ORT_DYLIB_PATH to an ONNX Runtime 1.28.0 library";

const LINUX_X86_64: Pinned = Pinned {
    requirement: "onnxruntime==1.28.0",
    platforms: &["manylinux_2_28_x86_64", "manylinux_2_27_x86_64"],
    member: "onnxruntime/capi/libonnxruntime.so.1.28.0",
    sha256: "aa4079d18f4ea7a5f3a94d80cd4bbe0f2740436626622d64d793803a20381083",
};
const LINUX_ARM64: Pinned = Pinned {
    requirement: "onnxruntime==1.28.0",
    platforms: &["manylinux_2_28_aarch64", "manylinux_2_27_aarch64"],
    member: "onnxruntime/capi/libonnxruntime.so.1.28.0",
    sha256: "23a37c2994bc273e1d59a4f49af6cba5bf1cfbc29f04907ec27df375aba50a7d",
};
const MACOS_ARM64: Pinned = Pinned {
    requirement: "onnxruntime==1.28.0",
    platforms: &["macosx_14_0_arm64"],
    member: "onnxruntime/capi/libonnxruntime.1.28.0.dylib",
    sha256: "99909e99214e31fe2296c9f7fae5abc2eaf0145342efe8b0a6ed82e9ddb0a0a0",
};

/// The path of the ONNX Runtime library: the host's own, or the pinned one under the build folder.
pub(crate) fn set_up(place: &Place) -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        eprintln!("xtask: {VARIABLE} names {}, which is no file", path.display());
    }
    let pinned = pinned_for(env::consts::OS, env::consts::ARCH).ok_or_else(|| {
        Failure::new(format!(
            "there is no ONNX Runtime {VERSION} wheel for {} on {}: \
             set {VARIABLE} to a library of that version",
            env::consts::OS,
            env::consts::ARCH
        ))
    })?;
    let name = pinned.member.rsplit('/').next().unwrap_or(pinned.member);
    let library = place
        .target
        .join("onnxruntime")
        .join(VERSION)
        .join(format!("{}-{}", env::consts::OS, env::consts::ARCH))
        .join(name);
    pinned.fetch(&library, INSTEAD)?;
    Ok(library)
}

/// The ONNX Runtime that goes with a library for `target`: its file's name, and its sum where it is
/// pinned here. The framework's archive has its own for Apple's; Android's comes with the package's
/// dependencies.
pub(crate) fn pins(target: &str) -> Vec<(&'static str, Option<&'static str>)> {
    let file = |pinned: &'static Pinned| {
        let name = pinned.member.rsplit('/').next().unwrap_or(pinned.member);
        (name, Some(pinned.sha256))
    };
    match target {
        "x86_64-unknown-linux-gnu" => vec![file(&LINUX_X86_64)],
        "aarch64-linux-android" => Vec::new(),
        _ => vec![("onnxruntime-c", None)],
    }
}

/// The registry's name of what [`pins`] tells of, where there is one.
pub(crate) fn purl(target: &str) -> Option<String> {
    (target == "x86_64-unknown-linux-gnu").then(|| format!("pkg:pypi/onnxruntime@{VERSION}"))
}

/// Intel Macs got their last wheel with 1.23, and musl has none.
fn pinned_for(system: &str, processor: &str) -> Option<&'static Pinned> {
    match (system, processor) {
        ("linux", "x86_64") if cfg!(not(target_env = "musl")) => Some(&LINUX_X86_64),
        ("linux", "aarch64") if cfg!(not(target_env = "musl")) => Some(&LINUX_ARM64),
        ("macos", "aarch64") => Some(&MACOS_ARM64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{VERSION, pinned_for};

    #[test]
    fn every_pin_names_the_version() {
        for (system, processor) in [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "aarch64")]
        {
            if let Some(pinned) = pinned_for(system, processor) {
                assert!(pinned.requirement.ends_with(VERSION));
                assert!(pinned.member.contains(VERSION));
                assert_eq!(pinned.sha256.len(), 64);
            }
        }
        assert!(pinned_for("plan9", "vax").is_none());
    }
}
