//! The boxes of an MP4 file that holds one H.264 track (ISO/IEC 14496-12 and 14496-15).
//!
//! All dates are 0, so that the same frames give the same bytes.

use super::h264::ParameterSets;
use crate::clip::atoms::{
    UNDETERMINED_LANGUAGE, avc1, boxed, bytes_of, full, video_handler, video_information,
};

/// What the index of a file says.
pub(crate) struct Movie<'a> {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Ticks a second, for the track and the whole file.
    pub(crate) timescale: u32,
    /// Ticks that every frame lasts.
    pub(crate) frame_ticks: u32,
    /// Bytes of each frame; they follow one another in one chunk.
    pub(crate) sizes: &'a [u32],
    /// Which frames are key frames, counted from 1.
    pub(crate) key_frames: &'a [u32],
    pub(crate) parameter_sets: &'a ParameterSets,
    /// Where the first frame's bytes stand in the file.
    pub(crate) first_byte: u32,
}

/// The file's first box.
pub(crate) fn file_type() -> Vec<u8> {
    boxed(b"ftyp", &[b"isom", &512u32.to_be_bytes(), b"isom", b"iso2", b"avc1", b"mp41"])
}

/// `size` bytes, at least 8, that a reader skips.
pub(crate) fn free(size: usize) -> Vec<u8> {
    boxed(b"free", &[&vec![0; size.saturating_sub(8)]])
}

impl Movie<'_> {
    /// The index (`moov`). Its size hangs only on the numbers of frames and key frames and on the
    /// parameter sets.
    pub(crate) fn index(&self) -> Vec<u8> {
        let header = full(
            b"mvhd",
            0,
            0,
            &[
                &[0; 8],
                &self.timescale.to_be_bytes(),
                &self.ticks().to_be_bytes(),
                &0x0001_0000u32.to_be_bytes(), // plays at its own speed
                &0x0100u16.to_be_bytes(),      // full volume
                &[0; 10],
                &UPRIGHT,
                &[0; 24],
                &2u32.to_be_bytes(), // the next track's number
            ],
        );
        boxed(b"moov", &[&header, &self.track()])
    }

    fn ticks(&self) -> u32 {
        self.frame_ticks * self.sizes.len() as u32
    }

    fn track(&self) -> Vec<u8> {
        const ENABLED_AND_IN_MOVIE: u32 = 3;
        let header = full(
            b"tkhd",
            0,
            ENABLED_AND_IN_MOVIE,
            &[
                &[0; 8],
                &1u32.to_be_bytes(),
                &[0; 4],
                &self.ticks().to_be_bytes(),
                &[0; 16],
                &UPRIGHT,
                &(u32::from(self.width) << 16).to_be_bytes(),
                &(u32::from(self.height) << 16).to_be_bytes(),
            ],
        );
        boxed(b"trak", &[&header, &self.media()])
    }

    fn media(&self) -> Vec<u8> {
        let header = full(
            b"mdhd",
            0,
            0,
            &[
                &[0; 8],
                &self.timescale.to_be_bytes(),
                &self.ticks().to_be_bytes(),
                &UNDETERMINED_LANGUAGE.to_be_bytes(),
                &[0; 2],
            ],
        );
        let info = video_information(&self.samples());
        boxed(b"mdia", &[&header, &video_handler(), &info])
    }

    fn samples(&self) -> Vec<u8> {
        let count = (self.sizes.len() as u32).to_be_bytes();
        let one = 1u32.to_be_bytes();
        let description = full(b"stsd", 0, 0, &[&one, &self.sample_entry()]);
        let times = full(b"stts", 0, 0, &[&one, &count, &self.frame_ticks.to_be_bytes()]);
        let keys = (self.key_frames.len() as u32).to_be_bytes();
        let keys = full(b"stss", 0, 0, &[&keys, &bytes_of(self.key_frames)]);
        let chunks = full(b"stsc", 0, 0, &[&one, &one, &count, &one]);
        let sizes = full(b"stsz", 0, 0, &[&[0; 4], &count, &bytes_of(self.sizes)]);
        let offsets = full(b"stco", 0, 0, &[&one, &self.first_byte.to_be_bytes()]);
        boxed(b"stbl", &[&description, &times, &keys, &chunks, &sizes, &offsets])
    }

    fn sample_entry(&self) -> Vec<u8> {
        let square = boxed(b"pasp", &[&[0, 0, 0, 1, 0, 0, 0, 1]]);
        avc1(self.width, self.height, &[&self.decoder_configuration(), &colour(), &square])
    }

    /// `avcC`: profile and level are bytes 1 to 3 of the sequence parameter set.
    fn decoder_configuration(&self) -> Vec<u8> {
        let ParameterSets { sequence, picture } = self.parameter_sets;
        let profile: [u8; 3] = std::array::from_fn(|i| sequence.get(i + 1).copied().unwrap_or(0));
        boxed(
            b"avcC",
            &[
                &[1],
                &profile,
                &[0xff, 0xe1], // lengths in 4 bytes; one sequence parameter set
                &(sequence.len() as u16).to_be_bytes(),
                sequence,
                &[1],
                &(picture.len() as u16).to_be_bytes(),
                picture,
                &[0xfd, 0xf8, 0xf8, 0], // High: 4:2:0, 8 bits of luma and chroma, no extensions
            ],
        )
    }
}

/// The unit matrix of `mvhd` and `tkhd`: 16.16 fixed point, 2.30 in the last column.
const UPRIGHT: [u8; 36] = {
    let mut matrix = [0; 36];
    matrix[1] = 1;
    matrix[17] = 1;
    matrix[32] = 0x40;
    matrix
};

/// BT.709 primaries, transfer and matrix, limited range (ITU-T H.273).
fn colour() -> Vec<u8> {
    const BT709: [u8; 2] = 1u16.to_be_bytes();
    boxed(b"colr", &[b"nclx", &BT709, &BT709, &BT709, &[0]])
}
