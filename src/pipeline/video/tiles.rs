//! Decoding in strips across the longer side: less memory, and seams that are blended.
//!
//! What a decoder sees of whole frames comes first and is not cut ([`frames::before_strips`]). Every strip
//! is decoded for a whole part of the clip before the next one begins, so that what a decoder remembers is
//! that of one strip. The finished pictures wait as 8 bits a channel.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::decoders::Decoders;
use super::frames::{self, FrameSource, Picture};
use super::texts::shape as shape_of;
use super::{LatentShape, Latents, Outermost, VideoPipeline};
use crate::error::Result;
use crate::runtime::Cancel;

/// Pixels from a strip's beginning to the next one's, about; and pixels at least that both draw.
const STRIDE: usize = 200;
const OVERLAP: usize = 48;

/// Ranges that cover a length, each overlapping the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spans(Vec<Range<usize>>);

impl Spans {
    /// `count` of about the same length over `length`, `overlap` of each also in the next.
    pub(super) fn even(length: usize, count: usize, overlap: usize) -> Self {
        // What one shares with the next, it does not also share with the one after that.
        let count = count.clamp(1, (length / overlap.max(1)).max(1));
        let begin = |number: usize| number * length / count;
        let shared = |number: usize| if number == 0 || number == count { 0 } else { overlap };
        Self(
            (0..count)
                .map(|number| {
                    let before = shared(number) / 2;
                    let after = shared(number + 1).div_ceil(2);
                    begin(number) - before..begin(number + 1) + after
                })
                .collect(),
        )
    }

    /// Strips of latents over a side of `length`, with `spatial` pixels to a latent.
    pub(super) fn strips(length: usize, spatial: usize) -> Self {
        let count = (length * spatial + STRIDE / 2) / STRIDE;
        // One latent alone would hardly tell a decoder what lies beyond it.
        Self::even(length, count, OVERLAP.div_ceil(spatial).max(2))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.0.iter().cloned()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// How much of what a range of length `shared` shows at `at` is the later one's, 0–1. Nothing of a
/// part's outer quarter is seen: there its decoder misses most of what lies beyond.
fn share(at: usize, shared: usize) -> f32 {
    const UNSEEN: f32 = 0.25;
    let at = (at as f32 + 0.5) / shared as f32;
    ((at - UNSEEN) / (1.0 - 2.0 * UNSEEN)).clamp(0.0, 1.0)
}

/// Two codes, `share` of the later one.
fn blend(earlier: u8, later: u8, share: f32) -> u8 {
    let (earlier, later) = (f32::from(earlier), f32::from(later));
    (earlier + (later - earlier) * share + 0.5) as u8
}

/// Frames of a clip that is decoded part by part, each part strip by strip.
pub(super) struct Tiled<'p> {
    networks: Arc<Decoders<'p>>,
    latents: Latents,
    /// Latent frames of the parts that are still to come.
    parts: VecDeque<Range<usize>>,
    /// Positions of what is cut, along the longer side.
    strips: Spans,
    ready: VecDeque<Picture>,
}

impl<'p> Tiled<'p> {
    pub(super) fn new(pipeline: &'p VideoPipeline, latents: Latents, strips: Spans) -> Self {
        let parts = frames::parts(pipeline.manifest(), latents.shape.frames).into();
        let networks = Decoders::staying(pipeline);
        Self { networks, latents, parts, strips, ready: VecDeque::new() }
    }

    fn decode(&mut self, part: &Range<usize>, cancel: &Cancel) -> Result<()> {
        let latents = self.latents.frames(part);
        let across = latents.shape.width >= latents.shape.height;
        let spatial = self.networks.pipeline.manifest().latents.spatial as usize;
        let size = [latents.shape.height * spatial, latents.shape.width * spatial];
        let uncut = frames::before_strips(self.networks.pipeline, latents, cancel)?;
        let spatial = size[1] / uncut.features.shape.width;
        let mut drawn = 0;
        for span in self.strips.iter() {
            let features = &uncut.features;
            let strip = if across { features.columns(&span) } else { features.rows(&span) };
            let mut source = frames::strip(&self.networks, strip, &uncut, cancel)?;
            let place = span.start * spatial..span.end * spatial;
            let length = 3 * place.len() * if across { size[0] } else { size[1] };
            let mut number = 0;
            while let Some(strip) = source.next(cancel)? {
                if strip.len() != length {
                    return Err(shape_of("frames"));
                }
                if number == self.ready.len() {
                    self.ready.push_back(Picture::new(vec![0; 3 * size[0] * size[1]]));
                }
                put(&strip, &mut self.ready[number], size, &place, drawn, across);
                number += 1;
            }
            drawn = place.end;
        }
        Ok(())
    }
}

/// Puts a strip in its place; where it was `drawn` up to already, blended.
fn put(
    strip: &[u8],
    picture: &mut [u8],
    [height, width]: [usize; 2],
    place: &Range<usize>,
    drawn: usize,
    across: bool,
) {
    let (lines, length) = if across { (0..height, place.len()) } else { (place.clone(), width) };
    let shared = drawn.saturating_sub(place.start);
    for (line, from) in lines.zip(strip.chunks_exact(3 * length.max(1))) {
        let begin = if across { place.start } else { 0 };
        let to = &mut picture[3 * (line * width + begin)..][..from.len()];
        for (pixel, (to, from)) in to.chunks_exact_mut(3).zip(from.chunks_exact(3)).enumerate() {
            let at = if across { pixel } else { line - place.start };
            if at < shared {
                let share = share(at, shared);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = blend(*to, *from, share));
            } else {
                to.copy_from_slice(from);
            }
        }
    }
}

impl FrameSource for Tiled<'_> {
    fn next(&mut self, cancel: &Cancel) -> Result<Option<Picture>> {
        if self.ready.is_empty()
            && let Some(part) = self.parts.pop_front()
        {
            self.decode(&part, cancel)?;
        }
        Ok(self.ready.pop_front())
    }
}

impl LatentShape {
    /// The longer side.
    pub(super) fn longer(self) -> usize {
        self.width.max(self.height)
    }
}

impl Latents {
    /// A part of the columns.
    fn columns(&self, columns: &Range<usize>) -> Self {
        let rows = self.values.chunks_exact(self.shape.width);
        let values = rows.flat_map(|row| &row[columns.clone()]).copied().collect();
        Self { values, shape: LatentShape { width: columns.len(), ..self.shape } }
    }

    /// A part of the rows.
    fn rows(&self, rows: &Range<usize>) -> Self {
        let width = self.shape.width;
        let planes = self.values.chunks_exact(self.shape.area());
        let values = planes
            .flat_map(|plane| &plane[rows.start * width..rows.end * width])
            .copied()
            .collect();
        Self { values, shape: LatentShape { height: rows.len(), ..self.shape } }
    }

    /// A part of the frames.
    pub(super) fn frames(&self, frames: &Range<usize>) -> Self {
        let area = self.shape.area();
        let values = match self.shape.outermost {
            Outermost::Frames => {
                let frame = self.shape.channels * area;
                self.values[frames.start * frame..frames.end * frame].to_vec()
            }
            Outermost::Channels => {
                let channels = self.values.chunks_exact(self.shape.volume());
                let part =
                    |channel: &[f32]| channel[frames.start * area..frames.end * area].to_vec();
                channels.flat_map(part).collect()
            }
        };
        Self { values, shape: LatentShape { frames: frames.len(), ..self.shape } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_a_length_and_overlap() {
        let one =
            |length, count| Spans::even(length, count, 4).iter().eq(std::iter::once(0..length));
        assert!(one(10, 1));
        assert_eq!(Spans::even(20, 2, 4).0, [0..12, 8..20]);
        // Too short for as many.
        assert_eq!(Spans::even(10, 5, 4).0, [0..7, 3..10]);
        assert!(one(3, 5));
        for (length, count, overlap) in [(104, 4, 4), (27, 3, 2), (33, 4, 1), (64, 7, 3)] {
            let spans = Spans::even(length, count, overlap);
            assert_eq!(spans.len(), count);
            assert_eq!((spans.0[0].start, spans.0[count - 1].end), (0, length));
            for pair in spans.0.windows(2) {
                assert_eq!(pair[0].end - pair[1].start, overlap, "{spans:?}");
            }
        }
        // 832 pixels: four strips of up to 256.
        assert_eq!(Spans::strips(104, 8).0[1], 23..55);
    }

    #[test]
    fn strips_of_one_picture_make_the_picture() {
        let (height, width) = (6, 20);
        let picture: Vec<u8> = (0..3 * height * width).map(|n| (n * 7 % 251) as u8).collect();
        for across in [true, false] {
            let length = if across { width } else { height };
            let spans = Spans::even(length, 2, if across { 4 } else { 1 });
            assert_eq!(spans.len(), 2);
            let mut made = vec![0; picture.len()];
            let mut drawn = 0;
            for span in spans.iter() {
                let strip: Vec<u8> = (0..height)
                    .flat_map(|y| (0..width).map(move |x| (y, x)))
                    .filter(|(y, x)| span.contains(if across { x } else { y }))
                    .flat_map(|(y, x)| picture[3 * (y * width + x)..][..3].to_vec())
                    .collect();
                put(&strip, &mut made, [height, width], &span, drawn, across);
                drawn = span.end;
            }
            assert!(made == picture, "{across}");
        }
    }
}
