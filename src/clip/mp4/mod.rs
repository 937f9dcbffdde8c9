//! H.264 in MP4, streamed: the index's room is left at the front and filled at the end.

mod boxes;
mod h264;

use self::boxes::Movie;
use self::h264::H264;
use crate::clip::frame::ToI420;
use crate::clip::target::{Target, failed};
use crate::clip::{ClipSpec, Encoder, Frame, Layout, Written};
use crate::error::{Error, Result};

pub(crate) use self::h264::check_size;

/// Encodes and multiplexes one clip.
pub(crate) struct Mp4 {
    encoder: H264,
    target: Target,
    clock: Clock,
    spec: ClipSpec,
    sizes: Vec<u32>,
    key_frames: Vec<u32>,
    /// Where the index begins and how much room it has, once the first frame has told.
    room: Option<Room>,
    /// Bytes of `mdat`, with its header.
    media: u64,
    sample: Vec<u8>,
    converted: ToI420,
}

struct Clock {
    timescale: u32,
    frame_ticks: u32,
}

#[derive(Clone, Copy)]
struct Room {
    start: usize,
    size: usize,
}

impl Room {
    /// Where `mdat` begins.
    fn end(self) -> usize {
        self.start + self.size
    }
}

const BOX_HEADER: usize = 8;

impl Mp4 {
    pub(crate) fn open(target: Target, spec: &ClipSpec) -> Result<Self> {
        Ok(Self {
            encoder: H264::open(spec)?,
            target,
            clock: clock(spec)?,
            spec: *spec,
            sizes: Vec::with_capacity(spec.frames as usize),
            key_frames: Vec::new(),
            room: None,
            media: BOX_HEADER as u64,
            sample: Vec::new(),
            converted: ToI420::new(),
        })
    }

    /// Writes all that stands before the frames, with room for the largest index there can be.
    fn start(&mut self) -> Result<Room> {
        let frames = self.spec.frames as usize;
        let largest = self.movie(&vec![0; frames], &vec![0; frames], 0).index().len();
        let file_type = boxes::file_type();
        // What is left of the room becomes a `free` box, which is never smaller than its header.
        let room = Room { start: file_type.len(), size: largest + BOX_HEADER };
        self.target.put(&file_type)?;
        self.target.put(&boxes::free(room.size))?;
        self.target.put(&media_header(0))?;
        Ok(room)
    }

    fn movie<'a>(
        &'a self,
        sizes: &'a [u32],
        key_frames: &'a [u32],
        first_byte: u32,
    ) -> Movie<'a> {
        Movie {
            width: self.spec.width as u16,
            height: self.spec.height as u16,
            timescale: self.clock.timescale,
            frame_ticks: self.clock.frame_ticks,
            sizes,
            key_frames,
            parameter_sets: self.encoder.parameter_sets(),
            first_byte,
        }
    }
}

impl Encoder for Mp4 {
    fn layout(&self) -> Layout {
        Layout::I420
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        self.sample.clear();
        let key = self.encoder.encode(self.converted.view(frame)?, &mut self.sample)?;
        if self.room.is_none() {
            self.room = Some(self.start()?);
        }
        self.target.put(&self.sample)?;
        self.media += self.sample.len() as u64;
        self.sizes.push(self.sample.len() as u32);
        if key {
            self.key_frames.push(self.sizes.len() as u32);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        let Some(room) = self.room else {
            return Err(failed("output.empty", "a clip without frames: ask for a longer one"));
        };
        let media = u32::try_from(self.media).map_err(|_| too_long())?;
        let first_byte = (room.end() + BOX_HEADER) as u32;
        let mut index = self.movie(&self.sizes, &self.key_frames, first_byte).index();
        index.extend(boxes::free(room.size - index.len()));
        self.target.patch(room.start as u64, &index)?;
        self.target.patch(room.end() as u64, &media_header(media))?;
        self.target.commit()
    }
}

/// A clock in which every frame lasts a whole number of ticks and the clip's length fits 32 bits.
fn clock(spec: &ClipSpec) -> Result<Clock> {
    // Some players round times to ticks of their own, so one frame is kept many ticks long.
    const LEAST_TICKS_A_SECOND: u64 = 10_000;
    let mut timescale = u64::from(spec.fps.numerator());
    let mut frame_ticks = u64::from(spec.fps.denominator());
    while timescale < LEAST_TICKS_A_SECOND {
        timescale *= 2;
        frame_ticks *= 2;
    }
    u32::try_from(frame_ticks * u64::from(spec.frames)).map_err(|_| too_long())?;
    Ok(Clock { timescale: timescale as u32, frame_ticks: frame_ticks as u32 })
}

fn media_header(size: u32) -> [u8; BOX_HEADER] {
    let [a, b, c, d] = size.to_be_bytes();
    [a, b, c, d, b'm', b'd', b'a', b't']
}

fn too_long() -> Error {
    failed("output.too_long", "the clip does not fit an MP4 file: ask for fewer seconds")
}
