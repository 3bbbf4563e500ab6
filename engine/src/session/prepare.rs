//! Checks, then makes the folder, the world and the run, and lets it go.

use std::io::BufWriter;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::SessionError;
use super::code::check_code;
use super::folder::{self, Folder};
use super::options::RunOptions;
use crate::books::{Books, Terms};
use crate::check::{Checked, Goal, check, terms_of};
use crate::code::{Host, Permission};
use crate::data::{Root, Shared};
use crate::disk::NewFile;
use crate::document::Document;
use crate::lake::{Lake, SqlEngine};
use crate::node::{Account, AnyKind, Pool, Problem, World};
use crate::runtime::{Command, Control, EventLog, Run, RunHandle, RunPlan, RunSnapshot, spawn};
use crate::units::{SimTime, format_duration};

/// Pieces of work that may be unfinished, per worker thread: keeps the pool busy and its memory bounded.
const SLOTS_PER_THREAD: usize = 4;

/// Ends a run at once, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(CancellationToken);

impl Stopper {
    /// Ends the run, even in the middle of work: records of the step under way may then be unaccounted for.
    pub fn stop_now(&self) {
        self.0.cancel();
    }
}

/// A run that goes on.
#[derive(Debug)]
pub struct Prepared {
    pub(super) handle: RunHandle,
    pub(super) runtime: Runtime,
    pub(super) folder: Folder,
    pub(super) doc: Document,
    pub(super) goals: Vec<Goal>,
    pub(super) options: RunOptions,
    pub(super) threads: usize,
    pub(super) kinds: Vec<&'static dyn AnyKind>,
    warnings: Vec<Problem>,
    cancel: CancellationToken,
    lake: Lake,
    books: Arc<Books>,
}

impl Prepared {
    /// Problems that do not forbid the run.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
    /// The document as it runs.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.doc
    }
    /// The run as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<RunSnapshot> {
        self.handle.snapshot()
    }
    /// Asks for something; false when the run has ended.
    #[must_use]
    pub fn send(&self, command: Command) -> bool {
        self.handle.send(command)
    }
    /// True when the run has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
    /// The run's lake: buckets, files and catalog as they are now. Cheap; readable from any thread while the run goes on, and
    /// after it as long as the run folder is there.
    #[must_use]
    pub fn lake(&self) -> Lake {
        self.lake.clone()
    }
    /// Prices, quotas and latency laws of the run's region.
    #[must_use]
    pub fn books(&self) -> Arc<Books> {
        Arc::clone(&self.books)
    }
    /// Ends the run from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.cancel.clone())
    }
}

/// The book of the document's region with the terms of its bill.
fn books(doc: &Document) -> Result<Arc<Books>, SessionError> {
    let books = Books::for_region(&doc.region).map_err(|e| SessionError::Engine(e.to_string()))?;
    let terms = terms_of(&doc.billing);
    Ok(if terms == Terms::default() {
        books
    } else {
        Arc::new(books.with_terms(terms))
    })
}

fn check_options(doc: &Document, options: &RunOptions) -> Result<(), SessionError> {
    folder::check(options.out.as_deref())?;
    let Some(warm_up) = options.warm_up.filter(|w| *w >= doc.run_for) else {
        return Ok(());
    };
    Err(SessionError::Argument(format!(
        "a warm-up of {} leaves nothing of a run of {}: run longer, or leave less out",
        format_duration(warm_up),
        format_duration(doc.run_for)
    )))
}

/// Checks `doc` with `options`, and starts the run. `root` is where the document may read files.
///
/// # Errors
/// Everything that is wrong at once; then nothing was written.
pub fn prepare(
    doc: Document,
    kinds: &[&'static dyn AnyKind],
    root: Root,
    options: RunOptions,
) -> Result<Prepared, SessionError> {
    let threads = options.threads()?;
    let doc = options.apply(doc, kinds)?;
    let Checked {
        problems,
        plan,
        goals,
        ..
    } = check(&doc, kinds, &root);
    let Some(plan) = plan else {
        return Err(SessionError::Document(problems));
    };
    check_code(&doc, &options.allow, kinds)?;
    let books = books(&doc)?;
    check_options(&doc, &options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("weir-work")
        .build()
        .map_err(|e| SessionError::Engine(format!("the system gives no threads: {e}")))?;
    let cancel = CancellationToken::new();
    let pool = Pool::new(
        runtime.handle().clone(),
        cancel.clone(),
        threads * SLOTS_PER_THREAD,
    );
    let folder = Folder::create(options.out.as_deref())?;
    let seed = Seed {
        doc: &doc,
        books,
        root,
        pool,
        threads,
        memory: options.memory_bytes,
        allow: options.allow.clone(),
        cancel: cancel.clone(),
        shared: options.shared.clone(),
        profiles: options.profiles,
    };
    let started = seed.run(plan, &folder).and_then(|mut run| {
        if let Some(warm_up) = options.warm_up {
            run.warm_up_until(SimTime(warm_up.0));
        }
        let lake = run.world().lake.clone();
        let books = Arc::clone(&run.world().books);
        let handle = spawn(run, control(&doc, &options, &cancel)).map_err(SessionError::Engine)?;
        Ok((handle, lake, books))
    });
    match started {
        Ok((handle, lake, books)) => Ok(Prepared {
            handle,
            runtime,
            folder,
            doc,
            goals,
            options,
            threads,
            kinds: kinds.to_vec(),
            warnings: problems,
            cancel,
            lake,
            books,
        }),
        Err(e) => {
            cancel.cancel();
            runtime.shutdown_background();
            folder.undo();
            Err(e)
        }
    }
}

/// How the run is driven.
fn control(doc: &Document, options: &RunOptions, cancel: &CancellationToken) -> Control {
    Control {
        until: SimTime(doc.run_for.0),
        pace: options.pace,
        paused: options.paused,
        breakpoint: options.breakpoint.clone(),
        cadence: options.cadence,
        detail: options.detail,
        cancel: cancel.clone(),
    }
}

/// What a run is made from.
struct Seed<'a> {
    doc: &'a Document,
    books: Arc<Books>,
    root: Root,
    pool: Pool,
    threads: usize,
    memory: usize,
    allow: Permission,
    cancel: CancellationToken,
    shared: Shared,
    profiles: bool,
}

impl Seed<'_> {
    fn run(self, plan: RunPlan, folder: &Folder) -> Result<Run, SessionError> {
        let failed = |e: &dyn std::fmt::Display| SessionError::Engine(e.to_string());
        let spill_dir = folder.spill();
        std::fs::create_dir_all(&spill_dir).map_err(|e| {
            SessionError::Folder(format!(
                "`{}` cannot be made ({e}): name another folder",
                spill_dir.display()
            ))
        })?;
        let world = World {
            lake: Lake::create(&folder.path().join("lake")).map_err(|e| failed(&e))?,
            sql: SqlEngine::new(self.threads, self.memory).map_err(|e| failed(&e))?,
            code: Host::new(self.allow, self.cancel, spill_dir.clone()),
            pool: self.pool,
            books: self.books,
            root: self.root,
            epoch_ms: self.doc.start.epoch_ms,
            seed: self.doc.seed,
            spill_dir,
            shared: self.shared,
            account: Account::default(),
            profiles: self.profiles,
        };
        let path = folder.path().join("events.jsonl");
        let events = NewFile::create(&path).map_err(|e| {
            SessionError::Folder(format!(
                "`{}` cannot be written ({e}): name another folder",
                path.display()
            ))
        })?;
        let log = EventLog::new(Some(Box::new(BufWriter::new(events))));
        Run::new(plan, Arc::new(world), log).map_err(|e| failed(&e))
    }
}
