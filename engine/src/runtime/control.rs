//! Drives a run from outside: pace, pause, step, stop, edits; publishes snapshots; never slower for being watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::breakpoint::{Breakpoint, Watch};
use super::log::RunEvent;
use super::pace::{Clock, Pace, Stopwatch};
use super::run::{Action, Run, RunError};
use super::snapshot::{RunSnapshot, RunState};
use crate::units::SimTime;

/// Commands that may wait; a sender beyond that waits itself.
const COMMANDS: usize = 1024;
/// Between two snapshots so many times the host time goes by that the last one took: they cost a twentieth at the most.
const SNAPSHOT_REST: u32 = 19;
/// Events between two looks at the host's clock: few, because some events wait for real work.
const EVENTS_PER_LOOK: u64 = 16;

/// What may be asked of a run.
#[derive(Debug, Clone)]
pub enum Command {
    /// Wait.
    Pause,
    /// Go on.
    Resume,
    /// Do all events of the next instant, then wait.
    Step,
    /// Wait when virtual time comes to this instant, before its events.
    PauseAt(SimTime),
    /// Wait after every event that the breakpoint names; at none any more.
    BreakAt(Option<Breakpoint>),
    /// Let virtual time pass this fast.
    Pace(Pace),
    /// Do something to a node, by its id.
    Act(String, Action),
    /// Follow the next record that this source makes.
    Trace(String),
    /// End after the event under way: every record stays accounted for.
    End,
    /// End now.
    Stop,
}

/// How to drive.
#[derive(Debug)]
pub struct Control {
    /// The run ends at this instant.
    pub until: SimTime,
    /// How fast virtual time may pass.
    pub pace: Pace,
    /// Begin paused.
    pub paused: bool,
    /// Wait after every event that this names.
    pub breakpoint: Option<Breakpoint>,
    /// Host time between two snapshots.
    pub cadence: Duration,
    /// Snapshots bring histories and samples, and a record of each source is followed now and then.
    pub detail: bool,
    /// Ends everything at once.
    pub cancel: CancellationToken,
}

/// What a run came to.
#[derive(Debug)]
pub struct Finished {
    /// The run with all its figures.
    pub run: Run,
    /// How it ended: finished, stopped or failed.
    pub state: RunState,
    /// Seconds of the machine, pauses and pacing included.
    pub host_seconds: f64,
    /// The last snapshot, as a viewer sees it.
    pub snapshot: Arc<RunSnapshot>,
}

/// The other end of a run that goes on in its own thread.
#[derive(Debug)]
pub struct RunHandle {
    commands: SyncSender<Command>,
    knock: Arc<AtomicBool>,
    snapshot: Arc<ArcSwap<RunSnapshot>>,
    cancel: CancellationToken,
    thread: JoinHandle<Finished>,
}

impl RunHandle {
    /// Asks for something; false when the run has ended. Never waits: with 1024 commands unanswered the newest is dropped.
    #[must_use]
    pub fn send(&self, command: Command) -> bool {
        if matches!(command, Command::Stop) {
            self.cancel.cancel();
        }
        let sent = self.commands.try_send(command).is_ok();
        self.knock.store(true, Ordering::Release);
        sent
    }
    /// The latest snapshot; costs nanoseconds.
    #[must_use]
    pub fn snapshot(&self) -> Arc<RunSnapshot> {
        self.snapshot.load_full()
    }
    /// True when the run has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
    /// Waits for the end.
    ///
    /// # Errors
    /// When the run's thread panicked: a bug.
    pub fn join(self) -> Result<Finished, String> {
        self.thread.join().map_err(|e| {
            let text = e
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| e.downcast_ref::<&str>().copied());
            format!("the run broke off: {}", text.unwrap_or("no reason given"))
        })
    }
}

/// Lets `run` go on in a thread of its own.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn(mut run: Run, control: Control) -> Result<RunHandle, String> {
    let (sender, receiver) = sync_channel(COMMANDS);
    let knock = Arc::new(AtomicBool::new(false));
    run.tracer.unasked = control.detail;
    let first = run.snapshot(RunState::Running, control.until, 0.0, control.detail);
    let snapshot = Arc::new(ArcSwap::from_pointee(first));
    let cancel = control.cancel.clone();
    let link = Link {
        receiver,
        knock: Arc::clone(&knock),
        snapshot: Arc::clone(&snapshot),
    };
    let thread = std::thread::Builder::new()
        .name("weir-run".to_owned())
        .spawn(move || Driver::new(run, control, link).drive())
        .map_err(|e| format!("the system gives no thread for the run: {e}"))?;
    Ok(RunHandle {
        commands: sender,
        knock,
        snapshot,
        cancel,
        thread,
    })
}

/// Drives `run` to its end in this thread, as fast as it goes. For tests and benchmarks.
#[must_use]
pub fn drive(run: Run, until: SimTime) -> Finished {
    let (_sender, receiver) = sync_channel(1);
    let link = Link {
        receiver,
        knock: Arc::new(AtomicBool::new(false)),
        snapshot: Arc::new(ArcSwap::from_pointee(RunSnapshot::default())),
    };
    let control = Control {
        until,
        pace: Pace::Max,
        paused: false,
        breakpoint: None,
        cadence: Duration::from_secs(3600),
        detail: false,
        cancel: CancellationToken::new(),
    };
    Driver::new(run, control, link).drive()
}

struct Link {
    receiver: Receiver<Command>,
    knock: Arc<AtomicBool>,
    snapshot: Arc<ArcSwap<RunSnapshot>>,
}

struct Driver {
    run: Run,
    control: Control,
    link: Link,
    clock: Clock,
    started: Stopwatch,
    published: Stopwatch,
    /// Host time that the latest snapshot took.
    snapshot_cost: Duration,
    /// All snapshots so far, and the host time that they took.
    snapshots: (u64, Duration),
    paused: bool,
    /// Virtual time waits here.
    pause_at: Option<SimTime>,
    watch: Option<Watch>,
    /// The event that virtual time waits after.
    broke_at: Option<Arc<RunEvent>>,
    /// Commands so far.
    obeyed: u64,
    stop: bool,
}

impl Driver {
    fn new(run: Run, control: Control, link: Link) -> Self {
        let clock = Clock::new(control.pace, run.now());
        let paused = control.paused;
        let watch = control.breakpoint.clone();
        let watch = watch.map(|b| Watch::new(b, &run.log));
        let (started, published) = (Stopwatch::start(), Stopwatch::start());
        Self {
            run,
            control,
            link,
            clock,
            started,
            published,
            snapshot_cost: Duration::ZERO,
            snapshots: (0, Duration::ZERO),
            paused,
            pause_at: None,
            watch,
            broke_at: None,
            obeyed: 0,
            stop: false,
        }
    }
    fn drive(mut self) -> Finished {
        let result = self.go();
        let state = match result {
            Ok(()) if self.stop => RunState::Stopped,
            Ok(()) => RunState::Finished,
            Err(RunError::Cancelled) => RunState::Stopped,
            Err(e) => RunState::Failed(e.to_string()),
        };
        let at = if state == RunState::Finished {
            self.control.until
        } else {
            self.run.now()
        };
        let state = match self.run.finish(at) {
            Ok(()) | Err(RunError::Cancelled) => state,
            Err(e) => RunState::Failed(e.to_string()),
        };
        self.publish(state.clone());
        Finished {
            run: self.run,
            state,
            host_seconds: self.started.elapsed().as_secs_f64(),
            snapshot: self.link.snapshot.load_full(),
        }
    }
    fn go(&mut self) -> Result<(), RunError> {
        let mut looks = 0;
        loop {
            if self.control.cancel.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            if self.link.knock.swap(false, Ordering::Acquire) {
                self.obey()?;
            }
            if self.stop {
                return Ok(());
            }
            if self.paused {
                self.publish(RunState::Paused);
                self.wait(Duration::from_millis(500))?;
                continue;
            }
            let next = self.run.next_at().unwrap_or(SimTime::MAX);
            let stop_over = self
                .pause_at
                .filter(|at| *at <= next && *at <= self.control.until);
            let target = stop_over.unwrap_or(next).min(self.control.until);
            let wait = self.clock.until(target);
            if !wait.is_zero() {
                self.run
                    .pass_time(self.clock.allowed().min(self.control.until));
                self.maybe_publish();
                self.wait(wait.min(self.control.cadence))?;
                continue;
            }
            if let Some(at) = stop_over {
                self.run.pass_time(at);
                self.pause_at = None;
                self.paused = true;
                continue;
            }
            if next > self.control.until {
                return Ok(());
            }
            self.run.step()?;
            self.look_out();
            looks += 1;
            if looks % EVENTS_PER_LOOK == 0 {
                self.maybe_publish();
            }
        }
    }
    /// Waits when something happened that a breakpoint names.
    fn look_out(&mut self) {
        if let Some(watch) = &mut self.watch
            && let Some(event) = watch.next(&self.run.log)
        {
            self.broke_at = Some(event);
            self.paused = true;
        }
    }
    fn maybe_publish(&mut self) {
        // A drawing so large that its snapshots are dear is shown less often, never run slower.
        let rest = self.snapshot_cost * SNAPSHOT_REST;
        if self.published.elapsed() >= self.control.cadence.max(rest) {
            self.publish(RunState::Running);
        }
    }
    fn publish(&mut self, state: RunState) {
        let host = self.started.elapsed().as_secs_f64();
        let watch = Stopwatch::start();
        let mut snapshot = self
            .run
            .snapshot(state, self.control.until, host, self.control.detail);
        snapshot.obeyed = self.obeyed;
        snapshot.broke_at.clone_from(&self.broke_at);
        snapshot.snapshots = self.snapshots.0;
        snapshot.snapshot_seconds = self.snapshots.1.as_secs_f64();
        self.link.snapshot.store(Arc::new(snapshot));
        self.snapshot_cost = watch.elapsed();
        self.snapshots = (self.snapshots.0 + 1, self.snapshots.1 + self.snapshot_cost);
        self.published = Stopwatch::start();
    }
    /// Waits for a command, at most `limit`.
    fn wait(&mut self, limit: Duration) -> Result<(), RunError> {
        match self.link.receiver.recv_timeout(limit) {
            Ok(command) => self.obey_one(command),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                // Nobody can resume a paused run whose handle is gone.
                self.stop |= self.paused;
                std::thread::park_timeout(limit);
                Ok(())
            }
        }
    }
    fn obey(&mut self) -> Result<(), RunError> {
        loop {
            match self.link.receiver.try_recv() {
                Ok(command) => self.obey_one(command)?,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(()),
            }
        }
    }
    fn obey_one(&mut self, command: Command) -> Result<(), RunError> {
        self.obeyed += 1;
        match command {
            Command::Pause => self.paused = true,
            Command::Resume => {
                self.paused = false;
                self.broke_at = None;
                self.clock = Clock::new(self.control.pace, self.run.now());
            }
            Command::PauseAt(at) => self.pause_at = Some(at.max(self.run.now())),
            Command::BreakAt(breakpoint) => {
                self.watch = breakpoint.map(|b| Watch::new(b, &self.run.log));
            }
            Command::Step => self.step_instant()?,
            Command::Pace(pace) => {
                self.control.pace = pace;
                self.clock = Clock::new(pace, self.run.now());
            }
            Command::Act(node, action) => {
                if let Some(index) = self.index(&node) {
                    self.run.act(index, &action, "by hand")?;
                    if let Some(watch) = &mut self.watch {
                        watch.skip(&self.run.log);
                    }
                }
            }
            Command::Trace(node) => {
                if let Some(index) = self.index(&node) {
                    self.run.follow(index)?;
                }
            }
            Command::End | Command::Stop => self.stop = true,
        }
        Ok(())
    }
    fn index(&self, node: &str) -> Option<usize> {
        self.run.states().iter().position(|s| s.id == node)
    }
    fn step_instant(&mut self) -> Result<(), RunError> {
        self.paused = true;
        self.broke_at = None;
        let Some(at) = self.run.next_at().filter(|at| *at <= self.control.until) else {
            return Ok(());
        };
        while self.run.next_at() == Some(at) {
            self.run.step()?;
            self.look_out();
        }
        Ok(())
    }
}
