//! What the programs do that `kinora prove` starts: the job itself, the trap's lid, and the controls.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use kinora::runtime::{Runtime, RuntimeOptions, Telemetry};
use kinora::{GenerationRequest, Output, Photo, Studio, StudioOptions};
use serde_json::json;

use super::runs::{IDLE, OUT};
use crate::complain;

/// What to do, after `kinora prove --child`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Child {
    /// A whole clip, then the wait.
    Job,
    /// Only opens ONNX Runtime.
    Open,
    /// Sets the trap and becomes another program.
    Trap,
    /// The same, with AF_UNIX allowed.
    TrapUnix,
    /// Control: opens a TCP connection to this machine itself.
    Connect,
    /// Control: opens a UDP socket.
    Datagram,
    /// Control: looks up the address of a name that nobody may have.
    Lookup,
    /// Control: writes where it was not told to, and opens a UDP socket.
    Stray,
}

impl Child {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Open => "open",
            Self::Trap => "trap",
            Self::TrapUnix => "trap-unix",
            Self::Connect => "connect",
            Self::Datagram => "datagram",
            Self::Lookup => "lookup",
            Self::Stray => "stray",
        }
    }

    pub(super) fn run(self, photo: Option<&Path>, program: &[OsString]) -> ExitCode {
        let done = match self {
            Self::Job => return told(job(photo)),
            Self::Open => return told(open()),
            Self::Trap => super::kernel::become_trapped(program, false),
            Self::TrapUnix => super::kernel::become_trapped(program, true),
            #[cfg(unix)]
            Self::Connect => calls::connect(),
            #[cfg(unix)]
            Self::Datagram => calls::datagram(),
            #[cfg(unix)]
            Self::Lookup => calls::lookup(),
            #[cfg(unix)]
            Self::Stray => stray().and_then(|()| calls::datagram()),
            #[cfg(not(unix))]
            _ => Err(io::ErrorKind::Unsupported.into()),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let number = error.raw_os_error().unwrap_or_default();
                eprintln!("error: {error} [{number}]");
                ExitCode::FAILURE
            }
        }
    }
}

fn told(result: kinora::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn open() -> kinora::Result<()> {
    let runtime = Runtime::open(&RuntimeOptions::default())?;
    let telemetry = match runtime.report().telemetry {
        Telemetry::Absent => "absent",
        Telemetry::Disabled => "disabled",
        _ => "unknown",
    };
    crate::say(json!({
        "version": runtime.version(),
        "library": runtime.library().display().to_string(),
        "telemetry": telemetry,
    }));
    Ok(())
}

/// From the photo to the clip, then the wait with everything still open.
fn job(photo: Option<&Path>) -> kinora::Result<()> {
    let out = PathBuf::from(std::env::var_os(OUT).unwrap_or_default());
    let studio = Studio::open(StudioOptions::default())?;
    let photo = Photo::open(photo.unwrap_or(Path::new("")))?;
    let name = if cfg!(feature = "openh264") { "clip.mp4" } else { "clip.gif" };
    let request = GenerationRequest::animate(photo)
        .prompt("blink, smile, slow zoom in")
        .seconds(1.0)
        .seed(7)
        .output(Output::from_path(out.join(name))?);
    let clip = studio.generate(request)?.wait()?;
    let idle = std::env::var(IDLE).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    std::thread::sleep(Duration::from_secs(idle));
    crate::say(json!({ "frames": clip.frames, "width": clip.width, "height": clip.height }));
    Ok(())
}

/// A made-up landscape as a file in `folder`.
pub(super) fn picture(folder: &Path) -> io::Result<PathBuf> {
    const SIZE: (u32, u32) = (320, 240);
    let mut pixels = Vec::new();
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            let ground = if y > 130 + x % 40 { 90 } else { 0 };
            pixels.extend([190 - ground, 200 - (y / 2) as u8, 230 - ground].map(|c: u8| c));
        }
    }
    let path = folder.join("picture.png");
    let mut encoder = png::Encoder::new(fs::File::create(&path)?, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(path)
}

#[cfg(unix)]
fn stray() -> io::Result<()> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    fs::File::create(home.join("stray"))?.write_all(b"here I was")?;
    fs::create_dir(home.join("strays"))?;
    fs::rename(home.join("stray"), home.join("strays/stray"))
}

/// What the controls call. These functions are looked up in the running program, since the
/// program's own table of imports has to stay free of them.
#[cfg(unix)]
mod calls {
    use std::ffi::{CStr, c_char, c_int, c_void};
    use std::io;

    use libloading::os::unix::{Library, Symbol};

    type Socket = unsafe extern "C" fn(c_int, c_int, c_int) -> c_int;
    type Connect = unsafe extern "C" fn(c_int, *const c_void, libc::socklen_t) -> c_int;
    type Lookup = unsafe extern "C" fn(
        *const c_char,
        *const c_char,
        *const libc::addrinfo,
        *mut *mut libc::addrinfo,
    ) -> c_int;

    /// The port of tcpmux, where as good as nobody listens.
    const PORT: u16 = 1;
    /// A name that can never be there (RFC 2606).
    const NAME: &CStr = c"kinora.invalid";

    fn find<T>(name: &CStr) -> io::Result<Symbol<T>> {
        // SAFETY: each caller names the type that POSIX gives the function.
        #[allow(unsafe_code)]
        unsafe { Library::this().get(name.to_bytes_with_nul()) }.map_err(io::Error::other)
    }

    fn socket(kind: c_int) -> io::Result<c_int> {
        let socket = find::<Socket>(c"socket")?;
        // SAFETY: it takes three numbers.
        #[allow(unsafe_code)]
        let descriptor = unsafe { socket(libc::AF_INET, kind, 0) };
        if descriptor < 0 { Err(io::Error::last_os_error()) } else { Ok(descriptor) }
    }

    /// To this machine's own address: refused where there is a network, out of reach where none is.
    pub(super) fn connect() -> io::Result<()> {
        let descriptor = socket(libc::SOCK_STREAM)?;
        let connect = find::<Connect>(c"connect")?;
        // SAFETY: all zeros are a valid address; its length is its own.
        #[allow(unsafe_code)]
        let answer = unsafe {
            let mut address: libc::sockaddr_in = std::mem::zeroed();
            address.sin_family = libc::AF_INET as libc::sa_family_t;
            address.sin_port = PORT.to_be();
            address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
            let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            connect(descriptor, (&raw const address).cast(), length)
        };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    pub(super) fn datagram() -> io::Result<()> {
        socket(libc::SOCK_DGRAM).map(|_| ())
    }

    pub(super) fn lookup() -> io::Result<()> {
        let lookup = find::<Lookup>(c"getaddrinfo")?;
        let mut found = std::ptr::null_mut();
        // SAFETY: the name ends with a zero, all zeros are valid hints, and the process ends before
        // the list that may come would have to be freed.
        #[allow(unsafe_code)]
        let answer = unsafe {
            let mut hints: libc::addrinfo = std::mem::zeroed();
            // Asks which families this machine has, which takes a socket even where no server of
            // names is set up.
            hints.ai_flags = libc::AI_ADDRCONFIG;
            lookup(NAME.as_ptr(), std::ptr::null(), &raw const hints, &raw mut found)
        };
        if answer == 0 { Ok(()) } else { Err(io::Error::other(format!("no address ({answer})"))) }
    }
}
