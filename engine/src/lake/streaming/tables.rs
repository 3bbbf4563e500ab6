//! Streams and tables that a script declares: those that it fills, and in Flink those that are the input.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::sql::sqlparser::ast::{Ident, Spanned as _};

use super::Dialect;
use super::declare::time_type;
use super::fit::Fit;
use super::names::quoted;
use super::program::{Mark, Op, Stream, TimeBy};
use super::rows::{ARRIVAL, ROWTIME, time_field};
use super::script::{ColumnDecl, ColumnIs, Declared};
use super::select::{Builder, Item};
use crate::lake::error::SqlProblem;

impl Builder<'_> {
    /// A stream or table that is declared: one that is written to, or in Flink a view of the input.
    pub(super) fn declare(&mut self, declared: &Declared, written: bool) -> Result<(), SqlProblem> {
        let upper = declared.name.to_uppercase();
        if self.is_reference(&Ident::new(&declared.name)) {
            return Ok(());
        }
        if self.names.contains_key(&upper) {
            return Err(self.here(SqlProblem::new(format!(
                "`{}` is created twice",
                declared.name
            ))));
        }
        let stream = if written {
            self.in_application(declared)?
        } else if self.dialect == Dialect::Kinesis {
            return Err(self.here(SqlProblem::new(format!(
                "nothing is inserted into `{}`; write a pump for it or leave it out",
                declared.name
            ))));
        } else {
            self.input_table(declared)?
        };
        self.names.insert(upper, stream);
        Ok(())
    }
    fn in_application(&mut self, declared: &Declared) -> Result<usize, SqlProblem> {
        let mut fields = Vec::new();
        for column in &declared.columns {
            match &column.what {
                ColumnIs::Field(kind) => fields.push(Field::new(&column.name, kind.clone(), true)),
                _ => {
                    return Err(self.here(SqlProblem::new(format!(
                        "`{}` is written to, so its column `{}` has a type and nothing else",
                        declared.name, column.name
                    ))));
                }
            }
        }
        let time = declared.watermark.as_ref().map(|(name, _)| name.clone());
        if time.is_some() {
            return Err(self.here(SqlProblem::new(format!(
                "`{}` is written to and so has no watermark; declare it on the table that is the input",
                declared.name
            ))));
        }
        let shown = fields.len();
        fields.push(time_field(ROWTIME));
        // Flink's tables take longer texts unless `table.exec.sink.type-length-enforcer` is set.
        if self.dialect == Dialect::Kinesis {
            let lengths = declared.columns.iter().map(|c| c.length).collect();
            self.lengths.insert(self.program.streams.len(), lengths);
        }
        Ok(self.add(Stream {
            name: declared.name.clone(),
            schema: Arc::new(Schema::new(fields)),
            shown,
            time: None,
            windowed: None,
        }))
    }
    fn input_table(&mut self, declared: &Declared) -> Result<usize, SqlProblem> {
        let source = self.source_of(&declared.name);
        let input = Arc::clone(&self.stream(source).schema);
        let (mut places, mut fields) = (Vec::new(), Vec::new());
        for column in &declared.columns {
            let (place, kind) = match &column.what {
                ColumnIs::Field(kind) => (self.input_column(source, column)?, kind.clone()),
                ColumnIs::Arrival => (input.index_of(ARRIVAL)?, time_type()),
                ColumnIs::Processing => (input.index_of(ROWTIME)?, time_type()),
                ColumnIs::Computed(_) => continue,
            };
            places.push(place);
            fields.push(Field::new(&column.name, kind, true));
        }
        let shown = fields.len();
        places.push(input.index_of(ROWTIME)?);
        fields.push(time_field(ROWTIME));
        let schema = Arc::new(Schema::new(fields));
        let mut stream = self.add(Stream {
            name: declared.name.clone(),
            schema: Arc::clone(&schema),
            shown,
            time: None,
            windowed: None,
        });
        let fit = Fit {
            places,
            schema,
            lengths: Vec::new(),
            strict: false,
        };
        self.stage(source, stream, Op::Fit(fit));
        let computed = |c: &ColumnDecl| matches!(c.what, ColumnIs::Computed(_));
        if declared.columns.iter().any(computed) {
            let scope = self.plain(stream, vec![declared.name.clone()]).scope;
            let own = Arc::clone(&self.stream(stream).schema);
            let items = declared.columns.iter().map(|c| {
                let mut expr = match &c.what {
                    ColumnIs::Computed(expr) => expr.as_ref().clone(),
                    _ => quoted(&c.name),
                };
                self.whole(&mut expr, &scope, &own);
                Item {
                    span: expr.span(),
                    expr,
                    name: c.name.clone(),
                    resolved: false,
                }
            });
            let items: Vec<Item> = items.collect();
            stream = self.map(stream, &scope, items, None)?;
        }
        let time = self.table_time(declared, stream)?;
        self.program.streams[stream].time = time;
        Ok(stream)
    }
    fn input_column(&self, source: usize, column: &ColumnDecl) -> Result<usize, SqlProblem> {
        let scope = self.plain(source, Vec::new()).scope;
        let found = scope.find(None, &Ident::new(&column.name));
        let inner = found.map_err(|e| {
            let why = e
                .message
                .replace("there is no column", "the records have no field");
            self.here(SqlProblem::new(why))
        })?;
        Ok(self.stream(source).schema.index_of(&inner)?)
    }
    fn table_time(
        &mut self,
        declared: &Declared,
        stream: usize,
    ) -> Result<Option<(String, TimeBy)>, SqlProblem> {
        let schema = Arc::clone(&self.stream(stream).schema);
        if let Some((name, delay_ms)) = &declared.watermark {
            let place = schema
                .fields()
                .iter()
                .position(|f| f.name().eq_ignore_ascii_case(name))
                .filter(|i| matches!(schema.field(*i).data_type(), DataType::Timestamp(..)));
            let Some(column) = place else {
                return Err(self.here(SqlProblem::new(format!(
                    "the watermark's column `{name}` is to be a TIMESTAMP column of `{}`",
                    declared.name
                ))));
            };
            self.program.marks.push(Mark {
                stream,
                column,
                delay_ms: *delay_ms,
                lanes: std::collections::BTreeMap::new(),
                now_ms: i64::MIN,
            });
            let by = TimeBy::Event(self.program.marks.len() - 1);
            return Ok(Some((schema.field(column).name().clone(), by)));
        }
        let processing = declared
            .columns
            .iter()
            .find(|c| matches!(c.what, ColumnIs::Processing));
        Ok(processing.map(|c| (c.name.clone(), TimeBy::Processing)))
    }
}
