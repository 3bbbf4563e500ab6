//! Where records went and what their time went into: the ledger's side of a run.

use super::function::{Failure, Output};
use crate::data::Batch;
use crate::metrics::Part;
use crate::node::{Ask, CallId, Cx, ReplyStatus, TraceEnd, WireId};
use crate::units::{SimDuration, SimTime};

/// When a run began and what its time went into.
pub(super) struct Times {
    pub(super) begun: SimTime,
    pub(super) parts: [(Part, SimDuration); 3],
}

impl Times {
    /// The whole way of records that came at `since`, and whose first run began at `first`.
    pub(super) fn way(&self, first: Option<SimTime>, since: SimTime) -> Vec<(Part, SimDuration)> {
        let first = first.unwrap_or(self.begun);
        let mut way = vec![
            (Part::Queue, first.since(since)),
            (Part::Retry, self.begun.since(first)),
        ];
        way.extend(self.parts);
        way
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

/// What the function left out, joined or added.
pub(super) fn account(input: &Batch, output: &Output, cx: &mut Cx<'_>) {
    let why = "left out by the function";
    cx.dropped(why, output.filtered);
    let end = if output.regrouped {
        TraceEnd::Regrouped
    } else {
        TraceEnd::Dropped(why)
    };
    cx.ended(end, |g| {
        let goes_on = !output.regrouped && output.batch.born.contains(&g.born);
        !goes_on && input.born.contains(&g.born)
    });
    if output.merged > 0 {
        cx.merged(output.merged);
    }
    if input.is_empty() {
        cx.created(output.created, output.batch.bytes());
    } else if output.created > 0 {
        cx.copied(output.created);
    }
}

pub(super) fn answer(
    (wire, call): (WireId, CallId),
    input: &Batch,
    result: Result<Output, (Batch, Failure)>,
    times: &Times,
    cx: &mut Cx<'_>,
) {
    let (status, batch, failed) = match result {
        Ok(output) => {
            passed(&times.parts, input.records(), cx);
            account(&taken(input, &output), &output, cx);
            (ReplyStatus::Ok, output.batch, vec![output.failed])
        }
        Err((input, _)) => (ReplyStatus::FunctionError, input, Vec::new()),
    };
    cx.ask(
        wire,
        Ask::Reply {
            call,
            status,
            batches: vec![batch],
            failed,
        },
        SimDuration::ZERO,
    );
}

/// The records of `input` that did not fail.
fn taken(input: &Batch, output: &Output) -> Batch {
    if output.failed.is_empty() {
        return input.clone();
    }
    let keep = output.failed_rows(input).iter().map(|f| !f).collect();
    input.filter(&keep).unwrap_or_else(|_| input.clone())
}
