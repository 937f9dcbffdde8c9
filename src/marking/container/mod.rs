//! Where XMP packets and C2PA manifests lie in each file format (XMP Specification Part 3; C2PA
//! Technical Specification 2.3, "Embedding manifests into assets").
//!
//! Files are walked by the headers of their parts through a small window, so that a long clip is
//! never in memory, and nothing that a file claims is believed further than its own length.

mod gif;
mod jpeg;
mod mp4;
mod png;
mod splice;
mod tiff;
mod webp;

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::failed;
use super::xmp::LARGEST_PACKET;
use crate::clip::Target;
use crate::error::Result;

pub(super) use splice::{Edit, splice};

/// How much is read at once.
const WINDOW: usize = 1 << 14;
/// How many packets or manifests of one file are noted; a sound file has one of each.
const MOST_BLOCKS: usize = 16;

/// A file format, judged by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// MP4 and QuickTime, as all files of the ISO base media format.
    Mp4,
    Webp,
    Gif,
    Png,
    Jpeg,
    Tiff,
}

impl Kind {
    fn detect(head: &[u8]) -> Option<Self> {
        match head {
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::Mp4),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            _ => None,
        }
    }

    /// The format of a whole file.
    #[cfg(feature = "c2pa")]
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        Self::detect(bytes)
    }

    /// The media type, as C2PA libraries know it.
    #[cfg_attr(not(feature = "c2pa"), expect(dead_code, reason = "only manifests need it"))]
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Tiff => "image/tiff",
        }
    }
}

/// Whether a file carries a manifest, whatever that says.
#[cfg(any(test, fuzzing))]
pub(crate) fn has_manifest(bytes: &[u8]) -> bool {
    let mut cursor = io::Cursor::new(bytes);
    let scan = Input::new(&mut cursor).and_then(|mut input| input.scan());
    scan.is_ok_and(|scan| scan.is_some_and(|scan| scan.manifests > 0))
}

/// One packet in a file, in bytes from the file's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// All that has to go when the packet goes.
    pub(super) whole: Range<u64>,
    pub(super) payload: Range<u64>,
    /// It is not packed, not too long, and its checksum, where there is one, is right.
    pub(super) readable: bool,
}

/// What lies where in a file.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) kind: Kind,
    pub(super) xmp: Vec<Block>,
    /// Parts of a JPEG's extended packet, in their order.
    pub(super) extension: Vec<Range<u64>>,
    /// How many C2PA manifest stores there are.
    pub(super) manifests: usize,
    /// Where a new packet belongs; `None` where there is no place for one.
    pub(super) place: Option<u64>,
    /// A part is cut or contradicts its surroundings.
    pub(super) damaged: bool,
    /// Of MP4: the header of the last box where that box reaches to the end of the file.
    open_end: Option<u64>,
}

impl Scan {
    fn note_xmp(&mut self, whole: Range<u64>, payload: Range<u64>, sound: bool) {
        if self.xmp.len() < MOST_BLOCKS {
            let readable = sound && payload.end.saturating_sub(payload.start) <= LARGEST_PACKET;
            self.xmp.push(Block { whole, payload, readable });
        } else {
            self.damaged = true;
        }
    }
}

/// Why a walk ends early.
#[derive(Debug)]
enum Stop {
    /// The file ends inside a part, or a size lies.
    Damaged,
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

type Walk<T = ()> = std::result::Result<T, Stop>;

/// Something that can be read from any place.
pub(super) trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// A file behind a window.
pub(super) struct Input<'a> {
    reader: &'a mut dyn Source,
    length: u64,
    window: Vec<u8>,
    /// Where the window begins.
    start: u64,
}

impl<'a> Input<'a> {
    pub(super) fn new(reader: &'a mut dyn Source) -> io::Result<Self> {
        let length = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader, length, window: Vec::new(), start: 0 })
    }

    /// What lies where; `None` for a format that is not known here.
    pub(super) fn scan(&mut self) -> io::Result<Option<Scan>> {
        let head = match self.bytes(0, self.length.min(16) as usize) {
            Ok(head) => head,
            Err(Stop::Io(error)) => return Err(error),
            Err(Stop::Damaged) => return Ok(None),
        };
        let Some(kind) = Kind::detect(head) else { return Ok(None) };
        let mut scan = Scan {
            kind,
            xmp: Vec::new(),
            extension: Vec::new(),
            manifests: 0,
            place: None,
            damaged: false,
            open_end: None,
        };
        let walked = match kind {
            Kind::Mp4 => mp4::scan(self, &mut scan),
            Kind::Webp => webp::scan(self, &mut scan),
            Kind::Gif => gif::scan(self, &mut scan),
            Kind::Png => png::scan(self, &mut scan),
            Kind::Jpeg => jpeg::scan(self, &mut scan),
            Kind::Tiff => tiff::scan(self, &mut scan),
        };
        match walked {
            Ok(()) => {}
            Err(Stop::Damaged) => scan.damaged = true,
            Err(Stop::Io(error)) => return Err(error),
        }
        Ok(Some(scan))
    }

    /// `count` bytes from `at` on.
    fn bytes(&mut self, at: u64, count: usize) -> Walk<&[u8]> {
        let end = at.checked_add(count as u64).filter(|end| *end <= self.length);
        let end = end.ok_or(Stop::Damaged)?;
        if at < self.start || end > self.start + self.window.len() as u64 {
            let length = (self.length - at).min(count.max(WINDOW) as u64);
            self.window.resize(length as usize, 0);
            self.reader.seek(SeekFrom::Start(at))?;
            self.reader.read_exact(&mut self.window)?;
            self.start = at;
        }
        let from = (at - self.start) as usize;
        self.window.get(from..from + count).ok_or(Stop::Damaged)
    }

    fn array<const N: usize>(&mut self, at: u64) -> Walk<[u8; N]> {
        self.bytes(at, N)?.try_into().map_err(|_| Stop::Damaged)
    }

    fn be32(&mut self, at: u64) -> Walk<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// `from + length`, where the file reaches that far.
    fn end(&self, from: u64, length: u64) -> Walk<u64> {
        from.checked_add(length).filter(|end| *end <= self.length).ok_or(Stop::Damaged)
    }
}

/// A file's packet, of at most [`LARGEST_PACKET`] bytes.
pub(super) fn payload(file: &mut Target, block: &Block) -> Result<Vec<u8>> {
    let length = (block.payload.end - block.payload.start).min(LARGEST_PACKET);
    let mut packet = vec![0; length as usize];
    let read =
        file.seek(SeekFrom::Start(block.payload.start)).and_then(|_| file.read_exact(&mut packet));
    read.map(|()| packet).map_err(|source| file.error(source))
}

/// What has to be changed in a file so that `packet` is its only one.
///
/// # Errors
/// `marking.format` where the format has no place for it, `marking.damaged`, `marking.too_large`.
pub(super) fn edits(file: &mut Target, scan: &Scan, packet: &[u8]) -> Result<Vec<Edit>> {
    let place = scan.place.filter(|_| !scan.damaged);
    let Some(place) = place else {
        return Err(match scan.kind {
            Kind::Tiff => unknown(),
            _ => damaged(),
        });
    };
    match scan.kind {
        Kind::Mp4 => Ok(mp4::edits(scan, place, packet)),
        Kind::Webp => webp::edits(file, scan, place, packet),
        Kind::Gif => Ok(gif::edits(scan, place, packet)),
        Kind::Png => Ok(png::edits(scan, place, packet)),
        Kind::Jpeg => jpeg::edits(scan, place, packet),
        Kind::Tiff => Err(unknown()),
    }
}

/// `marking.format`.
pub(super) fn unknown() -> crate::Error {
    failed(
        "marking.format",
        "the file is none that can be marked: give an MP4, MOV, WebP, GIF, PNG or JPEG file",
    )
}

/// `marking.damaged`.
pub(super) fn damaged() -> crate::Error {
    failed("marking.damaged", "the file is damaged or incomplete: copy it or make it again")
}
