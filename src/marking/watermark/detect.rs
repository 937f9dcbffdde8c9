//! Finds the mark in frames that may have been encoded, scaled, cut and mirrored since.

use std::f32::consts::TAU;

use rustfft::num_complex::Complex32;
use zeroize::Zeroizing;

use super::payload::WatermarkPayload;
use super::residual::{luma_of_rgb, residual};
use super::spectrum::{Correlator, PLACES, Peak, Spectrum};
use super::waves::{MOST, RINGS, WAVES, Wave};
use super::{TILE, code};
use crate::error::{Detail, Error, Result};

/// Sizes of the tile that are looked for, in shares of [`TILE`].
const SCALES: (f32, f32) = (0.35, 2.3);
/// Frames with a shorter side beyond this are halved first.
const LARGE: usize = 960;
/// Of a frame that is longer than this after that, the middle is looked at.
const LONGEST: usize = 2048;
/// The smallest frame in which anything is looked for.
const SMALLEST: usize = 16;
/// The score from which the mark is there, whether its payload can be read or not. How often
/// chance reaches it was counted (docs/watermark.md).
const SURE: f32 = 7.4;
/// The score from which the payload is tried; that its checksum is right then decides.
const WORTH_READING: f32 = 5.5;
/// How many sizes are tried for a payload at most.
const TRIES: usize = 6;

/// What a detector has found.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum WatermarkReading {
    /// No mark.
    Absent,
    /// A mark whose payload cannot be read.
    Damaged,
    /// A mark and what it says.
    Intact(WatermarkPayload),
}

/// Looks for the watermark in the frames of one clip, or in one picture.
///
/// Frames may come from any decoder, in any order; a dozen spread over a clip are enough. Memory does
/// not grow with their number.
pub struct WatermarkDetector {
    width: usize,
    height: usize,
    /// Every how many pixels of a frame make one.
    step: usize,
    /// The part that is looked at, in pixels after that.
    part: Part,
    sum: Zeroizing<Vec<f32>>,
    frames: usize,
}

/// The middle of a frame.
#[derive(Debug, Clone, Copy)]
struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl WatermarkDetector {
    /// A detector for frames of `width` × `height` pixels.
    ///
    /// # Errors
    /// `request.size` for sides under 16 or over 16,384 pixels.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let (width, height) = (width as usize, height as usize);
        if width.min(height) < SMALLEST || width.max(height) > 16_384 {
            let message = format!(
                "a frame of {width}×{height} cannot be looked at: give sides of 16 to 16384 pixels"
            );
            return Err(Error::Request(Detail::new("request.size", message)));
        }
        let mut step = 1;
        while width.min(height) / step > LARGE {
            step *= 2;
        }
        let middle = |side: usize| {
            let side = side / step;
            let part = side.min(LONGEST);
            ((side - part) / 2, part)
        };
        let ((left, width_of_part), (top, height_of_part)) = (middle(width), middle(height));
        let part = Part { left, top, width: width_of_part, height: height_of_part };
        let sum = Zeroizing::new(vec![0.0; part.width * part.height]);
        Ok(Self { width, height, step, part, sum, frames: 0 })
    }

    /// Adds a frame's luma, (H, W), 8 bits, of either range; `stride` bytes from one row to the next.
    ///
    /// # Errors
    /// `request.frame` when `luma` is too short for the size.
    pub fn add_luma(&mut self, luma: &[u8], stride: usize) -> Result<()> {
        let needed = stride.checked_mul(self.height - 1).and_then(|n| n.checked_add(self.width));
        if stride < self.width || needed.is_none_or(|needed| luma.len() < needed) {
            return Err(short());
        }
        self.add(|x, y| luma[y * stride + x]);
        Ok(())
    }

    /// Adds a frame in RGB, 8 bits a channel, (H, W, 3) without padding.
    ///
    /// # Errors
    /// `request.frame` when `pixels` is not of that size.
    pub fn add_rgb(&mut self, pixels: &[u8]) -> Result<()> {
        if pixels.len() != self.width * self.height * 3 {
            return Err(short());
        }
        let luma = Zeroizing::new(luma_of_rgb(pixels));
        let width = self.width;
        self.add(|x, y| luma[y * width + x]);
        Ok(())
    }

    fn add(&mut self, luma: impl Fn(usize, usize) -> u8) {
        let Part { left, top, width, height } = self.part;
        let step = self.step;
        let mut plane = Zeroizing::new(Vec::with_capacity(width * height));
        for y in top..top + height {
            for x in left..left + width {
                let mut sum = 0u32;
                for v in 0..step {
                    for u in 0..step {
                        sum += u32::from(luma(x * step + u, y * step + v));
                    }
                }
                plane.push(sum as f32 / (step * step) as f32);
            }
        }
        let fine = Zeroizing::new(residual(&plane, width, height));
        self.sum.iter_mut().zip(fine.iter()).for_each(|(sum, value)| *sum += value);
        self.frames += 1;
    }

    /// What the frames so far show.
    pub fn read(&self) -> WatermarkReading {
        self.find().0
    }

    /// The reading, and the best score behind it.
    pub(crate) fn find(&self) -> (WatermarkReading, f32) {
        if self.frames == 0 {
            return (WatermarkReading::Absent, 0.0);
        }
        let Part { width, height, .. } = self.part;
        let highest = (MOST as f32 / (TILE as f32 * SCALES.0)).min(0.5);
        let spectrum = Spectrum::of(&self.sum, width, height, highest);
        let mut search = Search::new(spectrum, width.max(height));
        let mut candidates = search.candidates();
        candidates.sort_by(|a, b| b.peak.score.total_cmp(&a.peak.score));
        let best = candidates.first().map_or(0.0, |candidate| candidate.peak.score);
        for candidate in candidates.into_iter().take(TRIES) {
            if candidate.peak.score < WORTH_READING {
                break;
            }
            let refined = search.refined(candidate);
            if let Some(payload) = search.payload(&refined) {
                return (WatermarkReading::Intact(payload), best);
            }
        }
        let reading =
            if best >= SURE { WatermarkReading::Damaged } else { WatermarkReading::Absent };
        (reading, best)
    }
}

impl std::fmt::Debug for WatermarkDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { width, height, frames, .. } = self;
        write!(f, "WatermarkDetector({width}×{height}, {frames} frames)")
    }
}

fn short() -> Error {
    let message = "a frame's pixels do not fit the size that the detector was made for";
    Error::Request(Detail::new("request.frame", message))
}

/// A size of the tile, and the best place for it.
#[derive(Clone, Copy)]
struct Candidate {
    /// Shares of [`TILE`] in x and in y.
    scale: (f32, f32),
    mirrored: bool,
    peak: Peak,
}

struct Search {
    spectrum: Spectrum,
    correlator: Correlator,
    /// The longer side, pixels.
    side: usize,
    /// Values of the waves that tell the place: as they are, and mirrored.
    values: [Vec<Complex32>; 2],
    hold: HoldDown,
}

impl Search {
    fn new(spectrum: Spectrum, side: usize) -> Self {
        let hold = HoldDown::of(&WAVES.place);
        Self { spectrum, correlator: Correlator::new(), side, values: Default::default(), hold }
    }

    /// The change of scale at which the shortest wave has moved by a period over the whole side.
    fn grain(&self, scale: f32) -> f32 {
        TILE as f32 * scale / (self.side as f32 * MOST as f32)
    }

    /// Every size once, with its best place.
    fn candidates(&mut self) -> Vec<Candidate> {
        /// Of a grain: between two sizes a wave is off by a quarter period at the frame's ends.
        const STEP: f32 = 0.5;
        let mut all = Vec::new();
        let mut scale = SCALES.0;
        while scale <= SCALES.1 {
            let peaks = self.peaks((scale, scale));
            all.extend([false, true].into_iter().zip(peaks).map(|(mirrored, peak)| Candidate {
                scale: (scale, scale),
                mirrored,
                peak,
            }));
            scale *= 1.0 + STEP * self.grain(scale);
        }
        all
    }

    /// The best size near a candidate's, in x and y each for itself: scaling rounds both sides.
    fn refined(&mut self, mut best: Candidate) -> Candidate {
        for step in [0.25, 0.12] {
            let (x, y) = best.scale;
            for i in -2i8..=2 {
                for j in -2i8..=2 {
                    let near = |scale: f32, steps: i8| {
                        scale * (1.0 + step * f32::from(steps) * self.grain(scale))
                    };
                    let scale = (near(x, i), near(y, j));
                    let peak = self.peaks(scale)[usize::from(best.mirrored)];
                    if peak.score > best.peak.score {
                        best = Candidate { scale, peak, ..best };
                    }
                }
            }
        }
        best
    }

    fn peaks(&mut self, scale: (f32, f32)) -> [Peak; 2] {
        for (values, mirrored) in self.values.iter_mut().zip([false, true]) {
            at_waves(&self.spectrum, &WAVES.place, scale, mirrored, values);
            self.hold.down(values);
        }
        let [plain, mirrored] = &self.values;
        self.correlator.peaks(&WAVES.place, [plain, mirrored])
    }

    fn held(&self, waves: &[Wave], candidate: &Candidate) -> Vec<Complex32> {
        let mut values = Vec::with_capacity(waves.len());
        at_waves(&self.spectrum, waves, candidate.scale, candidate.mirrored, &mut values);
        HoldDown::of(waves).down(&mut values);
        values
    }

    fn payload(&self, candidate: &Candidate) -> Option<WatermarkPayload> {
        let waves = &*WAVES;
        let (x, y) = self.place(candidate);
        let clear = self.clearness(candidate, x, y);
        let values = self.held(&waves.data, candidate);
        let mut soft = [0.0; code::CODEWORD];
        for (number, (value, wave)) in values.iter().zip(&waves.data).enumerate() {
            let value = turned(*value, wave, x, y) * clear[wave.ring()];
            soft[waves.bit(number, false)] += value.re;
            soft[waves.bit(number, true)] += value.im;
        }
        code::decode(&soft).and_then(WatermarkPayload::of_bits)
    }

    /// How much of each ring's waves is the mark, by those whose phases are known: what a codec or a
    /// smaller size took most from counts least.
    fn clearness(&self, candidate: &Candidate, x: f32, y: f32) -> [f32; RINGS] {
        /// Rings on either side that are taken together: one alone has too few waves to tell.
        const BESIDE: usize = 2;
        /// What no ring counts less than.
        const LEAST: f32 = 0.02;
        let place = &WAVES.place;
        let mut sums = [(0.0f32, 0.0f32); RINGS];
        for (value, wave) in self.held(place, candidate).iter().zip(place) {
            let sum = &mut sums[wave.ring()];
            sum.0 += turned(*value, wave, x, y).re;
            sum.1 += 1.0;
        }
        std::array::from_fn(|ring| {
            let near = &sums[ring.saturating_sub(BESIDE)..(ring + BESIDE + 1).min(RINGS)];
            let (sum, count) = near.iter().fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
            (sum / f32::max(count, 1.0)).max(LEAST)
        })
    }

    /// The candidate's place between those at which it was correlated.
    fn place(&self, candidate: &Candidate) -> (f32, f32) {
        const FINER: f32 = 4.0;
        let place = &WAVES.place;
        let values = self.held(place, candidate);
        let mut best = (f32::NEG_INFINITY, (candidate.peak.x, candidate.peak.y));
        for i in -4i8..=4 {
            for j in -4i8..=4 {
                let near = |at: f32, steps: i8| at + f32::from(steps) / (PLACES as f32 * FINER);
                let at = (near(candidate.peak.x, i), near(candidate.peak.y, j));
                let sum: f32 =
                    values.iter().zip(place).map(|(v, wave)| turned(*v, wave, at.0, at.1).re).sum();
                if sum > best.0 {
                    best = (sum, at);
                }
            }
        }
        best.1
    }
}

/// A wave's value as it would be with the tile's corner at the origin and no phase of its own.
fn turned(value: Complex32, wave: &Wave, x: f32, y: f32) -> Complex32 {
    let angle = TAU * (wave.kx as f32 * x + wave.ky as f32 * y);
    value * wave.back * Complex32::from_polar(1.0, angle)
}

/// The spectrum at the waves' frequencies for a tile of that size.
fn at_waves(
    spectrum: &Spectrum,
    waves: &[Wave],
    (x, y): (f32, f32),
    mirrored: bool,
    values: &mut Vec<Complex32>,
) {
    let tile = TILE as f32;
    let (x, y) = (tile * if mirrored { -x } else { x }, tile * y);
    values.clear();
    values.extend(waves.iter().map(|wave| spectrum.at(wave.kx as f32 / x, wave.ky as f32 / y)));
}

/// Limits each value to the median of those of about its wave's length, in that unit: no single wave
/// of the picture may outweigh the others.
struct HoldDown {
    /// Numbers of the waves of about one length.
    rings: Vec<Vec<usize>>,
    sizes: Vec<f32>,
}

impl HoldDown {
    fn of(waves: &[Wave]) -> Self {
        let mut rings = vec![Vec::new(); RINGS];
        for (number, wave) in waves.iter().enumerate() {
            rings[wave.ring()].push(number);
        }
        rings.retain(|ring| !ring.is_empty());
        Self { rings, sizes: Vec::new() }
    }

    fn down(&mut self, values: &mut [Complex32]) {
        for ring in &self.rings {
            self.sizes.clear();
            self.sizes.extend(ring.iter().map(|&number| values[number].norm_sqr()));
            let middle = self.sizes.len() / 2;
            let median = *self.sizes.select_nth_unstable_by(middle, f32::total_cmp).1;
            for &number in ring {
                let size = values[number].norm_sqr().max(median);
                if size > 0.0 {
                    values[number] /= size.sqrt();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::{Frame, Layout};
    use crate::marking::Day;
    use crate::marking::watermark::{Embedder, WatermarkModel};

    const PAYLOAD: WatermarkPayload = WatermarkPayload {
        model: WatermarkModel::Motion,
        day: Day::from_days(20_783),
        source_marked: true,
    };

    /// A picture with soft shapes and some grain, from a seed.
    fn picture(width: usize, height: usize, seed: u32) -> Vec<u8> {
        let mut state = u64::from(seed) * 2 + 1;
        let mut grain = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as f32 / 255.0 - 0.5
        };
        let mut out = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (x as f32 / 37.0 + seed as f32, y as f32 / 23.0);
                let base = 120.0 + 50.0 * (u.sin() + (v + u * 0.3).cos() * (u * 2.7).sin());
                let value = (base + 6.0 * grain()).clamp(0.0, 255.0) as u8;
                out.extend([value, value.saturating_add(9), value / 2]);
            }
        }
        out
    }

    fn marked(width: u32, height: u32, seed: u32) -> Vec<u8> {
        let mut frame = Frame::new(Layout::Rgb, width, height).unwrap();
        let Frame::Rgb(rgb) = &mut frame else { unreachable!() };
        rgb.pixels_mut().copy_from_slice(&picture(width as usize, height as usize, seed));
        Embedder::new(&PAYLOAD).mark(&mut frame);
        let Frame::Rgb(rgb) = &frame else { unreachable!() };
        rgb.pixels().to_vec()
    }

    fn read(pixels: &[u8], width: u32, height: u32) -> WatermarkReading {
        let mut detector = WatermarkDetector::new(width, height).unwrap();
        detector.add_rgb(pixels).unwrap();
        detector.read()
    }

    #[test]
    fn the_mark_is_read_whole_cut_halved_and_mirrored() {
        let (width, height) = (480u32, 400u32);
        let pixels = marked(width, height, 3);
        let intact = WatermarkReading::Intact(PAYLOAD);
        assert_eq!(read(&pixels, width, height), intact);
        let image = image::RgbImage::from_raw(width, height, pixels).unwrap();
        let cut = image::imageops::crop_imm(&image, 13, 29, 432, 360).to_image();
        assert_eq!(read(&cut, 432, 360), intact);
        let half = image::imageops::resize(&image, 240, 200, image::imageops::FilterType::Triangle);
        assert_eq!(read(&half, 240, 200), intact);
        let mirrored = image::imageops::flip_horizontal(&image);
        assert_eq!(read(&mirrored, width, height), intact);
    }

    #[test]
    fn luma_planes_carry_it_too() {
        let mut frame = Frame::new(Layout::I420, 320, 320).unwrap();
        let Frame::I420(i420) = &mut frame else { unreachable!() };
        let luma: Vec<u8> = picture(320, 320, 5).chunks_exact(3).map(|p| 16 + p[0] / 2).collect();
        i420.planes_mut().y.copy_from_slice(&luma);
        Embedder::new(&PAYLOAD).mark(&mut frame);
        let Frame::I420(i420) = &frame else { unreachable!() };
        let mut detector = WatermarkDetector::new(320, 320).unwrap();
        detector.add_luma(i420.y(), i420.y_stride()).unwrap();
        assert_eq!(detector.read(), WatermarkReading::Intact(PAYLOAD));
    }

    #[test]
    fn what_is_not_marked_is_not_found() {
        for seed in 0..4 {
            assert_eq!(read(&picture(320, 240, seed), 320, 240), WatermarkReading::Absent);
        }
        assert_eq!(read(&[77; 64 * 64 * 3], 64, 64), WatermarkReading::Absent);
        assert_eq!(WatermarkDetector::new(64, 64).unwrap().read(), WatermarkReading::Absent);
    }

    #[test]
    fn the_mark_is_weak() {
        for seed in 0..3 {
            let (plain, pixels) = (picture(480, 360, seed), marked(480, 360, seed));
            let squares: f64 = plain
                .iter()
                .zip(&pixels)
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum();
            let psnr = 10.0 * (255.0f64.powi(2) * plain.len() as f64 / squares).log10();
            assert!((42.0..55.0).contains(&psnr), "{psnr}");
        }
    }

    #[test]
    fn frames_of_other_sizes_are_refused() {
        assert_eq!(WatermarkDetector::new(8, 400).unwrap_err().code(), "request.size");
        let mut detector = WatermarkDetector::new(32, 32).unwrap();
        assert_eq!(detector.add_rgb(&[0; 5]).unwrap_err().code(), "request.frame");
        assert_eq!(detector.add_luma(&[0; 1024], 31).unwrap_err().code(), "request.frame");
    }
}
