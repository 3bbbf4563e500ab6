//! What goes out: new records to the destinations, the newest rows as a table, and where every record went for the ledger.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::application::Outcome;
use super::model::Model;
use crate::data::Batch;
use crate::metrics::Part;
use crate::node::{Cx, Payload, Table, TraceEnd, WireId};
use crate::units::SimDuration;

/// Rows of the table of the newest.
const SHOWN: usize = 50;

impl Model {
    /// Puts new records to the destinations.
    pub(super) fn give(&mut self, outcome: Outcome, way: &[(Part, SimDuration)], cx: &mut Cx<'_>) {
        for (port, batches) in outcome.out.into_iter().enumerate() {
            for batch in batches {
                cx.metric("numRecordsOut", batch.records() as f64);
                if port == 0 {
                    self.keep_newest(&batch);
                }
                let putters = &mut self.putters[port];
                if putters.is_empty() {
                    passed(way, batch.records(), cx);
                    cx.delivered(&batch.born, batch.weight, batch.bytes());
                    continue;
                }
                cx.copied(batch.records() * (putters.len() as u64 - 1));
                for part in batch.parts(self.quotas.put_records, self.quotas.put_bytes) {
                    for putter in putters.iter_mut() {
                        putter.put_after(part.clone(), way, cx);
                    }
                }
            }
        }
    }
    fn keep_newest(&mut self, batch: &Batch) {
        let from = batch.len().saturating_sub(SHOWN);
        self.newest
            .push_back(batch.rows.slice(from, batch.len() - from));
        let mut rows: usize = self.newest.iter().map(RecordBatch::num_rows).sum();
        while let Some(oldest) = self.newest.front() {
            if rows - oldest.num_rows() < SHOWN {
                break;
            }
            rows -= oldest.num_rows();
            self.newest.pop_front();
        }
    }
    /// Tells of the state, and sends the newest rows.
    pub(super) fn report(&mut self, cx: &mut Cx<'_>) {
        if let Some(worst) = self.behind.values().max() {
            cx.metric("millisBehindLatest", worst.as_millis_f64());
        }
        if let Some(a) = &self.application {
            let (windows, keys) = a.program.state();
            cx.metric("OpenWindows", windows as f64);
            cx.metric("StateKeys", keys as f64);
        }
        let name = self.application.as_ref().map_or("", |a| a.name(0));
        let table = Arc::new(Table {
            title: name.to_owned(),
            rows: self.newest.iter().cloned().collect(),
            at: cx.now(),
        });
        let wires: Vec<WireId> = cx.outs("rows").map(|w| w.id).collect();
        for wire in wires {
            let rows = Payload::Rows(Arc::clone(&table));
            // Rows need no credit.
            if cx.send(wire, rows, SimDuration::ZERO).is_err() {
                cx.incident("buffer-full", 1, || "a table could not be sent".to_owned());
            }
        }
        self.table = Some(table);
    }
}

/// Where the records of a batch went, for the ledger.
pub(super) fn account(
    outcome: &Outcome,
    batch: &Batch,
    way: &[(Part, SimDuration)],
    cx: &mut Cx<'_>,
) {
    let lost = [
        (&outcome.late, "late: its window had closed"),
        (&outcome.full, "no room in the state"),
        (&outcome.left_out, "left out by the SQL"),
        (&outcome.bad, "the SQL does not compute"),
    ];
    for (records, reason) in lost {
        if let Some(records) = records {
            passed(way, records.records(), cx);
            cx.dropped_batch(reason, records);
        }
    }
    if let Some(late) = &outcome.late {
        cx.metric("numLateRecordsDropped", late.records() as f64);
        cx.incident("late", late.records(), || {
            "drops records that come after their window had closed".to_owned()
        });
    }
    if let Some(full) = &outcome.full {
        cx.incident("state-full", full.records(), || {
            "drops records because too many keys are open".to_owned()
        });
    }
    if outcome.merged > 0 {
        passed(way, outcome.merged, cx);
        cx.merged(outcome.merged);
        let holds = |b: &Batch, born: u64| b.born.contains(&born);
        let elsewhere = |born: u64| {
            let gone = lost.iter().filter_map(|(b, _)| b.as_ref());
            gone.chain(outcome.out.iter().flatten())
                .any(|b| holds(b, born))
        };
        cx.ended(TraceEnd::Regrouped, |g| {
            holds(batch, g.born) && !elsewhere(g.born)
        });
    }
    cx.copied(outcome.copies.saturating_sub(outcome.passed));
    cx.created(outcome.created, outcome.created_bytes);
    troubles(outcome, cx);
}

/// Tells of rows that did not compute, and of those that the state had no room for.
pub(super) fn troubles(outcome: &Outcome, cx: &mut Cx<'_>) {
    if outcome.faults > 0 {
        cx.metric("ErrorRows", outcome.faults as f64);
        cx.errored(outcome.faults, || {
            let why = outcome.why.as_deref().unwrap_or_default();
            format!("the SQL does not compute: {why}")
        });
    }
    if outcome.lost > 0 {
        cx.incident("state-full", outcome.lost, || {
            "drops rows of joins and windows because too many records are kept; raise `max_state_records` or narrow the window".to_owned()
        });
    }
}

/// `records` are through the node after `way`.
pub(super) fn passed(way: &[(Part, SimDuration)], records: u64, cx: &mut Cx<'_>) {
    let mut whole = SimDuration::ZERO;
    for (part, took) in way {
        whole += *took;
        if *took > SimDuration::ZERO {
            cx.spent(*part, *took, records);
        }
    }
    cx.passed(whole, records);
}
