use super::{LatencyMeter, LatencySummary, Part, Point, Series, Stat, Watch};
use super::{Meters, MetricSpec};
use crate::units::{SimDuration, SimTime};

fn secs(n: u64) -> SimTime {
    SimTime::ZERO + SimDuration::secs(n)
}

#[test]
fn series_of_a_month_keeps_its_totals_and_its_bound() {
    let mut series = Series::default();
    let mut total = Point::EMPTY;
    for minute in 0..43_200_u64 {
        let value = (minute % 97) as f64;
        series.add(secs(minute * 60), value, 2);
        total.add(value, 2);
    }
    assert!(series.len() <= 1024, "{}", series.len());
    let mut sum = Point::EMPTY;
    series.points().for_each(|(_, p)| sum.merge(p));
    assert_eq!(sum, total);
    assert_eq!(series.resolution(), SimDuration::secs(4096));
}

#[test]
fn series_with_a_gap_of_a_year_stays_small() {
    let mut series = Series::default();
    series.add(secs(0), 1.0, 1);
    series.add(secs(31_536_000), 1.0, 1);
    assert!(series.len() <= 1024);
    assert_eq!(series.points().map(|(_, p)| p.count).sum::<u64>(), 2);
}

#[test]
fn late_values_of_a_sealed_interval_are_not_lost() {
    let mut series = Series::default();
    series.add(secs(500), 1.0, 1);
    series.add(secs(3), 5.0, 1);
    let at_three = series
        .points()
        .find(|(t, _)| *t == secs(3))
        .map(|(_, p)| p.sum);
    assert_eq!(at_three, Some(5.0));
}

#[test]
fn watch_reads_each_value_once() {
    let cases = [
        (Stat::Sum, Some(6.0)),
        (Stat::Average, Some(2.0)),
        (Stat::Minimum, Some(1.0)),
        (Stat::Maximum, Some(3.0)),
        (Stat::SampleCount, Some(3.0)),
        (Stat::P50, Some(2.0)),
        (Stat::P99, Some(3.0)),
    ];
    for (stat, expected) in cases {
        let mut meters = Meters::new(&[MetricSpec {
            name: "M",
            unit: "Count",
            help: "",
        }]);
        let watch = Watch::new(stat);
        assert!(meters.watch("M", watch.clone()));
        assert!(!meters.watch("N", watch.clone()));
        assert_eq!(watch.take(), None, "{stat:?}");
        for value in [1.0, 2.0, 3.0] {
            meters.put(secs(1), "M", value, 1);
        }
        let got = watch.take();
        assert!(
            got.zip(expected).is_some_and(|(a, b)| (a - b).abs() < 0.01),
            "{stat:?} {got:?}"
        );
        assert_eq!(watch.take(), None, "{stat:?}");
    }
}

#[test]
fn latency_percentiles_are_within_a_thousandth() {
    let mut meter = LatencyMeter::default();
    for ms in 1..=1000 {
        meter.add(secs(1), SimDuration::millis(ms), 3);
        meter.add_part(secs(1), Part::Buffer, SimDuration::millis(ms / 2), 3);
    }
    let s = meter.summary().unwrap();
    for (got, want) in [
        (s.p50, 500.0),
        (s.p90, 900.0),
        (s.p99, 990.0),
        (s.max, 1000.0),
        (s.mean, 500.5),
    ] {
        assert!((got / want - 1.0).abs() < 0.0015, "{got} {want}");
    }
    assert_eq!(
        meter.parts().map(|(n, _)| n).collect::<Vec<_>>(),
        ["buffer"]
    );
    // One record in twenty waits for a new environment: the others wait 0 ms for it.
    for n in 1..=150 {
        meter.add_part(secs(1), Part::ColdStart, SimDuration::millis(2 * n), 1);
    }
    let parts: Vec<LatencySummary> = meter.parts().map(|(_, part)| part).collect();
    for (part, wanted) in parts.iter().zip([
        [249.75, 250.0, 450.0, 495.0, 500.0],
        [7.55, 0.0, 0.0, 240.0, 300.0],
    ]) {
        let got = [part.mean, part.p50, part.p90, part.p99, part.max];
        for (got, want) in got.into_iter().zip(wanted) {
            assert!((got - want).abs() <= want * 0.011 + 0.3, "{part:?} {want}");
        }
    }
    meter.roll(secs(5));
    assert_eq!(
        meter.series[0]
            .points()
            .filter(|(_, p)| p.count > 0)
            .count(),
        1
    );
}

#[test]
fn no_percentile_of_an_interval_is_above_its_slowest_record() {
    let mut meter = LatencyMeter::default();
    // Two digits would say 167,772 ms.
    let took = SimDuration::millis(167_607);
    meter.add(secs(1), took, 10);
    meter.roll(secs(10));
    for series in &meter.series {
        let most = series.points().map(|(_, p)| p.max).fold(0.0, f64::max);
        assert!((most - took.as_millis_f64()).abs() < 1e-6, "{most}");
    }
}
