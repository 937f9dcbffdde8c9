//! A face's own frame: similarities from its five points to a template.

use super::landmarks::Landmarks;
pub(crate) use crate::render::similarity::Similarity;

/// ArcFace's five points in its 112×112 picture: eyes, nose, mouth corners (Deng et al., 2019).
pub(crate) const ARCFACE: [[f32; 2]; 5] =
    [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]];
/// The middle of the template's eyes and their distance.
const EYES: [f32; 2] = [55.91, 51.60];
const INTER_OCULAR: f32 = 35.24;

/// A square around a face, in its own frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crop {
    /// The side in inter-ocular distances.
    side: f32,
    /// Where the middle of the eyes lies, in shares of the side.
    eyes: [f32; 2],
}

impl Crop {
    /// What the points network sees.
    pub(crate) const FACE: Self = Self { side: 3.6, eyes: [0.5, 0.40] };

    /// From photo pixels to the unit square of the crop; `None` when the points lie in one place.
    pub(crate) fn similarity(&self, landmarks: &Landmarks) -> Option<Similarity> {
        let fit = Similarity::fit(landmarks.points(), &self.template())?;
        (fit.scale() > 0.0).then_some(fit)
    }

    /// The template in the unit square.
    fn template(&self) -> [[f32; 2]; 5] {
        let k = 1.0 / (INTER_OCULAR * self.side);
        ARCFACE.map(|[x, y]| [self.eyes[0] + (x - EYES[0]) * k, self.eyes[1] + (y - EYES[1]) * k])
    }
}

/// From photo pixels to ArcFace's 112×112 picture.
#[allow(dead_code, reason = "packs that take ArcFace's crop")]
pub(crate) fn arcface(landmarks: &Landmarks) -> Option<Similarity> {
    Similarity::fit(landmarks.points(), &ARCFACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmarks(to_photo: &Similarity) -> Landmarks {
        Landmarks::new(ARCFACE.map(|p| to_photo.apply(p)))
    }

    #[test]
    fn the_template_lands_where_the_models_expect_it() {
        let photo = Similarity::fit(&[[0.0, 0.0], [1.0, 0.0]], &[[300.0, 90.0], [301.0, 92.0]]);
        let landmarks = landmarks(&photo.unwrap());
        let (crop, eyes) = (Crop::FACE, [0.5, 0.40]);
        {
            let to_unit = crop.similarity(&landmarks).unwrap();
            let [left, right, ..] = *landmarks.points();
            let [left, right] = [to_unit.apply(left), to_unit.apply(right)];
            assert!((right[0] - left[0] - 1.0 / crop.side).abs() < 1e-3);
            assert!(((left[0] + right[0]) / 2.0 - eyes[0]).abs() < 1e-3);
            assert!(((left[1] + right[1]) / 2.0 - eyes[1]).abs() < 1e-3);
        }
    }

    #[test]
    fn arcface_is_exact_for_its_own_points() {
        let away =
            Similarity::fit(&[[0.0, 0.0], [1.0, 0.0]], &[[10.0, 9.0], [10.0, 12.0]]).unwrap();
        let back = arcface(&landmarks(&away)).unwrap();
        for p in ARCFACE {
            let q = back.apply(away.apply(p));
            assert!((q[0] - p[0]).abs() < 1e-3 && (q[1] - p[1]).abs() < 1e-3);
        }
        assert!(Crop::FACE.similarity(&Landmarks::new([[3.0, 3.0]; 5])).is_none());
    }
}
