//! A time series that never grows past a fixed number of points: when it is full, neighbours merge and the resolution
//! halves. Sums, counts, minima and maxima stay exact at every resolution.

use std::sync::Arc;

use crate::units::{SimDuration, SimTime};

/// Points a series holds at the most; at one second each this is 17 minutes before the first merge.
const CAPACITY: usize = 1024;
/// Points in a sealed chunk.
const CHUNK: usize = 32;

/// The values of one interval: a CloudWatch statistic set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// How many values were put.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least; infinity when there are none.
    pub min: f64,
    /// The greatest; minus infinity when there are none.
    pub max: f64,
}

impl Point {
    /// No values.
    pub const EMPTY: Self = Self {
        count: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    /// Puts `value` in `n` times.
    pub fn add(&mut self, value: f64, n: u64) {
        self.count += n;
        self.sum += value * n as f64;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
    /// Puts all values of `other` in.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
    /// The mean, when there are values.
    #[must_use]
    pub fn average(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Statistic sets over time from the beginning of the run.
///
/// A clone shares everything: only a series that changes after it was cloned copies its open chunk (2 KiB at the most).
#[derive(Debug, Clone)]
pub struct Series {
    resolution: SimDuration,
    sealed: Arc<Vec<Arc<[Point; CHUNK]>>>,
    open: Arc<Vec<Point>>,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            resolution: SimDuration::secs(1),
            sealed: Arc::default(),
            open: Arc::default(),
        }
    }
}

impl Series {
    /// Puts `value` in `n` times at `at`. Instants may repeat but must not precede the last interval by more than it holds.
    pub fn add(&mut self, at: SimTime, value: f64, n: u64) {
        let index = self.open_interval(at);
        if let Some(point) = self.point_mut(index) {
            point.add(value, n);
        }
    }
    /// Puts a whole statistic set in at `at`.
    pub fn add_point(&mut self, at: SimTime, set: &Point) {
        let index = self.open_interval(at);
        if let Some(point) = self.point_mut(index) {
            point.merge(set);
        }
    }
    /// The length of one interval now.
    #[must_use]
    pub const fn resolution(&self) -> SimDuration {
        self.resolution
    }
    /// Number of intervals from the beginning to the last value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sealed.len() * CHUNK + self.open.len()
    }
    /// True before the first value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// All intervals in order, empty ones included: (start, values).
    pub fn points(&self) -> impl Iterator<Item = (SimTime, &Point)> {
        let all = self
            .sealed
            .iter()
            .flat_map(|c| c.iter())
            .chain(self.open.iter());
        all.enumerate()
            .map(|(i, p)| (SimTime(i as u64 * self.resolution.0), p))
    }

    fn index_of(&self, at: SimTime) -> u64 {
        at.0 / self.resolution.0
    }
    /// Makes room up to `at` and returns the index of its interval.
    fn open_interval(&mut self, at: SimTime) -> u64 {
        while self.index_of(at) >= CAPACITY as u64 {
            self.halve();
        }
        let index = self.index_of(at);
        while (self.len() as u64) <= index {
            self.push(Point::EMPTY);
        }
        index
    }
    fn push(&mut self, point: Point) {
        let open = Arc::make_mut(&mut self.open);
        open.push(point);
        // The newest chunk stays open until the next begins, so that late values of the same second still find it.
        if open.len() == 2 * CHUNK {
            let mut chunk = [Point::EMPTY; CHUNK];
            chunk.copy_from_slice(&open[..CHUNK]);
            open.drain(..CHUNK);
            Arc::make_mut(&mut self.sealed).push(Arc::new(chunk));
        }
    }
    fn point_mut(&mut self, index: u64) -> Option<&mut Point> {
        let index = usize::try_from(index).ok()?;
        let sealed = self.sealed.len() * CHUNK;
        if index >= sealed {
            return Arc::make_mut(&mut self.open).get_mut(index - sealed);
        }
        let chunk = Arc::make_mut(&mut self.sealed).get_mut(index / CHUNK)?;
        Some(&mut Arc::make_mut(chunk)[index % CHUNK])
    }
    fn halve(&mut self) {
        let old: Vec<Point> = self.points().map(|(_, p)| *p).collect();
        self.resolution = self.resolution * 2;
        self.sealed = Arc::default();
        self.open = Arc::default();
        for pair in old.chunks(2) {
            let mut merged = pair[0];
            if let Some(second) = pair.get(1) {
                merged.merge(second);
            }
            self.push(merged);
        }
    }
}
