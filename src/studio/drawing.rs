//! Frames go from the warp to the encoder, side by side, through a few buffers that are reused.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::Shared;
use super::checks::FrameChecks;
use super::marks::ClipMarks;
use super::progress::{Board, Preview, Stage};
use crate::clip::{ClipSpec, Encoder, Frame, Layout, Rgb8, Written};
use crate::error::{Detail, Error, Result};
use crate::photo::Photo;
use crate::pipeline::motion::MotionPlan;
use crate::pipeline::video::FrameSource;
use crate::render::canvas::{Canvas, ColourSpace};
use crate::render::colour::rgb_from_ycbcr;
use crate::render::warp::{warp_i420, warp_rgb};
use crate::runtime::Cancel;

/// Buffers between warp and encoder: one is drawn, one encoded, one evens out their pace.
const BUFFERS: usize = 3;
/// A preview's long side, and every how many frames there is one.
const PREVIEW_SIDE: u32 = 160;
const PREVIEW_EVERY: u32 = 4;

/// Where drawn frames go: they are marked, then encoded.
pub(super) struct Outlet<'m> {
    pub(super) marks: &'m mut ClipMarks,
    pub(super) encoder: Box<dyn Encoder>,
}

/// What drawing gave.
pub(super) struct Drawn {
    pub(super) written: Written,
    /// Frames that the output gates saw.
    pub(super) checked: u32,
    /// Time in the warp, in the watermark and in the encoder.
    pub(super) render: Duration,
    pub(super) marking: Duration,
    pub(super) encode: Duration,
}

/// Draws one frame after another.
pub(super) trait Painter {
    /// Draws frame `index`, counted from 0.
    fn paint(&mut self, index: u32, frame: &mut Frame, cancel: &Cancel) -> Result<()>;
}

/// Warps the photo as a plan of motion says.
pub(super) struct Warped {
    canvas: Canvas,
    plan: MotionPlan,
}

impl Warped {
    pub(super) fn new(
        photo: &Photo,
        plan: MotionPlan,
        spec: &ClipSpec,
        layout: Layout,
    ) -> Result<Self> {
        let space = match layout {
            Layout::I420 => ColourSpace::Bt709,
            Layout::Rgb => ColourSpace::Rgb,
        };
        let canvas = Canvas::new(photo, spec.width as usize, spec.height as usize, space)?;
        Ok(Self { canvas, plan })
    }
}

impl Painter for Warped {
    fn paint(&mut self, index: u32, frame: &mut Frame, _: &Cancel) -> Result<()> {
        let map = self.plan.map(index as usize);
        match frame {
            Frame::I420(frame) => warp_i420(&self.canvas, &map, frame.planes_mut()),
            Frame::Rgb(frame) => warp_rgb(&self.canvas, &map, frame.pixels_mut()),
        }
        Ok(())
    }
}

/// Takes frames as a pack decodes them.
pub(super) struct Decoded<'p> {
    source: Box<dyn FrameSource + 'p>,
    /// For frames in another layout.
    rgb: Rgb8,
}

impl<'p> Decoded<'p> {
    pub(super) fn new(source: Box<dyn FrameSource + 'p>, spec: &ClipSpec) -> Self {
        Self { source, rgb: Rgb8::new(spec.width, spec.height) }
    }
}

impl Painter for Decoded<'_> {
    fn paint(&mut self, _: u32, frame: &mut Frame, cancel: &Cancel) -> Result<()> {
        let length = self.rgb.pixels().len();
        let picture = self.source.next(cancel)?.filter(|picture| picture.len() == length);
        let Some(picture) = picture else {
            let message = "the pack's decoder gives fewer or other frames than the clip has: export the pack anew";
            return Err(Error::Model(Detail::new("model.output", message)));
        };
        match frame {
            Frame::Rgb(frame) => frame.pixels_mut().copy_from_slice(&picture),
            Frame::I420(frame) => {
                self.rgb.pixels_mut().copy_from_slice(&picture);
                frame.convert_from(&self.rgb)?;
            }
        }
        Ok(())
    }
}

/// Draws all frames of a clip into an encoder.
pub(super) fn draw(
    shared: &Shared,
    painter: &mut (dyn Painter + Send),
    outlet: Outlet<'_>,
    spec: &ClipSpec,
    board: &Board,
    cancel: &Cancel,
) -> Result<Drawn> {
    let Outlet { encoder, marks } = outlet;
    let layout = encoder.layout();
    let mut render = Duration::ZERO;
    let mut marking = Duration::ZERO;
    let mut checks = FrameChecks::new(shared, spec);

    let (full, to_encode) = sync_channel::<Frame>(BUFFERS);
    let (to_draw, empty) = sync_channel::<Frame>(BUFFERS);
    for _ in 0..BUFFERS {
        // The channel has room for all of them.
        let _ = to_draw.send(Frame::new(layout, spec.width, spec.height)?);
    }
    std::thread::scope(|scope| {
        let encoding = std::thread::Builder::new()
            .name("kinora-encoder".to_owned())
            .spawn_scoped(scope, move || encode(encoder, &to_encode, &to_draw, cancel))
            .map_err(|error| {
                let message = "no thread could be started: close other work and try again";
                Error::Runtime(Detail::new("runtime.threads", message).because(error))
            })?;
        let mut refused = None;
        for index in 0..spec.frames {
            // A closed channel: the encoder has ended and says why below.
            let Ok(mut frame) = empty.recv() else { break };
            if cancel.is_cancelled() {
                break;
            }
            let clock = Instant::now();
            let painted = shared.threads.install(|| painter.paint(index, &mut frame, cancel));
            render += clock.elapsed();
            if let Err(error) = painted {
                refused = Some(error);
                break;
            }
            // Before anybody gets it; an encoder that misses frames keeps nothing.
            if let Err(error) = checks.check(&frame, index, cancel) {
                refused = Some(error);
                break;
            }
            let clock = Instant::now();
            shared.threads.install(|| marks.mark(&mut frame));
            marking += clock.elapsed();
            if index % PREVIEW_EVERY == 0 {
                board.show(preview(&frame));
            }
            if full.send(frame).is_err() {
                break;
            }
            board.set(Stage::Frames, index + 1, spec.frames);
        }
        drop(full);
        let encoded = encoding.join().map_err(|_| {
            let message = "the encoder failed in a way it should not: please report it";
            Error::Internal(Detail::new("internal.panic", message))
        })?;
        cancel.check()?;
        if let Some(error) = refused {
            return Err(error);
        }
        let (written, encode) = encoded?;
        Ok(Drawn { written, checked: checks.frames(), render, marking, encode })
    })
}

/// Encodes what comes until no more does.
fn encode(
    mut encoder: Box<dyn Encoder>,
    full: &Receiver<Frame>,
    empty: &SyncSender<Frame>,
    cancel: &Cancel,
) -> Result<(Written, Duration)> {
    let mut spent = Duration::ZERO;
    while let Ok(frame) = full.recv() {
        cancel.check()?;
        let clock = Instant::now();
        encoder.write(&frame)?;
        spent += clock.elapsed();
        // Whoever draws has gone when the last frames are encoded.
        let _ = empty.send(frame);
    }
    cancel.check()?;
    let clock = Instant::now();
    let written = encoder.finish()?;
    Ok((written, spent + clock.elapsed()))
}

/// Every n-th pixel of a frame.
fn preview(frame: &Frame) -> Preview {
    let (width, height) = frame.size();
    let every = width.max(height).div_ceil(PREVIEW_SIDE).max(1);
    let (w, h) = ((width / every).max(1), (height / every).max(1));
    let points =
        (0..h).flat_map(|j| (0..w).map(move |i| ((i * every) as usize, (j * every) as usize)));
    let stride = width as usize;
    let pixels = match frame {
        Frame::Rgb(frame) => points
            .flat_map(|(x, y)| {
                let at = 3 * (y * stride + x);
                let p = &frame.pixels()[at..at + 3];
                [p[0], p[1], p[2]]
            })
            .collect(),
        Frame::I420(frame) => points
            .flat_map(|(x, y)| {
                let chroma = (y / 2) * frame.uv_stride() + x / 2;
                let luma = frame.y()[y * frame.y_stride() + x];
                let codes = [luma, frame.u()[chroma], frame.v()[chroma]].map(f32::from);
                rgb_from_ycbcr(codes).map(|value| (value + 0.5) as u8)
            })
            .collect(),
    };
    Preview { width: w, height: h, pixels }
}
