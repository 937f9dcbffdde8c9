//! `kinora resume`: a clip of a pack goes on where its process ended.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use kinora::checkpoint::Checkpoints;
use kinora::marking::Marking;
use kinora::{Output, Result, Studio};

use crate::animate::{Workshop, show, watch};
use crate::complain;
use crate::passphrase::Asked;

#[derive(Args)]
pub(crate) struct Resume {
    /// The clip's number, where several were interrupted; by default the latest.
    id: Option<String>,
    /// The folder that was given as --checkpoints.
    #[arg(long, value_name = "DIR")]
    checkpoints: PathBuf,
    /// The clip: a name that ends in .mp4, .webp or .gif.
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// Also write every frame as PNG into this folder.
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
    #[command(flatten)]
    workshop: Workshop,
    /// Also sign a C2PA manifest, as `kinora animate --sign` does. Other marks are as they were asked
    /// for when the clip was begun.
    #[cfg(feature = "c2pa")]
    #[arg(long)]
    sign: bool,
    /// End with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Checkpoints in `folder`, sealed under a passphrase that is asked for when it is needed.
pub(crate) fn checkpoints(folder: PathBuf) -> Result<Checkpoints> {
    Checkpoints::open(folder, Arc::new(Asked::default()))
}

impl Resume {
    pub(crate) fn run(self) -> ExitCode {
        let json = self.json;
        match self.make() {
            Ok(Some(clip)) => show(Ok((Some(clip), 0.0)), json),
            Ok(None) => {
                eprintln!("error: no clip was interrupted there");
                ExitCode::FAILURE
            }
            Err(error) => complain(&error),
        }
    }

    /// The clip; nothing where none was interrupted.
    fn make(self) -> Result<Option<kinora::Clip>> {
        // Opening a folder makes it, and a name that was mistyped should make none.
        if !self.checkpoints.is_dir() {
            return Ok(None);
        }
        let checkpoints = checkpoints(self.checkpoints)?;
        let Some(id) = self.id.map_or_else(|| latest(&checkpoints), |id| Ok(Some(id)))? else {
            return Ok(None);
        };
        let mut output = Output::from_path(self.out)?;
        if let Some(folder) = self.frames {
            output = output.with_frames(folder);
        }
        #[cfg_attr(not(feature = "c2pa"), allow(unused_mut, reason = "nothing can be signed"))]
        let mut marking = Marking::default();
        #[cfg(feature = "c2pa")]
        if self.sign {
            marking = marking.signed_by(Arc::new(kinora::marking::OwnSigner::fresh()?));
        }
        let options = self.workshop.options().checkpoints(checkpoints).marking(marking);
        let job = Studio::open(options)?.resume_clip(&id, output, None)?;
        watch(&job);
        job.wait().map(Some)
    }
}

/// The number of the clip that was interrupted last; says which others there are.
fn latest(checkpoints: &Checkpoints) -> Result<Option<String>> {
    let mut found = checkpoints.list()?.into_iter().map(|checkpoint| checkpoint.id);
    let latest = found.next();
    found.for_each(|older| eprintln!("also interrupted: {older}"));
    Ok(latest)
}
