//! What a FIFO topic adds: message groups with a limit each, doubles within five minutes, deliveries in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::config::{Config, ThroughputScope};
use crate::data::Batch;
use crate::metrics::Part;
use crate::node::{BuildCx, Cx, Doubles, NodeResult, Putter, TokenBucket, field_texts};
use crate::units::{SimDuration, SimTime};

/// Messages that go in one call of a subscription at the most.
const TOGETHER: u64 = 10_000;
/// Groups whose rates are remembered before the idle ones are forgotten.
const GROUPS: usize = 4096;

/// The state of a FIFO topic.
#[derive(Debug)]
pub(super) struct Fifo {
    group_field: String,
    doubles: Doubles,
    /// Messages and bytes of the topic; no bytes where the limit is that of each group.
    messages: TokenBucket,
    bytes: Option<TokenBucket>,
    group_rate: u64,
    groups: BTreeMap<String, TokenBucket>,
}

/// What became of a call's messages.
#[derive(Debug)]
pub(super) struct Sorted {
    /// Taken and new.
    pub(super) fresh: Batch,
    /// Taken, and known as doubles: delivered to nobody.
    pub(super) doubles: Batch,
    /// Over a limit.
    pub(super) refused: Batch,
}

impl Fifo {
    pub(super) fn new(config: &Config, cx: &BuildCx) -> Result<Self, String> {
        let whole = config.fifo_throughput_scope == ThroughputScope::Topic;
        let messages = if whole {
            "sns.fifo_topic_messages_per_second"
        } else {
            "sns.fifo_publish_messages_per_second"
        };
        let bytes = cx.quota("sns.fifo_topic_bytes_per_second")?;
        let window = SimDuration::secs(cx.quota("sns.fifo_deduplication_s")?);
        Ok(Self {
            group_field: config.message_group_id.clone(),
            doubles: Doubles::new(config.message_deduplication_id.clone(), window),
            messages: TokenBucket::new(cx.quota(messages)?),
            bytes: whole.then(|| TokenBucket::new(bytes)),
            group_rate: cx.quota("sns.fifo_group_messages_per_second")?,
            groups: BTreeMap::new(),
        })
    }
    /// Takes another group or id of messages over.
    pub(super) fn retune(&mut self, config: &Config) {
        self.group_field.clone_from(&config.message_group_id);
        self.doubles
            .field
            .clone_from(&config.message_deduplication_id);
    }
    /// Messages a second that the topic takes.
    pub(super) const fn rate(&self) -> u64 {
        self.messages.rate()
    }
    /// The group of each message.
    pub(super) fn names(&self, batch: &Batch) -> NodeResult<Vec<String>> {
        field_texts(batch, &self.group_field)
    }
    /// Takes what is within the limits, message by message. What follows a refused message of its group is refused too, so that
    /// their order holds when the sender tries again.
    pub(super) fn sort(&mut self, batch: &Batch, now: SimTime) -> NodeResult<Sorted> {
        self.doubles.forget(now);
        let weight = u64::from(batch.weight);
        let names = self.names(batch)?;
        let mut closed = BTreeSet::new();
        let mut taken = Vec::with_capacity(batch.len());
        let mut is_full = false;
        for (name, size) in names.iter().zip(batch.sizes.iter()) {
            let bytes = u64::from(*size) * weight;
            is_full |= !self.messages.admits(now, weight)
                || self.bytes.as_mut().is_some_and(|b| !b.admits(now, bytes));
            let takes = !is_full && !closed.contains(name) && self.group(name, now, weight);
            if takes {
                self.messages.overdraw(now, weight);
                if let Some(limit) = &mut self.bytes {
                    limit.overdraw(now, bytes);
                }
            } else {
                closed.insert(name);
            }
            taken.push(takes);
        }
        let taken = taken.into();
        let refused = batch.filter(&!&taken)?;
        let good = batch.filter(&taken)?;
        let fresh = self.doubles.fresh(&good, now)?;
        Ok(Sorted {
            doubles: good.filter(&!&fresh)?,
            fresh: good.filter(&fresh)?,
            refused,
        })
    }
    /// True when the group may have so many more messages now.
    fn group(&mut self, name: &str, now: SimTime, messages: u64) -> bool {
        if self.groups.len() >= GROUPS && !self.groups.contains_key(name) {
            self.groups.retain(|_, bucket| !bucket.is_full(now));
        }
        let rate = self.group_rate;
        let limit = self.groups.entry(name.to_owned());
        let limit = limit.or_insert_with(|| TokenBucket::new(rate));
        let admits = limit.admits(now, messages);
        if admits {
            limit.overdraw(now, messages);
        }
        admits
    }
}

/// Messages that wait for the call before theirs to be answered: what keeps their order, also over tries that fail.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: VecDeque<(SimTime, Batch)>,
    records: u64,
}

impl Line {
    pub(super) fn push(&mut self, batch: Batch, now: SimTime) {
        self.records += batch.records();
        self.waiting.push_back((now, batch));
    }
    pub(super) const fn held(&self) -> u64 {
        self.records
    }
    /// Sends what waits, together, unless a call is under way or is to be tried again.
    pub(super) fn pump(&mut self, putter: &mut Putter, cx: &mut Cx<'_>) -> NodeResult {
        if putter.calls() > 0 || putter.waiting() > 0 {
            return Ok(());
        }
        let Some((since, first)) = self.waiting.pop_front() else {
            return Ok(());
        };
        let now = cx.now();
        let waited = |since: SimTime, batch: &Batch| {
            u128::from(now.since(since).0) * u128::from(batch.records())
        };
        let mut area = waited(since, &first);
        let (weight, schema) = (first.weight, first.schema());
        let mut room = TOGETHER.saturating_sub(first.records());
        let mut all = vec![first];
        while let Some((since, next)) = self.waiting.front()
            && next.weight == weight
            && next.schema() == schema
            && next.records() <= room
        {
            room -= next.records();
            area += waited(*since, next);
            all.extend(self.waiting.pop_front().map(|(_, batch)| batch));
        }
        let batch = Batch::concat(&all)?;
        self.records -= batch.records();
        let mean = area / u128::from(batch.records().max(1));
        let mean = SimDuration(u64::try_from(mean).unwrap_or(u64::MAX));
        putter.put_after(batch, &[(Part::Queue, mean)], cx);
        Ok(())
    }
}
