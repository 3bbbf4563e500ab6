//! Detectors that forecast the next record and score how far off they were, in deviations of their usual error. Both learn online,
//! one record at a time: crates with batch models would fit the whole past anew for each record.

use serde::{Deserialize, Serialize};

use crate::detector::{Reason, Scorer, Settings};
use crate::statistics::{farthest, in_units};

/// Weight of the newest error in the usual error.
const ERROR_WEIGHT: f64 = 0.02;
/// Forecasts before which an error says nothing.
const FEW: u64 = 10;
/// Errors beyond this many usual ones move the model no further: an anomaly must not become the new normal at once.
const CLIP: f64 = 4.0;

/// The usual size of forecast errors.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Errors {
    seen: u64,
    variance: f64,
}

impl Errors {
    fn score(&self, error: f64, level: f64) -> f64 {
        if self.seen < FEW {
            return 0.0;
        }
        in_units(error, libm::sqrt(self.variance), level)
    }
    /// The error, bounded by what is usual.
    fn bounded(&self, error: f64) -> f64 {
        if self.seen < FEW {
            return error;
        }
        let most = CLIP * libm::sqrt(self.variance);
        if most > 0.0 {
            error.clamp(-most, most)
        } else {
            error
        }
    }
    fn learn(&mut self, error: f64) {
        self.seen += 1;
        let weight = ERROR_WEIGHT.max(1.0 / self.seen as f64);
        self.variance += weight * (error * error - self.variance);
    }
}

/// Additive Holt-Winters smoothing of one field: level, damped trend, season.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoltWinters {
    smoothing: f64,
    level: f64,
    trend: f64,
    season: Vec<f64>,
    at: usize,
    seen: u64,
    errors: Errors,
}

/// Weight of the newest record in a season's place, against that of the level.
const SEASON_WEIGHT: f64 = 0.3;
const TREND_WEIGHT: f64 = 0.02;
const DAMPING: f64 = 0.98;
/// Half the width of a 95 % band in standard deviations.
const BAND: f64 = 1.96;

impl HoltWinters {
    /// `season` records make one season; up to 1: none. `smoothing` is the weight of the newest record in the level.
    #[must_use]
    pub fn new(season: u32, smoothing: f64) -> Self {
        let season = if season > 1 { season as usize } else { 0 };
        Self {
            smoothing: smoothing.clamp(1e-6, 1.0),
            level: 0.0,
            trend: 0.0,
            season: vec![0.0; season],
            at: 0,
            seen: 0,
            errors: Errors::default(),
        }
    }
    /// What the next value should be.
    #[must_use]
    pub fn next(&self) -> f64 {
        let season = self.season.get(self.at).copied().unwrap_or(0.0);
        self.level + self.trend + season
    }
    /// The forecast `steps` ahead (1: the next value), with a band that holds 95 % if errors are normal: low, value, high.
    #[must_use]
    pub fn forecast(&self, steps: u32) -> (f64, f64, f64) {
        let ahead = steps.max(1) as usize;
        let mut damped = 0.0;
        let mut factor = 1.0;
        for _ in 0..ahead {
            damped += self.trend * factor;
            factor *= DAMPING;
        }
        let season = match self.season.len() {
            0 => 0.0,
            n => self.season[(self.at + ahead - 1) % n],
        };
        let value = self.level + damped + season;
        let a = self.smoothing;
        let spread = self.errors.variance * (1.0 + (ahead - 1) as f64 * a * a);
        let half = BAND * libm::sqrt(spread);
        (value - half, value, value + half)
    }
    /// Learns the next value.
    pub fn learn(&mut self, value: f64) {
        self.seen += 1;
        let n = self.season.len() as u64;
        if self.seen == 1 {
            self.level = value;
        }
        let first_season = self.seen <= n;
        if first_season {
            // The level is the mean of the first season; its places are the distances from it.
            self.season[self.at] = value;
            self.level += (value - self.level) / self.seen as f64;
            if self.seen == n {
                let mean = self.level;
                for s in &mut self.season {
                    *s -= mean;
                }
            }
        } else {
            let error = value - self.next();
            let bounded = self.errors.bounded(error);
            let a = self
                .smoothing
                .max(if n == 0 { 1.0 / self.seen as f64 } else { 0.0 });
            self.level += self.trend + a * bounded;
            self.trend = DAMPING * (self.trend + TREND_WEIGHT * a * bounded);
            if let Some(s) = self.season.get_mut(self.at) {
                *s += SEASON_WEIGHT * (1.0 - a) * bounded;
            }
            self.errors.learn(bounded);
        }
        self.at = (self.at + 1) % self.season.len().max(1);
    }
    fn judge(&self, value: f64) -> (f64, f64) {
        let expected = self.next();
        (self.errors.score(value - expected, self.level), expected)
    }
}

/// Holt-Winters for each field.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Seasonal(Vec<HoltWinters>);

impl Seasonal {
    pub(crate) fn new(s: &Settings) -> Self {
        Self(vec![
            HoltWinters::new(s.season, s.smoothing);
            s.fields as usize
        ])
    }
    fn judge(&self, record: &[f64]) -> (f64, Reason) {
        farthest(self.0.iter().zip(record).map(|(m, x)| m.judge(*x)))
    }
}

impl Scorer for Seasonal {
    fn score(&mut self, record: &[f64]) -> f64 {
        self.judge(record).0
    }
    fn explain(&self, record: &[f64]) -> Reason {
        self.judge(record).1
    }
    fn learn(&mut self, record: &[f64]) {
        for (m, x) in self.0.iter_mut().zip(record) {
            m.learn(*x);
        }
    }
    fn sound(&self, fields: usize) -> bool {
        let one = |m: &HoltWinters| m.at < m.season.len().max(1);
        self.0.len() == fields && self.0.iter().all(one)
    }
}

/// Past values of ARIMA at the most.
const ORDER_MAX: u32 = 32;
/// How much of the past the fit keeps at each record.
const FORGET: f64 = 0.999;

/// ARIMA(p, d, 0) of one field: an autoregression of the d-th differences, fitted by recursive least squares.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Autoregression {
    /// The newest value, first difference, ... as far as d.
    tower: Vec<f64>,
    /// The newest p of the d-th differences, newest first.
    past: Vec<f64>,
    order: usize,
    weights: Vec<f64>,
    /// Inverse covariance, row by row, of order + 1 (a constant is the last).
    spread: Vec<f64>,
    seen: u64,
    unit: f64,
    errors: Errors,
}

impl Autoregression {
    fn new(s: &Settings) -> Self {
        let order = s.order.clamp(1, ORDER_MAX) as usize;
        let n = order + 1;
        let mut spread = vec![0.0; n * n];
        for i in 0..n {
            spread[i * n + i] = 100.0;
        }
        Self {
            tower: vec![0.0; s.differences.min(2) as usize],
            past: Vec::new(),
            order,
            weights: vec![0.0; n],
            spread,
            seen: 0,
            unit: 0.0,
            errors: Errors::default(),
        }
    }
    /// The inputs of the fit in units of their own size.
    fn inputs(&self) -> Vec<f64> {
        let unit = self.unit.max(1e-12);
        let mut x: Vec<f64> = self.past.iter().map(|v| v / unit).collect();
        x.resize(self.order, 0.0);
        x.push(1.0);
        x
    }
    /// The forecast of the d-th difference, and of the value.
    fn forecast(&self) -> (f64, f64) {
        let x = self.inputs();
        let dot: f64 = x.iter().zip(&self.weights).map(|(a, b)| a * b).sum();
        let difference = dot * self.unit;
        (difference, difference + self.tower.iter().sum::<f64>())
    }
    fn judge(&self, value: f64) -> (f64, f64) {
        let (_, expected) = self.forecast();
        (self.errors.score(value - expected, value), expected)
    }
    fn learn(&mut self, value: f64) {
        // The d-th difference of the new value.
        let mut difference = value;
        let known = self.seen >= self.tower.len() as u64;
        for level in &mut self.tower {
            let step = difference - *level;
            *level = difference;
            difference = step;
        }
        self.seen += 1;
        if !known {
            return;
        }
        let size = difference.abs();
        self.unit = match self.unit > 0.0 {
            true => self.unit + 0.01 * (size.min(CLIP * self.unit) - self.unit),
            false => size,
        };
        if self.past.len() == self.order && self.unit > 0.0 {
            self.fit(difference);
        }
        self.past.insert(0, difference);
        self.past.truncate(self.order);
    }
    /// One step of recursive least squares. An error far beyond what is usual moves the weights only as far as a usual one.
    fn fit(&mut self, difference: f64) {
        let n = self.order + 1;
        let x = self.inputs();
        let (forecast, _) = self.forecast();
        let error = difference - forecast;
        let bounded = self.errors.bounded(error);
        self.errors.learn(bounded);
        let px: Vec<f64> = (0..n)
            .map(|i| (0..n).map(|j| self.spread[i * n + j] * x[j]).sum())
            .collect();
        let xpx: f64 = x.iter().zip(&px).map(|(a, b)| a * b).sum();
        let gain = 1.0 / (FORGET + xpx);
        let error = bounded / self.unit;
        for i in 0..n {
            self.weights[i] += gain * px[i] * error;
            for j in 0..n {
                let p = self.spread[i * n + j] - gain * px[i] * px[j];
                self.spread[i * n + j] = (p / FORGET).clamp(-1e6, 1e6);
            }
        }
    }
}

/// An autoregression for each field.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Arima(Vec<Autoregression>);

impl Arima {
    pub(crate) fn new(s: &Settings) -> Self {
        Self(vec![Autoregression::new(s); s.fields as usize])
    }
    fn judge(&self, record: &[f64]) -> (f64, Reason) {
        farthest(self.0.iter().zip(record).map(|(m, x)| m.judge(*x)))
    }
}

impl Scorer for Arima {
    fn score(&mut self, record: &[f64]) -> f64 {
        self.judge(record).0
    }
    fn explain(&self, record: &[f64]) -> Reason {
        self.judge(record).1
    }
    fn learn(&mut self, record: &[f64]) {
        for (m, x) in self.0.iter_mut().zip(record) {
            m.learn(*x);
        }
    }
    fn sound(&self, fields: usize) -> bool {
        let one = |m: &Autoregression| {
            let n = m.order + 1;
            m.order >= 1
                && m.order <= ORDER_MAX as usize
                && m.weights.len() == n
                && m.spread.len() == n * n
                && m.past.len() <= m.order
        };
        self.0.len() == fields && self.0.iter().all(one)
    }
}
