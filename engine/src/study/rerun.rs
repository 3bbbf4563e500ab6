//! Runs a drawing several times with different seeds, several at a time.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::repeat::{Repeat, WarmUp, bands, repeats, seeds, warm_up_of};
use super::sweep::SweepStopper;
use crate::data::Root;
use crate::disk;
use crate::document::Document;
use crate::node::AnyKind;
use crate::report::{Bands, Summary};
use crate::session::{Outcome, RunOptions, SessionError, prepare};
use crate::units::SimDuration;

/// What to repeat.
#[derive(Debug, Clone)]
pub struct RepeatPlan {
    /// The drawing.
    pub doc: Document,
    /// Where it may read files.
    pub root: Root,
    /// How each run is made. Its folder is that of the first run; the others leave document, bill and summary in `repeats/`.
    pub options: RunOptions,
    /// How many runs.
    pub runs: u32,
    /// What is left out at their beginning.
    pub warm_up: WarmUp,
}

/// What repeats came to.
#[derive(Debug)]
pub struct Repeated {
    /// The first run, with its folder.
    pub first: Outcome,
    /// Its figures, with those of all runs in `repeats`.
    pub summary: Summary,
    /// Means over time.
    pub bands: Bands,
}

/// Runs `plan`. `tell` is called from the running threads with how many runs are done.
///
/// # Errors
/// When the drawing is refused, a run fails, it is stopped, or the folder cannot be written.
pub fn run_repeats(
    plan: &RepeatPlan,
    kinds: &[&'static dyn AnyKind],
    stopper: &SweepStopper,
    tell: &(dyn Fn(usize) + Sync),
) -> Result<Repeated, SessionError> {
    let base = plan.options.apply(plan.doc.clone(), kinds)?;
    let runner = Runner {
        plan,
        kinds,
        stopper,
        warm_up: warm_up(plan, kinds, stopper)?,
    };
    let all = seeds(base.seed, plan.runs.max(1));
    let waiting: Mutex<VecDeque<(usize, u64)>> =
        Mutex::new(all.iter().copied().enumerate().collect());
    let done: Mutex<Vec<(usize, Result<Outcome, SessionError>)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some((index, seed)) = next.filter(|_| !stopper.is_stopped()) else {
                return;
            };
            let outcome = runner.run(index, seed);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((index, outcome));
            tell(done.len());
        }
    };
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for n in 0..jobs.min(all.len()) {
            let thread = std::thread::Builder::new().name(format!("weir-repeat-{n}"));
            thread
                .spawn_scoped(scope, work)
                .map_err(|e| SessionError::Engine(format!("the system gives no thread: {e}")))?;
        }
        Ok::<(), SessionError>(())
    })?;
    if stopper.is_stopped() {
        return Err(SessionError::Argument(
            "the repeats were stopped".to_owned(),
        ));
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    let outcomes: Result<Vec<Outcome>, SessionError> = done.into_iter().map(|(_, o)| o).collect();
    sum_up(plan, &all, outcomes?)
}

/// How much is left out: what was given, or what a first run shows.
fn warm_up(
    plan: &RepeatPlan,
    kinds: &[&'static dyn AnyKind],
    stopper: &SweepStopper,
) -> Result<Option<SimDuration>, SessionError> {
    match plan.warm_up {
        WarmUp::Nothing => Ok(None),
        WarmUp::Given(span) => Ok(Some(span)),
        WarmUp::Automatic => {
            let options = RunOptions {
                out: None,
                detail: true,
                bare: true,
                ..plan.options.clone()
            };
            let prepared = prepare(plan.doc.clone(), kinds, plan.root.clone(), options)?;
            stopper.begin(usize::MAX, prepared.stopper());
            let outcome = prepared.finish();
            stopper.end(usize::MAX);
            Ok(Some(warm_up_of(&outcome?.snapshot)))
        }
    }
}

struct Runner<'a> {
    plan: &'a RepeatPlan,
    kinds: &'a [&'static dyn AnyKind],
    stopper: &'a SweepStopper,
    warm_up: Option<SimDuration>,
}

impl Runner<'_> {
    fn run(&self, index: usize, seed: u64) -> Result<Outcome, SessionError> {
        let options = RunOptions {
            seed: Some(seed),
            threads: Some(1),
            warm_up: self.warm_up,
            detail: true,
            out: self.plan.options.out.clone().filter(|_| index == 0),
            bare: index > 0,
            ..self.plan.options.clone()
        };
        let prepared = prepare(
            self.plan.doc.clone(),
            self.kinds,
            self.plan.root.clone(),
            options,
        )?;
        self.stopper.begin(index, prepared.stopper());
        let outcome = prepared.finish();
        self.stopper.end(index);
        let outcome = outcome?;
        match &outcome.summary.error {
            Some(why) => Err(SessionError::Engine(format!(
                "the run with seed {seed} failed: {why}"
            ))),
            None => Ok(outcome),
        }
    }
}

fn sum_up(
    plan: &RepeatPlan,
    seeds: &[u64],
    outcomes: Vec<Outcome>,
) -> Result<Repeated, SessionError> {
    let runs: Vec<Repeat> = seeds
        .iter()
        .zip(&outcomes)
        .map(|(seed, o)| Repeat {
            seed: *seed,
            summary: o.summary.clone(),
            snapshot: std::sync::Arc::clone(&o.snapshot),
        })
        .collect();
    let bands = bands(&runs);
    let found = repeats(&runs, plan.warm_up);
    let mut outcomes = outcomes.into_iter();
    let first = outcomes
        .next()
        .ok_or_else(|| SessionError::Engine("no run was made".to_owned()))?;
    let summary = Summary {
        repeats: Some(found),
        ..first.summary.clone()
    };
    let folder = first.folder();
    write(&folder.join("summary.json"), &summary)?;
    write(&folder.join("repeats.json"), &bands)?;
    for (seed, other) in seeds.iter().skip(1).zip(outcomes) {
        let place = folder.join("repeats").join(format!("seed-{seed}"));
        keep(other.folder(), &place)?;
    }
    Ok(Repeated {
        first,
        summary,
        bands,
    })
}

fn failed(path: &Path, e: &dyn std::fmt::Display) -> SessionError {
    SessionError::Folder(format!(
        "`{}` cannot be written ({e}): check that the disk has room",
        path.display()
    ))
}

fn write(path: &Path, value: &impl serde::Serialize) -> Result<(), SessionError> {
    let text =
        serde_json::to_string_pretty(value).map_err(|e| SessionError::Engine(e.to_string()))?;
    disk::replace(path, format!("{text}\n").as_bytes()).map_err(|e| failed(path, &e))
}

fn keep(from: &Path, to: &PathBuf) -> Result<(), SessionError> {
    fs::create_dir_all(to).map_err(|e| failed(to, &e))?;
    for file in super::store::KEPT {
        disk::copy_whole(&from.join(file), &to.join(file)).map_err(|e| failed(to, &e))?;
    }
    Ok(())
}
