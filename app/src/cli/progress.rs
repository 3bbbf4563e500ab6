//! How far a run is, on standard error: a bar for a person, a line every few seconds for a log.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use weir_engine::report::{dollars, number, seconds};
use weir_engine::runtime::RunSnapshot;

use super::output::{Output, is_watched};

/// Between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Steps of the bar.
const STEPS: u64 = 1000;

/// Shows progress in the way that suits the reader.
pub(crate) enum Progress {
    Silent,
    Bar(ProgressBar),
    Lines(Instant),
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Silent;
        }
        if !is_watched() {
            return Self::Lines(Instant::now());
        }
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }
    pub(crate) fn show(&mut self, run: &RunSnapshot, output: &Output) {
        match self {
            Self::Silent => {}
            Self::Bar(bar) => {
                bar.set_position(position(run));
                bar.set_message(words(run));
            }
            Self::Lines(last) => {
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    output.note(&words(run));
                }
            }
        }
    }
    pub(crate) fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn position(run: &RunSnapshot) -> u64 {
    let done = u128::from(run.now.0) * u128::from(STEPS) / u128::from(run.until.0.max(1));
    u64::try_from(done).unwrap_or(STEPS)
}

fn words(run: &RunSnapshot) -> String {
    let host = run.host_seconds.max(1e-3);
    format!(
        "{} of {}  {} records, {} records/s here  {} so far",
        seconds(run.now.as_secs_f64().floor()),
        seconds(run.until.as_secs_f64()),
        number(run.produced as f64),
        number(run.produced as f64 / host),
        dollars(run.bill.total.as_f64())
    )
}
