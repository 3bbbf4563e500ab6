//! The score of the Numenta Anomaly Benchmark.
//!
//! Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms", 2015: early detections inside labelled windows earn, rows
//! outside cost, one threshold serves all series.
//!
//! A detector never sees anything of this module: labels are looked at only here, after the scores are there.

use serde::{Deserialize, Serialize};

/// Share of a series that is not scored, while the detector learns.
pub const PROBATION: f64 = 0.15;
/// Rows of a series beyond which its probation does not grow.
const PROBATION_CAP: f64 = 5000.0;
const STEEPNESS: f64 = 5.0;
/// Window widths after which a false positive costs its full weight.
const FAR: f64 = 3.0;

/// Weights of the outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// What a window found at once earns.
    pub true_positive: f64,
    /// What a row outside all windows costs at the most.
    pub false_positive: f64,
    /// What a window that is not found costs.
    pub false_negative: f64,
}

/// NAB's profiles by name.
pub const PROFILES: [(&str, Profile); 3] = [
    ("standard", Profile::new(1.0, 0.11, 1.0)),
    ("reward_low_FP_rate", Profile::new(1.0, 0.22, 1.0)),
    ("reward_low_FN_rate", Profile::new(1.0, 0.11, 2.0)),
];

impl Profile {
    const fn new(true_positive: f64, false_positive: f64, false_negative: f64) -> Self {
        Self {
            true_positive,
            false_positive,
            false_negative,
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        PROFILES[0].1
    }
}

/// +1 early in a window, 0 at its right edge, -1 far behind it.
fn curve(x: f64) -> f64 {
    if x > FAR {
        return -1.0;
    }
    2.0 / (1.0 + libm::exp(STEEPNESS * x)) - 1.0
}

/// Rows at the beginning of a series of `rows` that are not scored.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 750"
)]
pub fn probation(rows: usize) -> usize {
    (PROBATION * rows as f64)
        .floor()
        .min(PROBATION * PROBATION_CAP)
        .ceil() as usize
}

/// What a detection in row `at` of the window is worth: 1 at its beginning, near 0 at its end.
fn worth_inside(at: usize, from: usize, to: usize) -> f64 {
    let x = -((to - at + 1) as f64) / ((to - from) as f64 + 1.0);
    curve(x) / curve(-1.0)
}

/// What a detection in row `at`, outside all windows, costs: little shortly after the window before it.
fn worth_after(at: usize, before: Option<(usize, usize)>) -> f64 {
    match before {
        Some((from, to)) if to > from => curve((at - to) as f64 / (to - from) as f64),
        _ => -1.0,
    }
}

/// One series after a detector: for each scored row its score, its window and what it is worth.
#[derive(Debug, Clone)]
pub struct Series {
    /// (score, window, worth)
    rows: Vec<(f64, Option<usize>, f64)>,
    windows: usize,
    reachable: usize,
}

impl Series {
    /// `scores` of all rows; `windows` as first and last row of each.
    ///
    /// # Errors
    /// A window that does not lie in the series.
    pub fn new(scores: &[f64], windows: &[(usize, usize)]) -> Result<Self, String> {
        let mut windows = windows.to_vec();
        windows.sort_unstable();
        let n = scores.len();
        let mut rows: Vec<_> = scores.iter().map(|s| (*s, None, -1.0)).collect();
        for (k, &(from, to)) in windows.iter().enumerate() {
            if from > to || to >= n {
                return Err(format!(
                    "window {from} to {to} does not lie in the {n} rows of its series"
                ));
            }
            for (i, row) in rows.iter_mut().enumerate().take(to + 1).skip(from) {
                row.1 = Some(k);
                row.2 = worth_inside(i, from, to);
            }
            let end = windows.get(k + 1).map_or(n, |w| w.0);
            for (i, row) in rows.iter_mut().enumerate().take(end).skip(to + 1) {
                row.2 = worth_after(i, Some((from, to)));
            }
        }
        let rows = rows.split_off(probation(n));
        let mut reachable: Vec<usize> = rows.iter().filter_map(|r| r.1).collect();
        reachable.dedup();
        Ok(Self {
            windows: windows.len(),
            reachable: reachable.len(),
            rows,
        })
    }
    /// A series of which only the `alerts` (rows in rising order) have a score, 1, and all other rows 0. Rows without alert cost and
    /// earn nothing, so that only one row of each window is kept beside the alerts: fit for long streams.
    #[must_use]
    pub fn sparse(rows: usize, alerts: &[usize], windows: &[(usize, usize)]) -> Self {
        let start = probation(rows);
        let mut kept = Vec::new();
        let mut reachable = 0;
        let mut next = alerts.iter().copied().skip_while(|a| *a < start).peekable();
        for (k, &(from, to)) in windows.iter().enumerate() {
            let before = k.checked_sub(1).map(|k| windows[k]);
            while let Some(at) = next.next_if(|a| *a < from) {
                kept.push((1.0, None, worth_after(at, before)));
            }
            if to < start {
                continue;
            }
            reachable += 1;
            kept.push((0.0, Some(k), 0.0));
            while let Some(at) = next.next_if(|a| *a <= to) {
                kept.push((1.0, Some(k), worth_inside(at, from, to)));
            }
        }
        kept.extend(next.map(|at| (1.0, None, worth_after(at, windows.last().copied()))));
        Self {
            rows: kept,
            windows: windows.len(),
            reachable,
        }
    }
    /// Total and counts at a fixed threshold: a row is a detection when its score is not below it.
    fn at(&self, profile: &Profile, threshold: f64) -> (f64, usize, usize) {
        let (mut total, mut found, mut wrong) = (0.0, 0, 0);
        let mut window: Option<(usize, f64, bool)> = None;
        let mut close = |window: &mut Option<(usize, f64, bool)>| {
            if let Some((_, best, hit)) = window.take() {
                total += if hit {
                    profile.true_positive * best
                } else {
                    -profile.false_negative
                };
                found += usize::from(hit);
            }
        };
        let mut outside = 0.0;
        for (score, k, worth) in &self.rows {
            let hit = *score >= threshold;
            if window.as_ref().map(|w| w.0) != *k {
                close(&mut window);
                window = k.map(|k| (k, f64::MIN, false));
            }
            match &mut window {
                Some(w) if hit => {
                    w.1 = w.1.max(*worth);
                    w.2 = true;
                }
                None if hit => {
                    outside += profile.false_positive * worth;
                    wrong += 1;
                }
                _ => {}
            }
        }
        close(&mut window);
        (total + outside, found, wrong)
    }
}

/// How a detector did on a set of series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The threshold that was used.
    pub threshold: f64,
    /// Sum of what was earned and lost.
    pub total: f64,
    /// 0 says nothing, 100 is perfect.
    pub score: f64,
    /// Labelled windows.
    pub windows: usize,
    /// Those in which a row was detected.
    pub found: usize,
    /// Detected rows outside all windows.
    pub false_positives: usize,
}

/// The outcome at `threshold`, or at the one that is best for the whole set (NAB's own procedure).
#[must_use]
pub fn evaluate(series: &[Series], profile: &Profile, threshold: Option<f64>) -> Outcome {
    let threshold = threshold.unwrap_or_else(|| best_threshold(series, profile));
    let (mut total, mut found, mut wrong) = (0.0, 0, 0);
    for s in series {
        let one = s.at(profile, threshold);
        total += one.0;
        found += one.1;
        wrong += one.2;
    }
    let windows: usize = series.iter().map(|s| s.windows).sum();
    let reachable: usize = series.iter().map(|s| s.reachable).sum();
    let silent = -profile.false_negative * reachable as f64;
    let perfect = profile.true_positive * windows as f64;
    let score = if windows == 0 {
        0.0
    } else {
        100.0 * (total - silent) / (perfect - silent)
    };
    Outcome {
        threshold,
        total,
        score,
        windows,
        found,
        false_positives: wrong,
    }
}

fn best_threshold(series: &[Series], profile: &Profile) -> f64 {
    let mut rows = Vec::new();
    let mut base = 0;
    for s in series {
        rows.extend(s.rows.iter().map(|(x, k, w)| (*x, k.map(|k| k + base), *w)));
        base += s.windows;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut windows = vec![-profile.false_negative; base];
    let (mut total, mut best, mut threshold) = (0.0, 0.0, f64::INFINITY);
    for (i, (score, window, worth)) in rows.iter().enumerate() {
        match window {
            Some(k) => {
                let now = windows[*k].max(worth * profile.true_positive);
                total += now - windows[*k];
                windows[*k] = now;
            }
            None => total += worth * profile.false_positive,
        }
        let last = rows.get(i + 1).is_none_or(|next| next.0 < *score);
        if last && total > best {
            best = total;
            threshold = *score;
        }
    }
    threshold
}
