//! Capacity and bill: KPUs, how busy they are, scaling, starting anew.

use super::config::Runtime;
use super::model::{MINUTE, Model, TIMER_UP};
use super::{BACKUP, KPU_HOUR, STORAGE};
use crate::node::{Cx, Tag};
use crate::units::{GIB, SimDuration, SimTime};

impl Model {
    pub(super) fn kpus(&self) -> u32 {
        let most = self.config.max_kpus.min(self.quotas.kpus);
        self.config.kpus(self.parallelism).min(most).max(1)
    }
    pub(super) fn begin_anew(&mut self, why: &'static str, cx: &mut Cx<'_>) {
        if self.down {
            return;
        }
        self.down = true;
        // Kinesis SQL keeps no checkpoints of its forests.
        if self.config.runtime == Runtime::Sql
            && let Some(application) = &mut self.application
        {
            application.program.forget_forests();
        }
        cx.metric("fullRestarts", 1.0);
        cx.event("restart", format!("the application begins anew: {why}"));
        let took = cx.draw(&self.restart);
        cx.after(took, Tag::new(TIMER_UP, 0));
    }
    /// A minute is over: how busy the processors were, and whether that calls for more of them or fewer.
    pub(super) fn minute(&mut self, cx: &mut Cx<'_>) {
        let kpus = self.kpus();
        let whole = MINUTE.as_secs_f64() * f64::from(kpus);
        self.cpu_percent = (100.0 * self.busy.as_secs_f64() / whole).min(100.0);
        self.busy = SimDuration::ZERO;
        cx.metric("containerCPUUtilization", self.cpu_percent);
        cx.metric("KPUs", f64::from(kpus));
        let count = |yes: bool, so_far: u32| if yes { so_far + 1 } else { 0 };
        self.minutes_high = count(
            self.cpu_percent >= self.quotas.up_percent,
            self.minutes_high,
        );
        self.minutes_low = count(
            self.cpu_percent < self.quotas.down_percent,
            self.minutes_low,
        );
        if !self.config.auto_scaling || self.down {
            return;
        }
        let most = self.config.max_kpus.min(self.quotas.kpus) * self.config.parallelism_per_kpu;
        let next = if self.minutes_high >= self.quotas.up_minutes {
            (self.parallelism * 2).min(most)
        } else if self.minutes_low >= self.quotas.down_minutes {
            self.parallelism.div_ceil(2).max(self.config.parallelism)
        } else {
            return;
        };
        (self.minutes_high, self.minutes_low) = (0, 0);
        if next != self.parallelism {
            self.bill(cx);
            let from = self.parallelism;
            self.parallelism = next;
            cx.event(
                "autoscaling",
                format!("parallelism goes from {from} to {next}"),
            );
            self.begin_anew("it is scaled", cx);
        }
    }
    /// Brings the bill up to now.
    pub(super) fn bill(&mut self, cx: &mut Cx<'_>) {
        // The least that is billed is billed at once.
        let until = cx.now().max(SimTime::ZERO + self.quotas.min_billed);
        let millis = until.as_millis().saturating_sub(self.metered.as_millis());
        self.metered = self.metered.max(until);
        let kpus = u128::from(self.kpus());
        let all = kpus + u128::from(self.quotas.orchestration);
        cx.meter(&KPU_HOUR, u128::from(millis) * all);
        let bytes = u128::from(self.quotas.storage_gib * GIB) * kpus;
        cx.meter(&STORAGE, u128::from(millis) * bytes);
        if self.config.runtime == Runtime::Flink {
            cx.meter(
                &BACKUP,
                u128::from(millis) * backup_bytes(self.config.backup_gb),
            );
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded by the parameter's range"
)]
fn backup_bytes(gb: f64) -> u128 {
    (gb * GIB as f64) as u128
}
