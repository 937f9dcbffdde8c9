//! The default model: it diffuses motion; the pixels come from the photo.
//!
//! Perception and face points say where things are, the motion network says what happens and
//! when, the decoder turns both into one warp per frame. models/README.md has the networks.

mod asking;
mod cast;
mod channels;
mod curves;
mod decoder;
mod expression;
mod eye;
mod features;
mod frame;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod head;
mod lids;
#[cfg(test)]
mod look;
mod maps;
mod modes;
mod mouth;
mod network;
mod patches;
mod portrait;
mod scene;
mod schedule;
mod swatch;
mod teeth;

use crate::diffusion::{CleanFlowEuler, GuidanceScale, Noise, Run, Scheduler, sample};
use crate::error::{Detail, Error, Result};
use crate::face::Face;
use crate::face::points::PointFinder;
use crate::photo::Photo;
use crate::prompt::Reading;
use crate::render::bars;
use crate::render::field::{WarpMap, Window};
use crate::runtime::{Cancel, ExecutionProvider, Runtime, Session};

use channels::Pose;
use curves::{Curves, LONGEST};
use decoder::Decoder;
use frame::FaceFrame;
use maps::Maps;
use network::{Condition, LATENTS, MotionNetwork};
use portrait::Portrait;
use scene::Framing;
use schedule::Schedule;
use swatch::Swatch;

/// Random streams of one window's faces; seeds stay apart from window to window.
const STREAMS_PER_WINDOW: u64 = 1 << 16;

/// The sessions of the default model.
pub(crate) struct MotionPipeline {
    perception: Session,
    points: PointFinder,
    network: MotionNetwork,
}

/// The files of the default model, in memory.
#[derive(Clone, Copy)]
pub(crate) struct MotionModels<'m> {
    pub(crate) perception: &'m [u8],
    pub(crate) points: &'m [u8],
    pub(crate) motion: &'m [u8],
}

/// What a clip should be.
#[derive(Debug, Clone)]
pub(crate) struct MotionRequest {
    /// Canvas, (width, height) in pixels.
    pub(crate) size: [usize; 2],
    pub(crate) frames: usize,
    pub(crate) fps: f32,
    pub(crate) looping: bool,
    pub(crate) seed: u64,
    pub(crate) steps: Option<usize>,
    pub(crate) guidance: Option<f32>,
    pub(crate) strength: f32,
    pub(crate) reading: Reading,
}

/// A clip that is ready to be drawn frame by frame.
pub(crate) struct MotionPlan {
    decoder: Decoder,
    /// By frame: the pose of each face (at least one entry, which the scene follows).
    poses: Vec<Vec<Pose>>,
    framing: Vec<Framing>,
    faces: usize,
    steps: (usize, usize),
}

impl MotionPipeline {
    pub(crate) fn open(runtime: &Runtime, models: MotionModels<'_>) -> Result<Self> {
        Ok(Self {
            perception: runtime.session(models.perception, "perception.onnx")?,
            points: PointFinder::open(runtime, models.points)?,
            network: MotionNetwork::new(runtime.session(models.motion, "motion.onnx")?)?,
        })
    }

    /// Where the denoiser runs.
    pub(crate) fn execution_provider(&self) -> ExecutionProvider {
        self.network.session().execution_provider()
    }

    /// Denoise steps of a request in all.
    pub(crate) fn steps(&self, request: &MotionRequest, face: bool) -> usize {
        self.schedule(request, face).count()
            * request.steps.unwrap_or(self.network.defaults().steps)
    }

    /// Which window of the clip is for which step of the prompt.
    fn schedule(&self, request: &MotionRequest, face: bool) -> Schedule {
        let longest = if face { self.network.defaults().window } else { LONGEST };
        Schedule::of(&request.reading, request.frames as f32 / request.fps, longest)
    }

    /// Looks at the photo, denoises the motion of the whole clip and prepares the decoder.
    ///
    /// `on_step` hears how many denoise steps are done.
    pub(crate) fn plan(
        &self,
        photo: &Photo,
        faces: &[Face],
        request: &MotionRequest,
        cancel: &Cancel,
        on_step: &mut dyn FnMut(usize),
    ) -> Result<MotionPlan> {
        let [width, height] = request.size;
        let (whole, portraits) = self.look(photo, faces, request.size, cancel)?;
        let long_side = width.max(height);
        let seen: Vec<_> = if portraits.is_empty() {
            vec![features::features(&whole, None, long_side)]
        } else {
            portraits
                .iter()
                .map(|face| features::features(&whole, Some(&face.frame), long_side))
                .collect()
        };
        let moving = portraits.len();
        let schedule = self.schedule(request, !portraits.is_empty());
        let curves =
            self.denoise(&seen, &schedule, !portraits.is_empty(), request, cancel, on_step)?;
        let decoder = Decoder::new(
            request.size,
            moving_part(photo, request.size),
            &whole,
            &portraits,
            self.network.modes(),
        );
        let poses: Vec<Vec<Pose>> = (0..request.frames)
            .map(|i| {
                let t = i as f32 / request.fps;
                curves.iter().map(|curves| pose(curves, t, request)).collect()
            })
            .collect();
        let scene: Vec<Pose> = poses.iter().map(|poses| poses[0]).collect();
        let framing = decoder.framing(&scene, request.fps, request.looping);
        Ok(MotionPlan { decoder, poses, framing, faces: moving, steps: schedule.steps() })
    }

    /// Perception of the whole photo, and of each face that moves with the frame it stands in.
    fn look(
        &self,
        photo: &Photo,
        faces: &[Face],
        [width, height]: [usize; 2],
        cancel: &Cancel,
    ) -> Result<(Maps, Vec<Portrait>)> {
        let scale = [width as f32 / photo.width() as f32, height as f32 / photo.height() as f32];
        let whole = Maps::of_photo(&self.perception, photo, cancel)?;
        let faces = cast::cast(faces, &whole, [photo.width() as f32, photo.height() as f32]);
        let mut portraits = Vec::with_capacity(faces.len());
        for face in &faces {
            cancel.check()?;
            let points = self.points.find(photo, face, cancel)?;
            let frame = FaceFrame::new(&points, scale);
            let Some(crop) = frame.crop(head::SIDE_UNITS, head::EYE_LEVEL, scale) else { continue };
            let maps = Maps::of_portrait(&self.perception, photo, &crop, cancel)?;
            let swatch = Swatch::new(photo, &frame, scale);
            let mut portrait = Portrait { frame, maps, swatch, expressive: true };
            portrait.expressive = cast::is_expressive(face, &portrait, [width, height]);
            if cast::is_a_face(face, &portrait) {
                portraits.push(portrait);
            }
        }
        Ok((whole, portraits))
    }

    /// Curves for each face, or for the scene alone.
    fn denoise(
        &self,
        seen: &[[f32; channels::PHOTO.len()]],
        schedule: &Schedule,
        face: bool,
        request: &MotionRequest,
        cancel: &Cancel,
        on_step: &mut dyn FnMut(usize),
    ) -> Result<Vec<Curves>> {
        let defaults = self.network.defaults();
        let steps = request.steps.unwrap_or(defaults.steps);
        let guidance = GuidanceScale(request.guidance.unwrap_or(defaults.guidance));
        let seconds = request.frames as f32 / request.fps;
        let length = schedule.length();
        let mut curves = vec![Curves::default(); seen.len()];
        for window in 0..schedule.count() {
            let conditions: Vec<Condition> = seen
                .iter()
                .zip(&curves)
                .map(|(photo, curves)| {
                    let (values, speeds) = curves.hand_over();
                    let tags = asking::tags(
                        self.network.tags(),
                        schedule,
                        face,
                        request.strength,
                        window,
                        seconds,
                    );
                    Condition { tags, photo: *photo, values, speeds, seconds: length }
                })
                .collect();
            let noise = (0..seen.len())
                .flat_map(|i| {
                    let stream = window as u64 * STREAMS_PER_WINDOW + i as u64;
                    Noise::new(request.seed, stream).take(LATENTS)
                })
                .collect();
            let mut denoiser = self.network.denoiser(&conditions, guidance, cancel);
            let mut scheduler = CleanFlowEuler::new(steps, defaults.shift);
            let mut run = Told { before: window * steps, on_step: &mut *on_step };
            sample(&mut denoiser, &mut scheduler, guidance, noise, 0..steps, cancel, &mut run)?;
            let coefficients = denoiser.into_coefficients();
            for (curves, own) in curves.iter_mut().zip(coefficients.chunks_exact(LATENTS)) {
                curves.push(length, own.to_vec());
            }
        }
        Ok(curves)
    }
}

/// Counts the steps of all windows.
struct Told<'a> {
    before: usize,
    on_step: &'a mut dyn FnMut(usize),
}

impl Run for Told<'_> {
    fn noise(&mut self, _: usize, _: usize) -> Vec<f32> {
        // Its scheduler mixes none in.
        Vec::new()
    }

    fn stepped(&mut self, done: usize, _: &[f32], _: &dyn Scheduler) -> Result<()> {
        (self.on_step)(self.before + done);
        Ok(())
    }
}

impl MotionPlan {
    /// How many faces move.
    pub(crate) fn faces(&self) -> usize {
        self.faces
    }

    /// How many steps the prompt has, and how many of them happen one after the other.
    pub(crate) fn steps(&self) -> (usize, usize) {
        self.steps
    }

    /// The warp of frame `index`.
    pub(crate) fn map(&mut self, index: usize) -> WarpMap {
        self.decoder.map(&self.poses[index], self.framing[index])
    }
}

/// What moves of a canvas of `size`: the photo without the bars along its edges. Their last line,
/// which resizing mixes with the picture's first, counts as theirs.
fn moving_part(photo: &Photo, size: [usize; 2]) -> Window {
    let whole = Window::whole(photo.width() as usize, photo.height() as usize);
    let picture = bars::picture(photo);
    let side = |low: usize, high: usize, length: usize, size: usize| {
        let scale = size as f32 / length as f32;
        let first = if low == 0 { 0 } else { (low as f32 * scale).ceil() as usize + 1 };
        let last =
            if high == length { size } else { ((high as f32 * scale) as usize).saturating_sub(1) };
        (first, last)
    };
    let (left, right) = side(picture.left, picture.right, whole.right, size[0]);
    let (top, bottom) = side(picture.top, picture.bottom, whole.bottom, size[1]);
    if left < right && top < bottom {
        Window { left, top, right, bottom }
    } else {
        Window::whole(size[0], size[1])
    }
}

fn pose(curves: &Curves, t: f32, request: &MotionRequest) -> Pose {
    if request.looping {
        return curves.at_in_loop(t, request.frames as f32 / request.fps);
    }
    curves.at(t)
}

/// A network's tensor has another shape than its place needs.
fn unexpected(file: &str, tensor: &str, shape: &[usize]) -> Error {
    let message = format!("`{tensor}` of {file} has the shape {shape:?}; it is not one for Kinora");
    Error::Model(Detail::new("model.shape", message))
}
