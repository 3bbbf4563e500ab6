//! What a FIFO queue adds: message groups, doubles within five minutes, a limit on calls.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sha2::{Digest as _, Sha256};

use super::config::Config;
use crate::data::{Batch, json_texts};
use crate::node::{BuildCx, Cx, NodeResult, TokenBucket};
use crate::units::{SimDuration, SimTime};

/// Messages of one call.
const CALL: usize = 10;

/// The state of a FIFO queue.
#[derive(Debug)]
pub(super) struct Fifo {
    group_field: String,
    id_field: String,
    window: SimDuration,
    sends: TokenBucket,
    receives: TokenBucket,
    seen: BTreeMap<[u8; 32], SimTime>,
    order: VecDeque<(SimTime, [u8; 32])>,
}

impl Fifo {
    pub(super) fn new(config: &Config, cx: &BuildCx) -> Result<Self, String> {
        let key = if config.high_throughput {
            "sqs.fifo_high_throughput_calls_per_second"
        } else {
            "sqs.fifo_calls_per_second"
        };
        let rate = cx.quota(key)?;
        Ok(Self {
            group_field: config.message_group_id.clone(),
            id_field: config.message_deduplication_id.clone(),
            window: SimDuration::secs(cx.quota("sqs.fifo_deduplication_s")?),
            sends: TokenBucket::new(rate),
            receives: TokenBucket::new(rate),
            seen: BTreeMap::new(),
            order: VecDeque::new(),
        })
    }
    pub(super) fn retune(&mut self, config: &Config) {
        self.group_field.clone_from(&config.message_group_id);
        self.id_field.clone_from(&config.message_deduplication_id);
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
        let ids = self.ids(batch)?;
        let now = cx.now();
        let mut keep = Vec::with_capacity(batch.len());
        for id in ids {
            let double = self
                .seen
                .get(&id)
                .is_some_and(|at| now.since(*at) < self.window);
            if !double {
                self.seen.insert(id, now);
                self.order.push_back((now, id));
            }
            keep.push(!double);
        }
        let doubles = batch.filter(&keep.iter().map(|k| !k).collect())?;
        if !doubles.is_empty() {
            cx.dropped_batch("a double within five minutes", &doubles);
        }
        let batch = batch.filter(&keep.into_iter().collect())?;
        let mut found: Vec<(Arc<str>, Batch)> = Vec::new();
        // Neighbours of one group stay together.
        let names = texts(&batch, &self.group_field)?;
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
    /// What makes each message itself: its id, or the SHA-256 of its body.
    fn ids(&self, batch: &Batch) -> NodeResult<Vec<[u8; 32]>> {
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        if !self.id_field.is_empty() && batch.rows.column_by_name(&self.id_field).is_some() {
            let ids = texts(batch, &self.id_field)?;
            return Ok(ids.iter().map(|id| digest(id.as_bytes())).collect());
        }
        Ok(json_texts(batch)?.iter().map(|body| digest(body)).collect())
    }
    /// Forgets what was sent too long ago to matter.
    pub(super) fn forget(&mut self, now: SimTime) {
        while let Some((at, id)) = self.order.front().copied() {
            if now.since(at) < self.window {
                return;
            }
            self.order.pop_front();
            if self.seen.get(&id) == Some(&at) {
                self.seen.remove(&id);
            }
        }
    }
}

/// The texts of a field; empty ones when there is none.
fn texts(batch: &Batch, field: &str) -> NodeResult<Vec<String>> {
    let column: Option<&ArrayRef> = batch.rows.column_by_name(field);
    let Some(column) = column else {
        return Ok(vec![String::new(); batch.len()]);
    };
    let options = FormatOptions::default();
    let format = ArrayFormatter::try_new(column.as_ref(), &options)?;
    Ok((0..column.len())
        .map(|i| format.value(i).to_string())
        .collect())
}
