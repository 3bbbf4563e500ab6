//! A running Athena node: queries go `QUEUED` -> `RUNNING` -> `SUCCEEDED`, `FAILED` or `CANCELLED`.
//!
//! A query sees the files of the instant at which it starts. It really runs on the pool meanwhile; the event loop asks for
//! the result only when the modelled queue and planning are over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::capacity::Capacity;
use super::config::Config;
use super::output;
use super::query::{Ended, Fate, Phase, Query, Terms, end_of, too_long};
use super::reuse::Reuse;
use super::{CATALOG_REQUEST, PUT, SCANNED};
use crate::lake::{
    QueryOptions, QueryResult, ResultPlace, StatementClass, Stored, classify_statement,
    split_statements,
};
use crate::node::{
    Admit, BuildCx, Cx, FaultKind, Gauges, Node, NodeError, NodeResult, Notice, Payload, Retuned,
    Schedule, Table, Tag, TokenBucket, WireId,
};
use crate::units::{SimDuration, SimTime};

const TICK: u32 = 0;
const RUN: u32 = 1;
const LOOK: u32 = 2;
const END: u32 = 3;
const SETUP: u32 = 4;
/// A statement of `setup` that cannot start yet is tried again after this.
const SETUP_RETRY: SimDuration = SimDuration::secs(1);

/// Why a query did not start.
enum Unstarted {
    /// There is nothing to query so far.
    Waiting,
    /// An AWS error name and its sentence.
    Throttled(&'static str),
    Refused(String),
}

/// A running Athena node.
#[derive(Debug)]
pub struct Model {
    config: Config,
    terms: Terms,
    schedule: Schedule,
    calls: TokenBucket,
    /// As the catalog told.
    database: Option<String>,
    /// Statements of `setup` that have not ended, the first of them first.
    setup: VecDeque<String>,
    reuse: Reuse,
    capacity: Capacity,
    queries: BTreeMap<u64, Query>,
    next: u64,
    waited: bool,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    last_state: &'static str,
    last_bytes: u64,
    last_time: SimDuration,
    last: Option<Arc<Table>>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let rate = cx.quota("athena.start_query_calls_per_second")?;
        let burst = cx.quota("athena.start_query_burst")?;
        Ok(Self {
            terms: Terms::new(cx)?,
            schedule: Schedule::new(TICK, config.start_after_seconds, config.schedule_seconds),
            calls: TokenBucket::with_burst(rate, burst),
            database: None,
            setup: split_statements(&config.setup)
                .map_err(|e| e.to_string())?
                .into(),
            reuse: Reuse::default(),
            capacity: Capacity::new(&config, cx.quota("athena.dpus_per_ddl_query")?),
            queries: BTreeMap::new(),
            next: 0,
            waited: false,
            succeeded: 0,
            failed: 0,
            cancelled: 0,
            last_state: "",
            last_bytes: 0,
            last_time: SimDuration::ZERO,
            last: None,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        self.schedule
            .change(config.start_after_seconds, config.schedule_seconds, cx);
        self.config = config;
        self.capacity.change(&self.config, cx);
        self.admit(cx);
        Retuned::Live
    }
    /// Lets queries begin for which the reservation has DPUs again.
    fn admit(&mut self, cx: &mut Cx<'_>) {
        loop {
            let queries = &self.queries;
            let next = self.capacity.next(|id| queries.get(&id).map(Query::is_ddl));
            let Some((id, dpus)) = next else {
                return;
            };
            if let Some(query) = self.queries.get_mut(&id) {
                query.dpus = Some(dpus);
                query.queue += cx.now().since(query.at);
                Self::set_off(id, query, cx);
            }
        }
    }
    /// The queue of a query that may begin, and its planning.
    fn set_off(id: u64, query: &Query, cx: &mut Cx<'_>) {
        let begins = query.at + query.queue;
        cx.at(begins, Tag::new(RUN, id));
        cx.at(begins + query.planning, Tag::new(LOOK, id));
    }

    /// The database of names without one.
    fn default_database(&self) -> Option<String> {
        let told = self.database.clone()?;
        Some(if self.config.database.is_empty() {
            told
        } else {
            self.config.database.clone()
        })
    }
    /// Why a statement of this class may not start now.
    fn hold(
        &mut self,
        class: StatementClass,
        database: &str,
        cx: &mut Cx<'_>,
    ) -> Option<Unstarted> {
        let ddl = class == StatementClass::Ddl;
        if class == StatementClass::Dml && cx.world().lake.catalog().tables(database).is_empty() {
            return Some(Unstarted::Waiting);
        }
        if cx.strikes(FaultKind::Throttle) || !self.calls.take(cx.now(), 1) {
            return Some(Unstarted::Throttled("ThrottlingException"));
        }
        if self.capacity.is_reserved() {
            // Queries wait for DPUs; the quota of active ones does not count them.
            return None;
        }
        let active = self.queries.values().filter(|q| q.is_ddl() == ddl).count() as u64;
        (active >= self.terms.active_max(ddl))
            .then_some(Unstarted::Throttled("TooManyRequestsException"))
    }

    /// Starts a statement on the lake as it is now.
    fn begin(
        &mut self,
        sql: &str,
        setup: bool,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<(), Unstarted>> {
        let Some(database) = self.default_database() else {
            return Ok(Err(Unstarted::Waiting));
        };
        if let Some(why) = too_long(sql, self.terms.text_bytes) {
            return Ok(Err(Unstarted::Refused(why)));
        }
        let class = match classify_statement(sql) {
            Ok(class) => class,
            Err(problem) => return Ok(Err(Unstarted::Refused(problem.to_string()))),
        };
        if let Some(why) = self.hold(class, &database, cx) {
            return Ok(Err(why));
        }
        let id = self.next;
        let name = query_id(cx.id(), id);
        let age = SimDuration::secs(u64::from(self.config.result_reuse_minutes) * 60);
        let reused = if age.0 > 0 && class == StatementClass::Dml {
            self.reuse
                .find(&database, sql, cx.now(), age.min(self.terms.reuse_max))
        } else {
            None
        };
        let (mut work, mut text) = (None, false);
        if reused.is_none() {
            let world = Arc::clone(cx.world());
            let options = QueryOptions {
                max_rows: self.config.max_result_rows as usize,
                now_unix_nanos: cx.now_epoch_ms().checked_mul(1_000_000),
                results: self.output(),
                query_id: Some(name.clone()),
            };
            let prepared = match world.sql.prepare_with(&world.lake, &database, sql, options) {
                Ok(prepared) => prepared,
                Err(problem) => return Ok(Err(Unstarted::Refused(problem.to_string()))),
            };
            text = prepared.reads_text();
            // A failed query is an outcome of the model; only a stopped run is an error of the work.
            let running = prepared.run();
            work = Some(cx.start(async move { Ok(running.await) })?);
        }
        let (queue, planning) = (cx.draw(&self.terms.queue), cx.draw(&self.terms.planning));
        let dpus = self.capacity.enter(id, class == StatementClass::Ddl);
        let query = Query {
            dpus,
            sql: sql.to_owned(),
            at: cx.now(),
            queue,
            planning,
            work,
            phase: Phase::Queued,
            text,
            class,
            id: name,
            database,
            reused,
            setup,
            looked: cx.now(),
        };
        self.next += 1;
        self.last_state = "QUEUED";
        if dpus.is_some() {
            Self::set_off(id, &query, cx);
        }
        self.queries.insert(id, query);
        Ok(Ok(()))
    }
    fn output(&self) -> Option<ResultPlace> {
        ResultPlace::parse(&self.config.output_location).ok()
    }
    /// Begins the next statement of `setup`, unless one of them is on its way; true when none is left.
    fn set_up(&mut self, cx: &mut Cx<'_>) -> NodeResult<bool> {
        while let Some(sql) = self.setup.front().cloned() {
            if self.queries.values().any(|q| q.setup) {
                return Ok(false);
            }
            match self.begin(&sql, true, cx)? {
                Ok(()) => return Ok(false),
                Err(Unstarted::Waiting | Unstarted::Throttled(_)) => {
                    cx.after(SETUP_RETRY, Tag::new(SETUP, 0));
                    return Ok(false);
                }
                Err(Unstarted::Refused(why)) => {
                    self.setup.pop_front();
                    self.fail(&why, cx);
                }
            }
        }
        Ok(true)
    }
    /// A scheduled query.
    fn tick(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        if !self.set_up(cx)? {
            return Ok(());
        }
        let sql = self.config.sql.clone();
        match self.begin(&sql, false, cx)? {
            Ok(()) => {}
            Err(Unstarted::Waiting) => {
                if !self.waited {
                    self.waited = true;
                    cx.event(
                        "waiting",
                        "no table is in the catalog yet; queries wait for the first",
                    );
                }
            }
            Err(Unstarted::Throttled(error)) => cx.incident("throttled", 1, || {
                format!("queries are refused with {error}")
            }),
            Err(Unstarted::Refused(why)) => self.fail(&why, cx),
        }
        Ok(())
    }
    fn fail(&mut self, why: &str, cx: &mut Cx<'_>) {
        self.failed += 1;
        self.last_state = "FAILED";
        cx.errored(1, || format!("a query failed: {why}"));
    }
    /// Queue and planning are over: takes the result and sees how long the rest takes.
    fn look(&mut self, id: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some(query) = self.queries.get_mut(&id) else {
            return Ok(());
        };
        query.looked = cx.now();
        let service = cx.draw(&self.terms.service);
        let ended = if let Some(table) = query.reused.take() {
            Ended {
                fate: Fate::Reused(table),
                engine: SimDuration::ZERO,
                service,
                bytes: 0,
                stored: Stored::default(),
            }
        } else {
            let Some(work) = query.work.take() else {
                return Ok(());
            };
            let result = cx.wait(work)?;
            let fails = cx.strikes(FaultKind::Errors);
            let base = cx.draw(&self.terms.engine);
            let limit = self.config.workgroup_bytes_limit;
            let slowed = |r| self.terms.slowed(r, query.text, base, cx);
            let base = base + result.as_ref().map_or(SimDuration::ZERO, slowed);
            end_of(query, result, fails, limit, &self.terms, (base, service))
        };
        let rest = ended.engine + ended.service;
        query.phase = Phase::Ending(Box::new(ended));
        // What the engine does counts from the end of the queue; planning is part of it and over.
        cx.after(rest, Tag::new(END, id));
        Ok(())
    }
    fn end(&mut self, id: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some(query) = self.queries.remove(&id) else {
            return Ok(());
        };
        let setup = query.setup;
        self.capacity.leave(query.dpus.unwrap_or(0));
        self.finish(query, cx)?;
        self.admit(cx);
        if setup {
            self.setup.pop_front();
            self.set_up(cx)?;
        }
        Ok(())
    }
    fn finish(&mut self, query: Query, cx: &mut Cx<'_>) -> NodeResult {
        let free = query.is_free();
        let Phase::Ending(ended) = query.phase else {
            return Ok(());
        };
        let took = cx.now().since(query.at);
        cx.metric("QueryQueueTime", query.queue.as_millis_f64());
        cx.metric("QueryPlanningTime", query.planning.as_millis_f64());
        let engine = query.planning + ended.engine;
        cx.metric("EngineExecutionTime", engine.as_millis_f64());
        cx.metric("ServiceProcessingTime", ended.service.as_millis_f64());
        cx.metric("TotalExecutionTime", took.as_millis_f64());
        if !free {
            cx.metric("ProcessedBytes", ended.bytes as f64);
        }
        if ended.stored.bytes > 0 {
            cx.metric("TableBytes", ended.stored.bytes as f64);
            cx.metric("PartitionBytes", ended.stored.left as f64);
            cx.metric("TablePartitions", ended.stored.partitions as f64);
        }
        self.last_bytes = ended.bytes;
        self.last_time = took;
        // With a reservation bytes cost nothing.
        let billed = match query.dpus {
            Some(1..) => 0,
            _ => u128::from(self.terms.billed(ended.bytes)),
        };
        match ended.fate {
            Fate::Succeeded(result) => {
                if !free {
                    cx.meter(&SCANNED, billed);
                    self.meter_requests(&result, cx);
                    let requests = self.terms.catalog_requests(result.partitions_total);
                    cx.meter(&CATALOG_REQUEST, u128::from(requests));
                }
                if let Err(why) = self.write(&query.id, query.class, &result, cx) {
                    self.fail(&why, cx);
                    return Ok(());
                }
                let table = Arc::new(Table {
                    title: query.sql,
                    rows: result.batches,
                    at: query.at,
                });
                if result.effect.is_none() && query.class == StatementClass::Dml {
                    self.reuse
                        .keep(&query.database, &table.title, cx.now(), &table);
                }
                // What defines the tables is no answer to anybody's question.
                self.succeed(table, !query.setup, cx)?;
            }
            // Nothing is scanned, so nothing is billed.
            Fate::Reused(table) => self.succeed(table, true, cx)?,
            Fate::Cancelled(why) => {
                cx.meter(&SCANNED, billed);
                self.cancelled += 1;
                self.last_state = "CANCELLED";
                cx.errored(1, || format!("a query was cancelled: {why}"));
            }
            Fate::Failed(why) => self.fail(&why, cx),
        }
        Ok(())
    }
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handed over: nobody has a use for it afterwards"
    )]
    fn succeed(&mut self, table: Arc<Table>, tell: bool, cx: &mut Cx<'_>) -> NodeResult {
        self.succeeded += 1;
        self.last_state = "SUCCEEDED";
        self.last = Some(Arc::clone(&table));
        if tell { hand_on(&table, cx) } else { Ok(()) }
    }
    /// Does what the statement changes, and writes its result to the output location.
    fn write(
        &self,
        id: &str,
        class: StatementClass,
        result: &QueryResult,
        cx: &mut Cx<'_>,
    ) -> Result<(), String> {
        let lake = cx.world().lake.clone();
        if let Some(effect) = &result.effect {
            let written = effect.apply(&lake, cx.now()).map_err(|e| e.to_string())?;
            cx.meter(&PUT, u128::from(written.files));
        }
        if let Some(place) = self.output() {
            let puts = output::write(&lake, &place, id, class, result, cx.now());
            cx.meter(&PUT, u128::from(puts.map_err(|e| e.to_string())?));
        }
        Ok(())
    }
    /// `StopQueryExecution` for every query: each is billed for what it has read until now.
    fn stop(&mut self, cx: &mut Cx<'_>) -> usize {
        let all = std::mem::take(&mut self.queries);
        let stopped = all.len();
        for query in all.into_values() {
            let elapsed = cx.now().since(query.looked);
            let bytes = match &query.phase {
                Phase::Ending(ended) if ended.engine > elapsed => {
                    let part = u128::from(ended.bytes) * u128::from(elapsed.0);
                    u64::try_from(part / u128::from(ended.engine.0)).unwrap_or(u64::MAX)
                }
                Phase::Ending(ended) => ended.bytes,
                Phase::Queued | Phase::Running => 0,
            };
            self.capacity.leave(query.dpus.unwrap_or(0));
            if bytes > 0 && !query.is_free() && query.dpus.is_none_or(|n| n == 0) {
                cx.meter(&SCANNED, u128::from(self.terms.billed(bytes)));
            }
            self.cancelled += 1;
        }
        if stopped > 0 {
            self.last_state = "CANCELLED";
            cx.event(
                "cancelled",
                format!("{stopped} queries were stopped by hand"),
            );
        }
        stopped
    }
    fn meter_requests(&self, result: &QueryResult, cx: &mut Cx<'_>) {
        if result.files == 0 {
            return;
        }
        cx.meter(&PUT, u128::from(result.partitions_read.max(1)));
        self.terms.asked(result).bill(cx);
    }
}

fn hand_on(table: &Arc<Table>, cx: &mut Cx<'_>) -> NodeResult {
    let wires: Vec<WireId> = cx.outs("rows").map(|w| w.id).collect();
    for wire in wires {
        let rows = Payload::Rows(Arc::clone(table));
        if cx.send(wire, rows, SimDuration::ZERO).is_err() {
            return Err(NodeError::Fatal("a wire has no credit for rows".to_owned()));
        }
    }
    Ok(())
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.schedule.begin(cx);
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Notice(Notice::Catalog(database)) => {
                self.database = Some(database);
                self.set_up(cx)?;
                Ok(Admit::All)
            }
            Payload::Notice(Notice::Bucket(_)) => {
                let database = "default".to_owned();
                let made = cx
                    .world()
                    .lake
                    .change_catalog(|c| c.create_database(&database));
                made.map_err(|e| NodeError::Fatal(e.to_string()))?;
                self.database = Some(database);
                self.set_up(cx)?;
                Ok(Admit::All)
            }
            payload => Ok(Admit::Refused {
                payload,
                error: "InvalidRequestException",
            }),
        }
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TICK => {
                if self.schedule.is_due(tag, cx) {
                    self.tick(cx)?;
                }
            }
            RUN => {
                if let Some(query) = self.queries.get_mut(&tag.index) {
                    query.phase = Phase::Running;
                    self.last_state = "RUNNING";
                }
            }
            LOOK => self.look(tag.index, cx)?,
            SETUP => {
                self.set_up(cx)?;
            }
            _ => self.end(tag.index, cx)?,
        }
        Ok(())
    }
    fn command(
        &mut self,
        name: &str,
        argument: &Value,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<(), String>> {
        if name == "stop" {
            let stopped = self.stop(cx);
            let none = || Err("no query is queued or running".to_owned());
            return Ok(if stopped == 0 { none() } else { Ok(()) });
        }
        if name != "query" {
            return Ok(Err(format!(
                "Athena knows `query` and `stop`, not `{name}`"
            )));
        }
        let sql = argument["sql"].as_str().map(str::to_owned);
        let sql = sql.unwrap_or_else(|| self.config.sql.clone());
        Ok(self.begin(&sql, false, cx)?.map_err(|why| match why {
            Unstarted::Waiting => "no table is in the catalog yet; crawl first".to_owned(),
            Unstarted::Throttled(error) => format!("{error}: try again later"),
            Unstarted::Refused(why) => why,
        }))
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.capacity.settle(cx);
    }
    fn held(&self) -> u64 {
        0
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let queued = |q: &&Query| matches!(q.phase, Phase::Queued);
        let queued = self.queries.values().filter(queued).count();
        let active = self.queries.len();
        if self.capacity.is_reserved() {
            out.limit("reserved DPUs", self.capacity.used());
        }
        out.values = vec![
            ("queued", queued as f64, ""),
            ("running", (active - queued) as f64, ""),
            ("succeeded", self.succeeded as f64, ""),
            ("failed", self.failed as f64, ""),
            ("cancelled", self.cancelled as f64, ""),
            ("scanned by the last query", self.last_bytes as f64, "B"),
            (
                "time of the last query",
                self.last_time.as_millis_f64(),
                "ms",
            ),
        ];
        if !self.last_state.is_empty() {
            out.state = Some(self.last_state.to_owned());
        } else if self.waited {
            out.state = Some("waiting for the first table".to_owned());
        }
        let ddl = self.queries.values().filter(|q| q.is_ddl()).count();
        let share = |n: usize, ddl: bool| n as f64 / self.terms.active_max(ddl) as f64;
        out.limit(
            "active queries",
            share(active - ddl, false).max(share(ddl, true)),
        );
        out.table.clone_from(&self.last);
    }
}

/// `QueryExecutionId`: the node and the number of the query in the form of AWS's names.
fn query_id(node: &str, n: u64) -> String {
    // FNV-1a: the same everywhere, which is all that is asked of it.
    let hash = node.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    format!(
        "{:08x}-{:04x}-4000-8000-{n:012x}",
        hash >> 32,
        hash & 0xffff
    )
}
