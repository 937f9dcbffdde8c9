//! CIE L*a*b* to sRGB.

use super::super::raster::Samples;

/// How the 8-bit a* and b* are stored.
#[derive(Clone, Copy)]
pub(super) enum Offset {
    /// As signed bytes (TIFF 6.0, section 23).
    Signed,
    /// With 128 added, as ICC profiles do it.
    Middle,
}

/// Turns 8-bit Lab pixels into sRGB where they lie; other depths stay as they are.
pub(super) fn to_rgb(samples: &mut Samples, offset: Offset) {
    let Samples::U8(values) = samples else { return };
    for pixel in values.as_chunks_mut::<3>().0 {
        let [l, a, b] = *pixel;
        let [a, b] = match offset {
            Offset::Signed => [a, b].map(|v| f32::from(v as i8)),
            Offset::Middle => [a, b].map(|v| f32::from(v) - 128.0),
        };
        *pixel = srgb(f32::from(l) / 2.55, a, b);
    }
}

/// L* from 0 to 100 under D50 (CIE 15, 8.2.1), adapted to D65 (Bradford), as sRGB (IEC 61966-2-1).
fn srgb(l: f32, a: f32, b: f32) -> [u8; 3] {
    const WHITE: [f32; 3] = [0.9642, 1.0, 0.8249];
    /// XYZ under D50 to linear sRGB.
    const TO_LINEAR: [[f32; 3]; 3] = [
        [3.133_856, -1.616_867, -0.490_615],
        [-0.978_768, 1.916_142, 0.033_454],
        [0.071_945, -0.228_991, 1.405_243],
    ];
    let y = (l + 16.0) / 116.0;
    let mut xyz = [y + a / 500.0, y, y - b / 200.0];
    for (v, white) in xyz.iter_mut().zip(WHITE) {
        let cube = *v * *v * *v;
        *v = white * if cube > 0.008_856 { cube } else { (116.0 * *v - 16.0) / 903.3 };
    }
    TO_LINEAR.map(|row| {
        let linear: f32 = row.iter().zip(xyz).map(|(m, v)| m * v).sum();
        let coded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (coded * 255.0 + 0.5).clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_black_and_red() {
        assert_eq!(srgb(100.0, 0.0, 0.0), [255, 255, 255]);
        assert_eq!(srgb(0.0, 0.0, 0.0), [0, 0, 0]);
        // sRGB red under D50 is L* 54.29, a* 80.81, b* 69.89.
        let red = srgb(54.29, 80.81, 69.89);
        assert!(red[0] >= 253 && red[1] <= 3 && red[2] <= 3, "{red:?}");
    }
}
