//! The random numbers of a clip.

#[cfg(test)]
use std::collections::BTreeMap;

use crate::diffusion::Noise;

/// What noise is drawn for; each has a stream of its own, so that none depends on the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Draw {
    /// The latents that denoising starts from.
    Latents,
    /// What is added to the photo before it is encoded (SVD).
    Augmentation,
    /// What is added to the latents before they are decoded (LTX).
    Decode,
    /// What a scheduler mixes in at a step.
    Step(usize),
}

impl Draw {
    /// Its stream of the seed; the default model's streams lie below all of them.
    fn stream(self) -> u64 {
        const FIRST: u64 = 1 << 32;
        FIRST
            + match self {
                Self::Latents => 0,
                Self::Augmentation => 1,
                Self::Decode => 2,
                Self::Step(step) => 0x100 + step as u64,
            }
    }
}

/// Draws from N(0, 1), from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    seed: u64,
    /// What stands in for a seed where another program's numbers are to be met.
    #[cfg(test)]
    given: BTreeMap<Draw, Vec<f32>>,
}

impl Draws {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self {
            seed,
            #[cfg(test)]
            given: BTreeMap::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn given(given: BTreeMap<Draw, Vec<f32>>) -> Self {
        Self { seed: 0, given }
    }

    /// `count` draws.
    pub(crate) fn take(&self, draw: Draw, count: usize) -> Vec<f32> {
        #[cfg(test)]
        if let Some(given) = self.given.get(&draw) {
            assert_eq!(given.len(), count, "{draw:?}");
            return given.clone();
        }
        Noise::new(self.seed, draw.stream()).take(count)
    }
}
