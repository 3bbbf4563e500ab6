//! A kind of node for the benchmark of the event loop: it does nothing but set timers and pass notices on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_engine::node::{
    Admit, BuildCx, Category, Cx, Flow, InPort, Kind, KindSpec, Node, NodeResult, Notice, OutPort,
    Payload, Retuned, Tag, WireId,
};
use weir_engine::units::SimDuration;

/// Parameters.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Timers that run at once.
    timers: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { timers: 100 }
    }
}

static SPEC: KindSpec = KindSpec {
    id: "relay",
    title: "Relay",
    title_ko: "릴레이",
    category: Category::Function,
    summary: "Passes notices on.",
    docs: "",
    docs_ko: "",
    icon: "",
    namespace: "Weir",
    inputs: &[InPort {
        name: "in",
        accepts: &[Flow::Notices],
        max_wires: usize::MAX,
        required: false,
        help: "",
    }],
    outputs: &[OutPort {
        name: "out",
        flow: Flow::Notices,
        max_wires: usize::MAX,
        credit: 1,
        help: "",
    }],
    metrics: &[],
    usage: &[],
    quotas: &[],
    latencies: &[],
    faults: &[],
    remedies: &[],
};

/// The kind.
#[derive(Debug)]
pub(crate) struct Relay;

impl Kind for Relay {
    type Config = Config;
    type Model = Model;
    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn build(&self, config: Config, _cx: &BuildCx) -> Result<Model, String> {
        Ok(Model {
            timers: config.timers,
            out: None,
            heard: 0,
        })
    }
    fn retune(&self, _model: &mut Model, _config: Config, _cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(Retuned::Live)
    }
}

/// A running relay.
#[derive(Debug)]
pub(crate) struct Model {
    timers: u32,
    out: Option<WireId>,
    heard: u64,
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.out = cx.outs("out").next().map(|w| w.id);
        for i in 0..self.timers {
            cx.after(SimDuration::micros(u64::from(i)), Tag::new(0, u64::from(i)));
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        if let Some(wire) = self.out {
            let notice = Payload::Notice(Notice::Lanes(Vec::new()));
            drop(cx.send(wire, notice, SimDuration::micros(500)));
        }
        cx.after(SimDuration::millis(1 + tag.index % 7), tag);
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, _payload: Payload, _cx: &mut Cx<'_>) -> NodeResult<Admit> {
        self.heard += 1;
        Ok(Admit::All)
    }
    fn held(&self) -> u64 {
        0
    }
}
