//! A running crawler: `READY` -> `RUNNING` (start, look at the files, write the catalog) -> `STOPPING` -> `READY`.

use serde_json::Value;

use super::apply::apply;
use super::config::Config;
use super::scope::{Seen, groups};
use super::{CATALOG_OBJECT, CATALOG_REQUEST, DPU};
use crate::books::LatencyLaw;
use crate::lake::{Archive, CrawlOptions, CrawlOutcome, CsvClassifier, crawl};
use crate::node::object_reads::{LIST, ObjectReads};
use crate::node::{
    Admit, BuildCx, Cx, FaultKind, Gauges, Node, NodeError, NodeResult, Notice, Payload, Retuned,
    Schedule, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TICK: u32 = 0;
const LOOK: u32 = 1;
const WRITE: u32 = 2;
const END: u32 = 3;
const FIRST_DATA: u32 = 4;
/// How often an empty bucket is looked at for its first file.
const FIRST_DATA_EVERY: SimDuration = SimDuration::secs(1);
/// Draws of the time per file; more files take the mean of these.
const DRAWS: u64 = 32;

#[derive(Debug)]
enum State {
    Ready,
    Starting { fails: bool },
    Crawling(CrawlOutcome),
    Stopping,
}

/// A running crawler.
#[derive(Debug)]
pub struct Model {
    config: Config,
    bucket: Option<String>,
    schedule: Schedule,
    state: State,
    began: SimTime,
    start: LatencyLaw,
    per_object: LatencyLaw,
    stop: LatencyLaw,
    dpus: u64,
    min_billed_s: u64,
    list_page: u64,
    gets_per_second: u64,
    runs: u64,
    tables: u64,
    files: u64,
    skipped: usize,
    seen: Seen,
    /// Objects of the database as the last run left them, and until when they are metered.
    objects: u64,
    objects_metered: SimTime,
    partitions_a_call: u64,
    /// What the run that goes on has listed.
    listed: Vec<String>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            schedule: Schedule::new(TICK, config.start_after_seconds, config.schedule_seconds),
            config,
            bucket: None,
            state: State::Ready,
            began: SimTime::ZERO,
            start: cx.latency("glue-crawler.start")?,
            per_object: cx.latency("glue-crawler.per_object")?,
            stop: cx.latency("glue-crawler.stop")?,
            dpus: cx.quota("glue-crawler.dpus")?,
            min_billed_s: cx.quota("glue-crawler.min_billed_s")?,
            list_page: cx.quota("s3.list_page_max_objects")?.max(1),
            gets_per_second: cx.quota("s3.prefix_get_requests_per_second")?,
            runs: 0,
            tables: 0,
            files: 0,
            skipped: 0,
            seen: Seen::default(),
            objects: 0,
            objects_metered: SimTime::ZERO,
            partitions_a_call: cx.quota("glue.batch_create_partition_max")?.max(1),
            listed: Vec::new(),
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        if config.database != self.config.database {
            return Retuned::NextRun(
                "`database`: those that query it were told its name at the start".to_owned(),
            );
        }
        self.schedule
            .change(config.start_after_seconds, config.schedule_seconds, cx);
        self.config = config;
        Retuned::Live
    }

    /// Begins a run, unless one goes on.
    fn begin(&mut self, cx: &mut Cx<'_>) -> Result<(), String> {
        if !matches!(self.state, State::Ready) {
            return Err("CrawlerRunningException: the crawler runs already".to_owned());
        }
        if self.bucket.is_none() {
            return Err("no bucket is known yet".to_owned());
        }
        let fails = cx.strikes(FaultKind::Errors);
        self.began = cx.now();
        self.state = State::Starting { fails };
        // The minimum is owed as soon as a run begins; what goes beyond is metered at its end.
        cx.meter(&DPU, u128::from(self.dpus * self.min_billed_s));
        let delay = cx.draw(&self.start);
        cx.after(delay, Tag::new(LOOK, 0));
        Ok(())
    }
    /// The crawler is up: looks at the files that are visible now.
    fn look(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let State::Starting { fails } = self.state else {
            return Ok(());
        };
        if fails {
            cx.metric("CrawlerFailures", 1.0);
            cx.errored(1, || {
                "a run failed with InternalServiceException".to_owned()
            });
            self.stop(cx);
            return Ok(());
        }
        let bucket = self.bucket.clone().unwrap_or_default();
        let lake = cx.world().lake.clone();
        let files = lake.list(&bucket, &self.config.prefix);
        self.listed = files.iter().map(|f| f.key.clone()).collect();
        let pages = (files.len() as u64).div_ceil(self.list_page).max(1);
        cx.meter(&LIST, u128::from(pages));
        let mut files = self.seen.new_only(files, &self.config);
        files.retain(|f| lake.archive_of(&f.bucket, &f.key) != Archive::Archived);
        let groups = groups(files, &self.config, &lake.catalog());
        let options = self.options();
        // Waited for at once, not at the modelled end: the files are read as they are at this instant, whatever is
        // overwritten or expires while the crawler runs.
        let work = cx.compute(move || {
            let mut all = CrawlOutcome::default();
            for (prefix, files) in groups {
                all.absorb(crawl(&lake, files, &prefix, &options));
            }
            Ok(all)
        })?;
        let outcome = cx.wait(work)?;
        let reads = ObjectReads::of_opens(&outcome.reads);
        reads.bill(cx);
        let mut time = self.looking(outcome.files_read, cx);
        time += reads.wait(time, self.gets_per_second, cx);
        self.state = State::Crawling(outcome);
        cx.after(time, Tag::new(WRITE, 0));
        Ok(())
    }
    fn options(&self) -> CrawlOptions {
        CrawlOptions {
            table_prefix: self.config.table_prefix.clone(),
            sample_per_folder: match self.config.sample_size {
                0 => None,
                n => Some(n as usize),
            },
            combine_compatible: self.config.combine_compatible_schemas,
            classifiers: self
                .config
                .classifiers
                .iter()
                .filter_map(|c| CsvClassifier::parse(c).ok())
                .collect(),
        }
    }
    fn looking(&self, files: u64, cx: &mut Cx<'_>) -> SimDuration {
        let draws = files.min(DRAWS);
        let sum: u128 = (0..draws)
            .map(|_| u128::from(cx.draw(&self.per_object).0))
            .sum();
        let total = sum * u128::from(files) / u128::from(draws.max(1));
        SimDuration(u64::try_from(total).unwrap_or(u64::MAX))
    }
    /// All files were looked at: the catalog changes now.
    fn write(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let State::Crawling(outcome) = std::mem::replace(&mut self.state, State::Ready) else {
            return Ok(());
        };
        let (owner, now) = (cx.id().to_owned(), cx.now());
        let changes = cx
            .world()
            .lake
            .change_catalog(|catalog| apply(catalog, &outcome, &self.config, &owner, now))
            .map_err(|e| NodeError::Fatal(format!("the catalog refused a table: {e}")))?;
        let requests =
            changes.created + changes.updated + changes.partitions.div_ceil(self.partitions_a_call);
        cx.meter(&CATALOG_REQUEST, u128::from(requests));
        self.count_objects(cx);
        let listed = std::mem::take(&mut self.listed);
        self.seen.add(listed.iter().map(String::as_str));
        self.runs += 1;
        self.tables = outcome.tables.len() as u64;
        self.files = outcome.files_read;
        cx.metric("CrawlerRuns", 1.0);
        cx.metric("ObjectsCrawled", outcome.files_read as f64);
        cx.metric("TablesCreated", changes.created as f64);
        cx.metric("TablesUpdated", changes.updated as f64);
        cx.metric("PartitionsCreated", changes.partitions as f64);
        cx.event(
            "crawled",
            format!(
                "looked at {} files: {} tables made, {} changed, {} partitions added",
                outcome.files_read, changes.created, changes.updated, changes.partitions
            ),
        );
        for note in changes.notes {
            cx.event("catalog", note);
        }
        self.tell_skipped(&outcome, cx);
        self.tell(cx)?;
        self.stop(cx);
        Ok(())
    }
    /// Counts the database, its tables and their partitions as objects of the catalog from now on.
    fn count_objects(&mut self, cx: &mut Cx<'_>) {
        self.meter_objects(cx);
        let catalog = cx.world().lake.catalog();
        let database = self.config.database.as_str();
        let tables = catalog.tables(database);
        let partitions = tables
            .iter()
            .map(|t| catalog.partitions(database, &t.name).len());
        self.objects = (1 + tables.len() + partitions.sum::<usize>()) as u64;
    }
    fn meter_objects(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.objects_metered.as_millis();
        self.objects_metered = cx.now();
        cx.meter(
            &CATALOG_OBJECT,
            u128::from(self.objects) * u128::from(millis),
        );
    }
    /// Files that belong to no table, told when their number changes.
    fn tell_skipped(&mut self, outcome: &CrawlOutcome, cx: &mut Cx<'_>) {
        let count = outcome.skipped.len();
        if let (true, Some((key, why))) = (count > self.skipped, outcome.skipped.first()) {
            cx.event(
                "skipped",
                format!("{count} files belong to no table; the first is `{key}`: {why}"),
            );
        }
        self.skipped = count;
    }
    fn stop(&mut self, cx: &mut Cx<'_>) {
        self.state = State::Stopping;
        let delay = cx.draw(&self.stop);
        cx.after(delay, Tag::new(END, 0));
    }
    fn end(&mut self, cx: &mut Cx<'_>) {
        self.state = State::Ready;
        let took = cx.now().since(self.began);
        cx.metric("CrawlerDuration", took.as_secs_f64());
        let beyond = took.ceil_secs().saturating_sub(self.min_billed_s);
        cx.meter(&DPU, u128::from(self.dpus * beyond));
    }
    /// Tells those that query of the database.
    fn tell(&self, cx: &mut Cx<'_>) -> NodeResult {
        let wires: Vec<WireId> = cx.outs("catalog").map(|w| w.id).collect();
        for wire in wires {
            let notice = Payload::Notice(Notice::Catalog(self.config.database.clone()));
            if cx.send(wire, notice, SimDuration::ZERO).is_err() {
                return Err(NodeError::Fatal(
                    "a wire has no credit for a notice".to_owned(),
                ));
            }
        }
        Ok(())
    }
    fn first_data(&mut self, cx: &mut Cx<'_>) {
        if self.runs > 0 || !self.config.crawl_on_first_data {
            return;
        }
        let bucket = self.bucket.as_deref().unwrap_or_default();
        let found = !cx.world().lake.list(bucket, &self.config.prefix).is_empty();
        if !found || self.begin(cx).is_err() {
            cx.after(FIRST_DATA_EVERY, Tag::new(FIRST_DATA, 0));
        }
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.schedule.begin(cx);
        if self.config.crawl_on_first_data {
            cx.after(FIRST_DATA_EVERY, Tag::new(FIRST_DATA, 0));
        }
        self.tell(cx)
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, _cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Notice(Notice::Bucket(name)) => {
                self.bucket = Some(name);
                Ok(Admit::All)
            }
            payload => Ok(Admit::Refused {
                payload,
                error: "InvalidInputException",
            }),
        }
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TICK => {
                if self.schedule.is_due(tag, cx)
                    && let Err(why) = self.begin(cx)
                {
                    cx.event("skipped-run", format!("a scheduled run was skipped: {why}"));
                }
            }
            LOOK => self.look(cx)?,
            WRITE => self.write(cx)?,
            END => self.end(cx),
            _ => self.first_data(cx),
        }
        Ok(())
    }
    fn command(
        &mut self,
        name: &str,
        _argument: &Value,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<(), String>> {
        Ok(match name {
            "crawl" => self.begin(cx),
            _ => Err(format!("a crawler knows `crawl`, not `{name}`")),
        })
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.meter_objects(cx);
    }
    fn held(&self) -> u64 {
        0
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let state = match self.state {
            State::Ready => "READY",
            State::Starting { .. } | State::Crawling(_) => "RUNNING",
            State::Stopping => "STOPPING",
        };
        out.state = Some(state.to_owned());
        out.values = vec![
            ("runs", self.runs as f64, ""),
            ("tables", self.tables as f64, ""),
            ("files", self.files as f64, ""),
        ];
    }
}
