//! The default that needs no tuning: how far a value lies from everything seen so far, as a tail probability.
//!
//! The distance from a value to the nearest one ever seen is near 0 for a series that repeats itself, whatever its shape, season or
//! level. It is measured twice: on the scale of the values, and on one where large values are pressed together (`asinh` about
//! the median, in units of the quartile distance), because a step that matters at rest is nothing on top of a peak. Each distance is
//! turned into the probability of one at least as large: the empirical share below the 95 % quantile of past distances, an exponential
//! tail beyond it. The evidence is the mean of both in nats, `-ln p`. Of several fields the most surprising counts; records of
//! several fields are also put to a Random Cut Forest, which knows which values go together.

use serde::{Deserialize, Serialize};

use crate::detector::{Reason, Scorer, Settings};
use crate::forest::{Forest, ForestSettings};
use crate::window::Window;

/// Past distances that are kept. Long on purpose: the tail is known only from what is rare.
const KEPT: usize = 16_384;
/// Values for median and quartiles.
const RECENT: usize = 4096;
/// Different values that are kept: when there are more, the densest are thinned out.
const VALUES: usize = 16_384;
/// Where the exponential tail begins.
const TAIL_FROM: f64 = 0.95;
/// Distances before which nothing can be said.
const FEW: usize = 20;

/// The tail probability of a distance among those before it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tail(Window);

impl Tail {
    pub(crate) fn new() -> Self {
        Self(Window::new(KEPT))
    }
    /// `-ln p`, 0 as long as too few are known.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the window"
    )]
    pub(crate) fn surprise(&self, distance: f64) -> f64 {
        let n = self.0.len();
        if n < FEW {
            return 0.0;
        }
        let sorted = self.0.sorted();
        let from = ((n as f64 * TAIL_FROM) as usize).min(n - 1);
        let edge = sorted[from];
        if distance <= edge {
            let rank = self.0.below(distance) as f64;
            return -libm::log(1.0 - rank / (n as f64 + 1.0));
        }
        let excess: f64 = sorted[from..].iter().map(|x| x - edge).sum();
        let mut mean = excess / (n - from) as f64;
        if mean <= 0.0 {
            // All past distances are alike: one in a hundred more is a step.
            mean = edge.abs() * 0.01 + 1e-9;
        }
        // Beyond any probability that a double can hold: the order is kept, the size bounded.
        (-libm::log(1.0 - TAIL_FROM) + (distance - edge) / mean).min(690.0)
    }
    pub(crate) fn learn(&mut self, distance: f64) {
        self.0.push(distance);
    }
    pub(crate) fn sound(&self) -> bool {
        self.0.sound()
    }
}

/// One field.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Novelty {
    /// Every value seen, sorted, without repetition.
    values: Vec<f64>,
    recent: Window,
    plain: Tail,
    pressed: Tail,
}

impl Novelty {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            recent: Window::new(RECENT),
            plain: Tail::new(),
            pressed: Tail::new(),
        }
    }
    /// The values next to `value`, below (or equal) and above.
    fn neighbours(&self, value: f64) -> (Option<f64>, Option<f64>) {
        let at = self.values.partition_point(|x| *x < value);
        let above = self.values.get(at).copied();
        (at.checked_sub(1).map(|i| self.values[i]), above)
    }
    fn nearest(&self, value: f64) -> f64 {
        let (below, above) = self.neighbours(value);
        match (below, above) {
            (Some(b), Some(a)) if value - b <= a - value => b,
            (_, Some(a)) => a,
            (Some(b), None) => b,
            (None, None) => value,
        }
    }
    /// Median and quartile distance, which is the unit of the pressed scale.
    fn scale(&self) -> (f64, f64) {
        let q = |q| self.recent.quantile(q).unwrap_or(0.0);
        let unit = q(0.75) - q(0.25);
        let range = q(1.0) - q(0.0);
        let unit = if unit > 0.0 { unit } else { range / 100.0 };
        (q(0.5), if unit > 0.0 { unit } else { 1.0 })
    }
    /// The distance on both scales.
    fn distances(&self, value: f64) -> (f64, f64) {
        let (below, above) = self.neighbours(value);
        let (middle, unit) = self.scale();
        let press = |x: f64| libm::asinh((x - middle) / unit);
        let gap = |map: &dyn Fn(f64) -> f64| {
            let up = above.map(|a| map(a) - map(value));
            let down = below.map(|b| map(value) - map(b));
            match (up, down) {
                (Some(u), Some(d)) => u.min(d),
                (u, d) => u.or(d).unwrap_or(0.0),
            }
            .max(0.0)
        };
        (gap(&|x| x), gap(&press))
    }
    fn surprise(&self, value: f64) -> f64 {
        let (plain, pressed) = self.distances(value);
        f64::midpoint(self.plain.surprise(plain), self.pressed.surprise(pressed))
    }
    fn learn(&mut self, value: f64) {
        let (plain, pressed) = self.distances(value);
        self.plain.learn(plain);
        self.pressed.learn(pressed);
        self.recent.push(value);
        if plain > 0.0 || self.values.is_empty() {
            let at = self.values.partition_point(|x| *x < value);
            self.values.insert(at, value);
            if self.values.len() > VALUES {
                self.thin();
            }
        }
    }
    /// Leaves out every second value of the denser half: of those whose neighbours are close to each other.
    fn thin(&mut self) {
        let width = |i: usize| self.values[i + 1] - self.values[i - 1];
        let inner = 1..self.values.len() - 1;
        let mut widths: Vec<f64> = inner.map(width).collect();
        widths.sort_by(f64::total_cmp);
        let dense = widths[widths.len() / 2];
        let mut kept = Vec::with_capacity(self.values.len());
        let mut left_out = false;
        for (i, value) in self.values.iter().enumerate() {
            let edge = i == 0 || i + 1 == self.values.len();
            left_out = !edge && !left_out && width(i) <= dense;
            if !left_out {
                kept.push(*value);
            }
        }
        self.values = kept;
    }
}

/// Novelty of each field, and a forest over all of them when there are several.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BestOf {
    fields: Vec<Novelty>,
    together: Option<(Forest, Tail)>,
    /// The forest's score of the record that was scored last.
    pending: f64,
}

impl BestOf {
    pub(crate) fn new(settings: &Settings) -> Self {
        let fields = settings.fields.max(1) as usize;
        let forest = ForestSettings {
            num_trees: settings.num_trees,
            num_samples_per_tree: settings.num_samples_per_tree,
            feature_dim: settings.fields,
            shingle_size: 1,
            time_decay: settings.time_decay,
            seed: settings.seed,
        };
        Self {
            fields: vec![Novelty::new(); fields],
            together: (fields > 1).then(|| (Forest::new(forest), Tail::new())),
            pending: 0.0,
        }
    }
    fn most(&self, record: &[f64]) -> (usize, f64) {
        let mut best = (0, 0.0);
        for (i, (field, x)) in self.fields.iter().zip(record).enumerate() {
            let s = field.surprise(*x);
            if s > best.1 {
                best = (i, s);
            }
        }
        best
    }
}

impl Scorer for BestOf {
    fn score(&mut self, record: &[f64]) -> f64 {
        let single = self.most(record).1;
        let Some((forest, tail)) = &mut self.together else {
            return single;
        };
        forest.shift(record);
        self.pending = forest.score();
        single.max(tail.surprise(self.pending))
    }
    fn explain(&self, record: &[f64]) -> Reason {
        let (field, surprise) = self.most(record);
        if let Some((forest, tail)) = &self.together
            && tail.surprise(self.pending) > surprise
        {
            return crate::forest::reason(forest);
        }
        Reason {
            field,
            expected: self.fields[field].nearest(record[field]),
            share: 1.0,
        }
    }
    fn learn(&mut self, record: &[f64]) {
        for (field, x) in self.fields.iter_mut().zip(record) {
            field.learn(*x);
        }
        if let Some((forest, tail)) = &mut self.together {
            tail.learn(self.pending);
            forest.learn();
        }
    }
    fn sound(&self, fields: usize) -> bool {
        let one = |f: &Novelty| {
            f.recent.sound()
                && f.plain.sound()
                && f.pressed.sound()
                && f.values.len() <= VALUES
                && f.values.is_sorted_by(|a, b| a < b)
        };
        self.fields.len() == fields
            && self.fields.iter().all(one)
            && self.together.is_some() == (fields > 1)
            && self.together.as_ref().is_none_or(|(forest, tail)| {
                forest.sound() && forest.dimension() == fields && tail.sound()
            })
    }
}
