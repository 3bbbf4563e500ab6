//! Invocations of a running endpoint: they begin when a worker is free, end, fail and are tried again, and their answers go out.

use std::sync::Arc;

use super::config::{ModelTime, Serving};
use super::fleet::Place;
use super::inference::Alert;
use super::model::{Model, Request, Running, TIMER_AGAIN, TIMER_DONE, TIMER_OUT};
use super::{DATA_IN, DATA_OUT, SERVERLESS};
use crate::metrics::Part;
use crate::node::{Cx, Event, FaultKind, NodeResult, Notice, Payload, Tag, WireId};
use crate::units::SimDuration;

/// A failed invocation is tried again after this, doubled with each try.
const AGAIN: SimDuration = SimDuration::secs(1);

impl Model {
    /// Begins invocations as long as there are free workers.
    pub(super) fn pump(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        for i in 0..self.variants.len() {
            while let Some(variant) = self.variants.get_mut(i) {
                let Some(request) = variant.queue.front() else {
                    break;
                };
                if cx.now().since(request.waits) > self.terms.timeout {
                    if let Some(request) = variant.queue.pop_front() {
                        self.failed(request, "the invocation waited longer than its timeout", cx);
                    }
                    continue;
                }
                let Some(place) = variant
                    .fleet
                    .take(&request.model, &self.config, &self.terms, cx)
                else {
                    break;
                };
                if let Some(request) = variant.queue.pop_front() {
                    self.begin(request, place, cx);
                }
            }
        }
        Ok(())
    }
    fn begin(&mut self, request: Request, place: Place, cx: &mut Cx<'_>) {
        let factor = match self.config.model_time {
            ModelTime::Constant => 1.0,
            ModelTime::Exponential => -libm::log1p(-cx.rng().unit()),
        };
        let millis =
            self.config.base_ms + self.config.per_record_us * 1e-3 * request.batch.records() as f64;
        let slow = cx
            .fault(FaultKind::Latency)
            .map_or(SimDuration::ZERO, |f| f.add);
        let service = SimDuration::from_secs_f64(millis * factor * 1e-3) + slow;
        let whole = (place.ready_after + service).min(self.terms.timeout);
        let epoch = cx.world().epoch_ms;
        let answer = if cx.strikes(FaultKind::Errors) {
            Err("an invocation failed by a fault of the scenario")
        } else if place.ready_after + service > self.terms.timeout {
            Err("an invocation took longer than its timeout")
        } else {
            match self
                .variants
                .get_mut(request.variant)
                .map(|v| v.inference.answer(&request.batch, epoch))
            {
                Some(Ok(answer)) => Ok((answer.batch, answer.alerts)),
                Some(Err(why)) => {
                    self.reject(&request, place, &why, cx);
                    return;
                }
                None => return,
            }
        };
        let number = self.next;
        self.next += 1;
        cx.after(whole, Tag::new(TIMER_DONE, number));
        let begun = cx.now();
        self.running.insert(
            number,
            Running {
                request,
                place,
                begun,
                answer,
            },
        );
    }
    /// The records do not suit the model: trying again would not help.
    fn reject(&mut self, request: &Request, place: Place, why: &str, cx: &mut Cx<'_>) {
        if let Some(variant) = self.variants.get_mut(request.variant) {
            variant
                .fleet
                .give_back(place, SimDuration::ZERO, &self.config, cx.now());
        }
        cx.metric("Invocations", 1.0);
        cx.metric("Invocation4XXErrors", 1.0);
        cx.errored(1, || format!("ModelError: {why}"));
        cx.dropped_batch("the model takes no such records", &request.batch);
        self.free_lane(request.lane);
    }
    fn free_lane(&mut self, lane: Option<u32>) {
        if let Some(lane) = lane.and_then(|n| self.lanes.get_mut(&n)) {
            lane.busy = false;
        }
    }
    /// An invocation failed; it is tried again, or its records are given up.
    fn failed(&mut self, mut request: Request, why: &'static str, cx: &mut Cx<'_>) {
        cx.metric("Invocation5XXErrors", 1.0);
        cx.errored(1, || why.to_owned());
        if request.tries >= self.config.max_retries {
            cx.dropped_batch("given up by the endpoint's client", &request.batch);
            self.free_lane(request.lane);
            return;
        }
        request.tries += 1;
        let wait = AGAIN * (1 << (request.tries - 1).min(6));
        cx.after(wait, Tag::new(TIMER_AGAIN, self.next));
        self.again.insert(self.next, request);
        self.next += 1;
    }
    pub(super) fn done(&mut self, number: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some(Running {
            request,
            place,
            begun,
            answer,
        }) = self.running.remove(&number)
        else {
            return Ok(());
        };
        let took = cx.now().since(begun);
        let own = took.0.saturating_sub(place.ready_after.0);
        let overhead = cx.draw(&self.terms.overhead);
        let named = &super::VARIANTS[request.variant.min(1)];
        cx.metric("Invocations", 1.0);
        cx.metric("ModelLatency", own as f64 / 1000.0);
        cx.metric("OverheadLatency", overhead.0 as f64 / 1000.0);
        cx.metric(named.invocations, 1.0);
        cx.metric(named.latency, own as f64 / 1000.0);
        if place.ready_after > SimDuration::ZERO {
            let name = if self.config.multi_model {
                "ModelLoadingWaitTime"
            } else {
                "ModelSetupTime"
            };
            cx.metric(name, place.ready_after.0 as f64 / 1000.0);
        }
        if self.config.serving == Serving::Serverless {
            let millis = took.0.div_ceil(1_000_000);
            cx.meter(
                &SERVERLESS,
                u128::from(millis) * u128::from(self.config.serverless_memory_mb),
            );
        }
        if let Some(variant) = self.variants.get_mut(request.variant) {
            variant.fleet.give_back(place, took, &self.config, cx.now());
        }
        match answer {
            Err(why) => self.failed(request, why, cx),
            Ok((batch, alerts)) => {
                cx.meter(&DATA_IN, u128::from(request.batch.bytes()));
                cx.meter(
                    &DATA_OUT,
                    u128::from(batch.bytes().saturating_sub(request.batch.bytes())),
                );
                let waited = begun.since(request.since);
                let way = vec![
                    (Part::Queue, waited),
                    (Part::ColdStart, place.ready_after),
                    (Part::Service, SimDuration(own)),
                    (Part::Transfer, overhead),
                ];
                cx.after(overhead, Tag::new(TIMER_OUT, number));
                self.leaving.insert(number, (batch, way, alerts));
                self.free_lane(request.lane);
            }
        }
        self.advance(cx)
    }
    pub(super) fn out(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some((batch, way, alerts)) = self.leaving.remove(&number) else {
            return;
        };
        self.alerts += u64::from(batch.weight) * alerts.len() as u64;
        for alert in &alerts {
            cx.metric("Alerts", f64::from(batch.weight));
            tell(alert, cx);
        }
        if self.putters.is_empty() {
            passed(&way, batch.records(), cx);
            cx.delivered(&batch.born, batch.weight, batch.bytes());
            return;
        }
        cx.copied(batch.records() * (self.putters.len() as u64 - 1));
        for part in batch.parts(self.put_records, self.put_bytes) {
            for putter in &mut self.putters {
                putter.put_after(part.clone(), &way, cx);
            }
        }
    }
}

/// Tells people and services of an alert.
fn tell(alert: &Alert, cx: &mut Cx<'_>) {
    let of = if alert.key.is_empty() {
        "a record"
    } else {
        &alert.key
    };
    let text = format!("{of} {}", alert.why);
    cx.incident("alert", 1, || text.clone());
    let detail = serde_json::json!({
        "time": alert.at_ms, "key": alert.key, "prediction": alert.prediction, "score": alert.score,
        "variant": alert.variant, "description": text,
    });
    let event = Arc::new(Event {
        source: "weir.sagemaker-endpoint",
        detail_type: "Prediction".to_owned(),
        detail: detail.clone(),
        message: detail,
    });
    let wires: Vec<WireId> = cx.outs("alerts").map(|w| w.id).collect();
    for wire in wires {
        let notice = Payload::Notice(Notice::Event(Arc::clone(&event)));
        if cx.send(wire, notice, SimDuration::ZERO).is_err() {
            cx.incident("buffer-full", 1, || "an alert could not be sent".to_owned());
        }
    }
}

/// `records` are through the node after `way`.
fn passed(way: &[(Part, SimDuration)], records: u64, cx: &mut Cx<'_>) {
    let mut whole = SimDuration::ZERO;
    for (part, took) in way {
        whole += *took;
        if *took > SimDuration::ZERO {
            cx.spent(*part, *took, records);
        }
    }
    cx.passed(whole, records);
}
