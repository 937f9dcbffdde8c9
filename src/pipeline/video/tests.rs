//! Whole pipelines against what diffusers gave for the same weights and the same noise: the packs and
//! records of tests/fixtures/packs, which models/export makes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::Array5;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::draws::{Draw, Draws};
use super::frames::{FrameSource, feature_scale};
use super::tiles::{Spans, Tiled};
use super::{
    ClipPicture, Latents, RoughPicture, Saved, StepTaken, VideoOrder, VideoPipeline, Watch, ltx,
};
use crate::error::Result;
use crate::pack::Pack;
use crate::photo::{Orientation, Photo};
use crate::runtime::{Cancel, ExecutionProvider, Runtime, RuntimeOptions};

/// The largest difference of final latents, and the least PSNR of frames in dB.
const LATENTS: f32 = 1e-3;
const FRAMES: f64 = 45.0;

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs")
}

fn runtime(test: &str) -> Option<Runtime> {
    let options = RuntimeOptions::default().threads(2).execution_provider(ExecutionProvider::Cpu);
    match Runtime::open(&options) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            eprintln!("skipped {test}: {error}");
            None
        }
    }
}

/// What diffusers gave for one request.
struct Record {
    bytes: Vec<u8>,
    request: Value,
}

impl Record {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let request = &header.metadata().as_ref().unwrap()["request"];
        let request = serde_json::from_str(request).unwrap();
        Self { bytes, request }
    }

    fn floats(&self, name: &str) -> Option<Vec<f32>> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).ok()?;
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        let (numbers, _) = tensor.data().as_chunks::<4>();
        Some(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Bytes and shape.
    fn bytes(&self, name: &str) -> Option<(Vec<u8>, Vec<usize>)> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).ok()?;
        assert_eq!(tensor.dtype(), Dtype::U8, "{name}");
        Some((tensor.data().to_vec(), tensor.shape().to_vec()))
    }

    fn number(&self, name: &str) -> f64 {
        self.request[name].as_f64().unwrap_or_else(|| panic!("the record has no {name}"))
    }

    fn text(&self, name: &str) -> String {
        self.request[name].as_str().unwrap_or_default().to_owned()
    }

    fn order(&self) -> VideoOrder {
        let draws = [
            (Draw::Latents, "noise"),
            (Draw::Augmentation, "augmentation_noise"),
            (Draw::Decode, "decode_noise"),
        ];
        let given: BTreeMap<_, _> =
            draws.into_iter().filter_map(|(draw, name)| Some((draw, self.floats(name)?))).collect();
        let photo = self.bytes("image").map(|(rgb, shape)| {
            let (height, width) = (shape[0] as u32, shape[1] as u32);
            let rgba: Vec<u8> = rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
            Photo::from_pixels(&rgba, width, height, 4 * width as usize, Orientation::Upright)
                .unwrap()
        });
        let [width, height] = ["width", "height"].map(|name| self.number(name) as u32);
        VideoOrder {
            photo: photo.map(|photo| ClipPicture::of(&photo, width, height).unwrap()),
            prompt: self.text("prompt"),
            negative_prompt: self.text("negative_prompt"),
            width,
            height,
            frames: self.number("frames") as u32,
            fps: self.number("fps"),
            steps: self.number("steps") as usize,
            guidance_scale: self.number("guidance_scale") as f32,
            draws: Draws::given(given),
            tiled: false,
        }
    }
}

#[derive(Default)]
struct Steps(Vec<usize>);

impl Watch for Steps {
    fn stepped(&mut self, taken: &StepTaken<'_>) -> Result<()> {
        let RoughPicture { width, height, pixels } = taken.rough().unwrap();
        assert_eq!(pixels.len() as u32, 3 * width * height);
        self.0.push(taken.done);
        Ok(())
    }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn decibels(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    if squares == 0.0 {
        f64::INFINITY
    } else {
        10.0 * (255.0f64.powi(2) * a.len() as f64 / squares).log10()
    }
}

/// Runs a pack on its records.
fn compare(name: &str) {
    let Some(runtime) = runtime(name) else { return };
    let pack = Pack::open(packs().join(name)).unwrap();
    for which in ["record", "record-odd"] {
        let record = Record::read(&packs().join(format!("{name}.{which}.safetensors")));
        let mut pack = pack.clone();
        // How many frames are decoded together shows in them.
        if let Some(chunk) = record.request.get("decode_chunk") {
            pack.manifest_mut().family_settings["decode_chunk"] = chunk.clone();
        }
        let pipeline = VideoPipeline::open(pack, &runtime).unwrap();
        let order = record.order();
        assert!(order.steps >= 8);
        let cancel = Cancel::new();
        let mut steps = Steps::default();
        if let Some(texts) = &pipeline.texts {
            let tensors = SafeTensors::deserialize(&record.bytes).unwrap();
            let ids = tensors.tensor("ids").unwrap();
            let (ids, _) = ids.data().as_chunks::<8>();
            let ids: Vec<i64> = ids.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
            assert_eq!(texts.tokens(&order.prompt).unwrap(), ids);
        }
        let latents = pipeline.latents(&order, None, &cancel, &mut steps).unwrap();
        assert_eq!(steps.0, (1..=order.steps).collect::<Vec<_>>());
        let difference = largest_difference(&latents.values, &record.floats("latents").unwrap());
        let mut frames = Vec::new();
        let mut source = pipeline.frames(latents, &order.draws, false).unwrap();
        while let Some(frame) = source.next(&cancel).unwrap() {
            frames.extend_from_slice(&frame);
        }
        let psnr = decibels(&frames, &record.bytes("frames").unwrap().0);
        println!("{name} {which}: latents within {difference:.1e}, frames {psnr:.1} dB");
        assert!(difference <= LATENTS, "{name} {which}: {difference}");
        assert!(psnr >= FRAMES, "{name} {which}: {psnr}");
    }
}

#[test]
fn wan_text_to_video_is_diffusers() {
    compare("wan-t2v");
}

#[test]
fn svd_is_diffusers() {
    compare("svd");
}

#[test]
fn ltx_is_diffusers() {
    compare("ltx");
}

#[test]
fn wan_image_to_video_is_diffusers() {
    compare("wan-i2v");
}

#[test]
fn wan_of_both_tasks_is_diffusers() {
    compare("wan-ti2v");
}

/// Keeps what each step led to.
#[derive(Default)]
struct Keeping(Vec<Saved>);

impl Watch for Keeping {
    fn stepped(&mut self, taken: &StepTaken<'_>) -> Result<()> {
        self.0.push(Saved {
            done: taken.done,
            latents: taken.latents().to_vec(),
            scheduler: taken.scheduler().into_iter().map(<[f32]>::to_vec).collect(),
        });
        Ok(())
    }
}

#[test]
fn from_wherever_it_was_saved_a_clip_ends_in_the_same_bits() {
    for name in ["wan-t2v", "wan-ti2v", "svd", "ltx"] {
        let Some(runtime) = runtime(name) else { return };
        let pipeline =
            VideoPipeline::open(Pack::open(packs().join(name)).unwrap(), &runtime).unwrap();
        let mut order = Record::read(&packs().join(format!("{name}.record.safetensors"))).order();
        order.steps = 4;
        let cancel = Cancel::new();
        let mut kept = Keeping::default();
        let whole = pipeline.latents(&order, None, &cancel, &mut kept).unwrap();
        assert_eq!(kept.0.len(), order.steps);
        for saved in kept.0 {
            let done = saved.done;
            let mut later = Steps::default();
            let resumed = pipeline.latents(&order, Some(saved), &cancel, &mut later).unwrap();
            assert_eq!(later.0, (done + 1..=order.steps).collect::<Vec<_>>(), "{name}");
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert!(bits(&resumed.values) == bits(&whole.values), "{name} after {done}");
        }
        // What was saved of another clip is refused.
        let saved = Saved { done: 1, latents: vec![0.0; 8], scheduler: Vec::new() };
        let refused = pipeline.latents(&order, Some(saved), &cancel, &mut Steps::default());
        assert_eq!(refused.err().unwrap().code(), "model.output");
    }
}

#[test]
fn what_is_remembered_is_in_memory_once() {
    let Some(runtime) = runtime("what_is_remembered_is_in_memory_once") else { return };
    for name in ["wan-t2v", "wan-i2v", "wan-ti2v"] {
        let record = Record::read(&packs().join(format!("{name}.record.safetensors")));
        let clip = |in_place: bool| {
            let mut pack = Pack::open(packs().join(name)).unwrap();
            let settings = &mut pack.manifest_mut().family_settings;
            assert_eq!(settings["caches_in_place"], true, "{name}");
            settings["caches_in_place"] = in_place.into();
            let pipeline = VideoPipeline::open(pack, &runtime).unwrap();
            let order = record.order();
            let latents =
                pipeline.latents(&order, None, &Cancel::new(), &mut Steps::default()).unwrap();
            drawn(pipeline.frames(latents, &order.draws, false).unwrap())
        };
        assert!(clip(true) == clip(false), "{name}");
    }

    let pipeline =
        VideoPipeline::open(Pack::open(packs().join("wan-t2v")).unwrap(), &runtime).unwrap();
    let channels = pipeline.manifest().latents.channels;
    let latents = Array5::from_elem((1, channels, 1, 4, 6), 0.5);
    let frame = [("latents", (&latents).into())];
    let stem = |which| pipeline.session(&format!("vae_decoder_stem_{which}")).unwrap();
    let first = stem("first").run(&frame, &Cancel::new()).unwrap().keep();
    let over = first.into_iter().filter(|(name, _)| name.starts_with("cache_"));
    let over: Vec<_> =
        over.map(|(name, kept)| (name.clone(), format!("next_{name}"), kept)).collect();
    let before: BTreeMap<_, _> =
        over.iter().map(|(name, _, kept)| (name.clone(), kept.address().unwrap())).collect();
    let next = stem("next").run_over(&frame, over, &Cancel::new()).unwrap().keep();
    assert!(!before.is_empty());
    let after: BTreeMap<_, _> = next
        .iter()
        .filter_map(|(name, kept)| Some((name.strip_prefix("next_")?.to_owned(), kept.address()?)))
        .collect();
    assert_eq!(after, before);
}

/// All frames, one after another.
fn drawn(mut source: Box<dyn FrameSource + '_>) -> Vec<u8> {
    let mut frames = Vec::new();
    while let Some(frame) = source.next(&Cancel::new()).unwrap() {
        frames.extend_from_slice(&frame);
    }
    frames
}

/// Frames of a clip and the least PSNR where it is decoded in strips, by pack. Random weights see far, and
/// these are the strips of packs whose latents are as coarse as theirs: 64 pixels are four latents of
/// Wan 2.2. SVD's group norms take what a quarter of the positions tells of whole frames.
const STRIPS: [(&str, u32, f64); 4] =
    [("wan-t2v", 9, 45.0), ("wan-ti2v", 9, 37.0), ("svd", 5, 34.0), ("ltx", 33, 60.0)];

#[test]
fn strips_of_a_clip_look_like_the_whole() {
    let mut missed = Vec::new();
    for (name, frames, least) in STRIPS {
        let Some(runtime) = runtime(name) else { return };
        let pipeline =
            VideoPipeline::open(Pack::open(packs().join(name)).unwrap(), &runtime).unwrap();
        let mut order = Record::read(&packs().join(format!("{name}.record.safetensors"))).order();
        (order.width, order.height, order.frames, order.steps) = (256, 96, frames, 2);
        order.draws = Draws::from_seed(5);
        if order.photo.is_some() {
            let wave = |at: usize, long: f32| 120.0 + 90.0 * (at as f32 / long).sin();
            let pixel = |n: usize| [wave(n % 256, 40.0), wave(n / 256, 25.0), wave(n % 256, 90.0)];
            let rgb: Vec<u8> = (0..256 * 96).flat_map(pixel).map(|code| code as u8).collect();
            order.photo = Some(ClipPicture::from_rgb(rgb));
        }
        let latents =
            pipeline.latents(&order, None, &Cancel::new(), &mut Steps::default()).unwrap();
        let same = || Latents { values: latents.values.clone(), shape: latents.shape };
        let whole = drawn(pipeline.frames(same(), &order.draws, false).unwrap());
        assert_eq!(whole.len(), 3 * 256 * 96 * frames as usize, "{name}");
        let mut cut = same();
        cut.denormalise(pipeline.manifest());
        if name == "ltx" {
            ltx::add_noise(&pipeline, &mut cut, &order.draws).unwrap();
        }
        let scale = feature_scale(pipeline.manifest());
        let spatial = pipeline.manifest().latents.spatial as usize / scale;
        let spans = Spans::even(scale * cut.shape.longer(), 2, (64 / spatial).max(2));
        assert_eq!(spans.len(), 2, "{name}");
        let tiled = drawn(Box::new(Tiled::new(&pipeline, cut, spans)));
        assert_eq!(tiled.len(), whole.len(), "{name}");
        let psnr = decibels(&tiled, &whole);
        println!("{name}: strips against the whole {psnr:.1} dB");
        if psnr < least {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn what_a_pack_cannot_mean_is_reckoned_with_without_a_panic() {
    for name in ["svd", "ltx"] {
        for scale in [0, 3, 5, u64::MAX] {
            let mut pack = Pack::open(packs().join(name)).unwrap();
            pack.manifest_mut().family_settings["feature_scale"] = scale.into();
            assert_eq!(feature_scale(pack.manifest()), 1, "{name}");
            assert!(!super::strips(pack.manifest(), [256, 96, 9]).is_empty());
            assert!(super::waiting(pack.manifest(), [256, 96, 9]) > 0.0);
            let Some(runtime) = runtime(name) else { return };
            let refused = VideoPipeline::open(pack, &runtime).err().unwrap();
            assert_eq!(refused.code(), "pack.manifest", "{name}");
        }
    }
}
