//! Small values of a document and how they are written: ids, ends of wires, instants, durations, positions.

use crate::units::{SimDuration, format_duration, parse_duration};
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// Longest id of a node, a kind, a port.
const ID_MAX: usize = 64;

/// True when `id` may name a node: lower-case letters, digits and hyphens, a letter first, at most 64.
#[must_use]
pub fn is_id(id: &str) -> bool {
    is_name(id, |b| b == b'-')
}

/// True when `port` may name a port: as an id, and underscores are allowed.
#[must_use]
pub fn is_port(port: &str) -> bool {
    is_name(port, |b| b == b'-' || b == b'_')
}

fn is_name(name: &str, extra: impl Fn(u8) -> bool) -> bool {
    name.len() <= ID_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || extra(b))
}

/// A hostile text is shown by its beginning.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

pub(super) fn read_id<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let id = String::deserialize(input)?;
    if is_id(&id) {
        return Ok(id);
    }
    Err(de::Error::custom(format_args!(
        "`{}` is not an id; use lower-case letters, digits and hyphens, a letter first, at most {ID_MAX}",
        shown(&id)
    )))
}

/// One end of a wire: `node.port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Id of the node.
    pub node: String,
    /// Name of its port.
    pub port: String,
}

impl Endpoint {
    /// The port `port` of the node `node`.
    #[must_use]
    pub fn new(node: &str, port: &str) -> Self {
        Self {
            node: node.to_owned(),
            port: port.to_owned(),
        }
    }
    /// Reads `node.port`; `None` when it is not of that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (node, port) = text.split_once('.')?;
        (is_id(node) && is_port(port)).then(|| Self::new(node, port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.port)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!(
                "`{}` is not one end of a wire; write `node.port`, for example `producer.out`",
                shown(&text)
            ))
        })
    }
}

/// A string schema with a pattern.
fn pattern_schema(pattern: &str, example: &str) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "pattern": pattern, "examples": [example] })
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        pattern_schema(
            "^[a-z][a-z0-9-]{0,63}\\.[a-z][a-z0-9_-]{0,63}$",
            "producer.out",
        )
    }
}

/// The instant of virtual time zero: milliseconds since 1970 in UTC, written `2026-01-05T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Start {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub epoch_ms: i64,
}

/// Years in which a run may start, as milliseconds since 1970: 1970 to 2999.
const START_RANGE: std::ops::Range<i64> = 0..32_503_680_000_000;

impl Start {
    /// Reads an instant in ISO 8601 (with seconds; with `Z` or an offset). `None` when it is not one of 1970 to 2999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let epoch_ms = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
        START_RANGE.contains(&epoch_ms).then_some(Self { epoch_ms })
    }
}

/// Monday, 5 January 2026: a working week lies ahead.
impl Default for Start {
    fn default() -> Self {
        Self {
            epoch_ms: 1_767_571_200_000,
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant: DateTime<Utc> =
            DateTime::from_timestamp_millis(self.epoch_ms).unwrap_or_default();
        f.write_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for Start {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!(
                "`{}` is not an instant from 1970 to 2999; write it in ISO 8601, for example `{}`",
                shown(&text),
                Self::default()
            ))
        })
    }
}

impl JsonSchema for Start {
    fn schema_name() -> Cow<'static, str> {
        "Start".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-01-05T00:00:00Z"] })
    }
}

/// Stands for a duration in the JSON Schema.
pub(super) struct DurationText;

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        pattern_schema(
            "^\\s*([0-9]+(\\.[0-9]+)?\\s*(d|h|m|min|s|ms|us|ns)\\s*)+$",
            "1h30m",
        )
    }
}

/// Durations as text, for `#[serde(with = "crate::document::duration")]`.
pub mod duration {
    use super::{Deserialize as _, Deserializer, Serializer, de};
    use super::{SimDuration, format_duration, parse_duration};

    /// Writes `span` as in `1h30m`.
    ///
    /// # Errors
    /// When the serializer has one.
    pub fn serialize<S: Serializer>(span: &SimDuration, output: S) -> Result<S::Ok, S::Error> {
        output.serialize_str(&format_duration(*span))
    }
    /// Reads a span as [`parse_duration`] does.
    ///
    /// # Errors
    /// When the input is no text, or no span.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<SimDuration, D::Error> {
        let text = String::deserialize(input)?;
        parse_duration(&text).map_err(|error| {
            // The sentence goes on after this message.
            de::Error::custom(error.to_string().trim_end_matches('.'))
        })
    }
}

/// A position or size to hundredths of a point, whole numbers without a decimal point: what is dragged to a long fraction
/// would differ in its last digit after each reading and writing. What is not finite becomes zero: JSON has no such numbers.
pub(super) fn write_pair<S: Serializer>(pair: &[f64; 2], output: S) -> Result<S::Ok, S::Error> {
    let hundredths = |x: f64| plain_number((x * 100.0).round() / 100.0);
    pair.map(hundredths).serialize(output)
}

/// The number as JSON, as an integer where that loses nothing.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole and below 2^53, as checked"
)]
pub(super) fn plain_number(value: f64) -> serde_json::Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.abs() < EXACT && value.fract() == 0.0 {
        (value as i64).into()
    } else {
        serde_json::Number::from_f64(value).unwrap_or_else(|| 0.into())
    }
}
