//! What jobs of a pack take: measured once by who exported it, reckoned with by everybody.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Detail, Error, Result};
use crate::pack::{Estimate, Pack, PackManifest, Point, StageEstimate, at, fitted};
use crate::pipeline::video::{
    ClipPicture, Draws, StepTaken, VideoOrder, VideoPipeline, Watch, decoded_together,
};
use crate::runtime::{Cancel, Runtime, RuntimeOptions, memory};

/// What a clip took that was made for the clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measured {
    /// Width, height and frames.
    pub size: [u32; 3],
    /// Up to the end of the first denoise step.
    pub begin: Cost,
    /// A denoise step.
    pub step: Cost,
    /// Decoding all frames.
    pub decode: Cost,
}

/// What a stage took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cost {
    /// Bytes at the peak, beside what the process had before; 0 where the system does not tell.
    pub bytes: u64,
    /// Seconds.
    pub seconds: f64,
}

impl Measured {
    /// Makes a clip of two denoise steps with the pack in `folder`, decodes it, and throws it away.
    /// For true peaks each size is measured in a process of its own.
    ///
    /// # Errors
    /// `pack.*`, `runtime.*`; `request.*` for a size that the pack does not make.
    pub fn of(folder: &Path, options: &RuntimeOptions, size: [u32; 3]) -> Result<Self> {
        let runtime = Runtime::open(options)?;
        let pipeline = VideoPipeline::open(Pack::open(folder)?, &runtime)?;
        run(&pipeline, size, true)
    }

    /// The sizes to measure, up to the pack's own: small and large, short and long.
    pub fn sizes(manifest: &PackManifest) -> Vec<[u32; 3]> {
        let (defaults, limits) = (&manifest.defaults, &manifest.limits);
        let side = |side: u32, share: f64| {
            let steps = (f64::from(side) * share / f64::from(limits.side_multiple)).round() as u32;
            let least = limits.side_min.div_ceil(limits.side_multiple);
            steps.max(least) * limits.side_multiple
        };
        let frames = |share: f64| {
            super::packs::nearest_frames(manifest, (f64::from(defaults.frames) * share) as u32)
        };
        // ONNX Runtime takes memory in blocks that double: a little more picture can take a lot of it.
        // So there are more sizes than lengths.
        let mut sizes: Vec<[u32; 3]> = [0.5, 0.7, 1.0]
            .iter()
            .flat_map(|share| [(*share, 0.25), (*share, 0.55), (*share, 1.0)])
            .chain([(0.6, 0.25), (0.8, 0.25), (0.9, 0.25)])
            .map(|(share, length)| {
                [side(defaults.width, share), side(defaults.height, share), frames(length)]
            })
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The estimate that tells these measurements best.
    ///
    /// # Errors
    /// `pack.measure` for fewer than four of them.
    pub fn fit(manifest: &PackManifest, measured: &[Self]) -> Result<Estimate> {
        let Some(smallest) = measured
            .iter()
            .map(|m| m.size)
            .min_by_key(|s| s.map(u64::from).iter().product::<u64>())
        else {
            return Err(too_few());
        };
        if measured.len() < 4 {
            return Err(too_few());
        }
        let fit = |point: &dyn Fn(&Self, usize, usize) -> Point| {
            let points = measured.iter().map(|m| {
                let (frames, area) = latent_size(manifest, m.size);
                point(m, frames, area)
            });
            fitted(&points.collect::<Vec<_>>())
        };
        let seconds = |cost: fn(&Self) -> Cost| {
            fit(&|m, frames, area| {
                let Cost { seconds, .. } = cost(m);
                Point::new(frames, area, seconds, seconds)
            })
        };
        // An error counts as far as the job's peak comes of it.
        let bytes = |cost: fn(&Self) -> Cost, m: &Self, frames, area| {
            Point::new(frames, area, cost(m).bytes as f64, m.peak() as f64)
        };
        let denoising = |cost: fn(&Self) -> Cost| StageEstimate {
            memory: fit(&|m, frames, area| bytes(cost, m, frames, area)),
            seconds: seconds(cost),
        };
        let (begin, step) = (denoising(|m| m.begin), denoising(|m| m.step));
        let decode = StageEstimate {
            memory: fit(&|m, frames, area| {
                bytes(|m| m.decode, m, decoded_together(manifest, frames), area)
            }),
            seconds: seconds(|m| m.decode),
        };
        let mut estimate = Estimate::new(begin, step, decode, smallest);
        balance(&mut estimate, manifest, measured);
        Ok(estimate)
    }

    fn peak(&self) -> u64 {
        [self.begin, self.step, self.decode].iter().map(|cost| cost.bytes).max().unwrap_or(0)
    }
}

/// Makes what is told of decoding's memory as much too low at the worst of the measured sizes as it is too high at
/// another, where the job's peak comes of it. Memory grows in jumps, which a polynomial goes through the middle of.
fn balance(estimate: &mut Estimate, manifest: &PackManifest, measured: &[Measured]) {
    let ratios = measured.iter().filter(|m| m.peak() > 0).filter_map(|m| {
        let (frames, area) = latent_size(manifest, m.size);
        let told = at(&estimate.decode.memory, decoded_together(manifest, frames), area);
        let denoising = m.begin.bytes.max(m.step.bytes) as f64;
        (told.max(m.decode.bytes as f64) > denoising).then(|| told.max(denoising) / m.peak() as f64)
    });
    let (least, most) = ratios
        .fold((f64::MAX, 0.0_f64), |(least, most), ratio| (least.min(ratio), most.max(ratio)));
    if most > 0.0 {
        estimate.decode.memory.iter_mut().for_each(|c| *c *= 2.0 / (least + most));
    }
}

/// Latent frames, and positions in each.
pub(super) fn latent_size(
    manifest: &PackManifest,
    [width, height, frames]: [u32; 3],
) -> (usize, usize) {
    let latents = &manifest.latents;
    let area = (width / latents.spatial) * (height / latents.spatial);
    (latents.frames_of(frames), area as usize)
}

/// A clip of two steps for the clock, and where `peaks` are wanted for memory too; then the process's
/// own peak is forgotten.
pub(super) fn run(pipeline: &VideoPipeline, size: [u32; 3], peaks: bool) -> Result<Measured> {
    let manifest = pipeline.manifest();
    let [width, height, frames] = size;
    let mut order = VideoOrder {
        photo: None,
        prompt: "a lighthouse in a storm at night, waves against the rocks".to_owned(),
        negative_prompt: manifest.defaults.negative_prompt.clone(),
        width,
        height,
        frames,
        fps: manifest.defaults.fps,
        steps: 2,
        guidance_scale: manifest.defaults.guidance_scale,
        draws: Draws::from_seed(0),
        tiled: false,
    };
    // Before as many pixels are made: the size may be a stranger's.
    order.check(manifest)?;
    if VideoOrder::check_task(manifest, false).is_err() {
        // What is to be seen is nothing to the clock.
        order.photo = Some(ClipPicture::from_rgb(vec![128; 3 * (width * height) as usize]));
    }
    let cancel = Cancel::new();
    let before = memory::resident().map_or(0, |(now, _)| now);
    let mut clock = Clock { peaks, lap: Instant::now(), before, laps: Vec::new() };
    clock.start();
    let latents = pipeline.latents(&order, None, &cancel, &mut clock)?;
    // Closing the denoiser is no part of decoding.
    clock.start();
    let mut source = pipeline.frames(latents, &order.draws, false)?;
    while source.next(&cancel)?.is_some() {}
    clock.stop();
    match *clock.laps.as_slice() {
        [begin, step, .., decode] => Ok(Measured { size, begin, step, decode }),
        _ => Err(too_few()),
    }
}

/// Takes the time and the peak of each stage.
struct Clock {
    peaks: bool,
    lap: Instant,
    before: u64,
    laps: Vec<Cost>,
}

impl Clock {
    fn start(&mut self) {
        if self.peaks {
            memory::reset_peak();
        }
        self.lap = Instant::now();
    }

    fn stop(&mut self) {
        let peak = memory::resident().map_or(0, |(_, peak)| peak);
        let bytes = peak.saturating_sub(self.before);
        self.laps.push(Cost { bytes, seconds: self.lap.elapsed().as_secs_f64() });
    }
}

impl Watch for Clock {
    fn stepped(&mut self, _: &StepTaken<'_>) -> Result<()> {
        self.stop();
        self.start();
        Ok(())
    }
}

fn too_few() -> Error {
    let message =
        "an estimate needs four measurements or more: give the pack's default size and length";
    Error::Model(Detail::new("pack.measure", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_memory_jumps_the_worst_is_as_much_too_low_as_another_is_too_high() {
        let manifest = include_bytes!("../../tests/fixtures/packs/wan-t2v/pack.json");
        let manifest = PackManifest::parse(manifest).unwrap();
        let bytes = |size| {
            let (_, area) = latent_size(&manifest, size);
            let jump = if area.is_multiple_of(16) { 1.4 } else { 1.0 };
            (jump * 1e6 * area as f64) as u64
        };
        let sizes = Measured::sizes(&manifest);
        let measured: Vec<_> = sizes
            .iter()
            .map(|&size| {
                let [denoising, decode] =
                    [1e6 as u64, bytes(size)].map(|bytes| Cost { bytes, seconds: 1.0 });
                Measured { size, begin: denoising, step: denoising, decode }
            })
            .collect();
        let estimate = Measured::fit(&manifest, &measured).unwrap();
        let errors = measured.iter().map(|m| {
            let (frames, area) = latent_size(&manifest, m.size);
            let frames = decoded_together(&manifest, frames);
            at(&estimate.decode.memory, frames, area) / m.decode.bytes as f64 - 1.0
        });
        let (least, most) =
            errors.fold((0.0_f64, 0.0_f64), |(least, most), e| (least.min(e), most.max(e)));
        assert!(most > 0.05 && (least + most).abs() < 1e-3, "{least} to {most}");
    }
}
