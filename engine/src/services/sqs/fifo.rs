//! What a FIFO queue adds: message groups, doubles within five minutes, a limit on calls.

use std::sync::Arc;

use super::config::Config;
use crate::data::Batch;
use crate::node::{BuildCx, Cx, Doubles, NodeResult, TokenBucket, field_texts};
use crate::units::{SimDuration, SimTime};

/// Messages of one call.
const CALL: usize = 10;

/// The state of a FIFO queue.
#[derive(Debug)]
pub(super) struct Fifo {
    group_field: String,
    doubles: Doubles,
    sends: TokenBucket,
    receives: TokenBucket,
}

impl Fifo {
    pub(super) fn new(config: &Config, cx: &BuildCx) -> Result<Self, String> {
        let key = if config.high_throughput {
            "sqs.fifo_high_throughput_calls_per_second"
        } else {
            "sqs.fifo_calls_per_second"
        };
        let rate = cx.quota(key)?;
        let window = SimDuration::secs(cx.quota("sqs.fifo_deduplication_s")?);
        Ok(Self {
            group_field: config.message_group_id.clone(),
            doubles: Doubles::new(config.message_deduplication_id.clone(), window),
            sends: TokenBucket::new(rate),
            receives: TokenBucket::new(rate),
        })
    }
    pub(super) fn retune(&mut self, config: &Config) {
        self.group_field.clone_from(&config.message_group_id);
        self.doubles
            .field
            .clone_from(&config.message_deduplication_id);
    }
    /// Whether the calls that bring `batch` are within the limit.
    pub(super) fn admits_send(&mut self, batch: &Batch, now: SimTime) -> bool {
        let calls = batch.records().div_ceil(CALL as u64);
        let admits = self.sends.admits(now, calls);
        if admits {
            self.sends.overdraw(now, calls);
        }
        admits
    }
    /// Takes one call of `ReceiveMessage`; how long to wait when the limit is used up.
    pub(super) fn receive_wait(&mut self, now: SimTime) -> Option<SimDuration> {
        if self.receives.take(now, 1) {
            return None;
        }
        Some(SimDuration(1_000_000_000 / self.receives.rate().max(1)))
    }
    /// The messages of `batch` by group, in order, without doubles.
    pub(super) fn groups(
        &mut self,
        batch: &Batch,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Vec<(Arc<str>, Batch)>> {
        let fresh = self.doubles.fresh(batch, cx.now())?;
        let doubles = batch.filter(&!&fresh)?;
        if !doubles.is_empty() {
            cx.dropped_batch("a double within five minutes", &doubles);
        }
        let batch = batch.filter(&fresh)?;
        let mut found: Vec<(Arc<str>, Batch)> = Vec::new();
        // Neighbours of one group stay together.
        let names = field_texts(&batch, &self.group_field)?;
        let mut from = 0;
        for i in 1..=batch.len() {
            if i == batch.len() || names.get(i) != names.get(from) {
                let name = names.get(from).map_or("", String::as_str);
                found.push((name.into(), batch.slice(from, i - from)));
                from = i;
            }
        }
        Ok(found)
    }
    /// Forgets what was sent too long ago to matter.
    pub(super) fn forget(&mut self, now: SimTime) {
        self.doubles.forget(now);
    }
}
