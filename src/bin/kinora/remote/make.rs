//! `kinora remote`: one photo, one clip, made by a provider that you have agreed to.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kinora::remote::{Payload, Remote, Rights};
use kinora::{GenerationRequest, Model, Output, Photo, Studio, StudioOptions};

use super::{Command, Failure, Place};
use crate::animate;
use crate::say;

#[derive(Args)]
pub(crate) struct Make {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    request: Request,
}

#[derive(Args)]
struct Request {
    /// A remote model such as kling/3.0, or a provider for its first model.
    #[arg(value_name = "PROVIDER")]
    model: String,
    /// The photo. Only its pixels are sent, scaled to what the model needs.
    photo: Option<PathBuf>,
    /// The clip: a name that ends in .mp4.
    #[arg(short, long, value_name = "OUT", required_unless_present = "preview")]
    out: Option<PathBuf>,
    /// What should happen, in any words.
    #[arg(long, default_value = "")]
    prompt: String,
    /// Length; the model's next longer one is taken.
    #[arg(long, default_value_t = 5.0)]
    seconds: f32,
    /// Long side in pixels; the model's next larger size is taken.
    #[arg(long, value_name = "LONG_SIDE")]
    size: Option<u32>,
    /// For models that take one.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// One of the provider's regions; by default its first.
    #[arg(long)]
    region: Option<String>,
    /// If the photo shows somebody: own (it is you), agreed (they agreed, or a child's parents), or
    /// nobody (it shows nobody real).
    #[arg(long, value_parser = rights)]
    rights: Option<Rights>,
    /// Show what would be sent, and send nothing.
    #[arg(long)]
    preview: bool,
    /// With --preview: write the exact bytes of the body into this file.
    #[arg(long, value_name = "FILE", requires = "preview")]
    body: Option<PathBuf>,
}

impl Make {
    pub(crate) fn run(self) -> ExitCode {
        super::run(self.place, self.request)
    }
}

impl Command for Request {
    fn run(self, remote: &Remote) -> Result<(), Failure> {
        let studio = Studio::open(StudioOptions::default().remote(remote.clone()))?;
        let mut request = match &self.photo {
            Some(path) => GenerationRequest::animate(Photo::open(path)?).prompt(self.prompt),
            None => GenerationRequest::imagine(self.prompt),
        };
        request = request.seconds(self.seconds).seed(self.seed);
        if let Some(size) = self.size {
            request = request.size(size);
        }
        if let Some(rights) = self.rights {
            request = request.rights(rights);
        }
        if self.preview {
            let payload = studio.preview(request, &self.model, self.region.as_deref())?;
            return show(&payload, self.body.as_deref());
        }
        let destination = remote.destination(&self.model, self.region.as_deref())?;
        let grant = remote.consent().grant(&destination).map_err(|error| match error.code() {
            "consent.never" => Failure::Said(format!(
                "nothing may be sent to {destination}: read and answer `kinora consent give {}` first",
                self.model
            )),
            _ => Failure::Kinora(error),
        })?;
        // Asked for by `required_unless_present`.
        let Some(out) = self.out else { return Err(Failure::Said("give --out".to_owned())) };
        let model = remote.models().model(&self.model)?.id.clone();
        let request = request.model(Model::Remote { model, grant }).output(Output::from_path(out)?);
        let job = studio.generate(request)?;
        animate::watch(&job);
        animate::tell(&job.wait()?);
        Ok(())
    }
}

fn show(payload: &Payload, body: Option<&std::path::Path>) -> Result<(), Failure> {
    let kinds: Vec<_> = payload.kinds().iter().map(|kind| kind.name()).collect();
    say(format_args!("to {} ({})", payload.destination(), kinds.join(", ")));
    say(format_args!("{} {}", payload.method().name(), payload.url()));
    for header in payload.headers() {
        say(format_args!("{}: {}", header.name, header.value.as_str()));
    }
    if let Some((width, height, bytes)) = payload.photo() {
        say(format_args!("the photo: {width}×{height}, {bytes} bytes of JPEG without metadata"));
    }
    say(format_args!(
        "the body: {} bytes, {} seconds of clip",
        payload.body().len(),
        payload.seconds()
    ));
    if payload.asks_for_rights() {
        say("it shows a person: --rights must say that you may send it");
    }
    if let Some(path) = body {
        std::fs::write(path, payload.body()).map_err(|error| {
            Failure::Said(format!("{} cannot be written: {error}", path.display()))
        })?;
    }
    Ok(())
}

fn rights(text: &str) -> Result<Rights, String> {
    match text {
        "own" => Ok(Rights::Own),
        "agreed" => Ok(Rights::Agreed),
        "nobody" => Ok(Rights::NobodyReal),
        _ => Err("give own, agreed or nobody".to_owned()),
    }
}
