//! Renders clips for the quality judge with the release library, through its public door alone.
//!
//! ```text
//! cargo run --release --example quality_render < JOBS
//! ```
//! Each line of the standard input is a job in JSON: `id`, `photo`, `prompt`, `frames` (a folder for
//! PNG files), and where they differ from the defaults `models` (a folder), `seed`, `seconds`, `fps`,
//! `size`, `looping`. Each gives one line on the standard output, in the same order: what was made,
//! or `error`. One studio is open per models folder.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};

use kinora::{ExecutionProvider, GenerationRequest, Output, Photo, Studio, StudioOptions};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    // The judge measures beside us; a clip more at a time would only make both wait.
    let threads = std::env::var("KINORA_QUALITY_THREADS").ok().and_then(|n| n.parse().ok());
    let mut studios = Studios { threads: threads.unwrap_or(1), open: HashMap::new() };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let job: Value = serde_json::from_str(&line?)?;
        let said = studios.render(&job).unwrap_or_else(|error| json!({"error": told(&*error)}));
        writeln!(out, "{}", with_id(said, &job["id"]))?;
        out.flush()?;
    }
    Ok(())
}

struct Studios {
    threads: usize,
    open: HashMap<String, Studio>,
}

impl Studios {
    fn render(&mut self, job: &Value) -> Outcome<Value> {
        let text = |name: &str| job[name].as_str().ok_or(format!("the job has no `{name}`"));
        let studio = self.studio(job["models"].as_str().unwrap_or_default())?;
        let mut request = GenerationRequest::animate(Photo::open(text("photo")?)?)
            .prompt(text("prompt")?)
            .seed(job["seed"].as_u64().unwrap_or(0))
            .looping(job["looping"].as_bool().unwrap_or(false))
            .output(Output::png_folder(text("frames")?));
        if let Some(seconds) = job["seconds"].as_f64() {
            request = request.seconds(seconds as f32);
        }
        if let Some(fps) = job["fps"].as_f64() {
            request = request.fps(fps);
        }
        if let Some(size) = job["size"].as_u64() {
            request = request.size(u32::try_from(size)?);
        }
        let clip = studio.generate(request)?.wait()?;
        Ok(json!({
            "count": clip.frames, "fps": clip.fps.as_f64(), "width": clip.width,
            "height": clip.height, "faces": clip.faces, "used": clip.used,
            "ignored": clip.ignored, "motion_s": clip.seconds.motion,
            "total_s": clip.seconds.total,
        }))
    }

    /// The studio of a models folder; without one the networks inside the library.
    fn studio(&mut self, models: &str) -> Outcome<Studio> {
        if let Some(studio) = self.open.get(models) {
            return Ok(studio.clone());
        }
        let mut options = StudioOptions::default()
            .threads(self.threads)
            .execution_provider(ExecutionProvider::Cpu);
        if !models.is_empty() {
            options = options.models(models);
        }
        let studio = Studio::open(options)?;
        self.open.insert(models.to_owned(), studio.clone());
        Ok(studio)
    }
}

fn with_id(mut said: Value, id: &Value) -> Value {
    said["id"] = id.clone();
    said
}

/// An error with its causes.
fn told(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}
