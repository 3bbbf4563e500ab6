//! The environments of a function: cold starts, warm ones, provisioned ones, and the limits on how many there are.

use std::collections::VecDeque;
use std::sync::Arc;

use super::config::Config;
use crate::books::LatencyLaw;
use crate::code::Slot;
use crate::node::{BuildCx, Cx, FaultKind, TokenBucket};
use crate::units::{SimDuration, SimTime};

/// Python processes of one function at the most. Environments beyond that start theirs anew: their global variables begin again.
const PROCESSES: usize = 32;

/// One environment.
#[derive(Debug)]
pub(super) struct Environment {
    number: u64,
    provisioned: bool,
    /// True when it is of the part of the account that functions share.
    shared: bool,
    /// The version of the code that it runs.
    version: u64,
    slot: Arc<Slot>,
}

impl Environment {
    pub(super) const fn number(&self) -> u64 {
        self.number
    }
    pub(super) const fn is_provisioned(&self) -> bool {
        self.provisioned
    }
}

/// All environments of a function.
#[derive(Debug)]
pub(super) struct Environments {
    account: u32,
    idle: SimDuration,
    init_timeout: SimDuration,
    cold_law: LatencyLaw,
    scaling: TokenBucket,
    running: u32,
    provisioned_at_work: u32,
    /// Warm environments by the instant they became free, oldest first.
    warm: VecDeque<(SimTime, Environment)>,
    /// Provisioned ones that are free.
    ready: VecDeque<Environment>,
    /// Places of processes, the latest used last.
    processes: VecDeque<Arc<Slot>>,
    next: u64,
    version: u64,
}

impl Environments {
    pub(super) fn new(config: &Config, cx: &BuildCx) -> Result<Self, String> {
        let q = |key: &str| cx.quota(&format!("lambda.{key}"));
        let interval = q("concurrency_scaling_interval_s")?.max(1);
        let environments = q("concurrency_scaling_environments")?;
        let mut all = Self {
            account: u32::try_from(q("concurrent_executions_max")?).unwrap_or(u32::MAX),
            idle: SimDuration::secs(q("environment_idle_s")?),
            init_timeout: SimDuration::secs(q("init_timeout_s")?),
            cold_law: cx.latency(config.runtime.cold_start_law())?,
            scaling: TokenBucket::with_burst(environments / interval, environments),
            running: 0,
            provisioned_at_work: 0,
            warm: VecDeque::new(),
            ready: VecDeque::new(),
            processes: VecDeque::new(),
            next: 0,
            version: 0,
        };
        all.provision(config.provisioned_concurrency);
        cx.world.account.reserve(None, config.reserved_concurrency);
        Ok(all)
    }
    fn fresh(&mut self, provisioned: bool) -> Environment {
        self.next += 1;
        Environment {
            number: self.next,
            provisioned,
            shared: false,
            version: self.version,
            slot: Arc::default(),
        }
    }
    /// Keeps `n` provisioned environments, those at work included.
    fn provision(&mut self, n: u32) {
        let free = n.saturating_sub(self.provisioned_at_work) as usize;
        while self.ready.len() > free {
            self.ready.pop_back();
        }
        while self.ready.len() < free {
            let environment = self.fresh(true);
            self.ready.push_back(environment);
        }
    }
    /// Takes changed parameters over: a changed function starts anew everywhere.
    pub(super) fn retune(&mut self, old: &Config, new: &Config, cx: &Cx<'_>) {
        let code = |c: &Config| {
            let text = (c.sql.clone(), c.code.clone(), c.handler.clone());
            (text, c.memory_mb, c.runtime, c.architecture)
        };
        if code(new) != code(old) {
            self.version += 1;
            self.warm.clear();
            self.ready.clear();
            self.processes.drain(..).for_each(|slot| slot.retire());
        }
        self.provision(new.provisioned_concurrency);
        let account = &cx.world().account;
        account.reserve(old.reserved_concurrency, new.reserved_concurrency);
        if let Some(law) = cx.world().books.latency(new.runtime.cold_start_law()) {
            self.cold_law = law.clone();
        }
    }
    /// The place of the process for a call in `environment`. Of too many processes the one that was used least lately ends.
    pub(super) fn slot(&mut self, environment: &Environment) -> Arc<Slot> {
        let slot = &environment.slot;
        self.processes.retain(|s| !Arc::ptr_eq(s, slot));
        self.processes.push_back(Arc::clone(slot));
        if self.processes.len() > PROCESSES
            && let Some(oldest) = self.processes.pop_front()
        {
            oldest.retire();
        }
        Arc::clone(slot)
    }
    pub(super) const fn running(&self) -> u32 {
        self.running
    }
    pub(super) const fn provisioned_at_work(&self) -> u32 {
        self.provisioned_at_work
    }
    /// Environments that may be at work at once.
    pub(super) fn limit(&self, config: &Config) -> u32 {
        config.reserved_concurrency.unwrap_or(self.account)
    }
    /// True when no further run may begin: the function has what it reserved, or all functions together what is left of the
    /// account.
    fn is_full(&self, config: &Config, cx: &Cx<'_>) -> bool {
        let account = &cx.world().account;
        match config.reserved_concurrency {
            Some(most) => self.running >= most,
            None => account.unreserved() >= self.account.saturating_sub(account.reserved()),
        }
    }
    /// Finds an environment; `None` when the call is throttled. The span is its cold start, zero when it is warm.
    pub(super) fn take(
        &mut self,
        config: &Config,
        cx: &mut Cx<'_>,
    ) -> Option<(Environment, SimDuration)> {
        if cx.strikes(FaultKind::Throttle) || self.is_full(config, cx) {
            return None;
        }
        let (mut environment, cold) = self.find(cx)?;
        self.running += 1;
        environment.shared = config.reserved_concurrency.is_none();
        if environment.shared {
            cx.world().account.begin();
        }
        Some((environment, cold))
    }
    fn find(&mut self, cx: &mut Cx<'_>) -> Option<(Environment, SimDuration)> {
        let now = cx.now();
        while self
            .warm
            .front()
            .is_some_and(|(at, _)| now.since(*at) >= self.idle)
        {
            self.warm.pop_front();
        }
        if let Some(environment) = self.ready.pop_front() {
            self.provisioned_at_work += 1;
            return Some((environment, SimDuration::ZERO));
        }
        // The one that was used last goes on: the others may cool down.
        if let Some((_, environment)) = self.warm.pop_back() {
            return Some((environment, SimDuration::ZERO));
        }
        if !self.scaling.take(now, 1) {
            return None;
        }
        let z = cx.rng().normal();
        let cold = self.cold_law.sample(z).min(self.init_timeout);
        Some((self.fresh(false), cold))
    }
    /// An environment is free again; one that broke is not used any more.
    pub(super) fn give_back(&mut self, mut environment: Environment, goes_on: bool, cx: &Cx<'_>) {
        self.running -= 1;
        if environment.shared {
            cx.world().account.end();
        }
        let current = environment.version == self.version;
        if environment.provisioned {
            self.provisioned_at_work -= 1;
            if !goes_on {
                environment.slot = Arc::default();
            }
            if current {
                self.ready.push_front(environment);
            }
            return;
        }
        if goes_on && current {
            self.warm.push_back((cx.now(), environment));
        }
    }
}
