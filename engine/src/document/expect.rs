//! What a run of the document is known to come to: golden data, checked by `weir test`.

use super::text::{DurationText, duration};
use crate::units::SimDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Rows of one expectation at the most.
pub const EXPECTED_ROWS_MAX: usize = 10_000;

/// Expected results and the run that they hold for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Virtual time of the run that they hold for; the document's `run_for` when left out.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_span",
        deserialize_with = "read_span"
    )]
    #[schemars(with = "Option<DurationText>")]
    pub run_for: Option<SimDuration>,
    /// What must come out.
    pub checks: Vec<Expectation>,
}

/// One expected result: a figure in its bounds, or the rows of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawExpectation", into = "RawExpectation")]
pub enum Expectation {
    /// A condition on a figure of the run, for example `lake.latency_p99 <= 90s`.
    That(String),
    /// The rows of a query over the lake and the files of the run, in order.
    Rows {
        /// The query.
        sql: String,
        /// Each row by its columns' names.
        rows: Vec<Map<String, Value>>,
    },
}

/// An expected result as it is written.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Expectation")]
#[serde(deny_unknown_fields)]
struct RawExpectation {
    /// A condition on a figure of the run: a metric of an objective (`node.metric` for a node's), a sign and a value, for
    /// example `lake.latency_p99 <= 90s` or `dropped = 0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    that: Option<String>,
    /// A query over the lake and the run's `metrics`, `bill` and `events`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
    /// The rows that it must give, in order, each by its columns' names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Map<String, Value>>>,
}

impl TryFrom<RawExpectation> for Expectation {
    type Error = String;
    fn try_from(raw: RawExpectation) -> Result<Self, String> {
        match (raw.that, raw.sql, raw.rows) {
            (Some(that), None, None) => Ok(Self::That(that)),
            (None, Some(_), Some(rows)) if rows.len() > EXPECTED_ROWS_MAX => Err(format!(
                "an expectation has {} rows; at most {EXPECTED_ROWS_MAX}: let the query count or add up instead",
                rows.len()
            )),
            (None, Some(sql), Some(rows)) => Ok(Self::Rows { sql, rows }),
            (None, Some(_), None) => Err(
                "an expectation has `sql` without `rows`; add the rows that it must give"
                    .to_owned(),
            ),
            _ => Err("an expectation needs either `that`, or `sql` and `rows`".to_owned()),
        }
    }
}

impl From<Expectation> for RawExpectation {
    fn from(expectation: Expectation) -> Self {
        match expectation {
            Expectation::That(that) => Self {
                that: Some(that),
                sql: None,
                rows: None,
            },
            Expectation::Rows { sql, rows } => Self {
                that: None,
                sql: Some(sql),
                rows: Some(rows),
            },
        }
    }
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn write_span<S: Serializer>(span: &Option<SimDuration>, output: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => duration::serialize(span, output),
        None => output.serialize_none(),
    }
}

fn read_span<'de, D: Deserializer<'de>>(input: D) -> Result<Option<SimDuration>, D::Error> {
    duration::deserialize(input).map(Some)
}

impl JsonSchema for Expectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expectation".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawExpectation::json_schema(generator)
    }
}
