//! How a camera was held, and the turn that makes its picture upright.

/// How stored pixels must be turned to be upright (the eight values of EXIF tag 0x0112).
///
/// Source: CIPA DC-008 (Exif 2.32), 4.6.4 A, "Orientation".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// 1: already upright.
    #[default]
    Upright,
    /// 2: mirror left to right.
    FlipHorizontal,
    /// 3: turn by half.
    Rotate180,
    /// 4: mirror top to bottom.
    FlipVertical,
    /// 5: swap rows and columns.
    Transpose,
    /// 6: turn by a quarter, clockwise.
    Rotate90,
    /// 7: swap rows and columns, then turn by half.
    Transverse,
    /// 8: turn by a quarter, anticlockwise.
    Rotate270,
}

impl Orientation {
    /// The orientation that an EXIF value from 1 to 8 stands for.
    pub fn from_exif(value: u16) -> Option<Self> {
        Some(match value {
            1 => Self::Upright,
            2 => Self::FlipHorizontal,
            3 => Self::Rotate180,
            4 => Self::FlipVertical,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => return None,
        })
    }

    /// Whether width and height change places.
    fn swaps_sides(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }
}

impl From<image::metadata::Orientation> for Orientation {
    fn from(orientation: image::metadata::Orientation) -> Self {
        Self::from_exif(u16::from(orientation.to_exif())).unwrap_or_default()
    }
}

/// Turns tight RGB pixels (H, W, 3) upright; gives the pixels with their new width and height.
pub(super) fn upright(
    mut pixels: Vec<u8>,
    width: u32,
    height: u32,
    orientation: Orientation,
) -> (Vec<u8>, u32, u32) {
    let row = 3 * width as usize;
    match orientation {
        Orientation::Upright => {}
        Orientation::FlipHorizontal => {
            pixels.chunks_exact_mut(row).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
        }
        Orientation::Rotate180 => pixels.as_chunks_mut::<3>().0.reverse(),
        Orientation::FlipVertical => {
            let mut rows = pixels.chunks_exact_mut(row);
            while let (Some(upper), Some(lower)) = (rows.next(), rows.next_back()) {
                upper.swap_with_slice(lower);
            }
        }
        _ => {
            let turned = swap_sides(&pixels, width as usize, height as usize, orientation);
            zeroize::Zeroize::zeroize(&mut pixels);
            pixels = turned;
        }
    }
    if orientation.swaps_sides() { (pixels, height, width) } else { (pixels, width, height) }
}

/// The four orientations under which a column becomes a row.
fn swap_sides(pixels: &[u8], width: usize, height: usize, orientation: Orientation) -> Vec<u8> {
    /// Side of the squares that are walked, so that reads and writes both stay in the cache.
    const TILE: usize = 32;
    // Upright pixel (x, y) is stored at column y or its mirror, row x or its mirror.
    let mirror_column = matches!(orientation, Orientation::Transverse | Orientation::Rotate270);
    let mirror_row = matches!(orientation, Orientation::Transverse | Orientation::Rotate90);
    let mut turned = vec![0; pixels.len()];
    let (stored, _) = pixels.as_chunks::<3>();
    let (upright, _) = turned.as_chunks_mut::<3>();
    for top in (0..width).step_by(TILE) {
        for left in (0..height).step_by(TILE) {
            for y in top..(top + TILE).min(width) {
                let column = if mirror_column { width - 1 - y } else { y };
                for x in left..(left + TILE).min(height) {
                    let row = if mirror_row { height - 1 - x } else { x };
                    upright[y * height + x] = stored[row * width + column];
                }
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `image`'s own turn is the reference, on a picture whose every pixel differs.
    #[test]
    fn every_turn_agrees_with_image() {
        let (width, height) = (67u32, 41u32);
        let pixels: Vec<u8> =
            (0..width * height).flat_map(|n| [n as u8, (n >> 8) as u8, (n % 7) as u8]).collect();
        for exif in 1..=8 {
            let mut wanted = image::DynamicImage::ImageRgb8(
                image::RgbImage::from_raw(width, height, pixels.clone()).unwrap(),
            );
            wanted.apply_orientation(image::metadata::Orientation::from_exif(exif).unwrap());
            let orientation = Orientation::from_exif(u16::from(exif)).unwrap();
            let (got, w, h) = upright(pixels.clone(), width, height, orientation);
            assert_eq!((w, h), (wanted.width(), wanted.height()), "orientation {exif}");
            assert!(got == wanted.into_bytes(), "orientation {exif}");
        }
    }

    #[test]
    fn other_values_are_no_orientation() {
        assert_eq!(Orientation::from_exif(0), None);
        assert_eq!(Orientation::from_exif(9), None);
    }
}
