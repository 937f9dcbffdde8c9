//! A user's own video without all that is not its pictures.
//!
//! Nothing is copied but what is known and needed: a file is read into an index and the samples
//! that it names, and a new file is written from those.

use super::boxes::{Atoms, needed, only};
use super::error::{MovieError, Result};
use super::h264::Config;
use super::index::{Index, Offsets, Runs, file_type, media_header};
use super::samples::Sample;
use super::shown::Shown;
use super::track::{Source, Track, Window};
use crate::clip::atoms::boxed;

/// Takes out of an H.264 video all but its pictures, for a recipient that is to see only those.
///
/// Gone are sound and every other track, places, titles, dates, the names of devices and programs,
/// messages inside the video stream (SEI, filler and private NAL units), bytes that belong to no
/// picture, and pictures that the file hides at its ends, as after a cut on a phone. The ones that
/// the first shown picture is built from must stay. Pictures, their times and the way that they
/// are turned are kept bit for bit, so what the pictures themselves show is kept too.
///
/// `bytes` is an MP4 or QuickTime file of up to 512 MiB. The result is a progressive MP4 with its
/// index first; the same input gives the same bytes, and a stripped file is left as it is. Memory
/// is the result's and a few times its index's size.
///
/// # Errors
///
/// [`MovieError::Codec`] unless the pictures are H.264 (`avc1`), and each other [`MovieError`] as
/// for [`read`](super::read).
pub(crate) fn strip(bytes: &[u8]) -> Result<Vec<u8>> {
    let track = Source::open(bytes)?.video;
    if track.codec != *b"avc1" {
        return Err(MovieError::Codec(track.codec));
    }
    let config = Config::read(needed(track.description, b"avcC")?)?;
    let cut = Cut::of(&track, &config, bytes)?;
    let index = index(&track, &config, &cut, bytes)?;

    let media: u64 = index.sizes.iter().map(|size| u64::from(*size)).sum();
    // Samples only shrink, and together they were no larger than the file.
    let media_head = media_header(media as u32);
    let mut out = file_type();
    let before = out.len() + index.to_bytes(0).len() + media_head.len();
    let first_byte = u32::try_from(before).map_err(|_| MovieError::TooLarge)?;
    out.reserve_exact(before + media as usize);
    out.extend(index.to_bytes(first_byte));
    out.extend(media_head);
    for sample in cut.samples(&track) {
        config.put_clean(sample?.of(bytes)?, &mut out)?;
    }
    Ok(out)
}

/// Which samples are needed to show what the file shows.
struct Cut {
    /// Samples to leave out at the start.
    skipped: u32,
    kept: u32,
    /// When the first kept sample is decoded, in ticks.
    base: i64,
    /// When the last kept sample has been shown, in ticks.
    end: i64,
}

impl Cut {
    fn of(track: &Track<'_>, config: &Config<'_>, bytes: &[u8]) -> Result<Self> {
        let window = track.window.unwrap_or(Window { start: i64::MIN, end: i64::MAX });
        let (mut skipped, mut base, mut until) = (0, 0, 0);
        let mut latest = i64::MIN;
        for (number, sample) in (0u32..).zip(track.samples.clone()) {
            let sample = sample?;
            let decoded = sample.decoded.cast_signed();
            let in_time = sample.shown.max(decoded) <= window.start && latest < window.start;
            // Asks the stream itself, for a file may call any sample a place to start from.
            if in_time && config.starts_anew(sample.of(bytes)?)? {
                (skipped, base) = (number, decoded);
            }
            latest = latest.max(sample.shown);
            if sample.shown < window.end {
                until = number + 1;
            }
        }
        let kept = until.checked_sub(skipped).filter(|kept| *kept > 0);
        let kept = kept.ok_or(MovieError::NoVideo)?;
        let cut = Self { skipped, kept, base, end: i64::MIN };
        let mut end = i64::MIN;
        for sample in cut.samples(track) {
            let sample = sample?;
            end = end.max(sample.shown.saturating_add(sample.lasts.max(1).into()));
        }
        Ok(Self { end, ..cut })
    }

    fn samples(&self, track: &Track<'_>) -> impl Iterator<Item = Result<Sample>> {
        track.samples.clone().skip(self.skipped as usize).take(self.kept as usize)
    }

    /// The part of the kept samples that is shown, by its start and length in ticks.
    fn window(&self, track: &Track<'_>) -> Result<Option<(u64, u64)>> {
        let Some(Window { start, end }) = track.window else { return Ok(None) };
        if start == self.base && end >= self.end {
            return Ok(None);
        }
        let lasts = end.min(self.end).saturating_sub(start);
        let positive = |ticks: i64| u64::try_from(ticks).map_err(|_| MovieError::NoVideo);
        let lasts = positive(lasts)?;
        if lasts == 0 {
            return Err(MovieError::NoVideo);
        }
        Ok(Some((positive(start.saturating_sub(self.base))?, lasts)))
    }
}

fn index(track: &Track<'_>, config: &Config<'_>, cut: &Cut, bytes: &[u8]) -> Result<Index> {
    let offsets = track.samples.offsets();
    let mut index = Index {
        timescale: track.timescale,
        matrix: track.matrix,
        shown_size: track.shown_size,
        width: track.width,
        height: track.height,
        config: config.to_bytes(),
        looks: looks(track.description)?,
        media_ticks: 0,
        window: cut.window(track)?,
        sizes: Vec::new(),
        durations: Runs::default(),
        offsets: offsets.map(|signed| Offsets { signed, runs: Runs::default() }),
        keys: track.samples.names_keys().then(Vec::new),
    };
    let mut shown = Shown::default();
    for sample in cut.samples(track) {
        let sample = sample?;
        let size = config.clean_size(sample.of(bytes)?)?;
        shown.add(&sample, size, track.window);
        index.sizes.push(size);
        index.media_ticks += u64::from(sample.lasts);
        index.durations.push(sample.lasts);
        if let Some(offsets) = &mut index.offsets {
            offsets.runs.push(sample.offset);
        }
        if let Some(keys) = index.keys.as_mut().filter(|_| sample.key) {
            keys.push(index.sizes.len() as u32);
        }
    }
    shown.check()?;
    Ok(index)
}

/// The boxes of a sample description that change how pictures look: colour, the shape of pixels,
/// and the part of the picture that counts. A colour profile (ICC) can name a device, and goes.
fn looks(description: &[u8]) -> Result<Vec<u8>> {
    let mut looks = Vec::new();
    for atom in Atoms::inside(description) {
        let atom = atom?;
        match (&atom.name, atom.body) {
            (b"colr", [b'n', b'c', b'l', b'x', codes @ .., range]) if codes.len() == 6 => {
                looks.extend(boxed(b"colr", &[b"nclx", codes, &[range & 0x80]]));
            }
            // QuickTime's older form does not tell the range.
            (b"colr", [b'n', b'c', b'l', b'c', codes @ ..]) if codes.len() == 6 => {
                looks.extend(boxed(b"colr", &[b"nclx", codes, &[0]]));
            }
            _ => {}
        }
    }
    for (name, size) in [(b"pasp", 8), (b"clap", 32)] {
        if let Some(body) = only(description, name)?.filter(|body| body.len() == size) {
            looks.extend(boxed(name, &[body]));
        }
    }
    Ok(looks)
}
