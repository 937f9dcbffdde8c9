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

impl StageEstimate {
    /// The coefficients, none of them negative, that meet what was measured best: latent frames,
    /// positions, bytes and seconds.
    pub(crate) fn fit(measured: &[(usize, usize, f64, f64)]) -> Self {
        let points = |value: fn(&(usize, usize, f64, f64)) -> f64| {
            measured.iter().map(|m| (terms(m.0, m.1), value(m))).collect::<Vec<_>>()
        };
        Self { memory: fitted(&points(|m| m.2)), seconds: fitted(&points(|m| m.3)) }
    }
}

/// Of all choices of up to three terms the one that best tells each measurement from the others.
fn fitted(points: &[([f64; TERMS], f64)]) -> [f64; TERMS] {
    let choices = (1u32..1 << TERMS).filter(|choice| choice.count_ones() <= 3);
    let best = choices.filter_map(|choice| {
        let used: Vec<usize> = (0..TERMS).filter(|term| choice >> term & 1 == 1).collect();
        let whole = solved(points, &used, None)?;
        let errors = (0..points.len()).map(|left_out| {
            let (terms, value) = &points[left_out];
            let Some(without) = solved(points, &used, Some(left_out)) else { return f64::MAX };
            let told: f64 = terms.iter().zip(without).map(|(term, c)| term * c).sum();
            ((told - value) / value.max(1e-9)).powi(2)
        });
        Some((errors.sum::<f64>(), whole))
    });
    let best = best.min_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map_or([0.0; TERMS], |(_, coefficients)| coefficients)
}

/// Least squares of relative errors over the used terms, by normal equations; none where a
/// coefficient would be negative or the points do not tell the terms apart.
fn solved(
    points: &[([f64; TERMS], f64)],
    used: &[usize],
    left_out: Option<usize>,
) -> Option<[f64; TERMS]> {
    let n = used.len();
    let largest = points.iter().map(|(_, value)| *value).fold(1e-9, f64::max);
    // Terms differ by many orders of magnitude.
    let scale: Vec<f64> = used
        .iter()
        .map(|term| points.iter().map(|(terms, _)| terms[*term]).fold(1.0, f64::max))
        .collect();
    let mut rows = vec![vec![0.0; n + 1]; n];
    for (number, (terms, value)) in points.iter().enumerate() {
        if Some(number) == left_out {
            continue;
        }
        // Relative errors, in shares of the largest: bytes and seconds come out alike.
        let weight = largest / value.max(1e-9 * largest);
        let line: Vec<f64> =
            used.iter().zip(&scale).map(|(term, scale)| terms[*term] / scale * weight).collect();
        for (row, a) in rows.iter_mut().zip(&line) {
            row.iter_mut().zip(line.iter().chain([&1.0])).for_each(|(sum, b)| *sum += a * b);
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
                (f, a, truth(f, a) * off, 1e-6 * truth(f, a))
            })
            .collect();
        let fit = StageEstimate::fit(&measured);
        for (f, a) in [(4, 1000), (7, 1600), (5, 2500)] {
            let told = at(&fit.memory, f, a);
            assert!((told / truth(f, a) - 1.0).abs() < 0.05, "{f} × {a}: {told}");
            assert!((at(&fit.seconds, f, a) * 1e6 / truth(f, a) - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn whatever_was_measured_no_estimate_is_negative() {
        let fit = StageEstimate::fit(&[(1, 10, 5.0, 3.0), (2, 10, 4.0, 2.0), (3, 30, 1.0, 0.0)]);
        assert!(fit.memory.iter().chain(&fit.seconds).all(|c| *c >= 0.0));
        assert!(StageEstimate::fit(&[]).memory.iter().all(|c| *c == 0.0));
    }
}
