//! From a file's bytes to its one video track.

use std::ops::Range;

use super::boxes::{Atoms, Bytes, needed, only};
use super::error::{MovieError, Result};
use super::matrix::Matrix;
use super::samples::Samples;

/// The largest file that is read, in bytes.
const LARGEST: usize = 512 << 20;

/// What a file says about its pictures.
pub(crate) struct Source<'a> {
    pub(crate) video: Track<'a>,
    pub(crate) has_audio: bool,
}

/// A video track.
pub(crate) struct Track<'a> {
    /// Ticks a second.
    pub(crate) timescale: u32,
    /// How its pictures are turned: the track's own turn and then that of the whole file.
    pub(crate) matrix: Matrix,
    /// The size that it asks to be shown at before the turn, in 1/65536 pixels.
    pub(crate) shown_size: [u32; 2],
    /// The size of its pictures before the turn, in pixels.
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) codec: [u8; 4],
    /// The boxes that stand in its sample description.
    pub(crate) description: &'a [u8],
    /// The part of the track's own time that is shown, in ticks, if the file names one.
    pub(crate) window: Option<Window>,
    pub(crate) samples: Samples<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start: i64,
    /// The first tick that is not shown any more.
    pub(crate) end: i64,
}

impl<'a> Source<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self> {
        if bytes.get(4..8) != Some(b"ftyp") {
            return Err(MovieError::NotMp4);
        }
        if bytes.len() > LARGEST {
            return Err(MovieError::TooLarge);
        }
        let (movie, media) = layout(bytes)?;
        let tracks = Tracks::of(movie)?;
        let video = tracks.video.ok_or(MovieError::NoVideo)?;
        let header = MovieHeader::read(needed(movie, b"mvhd")?)?;
        let video = Track::read(video, header)?;
        video.samples.check(&media)?;
        Ok(Self { video, has_audio: tracks.has_audio })
    }
}

/// The index, and where the media lie.
fn layout(bytes: &[u8]) -> Result<(&[u8], Vec<Range<u32>>)> {
    let mut movie = None;
    // Eight bytes for each box of more than eight, so never larger than the file itself.
    let mut media = Vec::new();
    for atom in Atoms::of_file(bytes) {
        let atom = atom?;
        match &atom.name {
            b"moov" if movie.replace(atom.body).is_some() => return Err(MovieError::Damaged),
            b"moof" => return Err(MovieError::Fragmented),
            // Both ends fit 32 bits, for the file is at most 512 MiB.
            b"mdat" if !atom.body.is_empty() => {
                media.push(atom.start as u32..(atom.start + atom.body.len()) as u32);
            }
            _ => {}
        }
    }
    let movie = movie.ok_or(MovieError::Damaged)?;
    if only(movie, b"mvex")?.is_some() {
        return Err(MovieError::Fragmented);
    }
    Ok((movie, media))
}

struct Tracks<'a> {
    video: Option<&'a [u8]>,
    has_audio: bool,
}

impl<'a> Tracks<'a> {
    /// The first video track that is switched on, or else the first of all.
    fn of(movie: &'a [u8]) -> Result<Self> {
        const ENABLED: u8 = 1;
        let (mut first, mut enabled, mut has_audio) = (None, None, false);
        for atom in Atoms::inside(movie) {
            let atom = atom?;
            if atom.name != *b"trak" {
                continue;
            }
            let mut handler = Bytes(needed(needed(atom.body, b"mdia")?, b"hdlr")?);
            handler.take(8)?;
            match &handler.array()? {
                b"vide" => {
                    let [_, _, _, flags] = Bytes(needed(atom.body, b"tkhd")?).array()?;
                    first = first.or(Some(atom.body));
                    enabled = enabled.or((flags & ENABLED != 0).then_some(atom.body));
                }
                b"soun" => has_audio = true,
                _ => {}
            }
        }
        Ok(Self { video: enabled.or(first), has_audio })
    }
}

/// What counts for the whole file.
#[derive(Clone, Copy)]
struct MovieHeader {
    timescale: u32,
    matrix: Matrix,
}

impl MovieHeader {
    fn read(body: &[u8]) -> Result<Self> {
        let mut bytes = Bytes(body);
        let timescale = timescale(&mut bytes)?;
        bytes.take(16)?; // speed, volume and what is reserved
        Ok(Self { timescale, matrix: Matrix::read(&mut bytes)? })
    }
}

/// Reads `mvhd` or `mdhd` up to the duration, which the samples tell better.
fn timescale(bytes: &mut Bytes<'_>) -> Result<u32> {
    let version = bytes.version()?;
    bytes.time(version)?;
    bytes.time(version)?;
    let timescale = bytes.u32()?;
    bytes.time(version)?;
    if timescale == 0 { Err(MovieError::Damaged) } else { Ok(timescale) }
}

impl<'a> Track<'a> {
    fn read(body: &'a [u8], movie: MovieHeader) -> Result<Self> {
        let mut header = Bytes(needed(body, b"tkhd")?);
        let version = header.version()?;
        header.time(version)?;
        header.time(version)?;
        header.take(8)?; // the track's number
        header.time(version)?;
        header.take(16)?; // layer, group, volume and what is reserved
        let matrix = Matrix::read(&mut header)?.then(movie.matrix)?;
        let shown_size = [header.u32()?, header.u32()?];

        let media = needed(body, b"mdia")?;
        let timescale = timescale(&mut Bytes(needed(media, b"mdhd")?))?;
        let info = needed(media, b"minf")?;
        let table = needed(info, b"stbl")?;
        let mut entry = Entry::read(needed(table, b"stsd")?)?;
        let references = only(info, b"dinf")?.map(|data| only(data, b"dref")).transpose()?;
        if let Some(references) = references.flatten() {
            check_reference(references, entry.reference)?;
        }
        let edits = only(body, b"edts")?.map(|edits| only(edits, b"elst")).transpose()?.flatten();
        let window = edits.map(|list| window(list, timescale, movie.timescale)).transpose()?;
        let (width, height) = entry.size()?;
        Ok(Self {
            timescale,
            matrix,
            shown_size,
            width,
            height,
            codec: entry.codec,
            description: entry.boxes()?,
            window: window.flatten(),
            samples: Samples::open(table)?,
        })
    }
}

/// The one sample description of a video track.
struct Entry<'a> {
    codec: [u8; 4],
    /// Which data reference holds the samples, counted from 1.
    reference: u16,
    rest: Bytes<'a>,
}

impl<'a> Entry<'a> {
    fn read(body: &'a [u8]) -> Result<Self> {
        let mut bytes = Bytes(body);
        bytes.version()?;
        let count = bytes.u32()?;
        let mut entries = Atoms::inside(bytes.0);
        let entry = entries.next().ok_or(MovieError::Damaged)??;
        if count != 1 {
            return Err(if count == 0 { MovieError::Damaged } else { MovieError::Assembled });
        }
        let mut rest = Bytes(entry.body);
        rest.take(6)?;
        let reference = rest.u16()?;
        rest.take(16)?;
        Ok(Self { codec: entry.name, reference, rest })
    }

    fn size(&mut self) -> Result<(u16, u16)> {
        let (width, height) = (self.rest.u16()?, self.rest.u16()?);
        if width == 0 || height == 0 { Err(MovieError::Damaged) } else { Ok((width, height)) }
    }

    /// What stands after the fixed fields, among them the compressor's name.
    fn boxes(&mut self) -> Result<&'a [u8]> {
        self.rest.take(50)?;
        Ok(self.rest.0)
    }
}

/// Samples may lie in another file, whose name this file then tells; only this file is read.
fn check_reference(body: &[u8], wanted: u16) -> Result<()> {
    const IN_THIS_FILE: u8 = 1;
    let mut bytes = Bytes(body);
    bytes.version()?;
    bytes.u32()?;
    let skipped = usize::from(wanted).checked_sub(1).ok_or(MovieError::Damaged)?;
    let reference = Atoms::inside(bytes.0).nth(skipped).ok_or(MovieError::Damaged)??;
    let [_, _, _, flags] = Bytes(reference.body).array()?;
    if flags & IN_THIS_FILE != 0 { Ok(()) } else { Err(MovieError::Assembled) }
}

/// Reads an edit list that shows one stretch of the track at its own speed (ISO/IEC 14496-12,
/// 8.6.6). A pause before it only matters beside other tracks, and is dropped.
fn window(body: &[u8], timescale: u32, movie_timescale: u32) -> Result<Option<Window>> {
    const OWN_SPEED: u32 = 1 << 16;
    let mut bytes = Bytes(body);
    let version = bytes.version()?;
    let count = bytes.u32()?;
    let mut window = None;
    for _ in 0..count {
        let lasts = bytes.time(version)?;
        let start = match version {
            0 => i64::from(bytes.u32()?.cast_signed()),
            _ => bytes.u64()?.cast_signed(),
        };
        let speed = bytes.u32()?;
        if start == -1 && window.is_none() {
            continue;
        }
        if start < 0 || speed != OWN_SPEED || window.is_some() {
            return Err(MovieError::Assembled);
        }
        let per_second = u128::from(movie_timescale);
        let ticks = (u128::from(lasts) * u128::from(timescale) + per_second / 2) / per_second;
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        // A stretch of no length reaches to the end of the track.
        let end = if lasts == 0 { i64::MAX } else { start.saturating_add(ticks) };
        window = Some(Window { start, end });
    }
    Ok(window)
}
