//! A running job: each run goes `STARTING` -> `RUNNING` -> `SUCCEEDED`, `FAILED` or `TIMEOUT`.
//!
//! A run sees the files of the instant at which its workers are there. The work is really done meanwhile; its files become
//! visible at its modelled end, all or (when it fails) none.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::bookmark::Bookmarks;
use super::config::{Config, ExecutionClass, QualityAction};
use super::run::{Done, Run, State};
use super::terms::{Input, Terms, usage};
use crate::lake::{Archive, EtlPlan, EtlSource, EtlStep, ObjectMeta, Ruleset, SinkPlan};
use crate::node::object_reads::{LIST, ObjectReads};
use crate::node::{
    Admit, BuildCx, CallId, Cx, FaultKind, Gauges, Node, NodeError, NodeResult, Notice, Outcome,
    Payload, Retuned, Schedule, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TICK: u32 = 0;
const WORK: u32 = 1;
const LOOK: u32 = 2;
const PUT: u32 = 3;
/// First wait before a refused file is put again; doubled each time.
const RETRY: SimDuration = SimDuration::secs(1);
/// Refusals in a row after which the run fails, as the S3 client gives up.
const REFUSALS_MAX: u32 = 10;
/// Most of the workers that Flex takes away while a run goes on, drawn for each run. An assumption: AWS gives no figure.
const FLEX_LOST_MAX: f64 = 0.3;

/// A running job.
#[derive(Debug)]
pub struct Model {
    pub(super) config: Config,
    terms: Terms,
    schedule: Schedule,
    bucket: Option<String>,
    database: Option<String>,
    pub(super) bookmarks: Bookmarks,
    pub(super) runs: BTreeMap<u64, Run>,
    /// Of which run each file without an answer is.
    pub(super) calls: BTreeMap<CallId, u64>,
    next: u64,
    succeeded: u64,
    failed: u64,
    last_state: &'static str,
    last_time: SimDuration,
    pub(super) score: Option<f64>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            terms: Terms::new(cx)?,
            schedule: Schedule::new(TICK, config.start_after_seconds, config.schedule_seconds),
            bucket: None,
            database: None,
            bookmarks: Bookmarks::default(),
            runs: BTreeMap::new(),
            calls: BTreeMap::new(),
            next: 1,
            succeeded: 0,
            failed: 0,
            last_state: "READY",
            last_time: SimDuration::ZERO,
            score: None,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        if config.target_database != self.config.target_database {
            return Retuned::NextRun(
                "`target_database`: those that query it were told its name at the start".to_owned(),
            );
        }
        self.schedule
            .change(config.start_after_seconds, config.schedule_seconds, cx);
        self.config = config;
        Retuned::Live
    }

    /// `StartJobRun`.
    fn begin(&mut self, attempt: u32, cx: &mut Cx<'_>) -> Result<(), String> {
        if self.runs.len() >= self.config.max_concurrent_runs as usize {
            return Err(format!(
                "ConcurrentRunsExceededException: {} runs go on already",
                self.runs.len()
            ));
        }
        let id = self.next;
        self.next += 1;
        self.runs.insert(id, Run::new(attempt));
        self.last_state = "STARTING";
        let delay = match self.config.execution_class {
            ExecutionClass::Standard => cx.draw(&self.terms.start),
            ExecutionClass::Flex => cx.draw(&self.terms.flex_start),
        };
        cx.after(delay, Tag::new(WORK, id));
        Ok(())
    }
    /// A trigger fires: a run that there is no room for is skipped.
    fn trigger(&mut self, cx: &mut Cx<'_>) {
        if let Err(why) = self.begin(0, cx) {
            cx.incident("skipped-run", 1, || format!("a run is not begun: {why}"));
        }
    }

    /// The workers are there: lists the source and starts the work.
    fn work(&mut self, id: u64, cx: &mut Cx<'_>) -> NodeResult {
        self.last_state = "RUNNING";
        let now = cx.now();
        if let Some(run) = self.runs.get_mut(&id) {
            run.began = now;
        }
        match self.prepare(id, cx)? {
            Ok(()) => Ok(()),
            Err(why) => self.fail(id, &why, "FAILED", cx),
        }
    }
    fn source(&self, cx: &Cx<'_>) -> NodeResult<Result<Option<EtlSource>, String>> {
        let lake = cx.world().lake.clone();
        if !self.config.source_table.is_empty() {
            let database = self.database();
            let table = self.config.source_table.to_lowercase();
            let found = EtlSource::of_catalog(&lake, &database, &table);
            let missing =
                || format!("EntityNotFoundException: there is no table `{database}.{table}`");
            return Ok(found.map(Some).ok_or_else(missing));
        }
        let Some(bucket) = self.bucket.clone() else {
            return Ok(Err(
                "InvalidInputException: no source; name a `source_table` or draw a wire from a bucket".to_owned(),
            ));
        };
        let prefix = self.config.source_prefix.clone();
        // Waited for at once: the files are read as they are at this instant.
        let work = cx.compute(move || Ok(EtlSource::of_prefix(&lake, &bucket, &prefix)))?;
        cx.wait(work)
    }
    fn database(&self) -> String {
        if self.config.source_database.is_empty() {
            let told = self.database.clone();
            told.unwrap_or_else(|| self.config.target_database.clone())
        } else {
            self.config.source_database.to_lowercase()
        }
    }
    fn prepare(&mut self, id: u64, cx: &mut Cx<'_>) -> NodeResult<Result<(), String>> {
        let plan = match self.plan(id, cx) {
            Ok(plan) => plan,
            Err(why) => return Ok(Err(why)),
        };
        let source = match self.source(cx)? {
            Ok(source) => source,
            Err(why) => return Ok(Err(why)),
        };
        let world = Arc::clone(cx.world());
        let seen = self.bookmarks.seen(self.config.job_bookmark);
        let Some(source) = source else {
            // A folder without files: nothing to do, and nothing wrong.
            self.idle(id, cx);
            return Ok(Ok(()));
        };
        let files = match source.files(&world.lake) {
            Ok(files) => files,
            Err(why) => return Ok(Err(why.to_string())),
        };
        let lake = world.lake.clone();
        let archived =
            move |f: &ObjectMeta| lake.archive_of(&f.bucket, &f.key) == Archive::Archived;
        let mut wanted = files.iter().filter(|f| Bookmarks::is_new(f, seen));
        let met = wanted.find(|f| !self.config.exclude_archived_files && archived(f));
        if let Some(file) = met {
            return Ok(Err(invalid_state(&file.key)));
        }
        let pages = (files.len() as u64).div_ceil(self.terms.list_page).max(1);
        cx.meter(&LIST, u128::from(pages));
        let keep = move |f: &ObjectMeta| Bookmarks::is_new(f, seen) && !archived(f);
        let new = || files.iter().filter(|f| keep(f));
        let input = Input::of(new().map(|f| f.size));
        let passes = passes(&plan);
        let mut reads = ObjectReads::default();
        for file in new() {
            let tasks = Input::of(std::iter::once(file.size)).tasks;
            reads.add(&file.bucket, &file.key, tasks * passes, file.size * passes);
        }
        let prepared = world
            .sql
            .prepare_etl(&world.lake, &self.database(), &source, &keep, plan);
        let work = match prepared {
            Ok(prepared) => {
                let running = prepared.run();
                cx.start(async move { Ok(running.await) })?
            }
            Err(why) => return Ok(Err(why.to_string())),
        };
        reads.bill(cx);
        let lost = match self.config.execution_class {
            ExecutionClass::Standard => 0.0,
            ExecutionClass::Flex => cx.rng().unit() * FLEX_LOST_MAX,
        };
        let extra = cx
            .fault(FaultKind::Latency)
            .map_or(SimDuration::ZERO, |f| f.add);
        let mut sizing = self.terms.sizing(&self.config, input, passes, lost);
        sizing.takes += extra;
        sizing.takes += reads.wait(sizing.takes, self.terms.gets_per_second, cx);
        let limit = SimDuration::secs(u64::from(self.config.timeout_minutes) * 60);
        let times_out = sizing.takes > limit;
        cx.after(sizing.takes.min(limit), Tag::new(LOOK, id));
        if self.terms.groups(input) {
            cx.event(
                "grouped",
                format!("{} files are read in groups", input.files),
            );
        }
        if let Some(run) = self.runs.get_mut(&id) {
            run.listed = world.lake.commits();
            run.sizing = sizing;
            run.state = State::Running {
                work: Some(work),
                times_out,
            };
        }
        Ok(Ok(()))
    }
    /// A run without input.
    fn idle(&mut self, id: u64, cx: &mut Cx<'_>) {
        let input = Input::of(std::iter::empty());
        let sizing = self.terms.sizing(&self.config, input, 0, 0.0);
        cx.after(sizing.takes, Tag::new(LOOK, id));
        if let Some(run) = self.runs.get_mut(&id) {
            run.sizing = sizing;
            run.state = State::Running {
                work: None,
                times_out: false,
            };
        }
    }
    fn plan(&self, id: u64, cx: &Cx<'_>) -> Result<EtlPlan, String> {
        let steps: Result<Vec<EtlStep>, String> = self
            .config
            .transforms
            .iter()
            .map(|t| EtlStep::parse(t))
            .collect();
        let rules = self.config.data_quality_ruleset.trim();
        let rules = if rules.is_empty() {
            None
        } else {
            Some(Ruleset::parse(rules)?)
        };
        let (format, codec) = self.config.output();
        Ok(EtlPlan {
            steps: steps?,
            sink: SinkPlan {
                format,
                codec,
                partition_keys: self.config.partition_keys.clone(),
                prefix: self.config.target_folder(),
                file_name: format!("run-{}-{id}", cx.now_epoch_ms()),
                max_rows_per_file: self.config.max_records_per_file,
            },
            rules,
            stop_on_failed_rule: self.config.data_quality_action
                == QualityAction::FailWithoutLoading,
            bad_records_max: Some(self.config.stage_threshold).filter(|n| *n > 0),
            now_unix_seconds: cx.now_epoch_ms() as f64 / 1000.0,
        })
    }

    /// The modelled time of the work is over.
    fn look(&mut self, id: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some(run) = self.runs.get_mut(&id) else {
            return Ok(());
        };
        let State::Running { work, times_out } = &mut run.state else {
            return Ok(());
        };
        if *times_out {
            let minutes = self.config.timeout_minutes;
            let why = format!("it took longer than {minutes} minutes");
            return self.fail(id, &why, "TIMEOUT", cx);
        }
        let result = match work.take() {
            Some(work) => cx.wait(work)?,
            None => return self.succeed(id, Done::default(), cx),
        };
        if cx.strikes(FaultKind::Errors) {
            return self.fail(
                id,
                "InternalServiceException: a fault of the scenario",
                "FAILED",
                cx,
            );
        }
        match result {
            Ok(result) => self.write(id, result, cx),
            Err(why) => self.fail(id, &why.to_string(), "FAILED", cx),
        }
    }
    pub(super) fn succeed(&mut self, id: u64, done: Done, cx: &mut Cx<'_>) -> NodeResult {
        let Some(run) = self.end(id, "SUCCEEDED", cx) else {
            return Ok(());
        };
        self.bookmarks
            .commit(self.config.job_bookmark, id, run.listed);
        self.succeeded += 1;
        cx.metric("glue.succeed.ALL", 1.0);
        cx.metric("glue.driver.aggregate.bytesRead", done.bytes_read as f64);
        cx.metric("glue.driver.aggregate.recordsRead", done.rows_read as f64);
        cx.metric(
            "glue.driver.aggregate.numCompletedTasks",
            run.sizing.tasks as f64,
        );
        cx.metric("RecordsWritten", done.rows_written as f64);
        cx.metric("FilesWritten", done.files_written as f64);
        cx.metric("ErrorRecords", done.bad_records as f64);
        cx.event(
            "succeeded",
            format!(
                "run {id} read {} records and wrote {} to {} files in {:.0} s on {} workers",
                done.rows_read,
                done.rows_written,
                done.files_written,
                self.last_time.as_secs_f64(),
                run.sizing.workers
            ),
        );
        Ok(())
    }
    pub(super) fn fail(
        &mut self,
        id: u64,
        why: &str,
        state: &'static str,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let Some(run) = self.end(id, state, cx) else {
            return Ok(());
        };
        self.failed += 1;
        cx.metric("glue.error.ALL", 1.0);
        cx.errored(1, || format!("run {id} ended with {state}: {why}"));
        // A run that timed out is not begun again.
        if state == "FAILED"
            && run.attempt < self.config.max_retries
            && self.begin(run.attempt + 1, cx).is_ok()
        {
            cx.event(
                "retry",
                format!("run {id} is begun again, attempt {}", run.attempt + 2),
            );
        }
        Ok(())
    }
    /// Takes a run off the books and bills it.
    fn end(&mut self, id: u64, state: &'static str, cx: &mut Cx<'_>) -> Option<Run> {
        let run = self.runs.remove(&id)?;
        self.calls.retain(|_, of| *of != id);
        self.last_state = state;
        let took = cx.now().since(run.began);
        self.last_time = took;
        let sizing = run.sizing;
        // A run that failed before its work began had its workers all the same.
        let milli_dpus = if sizing.milli_dpus == 0 {
            let input = Input::of(std::iter::empty());
            self.terms.sizing(&self.config, input, 0, 0.0).milli_dpus
        } else {
            sizing.milli_dpus
        };
        cx.meter(usage(&self.config), self.terms.billed(milli_dpus, took));
        cx.metric("glue.driver.aggregate.elapsedTime", took.as_millis_f64());
        cx.metric(
            "glue.driver.ExecutorAllocationManager.executors.numberAllExecutors",
            sizing.workers.saturating_sub(1) as f64,
        );
        cx.metric(
            "glue.driver.ExecutorAllocationManager.executors.numberMaxNeededExecutors",
            sizing.needed_workers.saturating_sub(1) as f64,
        );
        Some(run)
    }
    /// Tells those that query of the target's database.
    pub(super) fn tell(&self, cx: &mut Cx<'_>) -> NodeResult {
        let wires: Vec<WireId> = cx.outs("catalog").map(|w| w.id).collect();
        for wire in wires {
            let notice = Payload::Notice(Notice::Catalog(self.config.target_database.clone()));
            if cx.send(wire, notice, SimDuration::ZERO).is_err() {
                return Err(NodeError::Fatal(
                    "a wire has no credit for a notice".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// How often a plan reads its source.
fn passes(plan: &EtlPlan) -> u64 {
    let twice = |s: &EtlStep| matches!(s, EtlStep::DropNullFields | EtlStep::Relationalize(_));
    let steps = plan.steps.iter().filter(|s| twice(s)).count() as u64;
    1 + steps + u64::from(plan.rules.is_some())
}

/// Why a run fails that meets an archived file.
fn invalid_state(key: &str) -> String {
    format!(
        "InvalidObjectState: `{key}` lies in an archive; restore it, or set `exclude_archived_files`"
    )
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.schedule.begin(cx);
        self.tell(cx)
    }
    fn receive(&mut self, wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Notice(Notice::Bucket(name)) => self.bucket = Some(name),
            Payload::Notice(Notice::Catalog(name)) => {
                // The first word comes at the start; each later one is a crawler that has succeeded.
                let first = self.database.replace(name).is_none();
                if !first && self.config.run_after_crawl {
                    self.trigger(cx);
                }
            }
            Payload::Notice(_) if cx.port(wire) == "trigger" => self.trigger(cx),
            payload => {
                return Ok(Admit::Refused {
                    payload,
                    error: "InvalidInputException",
                });
            }
        }
        Ok(Admit::All)
    }
    fn settled(
        &mut self,
        _wire: WireId,
        call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let Some(id) = self.calls.remove(&call) else {
            return Ok(());
        };
        let Some(Run {
            state: State::Writing(writing),
            ..
        }) = self.runs.get_mut(&id)
        else {
            return Ok(());
        };
        writing.sent -= 1;
        match outcome {
            Outcome::Accepted | Outcome::Partial { .. } => {
                writing.refused = 0;
                self.put(id, cx)
            }
            Outcome::Refused { payload, error } => {
                if let Payload::Object(file) = payload {
                    writing.waiting.push_back(file);
                }
                writing.refused += 1;
                if writing.refused > REFUSALS_MAX {
                    let why = format!(
                        "the target refuses files with {error}; those that it took stay there"
                    );
                    return self.fail(id, &why, "FAILED", cx);
                }
                cx.after(RETRY * (1 << writing.refused.min(6)), Tag::new(PUT, id));
                Ok(())
            }
        }
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            WORK => self.work(tag.index, cx),
            LOOK => self.look(tag.index, cx),
            PUT => self.put(tag.index, cx),
            _ => {
                if self.schedule.is_due(tag, cx) {
                    self.trigger(cx);
                }
                Ok(())
            }
        }
    }
    fn command(
        &mut self,
        name: &str,
        argument: &Value,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<(), String>> {
        Ok(match name {
            "run" => self.begin(0, cx),
            "reset-bookmark" => {
                self.bookmarks.reset();
                Ok(())
            }
            "rewind-bookmark" => match argument.as_u64() {
                Some(run) => self.bookmarks.rewind(run),
                None => Err("`rewind-bookmark` needs the number of a run".to_owned()),
            },
            other => Err(format!(
                "`{other}` is nothing that a job can do: run, reset-bookmark, rewind-bookmark"
            )),
        })
    }
    fn held(&self) -> u64 {
        0
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        let running = self.runs.values().next_back();
        let state = running.map_or(self.last_state, Run::state_name);
        out.state = Some(state.to_owned());
        let most = f64::from(self.config.max_concurrent_runs.max(1));
        if self.config.max_concurrent_runs > 1 {
            out.limit("concurrent runs", self.runs.len() as f64 / most);
        }
        if let Some(run) = running.filter(|r| r.began > SimTime::ZERO) {
            let limit = f64::from(self.config.timeout_minutes) * 60.0;
            out.limit("timeout", now.since(run.began).as_secs_f64() / limit);
        }
        out.values = vec![
            ("succeeded", self.succeeded as f64, ""),
            ("failed", self.failed as f64, ""),
            ("last run", self.last_time.as_secs_f64(), "s"),
        ];
        if let Some(score) = self.score {
            out.values.push(("data quality", score * 100.0, "%"));
        }
    }
}
