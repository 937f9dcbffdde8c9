//! All kinds against what diffusers gave (`models/export/schedulers.py` made the records and says
//! how).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Scheduler, SchedulerSettings, Steps};

const RECORDS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schedulers.json"));
/// How far numbers may differ, of their own size or of the root mean square of their list.
const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Records {
    noise: Vec<f32>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    config: Value,
    steps: usize,
    levels: Option<Vec<f64>>,
    sequence_length: usize,
    init_noise_sigma: f32,
    timesteps: Vec<f32>,
    #[serde(default)]
    sigmas: Vec<f32>,
    after: Vec<usize>,
    latents: Vec<Vec<f32>>,
}

impl Row {
    fn scheduler(&self) -> Box<dyn Scheduler> {
        let settings = SchedulerSettings::from_json(&self.config).unwrap();
        let steps = self.levels.as_deref().map_or(Steps::Count(self.steps), Steps::Sigmas);
        settings.scheduler(steps, self.sequence_length).unwrap()
    }
}

/// One step with the made prediction.
fn advance(scheduler: &mut dyn Scheduler, step: usize, latents: &mut [f32], noise: &[f32]) {
    let squash = |z: f32| z / (1.0 + z.abs());
    let scaled = scheduler.scale_input(step, latents);
    let time = scheduler.timesteps()[step] * 0.001;
    let prediction: Vec<f32> = (0..scaled.len())
        .map(|i| {
            let other = scaled[(i + 5) % scaled.len()];
            (0.8 * squash(scaled[i]) - 0.3 * squash(other)) + 0.1 * time
        })
        .collect();
    let mut draws = noise.to_vec();
    draws.rotate_left(3 * (step + 1) % noise.len());
    let draws = scheduler.wants_noise(step).then_some(draws.as_slice());
    scheduler.step(step, latents, &prediction, draws).unwrap();
}

/// The largest difference, of each number's size or of the list's root mean square.
fn difference(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let square = theirs.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let typical = (square / theirs.len().max(1) as f64).sqrt();
    ours.iter()
        .zip(theirs)
        .map(|(a, b)| (f64::from(a - b)).abs() / f64::from(b.abs()).max(typical).max(1e-30))
        .fold(0.0, |most, next| if next.is_nan() { f64::INFINITY } else { most.max(next) })
}

#[test]
fn every_kind_gives_the_numbers_of_diffusers() {
    let records: Records = serde_json::from_str(RECORDS).unwrap();
    let mut worst = BTreeMap::new();
    for row in &records.rows {
        let mut scheduler = row.scheduler();
        let mut latents: Vec<f32> =
            records.noise.iter().map(|draw| draw * scheduler.init_noise_sigma()).collect();
        let mut off = vec![
            (
                "init_noise_sigma",
                difference(&[scheduler.init_noise_sigma()], &[row.init_noise_sigma]),
            ),
            ("timesteps", difference(scheduler.timesteps(), &row.timesteps)),
            ("sigmas", difference(scheduler.sigmas(), &row.sigmas)),
        ];
        for step in 0..row.steps {
            advance(&mut *scheduler, step, &mut latents, &records.noise);
            if let Some(kept) = row.after.iter().position(|after| *after == step + 1) {
                off.push(("latents", difference(&latents, &row.latents[kept])));
            }
        }
        let kind = row.config["type"].as_str().unwrap();
        for (what, off) in off {
            assert!(off <= TOLERANCE, "{what} off {off:e}: {} steps of {}", row.steps, row.config);
            let most = worst.entry(format!("{kind}: {what}")).or_insert(0.0_f64);
            *most = most.max(off);
        }
    }
    for (what, off) in &worst {
        println!("{what} {off:.1e}");
    }
    assert_eq!(worst.keys().filter(|what| what.ends_with("latents")).count(), 6);
}

#[test]
fn a_run_that_is_resumed_gives_the_same_bytes() {
    let records: Records = serde_json::from_str(RECORDS).unwrap();
    for row in &records.rows {
        let mut whole = row.scheduler();
        let mut expected = records.noise.clone();
        let mut saved = Vec::new();
        for step in 0..row.steps {
            let state: Vec<Vec<f32>> = whole.state().into_iter().map(<[f32]>::to_vec).collect();
            saved.push((expected.clone(), state));
            advance(&mut *whole, step, &mut expected, &records.noise);
        }
        for (from, (mut latents, state)) in saved.into_iter().enumerate() {
            let mut resumed = row.scheduler();
            resumed.restore(state).unwrap();
            for step in from..row.steps {
                advance(&mut *resumed, step, &mut latents, &records.noise);
            }
            let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&latents), bits(&expected), "from {from} of {}", row.config);
        }
    }
}

#[test]
fn misuse_is_an_error_and_leaves_no_panic() {
    let records: Records = serde_json::from_str(RECORDS).unwrap();
    for row in &records.rows {
        let code = |scheduler: &mut dyn Scheduler, step, latents: usize, noise: Option<&[f32]>| {
            let error = scheduler.step(step, &mut vec![0.5; latents], &[0.5; 4], noise).err();
            error.map(|error| error.code())
        };
        let mut scheduler = row.scheduler();
        assert_eq!(code(&mut *scheduler, 0, 5, Some(&[0.5; 5])), Some("internal.scheduler"));
        assert_eq!(
            code(&mut *scheduler, row.steps, 4, Some(&[0.5; 4])),
            Some("internal.scheduler")
        );
        if scheduler.wants_noise(0) {
            assert_eq!(code(&mut *scheduler, 0, 4, None), Some("internal.scheduler"));
            assert_eq!(code(&mut *scheduler, 0, 4, Some(&[0.5; 3])), Some("internal.scheduler"));
        }
        assert!(scheduler.restore(vec![vec![0.0; 4]; 9]).is_err());
        if row.steps > 1 {
            assert_eq!(code(&mut *scheduler, 0, 4, Some(&[0.5; 4])), None);
            if !scheduler.state().is_empty() {
                let foreign = scheduler.state().iter().map(|_| vec![0.0; 5]).collect();
                scheduler.restore(foreign).unwrap();
                assert_eq!(code(&mut *scheduler, 1, 4, None), Some("internal.scheduler"));
                let mut fresh = row.scheduler();
                assert_eq!(code(&mut *fresh, 1, 4, None), Some("internal.scheduler"));
            }
        }
    }
}
