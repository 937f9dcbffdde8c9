//! `kinora jobs`: remote jobs that this machine knows of.

use std::path::PathBuf;

use clap::Subcommand;
use kinora::remote::{Copies, Remote, RemoteJob, RemoteJobState};
use kinora::{Output, Studio, StudioOptions};

use super::{Command, Failure};
use crate::{animate, say};

#[derive(Subcommand)]
pub(crate) enum JobsCommand {
    /// List them, and what their providers still have.
    List,
    /// Go on with one; it is never sent again.
    Resume {
        /// Its number.
        id: String,
        /// The clip: a name that ends in .mp4.
        #[arg(short, long, value_name = "OUT")]
        out: PathBuf,
    },
    /// End one at its provider, and have its copies deleted there where that can be done.
    End {
        /// Its number.
        id: String,
    },
}

impl Command for JobsCommand {
    fn run(self, remote: &Remote) -> Result<(), Failure> {
        match self {
            Self::List => remote.jobs()?.iter().for_each(tell),
            Self::Resume { id, out } => {
                let studio = Studio::open(StudioOptions::default().remote(remote.clone()))?;
                let job = studio.resume(&id, Output::from_path(out)?)?;
                animate::watch(&job);
                animate::tell(&job.wait()?);
            }
            Self::End { id } => say(copies(remote.clean_up(&id)?)),
        }
        Ok(())
    }
}

pub(super) fn tell(job: &RemoteJob) {
    let state = match job.state {
        RemoteJobState::Sending => "being sent",
        RemoteJobState::Sent => "at the provider",
        RemoteJobState::Done => "done",
        _ => "ended",
    };
    let begun = job.begun.strftime("%Y-%m-%d %H:%M UTC");
    let error = job.error.as_deref().map(|code| format!(" [{code}]")).unwrap_or_default();
    say(format_args!("{}  {}  {begun}  {state}{error}; {}", job.id, job.model, copies(job.copies)));
}

fn copies(copies: Copies) -> &'static str {
    match copies {
        Copies::Deleted => "the provider has nothing of it any more",
        Copies::Expire => {
            "the provider's copies cannot be deleted from here; the notice says when they expire"
        }
        _ => "the provider has copies that can be deleted: `kinora jobs end`",
    }
}
