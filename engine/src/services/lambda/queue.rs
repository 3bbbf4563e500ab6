//! The event source mapping of a queue: pollers that receive and hand batches to the function, more of them while there is work.
//!
//! It begins with a few batches at once and adds some each minute while all are at work. A batch may be gathered from several
//! receives; each receive is settled on its own.

use std::collections::VecDeque;

use super::config::Config;
use super::handler::{Contract, Letter};
use super::mapping::mean;
use crate::data::Batch;
use crate::node::{Ask, BuildCx, Cx, Messages, NodeResult, Tag, WireId};
use crate::units::{SimDuration, SimTime};

pub(super) const TIMER_QUEUE: u32 = 8;
/// Messages of one `ReceiveMessage` call at the most.
const RECEIVE_MAX: u32 = 10;
/// The number of the timer that lets the mapping grow.
const TICK: u64 = 1;

/// What one receive brought.
#[derive(Debug, Clone)]
struct Receive {
    receipt: u64,
    messages: Vec<Messages>,
}

/// A gathered batch.
#[derive(Debug)]
pub(super) struct QueueJob {
    pub(super) batch: Batch,
    receives: Vec<Receive>,
    /// When the mapping got the messages, on average.
    pub(super) since: SimTime,
}

/// The pollers of one queue.
#[derive(Debug)]
pub(super) struct Queue {
    wire: WireId,
    /// Pollers at the beginning.
    initial: u32,
    /// Batches at once at the most.
    most: u32,
    per_minute: u64,
    long_poll: SimDuration,
    /// Batches at once now, and since when in thousandths.
    scale: f64,
    scaled: SimTime,
    waiting: VecDeque<(SimTime, Receive)>,
    messages: u64,
    asked: u32,
    running: u32,
    window_ends: SimTime,
    /// A timer looks again whether to grow.
    ticking: bool,
}

impl Queue {
    pub(super) fn new(wire: WireId, cx: &QueueTerms) -> Self {
        Self {
            wire,
            initial: cx.initial,
            most: cx.most,
            per_minute: cx.per_minute,
            long_poll: cx.long_poll,
            scale: f64::from(cx.initial),
            scaled: SimTime::ZERO,
            waiting: VecDeque::new(),
            messages: 0,
            asked: 0,
            running: 0,
            window_ends: SimTime::ZERO,
            ticking: false,
        }
    }
    /// The timer fired.
    pub(super) const fn tick(&mut self, tag: Tag) {
        if tag.index == TICK {
            self.ticking = false;
        }
    }
    /// Messages that wait here.
    pub(super) fn held(&self) -> u64 {
        let waiting = self.waiting.iter().flat_map(|(_, r)| &r.messages);
        waiting.map(|m| m.batch.records()).sum()
    }
    /// Batches that may be under way now.
    fn limit(&self, config: &Config) -> u32 {
        let most = config.maximum_concurrency.unwrap_or(self.most);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from the initial number to the most there are"
        )]
        let now = self.scale as u32;
        now.min(most).max(1)
    }
    /// Adds pollers while all are at work.
    fn grow(&mut self, config: &Config, cx: &mut Cx<'_>) {
        let now = cx.now();
        let all_busy = self.running + 1 >= self.limit(config);
        let passed = now.since(self.scaled).as_secs_f64();
        self.scaled = now;
        if all_busy {
            let grown = self.scale + passed * self.per_minute as f64 / 60.0;
            self.scale = grown.min(f64::from(self.most));
        }
        if all_busy && !self.ticking && self.scale < f64::from(self.most) {
            self.ticking = true;
            cx.after(SimDuration::secs(1), Tag::new(TIMER_QUEUE, TICK));
        }
    }
    /// Receives while there are pollers without a batch.
    pub(super) fn poll(&mut self, config: &Config, cx: &mut Cx<'_>) {
        self.grow(config, cx);
        let size = u64::from(Self::size(config));
        let full = u32::try_from(self.messages / size.max(1)).unwrap_or(u32::MAX);
        let busy = self.running.saturating_add(full);
        let free = self.limit(config).saturating_sub(busy).min(self.initial);
        while self.asked < free {
            self.asked += 1;
            let ask = Ask::Receive {
                max_messages: Self::size(config).min(RECEIVE_MAX),
                wait: self.long_poll,
            };
            cx.ask(self.wire, ask, SimDuration::ZERO);
        }
    }
    /// Messages of a batch: more than one receive brings only with a window.
    fn size(config: &Config) -> u32 {
        if config.batch_window_seconds == 0 {
            config.batch_size.min(RECEIVE_MAX)
        } else {
            config.batch_size
        }
    }
    /// What a receive brought.
    pub(super) fn received(&mut self, receipt: u64, messages: Vec<Messages>, cx: &Cx<'_>) {
        self.asked = self.asked.saturating_sub(1);
        if messages.is_empty() {
            // A quiet queue: as at the beginning.
            self.scale = f64::from(self.initial);
            return;
        }
        self.messages += messages.iter().map(|m| m.batch.records()).sum::<u64>();
        self.waiting
            .push_back((cx.now(), Receive { receipt, messages }));
    }
    /// The next batch that may run now.
    pub(super) fn next(
        &mut self,
        config: &Config,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Option<QueueJob>> {
        let Some((since, _)) = self.waiting.front() else {
            return Ok(None);
        };
        let size = u64::from(Self::size(config));
        let ends = *since + SimDuration::secs(u64::from(config.batch_window_seconds));
        if self.running >= self.limit(config) {
            return Ok(None);
        }
        if self.messages < size && cx.now() < ends {
            if self.window_ends != ends {
                self.window_ends = ends;
                cx.at(ends, Tag::new(TIMER_QUEUE, 0));
            }
            return Ok(None);
        }
        let (mut receives, mut batches) = (Vec::new(), Vec::<Batch>::new());
        let (mut records, mut waits) = (0, 0_u128);
        while let Some((_, receive)) = self.waiting.front() {
            let n: u64 = receive.messages.iter().map(|m| m.batch.records()).sum();
            let fits = receive.messages.iter().all(|m| {
                batches
                    .first()
                    .is_none_or(|b| b.schema() == m.batch.schema() && b.weight == m.batch.weight)
            });
            if !receives.is_empty() && (records + n > size || !fits) {
                break;
            }
            let Some((got, receive)) = self.waiting.pop_front() else {
                break;
            };
            waits += u128::from(got.0) * u128::from(n);
            batches.extend(receive.messages.iter().map(|m| m.batch.clone()));
            records += n;
            receives.push(receive);
        }
        self.messages -= records;
        self.running += 1;
        let batch = if batches.len() == 1 {
            batches.swap_remove(0)
        } else {
            Batch::concat(&batches)?
        };
        Ok(Some(QueueJob {
            batch,
            receives,
            since: mean(waits, records),
        }))
    }
    /// A batch is through: the rows of `failed` (all when none is given) go back, the others are deleted.
    pub(super) fn settle(
        &mut self,
        job: QueueJob,
        failed: &dyn Fn(usize) -> bool,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        self.running = self.running.saturating_sub(1);
        let mut row = 0;
        for receive in job.receives {
            let mut back = Vec::new();
            for messages in receive.messages {
                let rows = messages.batch.len();
                let keep = (0..rows).map(|i| failed(row + i)).collect();
                row += rows;
                let batch = messages.batch.filter(&keep)?;
                if !batch.is_empty() {
                    back.push(Messages { batch, ..messages });
                }
            }
            let receipt = receive.receipt;
            cx.ask(self.wire, Ask::Settle { receipt, back }, SimDuration::ZERO);
        }
        Ok(())
    }
}

impl QueueJob {
    /// What the event says of its messages.
    pub(super) fn contract(&self, epoch_ms: i64) -> Contract {
        let mut letters = Vec::new();
        for receive in &self.receives {
            for messages in &receive.messages {
                let sent = i64::try_from(messages.sent.as_millis()).unwrap_or(0);
                letters.push(Letter {
                    sent_ms: epoch_ms + sent,
                    receives: messages.receives,
                    group: messages.group.clone(),
                    rows: messages.batch.len(),
                    receipt: receive.receipt * 1000 + letters.len() as u64,
                });
            }
        }
        Contract::Queue(letters)
    }
}

/// How mappings of queues scale.
#[derive(Debug, Clone)]
pub(super) struct QueueTerms {
    initial: u32,
    most: u32,
    per_minute: u64,
    long_poll: SimDuration,
}

impl QueueTerms {
    pub(super) fn new(cx: &BuildCx) -> Result<Self, String> {
        let small = |key: &str| cx.quota(key).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        Ok(Self {
            initial: small("lambda.sqs_initial_concurrent_batches")?,
            most: small("lambda.sqs_concurrent_invocations_max")?,
            per_minute: cx.quota("lambda.sqs_scale_up_per_minute")?,
            long_poll: SimDuration::secs(cx.quota("sqs.long_poll_max_s")?),
        })
    }
}
