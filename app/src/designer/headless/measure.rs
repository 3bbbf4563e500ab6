//! How long frames take and what watching costs: the figures of `weir bench window`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::Vec2;
use serde_json::{Value, json};
use weir_engine::document::Document;
use weir_engine::runtime::{Command as RunCommand, Pace, RunState};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::units::SimDuration;

use super::Headless;
use crate::designer::cx::{self, Act};
use crate::designer::live::Phase;
use crate::designer::panes::Pane;
use crate::designer::{CADENCE_AT_MAX, Lang, Setup};

/// A window as most people have it.
const WINDOW: Vec2 = Vec2::new(1440.0, 900.0);
/// 60 frames a second.
const FRAME: Duration = Duration::from_micros(16_667);
/// Frames that are looked at.
const FRAMES: usize = 300;
/// Frames before, that fill caches.
const WARM: usize = 60;
/// Host time after which something that does not come is an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time that this thread has had on a processor; `None` where the system does not tell.
fn thread_cpu() -> Option<Duration> {
    // The kernel brings the figure up to date when the thread may be switched.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// A stopwatch for this thread's own work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    cpu: Option<Duration>,
    wall: Instant,
}

impl Work {
    pub(crate) fn begin() -> Self {
        Self {
            cpu: thread_cpu(),
            wall: Instant::now(),
        }
    }
    /// Milliseconds since.
    pub(crate) fn millis(self) -> f64 {
        let wall = self.wall.elapsed();
        let own = self
            .cpu
            .and_then(|began| Some(thread_cpu()?.saturating_sub(began)));
        own.unwrap_or(wall).as_secs_f64() * 1e3
    }
    /// True where the system tells the time on a processor.
    pub(crate) fn is_cpu() -> bool {
        thread_cpu().is_some()
    }
}

/// Milliseconds of many frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames(Vec<f64>);

impl Frames {
    /// The value that this share of the frames stays below.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index from a share of 0 to 1"
        )]
        let index = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
        sorted.get(index).copied().unwrap_or(0.0)
    }
}

impl Headless {
    fn for_measuring(file: Option<&str>) -> Self {
        let setup = Setup {
            file: file.map(str::to_owned),
            lang: Some(Lang::En),
            dark: Some(true),
            motion: true,
            recovery: None,
            dialogs: None,
            tour: false,
        };
        let window = Self::new(WINDOW, 1.0, &setup);
        // Nobody hears this screen.
        window.ctx.disable_accesskit();
        window
    }
    /// One frame with its triangles, as a window does it; milliseconds of this thread's work.
    fn timed_frame(&mut self) -> f64 {
        let work = Work::begin();
        self.step();
        let shapes = std::mem::take(&mut self.frame.shapes);
        let primitives = self.ctx.tessellate(shapes, self.frame.pixels_per_point);
        let millis = work.millis();
        drop(primitives);
        millis
    }
    /// Frames at 60 a second.
    fn timed_frames(&mut self, count: usize) -> Frames {
        let mut frames = Frames::default();
        for _ in 0..count {
            let began = Instant::now();
            frames.0.push(self.timed_frame());
            std::thread::sleep(FRAME.saturating_sub(began.elapsed()));
        }
        frames
    }
    fn start(&mut self, pace: Pace) -> Result<(), String> {
        self.designer.acts.borrow_mut().push(Act::Pace(pace));
        self.designer
            .acts
            .borrow_mut()
            .push(Act::Begin(cx::Work::Run { paused: false }));
        self.step();
        let runs = self.run_until(PATIENCE, |d| {
            d.run_error().is_some() || d.live.view.phase == Phase::Running && d.snapshot().is_some()
        });
        match self.designer.run_error() {
            Some(why) => Err(why.to_owned()),
            None if !runs => Err("the run does not start".to_owned()),
            None => Ok(()),
        }
    }
}

/// Frame times of `file` while it runs at `pace`.
pub(crate) fn live(file: &str, pace: Pace) -> Result<Frames, String> {
    let mut window = Headless::for_measuring(Some(file));
    window.start(pace)?;
    window.timed_frames(WARM);
    let before = window.designer.snapshot().map(|s| s.now);
    let frames = window.timed_frames(FRAMES);
    let after = window.designer.snapshot().map(|s| s.now);
    if before == after || !window.designer.is_busy() {
        return Err("the run did not go on while frames were drawn".to_owned());
    }
    Ok(frames)
}

/// Frame times of `file` while it runs, with one plot of `lines` lines of `count` samples each. All of them are in sight and the
/// axis slides, so that no frame can reuse what the one before drew.
pub(crate) fn samples(file: &str, lines: u32, count: u32) -> Result<Frames, String> {
    let mut window = Headless::for_measuring(Some(file));
    window.start(Pace::Times(60.0))?;
    let point = |line: u32, i: u32| {
        let x = f64::from(i) / f64::from(count) * 60.0;
        let noise = f64::from(i.wrapping_mul(2_654_435_761).wrapping_add(line) >> 20);
        egui_plot::PlotPoint::new(x, noise + f64::from(line) * 4096.0)
    };
    let series = (0..lines)
        .map(|line| (0..count).map(|i| point(line, i)).collect())
        .collect();
    window.designer.panels.plots.show_samples(series);
    window
        .designer
        .acts
        .borrow_mut()
        .push(Act::Show(Pane::Plots));
    window.timed_frames(WARM);
    Ok(window.timed_frames(FRAMES))
}

/// Milliseconds from nothing to the first frame, in wall time: the designer made, and its first frames drawn.
pub(crate) fn first_frame(file: Option<&str>) -> f64 {
    let began = Instant::now();
    let mut window = Headless::for_measuring(file);
    window.timed_frame();
    began.elapsed().as_secs_f64() * 1e3
}

/// Milliseconds from asking for a pause until a snapshot says so, of several pauses: wall time, frames drawn meanwhile. The
/// window itself shows the pause in the frame that asks for it.
pub(crate) fn pauses(file: &str, count: usize) -> Result<Vec<f64>, String> {
    let mut window = Headless::for_measuring(Some(file));
    window.start(Pace::Max)?;
    let mut taken = Vec::new();
    for _ in 0..count {
        window.timed_frames(7);
        let asked = Instant::now();
        window.designer.live.send(RunCommand::Pause);
        let is_paused = |w: &Headless| {
            w.designer
                .snapshot()
                .is_some_and(|s| s.state == RunState::Paused)
        };
        while !is_paused(&window) {
            if !window.designer.is_busy() || asked.elapsed() > Duration::from_secs(30) {
                return Err("the run does not pause".to_owned());
            }
            window.timed_frames(1);
        }
        taken.push(asked.elapsed().as_secs_f64() * 1e3);
        window.designer.live.send(RunCommand::Resume);
    }
    Ok(taken)
}

/// A run alone and one that is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    /// Records a second of the machine without a window.
    pub(crate) alone: f64,
    /// The same with one.
    pub(crate) watched: f64,
    /// Snapshots of the watched run, and the share of its time that they took.
    pub(crate) snapshots: (u64, f64),
    /// Frames that were drawn, and the processor seconds that they took.
    pub(crate) frames: (usize, f64),
}

/// Records a second of the machine: alone, and with a window that watches and draws whenever it asks for a frame, 60 times a
/// second at the most.
pub(crate) fn watched(file: &str, span: SimDuration, pairs: usize) -> Result<Vec<Watched>, String> {
    let opened = crate::open::open(file).map_err(|f| f.plain())?;
    let mut doc = opened.doc;
    doc.run_for = span;
    let mut rates = Vec::new();
    for pair in 0..pairs {
        // In turn, so that a machine that grows slower or faster meanwhile favours neither.
        rates.push(if pair % 2 == 0 {
            let alone = alone(&doc, &opened.root)?;
            with_window(file, &doc, alone)?
        } else {
            let watched = with_window(file, &doc, 0.0)?;
            let alone = alone(&doc, &opened.root)?;
            Watched { alone, ..watched }
        });
    }
    Ok(rates)
}

fn alone(doc: &Document, root: &weir_engine::data::Root) -> Result<f64, String> {
    let options = RunOptions {
        pace: Pace::Max,
        ..RunOptions::default()
    };
    let run =
        prepare(doc.clone(), services::ALL, root.clone(), options).map_err(|e| e.to_string())?;
    while !run.is_finished() {
        std::thread::sleep(FRAME);
    }
    let last = run.snapshot();
    Ok(last.produced as f64 / last.host_seconds)
}

fn with_window(file: &str, doc: &Document, alone: f64) -> Result<Watched, String> {
    let mut window = Headless::for_measuring(Some(file));
    window.designer.history = crate::designer::edit::History::new(doc.clone());
    window.designer.checker.reset();
    window.start(Pace::Max)?;
    let mut frames = Frames::default();
    while matches!(
        window.designer.live.view.phase,
        Phase::Starting | Phase::Running
    ) {
        let began = Instant::now();
        frames.0.push(window.timed_frame());
        let wait = window.repaint_delay().clamp(FRAME, CADENCE_AT_MAX);
        std::thread::sleep(wait.saturating_sub(began.elapsed()));
    }
    let last = window.designer.snapshot().map(Arc::clone);
    let last = last.ok_or("the run left no snapshot")?;
    Ok(Watched {
        alone,
        watched: last.produced as f64 / last.host_seconds,
        snapshots: (last.snapshots, last.snapshot_seconds / last.host_seconds),
        frames: (frames.0.len(), frames.0.iter().sum::<f64>() / 1e3),
    })
}

/// A drawing of 500 nodes and 750 wires that runs: cells of two sources, two streams, two deliveries into a bucket, a
/// function, an alarm and a dashboard.
pub(crate) fn crowd() -> Value {
    let (mut nodes, mut wires) = (Vec::new(), Vec::new());
    for cell in 0..50 {
        let (column, row) = (cell % 5, cell / 5);
        let (x, y) = (f64::from(column) * 1400.0, f64::from(row) * 520.0);
        let name = |n: &str| format!("{n}-{cell}");
        let mut node = |n: &str, kind: &str, at: [f64; 2], params: Value| {
            nodes.push(json!({ "id": name(n), "kind": kind, "at": [x + at[0], y + at[1]], "params": params }));
        };
        let source = json!({ "records_per_second": 5, "schema": "transactions", "keys": 50 });
        node("p", "producer", [0.0, 0.0], source.clone());
        node("q", "producer", [0.0, 220.0], source);
        node(
            "s",
            "kinesis-data-streams",
            [260.0, 0.0],
            json!({ "shard_count": 1, "partition_key": "user_id" }),
        );
        node(
            "t",
            "kinesis-data-streams",
            [260.0, 220.0],
            json!({ "shard_count": 1, "partition_key": "user_id" }),
        );
        node(
            "l",
            "lambda",
            [520.0, 0.0],
            json!({ "sql": "SELECT * FROM records WHERE amount > 10" }),
        );
        node("f", "firehose", [520.0, 160.0], json!({ "prefix": "a/" }));
        node("g", "firehose", [520.0, 320.0], json!({ "prefix": "b/" }));
        node(
            "b",
            "s3",
            [780.0, 160.0],
            json!({ "bucket": name("weir-crowd") }),
        );
        node(
            "a",
            "alarm",
            [780.0, 320.0],
            json!({ "metric_name": "DeliveryToS3.DataFreshness", "threshold": 600 }),
        );
        node("d", "dashboard", [1040.0, 220.0], json!({}));
        for (from, to) in [
            ("p.out", "s.in"),
            ("p.out", "t.in"),
            ("q.out", "s.in"),
            ("q.out", "t.in"),
            ("s.out", "f.in"),
            ("s.out", "g.in"),
            ("t.out", "f.in"),
            ("t.out", "g.in"),
            ("s.out", "l.in"),
            ("f.out", "b.in"),
            ("g.out", "b.in"),
            ("f.metrics", "a.watch"),
            ("a.state", "d.alarms"),
            ("g.metrics", "d.metrics"),
            ("s.metrics", "d.metrics"),
        ] {
            let end = |e: &str| {
                e.split_once('.')
                    .map_or_else(String::new, |(n, port)| format!("{}.{port}", name(n)))
            };
            wires.push(json!({ "from": end(from), "to": end(to) }));
        }
    }
    json!({ "weir": 1, "name": "Crowd", "seed": 1, "run_for": "24h", "nodes": nodes, "wires": wires })
}

/// Writes the crowd's drawing into `folder` and returns its path.
pub(crate) fn write_crowd(folder: &Path) -> Result<String, String> {
    let path = folder.join("crowd.json");
    let text = serde_json::to_string_pretty(&crowd()).map_err(|e| e.to_string())?;
    weir_engine::disk::replace(&path, text.as_bytes())
        .map_err(|e| format!("`{}` cannot be written: {e}", path.display()))?;
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crowd_is_a_pipeline_of_500_nodes_and_750_wires() {
        let text = crowd().to_string();
        let doc = Document::parse(&text).unwrap();
        assert_eq!((doc.nodes.len(), doc.wires.len()), (500, 750));
        let checked = weir_engine::check::check(
            &doc,
            services::ALL,
            &weir_engine::data::Root::samples_only(),
        );
        let errors: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
        assert!(checked.plan.is_some(), "{errors:#?}");
    }
}
