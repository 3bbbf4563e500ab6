//! The points that one tree keeps: a weighted reservoir (Efraimidis and Spirakis 2006) in which newer points weigh more by `exp(age)`,
//! so that a point's chance to be kept falls with its age at the decay rate.

use serde::{Deserialize, Serialize};

use crate::rng::Rng;

/// The largest weights are at the top of a binary heap: the first to go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sample {
    capacity: usize,
    weights: Vec<f64>,
    leaves: Vec<u16>,
}

/// A place for a new point.
pub(super) struct Slot {
    /// Its weight.
    pub(super) weight: f64,
    /// The leaf of the point that makes room.
    pub(super) evicted: Option<u16>,
}

impl Sample {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            weights: Vec::with_capacity(capacity),
            leaves: Vec::with_capacity(capacity),
        }
    }
    /// The leaf of each point; `None` when a file broke it.
    pub(super) fn leaves(&self) -> Option<&[u16]> {
        let fits = self.leaves.len() == self.weights.len() && self.leaves.len() <= self.capacity;
        fits.then_some(&self.leaves)
    }
    pub(super) fn bytes(&self) -> usize {
        self.capacity * (size_of::<f64>() + size_of::<u16>())
    }
    /// Decides about the next point. When there is a slot, [`Sample::keep`] must follow.
    pub(super) fn offer(&mut self, age: f64, rng: &mut Rng) -> Option<Slot> {
        let draw = rng.unit();
        let full = self.weights.len() >= self.capacity;
        // `-log(1 - draw)` is never below `draw`: most points are refused without a logarithm.
        if full && draw >= libm::exp(self.weights[0] + age) {
            return None;
        }
        let weight = libm::log(-libm::log(1.0 - draw)) - age;
        if !full {
            return Some(Slot {
                weight,
                evicted: None,
            });
        }
        (weight < self.weights[0]).then(|| Slot {
            weight,
            evicted: Some(self.pop()),
        })
    }
    /// Takes the new point in.
    pub(super) fn keep(&mut self, weight: f64, leaf: u16) {
        let mut at = self.weights.len();
        self.weights.push(weight);
        self.leaves.push(leaf);
        while at > 0 {
            let up = (at - 1) / 2;
            if self.weights[up] >= self.weights[at] {
                break;
            }
            self.swap(up, at);
            at = up;
        }
    }
    fn pop(&mut self) -> u16 {
        let last = self.weights.len() - 1;
        self.swap(0, last);
        let leaf = self.leaves[last];
        self.weights.truncate(last);
        self.leaves.truncate(last);
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let mut top = at;
            if left < last && self.weights[left] > self.weights[top] {
                top = left;
            }
            if right < last && self.weights[right] > self.weights[top] {
                top = right;
            }
            if top == at {
                return leaf;
            }
            self.swap(at, top);
            at = top;
        }
    }
    fn swap(&mut self, a: usize, b: usize) {
        self.weights.swap(a, b);
        self.leaves.swap(a, b);
    }
}
