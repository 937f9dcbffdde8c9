//! Rotation, uniform scale and shift of the plane.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A similarity of the plane: (x, y) ► (a·x − b·y + tx, b·x + a·y + ty).
///
/// It can say where a face is, so it is wiped when it is dropped and prints no numbers.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Similarity {
    a: f64,
    b: f64,
    tx: f64,
    ty: f64,
}

impl Similarity {
    /// The similarity that brings `from` closest to `to` by least squares, without mirroring.
    ///
    /// `None` when the points of `from` all lie in one place. For two dimensions the solution of
    /// Umeyama (1991, "Least-squares estimation of transformation parameters between two point
    /// patterns") is linear in (a, b): sums of dot and cross products over the sum of squares.
    pub(crate) fn fit(from: &[[f32; 2]], to: &[[f32; 2]]) -> Option<Self> {
        let count = from.len().min(to.len());
        let (from, to) = (&from[..count], &to[..count]);
        let (from_middle, to_middle) = (middle(from)?, middle(to)?);
        let (mut dot, mut cross, mut square) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let [px, py] = [f64::from(p[0]) - from_middle[0], f64::from(p[1]) - from_middle[1]];
            let [qx, qy] = [f64::from(q[0]) - to_middle[0], f64::from(q[1]) - to_middle[1]];
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            square += px * px + py * py;
        }
        let (a, b) = (dot / square, cross / square);
        if !(a.is_finite() && b.is_finite()) {
            return None;
        }
        Some(Self {
            a,
            b,
            tx: to_middle[0] - a * from_middle[0] + b * from_middle[1],
            ty: to_middle[1] - b * from_middle[0] - a * from_middle[1],
        })
    }

    /// Scale by `scale` and then shift.
    #[cfg(test)]
    pub(crate) fn scale_and_shift(scale: f64, shift: [f64; 2]) -> Self {
        Self { a: scale, b: 0.0, tx: shift[0], ty: shift[1] }
    }

    /// Where a point goes.
    pub(crate) fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (x, y) = (f64::from(x), f64::from(y));
        [(self.a * x - self.b * y + self.tx) as f32, (self.b * x + self.a * y + self.ty) as f32]
    }

    /// The way back; `None` when everything goes to one point.
    pub(crate) fn inverse(&self) -> Option<Self> {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        (a.is_finite() && b.is_finite()).then(|| Self {
            a,
            b,
            tx: -(a * self.tx - b * self.ty),
            ty: -(b * self.tx + a * self.ty),
        })
    }

    /// This one first, then `next`.
    #[cfg(test)]
    pub(crate) fn then(&self, next: &Self) -> Self {
        Self {
            a: next.a * self.a - next.b * self.b,
            b: next.b * self.a + next.a * self.b,
            tx: next.a * self.tx - next.b * self.ty + next.tx,
            ty: next.b * self.tx + next.a * self.ty + next.ty,
        }
    }

    /// By how much lengths grow.
    pub(crate) fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    /// The turn in radians, + clockwise as seen (y is down).
    #[cfg(test)]
    pub(crate) fn angle(&self) -> f64 {
        self.b.atan2(self.a)
    }

    /// `[a, b, tx, ty]`.
    pub(crate) fn coefficients(&self) -> [f64; 4] {
        [self.a, self.b, self.tx, self.ty]
    }
}

impl std::fmt::Debug for Similarity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Similarity(..)")
    }
}

fn middle(points: &[[f32; 2]]) -> Option<[f64; 2]> {
    let count = points.len() as f64;
    let sum = points.iter().fold([0.0; 2], |[x, y], p| [x + f64::from(p[0]), y + f64::from(p[1])]);
    (count > 0.0).then(|| [sum[0] / count, sum[1] / count])
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [[f32; 2]; 4] = [[0.0, 0.0], [4.0, 1.0], [-2.0, 3.0], [5.0, -7.0]];

    fn close(a: [f32; 2], b: [f32; 2]) -> bool {
        (a[0] - b[0]).abs() < 1e-4 && (a[1] - b[1]).abs() < 1e-4
    }

    #[test]
    fn a_known_similarity_is_found_again() {
        let known = Similarity { a: 0.6 * 2.5, b: 0.8 * 2.5, tx: -3.0, ty: 11.0 };
        let to = POINTS.map(|p| known.apply(p));
        let found = Similarity::fit(&POINTS, &to).unwrap();
        assert!((found.scale() - 2.5).abs() < 1e-6);
        assert!((found.angle() - 0.8f64.atan2(0.6)).abs() < 1e-6);
        for (p, q) in POINTS.iter().zip(to) {
            assert!(close(found.apply(*p), q));
            assert!(close(found.inverse().unwrap().apply(q), *p));
        }
    }

    #[test]
    fn the_fit_is_least_squares() {
        // Any small change of the coefficients has to make the residual larger.
        let to = [[1.0, 0.5], [5.0, 1.0], [-2.5, 3.0], [4.0, -8.0]];
        let best = Similarity::fit(&POINTS, &to).unwrap();
        let residual = |s: &Similarity| -> f64 {
            POINTS
                .iter()
                .zip(to)
                .map(|(p, q)| {
                    let r = s.apply(*p);
                    f64::from(r[0] - q[0]).powi(2) + f64::from(r[1] - q[1]).powi(2)
                })
                .sum()
        };
        for step in [-0.01, 0.01] {
            for change in
                [[step, 0., 0., 0.], [0., step, 0., 0.], [0., 0., step, 0.], [0., 0., 0., step]]
            {
                let [a, b, tx, ty] = best.coefficients();
                let other = Similarity {
                    a: a + change[0],
                    b: b + change[1],
                    tx: tx + change[2],
                    ty: ty + change[3],
                };
                assert!(residual(&other) > residual(&best));
            }
        }
    }

    #[test]
    fn one_after_the_other() {
        let first = Similarity::scale_and_shift(2.0, [1.0, -1.0]);
        let second = Similarity { a: 0.0, b: 1.0, tx: 0.0, ty: 5.0 };
        for p in POINTS {
            assert!(close(first.then(&second).apply(p), second.apply(first.apply(p))));
        }
    }

    #[test]
    fn points_in_one_place_have_no_fit() {
        assert!(Similarity::fit(&[[1.0, 1.0]; 5], &[[0.0, 0.0]; 5]).is_none());
        assert!(Similarity::fit(&[], &[]).is_none());
        assert!(Similarity::scale_and_shift(0.0, [0.0; 2]).inverse().is_none());
        assert_eq!(format!("{:?}", Similarity::scale_and_shift(3.0, [1.0; 2])), "Similarity(..)");
    }
}
