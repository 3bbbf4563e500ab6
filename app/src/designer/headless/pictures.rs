//! The pictures of the README: what is done with the designer before each is taken.

use std::time::Duration;

use egui::{Key, Modifiers, Vec2};
use serde_json::json;
use weir_engine::document::Expectation;
use weir_engine::runtime::{Command as RunCommand, Pace};
use weir_engine::units::{SimDuration, SimTime};

use super::Headless;
use crate::designer::command::Command;
use crate::designer::cx::{Act, Work};
use crate::designer::edit::{Edit, Selection};
use crate::designer::i18n::tr;
use crate::designer::live::Phase;
use crate::designer::panes::Pane;
use crate::designer::{Lang, Setup};

/// The pipeline of most pictures.
const WEEKEND: &str = "weekend-transactions";
/// Host time after which a run that does not get there is an error.
const PATIENCE: Duration = Duration::from_secs(120);
/// Host time in which the window comes to rest.
const REST: Duration = Duration::from_secs(5);

/// What is asked of the lake.
const STATEMENT: &str = "SELECT category, count(*) AS payments,
       round(sum(amount), 2) AS amount,
       sum(CASE WHEN is_fraud THEN 1 ELSE 0 END) AS fraud
FROM weekend.transactions
GROUP BY category
ORDER BY fraud DESC, category";

/// How a picture is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) lang: Lang,
    pub(crate) dark: bool,
    /// Points.
    pub(crate) size: Vec2,
    /// Pixels a point.
    pub(crate) scale: f32,
}

impl Look {
    fn open(self, file: Option<&str>) -> Headless {
        let setup = Setup {
            file: file.map(str::to_owned),
            lang: Some(self.lang),
            dark: Some(self.dark),
            motion: false,
            recovery: None,
            dialogs: None,
            tour: false,
        };
        let mut window = Headless::new(self.size, self.scale, &setup);
        window.settle(REST);
        window
    }
}

/// A picture of the README.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Name of its file.
    pub(crate) name: &'static str,
    /// Taken in Korean and light too, unless a look is asked for.
    pub(crate) variants: bool,
    /// What it shows.
    pub(crate) about: &'static str,
    /// Makes the window look so.
    pub(crate) take: fn(Look) -> Result<Headless, String>,
}

/// All pictures.
pub(crate) static PICTURES: &[Picture] = &[
    Picture {
        name: "gallery",
        variants: true,
        about: "the start: a gallery of templates",
        take: gallery,
    },
    Picture {
        name: "running",
        variants: true,
        about: "a pipeline that runs",
        take: running,
    },
    Picture {
        name: "hot-shard",
        variants: false,
        about: "one shard throttles, and why",
        take: hot_shard,
    },
    Picture {
        name: "latency",
        variants: false,
        about: "where the time goes, hop by hop",
        take: latency,
    },
    Picture {
        name: "sql",
        variants: false,
        about: "SQL over the live lake",
        take: sql,
    },
    Picture {
        name: "cost",
        variants: false,
        about: "what it costs",
        take: cost,
    },
    Picture {
        name: "inspector",
        variants: false,
        about: "a function's parameters and code",
        take: inspector,
    },
    Picture {
        name: "sweep",
        variants: false,
        about: "sixteen variants: cost against latency, and the one to take",
        take: sweep,
    },
    Picture {
        name: "compare",
        variants: false,
        about: "two runs side by side",
        take: compare,
    },
    Picture {
        name: "checks",
        variants: false,
        about: "a run against what is expected of it",
        take: checks,
    },
    Picture {
        name: "presenter",
        variants: false,
        about: "presenter mode",
        take: presenter,
    },
];

impl Headless {
    /// Asks as a panel does.
    fn act(&mut self, act: Act) {
        self.designer.acts.borrow_mut().push(act);
        self.steps(2);
    }
    fn command(&mut self, command: Command) {
        self.act(Act::Do(command));
    }
    fn set(&mut self, node: &str, name: &str, value: serde_json::Value) {
        let edit = Edit::Param {
            nodes: vec![node.to_owned()],
            name: name.to_owned(),
            value: Some(value),
        };
        self.act(Act::Edit(Box::new(edit)));
        self.act(Act::Seal);
    }
    fn select(&mut self, node: &str) {
        self.act(Act::Select(Selection::node(node)));
    }
    /// Gives the pane and its neighbours below the canvas this share of the height.
    fn enlarge(&mut self, pane: Pane, share: f32) {
        self.act(Act::Show(pane));
        let tree = &mut self.designer.panes;
        let Some(canvas) = tree.tiles.find_pane(&Pane::Canvas) else {
            return;
        };
        let Some(parent) = tree.tiles.parent_of(canvas) else {
            return;
        };
        if let Some(egui_tiles::Tile::Container(egui_tiles::Container::Linear(column))) =
            tree.tiles.get_mut(parent)
        {
            for child in column.children.clone() {
                column
                    .shares
                    .set_share(child, if child == canvas { 1.0 - share } else { share });
            }
        }
        self.steps(2);
        self.command(Command::FitAll);
    }
    /// Runs the drawing as fast as the machine goes to `minutes` of virtual time, and lets it go on from there.
    fn run_to(&mut self, minutes: u64) -> Result<(), String> {
        let at = SimTime::default() + SimDuration(minutes * 60_000_000_000);
        self.act(Act::Pace(Pace::Max));
        self.act(Act::Begin(Work::Run { paused: true }));
        self.act(Act::Run(RunCommand::PauseAt(at)));
        self.act(Act::Run(RunCommand::Resume));
        let there = self.run_until(PATIENCE, |d| {
            let now = d.snapshot().map(|s| s.now);
            !d.is_busy() || d.live.view.phase == Phase::Paused && now.is_some_and(|now| now >= at)
        });
        if let Some(why) = self.designer.run_error() {
            return Err(why.to_owned());
        }
        if !there || !self.designer.is_busy() {
            return Err(format!("the run does not come to {minutes} minutes"));
        }
        self.act(Act::Pace(Pace::Times(60.0)));
        Ok(())
    }
    /// Waits until something is called `label`.
    fn wait_for(&mut self, label: &str) {
        let began = std::time::Instant::now();
        while self.find(label).is_none() && began.elapsed() < PATIENCE {
            self.step();
            std::thread::sleep(Duration::from_millis(10));
        }
        self.steps(2);
    }
    /// Lets the run go on for the picture.
    fn resume(&mut self) {
        self.act(Act::Run(RunCommand::Resume));
        self.run_until(REST, |d| d.live.view.phase == Phase::Running);
        self.steps(2);
    }
}

fn weekend(look: Look, minutes: u64) -> Result<Headless, String> {
    let mut window = look.open(Some(WEEKEND));
    window.run_to(minutes)?;
    Ok(window)
}

fn gallery(look: Look) -> Result<Headless, String> {
    Ok(look.open(None))
}

fn running(look: Look) -> Result<Headless, String> {
    let mut window = weekend(look, 12)?;
    window.command(Command::ToggleInspector);
    window.enlarge(Pane::Plots, 0.4);
    window.resume();
    Ok(window)
}

fn hot_shard(look: Look) -> Result<Headless, String> {
    let mut window = look.open(Some(WEEKEND));
    window.set("producer", "key_skew", json!(1.3));
    window.command(Command::TogglePalette);
    window.run_to(8)?;
    // Near enough for badges.
    window.act(Act::Select(Selection::nodes_of([
        "producer", "stream", "delivery", "enrich",
    ])));
    window.command(Command::FitSelection);
    window.select("stream");
    window.resume();
    if let Some(node) = window.find("node stream") {
        // The badge that stands rightmost on the upper edge.
        window.click(node.right_top() + egui::vec2(-24.0, 0.0));
    }
    Ok(window)
}

fn latency(look: Look) -> Result<Headless, String> {
    let mut window = weekend(look, 12)?;
    window.command(Command::TogglePalette);
    window.command(Command::ToggleInspector);
    window.enlarge(Pane::Plots, 0.72);
    window.settle(REST);
    Ok(window)
}

fn sql(look: Look) -> Result<Headless, String> {
    let mut window = weekend(look, 12)?;
    window.command(Command::ToggleInspector);
    window.enlarge(Pane::Sql, 0.6);
    window.settle(REST);
    if window.click_on(tr("data.sql_editor")) {
        window.text(STATEMENT);
        window.key(Key::Enter, Modifiers::COMMAND);
        window.wait_for(tr("data.athena_charges"));
    }
    Ok(window)
}

fn cost(look: Look) -> Result<Headless, String> {
    let mut window = weekend(look, 20)?;
    window.command(Command::ToggleInspector);
    window.enlarge(Pane::Cost, 0.6);
    window.settle(REST);
    Ok(window)
}

fn inspector(look: Look) -> Result<Headless, String> {
    let mut window = weekend(look, 6)?;
    window.select("enrich");
    window.settle(REST);
    Ok(window)
}

fn sweep(look: Look) -> Result<Headless, String> {
    let mut window = look.open(Some(WEEKEND));
    window.command(Command::ToggleInspector);
    window.enlarge(Pane::Sweep, 0.62);
    let doc = window.designer.document().clone();
    let panel = &mut window.designer.panels.sweep;
    for (node, param, values) in [
        ("stream", "shard_count", "4..7"),
        ("delivery", "buffer_interval_seconds", "60s,90s,120s,180s"),
    ] {
        panel.vary_over(&doc, node, param, values);
    }
    window.command(Command::RunSweep);
    let done = window.run_until(PATIENCE, |d| {
        !d.panels.sweep.is_running() && d.panels.sweep.done() > 0
    });
    if !done {
        return Err("the sweep does not end".to_owned());
    }
    window.settle(REST);
    Ok(window)
}

fn compare(look: Look) -> Result<Headless, String> {
    let mut window = look.open(Some(WEEKEND));
    window.command(Command::ToggleInspector);
    for shards in [4, 6] {
        window.set("stream", "shard_count", json!(shards));
        window.act(Act::Pace(Pace::Max));
        window.act(Act::Begin(Work::Run { paused: false }));
        let ended = window.run_until(PATIENCE, |d| {
            !d.is_busy() && d.live.view.phase == Phase::Ended
        });
        if !ended {
            return Err("the run does not end".to_owned());
        }
    }
    window.enlarge(Pane::Compare, 0.62);
    window.settle(REST);
    window.click_on(tr("study.on_canvas"));
    window.settle(REST);
    Ok(window)
}

fn checks(look: Look) -> Result<Headless, String> {
    let mut window = look.open(Some(WEEKEND));
    window.command(Command::ToggleInspector);
    // One of them is missed, so that the picture shows what a test tells.
    let mut expect = window.designer.document().expect.clone();
    let checks = expect.iter_mut().flat_map(|e| &mut e.checks);
    for check in checks {
        if *check == Expectation::That("latency_p99 <= 90s".to_owned()) {
            *check = Expectation::That("latency_p99 <= 60s".to_owned());
        }
    }
    window.act(Act::Edit(Box::new(Edit::Expect(expect))));
    window.command(Command::TestDrawing);
    if !window.run_until(PATIENCE, |d| !d.panels.checks.is_busy()) {
        return Err("the test does not end".to_owned());
    }
    window.enlarge(Pane::Checks, 0.62);
    window.settle(REST);
    Ok(window)
}

fn presenter(look: Look) -> Result<Headless, String> {
    let mut window = weekend(look, 12)?;
    window.command(Command::Presenter);
    window.command(Command::FitAll);
    window.resume();
    Ok(window)
}
