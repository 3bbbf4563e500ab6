//! UNION ALL: the rows of several SELECTs as one stream.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::fit::Fit;
use super::program::{Op, Stream};
use super::rows::{ROWTIME, time_field};
use super::select::Builder;
use crate::lake::error::SqlProblem;

impl Builder<'_> {
    /// One stream of all these, columns by place and by the names of the first.
    pub(super) fn united(&mut self, all: &[usize]) -> Result<usize, SqlProblem> {
        let [first, rest @ ..] = all else {
            return Err(self.here(SqlProblem::new("here a SELECT is missing")));
        };
        if rest.is_empty() {
            return Ok(*first);
        }
        let own = self.stream(*first).clone();
        let mut fields: Vec<Field> = own
            .schema
            .fields()
            .iter()
            .take(own.shown)
            .map(|f| f.as_ref().clone().with_nullable(true))
            .collect();
        for other in rest {
            let other = self.stream(*other);
            if other.shown != own.shown {
                return Err(self.here(SqlProblem::new(format!(
                    "the SELECTs of a UNION ALL have equally many columns; one has {}, another {}",
                    own.shown, other.shown
                ))));
            }
            for (field, theirs) in fields.iter_mut().zip(other.schema.fields()) {
                let Some(kind) = common(field.data_type(), theirs.data_type()) else {
                    return Err(self.here(SqlProblem::new(format!(
                        "column `{}` of the UNION ALL is {} in one SELECT and {} in another; CAST one of them",
                        field.name(), field.data_type(), theirs.data_type()
                    ))));
                };
                field.set_data_type(kind);
            }
        }
        // The time of the whole is that of its parts where all have the same.
        let place = |stream: &Stream| {
            let (name, by) = stream.time.as_ref()?;
            Some((stream.schema.index_of(name).ok()?, *by))
        };
        let same = |a: &usize| {
            let other = self.stream(*a);
            (place(other), other.windowed) == (place(&own), own.windowed)
        };
        let (time, windowed) = match rest.iter().all(same) {
            true => (own.time.clone(), own.windowed),
            false => (None, None),
        };
        fields.push(time_field(ROWTIME));
        let schema = Arc::new(Schema::new(fields));
        let to = self.add(Stream {
            name: own.name,
            schema: Arc::clone(&schema),
            shown: own.shown,
            time,
            windowed,
        });
        for from in all {
            let mut places: Vec<usize> = (0..own.shown).collect();
            places.push(self.stream(*from).schema.index_of(ROWTIME)?);
            let fit = Fit {
                places,
                schema: Arc::clone(&schema),
                lengths: Vec::new(),
                strict: true,
            };
            self.stage(*from, to, Op::Fit(fit));
        }
        Ok(to)
    }
}

/// The type that both fit into.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (a, b) if a.is_integer() && b.is_integer() => Some(DataType::Int64),
        (a, b) if a.is_numeric() && b.is_numeric() => Some(DataType::Float64),
        (DataType::Timestamp(..), DataType::Timestamp(..)) => Some(super::declare::time_type()),
        _ => None,
    }
}
