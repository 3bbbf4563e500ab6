//! Bands hold as many of the values to come as they say, on series whose law is known.

use std::f64::consts::TAU;

use super::{Method, forecast, least_squares};
use crate::rng::Rng;

fn normal(rng: &mut Rng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - rng.unit()));
    radius * libm::cos(TAU * rng.unit())
}

/// A law by its name: the next value from the place, the values before and a normal number.
type Law = (&'static str, fn(usize, &[f64], f64) -> f64);

fn back(past: &[f64], k: usize) -> f64 {
    past.len().checked_sub(k).map_or(0.0, |i| past[i])
}

const LAWS: [Law; 6] = [
    ("noise about a level", |_, _, e| 50.0 + e),
    ("autoregression", |_, past, e| 0.7 * back(past, 1) + e),
    ("cycles", |_, past, e| {
        1.2 * back(past, 1) - 0.6 * back(past, 2) + e
    }),
    ("random walk", |_, past, e| back(past, 1) + e),
    ("season", |i, _, e| {
        20.0 + 10.0 * libm::sin(TAU * i as f64 / 24.0) + e
    }),
    ("two seasons", |i, _, e| {
        6.0 * libm::sin(TAU * i as f64 / 12.0) + 9.0 * f64::from(u8::from(i % 35 < 5)) + e
    }),
];

const KNOWN: usize = 300;
const AHEAD: usize = 12;

fn series(law: Law, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed, 77);
    let mut out = Vec::new();
    for i in 0..KNOWN + AHEAD {
        let next = (law.1)(i, &out, normal(&mut rng));
        out.push(next);
    }
    out
}

/// The shares of values that both bands hold, over 80 series of each law; the tolerance is that of the nominal share itself.
#[test]
fn bands_hold_what_they_say() {
    let (mut in_80, mut in_95, mut all) = (0_u32, 0_u32, 0_u32);
    for law in LAWS {
        let (mut own_80, mut own_95, mut own) = (0_u32, 0_u32, 0_u32);
        for seed in 0..80 {
            let values = series(law, seed);
            let outlook = forecast(&values[..KNOWN], AHEAD, None, Method::Best).unwrap();
            assert_eq!(outlook.steps.len(), AHEAD);
            for (step, truth) in outlook.steps.iter().zip(&values[KNOWN..]) {
                let off = (step.value - truth).abs();
                own_80 += u32::from(off <= step.half_80);
                own_95 += u32::from(off <= step.half_95);
                own += 1;
            }
        }
        let share = |n: u32| f64::from(n) / f64::from(own);
        let (a, b) = (share(own_80), share(own_95));
        assert!((0.70..=0.90).contains(&a), "{}: {a:.3} of 80 %", law.0);
        assert!((0.87..=0.995).contains(&b), "{}: {b:.3} of 95 %", law.0);
        (in_80, in_95, all) = (in_80 + own_80, in_95 + own_95, all + own);
    }
    let share = |n: u32| f64::from(n) / f64::from(all);
    assert!((share(in_80) - 0.80).abs() < 0.05, "{:.3}", share(in_80));
    assert!((share(in_95) - 0.95).abs() < 0.03, "{:.3}", share(in_95));
}

/// The mean distance of forecasts from the law itself, without its noise.
fn off(law: Law, season: Option<usize>) -> f64 {
    let mut sum = 0.0;
    for seed in 0..20 {
        let values = series(law, 500 + seed);
        let outlook = forecast(&values[..KNOWN], AHEAD, season, Method::Best).unwrap();
        for (i, step) in outlook.steps.iter().enumerate() {
            sum += (step.value - (law.1)(KNOWN + i, &[], 0.0)).abs();
        }
    }
    sum / (20 * AHEAD) as f64
}

#[test]
fn seasons_are_found_by_the_error_of_earlier_forecasts() {
    for law in [LAWS[4], LAWS[5]] {
        let (found, without) = (off(law, None), off(law, Some(1)));
        // Nearer than the noise, which has a deviation of 1, and nearer than without a season.
        assert!(found < 1.0, "{}: {found}", law.0);
        assert!(found < without, "{}: {found} {without}", law.0);
    }
    // A season that is given is taken, and where there is none the level is as good.
    let noise = series(LAWS[0], 3);
    let model = forecast(&noise, AHEAD, Some(7), Method::Autoregression).unwrap();
    assert!(model.model.contains("seasons 7"), "{}", model.model);
    assert!(off(LAWS[0], None) < 0.5);
}

#[test]
fn what_comes_later_changes_no_forecast() {
    let values = series(LAWS[4], 1);
    let known = forecast(&values[..KNOWN], AHEAD, None, Method::Best);
    let mut other = values[..KNOWN].to_vec();
    assert_eq!(known, forecast(&other, AHEAD, None, Method::Best));
    other.push(1e6);
    assert_ne!(known, forecast(&other, AHEAD, None, Method::Best));
}

#[test]
fn odd_series_give_a_forecast_or_none_and_never_fail() {
    let flat = [3.0; 40];
    let steps = forecast(&flat, 5, None, Method::Best).unwrap().steps;
    assert!(
        steps
            .iter()
            .all(|s| (s.value - 3.0).abs() < 1e-6 && s.half_95 < 1e-3)
    );
    assert!(forecast(&flat[..5], 5, None, Method::Best).is_none());
    assert!(forecast(&flat, 0, None, Method::Best).is_none());
    let line: Vec<f64> = (0..100).map(f64::from).collect();
    let steps = forecast(&line, 5, None, Method::Best).unwrap().steps;
    assert!((steps[4].value - 104.0).abs() < 1.5, "{steps:?}");
    let wild: Vec<f64> = (0..60)
        .map(|i| if i % 7 == 0 { 1e300 } else { -1e-300 })
        .collect();
    if let Some(outlook) = forecast(&wild, 5, None, Method::Best) {
        assert!(outlook.steps.iter().all(|s| s.value.is_finite()));
    }
    let holes: Vec<f64> = (0..60)
        .map(|i| if i % 5 == 0 { f64::NAN } else { 1.0 })
        .collect();
    assert!(forecast(&holes, 5, Some(500), Method::HoltWinters).is_none());
}

#[test]
fn least_squares_solve_what_has_a_solution() {
    let weights = least_squares(20, 3, |i| {
        let x = i as f64;
        (vec![x, x * x, 1.0], 2.0 * x - 0.5 * x * x + 7.0)
    });
    let weights = weights.unwrap();
    for (found, wanted) in weights.iter().zip([2.0, -0.5, 7.0]) {
        assert!((found - wanted).abs() < 1e-4, "{weights:?}");
    }
}

#[test]
fn error_is_told_in_steps_of_the_series() {
    // A season is carried on far better than by its last value, a random walk is not; what does not move has no step.
    let mase = |law: usize| {
        let values = series(LAWS[law], 5);
        let outlook = forecast(&values[..KNOWN], AHEAD, None, Method::Best).unwrap();
        outlook.mase.unwrap()
    };
    assert!(mase(4) < 0.8, "{}", mase(4));
    assert!(mase(3) > mase(4), "{}", mase(3));
    assert_eq!(
        forecast(&[3.0; 40], 5, None, Method::Best).unwrap().mase,
        None
    );
}
