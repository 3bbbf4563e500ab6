//! One random cut tree. Nodes are numbers into flat arrays: inner nodes from 0, leaves with the top bit. A leaf keeps one point and how
//! often it was seen; an inner node its cut, the box around all points below it and their number.

use serde::{Deserialize, Serialize};

use crate::rng::Rng;

const LEAF: u16 = 0x8000;
const NONE: u16 = 0x7fff;

/// What part of a score comes from a number that is too high, and what from one that is too low.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// Above the points of the sample.
    pub high: f64,
    /// Below them.
    pub low: f64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Inner {
    cut: f32,
    dimension: u16,
    left: u16,
    right: u16,
    parent: u16,
    mass: u16,
    /// Sum of the sides of the box.
    span: f32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Leaf {
    parent: u16,
    mass: u16,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tree {
    dimension: usize,
    root: u16,
    inner: Vec<Inner>,
    /// Of each inner node: least of each dimension, then greatest.
    boxes: Vec<f32>,
    leaves: Vec<Leaf>,
    points: Vec<f32>,
    free_inner: Vec<u16>,
    free_leaves: Vec<u16>,
}

impl Tree {
    pub(super) fn new(dimension: usize, samples: usize) -> Self {
        Self {
            dimension,
            root: NONE,
            inner: Vec::with_capacity(samples),
            boxes: Vec::with_capacity(samples * 2 * dimension),
            leaves: Vec::with_capacity(samples),
            points: Vec::with_capacity(samples * dimension),
            free_inner: Vec::new(),
            free_leaves: Vec::new(),
        }
    }
    pub(super) fn bytes(&self) -> usize {
        self.inner.capacity() * size_of::<Inner>()
            + (self.boxes.capacity() + self.points.capacity()) * size_of::<f32>()
            + self.leaves.capacity() * size_of::<Leaf>()
    }

    fn point(&self, leaf: u16) -> &[f32] {
        let at = usize::from(leaf & !LEAF) * self.dimension;
        &self.points[at..at + self.dimension]
    }
    fn bounds(&self, node: u16) -> (&[f32], &[f32]) {
        if node & LEAF != 0 {
            let p = self.point(node);
            return (p, p);
        }
        let at = usize::from(node) * 2 * self.dimension;
        self.boxes[at..at + 2 * self.dimension].split_at(self.dimension)
    }
    fn mass(&self, node: u16) -> u16 {
        if node & LEAF == 0 {
            self.inner[usize::from(node)].mass
        } else {
            self.leaves[usize::from(node & !LEAF)].mass
        }
    }
    fn parent(&self, node: u16) -> u16 {
        if node & LEAF == 0 {
            self.inner[usize::from(node)].parent
        } else {
            self.leaves[usize::from(node & !LEAF)].parent
        }
    }
    fn set_parent(&mut self, node: u16, parent: u16) {
        if node & LEAF == 0 {
            self.inner[usize::from(node)].parent = parent;
        } else {
            self.leaves[usize::from(node & !LEAF)].parent = parent;
        }
    }
    /// Puts `new` where `old` hung below `parent`.
    fn relink(&mut self, parent: u16, old: u16, new: u16) {
        self.set_parent(new, parent);
        if parent == NONE {
            self.root = new;
            return;
        }
        let p = &mut self.inner[usize::from(parent)];
        if p.left == old {
            p.left = new;
        } else {
            p.right = new;
        }
    }
    /// The leaf that the cuts lead to, and how many cuts that takes.
    fn descend(&self, point: &[f32]) -> (u16, u32) {
        let (mut node, mut depth) = (self.root, 0);
        while node & LEAF == 0 {
            let n = &self.inner[usize::from(node)];
            node = if point[usize::from(n.dimension)] <= n.cut {
                n.left
            } else {
                n.right
            };
            depth += 1;
        }
        (node, depth)
    }
    /// How far `point` lies outside the box of inner node `node`, summed over the dimensions.
    fn outside(&self, node: u16, point: &[f32]) -> f32 {
        let (low, high) = self.bounds(node);
        point
            .iter()
            .zip(low)
            .zip(high)
            .map(|((x, l), h)| (x - h).max(0.0) + (l - x).max(0.0))
            .sum()
    }

    /// Expected inverse depth, normalised by the size of the tree.
    pub(super) fn score(&self, point: &[f32]) -> f64 {
        if self.root == NONE {
            return 0.0;
        }
        let (leaf, mut depth) = self.descend(point);
        let total = self.mass(self.root);
        let mass = self.mass(leaf);
        if self.point(leaf) == point {
            return log2(total) * damp(mass, total) / (f64::from(depth) + log2(mass));
        }
        let mut score = 1.0 / (f64::from(depth) + 1.0);
        let mut node = self.parent(leaf);
        while node != NONE {
            depth -= 1;
            let n = &self.inner[usize::from(node)];
            let outside = self.outside(node, point);
            if outside <= 0.0 {
                // The box holds the point: so do all above it.
                break;
            }
            let p = f64::from(outside / (outside + n.span));
            score = (1.0 - p) * score + p / (f64::from(depth) + 1.0);
            node = n.parent;
        }
        score * log2(total)
    }

    /// Adds what each number of `point` has of its score.
    pub(super) fn attribute(&self, point: &[f32], out: &mut [Direction]) {
        if self.root == NONE {
            return;
        }
        let (leaf, mut depth) = self.descend(point);
        let total = self.mass(self.root);
        let mass = self.mass(leaf);
        let mut own = vec![Direction::default(); self.dimension];
        let same = self.point(leaf) == point;
        if same {
            // A point that is known has no side to be on: its score is spread evenly.
            let score = damp(mass, total) / (f64::from(depth) + log2(mass));
            let share = score / (2.0 * self.dimension as f64);
            own.fill(Direction {
                high: share,
                low: share,
            });
        } else {
            self.spread(leaf, point, 0.0, 1.0 / (f64::from(depth) + 1.0), &mut own);
        }
        let mut node = self.parent(leaf);
        while node != NONE {
            depth -= 1;
            let span = self.inner[usize::from(node)].span;
            self.spread(node, point, span, 1.0 / (f64::from(depth) + 1.0), &mut own);
            node = self.inner[usize::from(node)].parent;
        }
        let scale = log2(total);
        for (o, d) in out.iter_mut().zip(&own) {
            o.high += d.high * scale;
            o.low += d.low * scale;
        }
    }
    /// Mixes the score of a cut between `point` and the box of `node` into the parts of the score below.
    fn spread(&self, node: u16, point: &[f32], span: f32, score: f64, own: &mut [Direction]) {
        let (low, high) = self.bounds(node);
        let sides = point.iter().zip(low).zip(high);
        let sides = sides.map(|((x, l), h)| ((x - h).max(0.0), (l - x).max(0.0)));
        let outside: f32 = sides.clone().map(|(a, b)| a + b).sum();
        if outside <= 0.0 {
            return;
        }
        let whole = f64::from(outside + span);
        let stay = 1.0 - f64::from(outside) / whole;
        for (d, (above, below)) in own.iter_mut().zip(sides) {
            d.high = d.high * stay + score * f64::from(above) / whole;
            d.low = d.low * stay + score * f64::from(below) / whole;
        }
    }

    /// Number `index` of the kept point that the cuts lead to when that number is not known.
    pub(super) fn nearest(&self, point: &[f32], index: usize) -> Option<f32> {
        if self.root == NONE {
            return None;
        }
        let mut node = self.root;
        while node & LEAF == 0 {
            let n = &self.inner[usize::from(node)];
            node = if usize::from(n.dimension) == index {
                let gap = |child| self.gap(child, point, index);
                let (l, r) = (gap(n.left), gap(n.right));
                let heavier = self.mass(n.left) >= self.mass(n.right);
                if l < r || (l <= r && heavier) {
                    n.left
                } else {
                    n.right
                }
            } else if point[usize::from(n.dimension)] <= n.cut {
                n.left
            } else {
                n.right
            };
        }
        Some(self.point(node)[index])
    }
    fn gap(&self, node: u16, point: &[f32], but: usize) -> f32 {
        let (low, high) = self.bounds(node);
        let sides = point.iter().zip(low).zip(high).enumerate();
        sides
            .filter(|(i, _)| *i != but)
            .map(|(_, ((x, l), h))| (x - h).max(0.0) + (l - x).max(0.0))
            .sum()
    }

    /// Takes one point out of `leaf`.
    pub(super) fn remove(&mut self, leaf: u16) {
        let at = usize::from(leaf & !LEAF);
        let parent = self.leaves[at].parent;
        if self.leaves[at].mass > 1 {
            self.leaves[at].mass -= 1;
            self.lighten(parent);
            return;
        }
        self.free_leaves.push(leaf);
        if parent == NONE {
            self.root = NONE;
            return;
        }
        let p = self.inner[usize::from(parent)];
        let other = if p.left == leaf { p.right } else { p.left };
        self.relink(p.parent, parent, other);
        self.free_inner.push(parent);
        self.lighten(p.parent);
        let mut node = p.parent;
        while node != NONE && self.shrink(node) {
            node = self.inner[usize::from(node)].parent;
        }
    }
    fn lighten(&mut self, mut node: u16) {
        while node != NONE {
            let n = &mut self.inner[usize::from(node)];
            n.mass -= 1;
            node = n.parent;
        }
    }
    /// Draws the box of `node` anew around its children; false when it stays as it was.
    fn shrink(&mut self, node: u16) -> bool {
        let n = self.inner[usize::from(node)];
        let d = self.dimension;
        let at = usize::from(node) * 2 * d;
        let (mut changed, mut span) = (false, 0.0);
        for i in 0..d {
            let (ll, lh) = self.bounds(n.left);
            let (rl, rh) = self.bounds(n.right);
            let (low, high) = (ll[i].min(rl[i]), lh[i].max(rh[i]));
            changed |= self.boxes[at + i] < low || self.boxes[at + d + i] > high;
            self.boxes[at + i] = low;
            self.boxes[at + d + i] = high;
            span += high - low;
        }
        self.inner[usize::from(node)].span = span;
        changed
    }

    /// Adds a point; the answer is its leaf.
    pub(super) fn insert(&mut self, point: &[f32], rng: &mut Rng) -> u16 {
        if self.root == NONE {
            let leaf = self.new_leaf(point);
            self.root = leaf;
            return leaf;
        }
        let mut node = self.root;
        loop {
            if let Some((dimension, cut, below)) = self.split(node, point, rng) {
                let leaf = self.new_leaf(point);
                self.branch(node, leaf, dimension, cut, below);
                return leaf;
            }
            if node & LEAF != 0 {
                self.leaves[usize::from(node & !LEAF)].mass += 1;
                let parent = self.parent(node);
                self.grow(parent, point);
                return node;
            }
            let n = &self.inner[usize::from(node)];
            node = if point[usize::from(n.dimension)] <= n.cut {
                n.left
            } else {
                n.right
            };
        }
    }
    /// Draws a cut of the box around `node` and `point`; `Some` when it parts the two: dimension, cut, and whether the point is below.
    fn split(&self, node: u16, point: &[f32], rng: &mut Rng) -> Option<(u16, f32, bool)> {
        let (low, high) = self.bounds(node);
        let (outside, span) = if node & LEAF == 0 {
            let n = &self.inner[usize::from(node)];
            (self.outside(node, point), n.span)
        } else {
            let gaps = point.iter().zip(low).map(|(x, l)| (x - l).abs());
            (gaps.sum::<f32>(), 0.0)
        };
        if outside <= 0.0 {
            return None;
        }
        // The cut falls outside the old box with this chance; where outside is drawn alone.
        let draw = rng.unit();
        if draw * f64::from(outside + span) >= f64::from(outside) {
            return None;
        }
        let mut rest = rng.unit() * f64::from(outside);
        let mut best = None;
        for (i, ((x, l), h)) in point.iter().zip(low).zip(high).enumerate() {
            let side = (x - h).max(0.0) + (l - x).max(0.0);
            if side <= 0.0 {
                continue;
            }
            let below = x < l;
            let (from, to) = if below { (*x, *l) } else { (*h, *x) };
            best = Some((i, from, to, rest.min(f64::from(side)), below));
            if rest <= f64::from(side) {
                break;
            }
            rest -= f64::from(side);
        }
        let (i, from, to, offset, below) = best?;
        // `from <= cut < to`: what equals the cut goes left.
        #[expect(clippy::cast_possible_truncation, reason = "coordinates have 32 bits")]
        let mut cut = (f64::from(from) + offset) as f32;
        if !(cut >= from && cut < to) {
            cut = from;
        }
        u16::try_from(i).ok().map(|i| (i, cut, below))
    }
    /// A new inner node above `node` with `leaf` beside it.
    fn branch(&mut self, node: u16, leaf: u16, dimension: u16, cut: f32, below: bool) {
        let parent = self.parent(node);
        let (left, right) = if below { (leaf, node) } else { (node, leaf) };
        let new = Inner {
            cut,
            dimension,
            left,
            right,
            parent: NONE,
            mass: self.mass(node),
            span: 0.0,
        };
        let id = self.new_inner(new);
        let d = self.dimension;
        let (from, to) = (usize::from(node) * 2 * d, usize::from(id) * 2 * d);
        if node & LEAF == 0 {
            self.boxes.copy_within(from..from + 2 * d, to);
        } else {
            let at = usize::from(node & !LEAF) * d;
            self.boxes[to..to + d].copy_from_slice(&self.points[at..at + d]);
            self.boxes[to + d..to + 2 * d].copy_from_slice(&self.points[at..at + d]);
        }
        self.relink(parent, node, id);
        self.set_parent(node, id);
        self.set_parent(leaf, id);
        let point = self.point(leaf).to_vec();
        self.grow(id, &point);
    }
    /// One more point below `node` and all above it.
    fn grow(&mut self, mut node: u16, point: &[f32]) {
        let d = self.dimension;
        let mut wider = true;
        while node != NONE {
            let n = &mut self.inner[usize::from(node)];
            n.mass += 1;
            if wider {
                let at = usize::from(node) * 2 * d;
                let (low, high) = self.boxes[at..at + 2 * d].split_at_mut(d);
                let (mut changed, mut span) = (false, 0.0);
                for ((x, l), h) in point.iter().zip(low).zip(high) {
                    changed |= x < l || x > h;
                    *l = l.min(*x);
                    *h = h.max(*x);
                    span += *h - *l;
                }
                n.span = span;
                wider = changed;
            }
            node = n.parent;
        }
    }
    /// True when the tree is one, over exactly the `kept` leaves: every number leads somewhere, nothing twice.
    pub(super) fn sound(&self, dimension: usize, kept: Option<&[u16]>) -> bool {
        let Some(kept) = kept else { return false };
        let arrays = self.dimension == dimension
            && self.inner.len() < usize::from(NONE)
            && self.leaves.len() < usize::from(NONE)
            && self.boxes.len() == self.inner.len() * 2 * dimension
            && self.points.len() == self.leaves.len() * dimension;
        if !arrays {
            return false;
        }
        let mut mass = vec![0_u16; self.leaves.len()];
        for leaf in kept {
            match mass.get_mut(usize::from(leaf & !LEAF)) {
                Some(m) if leaf & LEAF != 0 => *m += 1,
                _ => return false,
            }
        }
        self.hangs_together(&mass) && self.free_are_free(&mass)
    }
    fn hangs_together(&self, mass: &[u16]) -> bool {
        let expected: usize = mass.iter().map(|m| usize::from(*m)).sum();
        if self.root == NONE {
            return expected == 0;
        }
        let mut stack = vec![(self.root, NONE)];
        let (mut total, mut visited) = (0, 0);
        while let Some((node, parent)) = stack.pop() {
            visited += 1;
            if visited > 2 * self.leaves.len() {
                return false;
            }
            if node & LEAF != 0 {
                let at = usize::from(node & !LEAF);
                let fits = self.leaves.get(at);
                if !fits.is_some_and(|l| l.parent == parent && l.mass == mass[at] && l.mass > 0) {
                    return false;
                }
                total += usize::from(mass[at]);
                continue;
            }
            match self.inner.get(usize::from(node)) {
                Some(n) if n.parent == parent && usize::from(n.dimension) < self.dimension => {
                    stack.push((n.left, node));
                    stack.push((n.right, node));
                }
                _ => return false,
            }
        }
        total == expected && self.masses_add_up(self.root).is_some()
    }
    /// The mass below `node` when every inner node has that of its children. Only after the links were checked.
    fn masses_add_up(&self, root: u16) -> Option<u16> {
        let mut order = vec![root];
        let mut at = 0;
        while let Some(node) = order.get(at) {
            if node & LEAF == 0 {
                let n = self.inner[usize::from(*node)];
                order.extend([n.left, n.right]);
                let below = self.mass(n.left).checked_add(self.mass(n.right))?;
                if below != n.mass {
                    return None;
                }
            }
            at += 1;
        }
        Some(self.mass(root))
    }
    fn free_are_free(&self, mass: &[u16]) -> bool {
        let leaf = |l: &u16| l & LEAF != 0 && mass.get(usize::from(l & !LEAF)) == Some(&0);
        let used = mass.iter().filter(|m| **m > 0).count();
        let inner = |i: &u16| usize::from(*i) < self.inner.len();
        let mut free = self.free_inner.clone();
        free.sort_unstable();
        free.dedup();
        let mut reachable = vec![false; self.inner.len()];
        let mut stack = vec![self.root];
        while let Some(node) = stack.pop() {
            if node & LEAF == 0 && node != NONE {
                reachable[usize::from(node)] = true;
                let n = self.inner[usize::from(node)];
                stack.extend([n.left, n.right]);
            }
        }
        let mut free_leaves = self.free_leaves.clone();
        free_leaves.sort_unstable();
        free_leaves.dedup();
        free_leaves.len() == self.free_leaves.len()
            && self.free_leaves.iter().all(leaf)
            && used + free_leaves.len() == self.leaves.len()
            && free.len() == self.free_inner.len()
            && self.free_inner.iter().all(inner)
            && free.iter().all(|i| !reachable[usize::from(*i)])
    }
    fn new_leaf(&mut self, point: &[f32]) -> u16 {
        let leaf = Leaf {
            parent: NONE,
            mass: 1,
        };
        if let Some(id) = self.free_leaves.pop() {
            let at = usize::from(id & !LEAF);
            self.leaves[at] = leaf;
            self.points[at * self.dimension..(at + 1) * self.dimension].copy_from_slice(point);
            return id;
        }
        self.leaves.push(leaf);
        self.points.extend_from_slice(point);
        number(self.leaves.len() - 1) | LEAF
    }
    fn new_inner(&mut self, node: Inner) -> u16 {
        if let Some(id) = self.free_inner.pop() {
            self.inner[usize::from(id)] = node;
            return id;
        }
        self.inner.push(node);
        self.boxes
            .resize(self.inner.len() * 2 * self.dimension, 0.0);
        number(self.inner.len() - 1)
    }
}

/// A node's number. Trees have [`super::MAX_SAMPLES`] points at the most.
#[expect(clippy::cast_possible_truncation, reason = "below 4096")]
const fn number(index: usize) -> u16 {
    index as u16
}

/// How much less a point counts that the tree holds already.
fn damp(mass: u16, total: u16) -> f64 {
    1.0 - f64::from(mass) / (2.0 * f64::from(total))
}

/// `log2(1 + mass)`
fn log2(mass: u16) -> f64 {
    libm::log2(1.0 + f64::from(mass))
}
