//! `kinora data`: everything that is held, to be seen, taken along and deleted.

use clap::Subcommand;
use kinora::remote::{DataItem, Remote};

use super::{Command, Failure, jobs, yes};
use crate::say;

#[derive(Subcommand)]
pub(crate) enum DataCommand {
    /// Show what is held on this machine, and what providers still have.
    Show,
    /// Print all of it as JSON; never the keys.
    Export,
    /// Delete it.
    Delete {
        /// ledger, everything, job:ID or secret:PROVIDER/PURPOSE.
        #[arg(value_parser = item)]
        item: DataItem,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl Command for DataCommand {
    fn run(self, remote: &Remote) -> Result<(), Failure> {
        match self {
            Self::Show => {
                let data = remote.data()?;
                say(format_args!("folder: {}", remote.folder().display()));
                let whole = if data.ledger_intact { "whole" } else { "cut or edited" };
                say(format_args!("ledger: {} entries, {whole}", data.ledger_entries));
                for (destination, state) in &data.grants {
                    say(format_args!("consent: {destination} {}", state.name()));
                }
                for entry in &data.secrets {
                    say(format_args!("secret: {} {}", entry.provider, entry.purpose));
                }
                data.jobs.iter().for_each(jobs::tell);
                for id in &data.broken_jobs {
                    say(format_args!("a job's record that cannot be read: {id}"));
                }
                say(
                    "clips are yours and lie where you put them; of local jobs nothing else is kept",
                );
            }
            Self::Export => say(remote.export()?),
            Self::Delete { item, yes: sure } => {
                if !sure && !yes("Delete it for good?") {
                    return Err(Failure::Said("nothing was deleted: give --yes".to_owned()));
                }
                let left = remote.delete(&item)?;
                say("deleted");
                left.iter().for_each(jobs::tell);
            }
        }
        Ok(())
    }
}

fn item(text: &str) -> Result<DataItem, String> {
    match text.split_once(':') {
        None if text == "ledger" => Ok(DataItem::Ledger),
        None if text == "everything" => Ok(DataItem::Everything),
        Some(("job", id)) => Ok(DataItem::Job { id: id.to_owned() }),
        Some(("secret", name)) => name
            .split_once('/')
            .map(|(provider, purpose)| DataItem::Secret {
                provider: provider.to_owned(),
                purpose: purpose.to_owned(),
            })
            .ok_or_else(|| "give secret:PROVIDER/PURPOSE".to_owned()),
        _ => Err("give ledger, everything, job:ID or secret:PROVIDER/PURPOSE".to_owned()),
    }
}
