//! Writes the index of a file with one H.264 track (ISO/IEC 14496-12 and 14496-15).
//!
//! Dates, names and reserved fields are 0 or fixed, so that they tell nothing and the same
//! pictures give the same bytes.

use super::matrix::Matrix;
use crate::clip::atoms::{
    UNDETERMINED_LANGUAGE, avc1, boxed, bytes_of, full, video_handler, video_information,
};

/// What the index says. All times are in ticks of `timescale`.
pub(crate) struct Index {
    pub(crate) timescale: u32,
    pub(crate) matrix: Matrix,
    /// In 1/65536 pixels.
    pub(crate) shown_size: [u32; 2],
    /// In pixels.
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// The body of `avcC`.
    pub(crate) config: Vec<u8>,
    /// Whole boxes on colour and the shape of pixels.
    pub(crate) looks: Vec<u8>,
    /// How long all samples last.
    pub(crate) media_ticks: u64,
    /// The part that is shown, by its start and length, if that is not all of it.
    pub(crate) window: Option<(u64, u64)>,
    pub(crate) sizes: Vec<u32>,
    pub(crate) durations: Runs,
    pub(crate) offsets: Option<Offsets>,
    /// Samples to start from, counted from 1; `None` where all are.
    pub(crate) keys: Option<Vec<u32>>,
}

/// Ticks from decoding to showing.
pub(crate) struct Offsets {
    pub(crate) signed: bool,
    pub(crate) runs: Runs,
}

/// Values with the number of times that each follows itself.
#[derive(Default)]
pub(crate) struct Runs(Vec<[u32; 2]>);

impl Runs {
    pub(crate) fn push(&mut self, value: u32) {
        match self.0.last_mut() {
            Some([count, last]) if *last == value => *count += 1,
            _ => self.0.push([1, value]),
        }
    }
}

/// The file's first box.
pub(crate) fn file_type() -> Vec<u8> {
    boxed(b"ftyp", &[b"isom", &512u32.to_be_bytes(), b"isom", b"iso2", b"avc1", b"mp41"])
}

/// The header of an `mdat` box that holds `size` bytes, below 4 GiB.
pub(crate) fn media_header(size: u32) -> [u8; 8] {
    let [a, b, c, d] = (size + 8).to_be_bytes();
    [a, b, c, d, b'm', b'd', b'a', b't']
}

impl Index {
    /// `moov`, for samples that follow one another from `first_byte` of the file on. Its size
    /// does not hang on `first_byte`.
    pub(crate) fn to_bytes(&self, first_byte: u32) -> Vec<u8> {
        let header = timed(
            b"mvhd",
            0,
            |time| [time(0), time(0), be(self.timescale), time(self.ticks())].concat(),
            self.ticks(),
            &[
                &0x0001_0000u32.to_be_bytes(), // plays at its own speed
                &0x0100u16.to_be_bytes(),      // full volume
                &[0; 10],
                &Matrix::UPRIGHT.to_bytes(),
                &[0; 24],
                &be(2), // the next track's number
            ],
        );
        boxed(b"moov", &[&header, &self.track(first_byte)])
    }

    /// How long the file plays.
    fn ticks(&self) -> u64 {
        self.window.map_or(self.media_ticks, |(_, lasts)| lasts)
    }

    fn track(&self, first_byte: u32) -> Vec<u8> {
        const ENABLED_AND_IN_MOVIE: u32 = 3;
        let [width, height] = self.shown_size;
        let header = timed(
            b"tkhd",
            ENABLED_AND_IN_MOVIE,
            |time| [time(0), time(0), be(1), be(0), time(self.ticks())].concat(),
            self.ticks(),
            &[&[0; 16], &self.matrix.to_bytes(), &be(width), &be(height)],
        );
        boxed(b"trak", &[&header, &self.edits(), &self.media(first_byte)])
    }

    fn edits(&self) -> Vec<u8> {
        let Some((start, lasts)) = self.window else { return Vec::new() };
        let list = timed(
            b"elst",
            0,
            |time| [be(1), time(lasts), time(start), be(0x0001_0000)].concat(),
            // A start is signed, so it needs one bit more than its value.
            lasts.max(start.saturating_mul(2)),
            &[],
        );
        boxed(b"edts", &[&list])
    }

    fn media(&self, first_byte: u32) -> Vec<u8> {
        let header = timed(
            b"mdhd",
            0,
            |time| [time(0), time(0), be(self.timescale), time(self.media_ticks)].concat(),
            self.media_ticks,
            &[&UNDETERMINED_LANGUAGE.to_be_bytes(), &[0; 2]],
        );
        let info = video_information(&self.samples(first_byte));
        boxed(b"mdia", &[&header, &video_handler(), &info])
    }

    fn samples(&self, first_byte: u32) -> Vec<u8> {
        let count = be(self.sizes.len() as u32);
        let mut boxes = full(b"stsd", 0, 0, &[&be(1), &self.description()]);
        boxes.extend(full(b"stts", 0, 0, &[&self.durations.to_bytes()]));
        if let Some(Offsets { signed, runs }) = &self.offsets {
            boxes.extend(full(b"ctts", u8::from(*signed), 0, &[&runs.to_bytes()]));
        }
        if let Some(keys) = &self.keys {
            boxes.extend(full(b"stss", 0, 0, &[&be(keys.len() as u32), &bytes_of(keys)]));
        }
        boxes.extend(full(b"stsc", 0, 0, &[&be(1), &be(1), &count, &be(1)]));
        boxes.extend(full(b"stsz", 0, 0, &[&be(0), &count, &bytes_of(&self.sizes)]));
        boxes.extend(full(b"stco", 0, 0, &[&be(1), &be(first_byte)]));
        boxed(b"stbl", &[&boxes])
    }

    fn description(&self) -> Vec<u8> {
        avc1(self.width, self.height, &[&boxed(b"avcC", &[&self.config]), &self.looks])
    }
}

impl Runs {
    fn to_bytes(&self) -> Vec<u8> {
        [be(self.0.len() as u32), bytes_of(self.0.as_flattened())].concat()
    }
}

/// A box whose times take 32 bits each where `largest` fits them, and 64 where not.
fn timed(
    name: &[u8; 4],
    flags: u32,
    fields: impl Fn(&dyn Fn(u64) -> Vec<u8>) -> Vec<u8>,
    largest: u64,
    rest: &[&[u8]],
) -> Vec<u8> {
    let wide = u32::try_from(largest).is_err();
    let time = |value: u64| if wide { value.to_be_bytes().to_vec() } else { be(value as u32) };
    full(name, u8::from(wide), flags, &[&fields(&time), &rest.concat()])
}

fn be(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}
