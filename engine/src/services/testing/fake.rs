//! Nodes that follow a script and write down what they hear.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::data::Batch;
use crate::metrics::MetricSpec;
use crate::node::{
    Admit, AnyKind, Ask, BuildCx, CallId, Category, Cx, Delivery, FaultKind, Flow, InPort, Kind,
    KindSpec, Messages, Node, NodeResult, Notice, ObjectPut, OutPort, Outcome, Payload, Retuned,
    Table, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

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
    pub(super) fn leak(&self) -> &'static dyn AnyKind {
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
            Payload::Messages { receipt, messages } => {
                messages.iter().for_each(|m| deliver(cx, &m.batch));
                Heard::Messages(receipt, messages)
            }
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
