//! A bench for tests of services: a run of a few nodes, the others being fakes that follow a script and write down what
//! they hear. Real books, a real lake in a temporary folder, a real pool.
//!
//! ```text
//! let feed = Fake::new().output("out", Flow::Objects).at(ms(5), |cx, wire| …);
//! let ran = Bench::new().node("bucket", &S3, json!({})).fake("feed", &feed).wire("feed.out", "bucket.in").run(60);
//! assert_eq!(ran.usage("bucket", "s3.put_request"), 1);
//! ```

#![expect(dead_code, reason = "each service uses a part of the bench")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::books::Books;
use crate::data::{Batch, Root};
use crate::lake::{Lake, SqlEngine};
use crate::metrics::{Ledger, MetricSpec, Point};
use crate::node::{
    Admit, AnyKind, Ask, BuildCx, CallId, Category, Cx, Delivery, Fault, FaultKind, Flow, Gauges,
    InPort, Kind, KindSpec, Messages, Node, NodeResult, Notice, ObjectPut, OutPort, Outcome,
    Payload, Pool, Retuned, Schemas, Table, Tag, WireId, World,
};
use crate::runtime::{
    Action, EventLog, NodeSeat, Run, RunPlan, RunState, ScriptStep, WirePlan, drive,
};
use crate::units::{SimDuration, SimTime};

/// Virtual time zero of a bench: 2026-01-05 00:00:00 UTC, a Monday.
pub(crate) const EPOCH_MS: i64 = 1_767_571_200_000;

/// An instant in milliseconds since the run began.
pub(crate) const fn ms(n: u64) -> SimTime {
    SimTime(n * 1_000_000)
}

/// What a fake heard.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    Records(Batch),
    Delivery(Delivery),
    Throttled(&'static str),
    Invoke(CallId, Vec<Batch>),
    Messages(u64, Vec<Messages>),
    /// Key, records, whether it holds failed ones.
    Object(String, u64, bool),
    Rows(Arc<Table>),
    Notice(Notice),
    /// The error name and the records that came back; empty and 0 when all was taken.
    Settled(&'static str, u64),
    Asked(Ask),
}

/// Something heard: when and on which wire.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) at: SimTime,
    pub(crate) wire: WireId,
    pub(crate) heard: Heard,
}

/// What a fake does at an instant of its script. The wire is the first of its outputs (or inputs, when it has none).
type Step = Arc<dyn Fn(&mut Cx<'_>, WireId) -> NodeResult + Send + Sync>;
/// Whether a fake takes a payload: the error name when it does not.
type Answer = Arc<dyn Fn(SimTime, &Payload) -> Option<&'static str> + Send + Sync>;
/// What a fake does when it is asked or invoked.
type Reply = Arc<dyn Fn(&mut Cx<'_>, WireId, &Heard) -> NodeResult + Send + Sync>;

/// A node that follows a script, takes everything (unless told otherwise) and writes down what it hears.
///
/// Records that it takes count as delivered; records that come back to it, as dropped.
#[derive(Clone)]
pub(crate) struct Fake {
    inputs: Vec<InPort>,
    outputs: Vec<OutPort>,
    metrics: Vec<MetricSpec>,
    steps: Vec<(SimTime, Step)>,
    answer: Option<Answer>,
    reply: Option<Reply>,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            inputs: Vec::new(),
            outputs: Vec::new(),
            metrics: Vec::new(),
            steps: Vec::new(),
            answer: None,
            reply: None,
            notes: Arc::default(),
        }
    }
    pub(crate) fn input(mut self, name: &'static str, accepts: &'static [Flow]) -> Self {
        self.inputs.push(InPort {
            name,
            accepts,
            max_wires: usize::MAX,
            required: false,
            help: "",
        });
        self
    }
    pub(crate) fn output(self, name: &'static str, flow: Flow) -> Self {
        self.output_with_credit(name, flow, 1024)
    }
    pub(crate) fn output_with_credit(
        mut self,
        name: &'static str,
        flow: Flow,
        credit: u32,
    ) -> Self {
        self.outputs.push(OutPort {
            name,
            flow,
            max_wires: usize::MAX,
            credit,
            help: "",
        });
        self
    }
    pub(crate) fn metric(mut self, name: &'static str) -> Self {
        self.metrics.push(MetricSpec {
            name,
            unit: "Count",
            help: "",
        });
        self
    }
    /// Does `step` at `at`.
    pub(crate) fn at(
        mut self,
        at: SimTime,
        step: impl Fn(&mut Cx<'_>, WireId) -> NodeResult + Send + Sync + 'static,
    ) -> Self {
        self.steps.push((at, Arc::new(step)));
        self
    }
    /// Sends a notice at `at` on every output wire.
    pub(crate) fn notice(self, at: SimTime, notice: Notice) -> Self {
        self.at(at, move |cx, _| {
            for wire in out_wires(cx) {
                send(cx, wire, Payload::Notice(notice.clone()));
            }
            Ok(())
        })
    }
    /// Makes records and sends them on the first output at `at`.
    pub(crate) fn records(self, at: SimTime, batch: Batch) -> Self {
        self.at(at, move |cx, wire| {
            cx.created(batch.records(), batch.bytes());
            send(cx, wire, Payload::Records(batch.clone()));
            Ok(())
        })
    }
    /// Puts a file of `rows` records, each standing for `weight`, on the first output at `at`.
    pub(crate) fn object(self, at: SimTime, key: &str, bytes: &[u8], rows: usize) -> Self {
        self.object_with(at, key, bytes, rows, 1, false)
    }
    /// The same with a weight, or as an error output.
    pub(crate) fn object_with(
        self,
        at: SimTime,
        key: &str,
        bytes: &[u8],
        rows: usize,
        weight: u32,
        failed: bool,
    ) -> Self {
        let (key, bytes) = (key.to_owned(), bytes.to_vec());
        self.at(at, move |cx, wire| {
            let staged = cx.world().lake.stage(&bytes).map_err(|e| e.to_string())?;
            let put = ObjectPut {
                key: key.clone(),
                staged,
                born: vec![(weight, vec![cx.now().0; rows])],
                record_bytes: bytes.len() as u64,
                failed,
            };
            cx.created(put.records(), put.record_bytes);
            send(cx, wire, Payload::Object(put));
            Ok(())
        })
    }
    /// Refuses payloads with the error name that `answer` gives.
    pub(crate) fn refusing(
        mut self,
        answer: impl Fn(SimTime, &Payload) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.answer = Some(Arc::new(answer));
        self
    }
    /// Answers what it is asked and invoked with. Records of an invocation then are the reply's to send back.
    pub(crate) fn replying(
        mut self,
        reply: impl Fn(&mut Cx<'_>, WireId, &Heard) -> NodeResult + Send + Sync + 'static,
    ) -> Self {
        self.reply = Some(Arc::new(reply));
        self
    }
    /// What it heard so far.
    pub(crate) fn notes(&self) -> Vec<Note> {
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
    /// The tables that it was sent.
    pub(crate) fn tables(&self) -> Vec<Arc<Table>> {
        let notes = self.notes();
        notes
            .into_iter()
            .filter_map(|n| match n.heard {
                Heard::Rows(table) => Some(table),
                _ => None,
            })
            .collect()
    }
    /// The kind, for a seat; lives as long as the tests.
    fn leak(&self) -> &'static dyn AnyKind {
        let spec = KindSpec {
            id: "fake",
            title: "Fake",
            title_ko: "Fake",
            category: Category::Source,
            summary: "",
            docs: "",
            docs_ko: "",
            icon: "",
            namespace: "Fake",
            inputs: Box::leak(self.inputs.clone().into_boxed_slice()),
            outputs: Box::leak(self.outputs.clone().into_boxed_slice()),
            metrics: Box::leak(self.metrics.clone().into_boxed_slice()),
            usage: &[],
            quotas: &[],
            latencies: &[],
            remedies: &[],
            faults: &FaultKind::ALL,
        };
        Box::leak(Box::new(FakeKind {
            fake: self.clone(),
            spec: Box::leak(Box::new(spec)),
        }))
    }
}

struct FakeKind {
    fake: Fake,
    spec: &'static KindSpec,
}

/// Fakes have no parameters.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct NoConfig {}

impl Kind for FakeKind {
    type Config = NoConfig;
    type Model = Fake;
    fn spec(&self) -> &'static KindSpec {
        self.spec
    }
    fn build(&self, _config: NoConfig, _cx: &BuildCx) -> Result<Fake, String> {
        Ok(self.fake.clone())
    }
    fn retune(
        &self,
        _model: &mut Fake,
        _config: NoConfig,
        _cx: &mut Cx<'_>,
    ) -> NodeResult<Retuned> {
        Ok(Retuned::Live)
    }
}

/// The wires that begin at a node.
fn out_wires(cx: &Cx<'_>) -> Vec<WireId> {
    ["out", "state", "bucket", "catalog", "rows", "stream"]
        .iter()
        .flat_map(|port| cx.outs(port).map(|w| w.id).collect::<Vec<_>>())
        .collect()
}

/// Sends and drops what the wire has no credit for.
pub(crate) fn send(cx: &mut Cx<'_>, wire: WireId, payload: Payload) {
    if let Err(back) = cx.send(wire, payload, SimDuration::ZERO) {
        cx.dropped("no credit", back.records());
    }
}

impl Fake {
    fn write(&self, at: SimTime, wire: WireId, heard: Heard) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(Note { at, wire, heard });
    }
}

fn deliver(cx: &mut Cx<'_>, batch: &Batch) {
    cx.delivered(&batch.born, batch.weight, batch.bytes());
}

impl Node for Fake {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        for (i, (at, _)) in self.steps.iter().enumerate() {
            cx.at(*at, Tag::new(0, i as u64));
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        let Some((_, step)) = usize::try_from(tag.index)
            .ok()
            .and_then(|i| self.steps.get(i))
        else {
            return Ok(());
        };
        let wire = out_wires(cx)
            .first()
            .copied()
            .or_else(|| cx.ins("in").map(|w| w.id).next())
            .unwrap_or(WireId(u32::MAX));
        let step = Arc::clone(step);
        step(cx, wire)
    }
    fn receive(&mut self, wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        if let Some(error) = self.answer.as_ref().and_then(|a| a(cx.now(), &payload)) {
            return Ok(Admit::Refused { payload, error });
        }
        let heard = match payload {
            Payload::Records(batch) => {
                deliver(cx, &batch);
                Heard::Records(batch)
            }
            Payload::Delivery(delivery) => {
                delivery.batches.iter().for_each(|(_, b)| deliver(cx, b));
                Heard::Delivery(delivery)
            }
            Payload::Throttled { error, .. } => Heard::Throttled(error),
            Payload::Invoke { call, batches } => Heard::Invoke(call, batches),
            Payload::Messages { receipt, messages } => Heard::Messages(receipt, messages),
            Payload::Object(put) => {
                for (weight, born) in &put.born {
                    cx.delivered(born, *weight, 0);
                }
                let records = put.records();
                Heard::Object(put.key, records, put.failed)
            }
            Payload::Rows(table) => Heard::Rows(table),
            Payload::Notice(notice) => Heard::Notice(notice),
        };
        self.write(cx.now(), wire, heard.clone());
        if let Some(reply) = self.reply.clone() {
            reply(cx, wire, &heard)?;
        }
        Ok(Admit::All)
    }
    fn settled(
        &mut self,
        wire: WireId,
        _call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let (error, records) = match outcome {
            Outcome::Accepted => ("", 0),
            Outcome::Partial { refused, error } => (error, refused.records()),
            Outcome::Refused { payload, error } => (error, payload.records()),
        };
        cx.dropped("refused", records);
        self.write(cx.now(), wire, Heard::Settled(error, records));
        Ok(())
    }
    fn asked(&mut self, wire: WireId, ask: Ask, cx: &mut Cx<'_>) -> NodeResult {
        let heard = Heard::Asked(ask);
        if let Heard::Asked(Ask::Reply {
            batches, failed, ..
        }) = &heard
        {
            batches.iter().chain(failed).for_each(|b| deliver(cx, b));
        }
        self.write(cx.now(), wire, heard.clone());
        match self.reply.clone() {
            Some(reply) => reply(cx, wire, &heard),
            None => Ok(()),
        }
    }
    fn held(&self) -> u64 {
        0
    }
}

/// A batch of `n` records of `size` bytes each: `id` counts up, `key` is `k<id mod 7>`, all born at `born`.
pub(crate) fn batch(n: usize, size: u32, born: SimTime) -> Batch {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("key", DataType::Utf8, true),
    ]));
    let ids: Int64Array = (0..n).map(|i| i64::try_from(i).unwrap()).collect();
    let keys: StringArray = (0..n).map(|i| Some(format!("k{}", i % 7))).collect();
    let rows = RecordBatch::try_new(schema, vec![Arc::new(ids), Arc::new(keys)]).unwrap();
    Batch::new(rows, vec![born.0; n].into(), vec![size; n].into())
}

/// A run to be.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    seats: Vec<(String, &'static dyn AnyKind, Map<String, Value>)>,
    wires: Vec<(String, String)>,
    script: Vec<(SimTime, String, Action)>,
    inputs: BTreeMap<String, Schemas>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::default()
    }
    /// A real node.
    pub(crate) fn node(mut self, id: &str, kind: &'static dyn AnyKind, params: Value) -> Self {
        let Value::Object(params) = params else {
            panic!("parameters are an object");
        };
        self.seats.push((id.to_owned(), kind, params));
        self
    }
    /// What is known of the records on the inputs of a node.
    pub(crate) fn inputs(mut self, id: &str, inputs: Schemas) -> Self {
        self.inputs.insert(id.to_owned(), inputs);
        self
    }
    /// A fake node.
    pub(crate) fn fake(mut self, id: &str, fake: &Fake) -> Self {
        self.seats.push((id.to_owned(), fake.leak(), Map::new()));
        self
    }
    /// A wire, as `node.port`.
    pub(crate) fn wire(mut self, from: &str, to: &str) -> Self {
        self.wires.push((from.to_owned(), to.to_owned()));
        self
    }
    /// A fault at `at` for `length`, on a share `rate` of what it strikes.
    pub(crate) fn fault(
        self,
        at: SimTime,
        node: &str,
        kind: FaultKind,
        rate: f64,
        length: SimDuration,
    ) -> Self {
        let fault = Fault {
            kind,
            rate,
            factor: 1.0,
            add: SimDuration::ZERO,
            shard: 0,
        };
        self.act(at, node, Action::Fault(fault, length))
    }
    /// Anything done to a node at `at`.
    pub(crate) fn act(mut self, at: SimTime, node: &str, action: Action) -> Self {
        self.script.push((at, node.to_owned(), action));
        self
    }
    /// Runs for `secs` virtual seconds. Panics when a node cannot go on or the ledger does not balance.
    pub(crate) fn run(self, secs: u64) -> Ran {
        let ran = self.try_run(secs).unwrap();
        assert_eq!(ran.state, RunState::Finished);
        assert_eq!(ran.run.unaccounted(), 0);
        ran
    }
    /// Runs for `secs` virtual seconds.
    pub(crate) fn try_run(mut self, secs: u64) -> Result<Ran, String> {
        self.seats.sort_by(|a, b| a.0.cmp(&b.0));
        self.script.sort_by_key(|s| s.0);
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .map_err(|e| e.to_string())?;
        let world = world(dir.path(), runtime.handle())?;
        let plan = self.plan();
        let run = Run::new(plan, world, EventLog::new(None)).map_err(|e| e.to_string())?;
        let finished = drive(run, SimTime::ZERO + SimDuration::secs(secs));
        Ok(Ran {
            run: finished.run,
            state: finished.state,
            _runtime: runtime,
            dir,
        })
    }
    fn plan(&self) -> RunPlan {
        let place = |id: &str| self.seats.iter().position(|s| s.0 == id).unwrap();
        let wires = self.wires.iter().map(|(from, to)| {
            let (from, out) = from.split_once('.').unwrap();
            let (to, into) = to.split_once('.').unwrap();
            let (from, to) = (place(from), place(to));
            let out = self.seats[from].1.spec().output(out).unwrap();
            let into = self.seats[to].1.spec().input(into).unwrap();
            assert!(into.accepts.contains(&out.flow), "the ports do not fit");
            WirePlan {
                from: (from, out.name),
                to: (to, into.name),
                flow: out.flow,
                credit: out.credit,
            }
        });
        let script = self.script.iter().map(|(at, node, action)| ScriptStep {
            at: *at,
            node: place(node),
            action: action.clone(),
        });
        let seats = self.seats.iter().map(|(id, kind, params)| NodeSeat {
            id: id.clone(),
            kind: *kind,
            params: params.clone(),
            inputs: self.inputs.get(id).cloned().unwrap_or_default(),
        });
        RunPlan {
            nodes: seats.collect(),
            wires: wires.collect(),
            script: script.collect(),
        }
    }
}

/// A place to read files from.
pub(crate) fn root() -> Root {
    Root::samples_only()
}

/// A world in `dir`: books of us-east-1, seed 7.
pub(crate) fn world(
    dir: &std::path::Path,
    handle: &tokio::runtime::Handle,
) -> Result<Arc<World>, String> {
    let spill_dir = dir.join("spill");
    std::fs::create_dir_all(&spill_dir).map_err(|e| e.to_string())?;
    Ok(Arc::new(World {
        lake: Lake::create(&dir.join("lake")).map_err(|e| e.to_string())?,
        sql: SqlEngine::new(1, 256 << 20).map_err(|e| e.to_string())?,
        pool: Pool::new(handle.clone(), CancellationToken::new(), 16),
        books: Books::for_region("us-east-1").map_err(|e| e.to_string())?,
        root: root(),
        epoch_ms: EPOCH_MS,
        seed: 7,
        spill_dir,
    }))
}

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) run: Run,
    pub(crate) state: RunState,
    _runtime: tokio::runtime::Runtime,
    pub(crate) dir: tempfile::TempDir,
}

impl Ran {
    fn place(&self, node: &str) -> usize {
        let states = self.run.states();
        states.iter().position(|s| s.id == node).unwrap()
    }
    /// Where the node's records went.
    pub(crate) fn ledger(&self, node: &str) -> &Ledger {
        &self.run.states()[self.place(node)].ledger
    }
    /// All values of a metric over the run.
    pub(crate) fn metric(&self, node: &str, name: &str) -> Point {
        let meters = &self.run.states()[self.place(node)].meters;
        meters
            .all
            .iter()
            .find(|m| m.spec.name == name)
            .unwrap()
            .total
    }
    /// Base units metered under a price key.
    pub(crate) fn usage(&self, node: &str, key: &str) -> u128 {
        let state = &self.run.states()[self.place(node)];
        let i = state.spec.usage.iter().position(|u| u.key == key).unwrap();
        state.usage[i]
    }
    /// The gauges at the end.
    pub(crate) fn gauges(&self, node: &str) -> &Gauges {
        &self.run.gauges()[self.place(node)]
    }
    /// Sentences of the events of one kind of one node, in order.
    pub(crate) fn events(&self, node: &str, kind: &str) -> Vec<String> {
        let all = self.run.log.recent();
        all.filter(|e| e.node == node && e.kind == kind)
            .map(|e| e.text.clone())
            .collect()
    }
    /// The lake.
    pub(crate) fn lake(&self) -> &Lake {
        &self.run.world().lake
    }
}

/// Checks what every kind must keep to: unique names, defaults that validate, prices and quotas that exist in every region,
/// a manual page and an icon.
pub(crate) fn check_kind(kind: &'static dyn AnyKind) {
    let spec = kind.spec();
    let id = spec.id;
    assert!(spec.docs.len() > 200, "{id}: the manual page is missing");
    assert!(spec.icon.contains("<svg"), "{id}: the icon is missing");
    assert!(
        !spec.summary.is_empty() && !spec.title_ko.is_empty(),
        "{id}"
    );
    let mut names = BTreeSet::new();
    for metric in spec.metrics {
        assert!(names.insert(metric.name), "{id}: {} twice", metric.name);
        assert!(
            spec.docs.contains(metric.name),
            "{id}: {} is not in the manual page",
            metric.name
        );
    }
    let properties = kind.schema()["properties"].clone();
    for name in kind.defaults().keys() {
        assert!(
            properties[name]["description"].is_string(),
            "{id}.{name}: no description"
        );
        assert!(
            spec.docs.contains(name.as_str()),
            "{id}.{name} is not in the manual page"
        );
    }
    for region in Books::regions() {
        let books = Books::for_region(region).unwrap();
        for usage in spec.usage {
            let price = books.price(usage.key);
            let unit = price.map(|p| p.unit.as_str());
            assert_eq!(unit, Some(usage.unit), "{id}: {} in {region}", usage.key);
        }
        for quota in spec.quotas {
            assert!(books.quota(quota).is_some(), "{id}: quota {quota}");
        }
        for law in spec.latencies {
            assert!(books.latency(law).is_some(), "{id}: latency {law}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let world = world(dir.path(), runtime.handle()).unwrap();
    let cx = BuildCx {
        node: "node".to_owned(),
        inputs: Schemas::new(),
        world,
    };
    let trace = crate::node::TraceCx {
        root: &cx.world.root,
        region: "us-east-1",
        seed: 1,
        node: "node",
    };
    let mut problems = crate::node::Problems::of("node");
    let defaults = kind.defaults();
    kind.check(&defaults, &trace, &mut problems);
    assert!(problems.found.is_empty(), "{id}: {:?}", problems.found);
    let node = kind.build(&defaults, &cx).unwrap();
    let mut gauges = crate::node::Gauges::default();
    node.sample(SimTime::ZERO, &mut gauges);
    if let Some((_, limit)) = gauges.utilisation {
        assert!(
            spec.remedies_for(limit).next().is_some(),
            "{id}: nothing helps against `{limit}`"
        );
    }
    check_remedies(kind);
}

/// Every remedy says something once, of a parameter that there is, and the manual page tells of it.
fn check_remedies(kind: &'static dyn AnyKind) {
    let spec = kind.spec();
    let id = spec.id;
    assert!(!spec.remedies.is_empty(), "{id}: no remedies");
    let mut seen = BTreeSet::new();
    for remedy in spec.remedies {
        assert!(
            seen.insert((remedy.when, remedy.param)),
            "{id}: {remedy:?} twice"
        );
        assert!(
            !remedy.help.is_empty() && !remedy.help.ends_with('.'),
            "{id}: {remedy:?}"
        );
        if let Some(param) = remedy.param {
            assert!(
                kind.defaults().contains_key(param),
                "{id}: no parameter {param}"
            );
        }
    }
    assert!(
        spec.docs.contains("## When it is red"),
        "{id}: the manual page lacks what helps"
    );
}
