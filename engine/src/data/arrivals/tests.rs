//! Arrivals: exact where they are even, right in number and spread, independent of how time is cut.

use super::{ArrivalShape, Arrivals};
use crate::rng::Rng;
use crate::units::{SimDuration, SimTime};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn collect(arrivals: &mut Arrivals, rng: &mut Rng, until: u64) -> Vec<u64> {
    let mut out = Vec::new();
    arrivals.fill(SimTime(until), rng, &mut out, usize::MAX);
    out
}

fn all(shape: ArrivalShape, rate: f64, until: u64) -> Vec<u64> {
    let mut arrivals = Arrivals::new(shape, rate).unwrap();
    collect(&mut arrivals, &mut Rng::new(7, "source"), until)
}

const WAVE: ArrivalShape = ArrivalShape::Wave {
    period: SimDuration::secs(100),
    amplitude: 0.8,
};
const RAMP: ArrivalShape = ArrivalShape::Ramp {
    from: 0.0,
    to: 2.0,
    over: SimDuration::secs(60),
};
const BURST: ArrivalShape = ArrivalShape::Burst {
    factor: 10.0,
    length: SimDuration::secs(5),
    every: SimDuration::secs(30),
};

#[test]
fn constant_arrivals_are_even_and_exact() {
    let at = all(ArrivalShape::Constant, 3_000.0, 2 * SECOND);
    assert_eq!(at.len(), 6_000);
    assert_eq!((at[0], at[2], at[5_999]), (333_333, 1_000_000, 2 * SECOND));
    // Over the edge of a piece, and hours later still on the grid.
    let at = all(ArrivalShape::Constant, 10.0, 3 * 3_600 * SECOND);
    assert_eq!(at.len(), 108_000);
    assert!(at.iter().zip(1..).all(|(&t, n)| t == n * SECOND / 10));
}

#[test]
fn shapes_have_their_counts() {
    for (shape, until, expected, tolerance) in [
        (WAVE, 100, 100_000.0, 1.0),
        // The first half of a wave has half of the arrivals, its middle half more.
        (WAVE, 50, 50_000.0, 1.0),
        (
            WAVE,
            25,
            25_000.0 - 0.8 * 1_000.0 * 100.0 / std::f64::consts::TAU,
            5.0,
        ),
        (RAMP, 60, 60_000.0, 1.0),
        (RAMP, 30, 15_000.0, 1.0),
        (RAMP, 70, 80_000.0, 1.0),
        (BURST, 30, 30_000.0, 1.0),
        (BURST, 35, 80_000.0, 1.0),
        (BURST, 60, 105_000.0, 1.0),
        (ArrivalShape::Poisson, 100, 100_000.0, 1_600.0),
    ] {
        let count = all(shape, 1_000.0, until * SECOND).len() as f64;
        assert!(
            (count - expected).abs() <= tolerance,
            "{shape:?} {until}: {count}"
        );
    }
}

#[test]
fn poisson_gaps_have_the_spread_of_an_exponential() {
    let at = all(ArrivalShape::Poisson, 100.0, 500 * SECOND);
    let gaps: Vec<f64> = at.windows(2).map(|w| (w[1] - w[0]) as f64 / 1e9).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / gaps.len() as f64;
    assert!((mean - 0.01).abs() < 0.0003, "{mean}");
    assert!((variance.sqrt() / mean - 1.0).abs() < 0.03);
}

#[test]
fn rate_changes_continue_without_catching_up() {
    let mut rng = Rng::new(1, "s");
    let mut arrivals = Arrivals::new(ArrivalShape::Constant, 1.0).unwrap();
    assert_eq!(
        collect(&mut arrivals, &mut rng, 2 * SECOND + SECOND / 2).len(),
        2
    );
    // Half of the wait has passed; the other half takes a tenth of the time at ten times the rate.
    arrivals
        .set_rate(SimTime(2 * SECOND + SECOND / 2), 10.0)
        .unwrap();
    assert_eq!(
        arrivals.next_after(&mut rng),
        Some(SimTime(2 * SECOND + SECOND / 2 + SECOND / 20))
    );
    assert_eq!(
        collect(&mut arrivals, &mut rng, 3 * SECOND + SECOND / 2).len(),
        10
    );
    // A pause.
    arrivals.set_rate(SimTime(4 * SECOND), 0.0).unwrap();
    assert!(collect(&mut arrivals, &mut rng, 4 * SECOND).len() <= 1);
    assert!(collect(&mut arrivals, &mut rng, 100 * SECOND).is_empty());
    assert_eq!(arrivals.next_after(&mut rng), None);
    arrivals.set_rate(SimTime(100 * SECOND), 1.0).unwrap();
    let after = collect(&mut arrivals, &mut rng, 110 * SECOND);
    assert!((9..=11).contains(&after.len()), "{after:?}");
    assert!(arrivals.set_rate(SimTime::ZERO, f64::NAN).is_err());
    assert!(arrivals.set_factor(SimTime::ZERO, -1.0).is_err());
}

#[test]
fn change_in_a_later_piece_counts_what_has_passed() {
    // One arrival in ten hours; after five hours half of the wait is over.
    let mut rng = Rng::new(1, "s");
    let mut arrivals = Arrivals::new(ArrivalShape::Constant, 1.0 / 36_000.0).unwrap();
    assert_eq!(
        arrivals.next_after(&mut rng),
        Some(SimTime(36_000 * SECOND))
    );
    arrivals.set_factor(SimTime(18_000 * SECOND), 2.0).unwrap();
    assert_eq!(
        arrivals.next_after(&mut rng),
        Some(SimTime(27_000 * SECOND))
    );
}

#[test]
fn rare_arrivals_are_found_at_once() {
    let short = SimDuration::millis(10);
    let wave = ArrivalShape::Wave {
        period: short,
        amplitude: 1.0,
    };
    let spikes = ArrivalShape::Burst {
        factor: 0.0,
        length: SimDuration::millis(5),
        every: short,
    };
    for (shape, least) in [
        (ArrivalShape::Constant, 0.999),
        (wave, 0.999),
        (spikes, 1.999),
    ] {
        let mut arrivals = Arrivals::new(shape, 1e-7).unwrap();
        let at = arrivals
            .next_after(&mut Rng::new(1, "s"))
            .unwrap()
            .as_secs_f64();
        assert!(
            (least * 1e7..(least + 0.002) * 1e7).contains(&at),
            "{shape:?} {at}"
        );
    }
    // Later than time itself.
    for rate in [1e-15, f64::MIN_POSITIVE] {
        let mut arrivals = Arrivals::new(wave, rate).unwrap();
        assert_eq!(arrivals.next_after(&mut Rng::new(1, "s")), None);
    }
    let out = ArrivalShape::Ramp {
        from: 1.0,
        to: 0.0,
        over: SimDuration::secs(2),
    };
    assert_eq!(all(out, 10.0, 3_600 * SECOND).len(), 10);
    assert!(all(ArrivalShape::Constant, 0.0, SECOND).is_empty());
}

#[test]
fn shapes_out_of_range_are_refused_by_name() {
    for (shape, rate, field) in [
        (ArrivalShape::Constant, -1.0, "rate"),
        (ArrivalShape::Constant, f64::INFINITY, "rate"),
        (
            ArrivalShape::Wave {
                period: SimDuration::ZERO,
                amplitude: 0.5,
            },
            1.0,
            "period",
        ),
        (
            ArrivalShape::Wave {
                period: SimDuration::secs(1),
                amplitude: 1.5,
            },
            1.0,
            "amplitude",
        ),
        (
            ArrivalShape::Ramp {
                from: -1.0,
                to: 0.0,
                over: SimDuration::secs(1),
            },
            1.0,
            "from",
        ),
        (
            ArrivalShape::Burst {
                factor: 2.0,
                length: SimDuration::secs(2),
                every: SimDuration::secs(1),
            },
            1.0,
            "length",
        ),
    ] {
        let error = Arrivals::new(shape, rate).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{field}` is ")), "{error}");
    }
}

fn shapes() -> impl Strategy<Value = ArrivalShape> {
    prop_oneof![
        Just(ArrivalShape::Constant),
        Just(ArrivalShape::Poisson),
        (1..100_u64, 0.0..1.0_f64).prop_map(|(secs, amplitude)| ArrivalShape::Wave {
            period: SimDuration::secs(secs),
            amplitude
        }),
        (0.0..3.0_f64, 0.0..3.0_f64, 1..30_u64).prop_map(|(from, to, secs)| {
            ArrivalShape::Ramp {
                from,
                to,
                over: SimDuration::secs(secs),
            }
        }),
        (0.0..20.0_f64, 0..1_000_u64, 1_000..5_000_u64).prop_map(|(factor, length, every)| {
            ArrivalShape::Burst {
                factor,
                length: SimDuration::millis(length),
                every: SimDuration::millis(every),
            }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cuts_of_the_time_axis_change_nothing(
        shape in shapes(), rate in 0.0..200.0_f64,
        cuts in prop::collection::vec((0..10 * SECOND, 1..50_usize, any::<bool>()), 0..20),
    ) {
        let whole = all(shape, rate, 20 * SECOND);
        prop_assert!(whole.windows(2).all(|w| w[0] < w[1]));
        let mut arrivals = Arrivals::new(shape, rate).unwrap();
        let mut rng = Rng::new(7, "source");
        let (mut pieces, mut now) = (Vec::new(), 0);
        for (step, max, peek) in cuts {
            now = (now + step / 8).min(20 * SECOND);
            if peek {
                let next = arrivals.next_after(&mut rng);
                prop_assert_eq!(next.map(|t| t.0).filter(|t| *t <= 20 * SECOND), whole.get(pieces.len()).copied());
            }
            let mut out = Vec::new();
            prop_assert!(arrivals.fill(SimTime(now), &mut rng, &mut out, max) <= max);
            prop_assert!(out.iter().all(|&t| t <= now));
            pieces.extend(out);
        }
        pieces.extend(collect(&mut arrivals, &mut rng, 20 * SECOND));
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn changes_keep_order_and_number(
        shape in shapes(),
        changes in prop::collection::vec((0..SECOND, 0.0..300.0_f64), 1..10),
    ) {
        let mut arrivals = Arrivals::new(shape, 100.0).unwrap();
        let mut rng = Rng::new(3, "source");
        let (mut times, mut now) = (Vec::new(), 0);
        for (step, rate) in changes {
            now += step;
            arrivals.fill(SimTime(now), &mut rng, &mut times, usize::MAX);
            arrivals.set_rate(SimTime(now), rate).unwrap();
        }
        arrivals.fill(SimTime(now + SECOND), &mut rng, &mut times, usize::MAX);
        prop_assert!(times.windows(2).all(|w| w[0] < w[1]));
    }
}
