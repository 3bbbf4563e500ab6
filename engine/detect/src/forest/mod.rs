//! Random Cut Forest, the algorithm behind SageMaker's detector and `RANDOM_CUT_FOREST` in Kinesis SQL.
//!
//! Guha, Mishra, Roy, Schrijvers: "Robust random cut forest based anomaly detection on streams", ICML 2016.
//!
//! The score of a point is the mean over the trees of the inverse depth at which a random cut would part it from the sample; the
//! constants of depth and mass are those of AWS's open implementation, so that scores have the same scale (about 1 for ordinary
//! points, above for others). Points are kept as 32-bit numbers relative to the first one: the forest does not change under a shift,
//! and large values with small changes keep their digits.

mod sample;
mod tree;

use serde::{Deserialize, Serialize};

use crate::detector::{Reason, Scorer, Settings};
use crate::rng::Rng;
use sample::Sample;
pub use tree::Direction;
use tree::Tree;

/// Hyperparameters, with SageMaker's names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForestSettings {
    /// Trees: 50 to 1000 in SageMaker.
    pub num_trees: u32,
    /// Points that each tree keeps: 1 to 2048 in SageMaker.
    pub num_samples_per_tree: u32,
    /// Numbers in one record.
    pub feature_dim: u32,
    /// Records that make one point: the newest and those before it.
    pub shingle_size: u32,
    /// A record is forgotten at the rate 1 in this many: `timeDecay` of Kinesis SQL. 0: never.
    pub time_decay: u64,
    /// Seed of samples and cuts.
    pub seed: u64,
}

impl Default for ForestSettings {
    fn default() -> Self {
        Self {
            num_trees: 100,
            num_samples_per_tree: 256,
            feature_dim: 1,
            shingle_size: 1,
            time_decay: 100_000,
            seed: 0,
        }
    }
}

/// A forest that learns from every point that it is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forest {
    settings: ForestSettings,
    trees: Vec<Tree>,
    samples: Vec<Sample>,
    rng: Rng,
    /// The first record: all are kept relative to it.
    origin: Vec<f64>,
    /// The newest `shingle_size` records, oldest first.
    shingle: Vec<f32>,
    /// Records seen.
    seen: u64,
}

impl Forest {
    /// An empty forest.
    #[must_use]
    pub fn new(settings: ForestSettings) -> Self {
        let samples = settings.num_samples_per_tree.clamp(2, MAX_SAMPLES) as usize;
        let trees = settings.num_trees.max(1) as usize;
        let dimension = (settings.feature_dim.max(1) * settings.shingle_size.max(1)) as usize;
        Self {
            trees: (0..trees).map(|_| Tree::new(dimension, samples)).collect(),
            samples: (0..trees).map(|_| Sample::new(samples)).collect(),
            rng: Rng::new(settings.seed, 0),
            origin: Vec::new(),
            shingle: Vec::with_capacity(dimension),
            seen: 0,
            settings,
        }
    }
    /// Its hyperparameters.
    #[must_use]
    pub const fn settings(&self) -> &ForestSettings {
        &self.settings
    }
    /// Records seen.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }
    /// Numbers in one point: fields times shingle.
    #[must_use]
    pub fn dimension(&self) -> usize {
        (self.settings.feature_dim.max(1) * self.settings.shingle_size.max(1)) as usize
    }
    /// Takes the next record into the shingle; true when that is full and so a point.
    pub fn shift(&mut self, record: &[f64]) -> bool {
        if self.origin.is_empty() {
            self.origin = record.to_vec();
        }
        let width = record.len();
        if self.shingle.len() == self.dimension() {
            self.shingle.copy_within(width.., 0);
            self.shingle.truncate(self.dimension() - width);
        }
        let relative = record.iter().zip(&self.origin).map(|(x, o)| narrow(x - o));
        self.shingle.extend(relative);
        self.shingle.len() == self.dimension()
    }
    /// The score of the newest point: mean over the trees, 0 as long as there are too few points to tell.
    #[must_use]
    pub fn score(&self) -> f64 {
        if self.shingle.len() < self.dimension() || !self.ready() {
            return 0.0;
        }
        let total: f64 = self.trees.iter().map(|t| t.score(&self.shingle)).sum();
        total / self.trees.len() as f64
    }
    /// A quarter of the sample has been seen.
    fn ready(&self) -> bool {
        self.seen >= u64::from(self.settings.num_samples_per_tree / 4).max(2)
    }
    /// Learns the newest point.
    pub fn learn(&mut self) {
        if self.shingle.len() < self.dimension() {
            return;
        }
        let decay = match self.settings.time_decay {
            0 => 0.0,
            n => 1.0 / n as f64,
        };
        let age = self.seen as f64 * decay;
        for (tree, sample) in self.trees.iter_mut().zip(&mut self.samples) {
            let Some(slot) = sample.offer(age, &mut self.rng) else {
                continue;
            };
            if let Some(leaf) = slot.evicted {
                tree.remove(leaf);
            }
            let leaf = tree.insert(&self.shingle, &mut self.rng);
            sample.keep(slot.weight, leaf);
        }
        self.seen += 1;
    }
    /// How much of the newest point's score each of its numbers has, too high and too low apart. Sums to the score.
    #[must_use]
    pub fn attribution(&self) -> Vec<Direction> {
        let mut total = vec![Direction::default(); self.dimension()];
        if self.shingle.len() < self.dimension() || !self.ready() {
            return total;
        }
        for tree in &self.trees {
            tree.attribute(&self.shingle, &mut total);
        }
        let n = self.trees.len() as f64;
        for d in &mut total {
            d.high /= n;
            d.low /= n;
        }
        total
    }
    /// What number `index` of the newest point would be if the rest of it were ordinary: the median over the trees of the
    /// nearest kept point.
    #[must_use]
    pub fn expected(&self, index: usize) -> Option<f64> {
        if self.shingle.len() < self.dimension() || !self.ready() {
            return None;
        }
        let mut values: Vec<f32> = self
            .trees
            .iter()
            .filter_map(|t| t.nearest(&self.shingle, index))
            .collect();
        values.sort_by(f32::total_cmp);
        let middle = *values.get(values.len() / 2)?;
        let field = index % self.settings.feature_dim.max(1) as usize;
        Some(f64::from(middle) + self.origin[field])
    }
    /// Bytes that the forest takes, without what the allocator adds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let trees: usize = self.trees.iter().map(Tree::bytes).sum();
        let samples: usize = self.samples.iter().map(Sample::bytes).sum();
        trees + samples
    }
    /// True when every tree holds together: what is read from a file may not.
    pub(crate) fn sound(&self) -> bool {
        let s = &self.settings;
        let dimension = u64::from(s.feature_dim) * u64::from(s.shingle_size);
        let fits = (1..=MAX_DIMENSION).contains(&dimension)
            && self.trees.len() == s.num_trees.max(1) as usize
            && self.samples.len() == self.trees.len()
            && self.shingle.len() <= self.dimension()
            && (self.origin.is_empty() || self.origin.len() == s.feature_dim as usize)
            && (self.origin.is_empty() == self.shingle.is_empty());
        fits && self
            .trees
            .iter()
            .zip(&self.samples)
            .all(|(t, s)| t.sound(self.dimension(), s.leaves()))
    }
}

/// Numbers of a point at the most.
pub const MAX_DIMENSION: u64 = 10_000;
/// Points of a tree at the most: node numbers are 16 bits.
pub const MAX_SAMPLES: u32 = 2048;

#[expect(
    clippy::cast_possible_truncation,
    reason = "to 32 bits on purpose; what is too large becomes the largest"
)]
fn narrow(x: f64) -> f32 {
    (x.clamp(-1e30, 1e30)) as f32
}

/// A reason from the forest's attribution, summed over the shingle.
pub(crate) fn reason(forest: &Forest) -> Reason {
    let attribution = forest.attribution();
    let fields = forest.settings.feature_dim.max(1) as usize;
    let mut parts = vec![0.0; fields];
    for (i, d) in attribution.iter().enumerate() {
        parts[i % fields] += d.high + d.low;
    }
    let total: f64 = parts.iter().sum();
    let mut field = 0;
    for (i, p) in parts.iter().enumerate() {
        if *p > parts[field] {
            field = i;
        }
    }
    let newest = attribution.len() - fields + field;
    Reason {
        field,
        expected: forest.expected(newest).unwrap_or(0.0),
        share: if total > 0.0 {
            parts[field] / total
        } else {
            0.0
        },
    }
}

/// The forest as a detector.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Detector(Forest);

impl Detector {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self(Forest::new(ForestSettings {
            num_trees: settings.num_trees,
            num_samples_per_tree: settings.num_samples_per_tree,
            feature_dim: settings.fields,
            shingle_size: settings.shingle_size,
            time_decay: settings.time_decay,
            seed: settings.seed,
        }))
    }
}

impl Scorer for Detector {
    fn score(&mut self, record: &[f64]) -> f64 {
        self.0.shift(record);
        self.0.score()
    }
    fn explain(&self, _record: &[f64]) -> Reason {
        reason(&self.0)
    }
    fn learn(&mut self, _record: &[f64]) {
        self.0.learn();
    }
    fn sound(&self, fields: usize) -> bool {
        self.0.sound() && self.0.settings.feature_dim as usize == fields
    }
}
