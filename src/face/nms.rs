//! Non-maximum suppression: of boxes that overlap, the surest stays.

use super::landmarks::Face;

/// Most candidates that are looked at, the surest first; OpenCV's detector takes as many.
const MOST_CANDIDATES: usize = 5000;

/// Keeps the surest face of each group whose boxes overlap by more than `overlap`
/// (intersection over union). The result is sorted by score, surest first.
pub(super) fn suppress(mut faces: Vec<Face>, overlap: f32) -> Vec<Face> {
    faces.sort_by(|a, b| b.score().total_cmp(&a.score()));
    faces.truncate(MOST_CANDIDATES);
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|other| intersection_over_union(&face, other) <= overlap) {
            kept.push(face);
        }
    }
    kept
}

/// The least score that counts in one of several looks.
pub(super) const GLIMPSE: f32 = 0.2;

/// Joins what several looks at one photo found: faces whose boxes overlap are one, with the mean of
/// their scores and the mean of boxes and points, weighted by score. A look that does not see a face
/// counts as half a [`GLIMPSE`]: on average so much is under what it leaves out.
pub(super) fn agree<const LOOKS: usize>(looks: [Vec<Face>; LOOKS]) -> Vec<Face> {
    const SAME: f32 = 0.35;
    let mut faces: Vec<(usize, Face)> = looks
        .into_iter()
        .enumerate()
        .flat_map(|(look, faces)| faces.into_iter().map(move |face| (look, face)))
        .collect();
    faces.sort_by(|(_, a), (_, b)| b.score().total_cmp(&a.score()));
    let mut agreed = Vec::new();
    while let Some((_, surest)) = faces.first().cloned() {
        let (group, rest): (Vec<_>, Vec<_>) = faces.into_iter().partition(|(_, face)| {
            intersection_over_union(face, &surest) > SAME || {
                // A box without area overlaps nothing, itself included.
                face.bounds() == surest.bounds()
            }
        });
        faces = rest;
        let mut scores = [GLIMPSE / 2.0; LOOKS];
        for (look, face) in &group {
            scores[*look] = scores[*look].max(face.score());
        }
        let members: Vec<&Face> = group.iter().map(|(_, face)| face).collect();
        agreed.push(Face::mean(&members, scores.iter().sum::<f32>() / LOOKS as f32));
    }
    agreed
}

/// Drops faces most of whose box lies within a larger and surer one.
pub(super) fn without_nested(faces: Vec<Face>) -> Vec<Face> {
    const WITHIN: f32 = 0.75;
    let within = |small: &Face, large: &Face| {
        small.area() < large.area()
            && small.score() <= large.score()
            && shared(small, large) >= WITHIN * small.area()
    };
    let nested: Vec<bool> =
        faces.iter().map(|face| faces.iter().any(|other| within(face, other))).collect();
    faces.into_iter().zip(nested).filter(|(_, nested)| !nested).map(|(face, _)| face).collect()
}

/// Area of the boxes' intersection.
fn shared(a: &Face, b: &Face) -> f32 {
    let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (*a.bounds(), *b.bounds());
    let width = ((ax + aw).min(bx + bw) - ax.max(bx)).max(0.0);
    let height = ((ay + ah).min(by + bh) - ay.max(by)).max(0.0);
    width * height
}

fn intersection_over_union(a: &Face, b: &Face) -> f32 {
    let shared = shared(a, b);
    let whole = a.area() + b.area() - shared;
    if whole > 0.0 { shared / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::landmarks::Landmarks;
    use super::*;

    fn face(x: f32, score: f32) -> Face {
        let bounds = [x, 0.0, 10.0, 10.0];
        Face::new(bounds, score, Landmarks::estimate(bounds))
    }

    #[test]
    fn the_surest_of_a_group_stays() {
        let kept = suppress(vec![face(0.0, 0.7), face(2.0, 0.9), face(30.0, 0.6)], 0.3);
        let scores: Vec<f32> = kept.iter().map(Face::score).collect();
        assert_eq!(scores, [0.9, 0.6]);
    }

    #[test]
    fn an_eye_taken_for_a_face_goes_and_a_surer_small_face_stays() {
        let small = |score| {
            let bounds = [2.0, 2.0, 4.0, 4.0];
            Face::new(bounds, score, Landmarks::estimate(bounds))
        };
        assert_eq!(without_nested(vec![face(0.0, 0.9), small(0.6)]).len(), 1);
        assert_eq!(without_nested(vec![face(0.0, 0.6), small(0.9)]).len(), 2);
        assert_eq!(without_nested(vec![face(20.0, 0.9), small(0.6)]).len(), 2);
    }

    #[test]
    fn two_looks_are_averaged_and_a_single_glimpse_loses_half() {
        let both = agree([vec![face(0.0, 0.9), face(40.0, 0.8)], vec![face(3.0, 0.6)]]);
        assert_eq!(both.len(), 2);
        assert!((both[0].score() - 0.75).abs() < 1e-6);
        // (0·.9 + 3·.6) / 1.5
        assert!((both[0].bounds()[0] - 1.2).abs() < 1e-5);
        assert!((both[0].bounds()[2] - 10.0).abs() < 1e-5);
        let eye = both[0].landmarks().points()[0][0];
        assert!((eye - (1.2 + 0.3 * 10.0)).abs() < 1e-4);
        assert!((both[1].score() - 0.45).abs() < 1e-6);
        assert!(agree([Vec::new(), Vec::new()]).is_empty());
    }

    #[test]
    fn boxes_that_overlap_a_little_both_stay() {
        assert_eq!(suppress(vec![face(0.0, 0.7), face(8.0, 0.9)], 0.3).len(), 2);
        assert!(intersection_over_union(&face(0.0, 1.0), &face(0.0, 1.0)) > 0.999);
        let point = Face::new([0.0; 4], 1.0, Landmarks::estimate([0.0; 4]));
        assert_eq!(intersection_over_union(&point, &point), 0.0);
    }
}
