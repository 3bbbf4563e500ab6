//! Where records come from and when: a generator with arrivals of a shape, or a file with its own times or those arrivals.

use std::collections::VecDeque;

use arrow::datatypes::SchemaRef;

use super::config::Config;
use super::replay::{self, Replayed};
use crate::data::{Arrivals, Batch, Chunk, Generator, GeneratorSpec};
use crate::node::{BuildCx, Cx, NodeError, NodeResult, TraceCx, Work};
use crate::rng::Rng;
use crate::units::SimTime;

/// Chunks that are made ahead.
const AHEAD: usize = 4;

fn spec(config: &Config, seed: u64, node: &str) -> GeneratorSpec {
    GeneratorSpec {
        keys: config.keys,
        key_skew: config.key_skew,
        hot_key_share: config.hot_key_share,
        fraud_rate: config.fraud_rate,
        record_bytes: config.record_bytes,
        equipment_fault: config.equipment_fault,
        season_readings: config.season_readings,
        wear: config.wear,
        ..GeneratorSpec::new(config.schema, seed, node)
    }
}

/// The schema of the records, and with an error the parameter that is wrong.
pub(super) fn schema(
    config: &Config,
    cx: &TraceCx<'_>,
) -> Result<SchemaRef, (&'static str, String)> {
    if !config.file.is_empty() {
        return replay::schema(config, cx.root);
    }
    let generator =
        Generator::new(spec(config, cx.seed, cx.node)).map_err(|e| ("schema", e.to_string()))?;
    Ok(generator.schema())
}

#[derive(Debug)]
enum Rows {
    Made(Generated),
    File(Box<Replayed>),
}

/// Records with their instants.
#[derive(Debug)]
pub(super) struct Source {
    rows: Rows,
    arrivals: Arrivals,
    /// Its own stream of random numbers: what happens downstream does not change when records are made.
    rng: Rng,
    /// Time zero of the arrivals.
    begun: SimTime,
    scratch: Vec<u64>,
}

impl Source {
    pub(super) fn new(config: &Config, cx: &BuildCx) -> Result<Self, String> {
        let rows = if config.file.is_empty() {
            Rows::Made(Generated::new(config, cx.world.seed, &cx.node)?)
        } else {
            Rows::File(Box::new(Replayed::open(config, &cx.world.root)?))
        };
        let rate = config.rate_of(config.base_rate());
        Ok(Self {
            rows,
            arrivals: Arrivals::new(config.shape(), rate).map_err(|e| e.to_string())?,
            rng: Rng::new(cx.world.seed, &format!("{}/arrivals", cx.node)),
            begun: SimTime::ZERO,
            scratch: Vec::new(),
        })
    }
    /// Takes changed parameters over. What a generator makes changes from the next record on.
    ///
    /// # Errors
    /// When the arrivals or the generator cannot be so; nothing changes then.
    pub(super) fn retune(&mut self, old: &Config, new: &Config, cx: &Cx<'_>) -> Result<(), String> {
        if let Rows::Made(generated) = &mut self.rows {
            generated.retune(new, cx.world().seed, cx.id())?;
        }
        let rate = new.rate_of(new.base_rate());
        if new.shape() == old.shape() {
            let now = self.since_begun(cx.now());
            return self.arrivals.set_rate(now, rate).map_err(|e| e.to_string());
        }
        // Another shape begins now, at its own beginning.
        self.arrivals = Arrivals::new(new.shape(), rate).map_err(|e| e.to_string())?;
        self.begun = cx.now();
        Ok(())
    }
    const fn since_begun(&self, at: SimTime) -> SimTime {
        SimTime(at.0.saturating_sub(self.begun.0))
    }
    /// Multiplies the rate of the arrivals; a replay by the records' own times knows no rate.
    pub(super) fn set_factor(&mut self, factor: f64, now: SimTime) {
        let now = self.since_begun(now);
        // A factor beyond what arrivals take is cut by the check of the scenario before the run.
        drop(self.arrivals.set_factor(now, factor));
    }
    /// Adds the instants until now to `due`, until it has `max`.
    pub(super) fn fill(
        &mut self,
        due: &mut VecDeque<u64>,
        max: usize,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        match &mut self.rows {
            Rows::File(file) if file.by_time() => file.fill(cx.now().0, due, max, cx),
            Rows::File(file) if file.is_over() => Ok(()),
            _ => {
                let now = self.since_begun(cx.now());
                self.scratch.clear();
                let room = max.saturating_sub(due.len());
                self.arrivals
                    .fill(now, &mut self.rng, &mut self.scratch, room);
                due.extend(self.scratch.iter().map(|at| at + self.begun.0));
                Ok(())
            }
        }
    }
    /// When the next record is due, and how many follow in a second (0 when that is not known); `None` when none follows.
    pub(super) fn next(&mut self, cx: &mut Cx<'_>) -> NodeResult<Option<(SimTime, f64)>> {
        match &mut self.rows {
            Rows::File(file) if file.by_time() => {
                Ok(file.next_due(cx)?.map(|at| (SimTime(at), 0.0)))
            }
            Rows::File(file) if file.is_over() => Ok(None),
            _ => {
                let next = self.arrivals.next_after(&mut self.rng);
                Ok(next.map(|at| {
                    let rate = self.arrivals.rate_at(at);
                    (SimTime(at.0 + self.begun.0), rate)
                }))
            }
        }
    }
    /// The next records, born at these instants; may be fewer, but not none; `None` when there are no more.
    pub(super) fn take(
        &mut self,
        born: &[u64],
        epoch_ms: i64,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Option<Batch>> {
        match &mut self.rows {
            Rows::Made(generated) => generated.take(born, epoch_ms, cx).map(Some),
            Rows::File(file) => file.take(born, cx),
        }
    }
}

/// Generated records in order.
#[derive(Debug)]
struct Generated {
    generator: Generator,
    ahead: VecDeque<Work<Chunk>>,
    next_chunk: u64,
    current: Option<Chunk>,
    offset: usize,
}

impl Generated {
    fn new(config: &Config, seed: u64, node: &str) -> Result<Self, String> {
        let generator = Generator::new(spec(config, seed, node)).map_err(|e| e.to_string())?;
        Ok(Self {
            generator,
            ahead: VecDeque::new(),
            next_chunk: 0,
            current: None,
            offset: 0,
        })
    }
    /// What the records are about changes; what was made ahead is thrown away.
    fn retune(&mut self, config: &Config, seed: u64, node: &str) -> Result<(), String> {
        let wanted = spec(config, seed, node);
        if *self.generator.spec() != wanted {
            self.generator = Generator::new(wanted).map_err(|e| e.to_string())?;
            self.ahead.clear();
            self.current = None;
        }
        Ok(())
    }
    /// The next records; fewer than `born` at the end of a chunk.
    fn take(&mut self, born: &[u64], epoch_ms: i64, cx: &Cx<'_>) -> NodeResult<Batch> {
        let none = || NodeError::Fatal("no records were made".to_owned());
        if self.current.as_ref().is_none_or(|c| self.offset >= c.len()) {
            while self.ahead.len() < AHEAD {
                let (generator, index) = (self.generator.clone(), self.next_chunk);
                self.next_chunk += 1;
                self.ahead
                    .push_back(cx.compute(move || Ok(generator.chunk(index)))?);
            }
            let work = self.ahead.pop_front().ok_or_else(none)?;
            self.current = Some(cx.wait(work)?);
            self.offset = 0;
        }
        let chunk = self.current.as_ref().ok_or_else(none)?;
        let rows = born.len().min(chunk.len() - self.offset);
        let batch = chunk.emit(self.offset, &born[..rows], epoch_ms);
        self.offset += rows;
        Ok(batch)
    }
}
