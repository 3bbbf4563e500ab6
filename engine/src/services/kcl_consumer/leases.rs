//! Who reads what: workers, leases, renewal, failover, hand-over, and the order of parents and children.
//!
//! A lease is taken, begins after a moment (when its parents are done), reads, and is handed over, lost or ended. What a worker
//! had read and not processed when it lost the lease goes back to the stream when the next one begins.

use std::collections::VecDeque;

use super::model::{Model, Piece, TIMER_BEGIN, lane_tag};
use crate::data::Batch;
use crate::node::{Ask, Cx, TraceEnd};
use crate::units::{SimDuration, SimTime};

/// One process of the application.
#[derive(Debug, Default)]
pub(super) struct Worker {
    pub(super) alive: bool,
    /// Calls of `processRecords` that run.
    pub(super) running: u32,
    /// Processor time since the last report, and the share of all that it was in the one before.
    pub(super) busy: SimDuration,
    pub(super) load: f64,
}

/// A worker is asked to give a lease to another, or back.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandOver {
    pub(super) to: Option<usize>,
    pub(super) asked: SimTime,
}

/// A row of the lease table and what its owner has of the shard.
#[derive(Debug, Default)]
pub(super) struct Lease {
    pub(super) owner: Option<usize>,
    /// The owner died; the table does not know yet.
    pub(super) orphaned: bool,
    pub(super) renewed: SimTime,
    pub(super) hand_over: Option<HandOver>,
    pub(super) parents: Vec<u32>,
    /// Changes of owner: what belongs to an earlier one is told by it.
    pub(super) turn: u32,
    /// The owner reads.
    pub(super) reads: bool,
    /// A poll is out since then.
    pub(super) polled: Option<SimTime>,
    pub(super) next_poll: SimTime,
    pub(super) poll_timer: SimTime,
    pub(super) queue: VecDeque<Piece>,
    pub(super) busy: bool,
    /// Read to its end; these are its children with their parents.
    pub(super) ended: Option<Vec<(u32, Vec<u32>)>>,
    /// Records processed since the checkpoint.
    pub(super) processed: u64,
    pub(super) checkpointed: SimTime,
    /// Read and not processed by an owner that is gone.
    pub(super) back: Vec<Batch>,
    pub(super) behind: SimDuration,
    pub(super) work: SimDuration,
    pub(super) load: f64,
}

impl Lease {
    pub(super) fn of(parents: Vec<u32>) -> Self {
        Self {
            parents,
            ..Self::default()
        }
    }
    pub(super) fn held(&self) -> u64 {
        let queue = self.queue.iter().map(Piece::records).sum::<u64>();
        queue + self.back.iter().map(Batch::records).sum::<u64>()
    }
    /// What waits is for the next owner.
    fn drop_queue(&mut self) {
        let pieces = self.queue.drain(..);
        self.back
            .extend(pieces.flat_map(|p| p.batches.into_iter().map(|(_, b)| b)));
    }
}

impl Model {
    /// The numbers of the workers that live.
    pub(super) fn living(&self) -> impl Iterator<Item = usize> {
        let workers = self.workers.iter().enumerate();
        workers.filter(|(_, w)| w.alive).map(|(i, _)| i)
    }
    /// Workers come and go with the parameter and the fault.
    pub(super) fn count_workers(&mut self, dead: usize, cx: &mut Cx<'_>) {
        self.settle(cx);
        let wanted = self.config.workers as usize;
        if self.workers.len() < wanted {
            self.workers.resize_with(wanted, Worker::default);
        }
        for i in 0..self.workers.len() {
            let (alive, lives) = (self.workers[i].alive, i < wanted && i >= dead);
            if alive && i >= wanted {
                self.leave(i, cx);
            } else if alive && !lives {
                self.die(i, cx);
            }
            self.workers[i].alive = lives;
        }
    }
    fn lanes_of(&self, worker: usize) -> Vec<u32> {
        let leases = self.leases.iter();
        let owned = leases.filter(|(_, l)| l.owner == Some(worker) && !l.orphaned);
        owned.map(|(lane, _)| *lane).collect()
    }
    /// A worker ends in order: it processes what it has begun, sets a checkpoint and gives its leases back.
    fn leave(&mut self, worker: usize, cx: &mut Cx<'_>) {
        for lane in self.lanes_of(worker) {
            self.ask_hand_over(lane, None, cx);
        }
        cx.event("worker", format!("worker {worker} shuts down"));
    }
    /// A worker dies at once, with all that it has in memory.
    fn die(&mut self, worker: usize, cx: &mut Cx<'_>) {
        let dead = self.running.extract_if(.., |_, t| t.worker == worker);
        for (_, task) in dead {
            let batches = task.piece.batches.into_iter().map(|(_, b)| b);
            match self.leases.get_mut(&task.lane) {
                Some(lease) if lease.turn == task.turn || !lease.reads => {
                    lease.back.extend(batches);
                }
                // The lease was another's already, who has read them again.
                _ => batches.for_each(|b| {
                    cx.dropped_batch("processed by the next owner of its lease", &b);
                }),
            }
        }
        self.workers[worker].running = 0;
        let lanes = self.lanes_of(worker);
        for lane in &lanes {
            self.stop_reading(*lane, cx);
            if let Some(lease) = self.leases.get_mut(lane) {
                lease.orphaned = true;
            }
        }
        cx.event(
            "worker",
            format!("worker {worker} dies with {} leases", lanes.len()),
        );
    }
    /// The owner reads no more; what it had waiting is for the next.
    fn stop_reading(&mut self, lane: u32, cx: &mut Cx<'_>) {
        let Some(lease) = self.leases.get_mut(&lane) else {
            return;
        };
        lease.drop_queue();
        lease.hand_over = None;
        lease.busy = false;
        lease.turn += 1;
        if std::mem::take(&mut lease.reads)
            && let Some(wire) = self.source
        {
            let ask = Ask::Poll {
                lane,
                max_records: 0,
                max_bytes: 0,
            };
            cx.ask(wire, ask, SimDuration::ZERO);
        }
        let back = &lease.back;
        // Their way begins anew when they are read again.
        cx.ended(TraceEnd::GivenUp, |g| {
            back.iter().any(|b| b.born.contains(&g.born))
        });
    }
    /// `worker` becomes the owner; it begins after a moment.
    pub(super) fn take(&mut self, lane: u32, worker: usize, cx: &mut Cx<'_>) {
        if !self.write_row(cx) {
            return;
        }
        let wait = self.quotas.dispatch;
        if let Some(lease) = self.leases.get_mut(&lane) {
            lease.owner = Some(worker);
            lease.orphaned = false;
            lease.renewed = cx.now();
            lease.turn += 1;
            cx.after(wait, lane_tag(TIMER_BEGIN, lane, lease.turn));
        }
    }
    /// A lease that nobody renewed goes to `worker`.
    pub(super) fn take_expired(&mut self, lane: u32, worker: usize, cx: &mut Cx<'_>) {
        let Some(lease) = self.leases.get(&lane) else {
            return;
        };
        if let Some(before) = lease.owner {
            let why = if lease.orphaned {
                "died"
            } else {
                "renews it no more"
            };
            cx.metric("ExpiredLeases", 1.0);
            cx.incident("lease-taken", 1, || {
                format!("worker {worker} takes the lease of shard {lane}: worker {before} {why}")
            });
            if !lease.orphaned {
                cx.metric("LostLeases", 1.0);
            }
            self.stop_reading(lane, cx);
        }
        self.take(lane, worker, cx);
    }
    /// `worker` takes a lease from its living owner, who learns it when it next renews or sets a checkpoint.
    pub(super) fn steal(&mut self, lane: u32, worker: usize, cx: &mut Cx<'_>) {
        cx.metric("LostLeases", 1.0);
        cx.event(
            "lease-stolen",
            format!("worker {worker} steals the lease of shard {lane}"),
        );
        self.stop_reading(lane, cx);
        self.take(lane, worker, cx);
    }
    /// Asks the owner to end in order.
    pub(super) fn ask_hand_over(&mut self, lane: u32, to: Option<usize>, cx: &mut Cx<'_>) {
        if let Some(lease) = self.leases.get_mut(&lane) {
            let asked = cx.now();
            lease.hand_over = Some(HandOver { to, asked });
        }
        self.hand_over(lane, cx);
    }
    /// Hands a lease over if that was asked for and no call of `processRecords` runs, or runs for too long.
    pub(super) fn hand_over(&mut self, lane: u32, cx: &mut Cx<'_>) {
        let limit = self.quotas.graceful_hand_over;
        let Some(lease) = self.leases.get_mut(&lane) else {
            return;
        };
        let Some(HandOver { to, asked }) = lease.hand_over else {
            return;
        };
        if lease.busy && cx.now().since(asked) < limit {
            return;
        }
        if lease.processed > 0 && !lease.busy {
            self.checkpoint(lane, cx);
        }
        self.stop_reading(lane, cx);
        if let Some(lease) = self.leases.get_mut(&lane) {
            lease.owner = None;
        }
        if let Some(worker) = to.filter(|w| self.workers[*w].alive) {
            cx.event(
                "lease-moved",
                format!("the lease of shard {lane} is handed to worker {worker}"),
            );
            self.take(lane, worker, cx);
        }
    }
    /// The owner of a lease begins, when the parents of its shard are done: it reads from the checkpoint.
    pub(super) fn begin(&mut self, lane: u32, turn: u32, cx: &mut Cx<'_>) {
        let now = cx.now();
        let Some(wire) = self.source else { return };
        let waits = self
            .leases
            .get(&lane)
            .is_some_and(|l| l.parents.iter().any(|p| self.leases.contains_key(p)));
        let failover = self.failover();
        let Some(lease) = self.leases.get_mut(&lane) else {
            return;
        };
        if lease.turn != turn || lease.owner.is_none() || lease.orphaned || lease.reads {
            return;
        }
        // The answer to the poll of the owner before comes first.
        let answer = lease.polled.is_some_and(|at| now.since(at) < failover);
        if waits || answer {
            let parents = u64::from(self.config.parent_shard_poll_interval_ms);
            let wait = if waits {
                SimDuration::millis(parents)
            } else {
                self.quotas.dispatch
            };
            cx.after(wait, lane_tag(TIMER_BEGIN, lane, turn));
            return;
        }
        lease.reads = true;
        lease.polled = None;
        lease.ended = None;
        lease.checkpointed = now;
        let again = std::mem::take(&mut lease.processed);
        let back = std::mem::take(&mut lease.back);
        cx.ask(
            wire,
            Ask::Checkpoint { lane, records: 0 },
            SimDuration::ZERO,
        );
        if again > 0 || !back.is_empty() {
            cx.metric("RecordsReadAgain", again as f64);
            if again > 0 {
                cx.event(
                    "read-again",
                    format!("shard {lane} goes on at its checkpoint: {again} records come again"),
                );
            }
            cx.ask(wire, Ask::Rewind { lane, back }, SimDuration::ZERO);
        }
        self.poll(lane, cx);
    }
    /// Owners renew their leases.
    pub(super) fn renew(&mut self, cx: &mut Cx<'_>) {
        let owned = self
            .leases
            .iter()
            .filter(|(_, l)| l.owner.is_some() && !l.orphaned);
        let lanes: Vec<u32> = owned.map(|(lane, _)| *lane).collect();
        for lane in lanes {
            if self.write_row(cx)
                && let Some(lease) = self.leases.get_mut(&lane)
            {
                lease.renewed = cx.now();
            }
            self.hand_over(lane, cx);
            self.go_on(lane, cx);
        }
        if self.has_leader() {
            // Each worker looks by index for what it was given.
            self.scan(1, self.living().count() as u64, cx);
        }
    }
    /// All records of a closed shard are processed: its row goes, and its children get theirs.
    pub(super) fn end(&mut self, lane: u32, cx: &mut Cx<'_>) {
        if !self.write_row(cx) {
            return;
        }
        self.tell_checkpoint(lane, cx);
        let Some(lease) = self.leases.remove(&lane) else {
            return;
        };
        let children = lease.ended.unwrap_or_default();
        cx.event(
            "shard-end",
            format!(
                "shard {lane} is processed to its end; it has {} children",
                children.len()
            ),
        );
        for (child, parents) in children {
            if !self.leases.contains_key(&child) {
                self.write_beside(1, cx);
                self.leases.insert(child, Lease::of(parents));
            }
        }
    }
}
