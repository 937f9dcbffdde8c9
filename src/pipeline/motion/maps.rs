//! What perception saw: seven maps over a picture.

use ndarray::Array4;

use crate::error::Result;
use crate::photo::Photo;
use crate::render::crop::crop;
use crate::render::field::bilinear;
use crate::render::resize::resize;
use crate::render::similarity::Similarity;
use crate::runtime::{Cancel, Session};

const INPUT: usize = 256;
const SIDE: usize = 64;

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
        Ok(Self { values })
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

#[cfg(test)]
impl Maps {
    /// Maps from a function of (u, v), for tests of what follows perception.
    pub(crate) fn from_fn(f: impl Fn(f32, f32) -> [f32; MAPS]) -> Self {
        let centre = |i: usize| (i as f32 + 0.5) / SIDE as f32;
        let values = (0..SIDE * SIDE).map(|i| f(centre(i % SIDE), centre(i / SIDE))).collect();
        Self { values }
    }
}
