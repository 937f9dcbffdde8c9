//! Residual modes: the network's fixed waves for hair, cloth, leaves, water and clouds.

use super::maps::Map;

/// A wave in space that one channel sets the height of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mode {
    /// Whose map it is multiplied by. [`Map::Person`] stands for cloth: person less head.
    pub(crate) class: Map,
    /// Cycles per unit length, (x, y).
    pub(crate) wave_vector: [f32; 2],
    /// Radians.
    pub(crate) phase: f32,
    /// Unit vector along which the wave moves the picture.
    pub(crate) direction: [f32; 2],
}

impl Mode {
    /// cos(2π f·p − phase); p in shares of the long side (hair: of the portrait crop).
    pub(crate) fn wave(&self, [x, y]: [f32; 2]) -> f32 {
        let turns = self.wave_vector[0] * x + self.wave_vector[1] * y;
        (std::f32::consts::TAU * turns - self.phase).cos()
    }
}
