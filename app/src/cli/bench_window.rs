//! `weir bench window`: how long frames of the designer take, and what watching costs a run.

use weir_engine::report::aligned;
use weir_engine::runtime::Pace;
use weir_engine::study::mean_interval;
use weir_engine::units::{SimDuration, parse_duration};

use super::output::Output;
use crate::designer::headless::measure::{self, Frames, Work};
use crate::failure::Failure;

const WEEKEND: &str = "weekend-transactions";
/// Virtual time of the runs that are watched and not.
const WATCHED_FOR: &str = "20m";
/// Lines of the large plot.
const LINES: u32 = 4;
/// Samples of each.
const SAMPLES: u32 = 1_000_000;
/// Pairs of runs with and without a window.
const PAIRS: usize = 10;

pub(crate) fn window(span: Option<SimDuration>, output: &mut Output) -> Result<(), Failure> {
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::new(format!("no temporary folder can be made ({e})")))?;
    let crowd = measure::write_crowd(folder.path()).map_err(Failure::new)?;
    let mut rows = vec![["Window", "Median", "95 %", ""].map(str::to_owned).to_vec()];
    let unit = if Work::is_cpu() {
        "processor time of a frame"
    } else {
        "time of a frame"
    };
    let mut row = |name: &str, frames: &Frames, note: &str| {
        let ms = |share| format!("{:.2} ms", frames.quantile(share));
        rows.push(vec![name.to_owned(), ms(0.5), ms(0.95), note.to_owned()]);
    };
    let first = measure::first_frame(Some(WEEKEND));
    row(
        "weekend template, running",
        &measure::live(WEEKEND, Pace::Times(60.0)).map_err(Failure::new)?,
        unit,
    );
    row(
        "500 nodes, 750 wires, running",
        &measure::live(&crowd, Pace::Times(10.0)).map_err(Failure::new)?,
        unit,
    );
    let plots = measure::samples(WEEKEND, LINES, SAMPLES).map_err(Failure::new)?;
    row("plot of 4 series of 1,000,000 samples", &plots, unit);
    output.print(&aligned(&rows, &[1, 2]));
    output.print(&format!(
        "first frame: {first:.0} ms from the designer's beginning, a template open\n"
    ));
    let pauses = measure::pauses(WEEKEND, 20).map_err(Failure::new)?;
    let most = pauses.iter().copied().fold(0.0, f64::max);
    let mean = pauses.iter().sum::<f64>() / pauses.len() as f64;
    output.print(&format!(
        "pause: shown at once; the run at full speed stands still after {mean:.0} ms, {most:.0} ms at most, of {} pauses\n",
        pauses.len()
    ));
    let span = span
        .or_else(|| parse_duration(WATCHED_FOR).ok())
        .unwrap_or_default();
    let pairs = measure::watched(WEEKEND, span, PAIRS).map_err(Failure::new)?;
    for pair in &pairs {
        output.print(&format!(
            "records a second: {:.0} alone, {:.0} watched: {:.3} ({} snapshots, {:.1} % of the run's time; {} frames, {:.2} s of a processor)\n",
            pair.alone,
            pair.watched,
            pair.watched / pair.alone,
            pair.snapshots.0,
            pair.snapshots.1 * 100.0,
            pair.frames.0,
            pair.frames.1,
        ));
    }
    let ratios: Vec<f64> = pairs.iter().map(|p| p.watched / p.alone).collect();
    if let Some((mean, interval)) = mean_interval(&ratios) {
        let range = interval.map_or_else(String::new, |(low, high, _)| {
            format!(", 95 % interval {low:.3} to {high:.3}")
        });
        output.print(&format!(
            "watched to alone, {} pairs: {mean:.3} on average{range}\n",
            ratios.len()
        ));
    }
    Ok(())
}
