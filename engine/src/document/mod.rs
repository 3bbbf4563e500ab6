//! The pipeline document: what was drawn, as JSON that people can read, diff and edit.
//!
//! A document is data only: opening one runs no code and reads nothing else. It is checked here for form (fields, ids,
//! sizes); whether the drawing makes sense (kinds, parameters, wires that lead somewhere) is asked by `check`, so that
//! an unfinished drawing can be opened. Knows nothing of node kinds.

mod billing;
mod error;
mod expect;
mod file;
mod migrate;
mod parse;
mod print;
mod scenario;
mod text;

#[cfg(test)]
mod tests;

pub use billing::Billing;
pub use error::DocumentError;
pub use expect::{EXPECTED_ROWS_MAX, Expect, Expectation};
pub use file::FILE_BYTES_MAX;
pub use migrate::VERSION;
pub use scenario::{Action, Bound, Limit, Objective, Step};
pub use text::{Endpoint, Start, duration, is_id, is_port};

use crate::units::SimDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A pipeline: nodes, wires, and what is to happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of the document's format; this program writes 1.
    pub weir: u32,
    /// What the pipeline is called.
    pub name: String,
    /// What the pipeline is for, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// AWS region: decides prices and quotas.
    #[serde(default = "default_region")]
    pub region: String,
    /// Fixes everything that is random in a run.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Instant of virtual time zero, in UTC.
    #[serde(default)]
    pub start: Start,
    /// How much virtual time a run takes unless it is told otherwise.
    #[serde(default = "default_run_for", with = "duration")]
    #[schemars(with = "text::DurationText")]
    pub run_for: SimDuration,
    /// How the bill is drawn up: hours of a month, bytes of a GB, free tier.
    #[serde(default, skip_serializing_if = "Billing::is_default")]
    pub billing: Billing,
    /// What was drawn.
    #[serde(default)]
    pub nodes: Vec<NodeDoc>,
    /// How nodes are connected.
    #[serde(default)]
    pub wires: Vec<Wire>,
    /// Texts on the canvas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Titled rectangles behind the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    /// What happens during a run: changed parameters and faults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenario: Vec<Step>,
    /// What a run must achieve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<Objective>,
    /// What a run is known to come to, checked by `weir test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// One node of the drawing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeDoc {
    /// Unique in the document and stable: lower-case letters, digits and hyphens, a letter first, at most 64.
    #[serde(deserialize_with = "text::read_id")]
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,63}$"))]
    pub id: String,
    /// The kind of node, for example `kinesis-data-streams`.
    #[serde(deserialize_with = "text::read_id")]
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,63}$"))]
    pub kind: String,
    /// What the canvas shows instead of the kind's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Position on the canvas: right and down, in points.
    #[serde(serialize_with = "text::write_pair")]
    pub at: [f64; 2],
    /// Values of the kind's parameters; those left out have their defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// True when the node takes no part in runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// True when records pass it by: each wire into it is joined to the wires out of it, and it takes no part in runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bypassed: bool,
}

/// A connection from an output to an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// The output that records leave by, as `node.port`.
    pub from: Endpoint,
    /// The input that they arrive at, as `node.port`.
    pub to: Endpoint,
}

/// A text on the canvas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Unique among the notes; formed as a node's id.
    #[serde(deserialize_with = "text::read_id")]
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,63}$"))]
    pub id: String,
    /// Position on the canvas: right and down, in points.
    #[serde(serialize_with = "text::write_pair")]
    pub at: [f64; 2],
    /// Width and height, in points.
    #[serde(default = "default_note_size", serialize_with = "text::write_pair")]
    pub size: [f64; 2],
    /// What it says.
    pub text: String,
}

/// A titled rectangle behind nodes, to show what belongs together. Means nothing to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Unique among the frames; formed as a node's id.
    #[serde(deserialize_with = "text::read_id")]
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,63}$"))]
    pub id: String,
    /// Position of its upper left corner on the canvas: right and down, in points.
    #[serde(serialize_with = "text::write_pair")]
    pub at: [f64; 2],
    /// Width and height, in points.
    #[serde(default = "default_frame_size", serialize_with = "text::write_pair")]
    pub size: [f64; 2],
    /// What stands on its upper edge; may be empty.
    #[serde(default)]
    pub title: String,
    /// Its colour; without one the canvas chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<FrameColor>,
}

/// The colours that a frame may have, by name: what they look like is the canvas's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrameColor {
    /// Bluish grey.
    Slate,
    /// Between blue and purple.
    Violet,
    /// Orange.
    Orange,
    /// Green.
    Green,
    /// Between purple and red.
    Magenta,
    /// Blue.
    Blue,
    /// Between blue and green.
    Teal,
    /// Light red.
    Rose,
    /// Dark yellow.
    Gold,
}

impl FrameColor {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 9] = [
        Self::Slate,
        Self::Violet,
        Self::Orange,
        Self::Green,
        Self::Magenta,
        Self::Blue,
        Self::Teal,
        Self::Rose,
        Self::Gold,
    ];
    /// The name in documents.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Slate => "slate",
            Self::Violet => "violet",
            Self::Orange => "orange",
            Self::Green => "green",
            Self::Magenta => "magenta",
            Self::Blue => "blue",
            Self::Teal => "teal",
            Self::Rose => "rose",
            Self::Gold => "gold",
        }
    }
}

impl NodeDoc {
    /// A node of `kind` at `at` with default parameters. `id` is not looked at: it should be new in the document.
    #[must_use]
    pub fn new(id: &str, kind: &str, at: [f64; 2]) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
            title: None,
            at,
            params: Map::new(),
            disabled: false,
            bypassed: false,
        }
    }
    /// True when it takes part in runs: neither disabled nor bypassed.
    #[must_use]
    pub const fn takes_part(&self) -> bool {
        !self.disabled && !self.bypassed
    }
}

impl Document {
    /// An empty drawing.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            weir: VERSION,
            name: name.to_owned(),
            description: None,
            region: default_region(),
            seed: default_seed(),
            start: Start::default(),
            run_for: default_run_for(),
            billing: Billing::default(),
            nodes: Vec::new(),
            wires: Vec::new(),
            notes: Vec::new(),
            frames: Vec::new(),
            scenario: Vec::new(),
            objectives: Vec::new(),
            expect: None,
        }
    }
    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&NodeDoc> {
        self.nodes.iter().find(|node| node.id == id)
    }
    /// The node with this id, to be changed.
    pub fn node_mut(&mut self, id: &str) -> Option<&mut NodeDoc> {
        self.nodes.iter_mut().find(|node| node.id == id)
    }
    /// The JSON Schema of documents.
    #[must_use]
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

const fn default_seed() -> u64 {
    42
}

const fn default_run_for() -> SimDuration {
    SimDuration::secs(3_600)
}

const fn default_note_size() -> [f64; 2] {
    [240.0, 120.0]
}

const fn default_frame_size() -> [f64; 2] {
    [480.0, 320.0]
}
