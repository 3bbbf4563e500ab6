//! The two traits of a service: [`Kind`], what can be drawn, and [`Node`], what runs; and their object-safe side.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::config::{apply_defaults, check_params};
use super::cx::{Cx, World};
use super::ids::{CallId, Tag, WireId};
use super::message::{Admit, Ask, Outcome, Payload};
use super::problem::Problems;
use super::spec::{Gauges, KindSpec};
use super::work::WorkError;
use crate::data::Root;

/// What stops a run: a broken invariant or real work that could not be done (a full disk). Everything that AWS would
/// answer with an error is part of the model and no `NodeError`.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The run was stopped from outside.
    #[error("the run was stopped")]
    Cancelled,
    /// It cannot go on.
    #[error("{0}")]
    Fatal(String),
}

impl From<WorkError> for NodeError {
    fn from(e: WorkError) -> Self {
        match e {
            WorkError::Cancelled => Self::Cancelled,
            WorkError::Failed(text) => Self::Fatal(text),
        }
    }
}
impl From<String> for NodeError {
    fn from(text: String) -> Self {
        Self::Fatal(text)
    }
}
impl From<arrow::error::ArrowError> for NodeError {
    fn from(e: arrow::error::ArrowError) -> Self {
        Self::Fatal(format!("records could not be rearranged: {e}"))
    }
}

/// The result of a handler.
pub type NodeResult<T = ()> = Result<T, NodeError>;

/// The schema of the records on each port, by the port's name.
pub type Schemas = BTreeMap<String, SchemaRef>;

/// Whether a changed parameter takes effect while the run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retuned {
    /// From now on.
    Live,
    /// Only in a new run; says which parameter and why.
    NextRun(String),
}

/// What a kind may look at while a drawing is checked. Nothing runs and nothing is written.
#[derive(Debug, Clone, Copy)]
pub struct TraceCx<'a> {
    /// Where files may be read.
    pub root: &'a Root,
    /// The document's region.
    pub region: &'a str,
    /// The document's seed.
    pub seed: u64,
    /// The node's id.
    pub node: &'a str,
}

/// A wire that begins at a node, as its kind sees it while a drawing is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutWire<'a> {
    /// The output that it begins at.
    pub port: &'static str,
    /// The node that it goes to.
    pub peer: &'a str,
    /// The input that it ends at.
    pub peer_port: &'static str,
}

/// A name that only one node of a drawing may have, such as that of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnName {
    /// What is named, in a word: `bucket`.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The parameter that gives it.
    pub param: &'static str,
}

/// What a node is built with.
#[derive(Debug, Clone)]
pub struct BuildCx {
    /// The node's id.
    pub node: String,
    /// What is known of the records on its inputs.
    pub inputs: Schemas,
    /// The world that the run shares.
    pub world: Arc<World>,
}

impl BuildCx {
    /// A quota's value in the run's region.
    ///
    /// # Errors
    /// When the book lacks it: a broken asset, which a test finds.
    pub fn quota(&self, key: &str) -> Result<u64, String> {
        self.world.books.quota_value(key).map_err(|e| e.to_string())
    }
    /// A latency law.
    ///
    /// # Errors
    /// When the book lacks it.
    pub fn latency(&self, key: &str) -> Result<crate::books::LatencyLaw, String> {
        self.world
            .books
            .latency(key)
            .cloned()
            .ok_or_else(|| format!("the latency book has no law `{key}`"))
    }
}

/// A kind of node. Implemented once per service folder; all typed.
pub trait Kind: Send + Sync + 'static {
    /// The parameters: file format, form, schema and documentation.
    type Config: Serialize + DeserializeOwned + JsonSchema + Default + Clone + Send + Sync + 'static;
    /// What runs.
    type Model: Node;

    /// What it declares.
    fn spec(&self) -> &'static KindSpec;
    /// Looks for problems beyond types and ranges.
    fn validate(&self, _config: &Self::Config, _cx: &TraceCx<'_>, _out: &mut Problems) {}
    /// Looks for wires that these parameters do not allow.
    fn wired(&self, _config: &Self::Config, _wires: &[OutWire<'_>], _out: &mut Problems) {}
    /// The name that the node makes its own in a run.
    fn owns(&self, _config: &Self::Config, _node: &str) -> Option<OwnName> {
        None
    }
    /// The schema on each output, from those on the inputs, as far as it is known before a run.
    fn trace(
        &self,
        _config: &Self::Config,
        _inputs: &Schemas,
        _cx: &TraceCx<'_>,
        _out: &mut Problems,
    ) -> Schemas {
        Schemas::new()
    }
    /// Makes the running node.
    ///
    /// # Errors
    /// A sentence for the user.
    fn build(&self, config: Self::Config, cx: &BuildCx) -> Result<Self::Model, String>;
    /// Takes changed parameters over while the run goes on.
    ///
    /// # Errors
    /// When the change breaks the run.
    fn retune(
        &self,
        model: &mut Self::Model,
        config: Self::Config,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Retuned>;
}

/// A running node. Every handler runs to its end at one instant of virtual time and acts through [`Cx`] only.
pub trait Node: Any + Send {
    /// The run begins.
    fn start(&mut self, _cx: &mut Cx<'_>) -> NodeResult {
        Ok(())
    }
    /// Something arrived on an input.
    fn receive(&mut self, _wire: WireId, payload: Payload, _cx: &mut Cx<'_>) -> NodeResult<Admit> {
        Ok(Admit::Refused {
            payload,
            error: "ResourceNotFoundException",
        })
    }
    /// What became of something sent on an output that waits for an answer.
    fn settled(
        &mut self,
        _wire: WireId,
        _call: CallId,
        _outcome: Outcome,
        _cx: &mut Cx<'_>,
    ) -> NodeResult {
        Ok(())
    }
    /// A receiver asked or answered on an output.
    fn asked(&mut self, _wire: WireId, _ask: Ask, _cx: &mut Cx<'_>) -> NodeResult {
        Ok(())
    }
    /// A timer that the node set.
    fn timer(&mut self, _tag: Tag, _cx: &mut Cx<'_>) -> NodeResult {
        Ok(())
    }
    /// A fault began or ended.
    fn fault_changed(&mut self, _cx: &mut Cx<'_>) -> NodeResult {
        Ok(())
    }
    /// A person asks for something now (run the query, crawl): see the kind's page for the names.
    fn command(
        &mut self,
        name: &str,
        _argument: &Value,
        _cx: &mut Cx<'_>,
    ) -> NodeResult<Result<(), String>> {
        Ok(Err(format!("`{name}` is nothing that this node can do")))
    }
    /// Brings usage that accrues with time up to now. Called every virtual minute and at the end.
    fn settle_usage(&mut self, _cx: &mut Cx<'_>) {}
    /// Records that are inside now, weights included, counted anew and not by difference.
    fn held(&self) -> u64;
    /// Shows the inside.
    fn sample(&self, _now: crate::units::SimTime, _out: &mut Gauges) {}
}

/// Object-safe side of [`Kind`]; implemented for every kind.
pub trait AnyKind: Send + Sync {
    /// What it declares.
    fn spec(&self) -> &'static KindSpec;
    /// JSON Schema of the parameters.
    fn schema(&self) -> Value;
    /// All parameters at their defaults.
    fn defaults(&self) -> Map<String, Value>;
    /// Reports every problem of `params`; true when a node can be built from them.
    fn check(&self, params: &Map<String, Value>, cx: &TraceCx<'_>, out: &mut Problems) -> bool;
    /// See [`Kind::wired`]. Wrong parameters find nothing.
    fn wired(&self, params: &Map<String, Value>, wires: &[OutWire<'_>], out: &mut Problems);
    /// See [`Kind::owns`]. Wrong parameters own nothing.
    fn owns(&self, params: &Map<String, Value>, node: &str) -> Option<OwnName>;
    /// See [`Kind::trace`]. Wrong parameters give no schemas.
    fn trace(
        &self,
        params: &Map<String, Value>,
        inputs: &Schemas,
        cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas;
    /// See [`Kind::build`].
    ///
    /// # Errors
    /// A sentence for the user.
    fn build(&self, params: &Map<String, Value>, cx: &BuildCx) -> Result<Box<dyn Node>, String>;
    /// See [`Kind::retune`].
    ///
    /// # Errors
    /// When the change breaks the run.
    fn retune(
        &self,
        node: &mut dyn Node,
        params: &Map<String, Value>,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Retuned>;
}

impl fmt::Debug for dyn AnyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().id)
    }
}

fn parse<K: Kind>(kind: &K, params: &Map<String, Value>) -> Result<K::Config, String> {
    let full = apply_defaults(AnyKind::defaults(kind), params);
    serde_path_to_error::deserialize(Value::Object(full))
        .map_err(|e| format!("`{}`: {}", e.path(), e.inner()))
}

impl<K: Kind> AnyKind for K {
    fn spec(&self) -> &'static KindSpec {
        Kind::spec(self)
    }
    fn schema(&self) -> Value {
        schemars::schema_for!(K::Config).into()
    }
    fn defaults(&self) -> Map<String, Value> {
        match serde_json::to_value(K::Config::default()) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }
    fn check(&self, params: &Map<String, Value>, cx: &TraceCx<'_>, out: &mut Problems) -> bool {
        let before = out.found.len();
        check_params(&AnyKind::schema(self), params, out);
        if out.found.len() > before {
            return false;
        }
        match parse(self, params) {
            Ok(config) => self.validate(&config, cx, out),
            Err(text) => out.error("", text, "see `weir kinds` for the parameters"),
        }
        !out.found[before..]
            .iter()
            .any(|p| p.severity == super::problem::Severity::Error)
    }
    fn wired(&self, params: &Map<String, Value>, wires: &[OutWire<'_>], out: &mut Problems) {
        if let Ok(config) = parse(self, params) {
            Kind::wired(self, &config, wires, out);
        }
    }
    fn owns(&self, params: &Map<String, Value>, node: &str) -> Option<OwnName> {
        Kind::owns(self, &parse(self, params).ok()?, node)
    }
    fn trace(
        &self,
        params: &Map<String, Value>,
        inputs: &Schemas,
        cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        parse(self, params).map_or_else(
            |_| Schemas::new(),
            |config| Kind::trace(self, &config, inputs, cx, out),
        )
    }
    fn build(&self, params: &Map<String, Value>, cx: &BuildCx) -> Result<Box<dyn Node>, String> {
        Ok(Box::new(Kind::build(self, parse(self, params)?, cx)?))
    }
    fn retune(
        &self,
        node: &mut dyn Node,
        params: &Map<String, Value>,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Retuned> {
        let config = parse(self, params)?;
        let any: &mut dyn Any = node;
        match any.downcast_mut::<K::Model>() {
            Some(model) => Kind::retune(self, model, config, cx),
            None => Err(NodeError::Fatal(format!(
                "the node is no {}",
                Kind::spec(self).id
            ))),
        }
    }
}
