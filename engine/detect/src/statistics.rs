//! Detectors that are one formula over a window or a smoothed mean. Of several fields the farthest out counts.

use serde::{Deserialize, Serialize};

use crate::detector::{Reason, Scorer, Settings};
use crate::window::Window;

/// Scores `value` in one field: (score, expected value).
type Outcome = (f64, f64);

/// The field that is farthest out: its number, score, expected value, and its part of the sum of all scores.
pub(crate) fn farthest(parts: impl Iterator<Item = Outcome>) -> (f64, Reason) {
    let (mut best, mut total) = ((0, 0.0, 0.0), 0.0);
    for (i, (score, expected)) in parts.enumerate() {
        total += score;
        if i == 0 || score > best.1 {
            best = (i, score, expected);
        }
    }
    let reason = Reason {
        field: best.0,
        expected: best.2,
        share: if total > 0.0 { best.1 / total } else { 0.0 },
    };
    (best.1, reason)
}

/// A distance in units of a spread. Where nothing ever varied, any step is as far as a spread of a millionth of the level makes it.
pub(crate) fn in_units(distance: f64, spread: f64, level: f64) -> f64 {
    let least = level.abs() * 1e-6 + 1e-12;
    distance.abs() / spread.max(least)
}

/// Values that a window must hold before it says anything.
const FEW: usize = 10;

fn windows(settings: &Settings) -> Vec<Window> {
    let one = Window::new(settings.window as usize);
    vec![one; settings.fields as usize]
}

macro_rules! windowed {
    ($name:ident, $doc:literal, $score:expr) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub(crate) struct $name(Vec<Window>);

        impl $name {
            pub(crate) fn new(settings: &Settings) -> Self {
                Self(windows(settings))
            }
            fn judge(&self, record: &[f64]) -> (f64, Reason) {
                let score: fn(&Window, f64) -> Outcome = $score;
                farthest(self.0.iter().zip(record).map(|(w, x)| {
                    if w.len() < FEW {
                        return (0.0, *x);
                    }
                    score(w, *x)
                }))
            }
        }

        impl Scorer for $name {
            fn score(&mut self, record: &[f64]) -> f64 {
                self.judge(record).0
            }
            fn explain(&self, record: &[f64]) -> Reason {
                self.judge(record).1
            }
            fn learn(&mut self, record: &[f64]) {
                for (w, x) in self.0.iter_mut().zip(record) {
                    w.push(*x);
                }
            }
            fn sound(&self, fields: usize) -> bool {
                self.0.len() == fields && self.0.iter().all(Window::sound)
            }
        }
    };
}

windowed!(
    Deviation,
    "Distance from the mean of the window in standard deviations (z-score).",
    |w, x| {
        let mean = w.mean();
        (in_units(x - mean, w.deviation(), mean), mean)
    }
);
windowed!(
    Outside,
    "Distance beyond the nearer quartile in quartile distances (Tukey's fences), 0 between the quartiles.",
    |w, x| {
        let q = |q| w.quantile(q).unwrap_or(x);
        let (low, middle, high) = (q(0.25), q(0.5), q(0.75));
        let beyond = (x - high).max(low - x).max(0.0);
        (in_units(beyond, high - low, middle), middle)
    }
);
windowed!(
    Mad,
    "Distance from the median in median absolute deviations, scaled to standard deviations of a normal distribution (modified z-score).",
    |w, x| {
        let middle = w.quantile(0.5).unwrap_or(x);
        let mad = median_distance(w.sorted(), middle);
        (NORMAL_MAD * in_units(x - middle, mad, middle), middle)
    }
);

/// Median absolute deviation of the standard normal distribution.
const NORMAL_MAD: f64 = 0.674_489_750_196_081_7;

/// The median of the distances from `middle`: two pointers from the middle outwards.
fn median_distance(sorted: &[f64], middle: f64) -> f64 {
    let mut right = sorted.partition_point(|x| *x < middle);
    let mut left = right;
    let mut distance = 0.0;
    for _ in 0..=sorted.len() / 2 {
        let up = sorted.get(right).map(|x| x - middle);
        let down = left.checked_sub(1).map(|i| middle - sorted[i]);
        match (up, down) {
            (Some(u), Some(d)) if u <= d => {
                distance = u;
                right += 1;
            }
            (_, Some(d)) => {
                distance = d;
                left -= 1;
            }
            (Some(u), None) => {
                distance = u;
                right += 1;
            }
            (None, None) => break,
        }
    }
    distance
}

/// Mean and variance in which each record weighs less than the next (exponentially weighted moving average).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ewma {
    weight: f64,
    seen: u64,
    /// Mean and variance of each field.
    fields: Vec<(f64, f64)>,
}

impl Ewma {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            weight: settings.smoothing.clamp(1e-6, 1.0),
            seen: 0,
            fields: vec![(0.0, 0.0); settings.fields as usize],
        }
    }
    fn judge(&self, record: &[f64]) -> (f64, Reason) {
        let ready = self.seen >= FEW as u64;
        farthest(self.fields.iter().zip(record).map(|((mean, var), x)| {
            if ready {
                (in_units(x - mean, libm::sqrt(*var), *mean), *mean)
            } else {
                (0.0, *x)
            }
        }))
    }
}

impl Scorer for Ewma {
    fn score(&mut self, record: &[f64]) -> f64 {
        self.judge(record).0
    }
    fn explain(&self, record: &[f64]) -> Reason {
        self.judge(record).1
    }
    fn learn(&mut self, record: &[f64]) {
        self.seen += 1;
        // The first records weigh alike, so that the beginning is an ordinary mean.
        let weight = self.weight.max(1.0 / self.seen as f64);
        for ((mean, var), x) in self.fields.iter_mut().zip(record) {
            let distance = x - *mean;
            *mean += weight * distance;
            if self.seen > 1 {
                *var = (1.0 - weight) * (*var + weight * distance * distance);
            }
        }
    }
    fn sound(&self, fields: usize) -> bool {
        self.fields.len() == fields
    }
}
