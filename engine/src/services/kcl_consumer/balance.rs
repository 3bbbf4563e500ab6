//! Assignment: leases without an owner go to whoever has least to do, then some are moved so that all have about as much.

use super::config::LeaseAssignment;
use super::model::Model;
use crate::node::Cx;

/// What a worker has to do: the share of its processors that is busy, and its leases.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Share {
    worker: usize,
    load: f64,
    leases: usize,
}

impl Model {
    fn shares(&self) -> Vec<Share> {
        let share = |worker: usize| {
            let leases = self.leases.values();
            let owned = leases.filter(|l| l.owner == Some(worker) && !l.orphaned);
            Share {
                worker,
                load: self.workers[worker].load,
                leases: owned.count(),
            }
        };
        self.living().map(share).collect()
    }
    /// The worker with the least to do.
    fn least(&self, shares: &[Share]) -> Option<usize> {
        let by_load = self.has_leader();
        let order = |s: &Share| (if by_load { s.load } else { 0.0 }, s.leases, s.worker);
        let least = shares.iter().enumerate().min_by(|(_, a), (_, b)| {
            let ((al, an, aw), (bl, bn, bw)) = (order(a), order(b));
            al.total_cmp(&bl).then((an, aw).cmp(&(bn, bw)))
        });
        least.map(|(i, _)| i)
    }
    /// A round of assignment, by the leader or by each worker for itself.
    pub(super) fn assign(&mut self, cx: &mut Cx<'_>) {
        let mut shares = self.shares();
        if shares.is_empty() {
            return;
        }
        let readers = if self.has_leader() { 1 } else { shares.len() };
        self.scan(self.leases.len() as u64, readers as u64, cx);
        let (now, failover) = (cx.now(), self.failover());
        let free: Vec<(u32, f64)> = self
            .leases
            .iter()
            .filter(|(_, l)| l.owner.is_none() || now.since(l.renewed) >= failover)
            .map(|(lane, l)| (*lane, l.load))
            .collect();
        for (lane, load) in free {
            if let Some(i) = self.least(&shares) {
                self.take_expired(lane, shares[i].worker, cx);
                shares[i].load += load;
                shares[i].leases += 1;
            }
        }
        match self.config.lease_assignment {
            LeaseAssignment::WorkerUtilization => self.move_load(&mut shares, cx),
            LeaseAssignment::LeaseCount => self.steal_leases(&mut shares, cx),
        }
    }
    /// Leases that may be moved from a worker, the heaviest first.
    fn movable(&self, worker: usize) -> Vec<(u32, f64)> {
        let leases = self.leases.iter();
        let mut movable: Vec<(u32, f64)> = leases
            .filter(|(_, l)| l.owner == Some(worker) && l.reads && l.hand_over.is_none())
            .map(|(lane, l)| (*lane, l.load))
            .collect();
        movable.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        movable
    }
    /// KCL 3: of what the busiest worker has above the average, a part goes to those that have least.
    fn move_load(&mut self, shares: &mut [Share], cx: &mut Cx<'_>) {
        let mean = shares.iter().map(|s| s.load).sum::<f64>() / shares.len() as f64;
        let band = mean * self.quotas.threshold;
        let outside = |s: &Share| (s.load - mean).abs() > band;
        let busiest = (0..shares.len()).max_by(|a, b| {
            let order = shares[*a].load.total_cmp(&shares[*b].load);
            order.then(b.cmp(a))
        });
        let Some(from) = busiest.filter(|_| shares.iter().any(outside)) else {
            return;
        };
        let mut room = (shares[from].load - mean) * self.quotas.dampening;
        let movable = self.movable(shares[from].worker);
        let fitting = movable
            .iter()
            .filter(|(_, load)| *load > 0.0 && *load <= room);
        let mut chosen: Vec<(u32, f64)> = fitting.copied().collect();
        if chosen.is_empty() {
            // One lease may be more than the part that is to go.
            let lightest = movable.iter().rev().find(|(_, load)| *load > 0.0);
            chosen.extend(lightest);
            room = f64::INFINITY;
        }
        for (lane, load) in chosen {
            let Some(to) = self.least(shares) else { return };
            let better = shares[to].load + load < shares[from].load;
            if to == from || load > room || !better {
                continue;
            }
            self.ask_hand_over(lane, Some(shares[to].worker), cx);
            shares[to].load += load;
            shares[from].load -= load;
            room -= load;
        }
    }
    /// KCL 1 and 2: a worker with fewer leases than its part steals from the one with most.
    fn steal_leases(&mut self, shares: &mut [Share], cx: &mut Cx<'_>) {
        let target = self.leases.len().div_ceil(shares.len()).max(1);
        for to in 0..shares.len() {
            let needed = target.saturating_sub(shares[to].leases);
            let Some(from) =
                (0..shares.len()).max_by_key(|i| (shares[*i].leases, shares.len() - i))
            else {
                return;
            };
            // With one lease to go, two workers that share what is left would steal from each other for ever.
            if needed == 0 || shares[from].leases < target + usize::from(needed == 1) {
                continue;
            }
            let most = self.config.max_leases_to_steal_at_one_time as usize;
            let number = needed.min(most);
            let lanes = self.movable(shares[from].worker).into_iter();
            let lanes: Vec<u32> = lanes.take(number).map(|(lane, _)| lane).collect();
            for lane in lanes {
                self.steal(lane, shares[to].worker, cx);
                shares[to].leases += 1;
                shares[from].leases -= 1;
            }
        }
    }
}
