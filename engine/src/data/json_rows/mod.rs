//! Rows from JSON whose fields nobody announced, and JSON from rows: what handlers return, what topics and buses carry.
//!
//! [`JsonShape`] remembers every field that it has seen, so that the columns of later batches are those of earlier ones and
//! more. A field whose values do not go together becomes text. Knows nothing of services.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use serde_json::{Map, Value};

use super::{Batch, encode_json_lines};

/// Fields of one shape at the most.
const FIELDS_MAX: usize = 2000;

/// What the values of a field have in common.
#[derive(Debug, Clone, PartialEq)]
enum Sort {
    Nothing,
    Truth,
    Whole,
    Number,
    Text,
    List(Box<Self>),
    Object(Vec<(String, Self)>),
    /// They have nothing in common: written as JSON text.
    Mixed,
}

impl Sort {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(_) => Self::Truth,
            Value::Number(n) if n.is_i64() => Self::Whole,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(items) => {
                let mut sort = Self::Nothing;
                items.iter().for_each(|item| sort.join(Self::of(item)));
                Self::List(Box::new(sort))
            }
            // A struct has a field at least.
            Value::Object(map) if map.is_empty() => Self::Mixed,
            Value::Object(map) => {
                Self::Object(map.iter().map(|(k, v)| (k.clone(), Self::of(v))).collect())
            }
        }
    }
    fn join(&mut self, other: Self) {
        let own = std::mem::replace(self, Self::Mixed);
        *self = match (own, other) {
            (a, Self::Nothing) => a,
            (Self::Nothing, b) => b,
            (Self::Whole, Self::Number) | (Self::Number, Self::Whole) => Self::Number,
            (Self::List(mut a), Self::List(b)) => {
                a.join(*b);
                Self::List(a)
            }
            (Self::Object(mut a), Self::Object(b)) => {
                for (name, sort) in b {
                    match a.iter_mut().find(|(n, _)| *n == name) {
                        Some((_, own)) => own.join(sort),
                        None => a.push((name, sort)),
                    }
                }
                Self::Object(a)
            }
            (a, b) if a == b => a,
            _ => Self::Mixed,
        };
    }
    fn data_type(&self) -> DataType {
        match self {
            Self::Truth => DataType::Boolean,
            Self::Whole => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Nothing | Self::Text | Self::Mixed => DataType::Utf8,
            Self::List(item) => {
                DataType::List(Arc::new(Field::new("item", item.data_type(), true)))
            }
            Self::Object(fields) => DataType::Struct(fields_of(fields)),
        }
    }
    /// `value` as it is written for this sort.
    fn fit(&self, value: &mut Value) {
        match (self, value) {
            (_, Value::Null) => {}
            (Self::Mixed, Value::String(_)) => {}
            (Self::Mixed, value) => *value = Value::String(value.to_string()),
            (Self::List(sort), Value::Array(items)) => items.iter_mut().for_each(|v| sort.fit(v)),
            (Self::Object(fields), Value::Object(map)) => {
                for (name, sort) in fields {
                    if let Some(value) = map.get_mut(name) {
                        sort.fit(value);
                    }
                }
            }
            _ => {}
        }
    }
    fn count(&self) -> usize {
        match self {
            Self::List(item) => 1 + item.count(),
            Self::Object(fields) => 1 + fields.iter().map(|(_, s)| s.count()).sum::<usize>(),
            _ => 1,
        }
    }
}

fn fields_of(fields: &[(String, Sort)]) -> Fields {
    let field = |(name, sort): &(String, Sort)| Field::new(name, sort.data_type(), true);
    fields.iter().map(field).collect()
}

/// The columns of JSON objects, as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct JsonShape {
    fields: Vec<(String, Sort)>,
    /// Types that fields of these names had where the records came from; kept as long as the values agree.
    hint: Option<SchemaRef>,
}

impl JsonShape {
    /// A shape that takes the types of `hint` for fields of its names where the values allow it.
    #[must_use]
    pub fn like(hint: SchemaRef) -> Self {
        Self {
            fields: Vec::new(),
            hint: Some(hint),
        }
    }
    /// The objects as rows; the shape grows by what is new in them.
    ///
    /// # Errors
    /// A sentence, when there are too many different fields.
    pub fn rows(&mut self, objects: Vec<Map<String, Value>>) -> Result<RecordBatch, String> {
        let mut all = Sort::Object(std::mem::take(&mut self.fields));
        for object in &objects {
            let fields = object.iter().map(|(k, v)| (k.clone(), Sort::of(v)));
            all.join(Sort::Object(fields.collect()));
        }
        if all.count() > FIELDS_MAX {
            return Err(format!(
                "the records have more than {FIELDS_MAX} different fields"
            ));
        }
        let mut values: Vec<Value> = objects.into_iter().map(Value::Object).collect();
        values.iter_mut().for_each(|v| all.fit(v));
        if let Sort::Object(fields) = all {
            self.fields = fields;
        }
        let rows = self.decode(&values);
        let rows = match rows {
            Err(_) if self.hint.take().is_some() => self.decode(&values),
            rows => rows,
        };
        rows.map_err(|e| format!("the records cannot be read: {e}"))
    }
    fn schema(&self) -> Schema {
        let typed = |(name, sort): &(String, Sort)| {
            let known = self
                .hint
                .as_ref()
                .and_then(|h| h.field_with_name(name).ok());
            let hint = known.map(Field::data_type).filter(|t| match sort {
                Sort::Nothing => true,
                Sort::Whole => t.is_numeric(),
                Sort::Number => t.is_floating(),
                Sort::Text => t.is_temporal(),
                _ => false,
            });
            let own = || sort.data_type();
            Field::new(name, hint.cloned().unwrap_or_else(own), true)
        };
        Schema::new(self.fields.iter().map(typed).collect::<Vec<_>>())
    }
    fn decode(&self, values: &[Value]) -> Result<RecordBatch, ArrowError> {
        let schema = Arc::new(self.schema());
        if schema.fields().is_empty() || values.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(values.len()));
            let empty = RecordBatch::new_empty(Arc::clone(&schema));
            return RecordBatch::try_new_with_options(schema, empty.columns().to_vec(), &options);
        }
        let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
            .with_batch_size(values.len())
            .build_decoder()?;
        decoder.serialize(values)?;
        decoder
            .flush()?
            .ok_or_else(|| ArrowError::JsonError("no rows".to_owned()))
    }
}

/// Each record as the bytes that travel: its JSON object; records that do not parse begin with a hash sign instead.
///
/// # Errors
/// When a column has a type that JSON cannot hold.
pub fn json_texts(batch: &Batch) -> Result<Vec<Vec<u8>>, ArrowError> {
    let mut text = encode_json_lines(&batch.rows)?;
    if let Some(malformed) = &batch.malformed {
        spoil(&mut text, malformed);
    }
    let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    Ok(lines.map(<[u8]>::to_vec).collect())
}

/// Each record as JSON; one that does not parse as its text.
///
/// # Errors
/// As [`json_texts`].
pub fn json_values(batch: &Batch) -> Result<Vec<Value>, ArrowError> {
    let value = |text: Vec<u8>| {
        serde_json::from_slice(&text)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&text).into_owned()))
    };
    Ok(json_texts(batch)?.into_iter().map(value).collect())
}

/// Makes the records that do not parse really unparsable, at their size: the opening brace becomes a hash sign.
pub fn spoil(text: &mut [u8], malformed: &arrow::buffer::BooleanBuffer) {
    for (row, line) in text.split_inclusive_mut(|b| *b == b'\n').enumerate() {
        let bad = row < malformed.len() && malformed.value(row);
        if let Some(first) = line.first_mut().filter(|_| bad) {
            *first = b'#';
        }
    }
}

#[cfg(test)]
mod tests;
