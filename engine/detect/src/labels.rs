//! How a detector does on labelled records, live: precision, recall, F1, delay, and the NAB score as it would be if the stream ended now.
//!
//! Consecutive anomalous records are one window (an event). An alert inside a window finds it; the window's delay is that of its first
//! alert. Precision is by alerts (an alert is right when it lies in a window), recall by windows.

use serde::{Deserialize, Serialize};

use crate::nab::{self, Profile, Series};

/// Counts so far. Memory: one number for each alert and window, both bounded by [`KEPT`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    rows: u64,
    /// First and last row of each window.
    windows: Vec<(u64, u64)>,
    /// Whether the last row was labelled.
    open: bool,
    found_open: bool,
    alerts: Vec<u64>,
    right: u64,
    wrong: u64,
    found: u64,
    delay_rows: u64,
    delay_ms: f64,
    began_ms: f64,
}

/// Alerts and windows that are kept for the NAB score at the most; the counts go on beyond.
const KEPT: usize = 10_000;

/// The figures of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Records with a label.
    pub rows: u64,
    /// Labelled windows.
    pub windows: u64,
    /// Windows with an alert in them.
    pub found: u64,
    /// Alerts inside windows.
    pub right: u64,
    /// Alerts outside.
    pub wrong: u64,
    /// Share of alerts that are right; `None` without alerts.
    pub precision: Option<f64>,
    /// Share of windows that were found; `None` without windows.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
    /// Mean records from the beginning of a found window to its first alert.
    pub delay_rows: Option<f64>,
    /// The same in milliseconds of event time.
    pub delay_ms: Option<f64>,
    /// Standard profile, at the threshold that the detector had, probation of 15 % as NAB has it; `None` without windows.
    pub nab: Option<f64>,
}

impl Labels {
    /// The next record: its label, whether the detector raised an alert, and its event time in milliseconds.
    pub fn add(&mut self, labelled: bool, alert: bool, at_ms: f64) {
        let row = self.rows;
        self.rows += 1;
        if labelled && !self.open {
            self.found_open = false;
            self.began_ms = at_ms;
            if self.windows.len() < KEPT {
                self.windows.push((row, row));
            }
        }
        if labelled && let Some(last) = self.windows.last_mut() {
            last.1 = row;
        }
        self.open = labelled;
        if !alert {
            return;
        }
        if self.alerts.len() < KEPT {
            self.alerts.push(row);
        }
        if !labelled {
            self.wrong += 1;
            return;
        }
        self.right += 1;
        if !self.found_open {
            self.found_open = true;
            self.found += 1;
            let began = self.windows.last().map_or(row, |w| w.0);
            self.delay_rows += row - began;
            self.delay_ms += at_ms - self.began_ms;
        }
    }
    /// Whether any record had a label.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.rows > 0
    }
    /// The counts that several series add up to, without the NAB score.
    fn figures_without_nab(&self) -> Figures {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let windows = self.windows.len() as u64;
        let precision = share(self.right, self.right + self.wrong);
        let recall = share(self.found, windows);
        let f1 = match (precision, recall) {
            (Some(p), Some(r)) if p + r > 0.0 => Some(2.0 * p * r / (p + r)),
            (_, Some(_)) => Some(0.0),
            _ => None,
        };
        Figures {
            rows: self.rows,
            windows,
            found: self.found,
            right: self.right,
            wrong: self.wrong,
            precision,
            recall,
            f1,
            delay_rows: (self.found > 0).then(|| self.delay_rows as f64 / self.found as f64),
            delay_ms: (self.found > 0).then(|| self.delay_ms / self.found as f64),
            nab: None,
        }
    }
    /// The NAB score of several series together: one series each, all at the threshold that their detectors had.
    #[must_use]
    pub fn figures<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Figures {
        let mut sum = Self::default();
        let mut windows = 0;
        for one in all.clone() {
            windows += one.windows.len();
            sum.rows += one.rows;
            sum.right += one.right;
            sum.wrong += one.wrong;
            sum.found += one.found;
            sum.delay_rows += one.delay_rows;
            sum.delay_ms += one.delay_ms;
        }
        sum.windows = vec![(0, 0); windows];
        let mut figures = sum.figures_without_nab();
        figures.nab = (windows > 0).then(|| {
            let series: Vec<Series> = all.map(Self::series).collect();
            nab::evaluate(&series, &Profile::default(), Some(0.5)).score
        });
        figures
    }
    fn series(&self) -> Series {
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let place = |r: u64| usize::try_from(r).unwrap_or(usize::MAX);
        let windows: Vec<_> = self
            .windows
            .iter()
            .map(|(a, b)| (place(*a), place(*b)))
            .collect();
        let alerts: Vec<_> = self.alerts.iter().map(|a| place(*a)).collect();
        Series::sparse(rows, &alerts, &windows)
    }
}
