//! Samples of any depth and model become tight RGB8 in sRGB, on white.

use rayon::prelude::*;
use zeroize::Zeroize;

use super::icc::{self, Sample};
use super::raster::{Model, Raster, Samples};

/// The pixels of `raster` as sRGB, (H, W, 3), 8 bits a channel, not yet turned.
///
/// What is see-through is laid on white, in sRGB values as browsers do it.
pub(super) fn to_srgb(raster: &Raster) -> Vec<u8> {
    match &raster.samples {
        Samples::U8(samples) => convert(samples, raster),
        Samples::U16(samples) => convert(samples, raster),
    }
}

fn convert<S: Sample>(samples: &[S], raster: &Raster) -> Vec<u8> {
    let (width, model) = (raster.width as usize, raster.model);
    let transform = raster.icc.as_deref().and_then(|icc| icc::transform::<S>(icc, model));
    let mut pixels = vec![0; 3 * width * raster.height as usize];
    pixels
        .par_chunks_exact_mut(3 * width)
        .zip(samples.par_chunks_exact(model.channels() * width))
        .for_each_init(Vec::<S>::new, |scratch, (to, from)| {
            if let Some(transform) = &transform {
                let layout = icc::layouts(model).1;
                scratch.resize(layout.channels() * width, S::default());
                if S::apply(transform, from, scratch) {
                    let model = if layout.channels() == 4 { Model::Rgba } else { Model::Rgb };
                    flatten(scratch, model, to);
                    scratch.zeroize();
                    return;
                }
            }
            flatten(from, model, to);
        });
    pixels
}

/// A row of any model becomes RGB8 on white.
fn flatten<S: Sample>(from: &[S], model: Model, to: &mut [u8]) {
    let to = to.as_chunks_mut::<3>().0.iter_mut();
    match model {
        Model::Grey => to.zip(from).for_each(|(rgb, v)| *rgb = [v.to_u8(); 3]),
        Model::Rgb => {
            to.zip(from.as_chunks::<3>().0).for_each(|(rgb, from)| *rgb = from.map(S::to_u8));
        }
        Model::GreyAlpha => to
            .zip(from.as_chunks::<2>().0)
            .for_each(|(rgb, [v, alpha])| *rgb = [on_white(v.to_u8(), alpha.to_u8()); 3]),
        Model::Rgba => to.zip(from.as_chunks::<4>().0).for_each(|(rgb, [r, g, b, alpha])| {
            *rgb = [r, g, b].map(|v| on_white(v.to_u8(), alpha.to_u8()));
        }),
        // Without a profile: paper lit through two filters, the ink's and black's.
        Model::Cmyk => to.zip(from.as_chunks::<4>().0).for_each(|(rgb, [c, m, y, k])| {
            *rgb = [c, m, y].map(|ink| times(255 - ink.to_u8(), 255 - k.to_u8()));
        }),
    }
}

/// `value` with `alpha` over white.
pub(super) fn on_white(value: u8, alpha: u8) -> u8 {
    times(value, alpha) + (255 - alpha)
}

/// The product of two values that stand for 0 to 1, rounded to the nearest.
pub(super) fn times(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::orientation::Orientation;

    fn one(model: Model, samples: Samples) -> Vec<u8> {
        let orientation = Orientation::Upright;
        to_srgb(&Raster { width: 1, height: 1, model, samples, icc: None, orientation })
    }

    #[test]
    fn every_model_becomes_rgb_on_white() {
        assert_eq!(one(Model::Grey, Samples::U8(vec![7])), [7, 7, 7]);
        assert_eq!(one(Model::GreyAlpha, Samples::U8(vec![7, 0])), [255, 255, 255]);
        assert_eq!(one(Model::Rgb, Samples::U16(vec![65535, 257, 300])), [255, 1, 1]);
        assert_eq!(one(Model::Rgba, Samples::U8(vec![0, 100, 255, 128])), [127, 177, 255]);
        assert_eq!(one(Model::Cmyk, Samples::U8(vec![255, 0, 0, 0])), [0, 255, 255]);
        assert_eq!(one(Model::Cmyk, Samples::U8(vec![0, 0, 0, 255])), [0, 0, 0]);
    }

    #[test]
    fn a_wide_gamut_profile_is_applied() {
        let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
        let raster = |samples| Raster {
            width: 1,
            height: 1,
            model: Model::Rgb,
            samples,
            icc: Some(p3.clone()),
            orientation: Orientation::Upright,
        };
        // Display P3 (200, 120, 100) is sRGB (210, 117, 94), within rounding.
        for samples in [
            Samples::U8(vec![200, 120, 100]),
            Samples::U16([200, 120, 100].map(|v| v * 257).into()),
        ] {
            let got = to_srgb(&raster(samples));
            let near = got.iter().zip([210u8, 117, 94]).all(|(a, b)| a.abs_diff(b) <= 3);
            assert!(near, "{got:?}");
        }
    }
}
