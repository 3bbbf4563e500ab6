//! Samples that are drawn with two points a pixel at the most, however many there are.

use egui_plot::PlotPoint;

/// Children of one entry of a level.
const FAN: usize = 8;
/// Fewer samples than this are looked at one by one.
const FEW: usize = 2048;

/// Samples in order of x, with a pyramid of extremes over them: the least and the greatest of any range are found in
/// logarithmic time, so that a million samples cost as little to draw as a thousand.
#[derive(Debug, Default)]
pub(crate) struct Decimated {
    points: Vec<PlotPoint>,
    /// Level `k` holds, for each `FAN^(k+1)` samples, the places of the least and the greatest.
    levels: Vec<Vec<(u32, u32)>>,
    drawn: Vec<PlotPoint>,
    /// What `drawn` was made for: bits of from and to, pixels.
    made_for: Option<(u64, u64, usize)>,
}

impl Decimated {
    /// Takes samples in order of x. Samples beyond 2^32 are left out.
    #[must_use]
    pub(crate) fn new(points: Vec<PlotPoint>) -> Self {
        let mut levels = Vec::new();
        if points.len() > FEW {
            let places: Vec<u32> = (0..u32::try_from(points.len()).unwrap_or(u32::MAX)).collect();
            let mut level = pairs(
                &points,
                places.chunks(FAN).map(|c| c.iter().flat_map(|i| [*i, *i])),
            );
            while level.len() > FAN {
                let next = pairs(
                    &points,
                    level
                        .chunks(FAN)
                        .map(|c| c.iter().flat_map(|(a, b)| [*a, *b])),
                );
                levels.push(std::mem::replace(&mut level, next));
            }
            levels.push(level);
        }
        Self {
            points,
            levels,
            drawn: Vec::new(),
            made_for: None,
        }
    }
    /// All samples.
    #[must_use]
    pub(crate) fn points(&self) -> &[PlotPoint] {
        &self.points
    }
    /// What is to be drawn between `from` and `to` on `pixels` columns: for each column the least and the greatest sample,
    /// and the neighbours outside, so that lines reach the edges. Made anew only when one of the three changed.
    pub(crate) fn columns(&mut self, from: f64, to: f64, pixels: usize) -> &[PlotPoint] {
        let key = (from.to_bits(), to.to_bits(), pixels);
        if self.made_for != Some(key) {
            self.made_for = Some(key);
            let mut drawn = std::mem::take(&mut self.drawn);
            drawn.clear();
            self.fill(from, to, pixels.max(1), &mut drawn);
            self.drawn = drawn;
        }
        &self.drawn
    }
    /// The latest sample at or before `x`.
    #[must_use]
    pub(crate) fn at(&self, x: f64) -> Option<&PlotPoint> {
        let next = self.points.partition_point(|p| p.x <= x);
        self.points.get(next.checked_sub(1)?)
    }

    fn fill(&self, from: f64, to: f64, pixels: usize, out: &mut Vec<PlotPoint>) {
        let first = self.points.partition_point(|p| p.x < from);
        let end = self.points.partition_point(|p| p.x <= to);
        let (before, after) = (first.saturating_sub(1), (end + 1).min(self.points.len()));
        if after - before <= 2 * pixels {
            out.extend_from_slice(&self.points[before..after]);
            return;
        }
        if before < first {
            out.push(self.points[before]);
        }
        let width = (to - from) / pixels as f64;
        let mut start = first;
        for column in 0..pixels {
            let edge = from + width * (column + 1) as f64;
            let stop = if column + 1 == pixels {
                end
            } else {
                start + self.points[start..end].partition_point(|p| p.x < edge)
            };
            if let Some((low, high)) = self.extremes(start, stop) {
                out.push(self.points[low.min(high)]);
                if low != high {
                    out.push(self.points[low.max(high)]);
                }
            }
            start = stop;
        }
        if end < after {
            out.push(self.points[end]);
        }
    }
    /// Places of the least and the greatest of the samples from `start` to before `stop`.
    fn extremes(&self, start: usize, stop: usize) -> Option<(usize, usize)> {
        if start >= stop {
            return None;
        }
        let mut found = (start, start);
        let mut offer = |low: usize, high: usize| {
            if self.points[low].y < self.points[found.0].y {
                found.0 = low;
            }
            if self.points[high].y > self.points[found.1].y {
                found.1 = high;
            }
        };
        // Ragged ends at each level, the whole middle at the level above.
        let (mut low, mut high) = (start, stop);
        for depth in 0..=self.levels.len() {
            let mut look = |i: usize| match depth.checked_sub(1).map(|d| self.levels[d][i]) {
                None => offer(i, i),
                Some((a, b)) => offer(a as usize, b as usize),
            };
            if depth == self.levels.len() {
                (low..high).for_each(&mut look);
                break;
            }
            while low < high && !low.is_multiple_of(FAN) {
                look(low);
                low += 1;
            }
            while low < high && !high.is_multiple_of(FAN) {
                high -= 1;
                look(high);
            }
            (low, high) = (low / FAN, high / FAN);
            if low >= high {
                break;
            }
        }
        Some(found)
    }
}

/// The places of the least and the greatest of each group of places.
fn pairs(
    points: &[PlotPoint],
    groups: impl Iterator<Item = impl Iterator<Item = u32>>,
) -> Vec<(u32, u32)> {
    let y = |i: u32| points[i as usize].y;
    let extremes = |group: &mut dyn Iterator<Item = u32>| {
        let first = group.next()?;
        Some(group.fold((first, first), |(low, high), i| {
            (
                if y(i) < y(low) { i } else { low },
                if y(i) > y(high) { i } else { high },
            )
        }))
    };
    groups
        .filter_map(|mut group| extremes(&mut group))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: u32) -> Vec<PlotPoint> {
        let y = |i: u32| f64::from(i.wrapping_mul(2_654_435_761) >> 12);
        (0..n).map(|i| PlotPoint::new(f64::from(i), y(i))).collect()
    }

    #[test]
    fn few_samples_are_drawn_as_they_are() {
        let mut few = Decimated::new(samples(100));
        assert_eq!(few.columns(0.0, 99.0, 400).len(), 100);
        // One neighbour on each side.
        assert_eq!(few.columns(10.0, 20.0, 400).len(), 13);
        assert_eq!(few.columns(200.0, 300.0, 400).len(), 1);
        assert_eq!(Decimated::new(Vec::new()).columns(0.0, 1.0, 10).len(), 0);
    }

    #[test]
    fn each_column_shows_its_least_and_its_greatest_sample() {
        for n in [1000, 5000, 70_001] {
            let points = samples(n);
            let mut all = Decimated::new(points.clone());
            for (from, to) in [
                (0.0, f64::from(n)),
                (17.3, 803.9),
                (f64::from(n) / 3.0, f64::from(n) * 0.9),
            ] {
                let pixels = 50;
                let drawn = all.columns(from, to, pixels).to_vec();
                assert!(drawn.len() <= 2 * pixels + 2, "{}", drawn.len());
                assert!(drawn.windows(2).all(|w| w[0].x <= w[1].x));
                let inside = |p: &&PlotPoint| p.x >= from && p.x <= to;
                let extremes = |points: &[PlotPoint]| {
                    let y = || points.iter().filter(inside).map(|p| p.y);
                    (
                        y().fold(f64::INFINITY, f64::min),
                        y().fold(f64::NEG_INFINITY, f64::max),
                    )
                };
                assert_eq!(extremes(&drawn), extremes(&points), "{n} {from} {to}");
            }
        }
    }

    #[test]
    fn the_value_at_an_instant_is_the_latest_one() {
        let some = Decimated::new(samples(10));
        assert_eq!(some.at(-1.0), None);
        assert_eq!(some.at(3.7).map(|p| p.x), Some(3.0));
        assert_eq!(some.at(99.0).map(|p| p.x), Some(9.0));
    }
}
