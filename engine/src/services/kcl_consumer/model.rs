//! The running application: reads the shards that its workers have leases of, calls `processRecords` for one result of GetRecords
//! after the other in each shard, sets checkpoints and puts what was processed.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};

use super::config::Config;
use super::leases::{Lease, Worker};
use super::table::LeaseTable;
use crate::books::LatencyLaw;
use crate::data::Batch;
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Delivery, FaultKind, Gauges, Node, NodeResult, Notice,
    Outcome, Payload, PutPolicy, Putter, Table, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_POLL: u32 = 1;
const TIMER_DONE: u32 = 2;
const TIMER_PUT: u32 = 3;
pub(super) const TIMER_BEGIN: u32 = 4;
const TIMER_RENEW: u32 = 5;
const TIMER_ASSIGN: u32 = 6;
const TIMER_REPORT: u32 = 7;
const TIMER_LEADER: u32 = 8;
pub(super) const MILLI: SimDuration = SimDuration::millis(1);
/// Records that wait to be put; more let `processRecords` wait, as an application does that puts before it returns.
const MAX_WAITING: u64 = 20_000;
/// Leases that are shown.
const SHOWN: usize = 50;

/// A timer about a shard, for one turn of its lease.
pub(super) const fn lane_tag(kind: u32, lane: u32, turn: u32) -> Tag {
    Tag::new(kind, ((turn as u64) << 32) | lane as u64)
}

/// One result of GetRecords.
#[derive(Debug)]
pub(super) struct Piece {
    got: SimTime,
    pub(super) batches: Vec<(SimTime, Batch)>,
}

impl Piece {
    pub(super) fn records(&self) -> u64 {
        self.batches.iter().map(|(_, b)| b.records()).sum()
    }
    fn bytes(&self) -> u64 {
        self.batches.iter().map(|(_, b)| b.bytes()).sum()
    }
}

/// A call of `processRecords`.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) lane: u32,
    pub(super) turn: u32,
    pub(super) worker: usize,
    pub(super) piece: Piece,
    begun: SimTime,
    work: SimDuration,
    raises: bool,
}

/// Figures of the book.
#[derive(Debug)]
pub(super) struct Quotas {
    epsilon: SimDuration,
    pub(super) dispatch: SimDuration,
    pub(super) graceful_hand_over: SimDuration,
    report: SimDuration,
    heartbeat: SimDuration,
    pub(super) threshold: f64,
    pub(super) dampening: f64,
    pub(super) item_bytes: u64,
    pub(super) read_bytes: u64,
    pub(super) metrics_buffer_ms: u64,
    pub(super) metrics_per_call: u64,
    put_records: usize,
    put_bytes: u64,
}

/// A running application.
#[derive(Debug)]
pub struct Model {
    pub(super) config: Config,
    pub(super) quotas: Quotas,
    process: LatencyLaw,
    checkpoint: LatencyLaw,
    put: LatencyLaw,
    pub(super) source: Option<WireId>,
    pub(super) workers: Vec<Worker>,
    pub(super) leases: BTreeMap<u32, Lease>,
    pub(super) running: BTreeMap<u64, Task>,
    next: u64,
    putters: Vec<Putter>,
    pub(super) table: LeaseTable,
    /// Leases were made at the start.
    begun: bool,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let of = |name: &str| cx.quota(&format!("kcl-consumer.{name}"));
        let millis = |name: &str| of(name).map(SimDuration::millis);
        let share = |name: &str| of(name).map(|q| q as f64 / 100.0);
        let records = cx.quota("kinesis-data-streams.put_records_max_records")?;
        let quotas = Quotas {
            epsilon: millis("lease_epsilon_ms")?,
            dispatch: millis("dispatch_interval_ms")?,
            graceful_hand_over: millis("graceful_handoff_ms")?,
            report: millis("worker_metrics_interval_ms")?,
            heartbeat: millis("leader_heartbeat_ms")?,
            threshold: share("rebalance_threshold_percent")?,
            dampening: share("rebalance_dampening_percent")?,
            item_bytes: of("lease_item_bytes")?,
            read_bytes: cx.quota("dynamodb.rcu_item_bytes")?.max(1),
            metrics_buffer_ms: cx.quota("kcl-consumer.metrics_buffer_ms")?.max(1),
            metrics_per_call: cx.quota("cloudwatch.put_metric_data_max_metrics")?.max(1),
            put_records: usize::try_from(records).unwrap_or(500),
            put_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
        };
        Ok(Self {
            quotas,
            process: cx.latency("kcl-consumer.process_records")?,
            checkpoint: cx.latency("kcl-consumer.checkpoint")?,
            put: cx.latency("kinesis-data-streams.put_records")?,
            source: None,
            workers: Vec::new(),
            leases: BTreeMap::new(),
            running: BTreeMap::new(),
            next: 0,
            putters: Vec::new(),
            table: LeaseTable::new(&config, cx.quota("dynamodb.burst_s")?),
            begun: false,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) {
        self.settle(cx);
        let table = |c: &Config| (c.lease_table_mode, c.lease_table_wcu);
        if table(&config) != table(&self.config) {
            // The metered instant stays: it was brought up to now.
            self.table.change(&config);
        }
        self.config = config;
        self.workers_changed(cx);
    }
    pub(super) fn failover(&self) -> SimDuration {
        SimDuration::millis(u64::from(self.config.failover_time_ms))
    }
    /// Source: `renewerIntervalMillis` of `DynamoDBLeaseCoordinator`, github.com/awslabs/amazon-kinesis-client, read 2026-11-21.
    fn renewal_interval(&self) -> SimDuration {
        SimDuration(self.failover().0 / 3 - self.quotas.epsilon.0)
    }
    /// Source: `takerIntervalMillis`, as above.
    fn assignment_interval(&self) -> SimDuration {
        (self.failover() + self.quotas.epsilon) * 2
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of at most a thousand workers"
    )]
    fn workers_changed(&mut self, cx: &mut Cx<'_>) {
        let share = cx.fault(FaultKind::WorkerLoss).map(|f| f.rate);
        let dead = share.map_or(0, |rate| {
            let dead = (rate * f64::from(self.config.workers) - 1e-9).ceil();
            (dead as usize).max(1)
        });
        self.count_workers(dead, cx);
    }
    /// Reads the shard of a lease, when it is time and what waits of it has room.
    pub(super) fn poll(&mut self, lane: u32, cx: &mut Cx<'_>) {
        let now = cx.now();
        let (Some(wire), Some(lease)) = (self.source, self.leases.get_mut(&lane)) else {
            return;
        };
        let full = lease.queue.len() >= self.config.max_pending_process_records_input as usize;
        let ended = lease.ended.is_some() || lease.hand_over.is_some();
        if !lease.reads || full || ended || lease.polled.is_some() {
            return;
        }
        if now < lease.next_poll {
            if lease.poll_timer != lease.next_poll {
                lease.poll_timer = lease.next_poll;
                cx.at(lease.next_poll, lane_tag(TIMER_POLL, lane, lease.turn));
            }
            return;
        }
        lease.polled = Some(now);
        let ask = Ask::Poll {
            lane,
            max_records: self.config.max_records,
            max_bytes: u64::MAX,
        };
        cx.ask(wire, ask, SimDuration::ZERO);
    }
    fn idle(&self) -> SimDuration {
        SimDuration::millis(u64::from(self.config.idle_time_between_reads_ms))
    }
    fn delivered(&mut self, delivery: Delivery, cx: &mut Cx<'_>) {
        let (now, idle) = (cx.now(), self.idle());
        let lane = delivery.lane;
        let Some(lease) = self.leases.get_mut(&lane) else {
            for (_, batch) in &delivery.batches {
                cx.dropped_batch("came after the end of its shard", batch);
            }
            return;
        };
        lease.polled = None;
        lease.next_poll = if delivery.pushed { now } else { now + idle };
        if !lease.reads {
            // The owner that asked for it is gone.
            let batches = delivery.batches.into_iter().map(|(_, b)| b);
            lease.back.extend(batches);
            return;
        }
        lease.behind = delivery.behind;
        cx.metric("MillisBehindLatest", delivery.behind.as_millis_f64());
        if !delivery.batches.is_empty() {
            lease.queue.push_back(Piece {
                got: now,
                batches: delivery.batches,
            });
        }
        self.go_on(lane, cx);
    }
    /// The next call of `processRecords` of a shard, the next poll, or its end.
    pub(super) fn go_on(&mut self, lane: u32, cx: &mut Cx<'_>) {
        self.work_on(lane, cx);
        self.poll(lane, cx);
        let done = |l: &Lease| l.reads && !l.busy && l.queue.is_empty() && l.ended.is_some();
        if self.leases.get(&lane).is_some_and(done) {
            self.end(lane, cx);
        }
    }
    fn work_on(&mut self, lane: u32, cx: &mut Cx<'_>) {
        if self.putters.iter().any(|p| p.waiting() >= MAX_WAITING) {
            return;
        }
        let now = cx.now();
        let Some(lease) = self.leases.get_mut(&lane) else {
            return;
        };
        let Some(owner) = lease.owner.filter(|_| lease.reads && !lease.busy) else {
            return;
        };
        if lease.hand_over.is_some() {
            return;
        }
        let Some(piece) = lease.queue.pop_front() else {
            return;
        };
        lease.busy = true;
        let worker = &mut self.workers[owner];
        worker.running += 1;
        let seconds = self.config.per_record_us * 1e-6 * piece.records() as f64;
        let work = SimDuration::from_secs_f64(seconds);
        // More calls than processors take turns.
        let share = (f64::from(worker.running) / self.config.vcpus).max(1.0);
        let mut took = SimDuration::from_secs_f64(seconds * share) + cx.draw(&self.process);
        let interval = u64::from(self.config.checkpoint_interval_seconds);
        let since = (now + took).since(lease.checkpointed);
        if since >= SimDuration::secs(interval) {
            took += cx.draw(&self.checkpoint);
        }
        let task = Task {
            lane,
            turn: lease.turn,
            worker: owner,
            piece,
            begun: now,
            work,
            raises: cx.strikes(FaultKind::Errors),
        };
        cx.after(took, Tag::new(TIMER_DONE, self.next));
        self.running.insert(self.next, task);
        self.next += 1;
    }
    fn done(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(task) = self.running.remove(&number) else {
            return;
        };
        let (lane, records) = (task.lane, task.piece.records());
        let worker = &mut self.workers[task.worker];
        worker.running = worker.running.saturating_sub(1);
        worker.busy += task.work;
        cx.metric("RecordsProcessed", records as f64);
        cx.metric("DataBytesProcessed", task.piece.bytes() as f64);
        let lease = self.leases.get_mut(&lane);
        let owned = lease.filter(|l| l.turn == task.turn);
        let mut due = false;
        if let Some(lease) = owned {
            lease.busy = false;
            lease.work += task.work;
            lease.processed += records;
            let interval = u64::from(self.config.checkpoint_interval_seconds);
            due = cx.now().since(lease.checkpointed) >= SimDuration::secs(interval);
        } else {
            // Another has the lease by now and begins at the checkpoint.
            cx.metric("RecordsReadAgain", records as f64);
        }
        self.give(task, cx);
        if due {
            self.checkpoint(lane, cx);
        }
        self.hand_over(lane, cx);
        self.go_on(lane, cx);
    }
    /// Puts what was processed.
    fn give(&mut self, task: Task, cx: &mut Cx<'_>) {
        let way = [
            (Part::Queue, task.begun.since(task.piece.got)),
            (Part::Service, cx.now().since(task.begun)),
        ];
        if task.raises {
            cx.errored(1, || {
                "processRecords raised: KCL leaves its records out".to_owned()
            });
        }
        for (_, batch) in task.piece.batches {
            if task.raises || self.putters.is_empty() {
                for (part, took) in way {
                    cx.spent(part, took, batch.records());
                }
                cx.passed(way[0].1 + way[1].1, batch.records());
            }
            if task.raises {
                cx.dropped_batch("processRecords raised", &batch);
                continue;
            }
            if self.putters.is_empty() {
                cx.delivered(&batch.born, batch.weight, batch.bytes());
                continue;
            }
            cx.copied(batch.records() * (self.putters.len() as u64 - 1));
            for part in batch.parts(self.quotas.put_records, self.quotas.put_bytes) {
                for putter in &mut self.putters {
                    putter.put_after(part.clone(), &way, cx);
                }
            }
        }
    }
    /// Writes a checkpoint behind all that was processed.
    pub(super) fn checkpoint(&mut self, lane: u32, cx: &mut Cx<'_>) {
        if self.write_row(cx) {
            self.tell_checkpoint(lane, cx);
        }
    }
    /// The stream may let go of what is behind the checkpoint.
    pub(super) fn tell_checkpoint(&mut self, lane: u32, cx: &mut Cx<'_>) {
        let (Some(wire), Some(lease)) = (self.source, self.leases.get_mut(&lane)) else {
            return;
        };
        lease.checkpointed = cx.now();
        let records = std::mem::take(&mut lease.processed);
        cx.ask(wire, Ask::Checkpoint { lane, records }, SimDuration::ZERO);
    }
    /// Tells of the state.
    fn report(&mut self, cx: &mut Cx<'_>) {
        let seconds = self.quotas.report.as_secs_f64();
        let all = seconds * self.config.vcpus;
        for worker in &mut self.workers {
            let busy = std::mem::take(&mut worker.busy).as_secs_f64();
            worker.load = (busy / all).min(1.0);
        }
        for lease in self.leases.values_mut() {
            let work = std::mem::take(&mut lease.work).as_secs_f64();
            lease.load = (work / all).min(1.0);
        }
        self.table.report(seconds);
        let held = self
            .leases
            .values()
            .filter(|l| l.owner.is_some() && !l.orphaned);
        let held = held.count();
        cx.metric("CurrentLeases", held as f64);
        cx.metric("TotalLeases", self.leases.len() as f64);
        let living = self.living().count();
        cx.metric("NumWorkers", living as f64);
        cx.metric("WorkerUtilization", 100.0 * self.busiest());
        if self.has_leader() {
            self.write_beside(living as u64, cx);
        }
    }
    fn busiest(&self) -> f64 {
        self.workers.iter().map(|w| w.load).fold(0.0, f64::max)
    }
    fn lane_timer(&mut self, tag: Tag, cx: &mut Cx<'_>) {
        let lane = u32::try_from(tag.index & 0xffff_ffff).unwrap_or(u32::MAX);
        let turn = u32::try_from(tag.index >> 32).unwrap_or(u32::MAX);
        if self.leases.get(&lane).is_none_or(|l| l.turn != turn) {
            return;
        }
        if tag.kind == TIMER_BEGIN {
            self.begin(lane, turn, cx);
        } else {
            self.poll(lane, cx);
        }
    }
    fn notice(&mut self, notice: Notice, cx: &mut Cx<'_>) {
        match notice {
            // Later shards are the children of these.
            Notice::Lanes(lanes) if !self.begun => {
                self.begun = true;
                for lane in lanes {
                    self.write_beside(1, cx);
                    self.leases.insert(lane, Lease::of(Vec::new()));
                }
                self.assign(cx);
            }
            Notice::LaneEnded { lane, children } => {
                if let Some(lease) = self.leases.get_mut(&lane).filter(|l| l.reads) {
                    lease.polled = None;
                    lease.ended = Some(children);
                }
                self.go_on(lane, cx);
            }
            _ => {}
        }
    }
    /// The leases, those furthest behind first.
    fn leases_table(&self, now: SimTime) -> Option<Table> {
        let mut all: Vec<(&u32, &Lease)> = self.leases.iter().collect();
        all.sort_by_key(|(lane, l)| (std::cmp::Reverse(l.behind), **lane));
        all.truncate(SHOWN);
        let text = |of: &dyn Fn(u32, &Lease) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(
                all.iter().map(|(lane, l)| of(**lane, l)),
            ))
        };
        let number = |of: &dyn Fn(&Lease) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(
                all.iter().map(|(_, l)| of(l)),
            ))
        };
        let owner = |_: u32, l: &Lease| match l.owner {
            Some(worker) if l.orphaned => format!("worker {worker} (dead)"),
            Some(worker) => format!("worker {worker}"),
            None => String::new(),
        };
        let rows = RecordBatch::try_from_iter([
            ("shard", text(&|lane, _| format!("shardId-{lane:012}"))),
            ("owner", text(&owner)),
            ("behind_ms", number(&|l| l.behind.0 / MILLI.0)),
            ("since_checkpoint", number(&|l| l.processed)),
            ("waiting", number(&Lease::held)),
        ]);
        rows.ok().map(|rows| Table {
            title: "Leases".to_owned(),
            rows: vec![rows],
            at: now,
        })
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.source = cx.ins("in").next().map(|w| w.id);
        let policy = PutPolicy::of_results(self.put.clone(), TIMER_PUT);
        self.putters = policy.putters("out", cx);
        self.workers_changed(cx);
        cx.after(self.renewal_interval(), Tag::new(TIMER_RENEW, 0));
        cx.after(self.assignment_interval(), Tag::new(TIMER_ASSIGN, 0));
        cx.after(self.quotas.report, Tag::new(TIMER_REPORT, 0));
        cx.after(self.quotas.heartbeat, Tag::new(TIMER_LEADER, 0));
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Delivery(delivery) => self.delivered(delivery, cx),
            Payload::Throttled { lane, .. } => {
                cx.metric("ReadThrottles", 1.0);
                let next = cx.now() + self.idle();
                if let Some(lease) = self.leases.get_mut(&lane) {
                    lease.polled = None;
                    lease.next_poll = next;
                }
                self.poll(lane, cx);
            }
            Payload::Notice(notice) => self.notice(notice, cx),
            Payload::Rows(_) => {}
            payload => {
                return Ok(Admit::Refused {
                    payload,
                    error: "InvalidArgumentException",
                });
            }
        }
        Ok(Admit::All)
    }
    fn settled(
        &mut self,
        wire: WireId,
        call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let full = |p: &Putter| p.waiting() >= MAX_WAITING;
        let before = self.putters.iter().any(full);
        if let Some(putter) = self.putters.iter_mut().find(|p| p.wire == wire) {
            putter.settled(call, outcome, cx);
        }
        if before && !self.putters.iter().any(full) {
            let lanes: Vec<u32> = self.leases.keys().copied().collect();
            for lane in lanes {
                self.go_on(lane, cx);
            }
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_DONE => self.done(tag.index, cx),
            TIMER_POLL | TIMER_BEGIN => self.lane_timer(tag, cx),
            TIMER_RENEW => {
                self.renew(cx);
                cx.after(self.renewal_interval(), tag);
            }
            TIMER_ASSIGN => {
                self.assign(cx);
                cx.after(self.assignment_interval(), tag);
            }
            TIMER_REPORT => {
                self.report(cx);
                cx.after(self.quotas.report, tag);
            }
            TIMER_LEADER => {
                if self.has_leader() && self.living().next().is_some() {
                    self.write_beside(1, cx);
                }
                cx.after(self.quotas.heartbeat, tag);
            }
            TIMER_PUT => {
                for putter in &mut self.putters {
                    putter.timer(tag, cx);
                }
            }
            _ => {}
        }
        Ok(())
    }
    fn fault_changed(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.workers_changed(cx);
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.settle(cx);
    }
    fn held(&self) -> u64 {
        let leases: u64 = self.leases.values().map(Lease::held).sum();
        let running: u64 = self.running.values().map(|t| t.piece.records()).sum();
        leases + running + self.putters.iter().map(Putter::held).sum::<u64>()
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        out.limit("processors of the busiest worker", self.busiest());
        if self.config.lease_table_mode == super::LeaseTableMode::Provisioned {
            out.limit(
                "write capacity of the lease table",
                self.table.writes_per_second / f64::from(self.config.lease_table_wcu),
            );
        }
        let living = self.living().count();
        let behind = self.leases.values().map(|l| l.behind).max();
        let back: u64 = self.leases.values().map(|l| l.processed).sum();
        out.values = vec![
            ("workers", living as f64, "workers"),
            ("leases", self.leases.len() as f64, "leases"),
            ("behind", behind.unwrap_or_default().as_millis_f64(), "ms"),
            ("since the checkpoint", back as f64, "records"),
        ];
        let orphaned = self
            .leases
            .values()
            .filter(|l| l.orphaned || l.owner.is_none());
        out.state = Some(match orphaned.count() {
            0 => "running".to_owned(),
            n => format!("{n} leases without a worker"),
        });
        out.table = self.leases_table(now).map(Arc::new);
    }
}
