//! The one interface of all detectors: a record goes in, a verdict comes out. A detector sees each record once, in order, scores it by
//! what came before and then learns it. It never sees a label or a later record.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::isolation::IsolationForest;
use crate::novelty::BestOf;
use crate::residual::{Arima, Seasonal};
use crate::statistics::{Deviation, Ewma, Outside};
use crate::svm::OneClassSvm;
use crate::{forest, statistics};

/// Which algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Algorithm {
    /// Distance to the nearest value ever seen, as a tail probability; no tuning.
    #[default]
    BestOf,
    /// Random Cut Forest.
    RandomCutForest,
    /// Distance from the mean of a window, in standard deviations.
    ZScore,
    /// Distance beyond the quartiles of a window, in quartile distances.
    Iqr,
    /// Distance from the median of a window, in median absolute deviations.
    Mad,
    /// Distance from an exponentially weighted mean, in deviations weighted alike.
    Ewma,
    /// Isolation Forest over a window, grown anew as it moves.
    IsolationForest,
    /// One-class support vector machine, trained online (NORMA).
    OneClassSvm,
    /// Residual of Holt-Winters smoothing.
    Seasonal,
    /// Residual of an ARIMA(p, d, 0) model fitted online by recursive least squares.
    Arima,
}

impl Algorithm {
    /// All of them, the default first.
    pub const ALL: [Self; 10] = [
        Self::BestOf,
        Self::RandomCutForest,
        Self::ZScore,
        Self::Iqr,
        Self::Mad,
        Self::Ewma,
        Self::IsolationForest,
        Self::OneClassSvm,
        Self::Seasonal,
        Self::Arima,
    ];
    /// Its name in documents and SQL, such as `random-cut-forest`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BestOf => "best-of",
            Self::RandomCutForest => "random-cut-forest",
            Self::ZScore => "z-score",
            Self::Iqr => "iqr",
            Self::Mad => "mad",
            Self::Ewma => "ewma",
            Self::IsolationForest => "isolation-forest",
            Self::OneClassSvm => "one-class-svm",
            Self::Seasonal => "seasonal",
            Self::Arima => "arima",
        }
    }
    /// The one of this name; letter case and `_` for `-` do not matter.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase().replace('_', "-");
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
    /// The cut-off that is usual for it.
    #[must_use]
    pub const fn usual_cutoff(self) -> Cutoff {
        match self {
            // A probability of 1 in 1000, in nats.
            Self::BestOf => Cutoff::Fixed(6.9),
            Self::RandomCutForest | Self::IsolationForest => Cutoff::Deviations(3.0),
            // Its score ends at 1, where no support vector is near.
            Self::OneClassSvm => Cutoff::Fixed(0.95),
            Self::ZScore | Self::Ewma => Cutoff::Fixed(3.0),
            // Tukey's fences.
            Self::Iqr => Cutoff::Fixed(1.5),
            // Iglewicz and Hoaglin 1993.
            Self::Mad => Cutoff::Fixed(3.5),
            Self::Seasonal | Self::Arima => Cutoff::Fixed(4.0),
        }
    }
}

/// From which score on a record is anomalous.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Cutoff {
    /// This score.
    Fixed(f64),
    /// The mean of all scores so far and this many of their standard deviations: SageMaker suggests 3.
    Deviations(f64),
}

/// What a detector is made with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Which algorithm.
    pub algorithm: Algorithm,
    /// Numbers in one record (`feature_dim`).
    pub fields: u32,
    /// When a record is anomalous; without it, what is usual for the algorithm.
    pub cutoff: Option<Cutoff>,
    /// Records before the first alert.
    pub warm_up: u32,
    /// An alert is raised only when its score exceeds every score of this many records before it.
    pub quiet: u32,
    /// Seed of all randomness.
    pub seed: u64,
    /// Trees of a forest.
    pub num_trees: u32,
    /// Records in a tree.
    pub num_samples_per_tree: u32,
    /// Records that make one point of the Random Cut Forest.
    pub shingle_size: u32,
    /// A record is forgotten at the rate 1 in this many (Random Cut Forest); 0: never.
    pub time_decay: u64,
    /// Records of the window of z-score, IQR, MAD, Isolation Forest.
    pub window: u32,
    /// Records of one season; 0 or 1: none.
    pub season: u32,
    /// Weight of the newest record in smoothed means (EWMA, Holt-Winters).
    pub smoothing: f64,
    /// Past values that ARIMA looks at (p).
    pub order: u32,
    /// How often ARIMA takes differences (d).
    pub differences: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::BestOf,
            fields: 1,
            cutoff: None,
            warm_up: 256,
            quiet: 150,
            seed: 0,
            num_trees: 100,
            num_samples_per_tree: 256,
            shingle_size: 1,
            time_decay: 100_000,
            window: 256,
            season: 0,
            smoothing: 0.1,
            order: 4,
            differences: 1,
        }
    }
}

/// Why a record is anomalous.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The field that says most, from 0.
    pub field: usize,
    /// What it would usually have been.
    pub expected: f64,
    /// Its part of the score, 0 to 1.
    pub share: f64,
}

/// What a detector says of one record.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The score; larger is stranger. Its scale is the algorithm's.
    pub score: f64,
    /// From here on it is anomalous.
    pub threshold: f64,
    /// It exceeds every score of the quiet span before it.
    pub peak: bool,
    /// At the threshold or beyond it, a peak, and the warm-up is over.
    pub anomalous: bool,
    /// Given for anomalous records.
    pub reason: Option<Reason>,
}

impl Verdict {
    /// The score where it is a peak, else 0: what a threshold chosen later is put to.
    #[must_use]
    pub const fn alert_score(&self) -> f64 {
        if self.peak { self.score } else { 0.0 }
    }
}

/// An algorithm. The three steps of one record: score, perhaps explain, learn.
pub(crate) trait Scorer {
    /// The score of `record` by what came before.
    fn score(&mut self, record: &[f64]) -> f64;
    /// Why the record that was scored last has its score.
    fn explain(&self, record: &[f64]) -> Reason;
    /// Learns the record that was scored last.
    fn learn(&mut self, record: &[f64]);
    /// False when a file made it into something that could panic.
    fn sound(&self, fields: usize) -> bool;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Model {
    BestOf(Box<BestOf>),
    RandomCutForest(Box<forest::Detector>),
    ZScore(Deviation),
    Iqr(Outside),
    Mad(statistics::Mad),
    Ewma(Ewma),
    IsolationForest(Box<IsolationForest>),
    OneClassSvm(Box<OneClassSvm>),
    Seasonal(Seasonal),
    Arima(Arima),
}

impl Model {
    fn new(s: &Settings) -> Self {
        match s.algorithm {
            Algorithm::BestOf => Self::BestOf(Box::new(BestOf::new(s))),
            Algorithm::RandomCutForest => Self::RandomCutForest(Box::new(forest::Detector::new(s))),
            Algorithm::ZScore => Self::ZScore(Deviation::new(s)),
            Algorithm::Iqr => Self::Iqr(Outside::new(s)),
            Algorithm::Mad => Self::Mad(statistics::Mad::new(s)),
            Algorithm::Ewma => Self::Ewma(Ewma::new(s)),
            Algorithm::IsolationForest => Self::IsolationForest(Box::new(IsolationForest::new(s))),
            Algorithm::OneClassSvm => Self::OneClassSvm(Box::new(OneClassSvm::new(s))),
            Algorithm::Seasonal => Self::Seasonal(Seasonal::new(s)),
            Algorithm::Arima => Self::Arima(Arima::new(s)),
        }
    }
    fn scorer(&mut self) -> &mut dyn Scorer {
        match self {
            Self::BestOf(m) => m.as_mut(),
            Self::RandomCutForest(m) => m.as_mut(),
            Self::ZScore(m) => m,
            Self::Iqr(m) => m,
            Self::Mad(m) => m,
            Self::Ewma(m) => m,
            Self::IsolationForest(m) => m.as_mut(),
            Self::OneClassSvm(m) => m.as_mut(),
            Self::Seasonal(m) => m,
            Self::Arima(m) => m,
        }
    }
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::BestOf(_) => Algorithm::BestOf,
            Self::RandomCutForest(_) => Algorithm::RandomCutForest,
            Self::ZScore(_) => Algorithm::ZScore,
            Self::Iqr(_) => Algorithm::Iqr,
            Self::Mad(_) => Algorithm::Mad,
            Self::Ewma(_) => Algorithm::Ewma,
            Self::IsolationForest(_) => Algorithm::IsolationForest,
            Self::OneClassSvm(_) => Algorithm::OneClassSvm,
            Self::Seasonal(_) => Algorithm::Seasonal,
            Self::Arima(_) => Algorithm::Arima,
        }
    }
}

/// The greatest score of the last records, in constant time: candidates in falling order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Recent {
    best: VecDeque<(u64, f64)>,
}

impl Recent {
    /// True when `score` exceeds all of the `span` records before number `now`.
    fn peak(&mut self, now: u64, score: f64, span: u32) -> bool {
        while self
            .best
            .front()
            .is_some_and(|(at, _)| at + u64::from(span) < now)
        {
            self.best.pop_front();
        }
        let peak = self.best.front().is_none_or(|(_, top)| score > *top);
        while self.best.back().is_some_and(|(_, s)| *s <= score) {
            self.best.pop_back();
        }
        if span > 0 {
            self.best.push_back((now, score));
        }
        peak
    }
}

/// A detector over one series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Detector {
    settings: Settings,
    model: Model,
    seen: u64,
    /// Mean and sum of squared deviations of all scores since the warm-up began to tell (Welford).
    scores: (u64, f64, f64),
    recent: Recent,
    /// The record before, for values that are missing.
    last: Vec<f64>,
}

/// Values beyond this are taken for it: their squares stay finite.
const HUGE: f64 = 1e100;

impl Detector {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let settings = Settings {
            fields: settings.fields.max(1),
            ..settings
        };
        Self {
            model: Model::new(&settings),
            seen: 0,
            scores: (0, 0.0, 0.0),
            recent: Recent::default(),
            last: Vec::new(),
            settings,
        }
    }
    /// What it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
    /// Records seen.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }
    /// Changes cut-off, warm-up and quiet span; the model stays as it is.
    pub const fn retune(&mut self, cutoff: Option<Cutoff>, warm_up: u32, quiet: u32) {
        self.settings.cutoff = cutoff;
        self.settings.warm_up = warm_up;
        self.settings.quiet = quiet;
    }
    /// From which score on a record would be anomalous now.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        let usual = self.settings.algorithm.usual_cutoff();
        match self.settings.cutoff.unwrap_or(usual) {
            Cutoff::Fixed(score) => score,
            Cutoff::Deviations(k) => {
                let (n, mean, squares) = self.scores;
                mean + k * libm::sqrt(squares / n.max(1) as f64)
            }
        }
    }
    /// Scores the next record and learns it. A number that is missing (not finite) is taken as it was last; a record without any
    /// number has score 0 and is not learnt.
    pub fn update(&mut self, record: &[f64]) -> Verdict {
        let width = self.settings.fields as usize;
        let value = |i: usize| record.get(i).copied().filter(|x| x.is_finite());
        let threshold = self.threshold();
        let nothing = (0..width).all(|i| value(i).is_none());
        if nothing {
            return Verdict {
                score: 0.0,
                threshold,
                peak: false,
                anomalous: false,
                reason: None,
            };
        }
        let full: Vec<f64> = (0..width)
            .map(|i| value(i).unwrap_or_else(|| self.last.get(i).copied().unwrap_or(0.0)))
            .map(|x| x.clamp(-HUGE, HUGE))
            .collect();
        let scorer = self.model.scorer();
        let score = scorer.score(&full);
        let score = if score.is_finite() { score } else { 0.0 };
        let peak = self.recent.peak(self.seen, score, self.settings.quiet);
        let ready = self.seen >= u64::from(self.settings.warm_up);
        let anomalous = ready && peak && score >= threshold && score > 0.0;
        let reason = anomalous.then(|| scorer.explain(&full));
        scorer.learn(&full);
        self.seen += 1;
        self.note(score);
        self.last = full;
        Verdict {
            score,
            threshold,
            peak,
            anomalous,
            reason,
        }
    }
    fn note(&mut self, score: f64) {
        // Scores of 0 are those of a detector that cannot tell yet.
        if score <= 0.0 && self.scores.0 == 0 {
            return;
        }
        let (n, mean, squares) = &mut self.scores;
        *n += 1;
        let from_old = score - *mean;
        *mean += from_old / *n as f64;
        *squares += from_old * (score - *mean);
    }
    /// The whole detector as bytes, to be kept in a file.
    ///
    /// # Errors
    /// Never in practice: everything in it can be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(postcard::to_allocvec(self)?);
        Ok(bytes)
    }
    /// A detector from such bytes, to go on where it was.
    ///
    /// # Errors
    /// Bytes that are no detector, of another version, or broken.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(ModelError::Foreign)?;
        let mut own: Self = postcard::from_bytes(body)?;
        if own.sound() {
            Ok(own)
        } else {
            Err(ModelError::Broken)
        }
    }
    /// False when a file made it into something that could panic.
    pub(crate) fn sound(&mut self) -> bool {
        let fields = self.settings.fields as usize;
        let same = self.model.algorithm() == self.settings.algorithm;
        let last = self.last.is_empty() || self.last.len() == fields;
        fields > 0 && same && last && self.model.scorer().sound(fields)
    }
}

/// The first bytes of a model file, with the version of what follows.
const MAGIC: &[u8] = b"weir-detector 1\n";

/// A model that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Another sort of file.
    #[error("this is no detector of this version of Weir: train it again")]
    Foreign,
    /// The content does not fit together.
    #[error("the detector in the file is damaged: train it again")]
    Broken,
    /// The bytes end early or have another layout.
    #[error("the detector in the file cannot be read: train it again")]
    Format(#[from] postcard::Error),
}
