//! An MP4 file's H.264 pictures as the plain stream that decoders take.

use super::boxes::needed;
use super::error::{MovieError, Result};
use super::h264::{Config, kept};
use super::samples::Samples;
use super::track::Source;

/// What stands before each NAL unit of a plain stream.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The coded pictures of a file, in the order in which they are decoded.
pub(crate) struct Stream<'a> {
    bytes: &'a [u8],
    config: Config<'a>,
    samples: Samples<'a>,
    /// Bytes that have to come before the first picture.
    pub(crate) head: Vec<u8>,
}

impl<'a> Stream<'a> {
    /// # Errors
    /// [`MovieError::Codec`] unless the pictures are H.264 (`avc1`), and each other [`MovieError`] as
    /// for [`read`](super::read).
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self> {
        let track = Source::open(bytes)?.video;
        if track.codec != *b"avc1" {
            return Err(MovieError::Codec(track.codec));
        }
        let config = Config::read(needed(track.description, b"avcC")?)?;
        let mut head = Vec::new();
        config.put_plain_sets(&mut head);
        Ok(Self { bytes, config, samples: track.samples, head })
    }

    /// How many pictures are left.
    pub(crate) fn left(&self) -> usize {
        self.samples.clone().count()
    }
}

impl Config<'_> {
    /// Appends the parameter sets as a decoder of plain streams takes them (ITU-T H.264, annex B).
    fn put_plain_sets(&self, out: &mut Vec<u8>) {
        for set in self.sequence.iter().chain(&self.picture) {
            out.extend(START_CODE);
            out.extend_from_slice(set);
        }
    }

    /// Appends those NAL units of a sample that a decoder needs, in the same way.
    fn put_plain(&self, sample: &[u8], out: &mut Vec<u8>) -> Result<()> {
        for unit in self.units(sample) {
            if let Some(unit) = kept(unit?)? {
                out.extend(START_CODE);
                out.extend_from_slice(unit);
            }
        }
        Ok(())
    }
}

impl Iterator for Stream<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let sample = self.samples.next()?;
        Some(sample.and_then(|sample| {
            let mut packet = Vec::with_capacity(sample.size as usize + 16);
            self.config.put_plain(sample.of(self.bytes)?, &mut packet)?;
            Ok(packet)
        }))
    }
}
