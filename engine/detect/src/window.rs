//! The newest values of a series in order of size: medians, quartiles and ranks of the recent past in bounded memory.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A sliding window that is sorted all the time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Window {
    capacity: usize,
    newest_last: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Window {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            ..Self::default()
        }
    }
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }
    pub(crate) fn push(&mut self, value: f64) {
        if self.newest_last.len() == self.capacity
            && let Some(old) = self.newest_last.pop_front()
        {
            let at = self.sorted.partition_point(|x| *x < old);
            self.sorted.remove(at);
        }
        self.newest_last.push_back(value);
        let at = self.sorted.partition_point(|x| *x < value);
        self.sorted.insert(at, value);
    }
    /// All values, least first.
    pub(crate) fn sorted(&self) -> &[f64] {
        &self.sorted
    }
    /// The value at share `q` of the way from the least to the greatest; `None` when empty.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the window"
    )]
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let at = (self.sorted.len() as f64 * q) as usize;
        let last = self.sorted.len().checked_sub(1)?;
        self.sorted.get(at.min(last)).copied()
    }
    /// Values below `value`.
    pub(crate) fn below(&self, value: f64) -> usize {
        self.sorted.partition_point(|x| *x < value)
    }
    pub(crate) fn mean(&self) -> f64 {
        self.sorted.iter().sum::<f64>() / self.sorted.len().max(1) as f64
    }
    /// Of the whole window, not of a sample.
    pub(crate) fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.sorted.iter().map(|x| (x - mean) * (x - mean)).sum();
        libm::sqrt(squares / self.sorted.len().max(1) as f64)
    }
    /// What a file may not break: both orders hold the same values.
    pub(crate) fn sound(&self) -> bool {
        let mut same: Vec<f64> = self.newest_last.iter().copied().collect();
        same.sort_by(f64::total_cmp);
        self.capacity > 0
            && same.len() <= self.capacity
            && same.iter().all(|x| x.is_finite())
            && same.len() == self.sorted.len()
            && same
                .iter()
                .zip(&self.sorted)
                .all(|(a, b)| a.to_bits() == b.to_bits() || (a - b).abs() <= 0.0)
    }
}
