//! What the watermark says: 28 bits.

use crate::marking::Day;

/// The version of everything that a detector must know: tile, waves, code, payload.
pub(super) const VERSION: u8 = 1;
/// Bits of a payload: version, model, day, whether the source was marked.
pub(super) const BITS: usize = 28;

const MODEL_BITS: u32 = 9;
const DAY_BITS: u32 = 14;
/// 2025-01-01, in days since 1970-01-01.
const FIRST_DAY: u32 = 20_089;

/// The model that made the frames, as a number that never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WatermarkModel {
    /// Kinora's default model.
    Motion,
    /// Any other: a pack ([`WatermarkModel::of_pack`]), or a host's own.
    Other(u16),
}

impl WatermarkModel {
    /// The number of a pack, from its id: always the same, though several packs share one.
    pub fn of_pack(id: &str) -> Self {
        /// Beside 0, the number of none, and 1, the default model's.
        const OTHERS: u32 = (1 << MODEL_BITS) - 2;
        Self::Other((2 + crc32fast::hash(id.as_bytes()) % OTHERS) as u16)
    }

    /// The number that the payload carries, below 512.
    pub fn number(self) -> u16 {
        match self {
            Self::Motion => 1,
            Self::Other(number) => number.min((1 << MODEL_BITS) - 1),
        }
    }

    fn of(number: u16) -> Self {
        if number == 1 { Self::Motion } else { Self::Other(number) }
    }
}

/// What the watermark carries: nothing of a person, a device, a seed or a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatermarkPayload {
    /// Which model.
    pub model: WatermarkModel,
    /// The day on which the frames were made, UTC; 2025-01-01 to 2069-11-09, others as the nearest.
    pub day: Day,
    /// Whether the photo was itself marked as made by a model.
    pub source_marked: bool,
}

impl WatermarkPayload {
    pub(super) fn bits(&self) -> u32 {
        let day = self.day.since_1970().saturating_sub(FIRST_DAY).min((1 << DAY_BITS) - 1);
        let mut bits = u32::from(VERSION);
        bits = bits << MODEL_BITS | u32::from(self.model.number());
        bits = bits << DAY_BITS | day;
        bits << 1 | u32::from(self.source_marked)
    }

    /// `None` for a version that is not known here.
    pub(super) fn of_bits(bits: u32) -> Option<Self> {
        let source_marked = bits & 1 == 1;
        let day = bits >> 1 & ((1 << DAY_BITS) - 1);
        let model = bits >> (1 + DAY_BITS) & ((1 << MODEL_BITS) - 1);
        let version = bits >> (1 + DAY_BITS + MODEL_BITS);
        (version == u32::from(VERSION)).then(|| Self {
            model: WatermarkModel::of(model as u16),
            day: Day::from_days(FIRST_DAY + day),
            source_marked,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_back() {
        for (model, days, source_marked) in [
            (WatermarkModel::Motion, FIRST_DAY, false),
            (WatermarkModel::Other(511), FIRST_DAY + 16_383, true),
            (WatermarkModel::Other(0), 20_783, true),
        ] {
            let payload = WatermarkPayload { model, day: Day::from_days(days), source_marked };
            assert!(payload.bits() < 1 << BITS);
            assert_eq!(WatermarkPayload::of_bits(payload.bits()), Some(payload));
        }
        assert_eq!(WatermarkPayload::of_bits(0), None);
    }

    #[test]
    fn what_does_not_fit_is_the_nearest_that_does() {
        let payload = WatermarkPayload {
            model: WatermarkModel::Other(9_999),
            day: Day::from_days(0),
            source_marked: false,
        };
        let back = WatermarkPayload::of_bits(payload.bits()).unwrap();
        assert_eq!(
            (back.model, back.day.to_string()),
            (WatermarkModel::Other(511), "2025-01-01".to_owned())
        );
    }
}
