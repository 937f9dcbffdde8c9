//! `kinora consent`: what may go where, and what went.

use clap::Subcommand;
use kinora::consent::{Answer, ConsentState, DataKind, Destination};
use kinora::remote::Remote;

use super::{Command, Failure, yes};
use crate::say;

#[derive(Subcommand)]
pub(crate) enum ConsentCommand {
    /// Show the notice of a model or provider and how its consent stands; without one, all models.
    Show {
        /// A model such as kling/3.0, or a provider.
        model: Option<String>,
        /// One of the provider's regions; by default its first.
        #[arg(long)]
        region: Option<String>,
    },
    /// Show the notice and ask whether you agree.
    Give {
        /// A model such as kling/3.0, or a provider.
        model: String,
        /// One of the provider's regions; by default its first.
        #[arg(long)]
        region: Option<String>,
        /// How long the consent lasts, 1 to 365.
        #[arg(long, default_value_t = 180)]
        days: u16,
        /// Agree without being asked, to exactly the notice with this hash (`show` prints it).
        #[arg(long, value_name = "HASH")]
        agree: Option<String>,
    },
    /// Take a consent back; jobs that run under it end.
    Withdraw {
        /// A model such as kling/3.0, or a provider.
        model: String,
        /// One of the provider's regions; by default its first.
        #[arg(long)]
        region: Option<String>,
    },
    /// List all that happened to consents.
    Log {
        /// As consent records after ISO/IEC TS 27560.
        #[arg(long)]
        json: bool,
    },
}

impl Command for ConsentCommand {
    fn run(self, remote: &Remote) -> Result<(), Failure> {
        match self {
            Self::Show { model: None, .. } => show_all(remote),
            Self::Show { model: Some(model), region } => {
                let destination = remote.destination(&model, region.as_deref())?;
                let notice = remote.consent().notice(&destination, &kinds(remote, &model)?)?;
                say(notice.text());
                say(format_args!("\nstate: {}", state(&remote.consent().state(&destination)?)));
                say(format_args!("notice {} {}", notice.version(), notice.hash()));
                Ok(())
            }
            Self::Give { model, region, days, agree } => {
                let destination = remote.destination(&model, region.as_deref())?;
                give(remote, &destination, &kinds(remote, &model)?, days, agree.as_deref())
            }
            Self::Withdraw { model, region } => {
                let destination = remote.destination(&model, region.as_deref())?;
                let done = remote.withdraw(&destination)?;
                say(format_args!("withdrawn: nothing more is sent to {destination}"));
                match done.withdrawal.sent {
                    0 => say("nothing had been sent"),
                    1 => say("one request had been sent; it cannot be called back"),
                    sent => say(format_args!(
                        "{sent} requests had been sent; they cannot be called back"
                    )),
                }
                if done.withdrawal.still_sending {
                    say("a request was still on its way and may have arrived");
                }
                done.jobs.iter().for_each(super::jobs::tell);
                Ok(())
            }
            Self::Log { json: true } => {
                say(remote.consent().export_json()?);
                Ok(())
            }
            Self::Log { json: false } => {
                say(remote.consent().export_text()?.trim_end());
                Ok(())
            }
        }
    }
}

fn show_all(remote: &Remote) -> Result<(), Failure> {
    for model in remote.models().all() {
        let standing = match &model.retired {
            Some(retired) => format!("retired on {}", retired.on),
            None => {
                let destination = remote.destination(&model.id, None)?;
                state(&remote.consent().state(&destination)?)
            }
        };
        say(format_args!("{:<24} {:<32} {standing}", model.id, model.name));
    }
    say(format_args!(
        "as of {}; `kinora consent show MODEL` shows what is sent",
        remote.models().checked()
    ));
    Ok(())
}

/// Shows the notice and takes the answer.
pub(super) fn give(
    remote: &Remote,
    destination: &Destination,
    kinds: &[DataKind],
    days: u16,
    agree: Option<&str>,
) -> Result<(), Failure> {
    let question = remote.consent().ask(destination, kinds)?;
    let hash = question.notice().hash().to_owned();
    let agreed = match agree {
        Some(known) => {
            if known != hash {
                return Err(Failure::Said(format!(
                    "the notice is {hash}, not {known}: read it first"
                )));
            }
            true
        }
        None => {
            eprintln!("{}\n", question.notice().text());
            yes("Do you agree?")
        }
    };
    let answer = if agreed { Answer::yes_for_days(days) } else { Answer::no() };
    match remote.consent().answer(question, answer)? {
        Some(grant) => {
            say(format_args!("given until {}", grant.until().strftime("%Y-%m-%d")));
            Ok(())
        }
        None => Err(Failure::Said("not given: nothing is sent".to_owned())),
    }
}

/// What a model may be sent.
fn kinds(remote: &Remote, model: &str) -> Result<Vec<DataKind>, Failure> {
    let model = remote.models().model(model)?;
    let mut kinds = vec![DataKind::Photo, DataKind::Prompt, DataKind::TechnicalMetadata];
    if model.video {
        kinds.push(DataKind::Video);
    }
    Ok(kinds)
}

fn state(state: &ConsentState) -> String {
    let day = |time: &jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
    match state {
        ConsentState::Given { until } => format!("given until {}", day(until)),
        ConsentState::Withdrawn { at } => format!("withdrawn on {}", day(at)),
        ConsentState::Expired { at } => format!("expired on {}", day(at)),
        ConsentState::NoticeChanged { at } => format!("void since {}: the notice changed", day(at)),
        _ => "never given".to_owned(),
    }
}
