//! Isolation Forest (Liu, Ting, Zhou 2008) over a stream: trees over random samples of the newest records, grown anew each time the
//! window has moved on by a quarter. Between two growths the forest stays as it is.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::detector::{Reason, Scorer, Settings};
use crate::rng::Rng;

/// Records in the window, as a multiple of the sample of one tree.
const WINDOW_SAMPLES: usize = 4;
const EULER: f64 = 0.577_215_664_901_532_9;

/// A cut, or a leaf with the number of its records.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Node {
    Cut {
        field: u16,
        value: f64,
        /// Below the cut; the other side stands right behind it.
        left: u32,
        right: u32,
    },
    Leaf(u32),
}

/// Seeded and streaming.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IsolationForest {
    trees: usize,
    sample: usize,
    rng: Rng,
    window: VecDeque<Vec<f64>>,
    since: usize,
    grown: Vec<Vec<Node>>,
    /// Records in each tree that was grown.
    size: usize,
}

impl IsolationForest {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            trees: settings.num_trees.max(1) as usize,
            sample: settings.num_samples_per_tree.max(8) as usize,
            rng: Rng::new(settings.seed, 1),
            window: VecDeque::new(),
            since: 0,
            grown: Vec::new(),
            size: 0,
        }
    }
    fn capacity(&self) -> usize {
        self.sample * WINDOW_SAMPLES
    }
    fn grow(&mut self) {
        self.since = 0;
        self.size = self.sample.min(self.window.len());
        let depth = (usize::BITS - self.size.leading_zeros()) as usize;
        self.grown = (0..self.trees).map(|_| self.tree(depth)).collect();
    }
    fn tree(&mut self, depth: usize) -> Vec<Node> {
        let mut picked: Vec<usize> = (0..self.window.len()).collect();
        for i in 0..self.size {
            let rest = (picked.len() - i) as u64;
            let other = i + usize::try_from(self.rng.below(rest)).unwrap_or(0);
            picked.swap(i, other);
        }
        picked.truncate(self.size);
        let mut nodes = Vec::new();
        self.branch(&mut nodes, &mut picked, depth);
        nodes
    }
    /// Appends the tree over `records` to `nodes`; the answer is the number of its root.
    fn branch(&mut self, nodes: &mut Vec<Node>, records: &mut [usize], depth: usize) -> u32 {
        let at = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        nodes.push(Node::Leaf(count));
        if depth == 0 || records.len() < 2 {
            return at;
        }
        // Only fields that vary can be cut.
        let fields = self.window.front().map_or(0, Vec::len);
        let range = |f: usize| {
            records.iter().fold((f64::MAX, f64::MIN), |(l, h), r| {
                let x = self.window[*r][f];
                (l.min(x), h.max(x))
            })
        };
        let open: Vec<_> = (0..fields)
            .map(|f| (f, range(f)))
            .filter(|(_, (l, h))| h > l)
            .collect();
        let pick = self.rng.below(open.len() as u64);
        let Some(&(field, (low, high))) = open.get(usize::try_from(pick).unwrap_or(0)) else {
            return at;
        };
        let value = low + (high - low) * self.rng.unit();
        let mut split = 0;
        for i in 0..records.len() {
            if self.window[records[i]][field] <= value {
                records.swap(i, split);
                split += 1;
            }
        }
        let (below, above) = records.split_at_mut(split);
        let left = self.branch(nodes, below, depth - 1);
        let right = self.branch(nodes, above, depth - 1);
        nodes[at as usize] = Node::Cut {
            field: u16::try_from(field).unwrap_or(0),
            value,
            left,
            right,
        };
        at
    }
    /// The mean path length and, for each field, the cuts that led along the short paths.
    fn paths(&self, record: &[f64], mut credit: Option<&mut [f64]>) -> f64 {
        let mut total = 0.0;
        for tree in &self.grown {
            let (mut at, mut depth) = (0, 0.0);
            let mut taken = Vec::new();
            let left_over = loop {
                match &tree[at] {
                    Node::Cut {
                        field,
                        value,
                        left,
                        right,
                    } => {
                        let f = usize::from(*field);
                        taken.push(f);
                        let next = if record[f] <= *value { left } else { right };
                        at = *next as usize;
                        depth += 1.0;
                    }
                    Node::Leaf(count) => break *count,
                }
            };
            let length = depth + average_path(f64::from(left_over));
            total += length;
            if let Some(credit) = credit.as_deref_mut() {
                // A field is to blame for the isolation in so far as its cuts made a short path.
                for f in &taken {
                    credit[*f] += 1.0 / (length * taken.len() as f64);
                }
            }
        }
        total / self.grown.len().max(1) as f64
    }
}

/// Mean length of an unsuccessful search in a binary tree of `n` records.
fn average_path(n: f64) -> f64 {
    if n <= 1.0 {
        return 0.0;
    }
    2.0 * (libm::log(n - 1.0) + EULER) - 2.0 * (n - 1.0) / n
}

impl Scorer for IsolationForest {
    fn score(&mut self, record: &[f64]) -> f64 {
        if self.grown.is_empty() {
            return 0.0;
        }
        libm::exp2(-self.paths(record, None) / average_path(self.size as f64).max(1.0))
    }
    fn explain(&self, record: &[f64]) -> Reason {
        let mut credit = vec![0.0; record.len()];
        self.paths(record, Some(&mut credit));
        let (_, reason) = crate::statistics::farthest(credit.iter().enumerate().map(|(f, c)| {
            let mut values: Vec<f64> = self.window.iter().map(|r| r[f]).collect();
            values.sort_by(f64::total_cmp);
            (*c, values.get(values.len() / 2).copied().unwrap_or(0.0))
        }));
        reason
    }
    fn learn(&mut self, record: &[f64]) {
        if self.window.len() == self.capacity() {
            self.window.pop_front();
        }
        self.window.push_back(record.to_vec());
        self.since += 1;
        let early = self.grown.is_empty() && self.window.len() >= self.sample;
        if early || (!self.grown.is_empty() && self.since >= self.sample) {
            self.grow();
        }
    }
    fn sound(&self, fields: usize) -> bool {
        let node = |(at, n): (usize, &Node), len: usize| match n {
            // Children stand behind their parent, so every path ends.
            Node::Cut {
                field, left, right, ..
            } => {
                usize::from(*field) < fields
                    && [left, right]
                        .iter()
                        .all(|c| **c as usize > at && (**c as usize) < len)
            }
            Node::Leaf(_) => true,
        };
        let tree = |t: &Vec<Node>| !t.is_empty() && t.iter().enumerate().all(|n| node(n, t.len()));
        self.trees > 0
            && self.trees <= 10_000
            && self.sample >= 8
            && self.sample <= 1 << 20
            && self.window.iter().all(|r| r.len() == fields)
            && self.window.len() <= self.capacity()
            && self.grown.iter().all(tree)
    }
}
