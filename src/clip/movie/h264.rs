//! The parts of H.264 that a decoder needs (ITU-T H.264, 7.3.1; ISO/IEC 14496-15, 5.3).

use super::boxes::Bytes;
use super::error::{MovieError, Result};

/// Kinds of NAL units (ITU-T H.264, table 7-1).
const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const END_OF_SEQUENCE: u8 = 10;
const END_OF_STREAM: u8 = 11;

/// `avcC`: what a decoder has to know before the first sample.
pub(crate) struct Config<'a> {
    profile: [u8; 3],
    /// Bytes of the length before each NAL unit of a sample: 1, 2 or 4.
    length_size: usize,
    pub(super) sequence: Vec<&'a [u8]>,
    pub(super) picture: Vec<&'a [u8]>,
    /// Chroma format and bit depths, which only some profiles have.
    depths: Option<[u8; 3]>,
}

impl<'a> Config<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self> {
        let mut bytes = Bytes(body);
        let version = bytes.u8()?;
        let profile = bytes.array()?;
        let length_size = usize::from(bytes.u8()? & 3) + 1;
        if version != 1 || length_size == 3 {
            return Err(MovieError::Damaged);
        }
        let sequences = bytes.u8()? & 0x1f;
        let sequence = parameter_sets(&mut bytes, sequences, SEQUENCE_PARAMETERS)?;
        let pictures = bytes.u8()?;
        let picture = parameter_sets(&mut bytes, pictures, PICTURE_PARAMETERS)?;
        if sequence.is_empty() || picture.is_empty() {
            return Err(MovieError::Damaged);
        }
        // The profiles without these bytes are Baseline, Main and Extended.
        let has_depths = !matches!(profile[0], 66 | 77 | 88) && bytes.0.len() >= 3;
        let depths = has_depths.then(|| bytes.array()).transpose()?;
        Ok(Self { profile, length_size, sequence, picture, depths })
    }

    /// The body of an `avcC` box with nothing beside what was read.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(self.profile);
        bytes.push(0xfc | (self.length_size - 1) as u8);
        bytes.push(0xe0 | self.sequence.len() as u8);
        put_parameter_sets(&mut bytes, &self.sequence);
        bytes.push(self.picture.len() as u8);
        put_parameter_sets(&mut bytes, &self.picture);
        if let Some([chroma, luma_depth, chroma_depth]) = self.depths {
            bytes.extend([0xfc | chroma, 0xf8 | luma_depth, 0xf8 | chroma_depth, 0]);
        }
        bytes
    }

    /// Whether decoding can begin at this sample whatever came before it.
    pub(crate) fn starts_anew(&self, sample: &[u8]) -> Result<bool> {
        for unit in self.units(sample) {
            if unit?.first().is_some_and(|header| header & 0x1f == IDR_SLICE) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Bytes of a sample once [`Config::put_clean`] has cleaned it.
    pub(crate) fn clean_size(&self, sample: &[u8]) -> Result<u32> {
        let mut size = 0;
        for unit in self.units(sample) {
            size += kept(unit?)?.map_or(0, |unit| self.length_size + unit.len());
        }
        // No larger than the sample, whose size has 32 bits.
        Ok(size as u32)
    }

    /// Appends those NAL units of a sample that a decoder needs.
    pub(crate) fn put_clean(&self, sample: &[u8], out: &mut Vec<u8>) -> Result<()> {
        for unit in self.units(sample) {
            if let Some(unit) = kept(unit?)? {
                let length = (unit.len() as u32).to_be_bytes();
                out.extend_from_slice(&length[length.len() - self.length_size..]);
                out.extend_from_slice(unit);
            }
        }
        Ok(())
    }

    pub(super) fn units<'s>(&self, sample: &'s [u8]) -> Units<'s> {
        Units { rest: Bytes(sample), length_size: self.length_size }
    }
}

fn parameter_sets<'a>(bytes: &mut Bytes<'a>, count: u8, kind: u8) -> Result<Vec<&'a [u8]>> {
    let mut sets = Vec::new();
    for _ in 0..count {
        let length = bytes.u16()?;
        let set = bytes.take(length.into())?;
        if set.first().is_none_or(|header| header & 0x9f != kind) {
            return Err(MovieError::Damaged);
        }
        sets.push(set);
    }
    Ok(sets)
}

fn put_parameter_sets(bytes: &mut Vec<u8>, sets: &[&[u8]]) {
    for set in sets {
        bytes.extend((set.len() as u16).to_be_bytes());
        bytes.extend_from_slice(set);
    }
}

pub(super) struct Units<'a> {
    rest: Bytes<'a>,
    length_size: usize,
}

impl<'a> Units<'a> {
    fn read(&mut self) -> Result<&'a [u8]> {
        let length = self.rest.take(self.length_size)?;
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        self.rest.take(length)
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.0.is_empty()).then(|| self.read())
    }
}

/// What stays of a NAL unit.
///
/// The list names what a decoder needs, so that whatever carries messages goes: supplemental
/// information, delimiters, filler, and the kinds that are reserved or left to anyone's use.
pub(super) fn kept(unit: &[u8]) -> Result<Option<&[u8]>> {
    let Some((header, _)) = unit.split_first() else { return Ok(None) };
    if header & 0x80 != 0 {
        return Err(MovieError::Damaged);
    }
    Ok(match header & 0x1f {
        SLICE..=IDR_SLICE | SEQUENCE_PARAMETERS | PICTURE_PARAMETERS => Some(unit),
        // Both are a header alone; what follows it is not theirs.
        END_OF_SEQUENCE | END_OF_STREAM => unit.get(..1),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &[u8] =
        b"\x01\x64\x00\x1f\xff\xe1\x00\x02\x67\x01\x01\x00\x02\x68\x02\xfd\xf8\xf8";

    #[test]
    fn the_configuration_keeps_only_its_own() {
        let mut bytes = CONFIG.to_vec();
        bytes.extend(b"\0trailing secret");
        let clean = Config::read(&bytes).unwrap().to_bytes();
        assert_eq!(clean, [CONFIG, b"\0"].concat());
        assert_eq!(Config::read(&clean).unwrap().to_bytes(), clean);
    }

    #[test]
    fn a_message_in_place_of_a_parameter_set_is_refused() {
        let mut bytes = CONFIG.to_vec();
        bytes[8] = 6;
        assert!(matches!(Config::read(&bytes), Err(MovieError::Damaged)));
        for cut in 0..CONFIG.len() - 3 {
            assert!(Config::read(&CONFIG[..cut]).is_err());
        }
    }

    #[test]
    fn only_what_a_decoder_needs_stays() {
        let config = Config::read(CONFIG).unwrap();
        let mut sample = Vec::new();
        for kind in 0..32u8 {
            sample.extend([0, 0, 0, 3, 0x60 | kind, 1, 2]);
        }
        sample.extend([0; 4]);
        let mut clean = Vec::new();
        config.put_clean(&sample, &mut clean).unwrap();
        let kinds: Vec<u8> = config.units(&clean).map(|unit| unit.unwrap()[0] & 0x1f).collect();
        assert_eq!(kinds, [1, 2, 3, 4, 5, 7, 8, 10, 11]);
        assert_eq!(clean.len(), 7 * 7 + 5 * 2);
        assert_eq!(config.clean_size(&sample).unwrap() as usize, clean.len());
        assert!(config.starts_anew(&sample).unwrap());
        assert!(config.put_clean(&sample[1..], &mut clean).is_err());
    }
}
