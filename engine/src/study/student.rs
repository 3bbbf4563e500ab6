//! Means with intervals of confidence, and how much of a run is warming up.

use crate::report::Interval;

/// Two-sided 95 % quantiles of Student's t distribution for 1 to 30 degrees of freedom.
/// Source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, upper critical values, 0.975.
const T_975: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];
/// The same for an infinite number.
const T_975_LIMIT: f64 = 1.960;

/// The quantile for `degrees` degrees of freedom, at least 1. Beyond 30 it falls with their inverse, which is exact to two
/// digits.
#[must_use]
pub fn t_975(degrees: usize) -> f64 {
    let last = T_975[T_975.len() - 1];
    match T_975.get(degrees.saturating_sub(1)) {
        Some(t) => *t,
        None => T_975_LIMIT + (last - T_975_LIMIT) * 30.0 / degrees as f64,
    }
}

/// Mean, lower and upper end of the 95 % interval, standard deviation; the latter three with two values or more.
#[must_use]
#[expect(
    clippy::type_complexity,
    reason = "three figures that are there or not together"
)]
pub fn mean_interval(values: &[f64]) -> Option<(f64, Option<(f64, f64, f64)>)> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    if n < 2 {
        return Some((mean, None));
    }
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let std_dev = (squares / (n - 1) as f64).sqrt();
    let half = t_975(n - 1) * std_dev / (n as f64).sqrt();
    Some((mean, Some((mean - half, mean + half, std_dev))))
}

/// The interval of one figure over runs.
#[must_use]
pub fn interval(unit: &str, values: Vec<Option<f64>>, trimmed: bool) -> Option<Interval> {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    let (mean, rest) = mean_interval(&known)?;
    Some(Interval {
        unit: unit.to_owned(),
        mean,
        lo: rest.map(|r| r.0),
        hi: rest.map(|r| r.1),
        std_dev: rest.map(|r| r.2),
        values,
        trimmed,
    })
}

/// Values of a batch of MSER-5.
const BATCH: usize = 5;

/// How many values at the beginning of a series are warming up, by MSER-5 (White 1997).
///
/// The values are averaged in batches
/// of five, and as many batches are left out as make the standard error of the mean of the rest smallest. Looks at the first
/// half only: when more would have to go, the series never settles, and that half is left out.
#[must_use]
pub fn mser5(values: &[f64]) -> usize {
    let batches: Vec<f64> = values
        .chunks_exact(BATCH)
        .map(|b| b.iter().sum::<f64>() / BATCH as f64)
        .collect();
    let n = batches.len();
    let mut best = (f64::INFINITY, 0);
    for cut in 0..n / 2 {
        let rest = &batches[cut..];
        let mean = rest.iter().sum::<f64>() / rest.len() as f64;
        let squares: f64 = rest.iter().map(|v| (v - mean) * (v - mean)).sum();
        let error = squares / (rest.len() * rest.len()) as f64;
        if error < best.0 {
            best = (error, cut);
        }
    }
    best.1 * BATCH
}
