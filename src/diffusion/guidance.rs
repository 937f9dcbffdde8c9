//! Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598).

/// How far the estimate goes from "anything" towards, and past, "what was asked".
///
/// 1 takes the conditional estimate as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GuidanceScale(pub(crate) f32);

impl GuidanceScale {
    /// unconditional + scale · (conditional − unconditional), into `conditional`.
    pub(crate) fn apply(self, conditional: &mut [f32], unconditional: &[f32]) {
        for (c, u) in conditional.iter_mut().zip(unconditional) {
            *c = u + self.0 * (*c - u);
        }
    }
}
