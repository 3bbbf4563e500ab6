//! Runs every variant of a grid, several at a time. A variant's figures are those of a run of its document alone, without
//! the account of its records' sizes and keys: variants share only what is a pure function of its input (generated records, encoded files, results of SQL). What was run before is
//! not run again.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::axis::Axis;
use super::grid::{Variant, grid};
use super::store::Store;
use crate::data::{Root, SHARED_BYTES, Shared};
use crate::document::Document;
use crate::node::{AnyKind, Problem};
use crate::report::Summary;
use crate::session::{Outcome, Permission, RunOptions, SessionError, Stopper, check_code, prepare};
use crate::units::SimDuration;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The drawing.
    pub doc: Document,
    /// Where it may read files.
    pub root: Root,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// Virtual time of each run, instead of the document's.
    pub run_for: Option<SimDuration>,
    /// The seed, instead of the document's.
    pub seed: Option<u64>,
    /// Which code of the drawing may run.
    pub allow: Permission,
    /// Runs at a time; as many as the machine has cores without it.
    pub jobs: Option<usize>,
    /// Where results are kept, and taken from when they are there; in memory only without it.
    pub out: Option<PathBuf>,
    /// Keep the whole folder of every run, not only its summary, bill and document.
    pub keep_runs: bool,
}

/// What a variant came to.
#[derive(Debug, Clone)]
pub struct Done {
    /// Which.
    pub variant: Variant,
    /// Its figures, or why there are none, in a sentence.
    pub result: Result<Arc<Summary>, String>,
    /// Its folder, below the sweep's.
    pub folder: Option<String>,
    /// It had been run before.
    pub reused: bool,
}

/// A sweep that has ended.
#[derive(Debug)]
pub struct Swept {
    /// What was varied.
    pub axes: Vec<Axis>,
    /// The variants that were run, in the order of the grid.
    pub rows: Vec<Done>,
    /// Variants in the grid: more than `rows` when it was stopped.
    pub total: usize,
}

/// Stops a sweep from any thread.
#[derive(Debug, Clone, Default)]
pub struct SweepStopper(Arc<Mutex<Stopping>>);

#[derive(Debug, Default)]
struct Stopping {
    stopped: bool,
    running: Vec<(usize, Stopper)>,
}

impl SweepStopper {
    /// Ends the runs that go on and begins no more. What is done stays done.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        for (_, stopper) in &state.running {
            stopper.stop_now();
        }
    }
    /// True when somebody stopped it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }
    fn state(&self) -> MutexGuard<'_, Stopping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Notes a run that goes on; ends it when it is too late.
    pub(super) fn begin(&self, index: usize, stopper: Stopper) {
        let mut state = self.state();
        if state.stopped {
            stopper.stop_now();
        }
        state.running.push((index, stopper));
    }
    pub(super) fn end(&self, index: usize) {
        self.state().running.retain(|(i, _)| *i != index);
    }
}

/// Runs the variants of `plan`. `tell` is called from the running threads for each variant that is done.
///
/// # Errors
/// When the drawing or a value is refused, before anything runs or is written; when the folder cannot be used.
pub fn sweep(
    plan: &Plan,
    kinds: &[&'static dyn AnyKind],
    stopper: &SweepStopper,
    tell: &(dyn Fn(&Done) + Sync),
) -> Result<Swept, SessionError> {
    let variants = grid(&plan.axes).map_err(SessionError::Argument)?;
    let doc = RunOptions {
        run_for: plan.run_for,
        seed: plan.seed,
        ..RunOptions::default()
    }
    .apply(plan.doc.clone(), kinds)?;
    check_all(&doc, plan, &variants, kinds)?;
    check_code(&doc, &plan.allow, kinds)?;
    let store = Store::open(plan.out.as_deref(), &doc, &plan.axes)?;
    let total = variants.len();
    let worker = Worker {
        plan,
        doc: &doc,
        kinds,
        stopper,
        store: &store,
        shared: Shared::with_budget(SHARED_BYTES),
        waiting: Mutex::new(variants.into()),
        done: Mutex::new(Vec::with_capacity(total)),
        tell,
    };
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = plan.jobs.unwrap_or_else(cores).clamp(1, total.max(1));
    std::thread::scope(|scope| {
        for n in 0..jobs {
            let thread = std::thread::Builder::new().name(format!("weir-sweep-{n}"));
            thread
                .spawn_scoped(scope, || worker.work())
                .map_err(|e| SessionError::Engine(format!("the system gives no thread: {e}")))?;
        }
        Ok::<(), SessionError>(())
    })?;
    let mut rows = worker
        .done
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|d| d.variant.index);
    Ok(Swept {
        axes: plan.axes.clone(),
        rows,
        total,
    })
}

/// Finds what is wrong with the drawing and with each value, before anything runs: each value with the first of the others.
fn check_all(
    doc: &Document,
    plan: &Plan,
    variants: &[Variant],
    kinds: &[&'static dyn AnyKind],
) -> Result<(), SessionError> {
    let mut found: Vec<Problem> = Vec::new();
    let Some(first) = variants.first() else {
        return Ok(());
    };
    for (i, axis) in plan.axes.iter().enumerate() {
        for value in &axis.values {
            let mut variant = first.clone();
            variant.values[i] = value.clone();
            let checked = crate::check::check(&variant.apply(doc, &plan.axes), kinds, &plan.root);
            if checked.plan.is_none() {
                found.extend(
                    checked
                        .problems
                        .into_iter()
                        .filter(|p| !found.contains(p))
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(SessionError::Document(found))
    }
}

struct Worker<'a> {
    plan: &'a Plan,
    doc: &'a Document,
    kinds: &'a [&'static dyn AnyKind],
    stopper: &'a SweepStopper,
    store: &'a Store,
    shared: Shared,
    waiting: Mutex<VecDeque<Variant>>,
    done: Mutex<Vec<Done>>,
    tell: &'a (dyn Fn(&Done) + Sync),
}

impl Worker<'_> {
    fn next(&self) -> Option<Variant> {
        if self.stopper.is_stopped() {
            return None;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }

    fn work(&self) {
        while let Some(variant) = self.next() {
            let doc = variant.apply(self.doc, &self.plan.axes);
            let name = self.store.name(&doc);
            let done = match self.store.find(&name) {
                Some(summary) => Done {
                    result: Ok(Arc::new(summary)),
                    folder: Some(name),
                    reused: true,
                    variant,
                },
                None => match self.run(&variant, doc, &name) {
                    Some(done) => done,
                    // It was stopped on the way: as if it had not begun.
                    None => return,
                },
            };
            (self.tell)(&done);
            let mut all = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(done);
        }
    }

    /// Runs one variant; `None` when it was stopped.
    fn run(&self, variant: &Variant, doc: Document, name: &str) -> Option<Done> {
        let result = self.outcome(variant.index, doc, name);
        if self.stopper.is_stopped() {
            return None;
        }
        Some(Done {
            folder: (result.is_ok() && self.store.keeps()).then(|| name.to_owned()),
            result: result.map(Arc::new),
            reused: false,
            variant: variant.clone(),
        })
    }

    fn outcome(&self, index: usize, doc: Document, name: &str) -> Result<Summary, String> {
        let whole = self.plan.keep_runs && self.store.keeps();
        let out: Option<PathBuf> = if whole {
            Some(self.store.fresh(name)?)
        } else {
            None
        };
        let options = RunOptions {
            // The runs themselves are what goes on side by side.
            threads: Some(1),
            allow: self.plan.allow.clone(),
            out: out.clone(),
            shared: self.shared.clone(),
            bare: !whole,
            // A table of variants tells of figures, not of the records they all share.
            profiles: whole,
            ..RunOptions::default()
        };
        let prepared =
            prepare(doc, self.kinds, self.plan.root.clone(), options).map_err(|e| e.to_string())?;
        self.stopper.begin(index, prepared.stopper());
        let outcome = prepared.finish();
        self.stopper.end(index);
        let outcome = outcome.map_err(|e| e.to_string())?;
        if self.stopper.is_stopped() {
            return Ok(outcome.summary);
        }
        if let Some(error) = &outcome.summary.error {
            return Err(format!("the run failed: {error}"));
        }
        self.keep(&outcome, name, whole)?;
        Ok(outcome.summary)
    }

    fn keep(&self, outcome: &Outcome, name: &str, whole: bool) -> Result<(), String> {
        if whole {
            self.store.settle(name, &outcome.summary)
        } else {
            self.store.keep(name, outcome.folder(), &outcome.summary)
        }
    }
}
