//! Types of JSON records, inferred from the first of them, in the order in which fields appear.
//!
//! Arrow's own inference keeps fields in a hash map, whose order differs from run to run, and its decoder quietly cuts 1.5
//! to 1 where the sample had whole numbers only. Here what does not fit becomes null and is counted.

use super::ReplayReport;
use arrow::datatypes::{DataType, Field, Fields};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Deepest nesting that becomes columns; deeper values stay JSON text.
const DEPTH: usize = 16;
/// Most fields of one object; further ones are left out.
const FIELDS: usize = 1_024;

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing but null so far.
    Unknown,
    Bool,
    Int,
    Float,
    /// Text, or values of several types, which are kept as their JSON text.
    Text,
    List(Box<Self>),
    Object(Vec<(String, Self)>),
}

impl Kind {
    /// The type of `value`.
    pub(super) fn of(value: &Value, depth: usize) -> Self {
        match value {
            Value::Null => Self::Unknown,
            Value::Bool(_) => Self::Bool,
            Value::Number(n) if n.is_i64() => Self::Int,
            Value::Number(_) => Self::Float,
            Value::Array(_) | Value::Object(_) if depth >= DEPTH => Self::Text,
            Value::String(_) => Self::Text,
            Value::Array(items) => {
                let kind = items
                    .iter()
                    .fold(Self::Unknown, |kind, v| kind.merge(Self::of(v, depth + 1)));
                Self::List(Box::new(kind))
            }
            Value::Object(members) => {
                let member = |(name, v): (&String, &Value)| (name.clone(), Self::of(v, depth + 1));
                Self::Object(members.iter().take(FIELDS).map(member).collect())
            }
        }
    }

    /// The type that holds values of both.
    pub(super) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, kind) | (kind, Self::Unknown) => kind,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::List(one), Self::List(two)) => Self::List(Box::new(one.merge(*two))),
            (Self::Object(mut fields), Self::Object(others)) => {
                for (name, kind) in others {
                    if let Some((_, known)) = fields.iter_mut().find(|(n, _)| *n == name) {
                        let before = std::mem::replace(known, Self::Unknown);
                        *known = before.merge(kind);
                    } else if fields.len() < FIELDS {
                        fields.push((name, kind));
                    }
                }
                Self::Object(fields)
            }
            (one, two) if one == two => one,
            _ => Self::Text,
        }
    }

    /// Settles what stayed open: fields that were always null, objects without members.
    pub(super) fn settled(self) -> Self {
        match self {
            Self::Unknown => Self::Text,
            Self::List(item) => Self::List(Box::new(item.settled())),
            Self::Object(fields) if fields.is_empty() => Self::Text,
            Self::Object(fields) => {
                let settle = |(name, kind): (String, Self)| (name, kind.settled());
                Self::Object(fields.into_iter().map(settle).collect())
            }
            kind => kind,
        }
    }

    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text | Self::Unknown => DataType::Utf8,
            Self::List(item) => {
                DataType::List(Arc::new(Field::new_list_field(item.data_type(), true)))
            }
            Self::Object(fields) => DataType::Struct(columns(fields)),
        }
    }

    /// `value` as this type; null where it does not fit, which is counted.
    pub(super) fn fit(&self, value: Value, report: &mut ReplayReport) -> Value {
        match (self, value) {
            (_, Value::Null) => Value::Null,
            (Self::Bool, value @ Value::Bool(_))
            | (Self::Float, value @ Value::Number(_))
            | (Self::Text, value @ Value::String(_)) => value,
            (Self::Int, Value::Number(n)) if n.is_i64() => Value::Number(n),
            (Self::Text | Self::Unknown, other) => Value::String(other.to_string()),
            (Self::List(kind), Value::Array(items)) => {
                let fit = |item| kind.fit(item, report);
                Value::Array(items.into_iter().map(fit).collect())
            }
            (Self::Object(fields), Value::Object(members)) => {
                Value::Object(fit_object(fields, members, report))
            }
            _ => {
                report.bad_values += 1;
                Value::Null
            }
        }
    }
}

pub(super) fn columns(fields: &[(String, Kind)]) -> Fields {
    fields
        .iter()
        .map(|(name, kind)| Field::new(name, kind.data_type(), true))
        .collect()
}

pub(super) fn fit_object(
    fields: &[(String, Kind)],
    members: Map<String, Value>,
    report: &mut ReplayReport,
) -> Map<String, Value> {
    let mut fitted = Map::new();
    for (at, (name, value)) in members.into_iter().enumerate() {
        // Most records have their fields in the order of the first.
        let kind = match fields.get(at) {
            Some((n, kind)) if *n == name => Some(kind),
            _ => fields
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, kind)| kind),
        };
        match kind {
            Some(kind) => {
                let value = kind.fit(value, report);
                fitted.insert(name, value);
            }
            None => report.unknown_fields += 1,
        }
    }
    fitted
}
