//! From the series of a run to samples that are drawn.

use egui_plot::PlotPoint;
use weir_engine::metrics::{Point, Series};
use weir_engine::units::SimTime;

/// Share of an interval that must have passed before its rate means something.
const ENOUGH: f64 = 0.25;

/// What is read from the statistic set of each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reading {
    /// Sum a second.
    Rate,
    Average,
    Sum,
    Maximum,
    Minimum,
    SampleCount,
}

impl Reading {
    /// All, as CloudWatch names them; the rate is Weir's own.
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::Average, "Average"),
        (Self::Sum, "Sum"),
        (Self::Maximum, "Maximum"),
        (Self::Minimum, "Minimum"),
        (Self::SampleCount, "SampleCount"),
        (Self::Rate, "Rate"),
    ];
    /// CloudWatch's name.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(r, _)| *r == self)
            .map_or("", |(_, name)| name)
    }
    /// The statistic that says most about a metric in `unit`.
    pub(crate) fn usual(unit: &str) -> Self {
        if matches!(unit, "Count" | "Bytes") {
            Self::Rate
        } else {
            Self::Average
        }
    }
    /// True when an interval without values means zero, not that nothing is known.
    const fn is_zero_when_empty(self) -> bool {
        matches!(self, Self::Rate | Self::Sum | Self::SampleCount)
    }
    fn of(self, set: &Point, seconds: f64) -> f64 {
        match self {
            Self::Rate => set.sum / seconds,
            Self::Average => set.average().unwrap_or(0.0),
            Self::Sum => set.sum,
            Self::Maximum => set.max,
            Self::Minimum => set.min,
            Self::SampleCount => set.count as f64,
        }
    }
}

/// The samples of `series` up to `now`: (virtual seconds, value), one an interval. The interval under way counts with the
/// time that has passed of it.
pub(crate) fn samples(series: &Series, reading: Reading, now: SimTime) -> Vec<PlotPoint> {
    let whole = series.resolution().as_secs_f64();
    let end = now.as_secs_f64();
    let mut out = Vec::with_capacity(series.len() + 2);
    for (start, set) in series.points() {
        let start = start.as_secs_f64();
        let passed = (end - start).clamp(0.0, whole);
        if set.count == 0 {
            if reading.is_zero_when_empty() {
                out.push(PlotPoint::new(start, 0.0));
            }
            continue;
        }
        if reading == Reading::Rate && passed < whole * ENOUGH && !out.is_empty() {
            continue;
        }
        out.push(PlotPoint::new(
            start,
            reading.of(set, passed.max(whole * ENOUGH)),
        ));
    }
    // A series ends with its last value; what counts things has been zero since.
    let after = series.len() as f64 * whole;
    if reading.is_zero_when_empty() && !out.is_empty() && end > after + whole {
        out.push(PlotPoint::new(after, 0.0));
        out.push(PlotPoint::new(end, 0.0));
    }
    out
}

/// The same, as logarithms to the base 10; values that have none are left out.
pub(crate) fn logarithms(mut samples: Vec<PlotPoint>) -> Vec<PlotPoint> {
    samples.retain(|p| p.y > 0.0);
    for p in &mut samples {
        p.y = p.y.log10();
    }
    samples
}

/// The sum of several step curves, at every instant where one of them changes. Also returns the height of the stack after
/// each curve: `tops[i]` are the values of the curves up to and including `i`.
pub(crate) fn stack(curves: &[&[PlotPoint]]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut xs: Vec<f64> = curves.iter().flat_map(|c| c.iter().map(|p| p.x)).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let mut below = vec![0.0; xs.len()];
    let mut tops = Vec::with_capacity(curves.len());
    for curve in curves {
        let mut next = 0;
        let mut value = 0.0;
        for (x, height) in xs.iter().zip(&mut below) {
            while curve.get(next).is_some_and(|p| p.x <= *x) {
                value = curve[next].y;
                next += 1;
            }
            *height += value;
        }
        tops.push(below.clone());
    }
    (xs, tops)
}

/// The sum of several step curves, at every instant where one of them changes: the last height of [`stack`], without those
/// below it. Neighbours are added two by two, so that hundreds of curves cost little.
pub(crate) fn total(mut curves: Vec<Vec<PlotPoint>>) -> Vec<PlotPoint> {
    while curves.len() > 1 {
        let pairs = curves.chunks(2).map(|pair| match pair {
            [a, b] => sum(a, b),
            rest => rest.concat(),
        });
        curves = pairs.collect();
    }
    curves.pop().unwrap_or_default()
}

fn sum(a: &[PlotPoint], b: &[PlotPoint]) -> Vec<PlotPoint> {
    let mut out = Vec::with_capacity(a.len().max(b.len()) + 2);
    let (mut i, mut j) = (0, 0);
    let (mut of_a, mut of_b) = (0.0, 0.0);
    while let Some(x) = [a.get(i), b.get(j)]
        .into_iter()
        .flatten()
        .map(|p| p.x)
        .reduce(f64::min)
    {
        while a.get(i).is_some_and(|p| p.x <= x) {
            of_a = a[i].y;
            i += 1;
        }
        while b.get(j).is_some_and(|p| p.x <= x) {
            of_b = b[j].y;
            j += 1;
        }
        out.push(PlotPoint::new(x, of_a + of_b));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::units::SimDuration;

    fn at(ms: u64) -> SimTime {
        SimTime::ZERO + SimDuration::millis(ms)
    }
    fn pairs(points: &[PlotPoint]) -> Vec<(f64, f64)> {
        points.iter().map(|p| (p.x, p.y)).collect()
    }

    #[test]
    fn rates_count_the_part_of_the_interval_that_passed() {
        let mut series = Series::default();
        for ms in [100, 1200, 1700, 3100] {
            series.add(at(ms), 10.0, 1);
        }
        let rates = |now| pairs(&samples(&series, Reading::Rate, at(now)));
        assert_eq!(
            rates(3500),
            [(0.0, 10.0), (1.0, 20.0), (2.0, 0.0), (3.0, 20.0)]
        );
        // Too little of the fourth second has passed.
        assert_eq!(rates(3100), [(0.0, 10.0), (1.0, 20.0), (2.0, 0.0)]);
        // Nothing has come since.
        assert_eq!(rates(60_000)[3..], [(3.0, 10.0), (4.0, 0.0), (60.0, 0.0)]);
    }

    #[test]
    fn a_mean_is_not_known_where_there_are_no_values() {
        let mut series = Series::default();
        series.add(at(0), 4.0, 1);
        series.add(at(0), 8.0, 1);
        series.add(at(5000), 100.0, 3);
        let read = |reading| pairs(&samples(&series, reading, at(6000)));
        assert_eq!(read(Reading::Average), [(0.0, 6.0), (5.0, 100.0)]);
        assert_eq!(read(Reading::Minimum), [(0.0, 4.0), (5.0, 100.0)]);
        assert_eq!(read(Reading::SampleCount).len(), 6);
        assert_eq!(
            pairs(&logarithms(samples(&series, Reading::Maximum, at(6000))))[1],
            (5.0, 2.0)
        );
    }

    #[test]
    fn a_stack_adds_up_at_every_change() {
        let curve = |pairs: &[(f64, f64)]| -> Vec<PlotPoint> {
            pairs.iter().map(|p| PlotPoint::new(p.0, p.1)).collect()
        };
        let (a, b) = (
            curve(&[(0.0, 1.0), (2.0, 3.0)]),
            curve(&[(1.0, 10.0), (2.0, 0.0)]),
        );
        let (xs, tops) = stack(&[&a, &b]);
        assert_eq!(xs, [0.0, 1.0, 2.0]);
        assert_eq!(tops, [vec![1.0, 1.0, 3.0], vec![1.0, 11.0, 3.0]]);
        assert_eq!(stack(&[]).0.len(), 0);
    }

    #[test]
    fn a_total_is_the_height_of_the_stack() {
        let curves: Vec<Vec<PlotPoint>> = (1..8)
            .map(|k| {
                let point = |i: u32| PlotPoint::new(f64::from(i * k), f64::from(i % 5));
                (0..20).map(point).collect()
            })
            .collect();
        let slices: Vec<&[PlotPoint]> = curves.iter().map(Vec::as_slice).collect();
        let (xs, tops) = stack(&slices);
        let wanted: Vec<(f64, f64)> = xs.iter().copied().zip(tops[6].iter().copied()).collect();
        assert_eq!(pairs(&total(curves)), wanted);
        assert!(total(Vec::new()).is_empty());
    }
}
