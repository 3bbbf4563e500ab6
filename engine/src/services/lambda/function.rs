//! The function: environments that start cold and stay warm for a while, how long a run takes, what it makes of a batch.

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
}

/// A run of the function that has begun.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) begun: SimTime,
    pub(super) cold: SimDuration,
    pub(super) duration: SimDuration,
    /// It fails: an error, a timeout, records that do not parse.
    pub(super) fails: Option<&'static str>,
    input: Batch,
    work: Option<Work<Output>>,
}

impl Run {
    pub(super) const fn input(&self) -> &Batch {
        &self.input
    }
    /// When it ends.
    pub(super) fn ends(&self) -> SimTime {
        self.begun + self.cold + self.duration
    }
}

/// The function with its environments.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) config: Config,
    quotas: Quotas,
    cold_laws: [LatencyLaw; 3],
    overhead_law: LatencyLaw,
    duration_law: LatencyLaw,
    /// Compiled for the schema it saw last.
    compiled: Option<(SchemaRef, Arc<Transform>)>,
    running: u32,
    /// Warm environments by the instant they became free, oldest first.
    warm: Vec<SimTime>,
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
            },
            cold_laws: [
                cx.latency("lambda.cold_start_python")?,
                cx.latency("lambda.cold_start_nodejs")?,
                cx.latency("lambda.cold_start_java")?,
            ],
            overhead_law: cx.latency("lambda.invoke_overhead")?,
            duration_law: cx.latency("lambda.duration")?,
            compiled: None,
            running: 0,
            warm: Vec::new(),
            scaling: TokenBucket::with_burst(environments / interval, environments),
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config) {
        if config.sql != self.config.sql {
            self.compiled = None;
        }
        // A changed function starts anew everywhere.
        if config.sql != self.config.sql
            || config.memory_mb != self.config.memory_mb
            || config.runtime != self.config.runtime
        {
            self.warm.clear();
        }
        self.config = config;
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
        self.warm.retain(|free_since| now.since(*free_since) < idle);
        // The one that was used last goes on: the others may cool down.
        if self.warm.pop().is_some() {
            return Some(SimDuration::ZERO);
        }
        if !self.scaling.take(now, 1) {
            return None;
        }
        let law = match self.config.runtime {
            super::config::Runtime::Python => 0,
            super::config::Runtime::Nodejs => 1,
            super::config::Runtime::Java => 2,
        };
        let z = cx.rng().normal();
        Some(self.cold_laws[law].sample(z))
    }
    /// Begins a run over `input`; `None` when there is no environment to be had.
    pub(super) fn begin(
        &mut self,
        input: Batch,
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
        cx.metric("Invocations", 1.0);
        cx.metric("ConcurrentExecutions", f64::from(self.running));
        if cold > SimDuration::ZERO {
            cx.metric("InitDuration", cold.as_millis_f64());
        }
        let timeout = SimDuration::secs(u64::from(self.config.timeout_seconds));
        let wanted = self.duration(input.records(), cx);
        let mut fails = cx
            .strikes(FaultKind::Errors)
            .then_some("the function raised an error");
        if input.malformed_rows() > 0 {
            fails = Some("the function met a record that does not parse");
        }
        if wanted > timeout {
            fails = Some("Task timed out");
        }
        let mut run = Run {
            begun: cx.now(),
            cold,
            duration: wanted.min(timeout),
            fails,
            input,
            work: None,
        };
        if run.fails.is_none() && run.input.len() >= POOL_ROWS {
            let (transform, batch) = (self.compile(&run.input)?, run.input.clone());
            run.work = Some(cx.compute(move || apply(&transform, &batch))?);
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
        let overhead = cx.draw(&self.overhead_law);
        SimDuration::from_secs_f64((base + each) * stretch) + overhead
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
        self.warm.push(cx.now());
        cx.metric("Duration", run.duration.as_millis_f64());
        cx.meter(&REQUEST, 1);
        // On demand, the start of an environment is billed like the run.
        let billed =
            u128::from((run.cold + run.duration).ceil_millis()) * u128::from(self.config.memory_mb);
        match self.config.architecture {
            Architecture::X86 => cx.meter(&GB_SECOND_X86, billed),
            Architecture::Arm => cx.meter(&GB_SECOND_ARM, billed),
        }
        if let Some(why) = run.fails {
            cx.metric("Errors", 1.0);
            cx.errored(1, || why.to_owned());
            return Ok(Err((run.input, why)));
        }
        let output = match run.work {
            Some(work) => cx.wait(work)?,
            None => {
                let transform = self.compile(&run.input)?;
                apply(&transform, &run.input)?
            }
        };
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
    })
}
