//! A sweep behind the window: started, watched and stopped; its threads tell of each variant as it is done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use weir_engine::code::Permission;
use weir_engine::data::Root;
use weir_engine::disk::Temporary;
use weir_engine::document::Document;
use weir_engine::services;
use weir_engine::study::{Axis, Done, Plan, SweepStopper, Swept, Wish, sweep};
use weir_engine::units::SimDuration;

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) doc: Document,
    pub(super) root: Root,
    pub(super) axes: Vec<Axis>,
    pub(super) run_for: Option<SimDuration>,
    pub(super) wish: Wish,
    /// Which code may run.
    pub(super) allow: Permission,
    /// Where variants that are done are kept for the next sweep: what was run once is not run again.
    pub(super) kept: Option<Arc<Temporary>>,
}

/// A sweep that goes on or has ended.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) axes: Vec<Axis>,
    pub(super) run_for: Option<SimDuration>,
    pub(super) wish: Wish,
    pub(super) total: usize,
    done: Arc<Mutex<Vec<Done>>>,
    stopper: SweepStopper,
    thread: Option<JoinHandle<Result<(), String>>>,
    /// Why it could not be run.
    pub(super) error: Option<String>,
    /// The variants that are shown, in the order of the grid.
    shown: Arc<Swept>,
}

impl Job {
    /// Starts it on threads of its own, one for each core but one: the window goes on.
    pub(super) fn start(request: Request, total: usize, ctx: &egui::Context) -> Self {
        let (done, stopper) = (Arc::new(Mutex::new(Vec::new())), SweepStopper::default());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let plan = Plan {
            doc: request.doc,
            root: request.root,
            axes: request.axes.clone(),
            run_for: request.run_for,
            seed: None,
            allow: request.allow,
            jobs: Some(cores.saturating_sub(1).max(1)),
            out: request.kept.as_ref().map(|k| k.path().to_owned()),
            keep_runs: false,
        };
        let (told, own, wake) = (Arc::clone(&done), stopper.clone(), ctx.clone());
        let work = move || {
            let tell = |one: &Done| {
                lock(&told).push(one.clone());
                wake.request_repaint();
            };
            let ended = sweep(&plan, services::ALL, &own, &tell);
            // The folder lives as long as anything may be written to it.
            drop(request.kept);
            wake.request_repaint();
            ended.map(drop).map_err(|e| e.to_string())
        };
        let thread = std::thread::Builder::new()
            .name("weir-sweep".to_owned())
            .spawn(work);
        let (thread, error) = match thread {
            Ok(thread) => (Some(thread), None),
            Err(e) => (None, Some(format!("the system gives no thread: {e}"))),
        };
        Self {
            shown: Arc::new(Swept {
                axes: request.axes.clone(),
                rows: Vec::new(),
                total,
            }),
            axes: request.axes,
            run_for: request.run_for,
            wish: request.wish,
            total,
            done,
            stopper,
            thread,
            error,
        }
    }
    /// Looks after the thread; true when there is something new to show.
    pub(super) fn poll(&mut self) -> bool {
        if let Some(thread) = self.thread.take_if(|t| t.is_finished()) {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(why)) => self.error = Some(why),
                Err(_panic) => {
                    self.error = Some("the sweep broke off: this is a bug of Weir".to_owned());
                }
            }
        }
        let rows = {
            let done = lock(&self.done);
            if done.len() == self.shown.rows.len() {
                return false;
            }
            done.clone()
        };
        let mut rows = rows;
        rows.sort_by_key(|d| d.variant.index);
        self.shown = Arc::new(Swept {
            axes: self.axes.clone(),
            rows,
            total: self.total,
        });
        true
    }
    pub(super) const fn is_running(&self) -> bool {
        self.thread.is_some()
    }
    pub(super) fn is_stopped(&self) -> bool {
        self.stopper.is_stopped()
    }
    pub(super) fn stop(&self) {
        self.stopper.stop();
    }
    pub(super) const fn shown(&self) -> &Arc<Swept> {
        &self.shown
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
