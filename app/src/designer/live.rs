//! The run behind the window: started, asked, watched and finished on other threads. Nothing here waits.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use weir_engine::books::Books;
use weir_engine::code::Permission;
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::lake::Lake;
use weir_engine::report::{Bands, Summary};
use weir_engine::runtime::{Breakpoint, Command, Pace, RunEvent, RunSnapshot, RunState};
use weir_engine::services;
use weir_engine::session::{Outcome, Prepared, RunOptions, SessionError, prepare};

use super::background::Retired;

/// Host time between two snapshots: 30 a second.
pub(crate) const CADENCE: Duration = Duration::from_millis(33);
/// Snapshots that rates are taken over.
const WINDOW: usize = 30;
/// Finished runs that are kept for comparison.
const PAST_MAX: usize = 8;

/// Where the run behind the window stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// There is none.
    #[default]
    Idle,
    /// Being checked and built.
    Starting,
    /// Going on.
    Running,
    /// Waiting to be resumed.
    Paused,
    /// Its folder is being written.
    Ending,
    /// At its end, stopped or failed.
    Ended,
}

impl Phase {
    /// True while virtual time may pass or the run can be asked for something.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// Records and bytes a second, over the latest virtual time that was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) records: f64,
    pub(crate) bytes: f64,
    /// Records refused a second.
    pub(crate) refused: f64,
}

/// What a run reads and writes besides records: may be looked at from any thread while the run goes on, and after it as
/// long as its folder is there.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) lake: Lake,
    /// Prices and quotas of its region.
    pub(crate) books: Arc<Books>,
}

/// A finished run, kept to be compared and queried.
#[derive(Debug)]
pub(crate) struct PastRun {
    /// Counts up from 1 in this window.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) doc: Arc<Document>,
    pub(crate) snapshot: Arc<RunSnapshot>,
    pub(crate) folder: PathBuf,
    pub(crate) world: Option<World>,
    pub(crate) summary: Summary,
    /// Means over time with their intervals, when it was repeated.
    pub(crate) bands: Bands,
    /// Keeps a temporary folder alive.
    outcome: Option<Outcome>,
}

impl PastRun {
    /// True when its folder goes with the window.
    pub(crate) fn is_temporary(&self) -> bool {
        self.outcome.as_ref().is_some_and(Outcome::is_temporary)
    }
}

/// A finished run from elsewhere: from its folder, or repeated beside the run behind the window.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) name: String,
    pub(crate) doc: Document,
    pub(crate) snapshot: Arc<RunSnapshot>,
    pub(crate) folder: PathBuf,
    pub(crate) summary: Summary,
    pub(crate) bands: Bands,
    /// Keeps a temporary folder alive.
    pub(crate) outcome: Option<Outcome>,
}

/// What the panels may read of the run.
#[derive(Debug)]
pub(crate) struct RunView {
    pub(crate) phase: Phase,
    /// The latest snapshot of the run that goes on or ended last.
    pub(crate) snapshot: Option<Arc<RunSnapshot>>,
    /// The document that it was started with.
    pub(crate) doc: Option<Arc<Document>>,
    /// The seed of that run.
    pub(crate) number: u64,
    pub(crate) pace: Pace,
    /// Events that a run waits at.
    pub(crate) breakpoint: Option<Breakpoint>,
    /// Rate of each wire of the snapshot.
    pub(crate) wires: Vec<Rate>,
    /// Rates in and out of each node of the snapshot.
    pub(crate) nodes: Vec<(Rate, Rate)>,
    /// Records made a second of the machine.
    pub(crate) host_rate: f64,
    /// Lake and books of the run that goes on or ended last.
    pub(crate) world: Option<World>,
    /// Why the run could not start or finish.
    pub(crate) error: Option<String>,
    /// Runs that have ended, the latest last.
    pub(crate) past: Vec<Arc<PastRun>>,
}

impl Default for RunView {
    fn default() -> Self {
        Self {
            phase: Phase::Idle,
            snapshot: None,
            doc: None,
            number: 0,
            pace: Pace::Times(60.0),
            breakpoint: None,
            wires: Vec::new(),
            nodes: Vec::new(),
            host_rate: 0.0,
            world: None,
            error: None,
            past: Vec::new(),
        }
    }
}

impl RunView {
    /// The event that the run waits at.
    pub(crate) fn broke_at(&self) -> Option<&RunEvent> {
        let run = self.snapshot.as_ref()?;
        (self.phase == Phase::Paused).then_some(run.broke_at.as_deref()?)
    }
    /// The node as it is in the snapshot.
    pub(crate) fn node(&self, id: &str) -> Option<&weir_engine::runtime::NodeSnapshot> {
        let nodes = &self.snapshot.as_ref()?.nodes;
        nodes.iter().find(|n| n.id == id).map(AsRef::as_ref)
    }
    /// Virtual seconds since the run began.
    pub(crate) fn now_seconds(&self) -> f64 {
        self.snapshot.as_ref().map_or(0.0, |s| s.now.as_secs_f64())
    }
}

/// Counters at one instant.
struct Mark {
    virtual_seconds: f64,
    host_seconds: f64,
    produced: u64,
    wires: Vec<[u64; 3]>,
    nodes: Vec<[u64; 5]>,
}

impl Mark {
    fn of(s: &RunSnapshot) -> Self {
        let wires = s.wires.iter().map(|w| [w.records, w.bytes, w.refused]);
        let nodes = s.nodes.iter().map(|n| {
            let l = &n.ledger;
            let (came, went) = (l.received + l.created, l.sent + l.delivered);
            [came, l.bytes_received, went, l.bytes_sent, l.throttled]
        });
        Self {
            virtual_seconds: s.now.as_secs_f64(),
            host_seconds: s.host_seconds,
            produced: s.produced,
            wires: wires.collect(),
            nodes: nodes.collect(),
        }
    }
}

type Starting = JoinHandle<Result<Prepared, SessionError>>;
type Ending = JoinHandle<Result<Outcome, SessionError>>;

/// The run and its threads.
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) view: RunView,
    starting: Option<Starting>,
    running: Option<Prepared>,
    ending: Option<Ending>,
    marks: VecDeque<Mark>,
    retired: Retired<Arc<RunSnapshot>>,
    /// Asked for before the run was there.
    waiting: Vec<Command>,
    /// Commands that the run has taken.
    sent: u64,
    /// The run was asked to pause or go on, and shows so until it has carried out this many commands.
    asked: Option<u64>,
    /// Runs that have got a number.
    numbered: u64,
}

impl Live {
    /// Starts `doc`. A run that goes on is stopped first and thrown away.
    pub(crate) fn start(
        &mut self,
        doc: &Arc<Document>,
        root: &Root,
        (paused, allow): (bool, Permission),
        wake: impl Fn() + Send + 'static,
    ) {
        self.abandon();
        let options = RunOptions {
            pace: self.view.pace,
            paused,
            breakpoint: self.view.breakpoint.clone(),
            cadence: CADENCE,
            detail: true,
            keep: false,
            allow,
            ..RunOptions::default()
        };
        let (own, root) = ((**doc).clone(), root.clone());
        let work = move || {
            let prepared = prepare(own, services::ALL, root, options);
            wake();
            prepared
        };
        let thread = std::thread::Builder::new()
            .name("weir-start".to_owned())
            .spawn(work);
        match thread {
            Ok(handle) => {
                self.starting = Some(handle);
                self.view.phase = Phase::Starting;
                self.view.doc = Some(Arc::clone(doc));
                self.numbered += 1;
                self.view.number = self.numbered;
                self.view.error = None;
                self.view.world = None;
                self.marks.clear();
            }
            Err(e) => self.view.error = Some(format!("the system gives no thread: {e}")),
        }
    }
    /// Asks the run for something; kept until the run is there while it starts.
    pub(crate) fn send(&mut self, command: Command) {
        let asked = match command {
            Command::Pause => Some(Phase::Paused),
            Command::Resume => Some(Phase::Running),
            _ => None,
        };
        let asked = asked.filter(|_| self.view.phase.is_live());
        match (&self.running, &self.starting) {
            (Some(run), _) => {
                if run.send(command) {
                    self.sent += 1;
                    if let Some(asked) = asked {
                        self.view.phase = asked;
                        self.asked = Some(self.sent);
                    }
                }
            }
            (None, Some(_)) => self.waiting.push(command),
            (None, None) => {}
        }
    }
    /// Lets virtual time pass this fast, now and in later runs.
    pub(crate) fn set_pace(&mut self, pace: Pace) {
        self.view.pace = pace;
        self.send(Command::Pace(pace));
    }
    /// Waits after every event that `breakpoint` names, now and in later runs of this drawing.
    pub(crate) fn set_breakpoint(&mut self, breakpoint: Option<Breakpoint>) {
        self.view.breakpoint.clone_from(&breakpoint);
        self.send(Command::BreakAt(breakpoint));
    }
    /// Another drawing is opened: ends the run at once and shows none. Earlier runs stay.
    pub(crate) fn forget(&mut self) {
        self.abandon();
        self.marks.clear();
        let RunView {
            number, pace, past, ..
        } = std::mem::take(&mut self.view);
        self.view = RunView {
            number,
            pace,
            past,
            ..RunView::default()
        };
    }
    /// Ends the run at once and forgets it.
    fn abandon(&mut self) {
        if let Some(run) = self.running.take() {
            run.stopper().stop_now();
            // Its folder is temporary: the thread that finishes it removes it.
            let _thread = std::thread::spawn(move || drop(run.finish()));
        }
        self.starting = None;
        self.ending = None;
        self.waiting.clear();
        self.asked = None;
        self.sent = 0;
    }
    /// Looks after the threads and takes the newest snapshot. True when something changed.
    pub(crate) fn poll(&mut self, wake: impl Fn() + Send + 'static) {
        self.poll_start();
        self.poll_run(wake);
        self.poll_end();
    }
    fn poll_start(&mut self) {
        let Some(handle) = self.starting.take_if(|h| h.is_finished()) else {
            return;
        };
        match handle.join() {
            Ok(Ok(prepared)) => {
                for command in self.waiting.drain(..) {
                    self.sent += u64::from(prepared.send(command));
                }
                self.view.world = Some(World {
                    lake: prepared.lake(),
                    books: prepared.books(),
                });
                self.running = Some(prepared);
                self.view.phase = Phase::Running;
            }
            Ok(Err(e)) => self.fail(e.to_string()),
            Err(_panic) => {
                self.fail("the run could not be built: this is a bug of Weir".to_owned());
            }
        }
    }
    fn poll_run(&mut self, wake: impl Fn() + Send + 'static) {
        let Some(run) = &self.running else {
            return;
        };
        let finished = run.is_finished();
        let snapshot = run.snapshot();
        let is_new = self
            .view
            .snapshot
            .as_ref()
            .is_none_or(|s| !Arc::ptr_eq(s, &snapshot));
        if is_new {
            let phase = match snapshot.state {
                RunState::Paused => Phase::Paused,
                _ => Phase::Running,
            };
            // The window shows what was asked for at once; the run follows after the event that is under way.
            if self.asked.is_none_or(|sent| snapshot.obeyed >= sent) {
                self.asked = None;
                self.view.phase = phase;
            }
            self.take(snapshot);
        }
        if finished && let Some(run) = self.running.take() {
            self.view.phase = Phase::Ending;
            let work = move || {
                let outcome = run.finish();
                wake();
                outcome
            };
            self.ending = Some(std::thread::spawn(work));
        }
    }
    fn poll_end(&mut self) {
        let Some(handle) = self.ending.take_if(|h| h.is_finished()) else {
            return;
        };
        match handle.join() {
            Ok(Ok(outcome)) => self.ended(outcome),
            Ok(Err(e)) => self.fail(e.to_string()),
            Err(_panic) => {
                self.fail(
                    "the run's folder could not be written: this is a bug of Weir".to_owned(),
                );
            }
        }
    }
    fn ended(&mut self, outcome: Outcome) {
        self.view.phase = Phase::Ended;
        if let RunState::Failed(why) = &outcome.snapshot.state {
            self.view.error = Some(why.clone());
        }
        self.take(Arc::clone(&outcome.snapshot));
        let Some(doc) = self.view.doc.clone() else {
            return;
        };
        self.keep(PastRun {
            number: self.view.number,
            name: doc.name.clone(),
            doc,
            snapshot: Arc::clone(&outcome.snapshot),
            folder: outcome.folder().to_owned(),
            world: self.view.world.clone(),
            summary: outcome.summary.clone(),
            bands: Bands::default(),
            outcome: Some(outcome),
        });
    }
    /// Takes a finished run from elsewhere among the earlier ones.
    pub(crate) fn adopt(&mut self, run: Finished) {
        self.numbered += 1;
        self.keep(PastRun {
            number: self.numbered,
            name: run.name,
            doc: Arc::new(run.doc),
            snapshot: run.snapshot,
            folder: run.folder,
            world: None,
            summary: run.summary,
            bands: run.bands,
            outcome: run.outcome,
        });
    }
    fn keep(&mut self, run: PastRun) {
        self.view.past.push(Arc::new(run));
        if self.view.past.len() > PAST_MAX {
            self.view.past.remove(0);
        }
    }
    fn fail(&mut self, why: String) {
        self.view.phase = Phase::Ended;
        self.view.error = Some(why);
    }
    /// Takes a snapshot over and works out rates.
    fn take(&mut self, snapshot: Arc<RunSnapshot>) {
        let mark = Mark::of(&snapshot);
        if self
            .marks
            .back()
            .is_some_and(|m| m.virtual_seconds > mark.virtual_seconds)
        {
            self.marks.clear();
        }
        if self.marks.len() == WINDOW {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
        self.rates();
        if let Some(before) = self.view.snapshot.replace(snapshot) {
            self.retired.drop_soon(before);
        }
    }
    fn rates(&mut self) {
        let (Some(first), Some(last)) = (self.marks.front(), self.marks.back()) else {
            return;
        };
        let span = last.virtual_seconds - first.virtual_seconds;
        if span <= 0.0 {
            return;
        }
        let per = |new: u64, old: u64| new.saturating_sub(old) as f64 / span;
        let wire = |(new, old): (&[u64; 3], &[u64; 3])| Rate {
            records: per(new[0], old[0]),
            bytes: per(new[1], old[1]),
            refused: per(new[2], old[2]),
        };
        self.view.wires = last.wires.iter().zip(&first.wires).map(wire).collect();
        let node = |(new, old): (&[u64; 5], &[u64; 5])| {
            let refused = per(new[4], old[4]);
            let came = Rate {
                records: per(new[0], old[0]),
                bytes: per(new[1], old[1]),
                refused,
            };
            let went = Rate {
                records: per(new[2], old[2]),
                bytes: per(new[3], old[3]),
                refused: 0.0,
            };
            (came, went)
        };
        self.view.nodes = last.nodes.iter().zip(&first.nodes).map(node).collect();
        let host = last.host_seconds - first.host_seconds;
        if host > 0.0 {
            self.view.host_rate = last.produced.saturating_sub(first.produced) as f64 / host;
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(run) = &self.running {
            run.stopper().stop_now();
        }
    }
}
