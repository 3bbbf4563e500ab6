//! What happens during a run (steps) and what a run must achieve (objectives).

use super::text::{DurationText, duration, plain_number, read_id, shown};
use crate::units::{QuantityError, SimDuration, parse_quantity};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Something that happens to a node at an instant of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawStep", into = "RawStep")]
pub struct Step {
    /// When, from the beginning of the run.
    pub at: SimDuration,
    /// Which node.
    pub node: String,
    /// What.
    pub action: Action,
}

/// What happens in a [`Step`].
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Parameters get new values.
    Set(Map<String, Value>),
    /// Something goes wrong for a while.
    Fault {
        /// Its name, for example `errors`; which ones there are depends on the node's kind.
        name: String,
        /// How long it lasts; `None` until the end of the run.
        lasts: Option<SimDuration>,
        /// How bad it is: the fault's own parameters, for example `rate`.
        parameters: Map<String, Value>,
    },
}

/// A step as it is written.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Step")]
struct RawStep {
    /// When, from the beginning of the run, for example `10m`.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    at: SimDuration,
    /// Id of the node that it happens to.
    #[serde(deserialize_with = "read_id")]
    node: String,
    /// Parameters and their new values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<Map<String, Value>>,
    /// Name of something that goes wrong, for example `errors`. Its own parameters stand beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// How long the fault lasts; until the end of the run when left out.
    #[serde(
        default,
        rename = "for",
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_optional",
        deserialize_with = "read_optional"
    )]
    #[schemars(with = "Option<DurationText>")]
    lasts: Option<SimDuration>,
    /// The fault's own parameters, for example `rate`.
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn write_optional<S: Serializer>(span: &Option<SimDuration>, output: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => duration::serialize(span, output),
        None => output.serialize_none(),
    }
}

fn read_optional<'de, D: Deserializer<'de>>(input: D) -> Result<Option<SimDuration>, D::Error> {
    duration::deserialize(input).map(Some)
}

impl TryFrom<RawStep> for Step {
    type Error = String;
    fn try_from(raw: RawStep) -> Result<Self, String> {
        let action = match (raw.set, raw.fault) {
            (Some(set), None) => {
                if raw.lasts.is_some() {
                    return Err("`for` belongs to a `fault`; to undo a `set`, add a later step that sets the value back".to_owned());
                }
                if let Some(name) = raw.parameters.keys().next() {
                    return Err(format!(
                        "unknown field `{}` beside `set`; write new values inside `set`, as in `\"set\": {{ \"{}\": ... }}`",
                        shown(name),
                        shown(name)
                    ));
                }
                Action::Set(set)
            }
            (None, Some(name)) => Action::Fault {
                name,
                lasts: raw.lasts,
                parameters: raw.parameters,
            },
            (None, None) => {
                return Err("a step does nothing; give it `set` or `fault`".to_owned());
            }
            (Some(_), Some(_)) => {
                return Err("a step has both `set` and `fault`; split it into two steps".to_owned());
            }
        };
        Ok(Self {
            at: raw.at,
            node: raw.node,
            action,
        })
    }
}

impl From<Step> for RawStep {
    fn from(step: Step) -> Self {
        let (set, fault, lasts, parameters) = match step.action {
            Action::Set(set) => (Some(set), None, None, Map::new()),
            Action::Fault {
                name,
                lasts,
                parameters,
            } => (None, Some(name), lasts, parameters),
        };
        Self {
            at: step.at,
            node: step.node,
            set,
            fault,
            lasts,
            parameters,
        }
    }
}

impl JsonSchema for Step {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Step".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawStep::json_schema(generator)
    }
}

/// What a run must achieve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawObjective", into = "RawObjective")]
pub struct Objective {
    /// The node that is measured; `None` for the whole pipeline.
    pub node: Option<String>,
    /// What is measured, for example `latency_p99` or `usd_per_month`.
    pub metric: String,
    /// What it must be.
    pub bound: Bound,
}

/// On which side of a value a metric must stay. The value itself is allowed.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Not more than this.
    AtMost(Limit),
    /// Not less than this.
    AtLeast(Limit),
}

/// A number, or a text with a unit such as `90s`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Limit {
    /// In the metric's own unit.
    Number(f64),
    /// With a unit.
    Text(String),
}

impl Limit {
    /// The value in `unit`, which is the metric's own.
    ///
    /// # Errors
    /// When the text is no quantity in such a unit.
    pub fn value(&self, unit: &str) -> Result<f64, QuantityError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => parse_quantity(text, unit),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => plain_number(*number).serialize(output),
            Self::Text(text) => output.serialize_str(text),
        }
    }
}

/// An objective as it is written.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Objective")]
#[serde(deny_unknown_fields)]
struct RawObjective {
    /// The node that is measured; the whole pipeline when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// What is measured, for example `latency_p99` or `usd_per_month`.
    metric: String,
    /// The most that it may be, in the metric's unit or with a unit, for example `90s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_most: Option<Limit>,
    /// The least that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_least: Option<Limit>,
}

impl TryFrom<RawObjective> for Objective {
    type Error = String;
    fn try_from(raw: RawObjective) -> Result<Self, String> {
        let bound = match (raw.at_most, raw.at_least) {
            (Some(most), None) => Bound::AtMost(most),
            (None, Some(least)) => Bound::AtLeast(least),
            (None, None) => {
                return Err("an objective has no bound; give it `at_most` or `at_least`".to_owned());
            }
            (Some(_), Some(_)) => {
                return Err(
                    "an objective has both `at_most` and `at_least`; split it into two".to_owned(),
                );
            }
        };
        Ok(Self {
            node: raw.node,
            metric: raw.metric,
            bound,
        })
    }
}

impl From<Objective> for RawObjective {
    fn from(objective: Objective) -> Self {
        let (at_most, at_least) = match objective.bound {
            Bound::AtMost(limit) => (Some(limit), None),
            Bound::AtLeast(limit) => (None, Some(limit)),
        };
        Self {
            node: objective.node,
            metric: objective.metric,
            at_most,
            at_least,
        }
    }
}

impl JsonSchema for Objective {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Objective".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawObjective::json_schema(generator)
    }
}
