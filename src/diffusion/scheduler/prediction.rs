//! What networks predict, and the clean latents or the noise behind it.

use serde::Deserialize;

/// What a network predicts of noisy latents x = α · clean + σ · noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PredictionType {
    /// The noise.
    Epsilon,
    /// The clean latents.
    Sample,
    /// v = α · noise − σ · clean (Salimans and Ho 2022, arXiv 2202.00512, section 4).
    VPrediction,
    /// noise − clean, the velocity of flow matching, where α = 1 − σ.
    FlowPrediction,
}

/// latents · x + prediction · m, for latents x and a prediction m.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear {
    pub(super) latents: f64,
    pub(super) prediction: f64,
}

impl PredictionType {
    /// The clean latents behind latents x and a prediction.
    pub(super) fn clean(self, alpha: f64, sigma: f64) -> Linear {
        let (latents, prediction) = match self {
            Self::Epsilon => (1.0 / alpha, -sigma / alpha),
            Self::Sample => (0.0, 1.0),
            Self::VPrediction => (alpha, -sigma),
            Self::FlowPrediction => (1.0, -sigma),
        };
        Linear { latents, prediction }
    }

    /// The noise behind latents x and a prediction; α² + σ² = 1 but for flow matching.
    pub(super) fn noise(self, alpha: f64, sigma: f64) -> Linear {
        let (latents, prediction) = match self {
            Self::Epsilon => (0.0, 1.0),
            Self::Sample => (1.0 / sigma, -alpha / sigma),
            Self::VPrediction => (sigma, alpha),
            Self::FlowPrediction => (1.0, alpha),
        };
        Linear { latents, prediction }
    }
}

impl Linear {
    pub(super) fn at(self, latent: f32, prediction: f32) -> f64 {
        self.latents * f64::from(latent) + self.prediction * f64::from(prediction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prediction_leads_back_to_what_was_mixed() {
        let (clean, noise) = (0.75, -1.25);
        for (alpha, sigma) in [(0.6, 0.8), (0.96, 0.28), (0.7, 0.3)] {
            let latent = alpha * clean + sigma * noise;
            let preserves = f64::abs(alpha * alpha + sigma * sigma - 1.0) < 1e-9;
            for (kind, prediction) in [
                (PredictionType::Epsilon, noise),
                (PredictionType::Sample, clean),
                (PredictionType::VPrediction, alpha * noise - sigma * clean),
                (PredictionType::FlowPrediction, noise - clean),
            ] {
                let fits = match kind {
                    PredictionType::VPrediction => preserves,
                    PredictionType::FlowPrediction => !preserves,
                    _ => true,
                };
                if fits {
                    let (latent, prediction) = (latent as f32, prediction as f32);
                    assert!((kind.clean(alpha, sigma).at(latent, prediction) - clean).abs() < 1e-6);
                    assert!((kind.noise(alpha, sigma).at(latent, prediction) - noise).abs() < 1e-6);
                }
            }
        }
    }
}
