//! What a run takes and costs: workers, tasks, time, DPU-seconds. The law of the time is Weir's own: AWS publishes none.

use super::config::{Config, ExecutionClass, GlueVersion, WorkerType};
use super::{DPU, DPU_6, FLEX, FLEX_6};
use crate::books::{LatencyLaw, UsageSpec};
use crate::node::BuildCx;
use crate::units::SimDuration;

/// Bytes of a file that one task reads: Spark's `maxPartitionBytes`.
pub(super) const TASK_BYTES: u64 = 128 << 20;
const MILLI: u64 = 1000;

/// Quotas and laws of a job.
#[derive(Debug)]
pub(super) struct Terms {
    min_billed_s: u64,
    milli_dpus: [u64; 7],
    vcpus_per_dpu: u64,
    group_files_above: u64,
    pub(super) start: LatencyLaw,
    pub(super) flex_start: LatencyLaw,
    pub(super) list_page: u64,
    pub(super) gets_per_second: u64,
}

/// The size of a run's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Tasks that the files make when they are not grouped.
    pub(super) tasks: u64,
}

impl Input {
    /// Of files of these sizes.
    pub(super) fn of(sizes: impl Iterator<Item = u64>) -> Self {
        let mut all = Self {
            files: 0,
            bytes: 0,
            tasks: 0,
        };
        for size in sizes {
            all.files += 1;
            all.bytes += size;
            all.tasks += size.div_ceil(TASK_BYTES).max(1);
        }
        all
    }
}

/// What a run is going to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizing {
    pub(super) workers: u64,
    pub(super) milli_dpus: u64,
    pub(super) tasks: u64,
    pub(super) needed_workers: u64,
    pub(super) takes: SimDuration,
}

impl Terms {
    pub(super) fn new(cx: &BuildCx) -> Result<Self, String> {
        let dpus = |name: &str| cx.quota(&format!("glue-etl.worker_{name}_millidpus"));
        Ok(Self {
            min_billed_s: cx.quota("glue-etl.min_billed_s")?,
            milli_dpus: [
                dpus("g_025x")?,
                dpus("g_1x")?,
                dpus("g_2x")?,
                dpus("g_4x")?,
                dpus("g_8x")?,
                dpus("g_12x")?,
                dpus("g_16x")?,
            ],
            vcpus_per_dpu: cx.quota("glue-etl.dpu_vcpus")?,
            group_files_above: cx.quota("glue-etl.group_files_above")?,
            start: cx.latency("glue-etl.start")?,
            flex_start: cx.latency("glue-etl.flex_start")?,
            list_page: cx.quota("s3.list_page_max_objects")?.max(1),
            gets_per_second: cx.quota("s3.prefix_get_requests_per_second")?,
        })
    }

    fn worker(&self, kind: WorkerType) -> u64 {
        let [g025, g1, g2, g4, g8, g12, g16] = self.milli_dpus;
        match kind {
            WorkerType::G025x => g025,
            WorkerType::G1x => g1,
            WorkerType::G2x => g2,
            WorkerType::G4x => g4,
            WorkerType::G8x => g8,
            WorkerType::G12x => g12,
            WorkerType::G16x => g16,
        }
    }

    /// True when so many files are read in groups.
    pub(super) const fn groups(&self, input: Input) -> bool {
        input.files > self.group_files_above
    }

    /// Workers and time of a run that reads its input `passes` times. One worker is the driver; the others work tasks off,
    /// one for each vCPU. `lost` is the share of them that Flex takes away meanwhile.
    pub(super) fn sizing(&self, config: &Config, input: Input, passes: u64, lost: f64) -> Sizing {
        let milli = self.worker(config.worker_type);
        let slots = (milli * self.vcpus_per_dpu / MILLI).max(1);
        let tasks = if self.groups(input) {
            input.bytes.div_ceil(TASK_BYTES).max(1)
        } else {
            input.tasks.max(1)
        };
        let most = u64::from(config.number_of_workers).saturating_sub(1).max(1);
        let useful = tasks.div_ceil(slots).min(most).max(1);
        let executors = if config.auto_scaling { useful } else { most };
        let workers = executors + 1;
        // Only slots with a task work; the last wave of tasks may not fill them.
        let busy = tasks.min(useful * slots);
        let waves = tasks.div_ceil(busy.max(1));
        let bytes_per_slot =
            config.throughput_mib_per_second * f64::from(1 << 20) * (milli as f64 / MILLI as f64)
                / slots as f64;
        let work = input.bytes as f64 / (bytes_per_slot * busy.max(1) as f64);
        let overhead = f64::from(config.task_overhead_ms) / 1000.0 * waves as f64;
        let seconds = f64::from(config.job_overhead_seconds)
            + (work + overhead) * passes as f64 / (1.0 - lost.clamp(0.0, 0.9));
        Sizing {
            workers,
            milli_dpus: workers * milli,
            tasks: tasks * passes,
            needed_workers: tasks.div_ceil(slots) + 1,
            takes: SimDuration::from_secs_f64(seconds),
        }
    }

    /// Thousandths of DPU-seconds that a run of this length is billed: whole seconds, a minute at the least.
    pub(super) fn billed(&self, milli_dpus: u64, ran: SimDuration) -> u128 {
        u128::from(milli_dpus) * u128::from(billed_seconds(ran, self.min_billed_s))
    }
}

/// Seconds that a run of this length is billed: whole ones, `least` at the least.
pub(in super::super) fn billed_seconds(ran: SimDuration, least: u64) -> u64 {
    ran.ceil_secs().max(least)
}

/// What the run is billed as.
pub(super) const fn usage(config: &Config) -> &'static UsageSpec {
    match (config.glue_version, config.execution_class) {
        (GlueVersion::V6, ExecutionClass::Standard) => &DPU_6,
        (GlueVersion::V6, ExecutionClass::Flex) => &FLEX_6,
        (_, ExecutionClass::Standard) => &DPU,
        (_, ExecutionClass::Flex) => &FLEX,
    }
}
