//! The function: environments that start cold and stay warm for a while, how long a run takes, what it makes of a batch.

use std::collections::VecDeque;
use std::sync::Arc;

use super::config::{Architecture, Config};
use super::{GB_SECOND_ARM, GB_SECOND_X86, REQUEST};
use arrow::datatypes::SchemaRef;

use crate::books::LatencyLaw;
use crate::data::{Batch, json_sizes};
use crate::lake::Transform;
use crate::node::{BuildCx, Cx, FaultKind, NodeError, NodeResult, TokenBucket, Work};
use crate::units::{SimDuration, SimTime};

/// Rows from which the SQL runs on the pool, beside the event loop; below that handing over costs more than it saves.
const POOL_ROWS: usize = 2048;

#[derive(Debug, Clone)]
struct Quotas {
    mb_per_vcpu: u64,
    account_concurrency: u32,
    idle: SimDuration,
    init_timeout: SimDuration,
    payload_bytes: u64,
}

/// Where a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The event source mapping, with its batch size in records.
    Stream(u64),
    /// A caller that waits for the answer.
    Invoke,
}

/// What the SQL made of a batch.
#[derive(Debug)]
pub(super) struct Output {
    /// The result rows with births and sizes.
    pub(super) batch: Batch,
    /// Records that WHERE left out.
    pub(super) filtered: u64,
    /// Records that went into others (aggregates): in minus out, when positive.
    pub(super) merged: u64,
    /// Rows beyond those that came in.
    pub(super) created: u64,
    /// True when no row of the result is one record of the input.
    pub(super) regrouped: bool,
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
    origin: Origin,
    /// It fails: an error, a timeout, records that do not parse.
    pub(super) fails: Option<&'static str>,
    input: Batch,
    work: Option<Work<Result<Output, String>>>,
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

/// The function with its environments.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) config: Config,
    quotas: Quotas,
    cold_law: LatencyLaw,
    overhead_law: LatencyLaw,
    duration_law: LatencyLaw,
    /// Compiled for the schema it saw last.
    compiled: Option<(SchemaRef, Arc<Transform>)>,
    running: u32,
    /// Warm environments by the instant they became free, oldest first.
    warm: VecDeque<SimTime>,
    scaling: TokenBucket,
}

impl Function {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let q = |key: &str| cx.quota(&format!("lambda.{key}"));
        let interval = q("concurrency_scaling_interval_s")?.max(1);
        let environments = q("concurrency_scaling_environments")?;
        Ok(Self {
            quotas: Quotas {
                mb_per_vcpu: q("mb_per_vcpu")?,
                account_concurrency: u32::try_from(q("concurrent_executions_max")?)
                    .unwrap_or(u32::MAX),
                idle: SimDuration::secs(q("environment_idle_s")?),
                init_timeout: SimDuration::secs(q("init_timeout_s")?),
                payload_bytes: q("payload_sync_max_bytes")?,
            },
            cold_law: cx.latency(config.runtime.cold_start_law())?,
            overhead_law: cx.latency("lambda.invoke_overhead")?,
            duration_law: cx.latency("lambda.duration")?,
            compiled: None,
            running: 0,
            warm: VecDeque::new(),
            scaling: TokenBucket::with_burst(environments / interval, environments),
            config,
        })
    }
    /// Takes changed parameters over.
    ///
    /// # Errors
    /// When the new SQL does not fit the records seen so far.
    pub(super) fn retune(&mut self, config: Config, cx: &Cx<'_>) -> Result<(), String> {
        if config.sql != self.config.sql
            && let Some((schema, ready)) = &mut self.compiled
        {
            let new = Transform::compile(&config.sql, schema.clone());
            *ready = Arc::new(new.map_err(|e| format!("`sql`: {e}"))?);
        }
        let code = |c: &Config| (c.sql.clone(), c.memory_mb, c.runtime, c.architecture);
        if code(&config) != code(&self.config) {
            // A changed function starts anew everywhere.
            self.warm.clear();
        }
        if let Some(law) = cx.world().books.latency(config.runtime.cold_start_law()) {
            self.cold_law = law.clone();
        }
        self.config = config;
        Ok(())
    }
    pub(super) const fn running(&self) -> u32 {
        self.running
    }
    pub(super) fn limit(&self) -> u32 {
        self.config
            .reserved_concurrency
            .unwrap_or(self.quotas.account_concurrency)
    }
    /// Finds an environment; `None` when the call is throttled. The span is its cold start, zero when it is warm.
    fn environment(&mut self, cx: &mut Cx<'_>) -> Option<SimDuration> {
        let now = cx.now();
        if cx.strikes(FaultKind::Throttle) || self.running >= self.limit() {
            return None;
        }
        let idle = self.quotas.idle;
        while self.warm.front().is_some_and(|at| now.since(*at) >= idle) {
            self.warm.pop_front();
        }
        // The one that was used last goes on: the others may cool down.
        if self.warm.pop_back().is_some() {
            return Some(SimDuration::ZERO);
        }
        if !self.scaling.take(now, 1) {
            return None;
        }
        let z = cx.rng().normal();
        Some(self.cold_law.sample(z).min(self.quotas.init_timeout))
    }
    /// Begins a run over `input`; `None` when there is no environment to be had.
    pub(super) fn begin(
        &mut self,
        input: Batch,
        origin: Origin,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<Run, Batch>> {
        let Some(cold) = self.environment(cx) else {
            cx.metric("Throttles", 1.0);
            cx.incident("throttled", 1, || {
                "TooManyRequestsException: no environment is free to be had".to_owned()
            });
            return Ok(Err(input));
        };
        self.running += 1;
        let runs = match origin {
            Origin::Stream(size) if u64::from(input.weight) > size => {
                input.records().div_ceil(size)
            }
            Origin::Stream(_) | Origin::Invoke => 1,
        };
        cx.metric("Invocations", runs as f64);
        cx.metric("ConcurrentExecutions", f64::from(self.running));
        if cold > SimDuration::ZERO {
            cx.metric("InitDuration", cold.as_millis_f64());
        }
        let timeout = SimDuration::secs(u64::from(self.config.timeout_seconds));
        let z = cx.rng().normal();
        let overhead = self.overhead_law.sample(z);
        let wanted = self.duration(input.records() / runs, cx);
        let mut fails = cx
            .strikes(FaultKind::Errors)
            .then_some("the function raised an error");
        if input.malformed_rows() > 0 {
            fails = Some("the function met a record that does not parse");
        }
        if wanted > timeout {
            fails = Some("Task timed out");
        }
        if origin == Origin::Invoke && input.bytes() > self.quotas.payload_bytes {
            fails = Some("RequestTooLargeException: the payload is over 6 MB");
        }
        let mut run = Run {
            begun: cx.now(),
            overhead,
            cold,
            duration: wanted.min(timeout) * runs,
            runs,
            origin,
            fails,
            input,
            work: None,
        };
        if run.fails.is_none() && run.input.len() >= POOL_ROWS {
            let (transform, batch) = (self.compile(&run.input)?, run.input.clone());
            run.work = Some(cx.compute(move || Ok(apply(&transform, &batch)))?);
        }
        Ok(Ok(run))
    }
    /// How long a run over `records` takes: base and per-record time at one vCPU, stretched where memory gives less.
    fn duration(&self, records: u64, cx: &mut Cx<'_>) -> SimDuration {
        let share = f64::from(self.config.memory_mb) / self.quotas.mb_per_vcpu as f64;
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
    /// The result of a run at its end, with its bill. `Err` gives the input back and says why.
    pub(super) fn end(
        &mut self,
        run: Run,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<Output, (Batch, &'static str)>> {
        self.running -= 1;
        self.warm.push_back(cx.now());
        let each = SimDuration(run.duration.0 / run.runs);
        cx.metric("Duration", each.as_millis_f64());
        cx.meter(&REQUEST, u128::from(run.runs));
        // Each run is rounded up to a millisecond. On demand, the start of an environment is billed like the run.
        let ms = (run.cold + each).ceil_millis() + each.ceil_millis() * (run.runs - 1);
        let billed = u128::from(ms) * u128::from(self.config.memory_mb);
        match self.config.architecture {
            Architecture::X86 => cx.meter(&GB_SECOND_X86, billed),
            Architecture::Arm => cx.meter(&GB_SECOND_ARM, billed),
        }
        // `errored` also counts the CloudWatch metric `Errors`, which has the name of the flow metric.
        if let Some(why) = run.fails {
            cx.errored(run.runs, || why.to_owned());
            return Ok(Err((run.input, why)));
        }
        let output = match run.work {
            Some(work) => cx.wait(work)?,
            None => {
                let transform = self.compile(&run.input)?;
                apply(&transform, &run.input)
            }
        };
        let output = match output {
            Ok(output) => output,
            // A division by zero, a text that is no number: an error of the code, as in AWS.
            Err(text) => {
                cx.errored(run.runs, || format!("the SQL failed: {text}"));
                return Ok(Err((run.input, "the SQL failed")));
            }
        };
        if run.origin == Origin::Invoke && output.batch.bytes() > self.quotas.payload_bytes {
            let why = "Function.ResponseSizeTooLarge: the answer is over 6 MB";
            cx.errored(1, || why.to_owned());
            return Ok(Err((run.input, why)));
        }
        Ok(Ok(output))
    }
}

fn apply(transform: &Transform, batch: &Batch) -> Result<Output, String> {
    let applied = transform.apply(&batch.rows).map_err(|e| e.to_string())?;
    let weight = u64::from(batch.weight);
    let (rows_in, rows_out) = (batch.len() as u64, applied.rows.num_rows() as u64);
    if applied.regrouped {
        // A result of many records is as old as the oldest of them.
        let oldest = batch.born.iter().copied().min().unwrap_or(0);
        let sizes = json_sizes(&applied.rows);
        let born = std::iter::repeat_n(oldest, applied.rows.num_rows()).collect();
        return Ok(Output {
            batch: Batch {
                weight: batch.weight,
                ..Batch::new(applied.rows, born, sizes)
            },
            filtered: 0,
            merged: rows_in.saturating_sub(rows_out) * weight,
            created: rows_out.saturating_sub(rows_in) * weight,
            regrouped: true,
        });
    }
    let kept = match &applied.kept {
        Some(indices) => indices
            .values()
            .iter()
            .map(|i| batch.born[*i as usize])
            .collect(),
        None => batch.born.clone(),
    };
    let sizes = json_sizes(&applied.rows);
    Ok(Output {
        batch: Batch {
            weight: batch.weight,
            ..Batch::new(applied.rows, kept, sizes)
        },
        filtered: (rows_in - rows_out) * weight,
        merged: 0,
        created: 0,
        regrouped: false,
    })
}
