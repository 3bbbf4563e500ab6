//! Messages that were sent before: what a FIFO queue and a FIFO topic know them by, for as long as it matters.

use std::collections::{BTreeMap, VecDeque};

use arrow::array::{Array as _, ArrayRef};
use arrow::buffer::BooleanBuffer;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sha2::{Digest as _, Sha256};

use super::NodeResult;
use crate::data::{Batch, json_texts};
use crate::units::{SimDuration, SimTime};

/// What was sent of late.
#[derive(Debug)]
pub struct Doubles {
    /// The field that names a message; empty: its whole body does.
    pub field: String,
    window: SimDuration,
    seen: BTreeMap<[u8; 32], SimTime>,
    order: VecDeque<(SimTime, [u8; 32])>,
}

impl Doubles {
    /// Knows messages by `field` for `window`.
    #[must_use]
    pub const fn new(field: String, window: SimDuration) -> Self {
        Self {
            field,
            window,
            seen: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }
    /// Which messages are new at `now`; those are known from now on.
    ///
    /// # Errors
    /// When a value of the field cannot be shown.
    pub fn fresh(&mut self, batch: &Batch, now: SimTime) -> NodeResult<BooleanBuffer> {
        let mut fresh = Vec::with_capacity(batch.len());
        for id in self.ids(batch)? {
            let double = self
                .seen
                .get(&id)
                .is_some_and(|at| now.since(*at) < self.window);
            if !double {
                self.seen.insert(id, now);
                self.order.push_back((now, id));
            }
            fresh.push(!double);
        }
        Ok(fresh.into())
    }
    /// What makes each message itself: its id, or the SHA-256 of its body.
    fn ids(&self, batch: &Batch) -> NodeResult<Vec<[u8; 32]>> {
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        if !self.field.is_empty() && batch.rows.column_by_name(&self.field).is_some() {
            let ids = field_texts(batch, &self.field)?;
            return Ok(ids.iter().map(|id| digest(id.as_bytes())).collect());
        }
        Ok(json_texts(batch)?.iter().map(|body| digest(body)).collect())
    }
    /// Forgets what was sent too long ago to matter.
    pub fn forget(&mut self, now: SimTime) {
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
///
/// # Errors
/// When a value cannot be shown.
pub fn field_texts(batch: &Batch, field: &str) -> NodeResult<Vec<String>> {
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
