//! A running job: `Starting` -> `Training` (or `Transforming`, `Processing`) -> `Uploading` -> `Completed`, `Failed` or `Stopped`.
//!
//! A job sees the rows of the instant at which its instances are there. The work is really done meanwhile; its file becomes visible
//! at its modelled end.

use std::sync::Arc;

use serde_json::Value;
use weir_detect::Trained;

use super::config::{Config, JobType};
use super::work::{self, Done};
use super::{PROCESSING, TRAINING, TRANSFORM};
use crate::books::LatencyLaw;
use crate::lake::QueryOptions;
use crate::node::object_reads::ObjectReads;
use crate::node::{
    Admit, BuildCx, CallId, Cx, FaultKind, Gauges, Node, NodeResult, Notice, ObjectPut, Outcome,
    Payload, Retuned, Schedule, Table, Tag, WireId, Work,
};
use crate::units::{SimDuration, SimTime};

const TICK: u32 = 0;
const WORK: u32 = 1;
const LOOK: u32 = 2;
const PUT: u32 = 3;
const RETRY: SimDuration = SimDuration::secs(5);
/// Refusals of the file in a row after which the job fails.
const REFUSALS_MAX: u32 = 10;

/// The one job that goes on.
#[derive(Debug)]
struct Job {
    began: SimTime,
    work: Option<Work<Result<Done, String>>>,
    /// Known to be stopped before its end.
    stops: bool,
    done: Option<Done>,
    refused: u32,
}

/// A node that runs jobs.
#[derive(Debug)]
pub struct Model {
    config: Config,
    schedule: Schedule,
    start: LatencyLaw,
    min_billed_s: u64,
    rows_max: usize,
    database: Option<String>,
    bucket: Option<String>,
    job: Option<Job>,
    next: u64,
    state: &'static str,
    completed: u64,
    failed: u64,
    last_time: SimDuration,
    accuracy: Option<f64>,
    table: Option<Arc<Table>>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            schedule: Schedule::new(TICK, config.start_after_seconds, config.schedule_seconds),
            start: cx.latency("sagemaker-job.start")?,
            min_billed_s: cx.quota("sagemaker-job.min_billed_s")?,
            rows_max: usize::try_from(cx.quota("sagemaker-job.rows_max")?).unwrap_or(usize::MAX),
            config,
            database: None,
            bucket: None,
            job: None,
            next: 0,
            state: "",
            completed: 0,
            failed: 0,
            last_time: SimDuration::ZERO,
            accuracy: None,
            table: None,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        self.schedule
            .change(config.start_after_seconds, config.schedule_seconds, cx);
        self.config = config;
        Retuned::Live
    }
    /// `CreateTrainingJob` or `CreateTransformJob`.
    fn begin(&mut self, cx: &mut Cx<'_>) -> Result<(), String> {
        if self.job.is_some() {
            return Err("ResourceInUse: the job before goes on still".to_owned());
        }
        self.next += 1;
        self.state = "Starting";
        self.job = Some(Job {
            began: SimTime::ZERO,
            work: None,
            stops: false,
            done: None,
            refused: 0,
        });
        let wait = cx.draw(&self.start);
        cx.after(wait, Tag::new(WORK, self.next));
        Ok(())
    }
    fn trigger(&mut self, cx: &mut Cx<'_>) {
        if let Err(why) = self.begin(cx) {
            cx.incident("skipped-run", 1, || format!("a job is not begun: {why}"));
        }
    }
    /// The instances are there: reads the rows and starts the work.
    fn work(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(job) = &mut self.job else {
            return Ok(());
        };
        job.began = cx.now();
        self.state = match self.config.job_type {
            JobType::Training => "Training",
            JobType::Transform => "Transforming",
            JobType::Processing => "Processing",
        };
        match self.prepare(cx)? {
            Ok(()) => Ok(()),
            Err(why) => {
                self.fail(&why, "Failed", cx);
                Ok(())
            }
        }
    }
    /// The newest stored model, for a transform.
    fn stored(&self, cx: &mut Cx<'_>) -> NodeResult<Result<Option<Trained>, String>> {
        if self.config.job_type != JobType::Transform {
            return Ok(Ok(None));
        }
        let Some(bucket) = self.bucket.clone() else {
            return Ok(Err(
                "no bucket with the model; draw a wire to `models`".to_owned()
            ));
        };
        let lake = cx.world().lake.clone();
        let files = lake.list(&bucket, &self.config.model_key);
        let Some(newest) = files.into_iter().max_by_key(|f| f.version) else {
            return Ok(Err(format!(
                "there is no model `s3://{bucket}/{}`",
                self.config.model_key
            )));
        };
        let mut reads = ObjectReads::default();
        reads.add(&bucket, &newest.key, 1, newest.size);
        reads.bill(cx);
        let read = move || {
            let bytes = lake.read(&bucket, &newest.key).map_err(|e| e.to_string());
            Ok(bytes.and_then(|b| {
                Trained::from_bytes(&b).map_err(|e| format!("`{}`: {e}", newest.key))
            }))
        };
        let work = cx.compute(read)?;
        Ok(cx.wait(work)?.map(Some))
    }
    fn prepare(&mut self, cx: &mut Cx<'_>) -> NodeResult<Result<(), String>> {
        let model = match self.stored(cx)? {
            Ok(model) => model,
            Err(why) => return Ok(Err(why)),
        };
        let told = self.database.clone().unwrap_or_default();
        let database = if self.config.database.is_empty() {
            told
        } else {
            self.config.database.to_lowercase()
        };
        let world = Arc::clone(cx.world());
        let options = QueryOptions {
            max_rows: self.rows_max,
            now_unix_nanos: cx.now_epoch_ms().checked_mul(1_000_000),
            ..QueryOptions::default()
        };
        let prepared =
            match world
                .sql
                .prepare_with(&world.lake, &database, &self.config.sql, options)
            {
                Ok(prepared) => prepared,
                Err(problem) => return Ok(Err(problem.to_string())),
            };
        let running = prepared.run();
        let read = cx.start(async move { Ok(running.await) })?;
        // Waited for at once: how long the work takes depends on the number of rows.
        let rows = match cx.wait(read)? {
            Ok(rows) => rows,
            Err(problem) => return Ok(Err(problem.to_string())),
        };
        if rows.effect.is_some() {
            return Ok(Err("a job reads rows; it changes no tables".to_owned()));
        }
        ObjectReads::of_opens(&rows.reads).bill(cx);
        if rows.truncated {
            return Ok(Err(format!(
                "the query gave {} rows, which are more than {}; write LIMIT or a sample",
                rows.rows, self.rows_max
            )));
        }
        cx.metric("RowsRead", rows.rows as f64);
        let extra = cx
            .fault(FaultKind::Latency)
            .map_or(SimDuration::ZERO, |f| f.add);
        let takes = SimDuration::from_secs_f64(self.config.seconds(rows.rows)) + extra;
        let limit = SimDuration::secs(u64::from(self.config.max_runtime_seconds));
        let (config, seed) = (self.config.clone(), world.seed);
        let work = cx.compute(move || {
            Ok(match model {
                None if config.job_type == JobType::Processing => {
                    work::process(&config, &rows.batches)
                }
                None => work::train(&config, &rows.batches, seed),
                Some(model) => work::transform(&config, &rows.batches, model),
            })
        })?;
        if let Some(job) = &mut self.job {
            job.stops = takes > limit;
            job.work = Some(work);
        }
        cx.after(takes.min(limit), Tag::new(LOOK, self.next));
        Ok(Ok(()))
    }
    /// The modelled time of the work is over.
    fn look(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(job) = &mut self.job else {
            return Ok(());
        };
        let stops = job.stops;
        let Some(work) = job.work.take() else {
            return Ok(());
        };
        if stops {
            let why = format!("it took longer than {} s", self.config.max_runtime_seconds);
            self.fail(&why, "Stopped", cx);
            return Ok(());
        }
        let result = cx.wait(work)?;
        if cx.strikes(FaultKind::Errors) {
            self.fail("InternalServerError: a fault of the scenario", "Failed", cx);
            return Ok(());
        }
        match result {
            Ok(done) => {
                job.done = Some(done);
                self.state = "Uploading";
                self.put(cx)
            }
            Err(why) => {
                self.fail(&why, "Failed", cx);
                Ok(())
            }
        }
    }
    fn put(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(Job {
            done: Some(done), ..
        }) = &self.job
        else {
            return Ok(());
        };
        let Some(wire) = cx.outs("out").next().map(|w| w.id) else {
            self.fail(
                "there is no target; draw a wire from `out` to a bucket",
                "Failed",
                cx,
            );
            return Ok(());
        };
        let name = match self.config.job_type {
            JobType::Training => format!("model-{}.weir", cx.now_epoch_ms()),
            JobType::Transform => format!("transform-{}.json", cx.now_epoch_ms()),
            JobType::Processing => format!("processed-{}.json", cx.now_epoch_ms()),
        };
        let put = ObjectPut {
            key: format!("{}{name}", self.config.target_folder()),
            staged: cx
                .world()
                .lake
                .stage(&done.bytes)
                .map_err(|e| e.to_string())?,
            // These records came to rest when the source's files did; here they are copied, not counted again.
            born: Vec::new(),
            record_bytes: 0,
            failed: false,
        };
        if cx
            .send(wire, Payload::Object(put), SimDuration::ZERO)
            .is_err()
        {
            cx.after(RETRY, Tag::new(PUT, self.next));
        }
        Ok(())
    }
    fn succeed(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(done) = self.job.as_mut().and_then(|j| j.done.take()) else {
            return Ok(());
        };
        self.end("Completed", cx);
        self.completed += 1;
        cx.metric("JobsCompleted", 1.0);
        let mut said = format!(
            "{} rows in {:.0} s",
            done.rows,
            self.last_time.as_secs_f64()
        );
        match self.config.job_type {
            JobType::Training => cx.metric("ModelBytes", done.bytes.len() as f64),
            JobType::Transform | JobType::Processing => {
                cx.metric("RowsWritten", done.rows as f64);
            }
        }
        if let Some(train) = &done.train {
            cx.metric("train:logloss", train.log_loss);
            cx.metric("train:accuracy", train.accuracy);
        }
        if let Some(validation) = &done.validation {
            cx.metric("validation:logloss", validation.log_loss);
            cx.metric("validation:accuracy", validation.accuracy);
            cx.metric("validation:f1", validation.macro_f1);
            self.accuracy = Some(validation.accuracy);
            said.push_str(&format!(
                "; of the newest {} rows {:.1} % are told rightly, F1 {:.2}",
                validation.rows,
                validation.accuracy * 100.0,
                validation.macro_f1
            ));
        }
        cx.event("completed", said);
        if let Some(rows) = done.table {
            let table = Arc::new(Table {
                title: "Importance of the inputs".to_owned(),
                rows: vec![rows],
                at: cx.now(),
            });
            let wires: Vec<WireId> = cx.outs("rows").map(|w| w.id).collect();
            for wire in wires {
                // Rows need no credit.
                if cx
                    .send(wire, Payload::Rows(Arc::clone(&table)), SimDuration::ZERO)
                    .is_err()
                {
                    cx.incident("buffer-full", 1, || "a table could not be sent".to_owned());
                }
            }
            self.table = Some(table);
        }
        Ok(())
    }
    fn fail(&mut self, why: &str, state: &'static str, cx: &mut Cx<'_>) {
        self.end(state, cx);
        self.failed += 1;
        cx.metric("JobsFailed", 1.0);
        cx.errored(1, || format!("the job ended with {state}: {why}"));
    }
    /// Bills the job and forgets it.
    fn end(&mut self, state: &'static str, cx: &mut Cx<'_>) {
        self.state = state;
        let Some(job) = self.job.take() else {
            return;
        };
        self.last_time = cx.now().since(job.began);
        let seconds = self.last_time.ceil_secs().max(self.min_billed_s);
        cx.metric("BillableTime", seconds as f64);
        let usage = match self.config.job_type {
            JobType::Training => &TRAINING,
            JobType::Transform => &TRANSFORM,
            JobType::Processing => &PROCESSING,
        };
        let usage = &usage[self.config.instance_type as usize];
        cx.meter(
            usage,
            u128::from(seconds) * 1000 * u128::from(self.config.instance_count),
        );
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.schedule.begin(cx);
        Ok(())
    }
    fn receive(&mut self, wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Notice(Notice::Catalog(name)) => self.database = Some(name),
            Payload::Notice(Notice::Bucket(name)) => self.bucket = Some(name),
            Payload::Notice(_) if cx.port(wire) == "trigger" => self.trigger(cx),
            Payload::Notice(_) => {}
            payload => {
                return Ok(Admit::Refused {
                    payload,
                    error: "ValidationException",
                });
            }
        }
        Ok(Admit::All)
    }
    fn settled(
        &mut self,
        _wire: WireId,
        _call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let Some(job) = &mut self.job else {
            return Ok(());
        };
        match outcome {
            Outcome::Accepted | Outcome::Partial { .. } => self.succeed(cx),
            Outcome::Refused { error, .. } => {
                job.refused += 1;
                if job.refused > REFUSALS_MAX {
                    self.fail(
                        &format!("the target refuses the file with {error}"),
                        "Failed",
                        cx,
                    );
                } else {
                    cx.after(RETRY, Tag::new(PUT, self.next));
                }
                Ok(())
            }
        }
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            WORK => self.work(cx),
            LOOK => self.look(cx),
            PUT => self.put(cx),
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
        _argument: &Value,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<(), String>> {
        Ok(match name {
            "run" => self.begin(cx),
            other => Err(format!("`{other}` is nothing that a job can do: run")),
        })
    }
    fn held(&self) -> u64 {
        0
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        if !self.state.is_empty() {
            out.state = Some(self.state.to_owned());
        }
        if let Some(job) = self.job.as_ref().filter(|j| j.began > SimTime::ZERO) {
            let limit = f64::from(self.config.max_runtime_seconds);
            out.limit("runtime", now.since(job.began).as_secs_f64() / limit);
        }
        out.values = vec![
            ("completed", self.completed as f64, ""),
            ("failed", self.failed as f64, ""),
            ("last run", self.last_time.as_secs_f64(), "s"),
        ];
        if let Some(accuracy) = self.accuracy {
            out.values.push(("accuracy", accuracy * 100.0, "%"));
        }
        out.table.clone_from(&self.table);
    }
}
