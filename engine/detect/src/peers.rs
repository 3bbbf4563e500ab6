//! Our Random Cut Forest beside the reference implementation, on the same points in one run. Only for `weir bench detectors`.

use krcf::{RandomCutForest, RandomCutForestOptions};

use crate::forest::{Forest, ForestSettings};
use crate::rng::Rng;

/// What one run came to.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// Records of the shingle.
    pub shingle: u32,
    /// Points per CPU second of ours.
    pub own_per_second: f64,
    /// Of the reference.
    pub peer_per_second: f64,
    /// Pearson correlation of the scores after the first 512 points.
    pub correlation: f64,
}

/// A noisy daily curve with a spike in each 500 records and a step now and then.
#[must_use]
pub fn series(rows: usize, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed, 3);
    let mut level = 0.0;
    let one = |i: usize| {
        if rng.below(2000) == 0 {
            level = 10.0 * rng.unit();
        }
        let spike = if rng.below(500) == 0 {
            40.0 * rng.unit()
        } else {
            0.0
        };
        let wave = 10.0 * libm::sin(std::f64::consts::TAU * i as f64 / 288.0);
        level + wave + spike + rng.unit() + rng.unit()
    };
    (0..rows).map(one).collect()
}

/// Scores and learns `rows` records with both, 100 trees of 256 samples. `cpu` gives the CPU seconds of this thread.
///
/// # Errors
/// When the reference refuses.
pub fn compare(rows: usize, shingle: u32, cpu: impl Fn() -> f64) -> Result<Comparison, String> {
    let values = series(rows, 1);
    let begun = cpu();
    let own = own_scores(&values, shingle);
    let between = cpu();
    let peer = peer_scores(&values, shingle)?;
    let ended = cpu();
    let rate = |seconds: f64| rows as f64 / seconds.max(1e-9);
    Ok(Comparison {
        shingle,
        own_per_second: rate(between - begun),
        peer_per_second: rate(ended - between),
        correlation: correlation(&own[512.min(rows)..], &peer[512.min(rows)..]),
    })
}

/// Raw scores of ours.
#[must_use]
pub fn own_scores(values: &[f64], shingle: u32) -> Vec<f64> {
    let mut forest = Forest::new(ForestSettings {
        shingle_size: shingle,
        time_decay: 2560,
        seed: 1,
        ..ForestSettings::default()
    });
    let one = |x: &f64| {
        forest.shift(&[*x]);
        let score = forest.score();
        forest.learn();
        score
    };
    values.iter().map(one).collect()
}

/// Raw scores of the reference, with its usual decay of a tenth of the sample.
///
/// # Errors
/// When it refuses.
pub fn peer_scores(values: &[f64], shingle: u32) -> Result<Vec<f64>, String> {
    let mut peer = RandomCutForest::new(RandomCutForestOptions {
        dimensions: 1,
        shingle_size: shingle as usize,
        num_trees: Some(100),
        sample_size: Some(256),
        lambda: Some(1.0 / 2560.0),
        random_seed: Some(1),
        parallel_execution_enabled: Some(false),
        internal_shingling: Some(true),
        ..RandomCutForestOptions::default()
    })
    .map_err(|e| format!("{e:?}"))?;
    let mut one = |x: &f64| -> Result<f64, String> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the reference takes 32 bits"
        )]
        let point = [*x as f32];
        let score = if peer.is_output_ready() {
            peer.score(&point).map_err(|e| format!("{e:?}"))?
        } else {
            0.0
        };
        peer.update(&point).map_err(|e| format!("{e:?}"))?;
        Ok(score)
    };
    values.iter().map(&mut one).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (ma, mb) = (mean(a), mean(b));
    let product: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    let square = |v: &[f64], m: f64| v.iter().map(|x| (x - m) * (x - m)).sum::<f64>();
    product / libm::sqrt(square(a, ma) * square(b, mb))
}
