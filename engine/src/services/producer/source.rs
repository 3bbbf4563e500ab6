//! Where records come from: a generator, or a file read ahead on the pool.

use std::collections::VecDeque;

use arrow::datatypes::SchemaRef;

use super::config::Config;
use crate::data::{Batch, Chunk, Generator, GeneratorSpec};
use crate::node::{Cx, NodeError, NodeResult, TraceCx, Work};

/// Chunks that are made ahead.
const AHEAD: usize = 4;

fn spec(config: &Config, seed: u64, node: &str) -> GeneratorSpec {
    GeneratorSpec {
        keys: config.keys,
        key_skew: config.key_skew,
        hot_key_share: config.hot_key_share,
        fraud_rate: config.fraud_rate,
        record_bytes: config.record_bytes,
        ..GeneratorSpec::new(config.schema, seed, node)
    }
}

/// The schema of the records, and with an error the parameter that is wrong.
pub(super) fn schema(
    config: &Config,
    cx: &TraceCx<'_>,
) -> Result<SchemaRef, (&'static str, String)> {
    let generator =
        Generator::new(spec(config, cx.seed, cx.node)).map_err(|e| ("schema", e.to_string()))?;
    Ok(generator.schema())
}

/// Generated records in order.
#[derive(Debug)]
pub(super) struct Generated {
    generator: Generator,
    ahead: VecDeque<Work<Chunk>>,
    next_chunk: u64,
    current: Option<Chunk>,
    offset: usize,
}

impl Generated {
    pub(super) fn new(config: &Config, seed: u64, node: &str) -> Result<Self, String> {
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
    pub(super) fn retune(&mut self, config: &Config, seed: u64, node: &str) -> Result<(), String> {
        let wanted = spec(config, seed, node);
        if *self.generator.spec() != wanted {
            self.generator = Generator::new(wanted).map_err(|e| e.to_string())?;
            self.ahead.clear();
            self.current = None;
        }
        Ok(())
    }
    /// The next records, born at these instants; may be fewer than `born` at the end of a chunk.
    pub(super) fn take(&mut self, born: &[u64], epoch_ms: i64, cx: &Cx<'_>) -> NodeResult<Batch> {
        if self.current.as_ref().is_none_or(|c| self.offset >= c.len()) {
            while self.ahead.len() < AHEAD {
                let (generator, index) = (self.generator.clone(), self.next_chunk);
                self.next_chunk += 1;
                self.ahead
                    .push_back(cx.compute(move || Ok(generator.chunk(index)))?);
            }
            let work = self
                .ahead
                .pop_front()
                .ok_or_else(|| NodeError::Fatal("no records were made".to_owned()))?;
            self.current = Some(cx.wait(work)?);
            self.offset = 0;
        }
        let chunk = self
            .current
            .as_ref()
            .ok_or_else(|| NodeError::Fatal("no records were made".to_owned()))?;
        let rows = born.len().min(chunk.len() - self.offset);
        let batch = chunk.emit(self.offset, &born[..rows], epoch_ms);
        self.offset += rows;
        Ok(batch)
    }
}
