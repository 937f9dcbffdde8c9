//! `kinora animate`: one photo, one clip.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kinora::marking::{Day, LayerKind, Marking};
use kinora::runtime::ExecutionProvider;
use kinora::studio::{Made, Preflight, Stage};
use kinora::{
    Clip, FaceChoice, GenerationJob, GenerationRequest, Model, Output, Photo, Result, Studio,
    StudioOptions,
};
use serde_json::json;

use crate::{complain, packs, say};

#[derive(Args)]
pub(crate) struct Animate {
    /// The photo: JPEG, PNG, WebP, GIF, BMP, TIFF.
    photo: PathBuf,
    /// What should happen; see `kinora prompts`. A pack that reads words reads all of them.
    #[arg(long, default_value = "")]
    prompt: String,
    /// Strength of all motion, 0 to 1.5.
    #[arg(long, default_value_t = 1.0)]
    strength: f32,
    /// Which faces move: all, largest, none, or a number of `kinora faces` (from 0).
    #[arg(long, default_value = "all", value_parser = face_choice)]
    face: FaceChoice,
    /// Return to the first frame, so that the clip can be repeated.
    #[arg(long = "loop")]
    looping: bool,
    #[command(flatten)]
    making: Making,
}

#[derive(Args)]
pub(crate) struct Imagine {
    /// What should be seen.
    prompt: String,
    #[command(flatten)]
    making: Making,
}

/// What every clip can be asked for.
#[derive(Args)]
struct Making {
    /// The clip: a name that ends in .mp4, .webp or .gif.
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// The pack that makes it, by its id in `kinora pack list`.
    #[arg(long, value_name = "ID")]
    pack: Option<String>,
    /// What should not be seen, for packs that read words.
    #[arg(long, value_name = "WORDS")]
    negative_prompt: Option<String>,
    /// Length, 0.5 to 10; by default 2, or the pack's own.
    #[arg(long)]
    seconds: Option<f32>,
    /// Frames a second, 1 to 60; by default 24, or the pack's own.
    #[arg(long)]
    fps: Option<f64>,
    /// Long side in pixels; by default the photo's, at most 1280, or what the pack was taught.
    #[arg(long, value_name = "LONG_SIDE")]
    size: Option<u32>,
    /// The same seed gives the same clip.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Denoise steps.
    #[arg(long)]
    steps: Option<usize>,
    /// Guidance scale.
    #[arg(long)]
    guidance: Option<f32>,
    /// Decode frames in strips: less memory, a little more time, blended seams. For packs.
    #[arg(long)]
    tiled: bool,
    /// Only say what the clip would take. For packs.
    #[arg(long)]
    preflight: bool,
    /// Also write every frame as PNG into this folder.
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
    /// Keep in this folder, sealed under your passphrase, what `kinora resume` needs if this ends before
    /// the clip is made. For packs.
    #[cfg(feature = "vault")]
    #[arg(long, value_name = "DIR", requires = "pack")]
    checkpoints: Option<PathBuf>,
    #[command(flatten)]
    workshop: Workshop,
    /// Leave the clip without marks: no watermark and nothing in the file that says that a model made
    /// it. Laws and stores may ask for them.
    #[arg(long)]
    no_marks: bool,
    /// The day that the marks tell, to make the same file again; today by default.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    day: Option<Day>,
    /// Also sign a C2PA manifest, with a key that is made for this clip and thrown away: whoever looks
    /// sees that the clip is as it was made, and nothing links it to another one.
    #[cfg(feature = "c2pa")]
    #[arg(long, conflicts_with = "no_marks")]
    sign: bool,
    /// End with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What clips are made with.
#[derive(Args)]
pub(crate) struct Workshop {
    /// Threads; by default all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// auto, cpu, cuda, coreml, xnnpack or webgpu.
    #[arg(long, default_value = "auto")]
    execution_provider: ExecutionProvider,
    /// A folder with other model files than the embedded ones.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    #[command(flatten)]
    packs: packs::Place,
}

impl Workshop {
    pub(crate) fn options(self) -> StudioOptions {
        let mut options = StudioOptions::default().execution_provider(self.execution_provider);
        if let Some(threads) = self.threads {
            options = options.threads(threads);
        }
        if let Some(models) = self.models {
            options = options.models(models);
        }
        if let Some(packs) = self.packs.folder_if_any() {
            options = options.packs(packs);
        }
        options
    }
}

impl Animate {
    pub(crate) fn run(self) -> ExitCode {
        let json = self.making.json;
        show(self.make(), json)
    }

    fn make(self) -> Result<(Option<Clip>, f64)> {
        let clock = Instant::now();
        let photo = Photo::open(&self.photo)?;
        let decode = clock.elapsed().as_secs_f64();
        let request = GenerationRequest::animate(photo)
            .prompt(self.prompt)
            .strength(self.strength)
            .faces(self.face)
            .looping(self.looping);
        Ok((self.making.make(request)?, decode))
    }
}

impl Imagine {
    pub(crate) fn run(self) -> ExitCode {
        let json = self.making.json;
        let clip = self.making.make(GenerationRequest::imagine(self.prompt));
        show(clip.map(|clip| (clip, 0.0)), json)
    }
}

/// Says what was made, or why it was not.
pub(crate) fn show(made: Result<(Option<Clip>, f64)>, json: bool) -> ExitCode {
    match made {
        Ok((None, _)) => ExitCode::SUCCESS,
        Ok((Some(clip), decode)) => {
            if json {
                say(report(&clip, decode));
            } else {
                tell(&clip);
            }
            ExitCode::SUCCESS
        }
        Err(error) => complain(&error),
    }
}

impl Making {
    /// The clip; nothing where only its cost was asked for.
    fn make(self, mut request: GenerationRequest) -> Result<Option<Clip>> {
        let mut output = Output::from_path(self.out)?;
        if let Some(folder) = self.frames {
            output = output.with_frames(folder);
        }
        #[cfg_attr(not(feature = "vault"), allow(unused_mut, reason = "there are no checkpoints"))]
        let mut options = self.workshop.options();
        #[cfg(feature = "vault")]
        if let Some(folder) = self.checkpoints {
            options = options.checkpoints(crate::resume::checkpoints(folder)?);
        }
        let mut marking = if self.no_marks { Marking::none() } else { Marking::default() };
        if let Some(day) = self.day {
            marking = marking.day(day);
        }
        #[cfg(feature = "c2pa")]
        if self.sign {
            marking = marking.signed_by(std::sync::Arc::new(kinora::marking::OwnSigner::fresh()?));
        }
        request = request.seed(self.seed).tiled(self.tiled).output(output);
        if let Some(id) = self.pack {
            request = request.model(Model::Pack { id });
        }
        if let Some(words) = self.negative_prompt {
            request = request.negative_prompt(words);
        }
        if let Some(seconds) = self.seconds {
            request = request.seconds(seconds);
        }
        if let Some(fps) = self.fps {
            request = request.fps(fps);
        }
        if let Some(size) = self.size {
            request = request.size(size);
        }
        if let Some(steps) = self.steps {
            request = request.steps(steps);
        }
        if let Some(guidance) = self.guidance {
            request = request.guidance(guidance);
        }
        let studio = Studio::open(options.marking(marking))?;
        if self.preflight {
            foretell(&studio.preflight(&request)?, self.json);
            return Ok(None);
        }
        let job = studio.generate(request)?;
        watch(&job);
        job.wait().map(Some)
    }
}

/// Says what a clip would take.
fn foretell(told: &Preflight, json: bool) {
    let [width, height, frames] = told.size;
    if json {
        let offers = told.offers.iter().map(|offer| {
            json!({
                "tiled": offer.tiled,
                "size": offer.long_side,
                "seconds": offer.seconds,
                "peak_bytes": offer.peak_bytes,
            })
        });
        say(json!({
            "width": width,
            "height": height,
            "frames": frames,
            "fits": told.fits(),
            "peak_bytes": told.peak_bytes,
            "available_bytes": told.available_bytes,
            "seconds": told.seconds,
            "offers": offers.collect::<Vec<_>>(),
        }));
        return;
    }
    say(format!("{frames} frames of {width}×{height}"));
    let megabytes = |bytes: Option<u64>| {
        bytes.map_or("unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000))
    };
    say(format!(
        "memory at the peak: {}, of {} that are left",
        megabytes(told.peak_bytes),
        megabytes(told.available_bytes)
    ));
    match told.seconds {
        Some(seconds) => say(format!("time: {seconds:.0} s")),
        None => say("time: unknown, since nobody has measured the pack: `kinora pack measure`"),
    }
    for offer in &told.offers {
        say(format!(
            "would fit: --size {} --seconds {:.2}{}, with {} MB",
            offer.long_side,
            offer.seconds,
            if offer.tiled { " --tiled" } else { "" },
            offer.peak_bytes / 1_000_000
        ));
    }
}

/// Shows the progress on a terminal; silent where there is none.
pub(crate) fn watch(job: &GenerationJob) {
    let bar = ProgressBar::new(1000);
    if let Ok(style) = ProgressStyle::with_template("{msg:7} {bar:40} {percent:>3}% {prefix}") {
        bar.set_style(style);
    }
    while !job.is_finished() {
        let Some(progress) = job.next_progress(Duration::from_millis(200)) else { continue };
        bar.set_message(match progress.stage {
            Stage::Faces => "faces",
            Stage::Motion => "motion",
            Stage::Denoising => "denoise",
            Stage::Sending => "sending",
            Stage::Queued => "waiting",
            Stage::Working => "made",
            Stage::Fetching => "coming",
            _ => "frames",
        });
        if let Some(left) = progress.seconds_left {
            bar.set_prefix(format!("{left:.1} s left"));
        }
        bar.set_position((progress.share * 1000.0) as u64);
    }
    bar.finish_and_clear();
}

pub(crate) fn tell(clip: &Clip) {
    if let Made::Path(path) = &clip.made {
        say(path.display());
    }
    eprintln!(
        "{} frames of {}×{} at {} a second, {}, seed {}, on {}, {:.2} s",
        clip.frames,
        clip.width,
        clip.height,
        clip.fps,
        match clip.faces {
            _ if clip.remote_model.is_some() => "made elsewhere".to_owned(),
            _ if clip.pack.is_some() => "made by a pack".to_owned(),
            0 => "no face moved".to_owned(),
            1 => "one face moved".to_owned(),
            n => format!("{n} faces moved"),
        },
        clip.seed,
        maker(clip),
        clip.seconds.total
    );
    if !clip.used.is_empty() {
        eprintln!("understood: {}", clip.used.join(" "));
    }
    if !clip.ignored.is_empty() {
        eprintln!("not understood (see `kinora prompts`): {}", clip.ignored.join(" "));
    }
    let marks: Vec<_> = clip.marks.iter().copied().map(layer).collect();
    if marks.is_empty() {
        eprintln!("not marked: nothing in it says that a model made it");
    } else {
        eprintln!("marked as made by a model: {}", marks.join(", "));
    }
    if clip.steps < clip.steps_asked {
        eprintln!(
            "the clip is too short for {} steps: the last {} happen together; give at least {:.1} s",
            clip.steps_asked,
            clip.steps_asked - clip.steps + 1,
            0.5 + 0.45 * (clip.steps_asked - 1) as f64
        );
    }
}

/// A layer of marks in a word.
pub(crate) fn layer(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::Manifest => "C2PA manifest",
        LayerKind::Xmp => "XMP",
        LayerKind::Watermark => "watermark",
        _ => "another",
    }
}

fn day(text: &str) -> std::result::Result<Day, String> {
    text.parse().map_err(|error: kinora::Error| error.to_string())
}

/// Where the clip was made: here, or by a remote model.
fn maker(clip: &Clip) -> String {
    match (&clip.remote_model, clip.execution_provider) {
        (Some(model), _) => model.clone(),
        (None, provider) => provider.map(|provider| provider.to_string()).unwrap_or_default(),
    }
}

fn report(clip: &Clip, decode: f64) -> serde_json::Value {
    let out = match &clip.made {
        Made::Path(path) => path.display().to_string(),
        Made::Bytes(_) | Made::Sink => String::new(),
    };
    let seconds = clip.seconds;
    json!({
        "out": out,
        "frames": clip.frames,
        "fps": clip.fps.as_f64(),
        "width": clip.width,
        "height": clip.height,
        "seed": clip.seed,
        "faces": clip.faces,
        "execution_provider": clip.execution_provider.map(|provider| provider.to_string()),
        "remote_model": clip.remote_model,
        "pack": clip.pack.as_ref().map(|pack| &pack.id),
        "used": clip.used,
        "ignored": clip.ignored,
        "steps_asked": clip.steps_asked,
        "steps": clip.steps,
        "marks": clip.marks.iter().copied().map(layer).collect::<Vec<_>>(),
        "source_marked": !clip.photo_marks.is_empty(),
        "seconds": {
            "decode": decode,
            "faces": seconds.faces,
            "motion": seconds.motion,
            "render": seconds.render,
            "marking": seconds.marking,
            "encode": seconds.encode,
            "total": decode + seconds.total,
        },
    })
}

fn face_choice(text: &str) -> std::result::Result<FaceChoice, String> {
    match text {
        "all" => Ok(FaceChoice::All),
        "largest" => Ok(FaceChoice::Largest),
        "none" => Ok(FaceChoice::None),
        number => number
            .parse()
            .map(FaceChoice::Number)
            .map_err(|_| "give all, largest, none or a number from 0".to_owned()),
    }
}
