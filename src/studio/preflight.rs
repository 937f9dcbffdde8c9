//! What a job would take, before it begins.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::measure::{Cost, Measured, latent_size, run};
use super::packs::{extent, nearest_frames};
use super::{GenerationRequest, Model, Shared, Studio};
use crate::clip::Fps;
use crate::error::{Detail, Error, Result};
use crate::pack::{Estimate, PackManifest, at};
use crate::pipeline::video::{VideoOrder, decoded_together, strips, waiting};
use crate::runtime::memory;

/// What a job would take.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Preflight {
    /// Width and height of the clip in pixels, and its frames.
    pub size: [u32; 3],
    /// Bytes at the peak, beside what the process has already; `None` for a pack that nobody has
    /// measured.
    pub peak_bytes: Option<u64>,
    /// Bytes that the process can still take; `None` where neither the system nor
    /// [`StudioOptions::memory_limit`](crate::StudioOptions::memory_limit) says it.
    pub available_bytes: Option<u64>,
    /// Seconds from start to end; `None` for a pack that nobody has measured.
    pub seconds: Option<f64>,
    /// What would fit, the nearest first, where this does not.
    pub offers: Vec<Offer>,
}

/// A change that makes a request fit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Offer {
    /// Whether frames are decoded in strips: [`GenerationRequest::tiled`].
    pub tiled: bool,
    /// The longer side: [`GenerationRequest::size`].
    pub long_side: u32,
    /// The length: [`GenerationRequest::seconds`].
    pub seconds: f32,
    /// Bytes at the peak then.
    pub peak_bytes: u64,
}

impl Preflight {
    /// Whether the job fits, as far as that is known.
    pub fn fits(&self) -> bool {
        fits(self.peak_bytes, self.available_bytes)
    }
}

/// An estimate may be a tenth too low.
const MARGIN: f64 = 1.1;

fn fits(peak: Option<u64>, available: Option<u64>) -> bool {
    match (peak, available) {
        (Some(peak), Some(available)) => peak as f64 * MARGIN <= available as f64,
        _ => true,
    }
}

/// How long stages take here, in the seconds of who measured the pack; by the pack's id.
#[derive(Default)]
pub(super) struct Paces(Mutex<BTreeMap<String, Pace>>);

#[derive(Clone, Copy)]
struct Pace {
    begin: f64,
    step: f64,
    decode: f64,
}

impl Studio {
    /// What a job of a pack would take: its peak of memory, and its time. The first time for a pack a
    /// small clip is made for the clock, which opens its networks: not on the main thread.
    ///
    /// A job that does not fit is refused by [`Studio::generate`] too, with the same numbers.
    ///
    /// # Errors
    /// As [`Studio::generate`]; `request.model` for a request that no pack would make.
    pub fn preflight(&self, request: &GenerationRequest) -> Result<Preflight> {
        let id = match request.asked_model() {
            Model::Pack { id } => id.clone(),
            Model::Default if request.is_words() => self.shared.packs.for_words()?,
            _ => {
                let message = "only jobs of packs have to be reckoned with: Model::Pack";
                return Err(Error::Request(Detail::new("request.model", message)));
            }
        };
        let manifest = self.shared.packs.manifest(&id)?;
        let extent = extent(&manifest, &request.wishes()?)?;
        VideoOrder::check_task(&manifest, request.photo().is_some())?;
        let mut told = self.shared.weighed(&manifest, &extent);
        if let Some(estimate) = &manifest.estimate {
            let pace = self.shared.pace(&id, estimate)?;
            told.seconds = Some(seconds(&manifest, estimate, pace, &extent));
        }
        Ok(told)
    }
}

/// The size of a clip, and what else its cost depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) size: [u32; 3],
    pub(super) fps: Fps,
    pub(super) steps: usize,
    pub(super) tiled: bool,
}

impl Shared {
    /// Whether a job fits into memory, and what would.
    fn weighed(&self, manifest: &PackManifest, extent: &Extent) -> Preflight {
        let limit = [memory::available(), self.memory_limit].into_iter().flatten().min();
        let peak = |extent: &Extent| {
            manifest.estimate.as_ref().map(|estimate| peak(manifest, estimate, extent))
        };
        let mut told = Preflight {
            size: extent.size,
            peak_bytes: peak(extent),
            available_bytes: limit,
            seconds: None,
            offers: Vec::new(),
        };
        if !told.fits() {
            told.offers = offers(manifest, extent, &|extent| {
                peak(extent).filter(|bytes| fits(Some(*bytes), limit))
            });
        }
        told
    }

    /// # Errors
    /// `request.memory` with numbers, for a job that would be killed.
    pub(super) fn check_memory(&self, manifest: &PackManifest, extent: &Extent) -> Result<()> {
        let told = self.weighed(manifest, extent);
        let (false, Some(peak), Some(left)) = (told.fits(), told.peak_bytes, told.available_bytes)
        else {
            return Ok(());
        };
        let offer = match told.offers.first() {
            Some(offer) => format!(
                "what would fit: {}a longer side of {} and {:.2} seconds, with {} MB",
                if offer.tiled { "tiled decoding, " } else { "" },
                offer.long_side,
                offer.seconds,
                offer.peak_bytes / 1_000_000
            ),
            None => "close other apps, or take a smaller pack".to_owned(),
        };
        let message = format!(
            "this clip would take {} MB of memory at its peak, and {} MB are left: {offer}",
            peak / 1_000_000,
            left / 1_000_000
        );
        Err(Error::Request(Detail::new("request.memory", message)))
    }

    /// How quick this machine is with a pack: known from an earlier time, or tried out now.
    fn pace(&self, id: &str, estimate: &Estimate) -> Result<Pace> {
        let paces = &self.packs.paces.0;
        if let Some(pace) = paces.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(*pace);
        }
        let pipeline = self.packs.pipeline(id, self)?;
        let measured = self.threads.install(|| run(&pipeline, estimate.smallest, false))?;
        let (frames, area) = latent_size(pipeline.manifest(), measured.size);
        let ratio =
            |cost: Cost, coefficients| cost.seconds / at(coefficients, frames, area).max(1e-6);
        let Measured { begin, step, decode, .. } = measured;
        let pace = Pace {
            begin: ratio(begin, &estimate.begin.seconds),
            step: ratio(step, &estimate.step.seconds),
            decode: ratio(decode, &estimate.decode.seconds),
        };
        paces.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), pace);
        Ok(pace)
    }
}

/// Bytes of a job at its peak.
fn peak(manifest: &PackManifest, estimate: &Estimate, extent: &Extent) -> u64 {
    let (frames, area) = latent_size(manifest, extent.size);
    let denoising =
        at(&estimate.begin.memory, frames, area).max(at(&estimate.step.memory, frames, area));
    let decoding = if extent.tiled {
        let parts = strips(manifest, extent.size);
        let largest = parts.iter().map(|(frames, area)| {
            at(&estimate.decode.memory, decoded_together(manifest, *frames), *area)
        });
        largest.fold(0.0, f64::max) + waiting(manifest, extent.size)
    } else {
        at(&estimate.decode.memory, decoded_together(manifest, frames), area)
    };
    denoising.max(decoding) as u64
}

/// From start to end; encoding goes on beside decoding.
fn seconds(manifest: &PackManifest, estimate: &Estimate, pace: Pace, extent: &Extent) -> f64 {
    let (frames, area) = latent_size(manifest, extent.size);
    let of = |coefficients, pace: f64| pace * at(coefficients, frames, area);
    let decode = if extent.tiled {
        let parts = strips(manifest, extent.size);
        parts
            .iter()
            .map(|(frames, area)| pace.decode * at(&estimate.decode.seconds, *frames, *area))
            .sum()
    } else {
        of(&estimate.decode.seconds, pace.decode)
    };
    let steps = extent.steps.saturating_sub(1) as f64;
    of(&estimate.begin.seconds, pace.begin) + steps * of(&estimate.step.seconds, pace.step) + decode
}

/// Changes that make a clip fit: strips, then a smaller picture, then a shorter clip.
fn offers(
    manifest: &PackManifest,
    wanted: &Extent,
    peak_if_fits: &dyn Fn(&Extent) -> Option<u64>,
) -> Vec<Offer> {
    let [width, height, frames] = wanted.size;
    let step = manifest.limits.side_multiple;
    let side = |side: u32, share: f64| {
        let least = manifest.limits.side_min.div_ceil(step);
        ((f64::from(side) * share / f64::from(step)).round() as u32).max(least) * step
    };
    let smaller = |percent: u32| {
        let share = f64::from(percent) / 100.0;
        [side(width, share), side(height, share), frames]
    };
    let shorter = |percent: u32| [width, height, nearest_frames(manifest, frames * percent / 100)];
    let tiled = Extent { tiled: true, ..*wanted };
    let all = [tiled].into_iter();
    // Strips only where they are needed: whole frames first.
    let both = |size| [*wanted, tiled].map(|extent| Extent { size, ..extent });
    let sizes = (1..10).flat_map(|tenths| both(smaller(100 - 10 * tenths)));
    let lengths = (1..10).flat_map(|tenths| both(shorter(100 - 10 * tenths)));
    let first = |mut among: Box<dyn Iterator<Item = Extent>>| {
        among.find_map(|extent| Some((extent, peak_if_fits(&extent)?)))
    };
    let found = [first(Box::new(all)), first(Box::new(sizes)), first(Box::new(lengths))];
    let offers = found.into_iter().flatten().map(|(extent, peak_bytes)| Offer {
        tiled: extent.tiled,
        long_side: extent.size[0].max(extent.size[1]),
        seconds: (f64::from(extent.size[2]) / extent.fps.as_f64()) as f32,
        peak_bytes,
    });
    offers.collect()
}
