//! What becomes of batches and events that are given up: told to the destination, in AWS's words, or counted as failed.

use serde_json::{Map, Value, json};

use super::events::Fate;
use super::function::Failure;
use super::mapping::Job;
use super::model::Model;
use crate::data::{Batch, json_sizes, json_values};
use crate::node::{Cx, NodeResult, TraceEnd};

impl Model {
    /// A batch of the stream is given up; its destination is told what it was, not what was in it.
    pub(super) fn discard(
        &mut self,
        job: &Job,
        too_old: bool,
        why: &Failure,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let rows = job.batch.len();
        let place = "discarded by the event source mapping";
        cx.failed(place, job.batch.records());
        cx.ended(TraceEnd::Failed(place), |g| {
            job.batch.born.contains(&g.born)
        });
        let reason = if too_old { "too old" } else { "out of tries" };
        let why = &why.short;
        cx.event(
            "discarded",
            format!("a batch of {rows} records was given up, {reason}: {why}"),
        );
        if self.destinations.is_empty() {
            return Ok(());
        }
        let condition = if too_old {
            "RecordAgeExceeded"
        } else {
            "RetryAttemptsExhausted"
        };
        let last = job.first + rows.saturating_sub(1) as u64;
        let told = json!({
            "requestContext": {
                "functionArn": function_arn(cx),
                "condition": condition,
                "approximateInvokeCount": job.tries,
            },
            "responseContext": {
                "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": cx.now_epoch_ms(),
            "KinesisBatchInfo": {
                "shardId": format!("shardId-{:012}", job.lane),
                "startSequenceNumber": format!("{:056}", job.first),
                "endSequenceNumber": format!("{last:056}"),
                "batchSize": rows,
                "streamArn": Self::source(cx, "in"),
            },
        });
        let born = cx.now().0;
        self.tell(told, born, true, cx)
    }
    /// An event is given up: with a destination it goes there inside what is told, else it counts as failed.
    pub(super) fn give_up(&mut self, fate: Fate, why: &Failure, cx: &mut Cx<'_>) -> NodeResult {
        let Fate::GivenUp(job, condition) = fate else {
            return Ok(());
        };
        let records = job.batch.records();
        cx.metric("AsyncEventsDropped", 1.0);
        cx.event(
            "discarded",
            format!("an event was given up, {condition}: {}", why.short),
        );
        if self.destinations.is_empty() {
            let place = "discarded by the function's queue of events";
            cx.failed(place, records);
            cx.ended(TraceEnd::Failed(place), |g| {
                job.batch.born.contains(&g.born)
            });
            return Ok(());
        }
        let event = match &job.notice {
            Some(event) => (**event).clone(),
            None => json_values(&job.batch)?.pop().unwrap_or(Value::Null),
        };
        let told = json!({
            "version": "1.0",
            "timestamp": cx.now_epoch_ms(),
            "requestContext": {
                "functionArn": function_arn(cx),
                "condition": condition,
                "approximateInvokeCount": job.tries,
            },
            "requestPayload": event.to_string(),
            "responseContext": {
                "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
            },
            "responsePayload": {
                "errorMessage": why.error.message, "errorType": why.error.kind,
            },
        });
        let (born, made) = match job.batch.born.first() {
            Some(born) => (*born, false),
            None => (cx.now().0, true),
        };
        // What is told takes the record's place.
        let weight = u64::from(job.batch.weight);
        cx.merged(records.saturating_sub(1).min(weight - 1));
        self.tell(told, born, made, cx)
    }
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handed over: nobody has a use for it afterwards"
    )]
    fn tell(&mut self, told: Value, born: u64, made: bool, cx: &mut Cx<'_>) -> NodeResult {
        let object: Map<String, Value> = told.as_object().cloned().unwrap_or_default();
        let rows = self.destination_shape.rows(vec![object])?;
        let sizes = json_sizes(&rows);
        let batch = Batch::new(rows, vec![born].into(), sizes);
        if made {
            cx.created(1, batch.bytes());
        }
        cx.copied(self.destinations.len() as u64 - 1);
        for putter in &mut self.destinations {
            putter.put(batch.clone(), cx);
        }
        Ok(())
    }
}

fn function_arn(cx: &Cx<'_>) -> String {
    let region = cx.world().books.region();
    format!("arn:aws:lambda:{region}:123456789012:function:{}", cx.id())
}
