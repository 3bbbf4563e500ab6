//! Forecasts with bands: an autoregression of what is left when seasons are taken out and, where it helps, differences are taken.
//!
//! Which seasons, how many differences and how many past values is decided by the error of forecasts made at earlier points of the same
//! series, from what was known there: nothing is tuned by hand and nothing looks ahead. Seasons are taken out one within the other, as
//! MSTL does (Bandara, Hyndman, Bergmeir 2021), with the mean of each phase in place of a local regression.

use crate::residual::HoltWinters;

/// Values from which nothing is forecast.
pub const FEW: usize = 12;
/// The newest values that are looked at.
const KEPT: usize = 2000;
/// The longest season that is found.
const SEASON_MAX: usize = 180;
/// Earlier points at which the candidates are judged.
const ORIGINS: usize = 4;
/// How much smaller the error of a richer model has to be.
const PARSIMONY: f64 = 0.98;
/// Two-sided quantiles of the normal distribution.
const Z80: f64 = 1.281_551_565_544_6;
const Z95: f64 = 1.959_963_984_540_054;
/// Weight of the newest value in the level of Holt-Winters.
const SMOOTHING: f64 = 0.2;
/// Past values and differences that are tried, the simplest first.
const ORDERS: [(usize, usize); 7] = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (3, 1), (4, 0)];

/// How a series is carried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Whichever did best at earlier points of the series.
    #[default]
    Best,
    /// Level, damped trend and one season, smoothed.
    HoltWinters,
    /// Seasons and an autoregression of what is left.
    Autoregression,
}

/// One step of a forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The value that is expected.
    pub value: f64,
    /// Half the width of the band that holds 80 % if errors stay as they were and are normal.
    pub half_80: f64,
    /// The same for 95 %.
    pub half_95: f64,
}

/// What was chosen and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The model, for people: `AR(2), seasons 24`.
    pub model: String,
    /// One for each step ahead.
    pub steps: Vec<Step>,
    /// The mean absolute error of the same model's forecasts from earlier points of the series, in the mean absolute step of the series
    /// (Hyndman and Koehler 2006): 1 is as good, one step ahead, as to say that the next value is the last. `None` for a series that
    /// does not move.
    pub mase: Option<f64>,
}

/// A model that is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Candidate {
    Smoothed(usize),
    Regressed {
        seasons: Vec<usize>,
        order: usize,
        differences: usize,
    },
}

/// Carries `values` on by `ahead` steps. `season`: the length of the season in values; `None`: those that are found.
#[must_use]
pub fn forecast(
    values: &[f64],
    ahead: usize,
    season: Option<usize>,
    method: Method,
) -> Option<Outlook> {
    let known: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    let known = &known[known.len().saturating_sub(KEPT)..];
    if known.len() < FEW || ahead == 0 {
        return None;
    }
    let all = candidates(known, season, method);
    let mut best: Option<(f64, &Candidate)> = None;
    for candidate in &all {
        let Some(error) = past_error(known, candidate, ahead) else {
            continue;
        };
        if best.is_none_or(|(least, _)| error < least * PARSIMONY) {
            best = Some((error, candidate));
        }
    }
    let (error, chosen) = best?;
    let steps = chosen.steps(known, ahead)?;
    let moves: f64 = known.windows(2).map(|w| (w[1] - w[0]).abs()).sum();
    let step = moves / (known.len() - 1) as f64;
    Some(Outlook {
        model: chosen.name(),
        steps,
        mase: (step > 0.0).then(|| error / step),
    })
}

fn candidates(values: &[f64], season: Option<usize>, method: Method) -> Vec<Candidate> {
    let seasons: Vec<Vec<usize>> = match season {
        Some(0 | 1) => vec![Vec::new()],
        Some(n) => vec![vec![n]],
        None => {
            let found = seasons(values);
            let mut all = vec![Vec::new()];
            all.extend(found.iter().map(|s| vec![*s]));
            for (i, a) in found.iter().enumerate() {
                let longer = found[i + 1..].iter().filter(|b| *b != a);
                all.extend(longer.map(|b| vec![*a.min(b), *a.max(b)]));
            }
            all
        }
    };
    let mut out = Vec::new();
    if method != Method::HoltWinters {
        for (order, differences) in ORDERS {
            out.extend(seasons.iter().map(|s| Candidate::Regressed {
                seasons: s.clone(),
                order,
                differences,
            }));
        }
        out.sort_by_key(Candidate::parameters);
    }
    if method != Method::Autoregression {
        let single = seasons.iter().filter(|s| s.len() <= 1);
        out.extend(single.map(|s| Candidate::Smoothed(s.first().copied().unwrap_or(0))));
    }
    out
}

/// The lengths at which the series is most like itself, the likest first: at most three.
fn seasons(values: &[f64]) -> Vec<usize> {
    let steps: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
    let n = steps.len();
    let most = SEASON_MAX.min(values.len() / 3);
    let mean = steps.iter().sum::<f64>() / n.max(1) as f64;
    let centred: Vec<f64> = steps.iter().map(|x| x - mean).collect();
    let power: f64 = centred.iter().map(|x| x * x).sum();
    if power <= 0.0 || most < 3 {
        return Vec::new();
    }
    let like = |lag: usize| {
        let pairs = centred.iter().zip(&centred[lag..]);
        pairs.map(|(a, b)| a * b).sum::<f64>() / power
    };
    let all: Vec<f64> = (0..=most).map(like).collect();
    let noise = 2.0 / libm::sqrt(n as f64);
    let peak = |lag: &usize| {
        let next = all.get(lag + 1).copied().unwrap_or(f64::MIN);
        all[*lag] > noise && all[*lag] >= all[lag - 1] && all[*lag] > next
    };
    let mut found: Vec<usize> = (2..=most).filter(peak).collect();
    found.sort_by(|a, b| all[*b].total_cmp(&all[*a]));
    found.truncate(3);
    found
}

/// The mean error of forecasts from earlier points of the series.
fn past_error(values: &[f64], candidate: &Candidate, ahead: usize) -> Option<f64> {
    let n = values.len();
    let reach = ahead.min(n / 5).max(1);
    let (mut sum, mut count) = (0.0, 0_usize);
    for k in 1..=ORIGINS {
        let Some(origin) = n.checked_sub(reach * k).filter(|o| *o >= FEW.max(n / 3)) else {
            break;
        };
        let steps = candidate.steps(&values[..origin], reach)?;
        for (step, truth) in steps.iter().zip(&values[origin..]) {
            sum += (step.value - truth).abs();
            count += 1;
        }
    }
    (count > 0 && sum.is_finite()).then(|| sum / count as f64)
}

impl Candidate {
    fn name(&self) -> String {
        match self {
            Self::Smoothed(0) => "Holt-Winters".to_owned(),
            Self::Smoothed(season) => format!("Holt-Winters, season {season}"),
            Self::Regressed {
                seasons,
                order,
                differences,
            } => {
                let plain = match differences {
                    0 => format!("AR({order})"),
                    d => format!("ARIMA({order}, {d}, 0)"),
                };
                let lengths: Vec<String> = seasons.iter().map(ToString::to_string).collect();
                match lengths.is_empty() {
                    true => plain,
                    false => format!("{plain}, seasons {}", lengths.join(" and ")),
                }
            }
        }
    }
    fn parameters(&self) -> usize {
        match self {
            Self::Smoothed(season) => 3 + season,
            Self::Regressed { seasons, order, .. } => order + seasons.iter().sum::<usize>(),
        }
    }
    fn steps(&self, values: &[f64], ahead: usize) -> Option<Vec<Step>> {
        match self {
            Self::Smoothed(season) => smoothed(values, *season, ahead),
            Self::Regressed {
                seasons,
                order,
                differences,
            } => regressed(values, seasons, *order, *differences, ahead),
        }
    }
}

fn smoothed(values: &[f64], season: usize, ahead: usize) -> Option<Vec<Step>> {
    if values.len() < FEW.max(2 * season) {
        return None;
    }
    let mut model = HoltWinters::new(u32::try_from(season).ok()?, SMOOTHING);
    values.iter().for_each(|x| model.learn(*x));
    let step = |i: usize| {
        let (_, value, high) = model.forecast(u32::try_from(i).ok()?);
        let half_95 = high - value;
        Some(Step {
            value,
            half_80: half_95 * Z80 / Z95,
            half_95,
        })
    };
    (1..=ahead).map(step).collect()
}

/// What repeats, by phase, for each season; what is left stays in `rest`.
fn taken_out(rest: &mut [f64], seasons: &[usize]) -> Vec<Vec<f64>> {
    let mut shapes: Vec<Vec<f64>> = seasons.iter().map(|s| vec![0.0; *s]).collect();
    let rounds = if seasons.len() > 1 { 2 } else { 1 };
    for _ in 0..rounds {
        for (shape, length) in shapes.iter_mut().zip(seasons) {
            for (i, x) in rest.iter_mut().enumerate() {
                *x += shape[i % length];
            }
            let trend = moving_mean(rest, *length);
            let (mut sums, mut counts) = (vec![0.0; *length], vec![0.0; *length]);
            for (i, (x, t)) in rest.iter().zip(&trend).enumerate() {
                sums[i % length] += x - t;
                counts[i % length] += 1.0;
            }
            let means = sums.iter().zip(&counts).map(|(s, c)| s / f64::max(*c, 1.0));
            *shape = means.collect();
            let level = shape.iter().sum::<f64>() / *length as f64;
            shape.iter_mut().for_each(|x| *x -= level);
            for (i, x) in rest.iter_mut().enumerate() {
                *x -= shape[i % length];
            }
        }
    }
    shapes
}

/// The mean of the values around each, over one season: half of the two at the ends of an even one. At the ends of the series the first
/// and the last whole mean stand.
fn moving_mean(values: &[f64], length: usize) -> Vec<f64> {
    let n = values.len();
    let half = length / 2;
    if n <= 2 * half {
        let mean = values.iter().sum::<f64>() / n.max(1) as f64;
        return vec![mean; n];
    }
    let even = length.is_multiple_of(2);
    let whole = |i: usize| {
        let window = &values[i - half..=i + half];
        let sum: f64 = window.iter().sum();
        match even {
            true => (sum - f64::midpoint(window[0], window[window.len() - 1])) / length as f64,
            false => sum / length as f64,
        }
    };
    let inner: Vec<f64> = (half..n - half).map(whole).collect();
    (0..n)
        .map(|i| inner[i.saturating_sub(half).min(inner.len() - 1)])
        .collect()
}

fn regressed(
    values: &[f64],
    seasons: &[usize],
    order: usize,
    differences: usize,
    ahead: usize,
) -> Option<Vec<Step>> {
    let n = values.len();
    if seasons.iter().any(|s| n < 2 * s + FEW / 2) {
        return None;
    }
    let mut rest = values.to_vec();
    let shapes = taken_out(&mut rest, seasons);
    let series: Vec<f64> = match differences {
        0 => rest.clone(),
        _ => rest.windows(2).map(|w| w[1] - w[0]).collect(),
    };
    // A constant is the level of the series; that of differences would be a trend for ever.
    let constant = differences == 0;
    let width = order + usize::from(constant);
    let rows = series.len().checked_sub(order)?;
    let season_parameters: usize = seasons.iter().map(|s| s - 1).sum();
    let freedom = rows.checked_sub(width + season_parameters)?;
    if freedom < FEW / 2 {
        return None;
    }
    let input = |at: usize| {
        let past = (1..=order).map(move |k| at - k);
        let mut x: Vec<f64> = past.map(|i| series[i]).collect();
        x.extend(constant.then_some(1.0));
        x
    };
    let weights = least_squares(rows, width, |row| (input(row + order), series[row + order]))?;
    let mut squares = 0.0;
    for (at, truth) in series.iter().enumerate().skip(order) {
        let said: f64 = input(at).iter().zip(&weights).map(|(a, b)| a * b).sum();
        squares += (truth - said) * (truth - said);
    }
    let variance = squares / freedom as f64;
    let responses = responses(&weights[..order], differences, ahead)?;
    // The level and the phases are means of few values and so not quite known.
    let unsure = seasons.iter().map(|s| *s as f64).sum::<f64>() + f64::from(u8::from(constant));
    let mut tail = series;
    let (mut level, mut spread) = (*rest.last()?, 0.0);
    let mut out = Vec::with_capacity(ahead);
    for step in 0..ahead {
        let at = tail.len();
        let past: f64 = (0..order).map(|k| weights[k] * tail[at - 1 - k]).sum();
        let next = past + if constant { weights[order] } else { 0.0 };
        tail.push(next);
        level = if differences == 0 { next } else { level + next };
        let season: f64 = shapes.iter().map(|s| s[(n + step) % s.len()]).sum();
        spread += responses[step] * responses[step];
        let deviation = libm::sqrt(variance * (spread + unsure / n as f64));
        out.push(Step {
            value: level + season,
            half_80: Z80 * deviation,
            half_95: Z95 * deviation,
        });
    }
    let sound = |s: &Step| s.value.is_finite() && s.half_95.is_finite();
    out.iter().all(sound).then_some(out)
}

/// What one error does to the values after it; `None` when its effect grows without bound.
fn responses(weights: &[f64], differences: usize, ahead: usize) -> Option<Vec<f64>> {
    // The weights of the past values themselves: (1 - w1 B - …)(1 - B)^d.
    let mut own = weights.to_vec();
    if differences > 0 {
        own.push(0.0);
        for i in (0..own.len()).rev() {
            let before = if i == 0 { -1.0 } else { weights[i - 1] };
            own[i] -= before;
        }
    }
    let mut out: Vec<f64> = vec![1.0];
    for j in 1..ahead.max(2) {
        let terms = own.iter().take(j).enumerate();
        let next: f64 = terms.map(|(k, w)| w * out[j - 1 - k]).sum();
        if next.abs() > 100.0 {
            return None;
        }
        out.push(next);
    }
    Some(out)
}

/// The weights with the least squares of errors, by Cholesky's decomposition of the normal equations; a touch of ridge keeps those of
/// inputs that say the same finite.
fn least_squares(
    rows: usize,
    width: usize,
    row: impl Fn(usize) -> (Vec<f64>, f64),
) -> Option<Vec<f64>> {
    let mut square = vec![0.0; width * width];
    let mut right = vec![0.0; width];
    for i in 0..rows {
        let (x, y) = row(i);
        for a in 0..width {
            right[a] += x[a] * y;
            for b in 0..=a {
                square[a * width + b] += x[a] * x[b];
            }
        }
    }
    for a in 0..width {
        square[a * width + a] *= 1.0 + 1e-9;
        square[a * width + a] += 1e-12;
    }
    for a in 0..width {
        for b in 0..=a {
            let dot: f64 = (0..b)
                .map(|k| square[a * width + k] * square[b * width + k])
                .sum();
            let value = square[a * width + b] - dot;
            square[a * width + b] = match a == b {
                true if value <= 0.0 => return None,
                true => libm::sqrt(value),
                false => value / square[b * width + b],
            };
        }
    }
    for a in 0..width {
        let dot: f64 = (0..a).map(|k| square[a * width + k] * right[k]).sum();
        right[a] = (right[a] - dot) / square[a * width + a];
    }
    for a in (0..width).rev() {
        let dot: f64 = (a + 1..width)
            .map(|k| square[k * width + a] * right[k])
            .sum();
        right[a] = (right[a] - dot) / square[a * width + a];
    }
    right.iter().all(|x| x.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests;
