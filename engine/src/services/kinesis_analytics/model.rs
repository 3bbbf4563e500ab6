//! The running node: reads every shard of the stream, works the records off with the processors of its KPUs, lets the SQL have them,
//! and scales by how busy the processors are. Batches of one shard are worked on one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::application::{self, Application};
use super::config::{Config, Runtime};
use super::output::{account, passed, troubles};
use super::reference;
use crate::books::LatencyLaw;
use crate::data::Batch;
use crate::lake::streaming::{Reference, Second};
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Delivery, FaultKind, Gauges, Node, NodeResult, Notice,
    Payload, PutPolicy, Putter, Retuned, Table, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_POLL: u32 = 1;
const TIMER_DONE: u32 = 2;
const TIMER_WINDOW: u32 = 3;
const TIMER_PUT: u32 = 4;
const TIMER_MINUTE: u32 = 5;
pub(super) const TIMER_UP: u32 = 6;
const TIMER_REPORT: u32 = 7;
/// How often the SQL runtime polls a shard; assumed, as AWS does not tell.
const POLL: SimDuration = SimDuration::secs(1);
/// How often Flink polls a shard (`SHARD_GETRECORDS_INTERVAL_MILLIS`), and anyone who is behind: five times a second is a shard's limit.
const FAST: SimDuration = SimDuration::millis(200);
pub(super) const MINUTE: SimDuration = SimDuration::secs(60);
/// How often the table of the newest rows is sent.
const REPORT: SimDuration = SimDuration::secs(10);
/// Records of one poll, and of one piece of work.
const BATCH: u32 = 10_000;
const PORTS: [&str; 3] = ["out", "out_2", "out_3"];

#[derive(Debug, Default)]
pub(super) struct Lane {
    polling: bool,
    busy: bool,
    records: u64,
    queue: VecDeque<Piece>,
}

/// When a batch got here, when the stream took it in, and its records.
type Piece = (SimTime, SimTime, Batch);

/// A shard of one of the two streams: the stream's number in the upper half, the shard's in the lower.
pub(super) type Shard = u64;

const fn shard(input: usize, lane: u32) -> Shard {
    (input as u64) << 32 | lane as u64
}

/// The stream and the shard in it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of a shard's number"
)]
const fn parts(shard: Shard) -> (usize, u32) {
    ((shard >> 32) as usize, shard as u32)
}

#[derive(Debug)]
pub(super) struct Task {
    lane: Shard,
    begun: SimTime,
    pieces: Vec<Piece>,
    /// Processor time.
    work: SimDuration,
    fails: bool,
}

/// Figures of the book that the model applies.
#[derive(Debug)]
pub(super) struct Quotas {
    pub(super) kpus: u32,
    pub(super) orchestration: u32,
    pub(super) storage_gib: u64,
    pub(super) min_billed: SimDuration,
    pub(super) up_percent: f64,
    pub(super) up_minutes: u32,
    pub(super) down_percent: f64,
    pub(super) down_minutes: u32,
    pub(super) put_records: usize,
    pub(super) put_bytes: u64,
    pub(super) reference_bytes: u64,
}

/// A running application.
#[derive(Debug)]
pub struct Model {
    pub(super) config: Config,
    pub(super) quotas: Quotas,
    pub(super) process: LatencyLaw,
    pub(super) restart: LatencyLaw,
    pub(super) put: LatencyLaw,
    pub(super) reference: Option<Reference>,
    /// The bucket with the reference data, the version that was read last, and whether none was read yet.
    pub(super) bucket: Option<String>,
    pub(super) reference_seen: u64,
    pub(super) waits_for_reference: bool,
    pub(super) application: Option<Application>,
    pub(super) seed: u64,
    pub(super) second: Option<Second>,
    pub(super) sources: [Option<WireId>; 2],
    pub(super) lanes: BTreeMap<Shard, Lane>,
    pub(super) running: BTreeMap<u64, Task>,
    pub(super) next: u64,
    /// The instant of the window timer that is set.
    pub(super) window_timer: Option<SimTime>,
    pub(super) putters: [Vec<Putter>; 3],
    pub(super) used: [bool; 3],
    pub(super) parallelism: u32,
    /// The application is being started anew.
    pub(super) down: bool,
    /// Processor time since the minute began, the last minute's use, and minutes beyond the marks.
    pub(super) busy: SimDuration,
    pub(super) cpu_percent: f64,
    pub(super) minutes_high: u32,
    pub(super) minutes_low: u32,
    pub(super) behind: BTreeMap<Shard, SimDuration>,
    pub(super) newest: VecDeque<RecordBatch>,
    pub(super) table: Option<Arc<Table>>,
    pub(super) metered: SimTime,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let small = |key: &str| cx.quota(key).map(|q| u32::try_from(q).unwrap_or(u32::MAX));
        let of = |name: &str| small(&format!("kinesis-analytics.{name}"));
        let records = cx.quota("kinesis-data-streams.put_records_max_records")?;
        let sql = config.runtime == Runtime::Sql;
        let quotas = Quotas {
            kpus: of(if sql { "sql_kpus_max" } else { "kpus_max" })?,
            orchestration: if sql { 0 } else { of("orchestration_kpus")? },
            storage_gib: if sql {
                0
            } else {
                u64::from(of("running_storage_gib_per_kpu")?)
            },
            min_billed: SimDuration::secs(u64::from(of("min_billed_minutes")?) * 60),
            up_percent: f64::from(of("scale_up_cpu_percent")?),
            up_minutes: of("scale_up_minutes")?,
            down_percent: f64::from(of("scale_down_cpu_percent")?),
            down_minutes: of("scale_down_minutes")?,
            put_records: usize::try_from(records).unwrap_or(500),
            put_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
            reference_bytes: cx.quota("kinesis-analytics.reference_bytes_max")?,
        };
        let reference = reference::before(&config, &cx.world.root).map_err(|(_, why)| why)?;
        let seed = cx.world.seed;
        let second = application::second(&config, cx.inputs.get("in_2"));
        let second = second.map_err(|(why, mend)| format!("{why}; {mend}"))?;
        let application = match cx.inputs.get("in") {
            Some(input) => {
                let (second, reference) = (second.as_ref(), reference.as_ref());
                Some(Application::new(&config, input, second, reference, seed)?)
            }
            None => None,
        };
        Ok(Self {
            quotas,
            process: cx.latency("kinesis-analytics.process")?,
            restart: cx.latency("kinesis-analytics.restart")?,
            put: cx.latency("kinesis-data-streams.put_records")?,
            reference,
            bucket: None,
            reference_seen: 0,
            waits_for_reference: config.reads_object(),
            application,
            seed,
            second,
            sources: [None; 2],
            lanes: BTreeMap::new(),
            running: BTreeMap::new(),
            next: 0,
            window_timer: None,
            putters: [const { Vec::new() }; 3],
            used: [false; 3],
            parallelism: config.parallelism,
            down: false,
            busy: SimDuration::ZERO,
            cpu_percent: 0.0,
            minutes_high: 0,
            minutes_low: 0,
            behind: BTreeMap::new(),
            newest: VecDeque::new(),
            table: None,
            metered: SimTime::ZERO,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        if config.fixed() != self.config.fixed() {
            return Retuned::NextRun(
                "the application is compiled from `sql`, its streams and its state's limits"
                    .to_owned(),
            );
        }
        if config.parallelism != self.config.parallelism {
            self.parallelism = config.parallelism;
            self.begin_anew("the parallelism was changed", cx);
        }
        self.config = config;
        self.pump(cx);
        Retuned::Live
    }
    fn poll(&mut self, number: Shard, cx: &mut Cx<'_>) {
        let (input, own) = parts(number);
        let (Some(wire), Some(lane)) = (self.sources[input % 2], self.lanes.get_mut(&number))
        else {
            return;
        };
        if lane.polling || lane.records >= 2 * u64::from(BATCH) {
            return;
        }
        lane.polling = true;
        let ask = Ask::Poll {
            lane: own,
            max_records: BATCH,
            max_bytes: u64::MAX,
        };
        cx.ask(wire, ask, SimDuration::ZERO);
    }
    fn delivered(&mut self, input: usize, delivery: Delivery, cx: &mut Cx<'_>) {
        let now = cx.now();
        let number = shard(input, delivery.lane);
        let lane = self.lanes.entry(number).or_default();
        for (arrived, batch) in delivery.batches {
            lane.records += batch.records();
            lane.queue.push_back((now, arrived, batch));
        }
        self.behind.insert(number, delivery.behind);
        let behind = delivery.behind > SimDuration::ZERO;
        let fast = behind || self.config.runtime == Runtime::Flink;
        let wait = if fast { FAST } else { POLL };
        cx.after(wait, Tag::new(TIMER_POLL, number));
    }
    /// Gives every lane that waits a task, as long as there are free ones.
    pub(super) fn pump(&mut self, cx: &mut Cx<'_>) {
        if self.down || self.waits_for_reference {
            return;
        }
        // Whoever has waited longest is first.
        // The second stream waits until the columns of the first are known.
        let known = self.application.is_some();
        let open = self
            .lanes
            .iter()
            .filter(|(n, _)| known || parts(**n).0 == 0);
        let waits = open.filter(|(_, l)| !l.busy);
        let mut ready: Vec<(SimTime, Shard)> = waits
            .filter_map(|(n, l)| l.queue.front().map(|p| (p.0, *n)))
            .collect();
        ready.sort_unstable();
        for (_, number) in ready {
            if self.running.len() >= self.parallelism as usize {
                return;
            }
            self.work_on(number, cx);
        }
    }
    fn work_on(&mut self, number: Shard, cx: &mut Cx<'_>) {
        let (kpus, sharing) = (self.kpus(), self.running.len() as f64 + 1.0);
        let Some(lane) = self.lanes.get_mut(&number) else {
            return;
        };
        let mut room = most_rows(self.config.per_record_us);
        let mut pieces = Vec::new();
        while let Some((since, arrived, batch)) = lane.queue.pop_front() {
            if batch.len() <= room {
                room -= batch.len();
                pieces.push((since, arrived, batch));
                continue;
            }
            let rest = batch.slice(room, batch.len() - room);
            lane.queue.push_front((since, arrived, rest));
            if room > 0 {
                pieces.push((since, arrived, batch.slice(0, room)));
            }
            break;
        }
        let records: u64 = pieces.iter().map(|(_, _, b)| b.records()).sum();
        lane.records -= records;
        lane.busy = true;
        let work = SimDuration::from_secs_f64(self.config.per_record_us * 1e-6 * records as f64);
        // More tasks than processors take turns.
        let share = (sharing / f64::from(kpus)).max(1.0);
        let took = SimDuration::from_secs_f64(work.as_secs_f64() * share) + cx.draw(&self.process);
        let task = Task {
            lane: number,
            begun: cx.now(),
            pieces,
            work,
            fails: cx.strikes(FaultKind::Errors),
        };
        cx.after(took, Tag::new(TIMER_DONE, self.next));
        self.running.insert(self.next, task);
        self.next += 1;
        self.poll(number, cx);
    }
    fn done(&mut self, number: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some(task) = self.running.remove(&number) else {
            return Ok(());
        };
        self.busy += task.work;
        if let Some(lane) = self.lanes.get_mut(&task.lane) {
            lane.busy = false;
            if task.fails {
                for piece in task.pieces.into_iter().rev() {
                    lane.records += piece.2.records();
                    lane.queue.push_front(piece);
                }
                cx.errored(1, || {
                    "a task failed; the application begins anew".to_owned()
                });
                self.begin_anew("a task failed", cx);
                return Ok(());
            }
        }
        let lane = task.lane;
        for piece in task.pieces {
            self.process(lane, task.begun, piece, cx)?;
        }
        self.pump(cx);
        self.poll(lane, cx);
        Ok(())
    }
    fn process(
        &mut self,
        lane: Shard,
        begun: SimTime,
        (since, arrived, batch): Piece,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let way = [
            (Part::Queue, begun.since(since)),
            (Part::Service, cx.now().since(begun)),
        ];
        self.advance(cx)?;
        if self.application.is_none() && parts(lane).0 == 0 {
            let made = Application::new(
                &self.config,
                &batch.schema(),
                self.second.as_ref(),
                self.reference.as_ref(),
                self.seed,
            );
            self.application = Some(made?);
        }
        let batch = self.parsed(batch, &way, cx)?;
        let Some(application) = self.application.as_mut().filter(|_| !batch.is_empty()) else {
            return Ok(());
        };
        let now = cx.now_epoch_ms();
        let arrived = i64::try_from(arrived.as_millis()).unwrap_or(i64::MAX / 2);
        let arrived = cx.world().epoch_ms + arrived;
        cx.metric("numRecordsIn", batch.records() as f64);
        match application.push(parts(lane), &batch, arrived, now, self.used) {
            Ok(outcome) => {
                account(&outcome, &batch, &way, cx);
                self.give(outcome, &way, cx);
            }
            Err(why) => {
                passed(&way, batch.records(), cx);
                cx.dropped_batch("the SQL does not compute", &batch);
                cx.errored(1, || format!("the SQL does not compute: {why}"));
            }
        }
        self.set_window_timer(cx);
        Ok(())
    }
    /// The records that parse. All others go to the error stream of Kinesis SQL, where that goes out, and else end here.
    fn parsed(
        &mut self,
        batch: Batch,
        way: &[(Part, SimDuration)],
        cx: &mut Cx<'_>,
    ) -> NodeResult<Batch> {
        let Some(bad) = batch.malformed.clone().filter(|b| b.count_set_bits() > 0) else {
            return Ok(batch);
        };
        let broken = batch.filter(&bad)?;
        if let (Runtime::Sql, Some(application)) = (self.config.runtime, &self.application) {
            cx.metric("ErrorRows", broken.records() as f64);
            let told = application.unparsed(&broken, cx.now_epoch_ms(), self.used)?;
            if told.passed > 0 {
                cx.copied(told.copies.saturating_sub(told.passed));
                self.give(told, way, cx);
                return Ok(batch.filter(&!&bad)?);
            }
        }
        passed(way, broken.records(), cx);
        cx.dropped_batch("does not parse", &broken);
        Ok(batch.filter(&!&bad)?)
    }
    /// Closes the windows that have ended.
    fn advance(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(application) = &mut self.application else {
            return Ok(());
        };
        let outcome = application.advance(cx.now_epoch_ms(), self.used);
        match outcome {
            Ok(outcome) => {
                cx.created(outcome.created, outcome.created_bytes);
                troubles(&outcome, cx);
                self.give(outcome, &[], cx);
            }
            Err(why) => cx.errored(1, || format!("the SQL does not compute: {why}")),
        }
        self.set_window_timer(cx);
        Ok(())
    }
    fn set_window_timer(&mut self, cx: &mut Cx<'_>) {
        let Some(end) = self
            .application
            .as_ref()
            .and_then(|a| a.program.next_deadline_ms())
        else {
            return;
        };
        let after = u64::try_from(end - cx.world().epoch_ms).unwrap_or(0);
        let at = SimTime(after.saturating_mul(1_000_000)).max(cx.now());
        let set = self.window_timer.is_some_and(|t| t > cx.now() && t <= at);
        if !set && at > cx.now() {
            self.window_timer = Some(at);
            cx.at(at, Tag::new(TIMER_WINDOW, at.0));
        }
    }
}

/// Rows of one piece of work: half a second's worth, so that no shard waits long for another.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 1 and the rows of a poll"
)]
fn most_rows(per_record_us: f64) -> usize {
    (500_000.0 / per_record_us.max(1e-6)).clamp(1.0, f64::from(BATCH)) as usize
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.sources = ["in", "in_2"].map(|port| cx.ins(port).next().map(|w| w.id));
        let policy = PutPolicy::of_results(self.put.clone(), TIMER_PUT);
        for (i, port) in PORTS.into_iter().enumerate() {
            self.putters[i] = policy.putters(port, cx);
            self.used[i] = !self.putters[i].is_empty();
        }
        // Without any destination the first stream's records end here.
        self.used[0] |= !self.used.contains(&true) || cx.outs("rows").next().is_some();
        cx.after(MINUTE, Tag::new(TIMER_MINUTE, 0));
        cx.after(REPORT, Tag::new(TIMER_REPORT, 0));
        Ok(())
    }
    fn receive(&mut self, wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let input = usize::from(self.sources[1] == Some(wire));
        match payload {
            Payload::Notice(Notice::Lanes(lanes)) => {
                for lane in lanes {
                    let lane = shard(input, lane);
                    self.lanes.entry(lane).or_default();
                    self.poll(lane, cx);
                }
            }
            Payload::Delivery(delivery) => {
                self.delivered(input, delivery, cx);
                self.pump(cx);
            }
            Payload::Throttled { lane, .. } => {
                cx.after(POLL, Tag::new(TIMER_POLL, shard(input, lane)));
            }
            Payload::Notice(Notice::Bucket(name)) => {
                self.bucket = Some(name);
                self.refer(cx)?;
            }
            Payload::Notice(_) | Payload::Rows(_) => {}
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
        outcome: crate::node::Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let mut all = self.putters.iter_mut().flatten();
        if let Some(putter) = all.find(|p| p.wire == wire) {
            putter.settled(call, outcome, cx);
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_DONE => self.done(tag.index, cx)?,
            TIMER_POLL => {
                if let Some(state) = self.lanes.get_mut(&tag.index) {
                    state.polling = false;
                }
                self.poll(tag.index, cx);
            }
            TIMER_WINDOW => self.advance(cx)?,
            TIMER_UP => {
                self.down = false;
                self.pump(cx);
            }
            TIMER_MINUTE => {
                // Idle shards let the watermark go on.
                self.advance(cx)?;
                self.minute(cx);
                self.refer(cx)?;
                cx.after(MINUTE, Tag::new(TIMER_MINUTE, 0));
            }
            TIMER_REPORT => {
                self.report(cx);
                cx.after(REPORT, Tag::new(TIMER_REPORT, 0));
            }
            TIMER_PUT => {
                for putter in self.putters.iter_mut().flatten() {
                    putter.timer(tag, cx);
                }
            }
            _ => {}
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.bill(cx);
    }
    fn held(&self) -> u64 {
        let waiting = self.lanes.values().flat_map(|l| &l.queue);
        let pieces = self.running.values().flat_map(|t| &t.pieces);
        let running = pieces.map(|(_, _, b)| b.records());
        let putting = self.putters.iter().flatten().map(Putter::held);
        waiting.map(|(_, _, b)| b.records()).sum::<u64>()
            + running.sum::<u64>()
            + putting.sum::<u64>()
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        out.limit("processors", self.cpu_percent / 100.0);
        if let Some(a) = &self.application {
            let (windows, keys) = a.program.state();
            out.limit(
                "state keys",
                keys as f64 / f64::from(self.config.max_state_keys.max(1)),
            );
            out.values.push(("open windows", windows as f64, ""));
            out.values.push(("state keys", keys as f64, ""));
        }
        out.values.push(("KPUs", f64::from(self.kpus()), ""));
        let behind = self.behind.values().max().copied().unwrap_or_default();
        out.values.push(("behind", behind.as_millis_f64(), "ms"));
        let state = match (self.down, self.waits_for_reference) {
            (true, _) => "restarting",
            (_, true) => "waiting for reference data",
            _ => "running",
        };
        out.state = Some(state.to_owned());
        out.table.clone_from(&self.table);
    }
}
