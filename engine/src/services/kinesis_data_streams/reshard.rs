//! Changes of the shards while the stream runs: `UpdateShardCount`, `SplitShard`, `MergeShards`, the growth of an on-demand
//! stream, and the switch between the two modes.

use std::collections::VecDeque;

use serde_json::Value;

use super::config::Config;
use super::model::{COUNTING_STEP, Model, Shard, TIMER_GROW, TIMER_RESHARD};
use super::shards::{range_of, range_starts};
use crate::books::LatencyLaw;
use crate::node::{Cx, Tag};
use crate::units::{MIB, SimDuration, SimTime};

const DAY: SimDuration = SimDuration::secs(86_400);

/// What is being done to the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Count(u32),
    /// The shard, and the first hash key of its second child.
    Split(u32, u128),
    /// Two shards whose ranges touch, the lower first.
    Merge(u32, u32),
}

/// Changes under way and of late.
#[derive(Debug)]
pub(super) struct Reshaping {
    law: LatencyLaw,
    under_way: Option<Change>,
    /// The parameter `shard_count` as it was set last; the stream itself may have another number by now.
    asked: u32,
    /// When the shard count was changed, and the mode, in the last 24 hours.
    changes: VecDeque<SimTime>,
    switches: VecDeque<SimTime>,
    /// On demand: bytes a second that it takes now, and the highest rate that it has seen.
    capacity: u64,
    peak: u64,
    grows: bool,
}

fn forget_old(instants: &mut VecDeque<SimTime>, now: SimTime) {
    while instants.front().is_some_and(|at| now.since(*at) >= DAY) {
        instants.pop_front();
    }
}

impl Reshaping {
    pub(super) const fn new(law: LatencyLaw, asked: u32) -> Self {
        Self {
            law,
            under_way: None,
            asked,
            changes: VecDeque::new(),
            switches: VecDeque::new(),
            capacity: 0,
            peak: 0,
            grows: false,
        }
    }
    pub(super) const fn state(&self) -> &'static str {
        match self.under_way {
            Some(_) => "UPDATING",
            None => "ACTIVE",
        }
    }
}

/// Shards that take so many records of so many bytes (key included) a second, for so many shared readers: AWS's formula, the larger of
/// what writing and what reading needs, with both write limits.
///
/// Source: Kinesis developer guide, "how do I size a stream", 2023-06-15.
#[must_use]
pub fn shards_for(records_per_second: f64, record_bytes: f64, readers: u32) -> u32 {
    let bytes = records_per_second * record_bytes;
    let shard = MIB as f64;
    let write = (bytes / shard).max(records_per_second / 1000.0);
    let read = bytes * f64::from(readers) / (2.0 * shard);
    // A billionth of a shard is what the arithmetic rounds.
    let shards = (write.max(read) - 1e-9).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates"
    )]
    let shards = shards as u32;
    shards
}

impl Model {
    /// Shards at the beginning: as many as given, or what the on-demand capacity needs.
    pub(super) fn first_count(&mut self) -> u32 {
        if !self.config.is_on_demand() {
            return self.config.shard_count;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 10,240 MiB by the parameter's range"
        )]
        let before = (self.config.peak_before_mib * MIB as f64) as u64;
        self.reshaping.peak = before;
        self.reshaping.capacity = self.wanted_capacity();
        self.shards_of_capacity()
    }
    /// Twice the peak, at least what a new stream has, at most the quota.
    fn wanted_capacity(&self) -> u64 {
        let q = &self.quotas.demand;
        (self.reshaping.peak * q.percent / 100).clamp(q.initial, q.most)
    }
    fn shards_of_capacity(&self) -> u32 {
        let n = self.reshaping.capacity.div_ceil(self.quotas.write_bytes);
        u32::try_from(n.max(1)).unwrap_or(u32::MAX)
    }
    /// Makes these the hash ranges. A range that stays keeps its shard; the others get new ones, and the old are closed.
    pub(super) fn set_ranges(&mut self, starts: Vec<u128>) {
        let last = |i: usize| starts.get(i + 1).map_or(u128::MAX, |next| next - 1);
        let mut lanes = Vec::with_capacity(starts.len());
        let mut opened: Vec<Shard> = Vec::new();
        for (i, start) in starts.iter().enumerate() {
            let keys = (*start, last(i));
            let kept = self
                .range_lanes
                .iter()
                .find(|lane| self.shards[**lane].keys == keys);
            if let Some(lane) = kept {
                lanes.push(*lane);
                continue;
            }
            let number = self.shards.len() + opened.len();
            let lane = u32::try_from(number).unwrap_or(u32::MAX);
            let mut shard = Shard::new(lane, keys, self.parents_of(keys), &self.quotas);
            shard.descends = self.old_lanes(keys);
            opened.push(shard);
            lanes.push(number);
        }
        self.shards.append(&mut opened);
        for lane in std::mem::take(&mut self.range_lanes) {
            self.shards[lane].open = lanes.contains(&lane);
        }
        self.starts = starts;
        self.hashes.forget_ranges();
        self.range_lanes = lanes;
    }
    /// Shards whose hash keys are among these.
    fn old_lanes(&self, keys: (u128, u128)) -> Vec<u32> {
        if self.range_lanes.is_empty() {
            return Vec::new();
        }
        let old = range_of(&self.starts, keys.0)..=range_of(&self.starts, keys.1);
        let old = self.range_lanes[old].iter();
        old.map(|i| self.shards[*i].lane).collect()
    }
    /// Shards with records whose hash keys are among these, and what they wait for.
    fn parents_of(&self, keys: (u128, u128)) -> Vec<u32> {
        let old = self.old_lanes(keys).into_iter();
        let mut lanes: Vec<u32> = old
            .map(|lane| &self.shards[lane as usize])
            .flat_map(|s| s.parents.iter().copied().chain([s.lane]))
            .filter(|lane| !self.shards[*lane as usize].entries.is_empty())
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }
    /// Takes changed parameters over; the shards change when it is time.
    ///
    /// # Errors
    /// Why the change is refused; nothing changes then.
    pub(super) fn change_shards(&mut self, config: Config, cx: &mut Cx<'_>) -> Result<(), String> {
        let now = cx.now();
        let old = &self.config;
        if config.stream_mode != old.stream_mode {
            let most = self.quotas.switches_a_day;
            forget_old(&mut self.reshaping.switches, now);
            if self.reshaping.switches.len() >= most {
                return Err(format!(
                    "LimitExceededException: the mode is switched {most} times in 24 hours at the most"
                ));
            }
            self.reshaping.switches.push_back(now);
            let open = u32::try_from(self.open_count()).unwrap_or(u32::MAX);
            self.reshaping.capacity = self.open_count() * self.quotas.write_bytes;
            self.reshaping.asked = config.shard_count;
            self.config = Config {
                shard_count: open,
                ..config
            };
            cx.event("switched", format!("the stream keeps its {open} shards"));
            return Ok(());
        }
        let asked = config.shard_count;
        let wanted = if asked != self.reshaping.asked {
            Some(Change::Count(config.shard_count))
        } else if let Some(lane) = config
            .split_shard
            .filter(|_| config.split_shard != old.split_shard)
        {
            Some(Change::Split(lane, self.middle(lane)?))
        } else if let Some(lane) = config
            .merge_shard
            .filter(|_| config.merge_shard != old.merge_shard)
        {
            Some(Change::Merge(lane, self.neighbour(lane)?))
        } else {
            None
        };
        let count = old.shard_count;
        if let Some(change) = wanted {
            self.begin(change, cx)?;
        }
        self.reshaping.asked = asked;
        self.config = Config {
            shard_count: count,
            ..config
        };
        Ok(())
    }
    /// A person or script asks for a change: `UpdateShardCount` (a number), `SplitShard` (a shard; the busiest without one),
    /// `MergeShards` (a shard, which is merged with the next).
    pub(super) fn reshard_command(
        &mut self,
        name: &str,
        argument: &Value,
        cx: &mut Cx<'_>,
    ) -> Result<(), String> {
        let number = |field: &str| {
            let given = argument.as_u64().or_else(|| argument[field].as_u64());
            given.and_then(|n| u32::try_from(n).ok())
        };
        let change = match name {
            "UpdateShardCount" => Change::Count(
                number("TargetShardCount")
                    .ok_or("it needs `TargetShardCount`, a number of shards")?,
            ),
            "SplitShard" => {
                let lane = number("ShardToSplit").unwrap_or_else(|| self.busiest(cx.now()));
                let given = argument["NewStartingHashKey"].as_str();
                let at = match given.map(str::parse::<u128>) {
                    None => self.middle(lane)?,
                    Some(Ok(at)) => at,
                    Some(Err(_)) => {
                        return Err(
                            "`NewStartingHashKey` is no whole number below 2^128".to_owned()
                        );
                    }
                };
                let keys = self.open_shard(lane)?.keys;
                if at <= keys.0 || at > keys.1 {
                    return Err(format!(
                        "InvalidArgumentException: `NewStartingHashKey` must lie inside the shard's range, {} to {}",
                        keys.0, keys.1
                    ));
                }
                Change::Split(lane, at)
            }
            "MergeShards" => {
                let lane =
                    number("ShardToMerge").ok_or("it needs `ShardToMerge`, a shard's number")?;
                Change::Merge(lane, self.neighbour(lane)?)
            }
            _ => {
                return Err(format!(
                    "`{name}` is nothing that a stream can do; it knows UpdateShardCount, SplitShard and MergeShards"
                ));
            }
        };
        self.begin(change, cx)
    }
    fn busiest(&self, now: SimTime) -> u32 {
        let open = self.shards.iter().filter(|s| s.open);
        open.max_by_key(|s| (s.bytes_asked.last(now), std::cmp::Reverse(s.lane)))
            .map_or(0, |s| s.lane)
    }
    fn open_shard(&self, lane: u32) -> Result<&Shard, String> {
        self.shards
            .get(lane as usize)
            .filter(|s| s.open)
            .ok_or_else(|| format!("ResourceNotFoundException: there is no open shard {lane}"))
    }
    /// The hash key in the middle of an open shard.
    fn middle(&self, lane: u32) -> Result<u128, String> {
        let (first, last) = self.open_shard(lane)?.keys;
        Ok(first + (last - first) / 2 + 1)
    }
    /// The open shard whose keys follow.
    fn neighbour(&self, lane: u32) -> Result<u32, String> {
        let last = self.open_shard(lane)?.keys.1;
        let next = last.checked_add(1).map(|key| range_of(&self.starts, key));
        next.map(|range| self.shards[self.range_lanes[range]].lane)
            .ok_or_else(|| {
                format!(
                    "InvalidArgumentException: no shard's hash keys follow those of shard {lane}"
                )
            })
    }
    /// Begins a change, if it may be.
    fn begin(&mut self, change: Change, cx: &mut Cx<'_>) -> Result<(), String> {
        let now = cx.now();
        if self.config.is_on_demand() {
            return Err(
                "ValidationException: an on-demand stream changes its shards itself".to_owned(),
            );
        }
        if self.reshaping.under_way.is_some() {
            return Err("ResourceInUseException: the shards are being changed already".to_owned());
        }
        let steps = match change {
            Change::Count(n) => {
                self.may_count(n, now)?;
                self.reshaping.changes.push_back(now);
                n.abs_diff(self.config.shard_count)
            }
            Change::Split(..) | Change::Merge(..) => 1,
        };
        let mut takes = SimDuration::ZERO;
        let law = self.reshaping.law.clone();
        for _ in 0..steps {
            takes += cx.draw(&law);
        }
        self.reshaping.under_way = Some(change);
        cx.after(takes, Tag::new(TIMER_RESHARD, 0));
        let what = match change {
            Change::Count(n) => format!(
                "UpdateShardCount from {} to {n} shards",
                self.config.shard_count
            ),
            Change::Split(lane, _) => format!("SplitShard of shard {lane}"),
            Change::Merge(a, b) => format!("MergeShards of shards {a} and {b}"),
        };
        cx.event(
            "resharding",
            format!("{what} takes {:.0} s", takes.as_secs_f64()),
        );
        Ok(())
    }
    /// Whether `UpdateShardCount` to `shards` is allowed.
    fn may_count(&mut self, shards: u32, now: SimTime) -> Result<(), String> {
        let old = u64::from(self.config.shard_count);
        let most = (old * self.quotas.most_percent / 100).max(1);
        let least = (old * self.quotas.least_percent).div_ceil(100).max(1);
        if !(least..=most).contains(&u64::from(shards)) {
            return Err(format!(
                "LimitExceededException: UpdateShardCount goes from {old} to at least {least} and at most {most} shards"
            ));
        }
        forget_old(&mut self.reshaping.changes, now);
        let most = self.quotas.changes_a_day;
        if self.reshaping.changes.len() >= most {
            return Err(format!(
                "LimitExceededException: UpdateShardCount works {most} times in 24 hours"
            ));
        }
        Ok(())
    }
    /// The time of a change is over: all at once is as it should be.
    pub(super) fn end_change(&mut self, cx: &mut Cx<'_>) {
        let Some(change) = self.reshaping.under_way.take() else {
            return;
        };
        self.meter(cx);
        let starts = match change {
            Change::Count(n) => range_starts(n),
            Change::Split(_, at) => {
                let mut starts = self.starts.clone();
                starts.push(at);
                starts.sort_unstable();
                starts
            }
            Change::Merge(_, upper) => {
                let gone = self.shards[upper as usize].keys.0;
                let mut starts = self.starts.clone();
                starts.retain(|s| *s != gone);
                starts
            }
        };
        self.open(starts, cx);
    }
    fn open(&mut self, starts: Vec<u128>, cx: &mut Cx<'_>) {
        self.set_ranges(starts);
        let n = u32::try_from(self.open_count()).unwrap_or(u32::MAX);
        self.config.shard_count = n;
        self.tell_lanes(cx);
        self.tell_ends(cx);
        cx.event("resharded", format!("the stream has {n} open shards now"));
    }
    /// Once a minute: what each shard took in, and whether an on-demand stream has to grow.
    pub(super) fn look_at_demand(&mut self, cx: &mut Cx<'_>) {
        let seconds = COUNTING_STEP.0 / 1_000_000_000;
        let per_record = self.quotas.write_bytes / self.quotas.write_records.max(1);
        let mut rate = 0;
        for shard in &mut self.shards {
            let (bytes, records) = std::mem::take(&mut shard.taken);
            shard.pace = bytes.max(records * per_record) / seconds;
            rate += shard.pace;
        }
        if !self.config.is_on_demand() {
            return;
        }
        self.reshaping.peak = self.reshaping.peak.max(rate);
        let hot = |s: &Shard| s.open && s.pace > self.quotas.demand.split_above;
        let grows = self.wanted_capacity() > self.reshaping.capacity || self.shards.iter().any(hot);
        if grows && !self.reshaping.grows {
            self.reshaping.grows = true;
            cx.after(self.quotas.demand.after, Tag::new(TIMER_GROW, 0));
        }
    }
    /// An on-demand stream gets the capacity that its peak asks for: the busiest shards are split.
    pub(super) fn grow(&mut self, cx: &mut Cx<'_>) {
        self.reshaping.grows = false;
        if !self.config.is_on_demand() {
            return;
        }
        self.meter(cx);
        self.reshaping.capacity = self.reshaping.capacity.max(self.wanted_capacity());
        let most = self.quotas.demand.most.div_ceil(self.quotas.write_bytes);
        let wanted = u64::from(self.shards_of_capacity());
        // First key, last key, pace.
        let mut ranges: Vec<(u128, u128, u64)> = self
            .range_lanes
            .iter()
            .map(|lane| &self.shards[*lane])
            .map(|s| (s.keys.0, s.keys.1, s.pace))
            .collect();
        let above = self.quotas.demand.split_above;
        while (ranges.len() as u64) < most {
            let enough = ranges.len() as u64 >= wanted;
            let divisible = ranges.iter_mut().filter(|r| r.1 > r.0);
            let Some(range) = divisible
                .max_by_key(|r| (r.2, r.1 - r.0))
                .filter(|r| r.2 > above || !enough)
            else {
                break;
            };
            let middle = range.0 + (range.1 - range.0) / 2 + 1;
            let upper = (middle, range.1, range.2 / 2);
            (range.1, range.2) = (middle - 1, range.2 / 2);
            ranges.push(upper);
        }
        let mut starts: Vec<u128> = ranges.iter().map(|r| r.0).collect();
        starts.sort_unstable();
        if starts != self.starts {
            self.open(starts, cx);
        }
    }
}
