//! Animated WebP, streamed: each frame is encoded by itself and put into the container here,
//! because the library's own animation encoder keeps all frames in memory.

use webp::{PixelLayout, WebPConfig};
use zeroize::Zeroizing;

use crate::clip::frame::ToRgb;
use crate::clip::target::{Target, failed};
use crate::clip::{ClipSpec, Encoder, Fps, Frame, Layout, Rgb8, Written, too_large};
use crate::error::{Error, Result};

/// Of 100: blocks and ringing are not seen on faces from here on.
const QUALITY: f32 = 85.0;
/// Of 0 to 6: from 3 on a frame takes twice as long for a tenth of its bytes.
const EFFORT: i32 = 2;
/// VP8's limit.
const LONGEST_SIDE: u32 = 16_383;

/// Encodes one clip.
pub(crate) struct Webp {
    target: Target,
    config: WebPConfig,
    fps: Fps,
    next: u32,
    /// Bytes after the RIFF header.
    body: u64,
    /// The frame before, to send only the rectangle that changed.
    previous: Option<Rgb8>,
    part: Zeroizing<Vec<u8>>,
    converted: ToRgb,
}

/// A part of the picture; `x` and `y` are even, as the container stores half of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rect {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// `output.size` when `spec` is not for this encoder.
pub(crate) fn check_size(spec: &ClipSpec) -> Result<()> {
    if spec.width.max(spec.height) > LONGEST_SIDE || spec.width.min(spec.height) == 0 {
        return Err(too_large(spec, "a WebP picture", "of at most 16383 pixels a side"));
    }
    Ok(())
}

impl Webp {
    pub(crate) fn open(mut target: Target, spec: &ClipSpec) -> Result<Self> {
        let mut config = WebPConfig::new().map_err(|()| refused("no configuration"))?;
        config.quality = QUALITY;
        config.method = EFFORT;
        // A second thread where the library can use one; the bytes stay the same.
        config.thread_level = 1;
        let mut header = b"RIFF\0\0\0\0WEBP".to_vec();
        header.extend(canvas(spec));
        target.put(&header)?;
        Ok(Self {
            target,
            config,
            fps: spec.fps,
            next: 0,
            body: header.len() as u64 - 8,
            previous: None,
            part: Zeroizing::default(),
            converted: ToRgb::new(),
        })
    }

    /// The milliseconds of the next frame: starts are rounded, so that the lengths add up.
    fn duration(&mut self) -> u32 {
        let start = self.fps.ticks(self.next, 1000);
        self.next += 1;
        (self.fps.ticks(self.next, 1000) - start) as u32
    }
}

impl Encoder for Webp {
    fn layout(&self) -> Layout {
        Layout::Rgb
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let duration = self.duration();
        let frame = self.converted.view(frame)?;
        let whole = Rect { x: 0, y: 0, width: frame.width(), height: frame.height() };
        let rect = match &self.previous {
            Some(previous) => changed(previous, frame),
            None => whole,
        };
        cut(frame, rect, &mut self.part);
        let encoder =
            webp::Encoder::new(&self.part, PixelLayout::Rgb, rect.width, rect.height);
        let still =
            encoder.encode_advanced(&self.config).map_err(|source| refused(format!("{source:?}")))?;
        let chunk = animation_frame(rect, duration, bitstream(&still)?);
        let previous =
            self.previous.get_or_insert_with(|| Rgb8::new(frame.width(), frame.height()));
        previous.pixels_mut().copy_from_slice(frame.pixels());
        self.body += chunk.len() as u64;
        self.target.put(&chunk)
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        let size = u32::try_from(self.body).map_err(|_| {
            failed("output.too_long", "the clip does not fit a WebP file: ask for fewer seconds")
        })?;
        self.target.patch(4, &size.to_le_bytes())?;
        self.target.commit()
    }
}

/// The chunks `VP8X` and `ANIM`: the canvas, black behind it, and how often to play.
fn canvas(spec: &ClipSpec) -> Vec<u8> {
    const ANIMATION: u8 = 0x02;
    let mut features = vec![ANIMATION, 0, 0, 0];
    features.extend(u24(spec.width - 1));
    features.extend(u24(spec.height - 1));
    let loops: u16 = if spec.looping { 0 } else { 1 };
    let [low, high] = loops.to_le_bytes();
    [chunk(b"VP8X", &features), chunk(b"ANIM", &[0, 0, 0, 0xff, low, high])].concat()
}

/// The chunk `ANMF`: `image` is painted over what is there, and stays.
fn animation_frame(rect: Rect, duration: u32, image: &[u8]) -> Vec<u8> {
    const DO_NOT_BLEND: u8 = 0x02;
    let numbers = [rect.x / 2, rect.y / 2, rect.width - 1, rect.height - 1, duration];
    let mut body: Vec<u8> = numbers.into_iter().flat_map(u24).collect();
    body.push(DO_NOT_BLEND);
    body.extend_from_slice(image);
    chunk(b"ANMF", &body)
}

/// The image chunk of a still picture that has nothing but one, with its header.
fn bitstream(still: &[u8]) -> Result<&[u8]> {
    match still.get(12..) {
        Some(image) if image.starts_with(b"VP8") => Ok(image),
        _ => Err(refused("not a simple picture")),
    }
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(body);
    // Chunks begin at even places.
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

fn u24(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

/// The smallest rectangle that holds every changed pixel; a corner when there is none.
fn changed(before: &Rgb8, now: &Rgb8) -> Rect {
    let row = now.width() as usize * 3;
    let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
    let rows = before.pixels().chunks_exact(row).zip(now.pixels().chunks_exact(row));
    for (y, (before, now)) in rows.enumerate().filter(|(_, (before, now))| before != now) {
        let differs = |(a, b): (&u8, &u8)| a != b;
        let pairs = || before.iter().zip(now);
        left = left.min(pairs().position(differs).unwrap_or(0) / 3);
        right = right.max(pairs().rposition(differs).unwrap_or(0) / 3);
        top = top.min(y);
        bottom = y;
    }
    if top == usize::MAX {
        return Rect { x: 0, y: 0, width: 1, height: 1 };
    }
    let (x, y) = (left / 2 * 2, top / 2 * 2);
    let size = |from: usize, to: usize| (to + 1 - from) as u32;
    Rect { x: x as u32, y: y as u32, width: size(x, right), height: size(y, bottom) }
}

fn cut(frame: &Rgb8, rect: Rect, part: &mut Vec<u8>) {
    let row = frame.width() as usize * 3;
    let columns = rect.x as usize * 3..(rect.x + rect.width) as usize * 3;
    let rows = frame.pixels().chunks_exact(row).skip(rect.y as usize);
    part.clear();
    rows.take(rect.height as usize).for_each(|row| part.extend_from_slice(&row[columns.clone()]));
}

fn refused(cause: impl std::fmt::Display) -> Error {
    failed("output.webp", format!("the WebP encoder failed ({cause}): try another size or format"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_sent() {
        let before = Rgb8::new(20, 10);
        let mut now = Rgb8::new(20, 10);
        assert_eq!(changed(&before, &now), Rect { x: 0, y: 0, width: 1, height: 1 });
        now.pixels_mut()[(3 * 20 + 7) * 3 + 1] = 9;
        now.pixels_mut()[(6 * 20 + 11) * 3] = 9;
        assert_eq!(changed(&before, &now), Rect { x: 6, y: 2, width: 6, height: 5 });
        let mut part = Vec::new();
        cut(&now, changed(&before, &now), &mut part);
        assert_eq!(part.len(), 6 * 5 * 3);
        assert_eq!(part[(6 + 1) * 3 + 1], 9);
    }
}
