//! The function: how long a run takes, what it makes of a batch, what it is billed.

use std::sync::Arc;
use std::time::Duration;

use super::config::{Architecture, Config};
use super::environments::{Environment, Environments};
use super::handler::{self, Contract, Frame, Returned};
use super::sql::{apply, shared_apply};
use super::{
    EPHEMERAL_STORAGE, GB_SECOND_ARM, GB_SECOND_X86, PROVISIONED_ARM, PROVISIONED_DURATION_ARM,
    PROVISIONED_DURATION_X86, PROVISIONED_X86, REQUEST,
};
use arrow::datatypes::SchemaRef;

use crate::books::LatencyLaw;
use crate::code::{Failed, Program};
use crate::data::{Batch, JsonShape};
use crate::lake::Transform;
use crate::node::{BuildCx, Cx, FaultKind, NodeError, NodeResult, Work};
use crate::units::{SimDuration, SimTime};

/// Rows from which the SQL runs on the pool, beside the event loop; below that handing over costs more than it saves.
const POOL_ROWS: usize = 2048;

/// Different errors whose tracebacks are told in one run.
const TRACEBACKS: usize = 16;
/// Runs whose prints are told.
const LOGS: usize = 8;

/// A call of the function that is to be.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) input: Batch,
    pub(super) contract: Contract,
    /// Records of one run at the most; a row may stand for more. None: all in one run.
    pub(super) size: Option<u64>,
    /// The node at the other end of the wire that it came on.
    pub(super) source: String,
}

/// What the function made of a batch.
#[derive(Debug)]
pub(super) struct Output {
    /// The result rows with births and sizes.
    pub(super) batch: Batch,
    /// Records that WHERE left out or the handler dropped.
    pub(super) filtered: u64,
    /// Records that went into others (aggregates): in minus out, when positive.
    pub(super) merged: u64,
    /// Rows beyond those that came in.
    pub(super) created: u64,
    /// True when no row of the result is one record of the input.
    pub(super) regrouped: bool,
    /// Records of the input that the handler gave back as failed.
    pub(super) failed: Batch,
    /// Which rows of the input those are, if any.
    pub(super) failed_at: Option<Vec<bool>>,
    /// True when the records are through here: the handler put none on.
    pub(super) ends: bool,
}

impl Output {
    /// `batch` goes on, and nothing else happened.
    pub(super) fn of(batch: Batch) -> Self {
        Self {
            failed: batch.slice(0, 0),
            failed_at: None,
            batch,
            filtered: 0,
            merged: 0,
            created: 0,
            regrouped: false,
            ends: false,
        }
    }
}

impl Output {
    /// Which rows of `input` failed: they are in `failed` in the same order.
    pub(super) fn failed_rows(&self, input: &Batch) -> Vec<bool> {
        self.failed_at
            .as_ref()
            .map_or_else(|| vec![false; input.len()], Clone::clone)
    }
}

/// Why a run failed: one line, and all that is known.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) short: String,
    pub(super) error: Failed,
}

impl Failure {
    fn new(kind: &str, message: &str) -> Self {
        Self::of(Failed::new(kind, message))
    }
    fn of(error: Failed) -> Self {
        Self {
            short: format!("{}: {}", error.kind, error.message),
            error,
        }
    }
    pub(super) fn throttled() -> Self {
        Self::new("TooManyRequestsException", "Rate Exceeded.")
    }
    /// The handler itself named items that failed.
    pub(super) fn items(n: usize) -> Self {
        Self::plain(&format!(
            "the handler reported items of the batch as failed; {n} are tried again"
        ))
    }
    fn plain(text: &str) -> Self {
        Self {
            short: text.to_owned(),
            error: Failed::new("Unhandled", text),
        }
    }
}

/// Real work of a run.
#[derive(Debug)]
enum Job {
    /// Nothing to do beside the event loop.
    None,
    Sql(Work<Result<Output, String>>),
    Python(Work<Returned>),
    /// Waited for already.
    Ready(Box<Result<Output, Failure>>),
}

/// A run of the function that has begun.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) begun: SimTime,
    /// From the request to the environment; not billed.
    pub(super) overhead: SimDuration,
    pub(super) cold: SimDuration,
    /// What the code takes, for all `runs`.
    pub(super) duration: SimDuration,
    /// Runs one after the other that this one stands for: more than one when a single row stands for more records than a
    /// batch has.
    runs: u64,
    answers: bool,
    /// It fails without running: a fault, its time.
    fails: Option<Failure>,
    input: Batch,
    job: Job,
    environment: Environment,
}

impl Run {
    pub(super) const fn input(&self) -> &Batch {
        &self.input
    }
    /// When it ends.
    pub(super) fn ends(&self) -> SimTime {
        self.begun + self.overhead + self.cold + self.duration
    }
}

/// What to do at the end of a run.
pub(super) enum End {
    /// It goes on until then: the handler slept.
    Later(Run),
    /// It is over.
    Now(Result<Output, (Batch, Failure)>),
}

/// The function with its environments.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) config: Config,
    node: String,
    mb_per_vcpu: u64,
    /// Storage that costs nothing.
    free_storage_mb: u64,
    payload_bytes: u64,
    overhead_law: LatencyLaw,
    duration_law: LatencyLaw,
    /// Compiled for the schema it saw last.
    compiled: Option<(SchemaRef, Arc<Transform>)>,
    pub(super) environments: Environments,
    /// The text of the handler, shared with the workers.
    code: Arc<str>,
    /// The columns of what the handler makes.
    shape: Option<JsonShape>,
    requests: u64,
    told: Vec<String>,
    logs: usize,
    /// Until when provisioned environments are metered.
    metered: SimTime,
    /// What handlers took on this machine, and how many calls that were.
    pub(super) host: (Duration, u32),
}

impl Function {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let code = Arc::from(config.code.as_str());
        if config.is_python() {
            if !cx.world.code.permission.covers(&config.code) {
                return Err(format!(
                    "`{}.code` has not been allowed to run: read it, then run with `--allow-code`",
                    cx.node
                ));
            }
            crate::code::Host::python_is_there()?;
        }
        Ok(Self {
            node: cx.node.clone(),
            mb_per_vcpu: cx.quota("lambda.mb_per_vcpu")?,
            free_storage_mb: cx.quota("lambda.ephemeral_storage_default_mb")?,
            payload_bytes: cx.quota("lambda.payload_sync_max_bytes")?,
            overhead_law: cx.latency("lambda.invoke_overhead")?,
            duration_law: cx.latency("lambda.duration")?,
            compiled: None,
            environments: Environments::new(&config, cx)?,
            code,
            shape: None,
            requests: 0,
            told: Vec::new(),
            logs: 0,
            metered: SimTime::ZERO,
            host: (Duration::ZERO, 0),
            config,
        })
    }
    /// Takes changed parameters over.
    ///
    /// # Errors
    /// When the new SQL does not fit the records seen so far, or the new code may not run.
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Result<(), String> {
        if config.code != self.config.code
            && config.is_python()
            && !cx.world().code.permission.covers(&config.code)
        {
            return Err(
                "`code`: this text has not been allowed to run; a new run asks for it".to_owned(),
            );
        }
        if config.sql != self.config.sql
            && let Some((schema, ready)) = &mut self.compiled
        {
            let new = Transform::compile(&config.sql, schema.clone());
            *ready = Arc::new(new.map_err(|e| format!("`sql`: {e}"))?);
        }
        self.meter_provisioned(cx);
        if config.code != self.config.code {
            self.code = Arc::from(config.code.as_str());
        }
        self.environments.retune(&self.config, &config, cx);
        self.config = config;
        Ok(())
    }
    /// Begins a run; the input comes back when there is no environment to be had.
    pub(super) fn begin(
        &mut self,
        request: Request,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<Run, Batch>> {
        let Request {
            input,
            contract,
            size,
            source,
        } = request;
        let Some((environment, cold)) = self.environments.take(&self.config, cx) else {
            cx.metric("Throttles", 1.0);
            cx.incident("throttled", 1, || {
                "TooManyRequestsException: no environment is free to be had".to_owned()
            });
            return Ok(Err(input));
        };
        let runs = match size {
            Some(size) if u64::from(input.weight) > size => input.records().div_ceil(size),
            Some(_) | None => 1,
        };
        self.measure_begin(&environment, cold, runs, cx);
        let timeout = SimDuration::secs(u64::from(self.config.timeout_seconds));
        let z = cx.rng().normal();
        let overhead = self.overhead_law.sample(z);
        let wanted = self.duration(input.records() / runs, cx);
        let answers = matches!(contract, Contract::Transform);
        let fails = self.fate(&input, wanted > timeout, answers, cx);
        let mut run = Run {
            begun: cx.now(),
            overhead,
            cold,
            duration: wanted.min(timeout) * runs,
            runs,
            answers,
            fails,
            input,
            job: Job::None,
            environment,
        };
        self.requests += 1;
        if run.fails.is_none() {
            run.job = self.work(&run, contract, source, cx)?;
        }
        Ok(Ok(run))
    }
    fn measure_begin(
        &self,
        environment: &Environment,
        cold: SimDuration,
        runs: u64,
        cx: &mut Cx<'_>,
    ) {
        cx.metric("Invocations", runs as f64);
        let running = f64::from(self.environments.running());
        cx.metric("ConcurrentExecutions", running);
        if cold > SimDuration::ZERO {
            cx.metric("InitDuration", cold.as_millis_f64());
        }
        if self.config.provisioned_concurrency > 0 {
            if environment.is_provisioned() {
                cx.metric("ProvisionedConcurrencyInvocations", runs as f64);
            } else {
                cx.metric("ProvisionedConcurrencySpilloverInvocations", runs as f64);
            }
            let busy = f64::from(self.environments.provisioned_at_work());
            let all = f64::from(self.config.provisioned_concurrency);
            cx.metric("ProvisionedConcurrencyUtilization", busy / all);
        }
    }
    /// Whether the run fails whatever the code does.
    fn fate(
        &self,
        input: &Batch,
        times_out: bool,
        answers: bool,
        cx: &mut Cx<'_>,
    ) -> Option<Failure> {
        let mut fails = cx
            .strikes(FaultKind::Errors)
            .then(|| Failure::plain("the function raised an error"));
        if input.malformed_rows() > 0 && !self.config.is_python() {
            fails = Some(Failure::plain(
                "the function met a record that does not parse",
            ));
        }
        if times_out {
            let secs = self.config.timeout_seconds;
            let message = format!("Task timed out after {secs}.00 seconds");
            fails = Some(Failure::new("Sandbox.Timedout", &message));
        }
        if answers && input.bytes() > self.payload_bytes {
            fails = Some(Failure::new(
                "RequestTooLargeException",
                "the payload is over 6 MB",
            ));
        }
        fails
    }
    /// Starts what really has to be done.
    fn work(
        &mut self,
        run: &Run,
        contract: Contract,
        source: String,
        cx: &Cx<'_>,
    ) -> NodeResult<Job> {
        let batch = run.input.clone();
        if !self.config.is_python() {
            if batch.len() < POOL_ROWS {
                return Ok(Job::None);
            }
            let transform = self.compile(&batch)?;
            let (shared, sql) = (cx.world().shared.clone(), self.config.sql.clone());
            return Ok(Job::Sql(cx.compute(move || {
                Ok(shared_apply(&shared, &sql, &transform, &batch))
            })?));
        }
        let world = Arc::clone(cx.world());
        let begun = run.overhead + run.cold;
        let frame = Frame {
            program: Program {
                code: Arc::clone(&self.code),
                handler: self.config.handler.clone(),
                name: self.node.clone(),
                region: world.books.region().to_owned(),
                memory_mb: self.config.memory_mb,
                seed: world.seed ^ (run.environment.number() << 20),
            },
            source,
            request: format!(
                "{:08x}-0000-4000-8000-{:012x}",
                world.seed & 0xffff_ffff,
                self.requests
            ),
            now_ms: cx.now_epoch_ms() + i64::try_from(begun.ceil_millis()).unwrap_or(0),
            timeout_seconds: self.config.timeout_seconds,
            reports_items: self.config.report_batch_item_failures,
        };
        let slot = self.environments.slot(&run.environment);
        let work = cx.compute(move || handler::run(&world, &slot, &frame, &contract, &batch))?;
        Ok(Job::Python(work))
    }
    /// How long a run over `records` takes: base and per-record time at one vCPU, stretched where memory gives less.
    fn duration(&self, records: u64, cx: &mut Cx<'_>) -> SimDuration {
        let share = f64::from(self.config.memory_mb) / self.mb_per_vcpu as f64;
        let stretch = 1.0 / share.min(1.0);
        // The law gives the spread around its own median; the parameter gives the median.
        let z = cx.rng().normal();
        let typical = self.duration_law.sample(0.0).as_secs_f64().max(1e-9);
        let spread = self.duration_law.sample(z).as_secs_f64() / typical;
        let base = self.config.base_ms / 1e3 * spread;
        let each = self.config.per_record_us / 1e6 * records as f64;
        // A latency fault is a slow service behind the function: the function waits, and the waiting is billed.
        let slow = cx
            .fault(FaultKind::Latency)
            .map_or(SimDuration::ZERO, |f| f.add);
        SimDuration::from_secs_f64((base + each) * stretch) + slow
    }
    fn compile(&mut self, batch: &Batch) -> NodeResult<Arc<Transform>> {
        if let Some((_, ready)) = self
            .compiled
            .as_ref()
            .filter(|(schema, _)| *schema == batch.schema())
        {
            return Ok(Arc::clone(ready));
        }
        let transform = Transform::compile(&self.config.sql, batch.schema());
        let transform = Arc::new(transform.map_err(|e| NodeError::Fatal(format!("sql: {e}")))?);
        self.compiled = Some((batch.schema(), Arc::clone(&transform)));
        Ok(transform)
    }
    /// The end of a run, with its bill; or later, when its handler slept.
    pub(super) fn end(&mut self, mut run: Run, cx: &mut Cx<'_>) -> NodeResult<End> {
        match std::mem::replace(&mut run.job, Job::None) {
            Job::None if run.fails.is_none() => {
                let transform = self.compile(&run.input)?;
                let output = apply(&transform, &run.input).map_err(|e| sql_failed(&e));
                run.job = Job::Ready(Box::new(output));
            }
            Job::Sql(work) => {
                let output = cx.wait(work)?.map_err(|e| sql_failed(&e));
                run.job = Job::Ready(Box::new(output));
            }
            Job::Python(work) => {
                let returned = cx.wait(work)?;
                let slept = SimDuration::from_secs_f64(returned.slept.as_secs_f64()) * run.runs;
                let result = self.understand(returned, &run, cx);
                let timeout = SimDuration::secs(u64::from(self.config.timeout_seconds)) * run.runs;
                let wanted = run.duration + slept;
                run.job = Job::Ready(Box::new(result));
                run.duration = wanted.min(timeout);
                if wanted > timeout {
                    let secs = self.config.timeout_seconds;
                    let text = format!("Task timed out after {secs}.00 seconds");
                    run.fails = Some(Failure::new("Sandbox.Timedout", &text));
                }
                if slept > SimDuration::ZERO && run.ends() > cx.now() {
                    return Ok(End::Later(run));
                }
            }
            job => run.job = job,
        }
        Ok(End::Now(self.close(run, cx)))
    }
    /// What the handler's answer comes to.
    fn understand(
        &mut self,
        returned: Returned,
        run: &Run,
        cx: &mut Cx<'_>,
    ) -> Result<Output, Failure> {
        self.host.0 += returned.host;
        self.host.1 += 1;
        let log = returned.log.trim_end();
        if !log.is_empty() && self.logs < LOGS {
            self.logs += 1;
            let text: String = log.chars().take(1000).collect();
            cx.event("log", format!("the handler printed: {text}"));
        }
        let verdict = returned.verdict.map_err(|error| {
            self.tell(&error, cx);
            Failure::of(error)
        })?;
        if let Some(remark) = verdict.remark.as_ref().filter(|r| !self.told.contains(r))
            && self.told.len() < TRACEBACKS
        {
            self.told.push(remark.clone());
            cx.event("answer", remark.clone());
        }
        let shape = self
            .shape
            .get_or_insert_with(|| JsonShape::like(run.input.schema()));
        verdict
            .output(&run.input, shape, cx.now())
            .map_err(|e| Failure::new("Runtime.MarshalError", &e))
    }
    /// Tells of an error with its traceback, once.
    fn tell(&mut self, error: &Failed, cx: &mut Cx<'_>) {
        let place = format!("{}{}", error.kind, error.stack.last().map_or("", |s| s));
        if self.told.len() < TRACEBACKS && !self.told.contains(&place) {
            self.told.push(place);
            cx.event("traceback", format!("FunctionError Unhandled: {error}"));
        }
    }
    #[expect(clippy::result_large_err, reason = "the batch goes back")]
    fn close(&mut self, run: Run, cx: &mut Cx<'_>) -> Result<Output, (Batch, Failure)> {
        let each = SimDuration(run.duration.0 / run.runs);
        cx.metric("Duration", each.as_millis_f64());
        cx.meter(&REQUEST, u128::from(run.runs));
        // Each run is rounded up to a millisecond. On demand, the start of an environment is billed like the run.
        let ms = (run.cold + each).ceil_millis() + each.ceil_millis() * (run.runs - 1);
        let billed = u128::from(ms) * u128::from(self.config.memory_mb);
        cx.meter(
            match (self.config.architecture, run.environment.is_provisioned()) {
                (Architecture::X86, false) => &GB_SECOND_X86,
                (Architecture::Arm, false) => &GB_SECOND_ARM,
                (Architecture::X86, true) => &PROVISIONED_DURATION_X86,
                (Architecture::Arm, true) => &PROVISIONED_DURATION_ARM,
            },
            billed,
        );
        let storage = u64::from(self.config.ephemeral_storage_mb);
        let storage = storage.saturating_sub(self.free_storage_mb);
        cx.meter(&EPHEMERAL_STORAGE, u128::from(ms) * u128::from(storage));
        let mut result = match (run.fails, run.job) {
            (Some(why), _) => Err(why),
            (None, Job::Ready(result)) => *result,
            (None, _) => Err(Failure::plain("the run has no result")),
        };
        if run.answers
            && result
                .as_ref()
                .is_ok_and(|o| o.batch.bytes() > self.payload_bytes)
        {
            let kind = "Function.ResponseSizeTooLarge";
            result = Err(Failure::new(kind, "the answer is over 6 MB"));
        }
        let goes_on = result
            .as_ref()
            .err()
            .is_none_or(|f| !f.error.ends_environment());
        self.environments.give_back(run.environment, goes_on, cx);
        result.map_err(|failure| {
            // `errored` also counts the CloudWatch metric `Errors`, which has the name of the flow metric.
            cx.errored(run.runs, || failure.short.clone());
            (run.input, failure)
        })
    }
    /// Meters provisioned environments up to now.
    pub(super) fn meter_provisioned(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.metered.as_millis();
        self.metered = cx.now();
        let environments = u128::from(self.config.provisioned_concurrency);
        if environments == 0 {
            return;
        }
        let kept = environments * u128::from(millis) * u128::from(self.config.memory_mb);
        match self.config.architecture {
            Architecture::X86 => cx.meter(&PROVISIONED_X86, kept),
            Architecture::Arm => cx.meter(&PROVISIONED_ARM, kept),
        }
    }
}

fn sql_failed(text: &str) -> Failure {
    // A division by zero, a text that is no number: an error of the code, as in AWS.
    Failure {
        short: format!("the SQL failed: {text}"),
        error: Failed::new("Unhandled", text),
    }
}
