//! One-class support vector machine, trained online: NORMA (Kivinen, Smola, Williamson, "Online learning with kernels", 2004) with a
//! Gaussian kernel and a bounded number of support vectors. An approximation of the batch machine: each step is one of stochastic
//! gradient descent, and the oldest, by then faded, support vectors are forgotten.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::detector::{Reason, Scorer, Settings};
use crate::statistics::farthest;

/// Support vectors at the most.
const BUDGET: usize = 256;
/// Step size.
const ETA: f64 = 0.05;
/// How fast old support vectors fade, as a share of the step.
const LAMBDA: f64 = 0.1;
/// Share of records that the machine lets be outliers.
const NU: f64 = 0.05;
/// Weight of the newest record in the scale of each field.
const SCALE: f64 = 0.005;

/// `f(x) = sum of weights * kernel`; a record is an outlier where that is below `rho`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OneClassSvm {
    /// Mean and variance of each field: the machine sees standardised numbers.
    scale: Vec<(f64, f64)>,
    seen: u64,
    vectors: VecDeque<(Vec<f64>, f64)>,
    rho: f64,
    fields: usize,
}

impl OneClassSvm {
    pub(crate) fn new(settings: &Settings) -> Self {
        let fields = settings.fields as usize;
        Self {
            scale: vec![(0.0, 0.0); fields],
            seen: 0,
            vectors: VecDeque::new(),
            rho: 0.0,
            fields,
        }
    }
    fn standard(&self, record: &[f64]) -> Vec<f64> {
        let one = |(x, (mean, var)): (&f64, &(f64, f64))| {
            let least = mean.abs() * 1e-6 + 1e-12;
            ((x - mean) / libm::sqrt(*var).max(least)).clamp(-1e3, 1e3)
        };
        record.iter().zip(&self.scale).map(one).collect()
    }
    fn value(&self, point: &[f64]) -> f64 {
        let gamma = 1.0 / self.fields.max(1) as f64;
        let one = |(v, weight): &(Vec<f64>, f64)| {
            let squared: f64 = v.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum();
            weight * libm::exp(-gamma * squared)
        };
        self.vectors.iter().map(one).sum()
    }
}

impl Scorer for OneClassSvm {
    fn score(&mut self, record: &[f64]) -> f64 {
        if self.vectors.is_empty() {
            return 0.0;
        }
        // 0 deep inside, 1 where no support vector is near.
        let value = self.value(&self.standard(record));
        let top = self.rho.max(1e-9);
        (1.0 - value / (2.0 * top)).clamp(0.0, 1.0)
    }
    fn explain(&self, record: &[f64]) -> Reason {
        let point = self.standard(record);
        let parts = point.iter().zip(&self.scale);
        farthest(parts.map(|(x, (mean, _))| (x.abs(), *mean))).1
    }
    fn learn(&mut self, record: &[f64]) {
        self.seen += 1;
        let point = self.standard(record);
        let value = self.value(&point);
        for (_, weight) in &mut self.vectors {
            *weight *= 1.0 - ETA * LAMBDA;
        }
        if value < self.rho || self.vectors.is_empty() {
            if self.vectors.len() == BUDGET {
                self.vectors.pop_front();
            }
            self.vectors.push_back((point, ETA));
            self.rho -= ETA * (1.0 - NU);
        } else {
            self.rho += ETA * NU;
        }
        self.rho = self.rho.max(ETA / 2.0);
        let weight = SCALE.max(1.0 / self.seen as f64);
        for ((mean, var), x) in self.scale.iter_mut().zip(record) {
            let distance = x - *mean;
            *mean += weight * distance;
            *var = (1.0 - weight) * (*var + weight * distance * distance);
        }
    }
    fn sound(&self, fields: usize) -> bool {
        self.fields == fields
            && self.scale.len() == fields
            && self.vectors.len() <= BUDGET
            && self.vectors.iter().all(|(v, _)| v.len() == fields)
    }
}
