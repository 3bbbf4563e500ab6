//! A classifier of gradient-boosted trees (Chen and Guestrin 2016; histograms of quantiles; `XGBoost`'s names and defaults), for the
//! states of machines.
//!
//! Written here because the crates that were looked at (`gbdt`, `forust-ml`, `perpetual`) take `exp` from the platform, so that a model
//! could differ from machine to machine. Same rows, same settings: the same bytes.

use serde::{Deserialize, Serialize};

/// Quantiles that a number is sorted into.
const BINS: usize = 64;
/// Classes at the most.
pub const CLASSES_MAX: usize = 32;
/// Inputs at the most.
pub const INPUTS_MAX: usize = 512;
const DEPTH_MAX: u32 = 12;
const ROUNDS_MAX: u32 = 2000;

/// Hyperparameters, named and preset as those of `XGBoost`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoostSettings {
    /// Rounds of boosting.
    pub num_round: u32,
    /// How much of each tree counts.
    pub eta: f64,
    /// Cuts from root to leaf at the most.
    pub max_depth: u32,
    /// Least gain of a cut.
    pub gamma: f64,
    /// Penalty on the squares of leaves.
    pub lambda: f64,
    /// Least sum of second derivatives in a leaf.
    pub min_child_weight: f64,
}

impl Default for BoostSettings {
    fn default() -> Self {
        Self {
            num_round: 50,
            eta: 0.3,
            max_depth: 6,
            gamma: 0.0,
            lambda: 1.0,
            min_child_weight: 1.0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Node {
    /// Up to `value` goes to `left`, more to `right`; what is missing goes as the training found better. Children stand behind.
    Cut {
        input: u16,
        value: f64,
        missing_left: bool,
        left: u32,
        right: u32,
    },
    Leaf(f64),
}

/// A trained classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    inputs: Vec<String>,
    classes: Vec<String>,
    base: Vec<f64>,
    /// Tree `i` belongs to class `i % classes`; with two classes to the second.
    trees: Vec<Vec<Node>>,
    /// The gain of all cuts in each input.
    gains: Vec<f64>,
}

/// Rows to learn from.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The names of the inputs.
    pub inputs: Vec<String>,
    /// One column for each input; NaN is missing.
    pub columns: Vec<Vec<f64>>,
    /// The classes' names.
    pub classes: Vec<String>,
    /// The class of each row.
    pub labels: Vec<u16>,
}

/// How a classifier does on rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quality {
    /// Rows.
    pub rows: usize,
    /// Share of them that is right.
    pub accuracy: f64,
    /// Mean of the F1 of the classes that occur.
    pub macro_f1: f64,
    /// Mean of the negative logarithm of the true class's probability.
    pub log_loss: f64,
    /// For each class: rows of it, rows said to be of it, and both at once.
    pub classes: Vec<(u64, u64, u64)>,
}

impl Boosted {
    /// Learns from `rows[..until]`; `going_on` is asked before each round.
    ///
    /// # Errors
    /// Rows from which nothing can be learnt: one class, no input, too many of either.
    pub fn train(
        rows: &Rows,
        until: usize,
        s: &BoostSettings,
        going_on: impl Fn() -> bool,
    ) -> Result<Self, String> {
        let n = until.min(rows.labels.len());
        let (width, classes) = (rows.columns.len(), rows.classes.len());
        if width == 0 || width > INPUTS_MAX {
            return Err(format!(
                "a classifier takes 1 to {INPUTS_MAX} inputs, not {width}"
            ));
        }
        if !(2..=CLASSES_MAX).contains(&classes) {
            return Err(format!(
                "a classifier tells 2 to {CLASSES_MAX} classes apart, not {classes}: name another label"
            ));
        }
        if rows.columns.iter().any(|c| c.len() < n)
            || rows.labels.iter().any(|l| usize::from(*l) >= classes)
        {
            return Err("columns and labels do not fit together".to_owned());
        }
        let groups = if classes == 2 { 1 } else { classes };
        let mut grower = Grower::new(rows, n, s);
        let base = base(&rows.labels[..n], classes, groups);
        let mut margins: Vec<Vec<f64>> = base.iter().map(|b| vec![*b; n]).collect();
        let mut trees = Vec::new();
        for _ in 0..s.num_round.min(ROUNDS_MAX) {
            if !going_on() {
                return Err("the training was stopped".to_owned());
            }
            let slopes: Vec<Vec<(f64, f64)>> = (0..groups)
                .map(|g| {
                    (0..n)
                        .map(|i| slope(&margins, g, i, rows.labels[i]))
                        .collect()
                })
                .collect();
            for (g, slopes) in slopes.iter().enumerate() {
                let tree = grower.grow(slopes);
                for (i, margin) in margins[g].iter_mut().enumerate() {
                    *margin += walk(&tree, |input| rows.columns[input][i]);
                }
                trees.push(tree);
            }
        }
        Ok(Self {
            inputs: rows.inputs.clone(),
            classes: rows.classes.clone(),
            base,
            trees,
            gains: grower.gains,
        })
    }
    /// The names of the inputs, in the order of [`Boosted::probabilities`]' record.
    #[must_use]
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }
    /// The names of the classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
    /// The share of each input in the gain of all cuts.
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        let total: f64 = self.gains.iter().sum();
        self.gains
            .iter()
            .map(|g| if total > 0.0 { g / total } else { 0.0 })
            .collect()
    }
    /// The probability of each class.
    #[must_use]
    pub fn probabilities(&self, record: &[f64]) -> Vec<f64> {
        let value = |input: usize| record.get(input).copied().unwrap_or(f64::NAN);
        let groups = self.base.len().max(1);
        let mut margins = self.base.clone();
        for (i, tree) in self.trees.iter().enumerate() {
            margins[i % groups] += walk(tree, value);
        }
        if let [margin] = margins[..] {
            let p = logistic(margin);
            return vec![1.0 - p, p];
        }
        softmax(&margins)
    }
    /// The most probable class and its probability.
    #[must_use]
    pub fn classify(&self, record: &[f64]) -> (usize, f64) {
        let all = self.probabilities(record);
        all.into_iter().enumerate().fold(
            (0, 0.0),
            |best, (i, p)| if p > best.1 { (i, p) } else { best },
        )
    }
    /// How it does on the rows from `from` on.
    #[must_use]
    pub fn quality(&self, rows: &Rows, from: usize) -> Quality {
        let mut out = Quality {
            classes: vec![(0, 0, 0); self.classes.len()],
            ..Quality::default()
        };
        let mut record = vec![0.0; rows.columns.len()];
        for (i, label) in rows.labels.iter().enumerate().skip(from) {
            for (x, column) in record.iter_mut().zip(&rows.columns) {
                *x = column[i];
            }
            let all = self.probabilities(&record);
            let said = all
                .iter()
                .enumerate()
                .fold((0, 0.0), |b, (i, p)| if *p > b.1 { (i, *p) } else { b })
                .0;
            let truth = usize::from(*label);
            out.rows += 1;
            out.classes[truth].0 += 1;
            out.classes[said].1 += 1;
            out.classes[truth].2 += u64::from(said == truth);
            out.log_loss -= libm::log(all[truth].max(1e-15));
        }
        let n = out.rows.max(1) as f64;
        out.accuracy = out.classes.iter().map(|c| c.2).sum::<u64>() as f64 / n;
        out.log_loss /= n;
        let seen: Vec<f64> = out
            .classes
            .iter()
            .filter(|c| c.0 > 0)
            .map(|c| 2.0 * c.2 as f64 / (c.0 + c.1) as f64)
            .collect();
        out.macro_f1 = seen.iter().sum::<f64>() / seen.len().max(1) as f64;
        out
    }
    /// False when a file made it into something that could panic.
    pub(crate) fn sound(&self) -> bool {
        let (width, classes) = (self.inputs.len(), self.classes.len());
        let groups = if classes == 2 { 1 } else { classes };
        let node = |(at, n): (usize, &Node), len: usize| match n {
            // Children stand behind their parent, so every path ends.
            Node::Cut {
                input,
                left,
                right,
                value,
                ..
            } => {
                usize::from(*input) < width
                    && value.is_finite()
                    && [left, right]
                        .iter()
                        .all(|c| **c as usize > at && (**c as usize) < len)
            }
            Node::Leaf(value) => value.is_finite(),
        };
        let tree = |t: &Vec<Node>| !t.is_empty() && t.iter().enumerate().all(|n| node(n, t.len()));
        (1..=INPUTS_MAX).contains(&width)
            && (2..=CLASSES_MAX).contains(&classes)
            && self.base.len() == groups
            && self.base.iter().all(|b| b.is_finite())
            && self.gains.len() == width
            && self.gains.iter().all(|g| g.is_finite() && *g >= 0.0)
            && self.trees.len() <= ROUNDS_MAX as usize * groups
            && self.trees.iter().all(tree)
    }
}

fn walk(tree: &[Node], value: impl Fn(usize) -> f64) -> f64 {
    let mut at = 0;
    loop {
        match &tree[at] {
            Node::Leaf(leaf) => return *leaf,
            Node::Cut {
                input,
                value: cut,
                missing_left,
                left,
                right,
            } => {
                let x = value(usize::from(*input));
                let goes_left = if x.is_nan() { *missing_left } else { x <= *cut };
                at = if goes_left {
                    *left as usize
                } else {
                    *right as usize
                };
            }
        }
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

fn softmax(margins: &[f64]) -> Vec<f64> {
    let most = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let raised: Vec<f64> = margins.iter().map(|m| libm::exp(m - most)).collect();
    let total: f64 = raised.iter().sum();
    raised.iter().map(|e| e / total).collect()
}

/// Where boosting begins: the logarithm of how frequent a class is, so that rare states do not begin at even odds.
fn base(labels: &[u16], classes: usize, groups: usize) -> Vec<f64> {
    let share = |class: usize| {
        let count = labels.iter().filter(|l| usize::from(**l) == class).count();
        (count as f64 + 1.0) / (labels.len() + classes) as f64
    };
    if groups == 1 {
        return vec![libm::log(share(1) / share(0))];
    }
    (0..groups).map(|g| libm::log(share(g))).collect()
}

/// First and second derivative of the loss in the margin of group `g`.
fn slope(margins: &[Vec<f64>], g: usize, row: usize, label: u16) -> (f64, f64) {
    if let [one] = margins {
        let p = logistic(one[row]);
        return (p - f64::from(label), (p * (1.0 - p)).max(1e-16));
    }
    let all: Vec<f64> = margins.iter().map(|m| m[row]).collect();
    let p = softmax(&all)[g];
    let truth = if usize::from(label) == g { 1.0 } else { 0.0 };
    (p - truth, (2.0 * p * (1.0 - p)).max(1e-16))
}

/// What trees are grown from: each number as the quantile that it lies in.
struct Grower {
    settings: BoostSettings,
    /// For each input the upper ends of the quantiles.
    edges: Vec<Vec<f64>>,
    /// For each input and row its quantile; `BINS` is missing.
    bins: Vec<Vec<u8>>,
    gains: Vec<f64>,
    rows: usize,
}

/// A cut that was found.
struct Found {
    gain: f64,
    input: usize,
    bin: usize,
    missing_left: bool,
}

const MISSING: u8 = 64;

impl Grower {
    fn new(rows: &Rows, n: usize, s: &BoostSettings) -> Self {
        let edges: Vec<Vec<f64>> = rows.columns.iter().map(|c| edges(&c[..n])).collect();
        let bin = |(column, edges): (&Vec<f64>, &Vec<f64>)| {
            let one = |x: &f64| {
                if x.is_nan() {
                    return MISSING;
                }
                let at = edges
                    .partition_point(|e| e < x)
                    .min(edges.len().saturating_sub(1));
                u8::try_from(at).unwrap_or(MISSING - 1)
            };
            column[..n].iter().map(one).collect()
        };
        Self {
            settings: *s,
            bins: rows.columns.iter().zip(&edges).map(bin).collect(),
            gains: vec![0.0; edges.len()],
            edges,
            rows: n,
        }
    }
    fn grow(&mut self, slopes: &[(f64, f64)]) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut rows: Vec<u32> = (0..u32::try_from(self.rows).unwrap_or(u32::MAX)).collect();
        self.branch(
            &mut nodes,
            &mut rows,
            slopes,
            self.settings.max_depth.min(DEPTH_MAX),
        );
        nodes
    }
    fn branch(
        &mut self,
        nodes: &mut Vec<Node>,
        rows: &mut [u32],
        slopes: &[(f64, f64)],
        depth: u32,
    ) -> u32 {
        let at = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        let (g, h) = rows.iter().fold((0.0, 0.0), |(g, h), r| {
            let (dg, dh) = slopes[*r as usize];
            (g + dg, h + dh)
        });
        nodes.push(Node::Leaf(
            -self.settings.eta * g / (h + self.settings.lambda).max(1e-9),
        ));
        let best = if depth > 0 {
            self.best(rows, slopes, (g, h))
        } else {
            None
        };
        let Some(best) = best else {
            return at;
        };
        self.gains[best.input] += best.gain;
        let mut split = 0;
        for i in 0..rows.len() {
            let bin = self.bins[best.input][rows[i] as usize];
            let left = if bin == MISSING {
                best.missing_left
            } else {
                usize::from(bin) <= best.bin
            };
            if left {
                rows.swap(i, split);
                split += 1;
            }
        }
        let (below, above) = rows.split_at_mut(split);
        let left = self.branch(nodes, below, slopes, depth - 1);
        let right = self.branch(nodes, above, slopes, depth - 1);
        nodes[at as usize] = Node::Cut {
            input: u16::try_from(best.input).unwrap_or(0),
            value: self.edges[best.input][best.bin],
            missing_left: best.missing_left,
            left,
            right,
        };
        at
    }
    /// The cut with the greatest gain, the first of equal ones.
    fn best(&self, rows: &[u32], slopes: &[(f64, f64)], all: (f64, f64)) -> Option<Found> {
        let s = &self.settings;
        let score = |g: f64, h: f64| g * g / (h + s.lambda).max(1e-9);
        let mut best: Option<Found> = None;
        for (input, bins) in self.bins.iter().enumerate() {
            let mut sums = [(0.0, 0.0); BINS + 1];
            for r in rows {
                let (g, h) = slopes[*r as usize];
                let sum = &mut sums[usize::from(bins[*r as usize])];
                sum.0 += g;
                sum.1 += h;
            }
            let missing = sums[BINS];
            let mut left = (0.0, 0.0);
            // Above the last quantile there is nothing.
            let cuts = self.edges[input].len().saturating_sub(1);
            for (bin, sum) in sums.iter().enumerate().take(cuts) {
                left = (left.0 + sum.0, left.1 + sum.1);
                for missing_left in [true, false] {
                    let (g, h) = if missing_left {
                        (left.0 + missing.0, left.1 + missing.1)
                    } else {
                        left
                    };
                    let (rg, rh) = (all.0 - g, all.1 - h);
                    if h < s.min_child_weight || rh < s.min_child_weight {
                        continue;
                    }
                    let gain = 0.5 * (score(g, h) + score(rg, rh) - score(all.0, all.1)) - s.gamma;
                    if gain > 1e-9 && best.as_ref().is_none_or(|b| gain > b.gain) {
                        best = Some(Found {
                            gain,
                            input,
                            bin,
                            missing_left,
                        });
                    }
                }
            }
        }
        best
    }
}

/// The upper ends of at most `BINS` quantiles of the values that are there.
fn edges(column: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = column.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let mut out: Vec<f64> = (1..=BINS)
        .filter_map(|q| {
            sorted
                .get((q * sorted.len() / BINS).saturating_sub(1).min(last))
                .copied()
        })
        .collect();
    out.dedup_by(|a, b| a.to_bits() == b.to_bits());
    out
}

#[cfg(test)]
mod tests;
