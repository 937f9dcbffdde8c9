//! What jobs of a pack take, as a polynomial in their size that was fitted to measurements.

use serde::{Deserialize, Serialize};

/// What jobs of a pack take, stage by stage: measured with `kinora pack measure`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Estimate {
    /// Reading the words, the conditions, and the first denoise step.
    pub begin: StageEstimate,
    /// Each later denoise step.
    pub step: StageEstimate,
    /// Decoding all frames. Memory counts the latent frames that are decoded together.
    pub decode: StageEstimate,
    /// Width, height and frames of the smallest clip that was measured: quick to try again.
    pub smallest: [u32; 3],
}

/// Coefficients of 1, A, F·A, F·A², F²·A and F²·A², where F is the number of latent frames and A
/// that of the latent positions in each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StageEstimate {
    /// Bytes at the peak, beside what the process had before.
    pub memory: [f64; TERMS],
    /// Seconds on the machine that measured.
    pub seconds: [f64; TERMS],
}

/// Terms of the polynomial.
pub(crate) const TERMS: usize = 6;

/// The terms for so many latent frames of so many positions.
pub(crate) fn terms(frames: usize, area: usize) -> [f64; TERMS] {
    let (f, a) = (frames as f64, area as f64);
    [1.0, a, f * a, f * a * a, f * f * a, f * f * a * a]
}

/// The polynomial's value.
pub(crate) fn at(coefficients: &[f64; TERMS], frames: usize, area: usize) -> f64 {
    terms(frames, area).iter().zip(coefficients).map(|(term, c)| term * c).sum()
}

impl Estimate {
    pub(crate) fn new(
        begin: StageEstimate,
        step: StageEstimate,
        decode: StageEstimate,
        smallest: [u32; 3],
    ) -> Self {
        Self { begin, step, decode, smallest }
    }

    /// Whether it can be reckoned with.
    pub(super) fn is_sound(&self) -> bool {
        let stages = [&self.begin, &self.step, &self.decode];
        let mut numbers =
            stages.into_iter().flat_map(|stage| stage.memory.iter().chain(&stage.seconds));
        numbers.all(|number| number.is_finite() && *number >= 0.0)
    }
}

/// What was measured at a size.
pub(crate) struct Point {
    terms: [f64; TERMS],
    value: f64,
    /// What an error is a share of.
    whole: f64,
}

impl Point {
    pub(crate) fn new(frames: usize, area: usize, value: f64, whole: f64) -> Self {
        Self { terms: terms(frames, area), value, whole }
    }
}

/// The coefficients, none of them negative, that meet what was measured best: of all choices of up to three
/// terms the one that best tells each measurement from the others.
pub(crate) fn fitted(points: &[Point]) -> [f64; TERMS] {
    let choices = (1u32..1 << TERMS).filter(|choice| choice.count_ones() <= 3);
    let best = choices.filter_map(|choice| {
        let used: Vec<usize> = (0..TERMS).filter(|term| choice >> term & 1 == 1).collect();
        let whole = solved(points, &used, None)?;
        let errors = (0..points.len()).map(|left_out| {
            let Point { terms, value, whole } = &points[left_out];
            let Some(without) = solved(points, &used, Some(left_out)) else { return f64::MAX };
            let told: f64 = terms.iter().zip(without).map(|(term, c)| term * c).sum();
            ((told - value) / whole.max(1e-9)).powi(2)
        });
        Some((errors.sum::<f64>(), whole))
    });
    let best = best.min_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map_or([0.0; TERMS], |(_, coefficients)| coefficients)
}

/// Least squares of relative errors over the used terms, by normal equations; none where a
/// coefficient would be negative or the points do not tell the terms apart.
fn solved(points: &[Point], used: &[usize], left_out: Option<usize>) -> Option<[f64; TERMS]> {
    let n = used.len();
    let largest = points.iter().map(|point| point.whole).fold(1e-9, f64::max);
    // Terms differ by many orders of magnitude.
    let scale: Vec<f64> = used
        .iter()
        .map(|term| points.iter().map(|point| point.terms[*term]).fold(1.0, f64::max))
        .collect();
    let mut rows = vec![vec![0.0; n + 1]; n];
    for (number, Point { terms, value, whole }) in points.iter().enumerate() {
        if Some(number) == left_out {
            continue;
        }
        // In shares of the largest: bytes and seconds come out alike.
        let weight = largest / whole.max(1e-9 * largest);
        let line: Vec<f64> =
            used.iter().zip(&scale).map(|(term, scale)| terms[*term] / scale * weight).collect();
        let told = value / largest * weight;
        for (row, a) in rows.iter_mut().zip(&line) {
            row.iter_mut().zip(line.iter().chain([&told])).for_each(|(sum, b)| *sum += a * b);
        }
    }
    for pivot in 0..n {
        let steepest =
            (pivot..n).max_by(|a, b| rows[*a][pivot].abs().total_cmp(&rows[*b][pivot].abs()))?;
        rows.swap(pivot, steepest);
        let lead = rows[pivot].clone();
        if lead[pivot].abs() < 1e-12 {
            return None;
        }
        for number in (0..n).filter(|number| *number != pivot) {
            let share = rows[number][pivot] / lead[pivot];
            rows[number].iter_mut().zip(&lead).for_each(|(a, b)| *a -= share * b);
        }
    }
    let mut coefficients = [0.0; TERMS];
    for (number, (term, scale)) in used.iter().zip(&scale).enumerate() {
        coefficients[*term] = rows[number][n] / rows[number][number] / scale * largest;
    }
    coefficients.iter().all(|c| *c >= 0.0 && c.is_finite()).then_some(coefficients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_finds_what_made_the_measurements_and_tells_others() {
        let truth =
            |f: usize, a: usize| 4e8 + 90.0 * (f * a) as f64 + 0.002 * ((f * a) as f64).powi(2);
        let sizes = [(2, 400), (5, 400), (2, 900), (5, 900), (2, 1600), (5, 1600), (3, 900)];
        let measured: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(n, &(f, a))| {
                // A measurement is a little off.
                let off = 1.0 + 0.01 * (n as f64 * 2.4).sin();
                (f, a, [truth(f, a) * off, 1e-6 * truth(f, a)])
            })
            .collect();
        let [bytes, seconds] = [0, 1].map(|which| {
            let points = measured.iter().map(|&(f, a, values)| {
                let value: f64 = values[which];
                Point::new(f, a, value, value)
            });
            fitted(&points.collect::<Vec<_>>())
        });
        for (f, a) in [(4, 1000), (7, 1600), (5, 2500)] {
            let told = at(&bytes, f, a);
            assert!((told / truth(f, a) - 1.0).abs() < 0.05, "{f} × {a}: {told}");
            assert!((at(&seconds, f, a) * 1e6 / truth(f, a) - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn whatever_was_measured_no_estimate_is_negative() {
        for values in [[5.0, 4.0, 1.0], [3.0, 2.0, 0.0]] {
            let sizes = [(1, 10), (2, 10), (3, 30)].into_iter().zip(values);
            let points: Vec<_> = sizes.map(|((f, a), v)| Point::new(f, a, v, v)).collect();
            assert!(fitted(&points).iter().all(|c| *c >= 0.0));
        }
        assert!(fitted(&[]).iter().all(|c| *c == 0.0));
    }

    #[test]
    fn what_is_a_small_share_of_its_whole_counts_little() {
        let sizes = [(1, 100), (1, 200), (1, 400), (1, 800)];
        // The smallest two lie far from the line through the others, and among much else.
        let values = [9.0, 1.0, 40.0, 80.0];
        let fit = |whole: fn(f64) -> f64| {
            let points = sizes.iter().zip(values).map(|(&(f, a), v)| Point::new(f, a, v, whole(v)));
            at(&fitted(&points.collect::<Vec<_>>()), 1, 800)
        };
        let (alone, among) = (fit(|value| value), fit(|value| value.max(40.0)));
        assert!((among - 80.0).abs() < 0.5 * (alone - 80.0).abs(), "{alone}, {among}");
    }
}
