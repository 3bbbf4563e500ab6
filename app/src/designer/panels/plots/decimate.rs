//! Samples that are drawn with two points a pixel at the most, however many there are.

use egui_plot::PlotPoint;

/// Children of one entry of a level.
const FAN: usize = 8;
/// Fewer samples than this are looked at one by one.
const FEW: usize = 2048;

/// Samples in order of x, with a pyramid of extremes over them: the least and the greatest of any range are found in
/// logarithmic time, so that a million samples cost as little to draw as a thousand.
/// The least and the greatest of some samples, with their places. The values are kept beside the places: looking them up among
/// a million samples would wait for memory each time.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    least: f64,
    greatest: f64,
    low: u32,
    high: u32,
}

impl Extremes {
    fn of(points: &[PlotPoint], place: usize) -> Option<Self> {
        let y = points.get(place)?.y;
        let place = u32::try_from(place).ok()?;
        Some(Self {
            least: y,
            greatest: y,
            low: place,
            high: place,
        })
    }
    /// Takes later samples in.
    fn join(&mut self, other: &Self) {
        if other.least < self.least {
            (self.least, self.low) = (other.least, other.low);
        }
        if other.greatest > self.greatest {
            (self.greatest, self.high) = (other.greatest, other.high);
        }
    }
    fn all(of: impl IntoIterator<Item = Self>) -> Option<Self> {
        of.into_iter().reduce(|mut all, next| {
            all.join(&next);
            all
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Decimated {
    points: Vec<PlotPoint>,
    /// Level `k` holds the extremes of each `FAN^(k+1)` samples.
    levels: Vec<Vec<Extremes>>,
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
            let last = points.len().min(u32::MAX as usize);
            let own = |i: usize| Extremes::of(&points, i);
            let mut level: Vec<Extremes> = (0..last)
                .step_by(FAN)
                .filter_map(|i| Extremes::all((i..(i + FAN).min(last)).filter_map(own)))
                .collect();
            while level.len() > FAN {
                let next = level.chunks(FAN);
                let next = next
                    .filter_map(|c| Extremes::all(c.iter().copied()))
                    .collect();
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
                self.first_from(start, end, edge)
            };
            if let Some(found) = self.extremes(start, stop) {
                let (low, high) = (found.low as usize, found.high as usize);
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
    /// The first place from `start` to `end` whose x is at least `edge`: in steps that double, since it is near.
    fn first_from(&self, start: usize, end: usize, edge: f64) -> usize {
        let (mut low, mut step) = (start, 64);
        while low + step < end && self.points[low + step].x < edge {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(end);
        low + self.points[low..high].partition_point(|p| p.x < edge)
    }
    /// The extremes of the samples from `start` to before `stop`.
    fn extremes(&self, start: usize, stop: usize) -> Option<Extremes> {
        if start >= stop {
            return None;
        }
        let mut found = Extremes::of(&self.points, start)?;
        // Ragged ends at each level, the whole middle at the level above.
        let (mut low, mut high) = (start, stop);
        for depth in 0..=self.levels.len() {
            let mut look = |i: usize| {
                let other = match depth.checked_sub(1) {
                    None => Extremes::of(&self.points, i),
                    Some(d) => Some(self.levels[d][i]),
                };
                if let Some(other) = other {
                    found.join(&other);
                }
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
