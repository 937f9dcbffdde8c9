//! A clip by a provider's model: asked, answered, sent. `KLING_KEY` holds the key.
//!
//! It is the program of docs/remote.md; nobody is asked here, so it agrees by itself: an app does not.

use kinora::consent::{Answer, DataKind};
use kinora::remote::{Remote, RemoteOptions, Rights};
use kinora::transport::{HttpClient, HttpClientOptions};
use kinora::vault::{Passphrase, Secret};
use kinora::{GenerationRequest, Model, Output, Photo, Studio, StudioOptions};
use std::sync::Arc;

fn main() -> kinora::Result<()> {
    let keys = Arc::new(Passphrase::new(Secret::new("a long passphrase"))?);
    let client = Arc::new(HttpClient::new(HttpClientOptions::default()));
    let remote = Remote::open(RemoteOptions::new("kinora-data", keys).transport(client))?;
    remote.vault().put(
        "kling",
        "api_key",
        &Secret::new(std::env::var("KLING_KEY").unwrap_or_default()),
    )?;

    let kling = remote.destination("kling/3.0", None)?;
    let kinds = [DataKind::Photo, DataKind::Prompt, DataKind::TechnicalMetadata];
    let question = remote.consent().ask(&kling, &kinds)?;
    println!("{}", question.notice().text()); // show it, and wait for an answer
    let Some(grant) = remote.consent().answer(question, Answer::yes())? else { return Ok(()) };

    let studio = Studio::open(StudioOptions::default().remote(remote))?;
    let request = GenerationRequest::animate(Photo::open("portrait.jpg")?)
        .prompt("she laughs")
        .seconds(5.0)
        .rights(Rights::Agreed) // asked because the photo shows somebody
        .model(Model::Remote { model: "kling/3.0".into(), grant })
        .output(Output::mp4("portrait.mp4"));
    studio.generate(request)?.wait()?;
    Ok(())
}
