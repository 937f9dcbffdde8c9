//! From the file's colours to sRGB, with its ICC profile where that one holds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use moxcms::{
    ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, Transform16BitExecutor,
    TransformOptions,
};

use super::raster::Model;

/// A sample type that a profile can be applied to.
pub(super) trait Sample: Copy + Default + Send + Sync + zeroize::Zeroize + 'static {
    /// The transform from a profile's colours to sRGB for this type.
    type Transform: ?Sized + Send + Sync;

    fn transform(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Arc<Self::Transform>>;

    /// Whether it worked; where not, `to` is unspecified.
    fn apply(transform: &Self::Transform, from: &[Self], to: &mut [Self]) -> bool;

    /// The nearest 8-bit value.
    fn to_u8(self) -> u8;

    fn from_u8(value: u8) -> Self;
}

impl Sample for u8 {
    type Transform = Transform8BitExecutor;

    fn transform(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Arc<Self::Transform>> {
        let srgb = ColorProfile::new_srgb();
        profile.create_transform_8bit(from, &srgb, to, TransformOptions::default()).ok()
    }

    fn apply(transform: &Self::Transform, from: &[Self], to: &mut [Self]) -> bool {
        transform.transform(from, to).is_ok()
    }

    fn to_u8(self) -> u8 {
        self
    }

    fn from_u8(value: u8) -> Self {
        value
    }
}

impl Sample for u16 {
    type Transform = Transform16BitExecutor;

    fn transform(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Arc<Self::Transform>> {
        let srgb = ColorProfile::new_srgb();
        profile.create_transform_16bit(from, &srgb, to, TransformOptions::default()).ok()
    }

    fn apply(transform: &Self::Transform, from: &[Self], to: &mut [Self]) -> bool {
        transform.transform(from, to).is_ok()
    }

    fn to_u8(self) -> u8 {
        // 65535 = 255 × 257, so this rounds to the nearest.
        ((u32::from(self) + 128) / 257) as u8
    }

    fn from_u8(value: u8) -> Self {
        u16::from(value) * 257
    }
}

/// Where a row comes from and where it goes to: the layouts that a transform works between.
///
/// Alpha travels along untouched; ink and grey become RGB.
pub(super) fn layouts(model: Model) -> (Layout, Layout) {
    match model {
        Model::Grey => (Layout::Gray, Layout::Rgb),
        Model::GreyAlpha => (Layout::GrayAlpha, Layout::Rgba),
        Model::Rgb => (Layout::Rgb, Layout::Rgb),
        Model::Rgba => (Layout::Rgba, Layout::Rgba),
        // moxcms has one layout for everything of four channels.
        Model::Cmyk => (Layout::Rgba, Layout::Rgb),
    }
}

/// The transform that `profile` asks for, or none: it is broken, it is for other channels than the
/// picture has, or it changes nothing that can be seen.
///
/// A picture without its profile is still a picture, so nothing here is an error.
pub(super) fn transform<S: Sample>(profile: &[u8], model: Model) -> Option<Arc<S::Transform>> {
    catch_unwind(AssertUnwindSafe(|| {
        let profile = ColorProfile::new_from_slice(profile).ok()?;
        let expected = match model {
            Model::Grey | Model::GreyAlpha => DataColorSpace::Gray,
            Model::Rgb | Model::Rgba => DataColorSpace::Rgb,
            Model::Cmyk => DataColorSpace::Cmyk,
        };
        if profile.color_space != expected {
            return None;
        }
        let (from, to) = layouts(model);
        let transform = S::transform(&profile, from, to)?;
        changes_something::<S>(&transform, model).then_some(transform)
    }))
    .unwrap_or(None)
}

/// Tries the transform on a grid of colours: most profiles are sRGB itself, and skipping those
/// saves a pass over the picture. A transform that fails changes nothing either.
fn changes_something<S: Sample>(transform: &S::Transform, model: Model) -> bool {
    const STEPS: [u8; 7] = [0, 12, 51, 102, 153, 204, 255];
    let channels = model.channels();
    let mut probe = Vec::new();
    for r in STEPS {
        for g in STEPS {
            for b in STEPS {
                probe.extend([r, g, b, 255].map(S::from_u8).iter().take(channels));
            }
        }
    }
    let to = layouts(model).1;
    let pixels = probe.len() / channels;
    let mut changed = vec![S::default(); pixels * to.channels()];
    if !S::apply(transform, &probe, &mut changed) {
        return false;
    }
    if model == Model::Cmyk {
        return true;
    }
    let colours = if matches!(model, Model::Rgb | Model::Rgba) { 3 } else { 1 };
    probe.chunks_exact(channels).zip(changed.chunks_exact(to.channels())).any(|(was, is)| {
        (0..3).any(|c| was[c.min(colours - 1)].to_u8().abs_diff(is[c].to_u8()) > 1)
    })
}

/// A colour profile of anybody's, for pictures of every kind.
#[cfg(fuzzing)]
pub fn fuzz(profile: &[u8]) {
    let small = transform::<u8>(profile, Model::Rgb);
    if let Some(transform) = small {
        _ = u8::apply(&*transform, &[0, 9, 255, 128, 1, 77], &mut [0; 6]);
    }
    _ = transform::<u8>(profile, Model::GreyAlpha);
    _ = transform::<u16>(profile, Model::Grey);
    _ = transform::<u16>(profile, Model::Rgba);
    _ = transform::<u8>(profile, Model::Cmyk);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srgb_is_left_alone_and_display_p3_is_not() {
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        assert!(transform::<u8>(&srgb, Model::Rgb).is_none());
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let to_srgb = transform::<u8>(&p3, Model::Rgb).unwrap();
        let mut got = [0; 3];
        assert!(u8::apply(&*to_srgb, &[255, 0, 0], &mut got));
        assert_eq!(got, [255, 0, 0]);
        assert!(u8::apply(&*to_srgb, &[128, 128, 128], &mut got));
        assert!(got.iter().all(|v| v.abs_diff(128) <= 1), "{got:?}");
    }

    #[test]
    fn broken_and_foreign_profiles_are_ignored() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        assert!(transform::<u8>(&p3, Model::Grey).is_none());
        assert!(transform::<u8>(&p3, Model::Cmyk).is_none());
        assert!(transform::<u16>(b"not a profile", Model::Rgb).is_none());
        for cut in (0..p3.len()).step_by(7) {
            let _ = transform::<u8>(&p3[..cut], Model::Rgb);
        }
    }
}
