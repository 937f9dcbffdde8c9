//! What perception saw: seven maps over a picture.

use ndarray::Array4;

use super::frame::smoothstep;
use crate::error::Result;
use crate::photo::Photo;
use crate::render::crop::crop;
use crate::render::field::bilinear;
use crate::render::resize::resize;
use crate::render::similarity::Similarity;
use crate::runtime::{Cancel, Session};

const INPUT: usize = 256;
const SIDE: usize = 64;
/// A cell is green where green is more than these shares of red (yellowing grass passes, wood and
/// earth do not) and of blue.
const OVER_RED: f32 = 0.92;
const OVER_BLUE: f32 = 1.05;
/// Cells around, on either side, that bear witness: blossoms among leaves move with them.
const WITNESSES: usize = 5;
/// Share of green around a cell up to which no plant is believed, and from which it is.
const NO_PLANT: f32 = 0.1;
const PLANT: f32 = 0.3;

/// A map's place in the network's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Map {
    Person = 0,
    Head = 1,
    Hair = 2,
    Sky = 3,
    Vegetation = 4,
    Water = 5,
    Depth = 6,
}

const MAPS: usize = 7;

/// Seven maps of 64×64 over the unit square of what perception looked at, each 0–1.
pub(crate) struct Maps {
    values: Vec<[f32; MAPS]>,
}

impl Maps {
    /// Looks at a whole photo, stretched to a square.
    pub(crate) fn of_photo(session: &Session, photo: &Photo, cancel: &Cancel) -> Result<Self> {
        let rgb = resize(photo, (INPUT, INPUT))?;
        let image = Array4::from_shape_fn((1, 3, INPUT, INPUT), |(_, channel, row, column)| {
            f32::from(rgb[3 * (row * INPUT + column) + channel]) / 255.0
        });
        Self::run(session, &image, cancel)
    }

    /// Looks at the portrait crop around a face.
    pub(crate) fn of_portrait(
        session: &Session,
        photo: &Photo,
        to_crop: &Similarity,
        cancel: &Cancel,
    ) -> Result<Self> {
        Self::run(session, &crop(photo, to_crop, INPUT), cancel)
    }

    fn run(session: &Session, image: &Array4<f32>, cancel: &Cancel) -> Result<Self> {
        let outputs = session.run(&[("image", image.into())], cancel)?;
        let maps = outputs.view("maps")?;
        let cells = SIDE * SIDE;
        let flat: Vec<f32> = maps.iter().copied().collect();
        if flat.len() != MAPS * cells {
            return Err(super::unexpected("perception.onnx", "maps", maps.shape()));
        }
        let values = (0..cells).map(|i| std::array::from_fn(|map| flat[map * cells + i])).collect();
        let mut maps = Self { values };
        maps.believe_plants(&greenness(image));
        Ok(maps)
    }

    /// Keeps vegetation only where there is green around: perception takes bare wood for plants at
    /// times, and a wall that sways is worse than a brown tree that does not.
    fn believe_plants(&mut self, green: &[f32]) {
        let around = box_blur(&box_blur(green, WITNESSES, 1, SIDE), WITNESSES, SIDE, 1);
        for (cell, share) in self.values.iter_mut().zip(around) {
            cell[Map::Vegetation as usize] *= smoothstep(share, NO_PLANT, PLANT);
        }
    }

    /// A map at (u, v) of the unit square, bilinear, the border's value outside.
    pub(crate) fn at(&self, map: Map, u: f32, v: f32) -> f32 {
        self.all_at(u, v)[map as usize]
    }

    /// All maps at (u, v), indexed by [`Map`].
    pub(crate) fn all_at(&self, u: f32, v: f32) -> [f32; MAPS] {
        let side = SIDE as f32;
        bilinear(&self.values, SIDE, SIDE, u * side - 0.5, v * side - 0.5)
    }

    /// Share of the picture that a map covers, 0–1.
    pub(crate) fn share(&self, map: Map) -> f32 {
        self.values.iter().map(|cell| cell[map as usize]).sum::<f32>() / self.values.len() as f32
    }

    /// One map, blurred by three box filters of `radius` cells.
    pub(crate) fn blurred(&self, map: Map, radius: usize) -> Vec<[f32; 1]> {
        let mut values: Vec<f32> = self.values.iter().map(|cell| cell[map as usize]).collect();
        for _ in 0..3 {
            values = box_blur(&values, radius, 1, SIDE);
            values = box_blur(&values, radius, SIDE, 1);
        }
        values.into_iter().map(|value| [value]).collect()
    }
}

/// 1 for each cell of the maps that is green in the mean, else 0; `image` is (1, 3, INPUT, INPUT).
fn greenness(image: &Array4<f32>) -> Vec<f32> {
    let pixels = INPUT / SIDE;
    (0..SIDE * SIDE)
        .map(|i| {
            let (row, column) = (i / SIDE * pixels, i % SIDE * pixels);
            let sum = |channel: usize| -> f32 {
                (0..pixels * pixels)
                    .map(|k| image[[0, channel, row + k / pixels, column + k % pixels]])
                    .sum()
            };
            let (red, green, blue) = (sum(0), sum(1), sum(2));
            f32::from(green > OVER_RED * red && green > OVER_BLUE * blue)
        })
        .collect()
}

/// Cells a side of each map.
pub(crate) const MAP_SIDE: usize = SIDE;

/// Mean over 2·radius + 1 cells along `stride`, the border repeated; `other` walks the lines.
fn box_blur(values: &[f32], radius: usize, stride: usize, other: usize) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for line in 0..SIDE {
        for i in 0..SIDE {
            let sum: f32 = (0..=2 * radius)
                .map(|k| {
                    let j = (i + k).saturating_sub(radius).min(SIDE - 1);
                    values[line * other + j * stride]
                })
                .sum();
            out[line * other + i * stride] = sum / (2 * radius + 1) as f32;
        }
    }
    out
}

#[cfg(fuzzing)]
impl Maps {
    /// Maps of any numbers, map by map.
    pub(crate) fn of_numbers(flat: &[f32]) -> Self {
        let cells = SIDE * SIDE;
        let values = (0..cells).map(|i| std::array::from_fn(|map| flat[map * cells + i])).collect();
        Self { values }
    }
}

#[cfg(test)]
impl Maps {
    /// Maps from a function of (u, v), for tests of what follows perception.
    pub(crate) fn from_fn(f: impl Fn(f32, f32) -> [f32; MAPS]) -> Self {
        let centre = |i: usize| (i as f32 + 0.5) / SIDE as f32;
        let values = (0..SIDE * SIDE).map(|i| f(centre(i % SIDE), centre(i / SIDE))).collect();
        Self { values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plants_are_green_and_planks_are_not() {
        let vegetation = |rgb: [f32; 3]| {
            // The left half in this colour, with a red blossom in its middle; the right half grey.
            let image = Array4::from_shape_fn((1, 3, INPUT, INPUT), |(_, channel, y, x)| {
                let blossom = x.abs_diff(64) < 8 && y.abs_diff(128) < 8;
                match (x < INPUT / 2, blossom) {
                    (true, true) => [0.8, 0.1, 0.2][channel],
                    (true, false) => rgb[channel],
                    _ => 0.5,
                }
            });
            let mut maps = Maps::from_fn(|_, _| [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
            maps.believe_plants(&greenness(&image));
            [0.25, 0.1, 0.9].map(|u| maps.at(Map::Vegetation, u, 0.5))
        };
        assert_eq!(
            vegetation([0.3, 0.5, 0.2]),
            [1.0, 1.0, 0.0],
            "the blossom moves with its leaves"
        );
        assert_eq!(vegetation([0.7, 0.5, 0.3]), [0.0; 3], "wood stays");
    }
}
