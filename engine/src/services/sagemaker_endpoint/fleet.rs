//! The machines of one production variant: instances with their workers, queue, models in memory and auto scaling, or serverless
//! environments. Knows times and counts, no records.

use std::collections::BTreeMap;

use super::config::{Config, Serving};
use crate::books::LatencyLaw;
use crate::node::{BuildCx, Cx};
use crate::units::{SimDuration, SimTime};

/// Figures of the books that endpoints follow.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) overhead: LatencyLaw,
    pub(super) start: LatencyLaw,
    pub(super) cold: LatencyLaw,
    pub(super) load: LatencyLaw,
    /// Megabytes a second at which a model comes from S3.
    load_mb_per_second: u64,
    pub(super) idle: SimDuration,
    pub(super) timeout: SimDuration,
    pub(super) payload_bytes: u64,
    pub(super) serverless_payload_bytes: u64,
    pub(super) waiting_max: usize,
    out_datapoints: u64,
    in_datapoints: u64,
}

impl Terms {
    pub(super) fn new(cx: &BuildCx) -> Result<Self, String> {
        let q = |key: &str| cx.quota(&format!("sagemaker-endpoint.{key}"));
        let load = cx.latency("sagemaker-endpoint.model_load")?;
        Ok(Self {
            overhead: cx.latency("sagemaker-endpoint.overhead")?,
            start: cx.latency("sagemaker-endpoint.instance_start")?,
            cold: cx.latency("sagemaker-endpoint.serverless_cold_start")?,
            load_mb_per_second: load.field("mb_per_second").unwrap_or(1).max(1),
            load,
            idle: SimDuration::secs(q("serverless_idle_s")?),
            timeout: SimDuration::secs(q("timeout_s")?),
            payload_bytes: q("payload_max_bytes")?,
            serverless_payload_bytes: q("serverless_payload_max_bytes")?,
            waiting_max: usize::try_from(q("waiting_max_invocations")?).unwrap_or(usize::MAX),
            out_datapoints: q("scale_out_datapoints")?,
            in_datapoints: q("scale_in_datapoints")?,
        })
    }
}

#[derive(Debug, Default)]
struct Instance {
    busy: u32,
    /// Taken out of service; goes when its last invocation has ended.
    draining: bool,
    /// Models in memory, the one that was called last at the end.
    loaded: Vec<String>,
}

/// Where an invocation runs and what it waits for there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The instance's number.
    pub(super) instance: u64,
    /// Time until the model is in memory or the environment is there.
    pub(super) ready_after: SimDuration,
}

/// What auto scaling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scaled {
    /// So many instances are on their way.
    Out(u32),
    /// So many were taken out of service.
    In(u32),
}

/// The machines of one variant.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    instances: BTreeMap<u64, Instance>,
    next: u64,
    pub(super) starting: u32,
    running: u32,
    /// Serverless: when each warm environment became free, oldest first.
    warm: Vec<SimTime>,
    pub(super) invocations: u64,
    busy_nanos: u128,
    above: u64,
    below: u64,
    last_out: Option<SimTime>,
    last_change: Option<SimTime>,
    pub(super) hits: u64,
    pub(super) loads: u64,
}

impl Fleet {
    /// Adds `n` instances that are in service.
    pub(super) fn add(&mut self, n: u32) {
        for _ in 0..n {
            self.instances.insert(self.next, Instance::default());
            self.next += 1;
        }
    }
    pub(super) fn in_service(&self) -> u32 {
        let all = self.instances.values().filter(|i| !i.draining).count();
        u32::try_from(all).unwrap_or(u32::MAX)
    }
    /// Instances that are billed: those in service, on their way and at their last work.
    pub(super) fn billed(&self) -> u32 {
        u32::try_from(self.instances.len()).unwrap_or(u32::MAX) + self.starting
    }
    pub(super) const fn running(&self) -> u32 {
        self.running
    }
    /// Invocations that could be at work at once.
    pub(super) fn slots(&self, config: &Config) -> u32 {
        match config.serving {
            Serving::RealTime => self.in_service() * config.instance_type.vcpus(),
            Serving::Serverless => config.serverless_max_concurrency,
        }
    }
    pub(super) fn loaded(&self) -> usize {
        self.instances.values().map(|i| i.loaded.len()).sum()
    }
    /// A free place for an invocation of `model`; `None` when all are at work.
    pub(super) fn take(
        &mut self,
        model: &str,
        config: &Config,
        terms: &Terms,
        cx: &mut Cx<'_>,
    ) -> Option<Place> {
        let place = match config.serving {
            Serving::Serverless => self.environment(config, terms, cx)?,
            Serving::RealTime => self.instance(model, config, terms, cx)?,
        };
        self.running += 1;
        self.invocations += 1;
        Some(place)
    }
    fn environment(&mut self, config: &Config, terms: &Terms, cx: &mut Cx<'_>) -> Option<Place> {
        if self.running >= config.serverless_max_concurrency {
            return None;
        }
        let now = cx.now();
        self.warm.retain(|free| now.since(*free) < terms.idle);
        // The one that was used last goes on: the others may cool down.
        let ready_after = match self.warm.pop() {
            Some(_) => SimDuration::ZERO,
            None => cx.draw(&terms.cold),
        };
        Some(Place {
            instance: 0,
            ready_after,
        })
    }
    fn instance(
        &mut self,
        model: &str,
        config: &Config,
        terms: &Terms,
        cx: &mut Cx<'_>,
    ) -> Option<Place> {
        let workers = config.instance_type.vcpus();
        let holds = |i: &Instance| !config.multi_model || i.loaded.iter().any(|m| m == model);
        let free = self
            .instances
            .iter_mut()
            .filter(|(_, i)| !i.draining && i.busy < workers);
        // An instance that holds the model already, then the one with the least to do.
        let (number, instance) = free.min_by_key(|(n, i)| (!holds(i), i.busy, **n))?;
        let number = *number;
        instance.busy += 1;
        if !config.multi_model {
            return Some(Place {
                instance: number,
                ready_after: SimDuration::ZERO,
            });
        }
        if let Some(at) = instance.loaded.iter().position(|m| m == model) {
            let model = instance.loaded.remove(at);
            instance.loaded.push(model);
            self.hits += 1;
            return Some(Place {
                instance: number,
                ready_after: SimDuration::ZERO,
            });
        }
        let most = (config.instance_type.memory_mb() / config.model_mb.max(1)).max(1) as usize;
        if instance.loaded.len() >= most {
            instance.loaded.remove(0);
        }
        instance.loaded.push(model.to_owned());
        self.loads += 1;
        let copy = SimDuration::from_secs_f64(
            f64::from(config.model_mb) / terms.load_mb_per_second as f64,
        );
        Some(Place {
            instance: number,
            ready_after: cx.draw(&terms.load) + copy,
        })
    }
    /// An invocation has ended that kept its place busy for `took`.
    pub(super) fn give_back(
        &mut self,
        place: Place,
        took: SimDuration,
        config: &Config,
        now: SimTime,
    ) {
        self.running = self.running.saturating_sub(1);
        self.busy_nanos += u128::from(took.0);
        if config.serving == Serving::Serverless {
            self.warm.push(now);
            return;
        }
        if let Some(instance) = self.instances.get_mut(&place.instance) {
            instance.busy = instance.busy.saturating_sub(1);
            if instance.draining && instance.busy == 0 {
                self.instances.remove(&place.instance);
            }
        }
    }
    /// Takes `n` instances out of service, those with the least to do first.
    fn remove(&mut self, n: u32) {
        for _ in 0..n {
            let open = self.instances.iter_mut().filter(|(_, i)| !i.draining);
            let Some((number, instance)) =
                open.min_by_key(|(n, i)| (i.busy, std::cmp::Reverse(**n)))
            else {
                return;
            };
            instance.draining = true;
            let (number, idle) = (*number, instance.busy == 0);
            if idle {
                self.instances.remove(&number);
            }
        }
    }
    /// Another number of instances by hand: what is missing is on its way, what is too much goes.
    pub(super) fn want(&mut self, n: u32) -> u32 {
        let have = self.in_service() + self.starting;
        if n < have {
            self.remove((have - n).min(self.in_service().saturating_sub(1)));
            return 0;
        }
        self.starting += n - have;
        n - have
    }
    /// The figures of the minute that is over: invocations for each instance, and the use of its processors, where 100 is one whole
    /// vCPU of each instance as CloudWatch counts it.
    pub(super) fn minute(&mut self, took: SimDuration) -> (f64, f64) {
        let n = f64::from(self.in_service().max(1));
        let per_instance = self.invocations as f64 / n;
        let busy = self.busy_nanos as f64 / (took.0.max(1) as f64 * n) * 100.0;
        self.invocations = 0;
        self.busy_nanos = 0;
        (per_instance, busy)
    }
    /// Target tracking: what follows from the minute's invocations for each instance.
    pub(super) fn track(
        &mut self,
        per_instance: f64,
        config: &Config,
        terms: &Terms,
        now: SimTime,
    ) -> Option<Scaled> {
        let target = config.target_invocations_per_instance;
        // The alarms of a target tracking policy: above the target, and below nine tenths of it.
        self.above = if per_instance > target {
            self.above + 1
        } else {
            0
        };
        self.below = if per_instance < 0.9 * target {
            self.below + 1
        } else {
            0
        };
        let over = |last: Option<SimTime>, secs: u32| {
            last.is_none_or(|at| now.since(at) >= SimDuration::secs(u64::from(secs)))
        };
        let have = self.in_service() + self.starting;
        let wanted = wanted(self.in_service(), per_instance / target);
        if self.above >= terms.out_datapoints
            && over(self.last_out, config.scale_out_cooldown_seconds)
        {
            let more = wanted.min(config.max_capacity).saturating_sub(have);
            if more > 0 {
                self.starting += more;
                self.last_out = Some(now);
                self.last_change = Some(now);
                return Some(Scaled::Out(more));
            }
        }
        if self.below >= terms.in_datapoints
            && self.starting == 0
            && over(self.last_change, config.scale_in_cooldown_seconds)
        {
            let less = have.saturating_sub(wanted.max(config.min_capacity).max(1));
            if less > 0 {
                self.remove(less);
                self.last_change = Some(now);
                return Some(Scaled::In(less));
            }
        }
        None
    }
}

/// Instances at which the metric would be at its target.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded by the clamp"
)]
fn wanted(have: u32, ratio: f64) -> u32 {
    (f64::from(have) * ratio).ceil().clamp(0.0, 10_000.0) as u32
}
