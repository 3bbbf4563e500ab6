//! SELECTs with GROUP BY: which window, and the stage that keeps it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{Expr, Select, Spanned as _};

use super::Dialect;
use super::aggregation::Aggregation;
use super::grouped::Grouped;
use super::keyed::{Keyed, Span as Length};
use super::names::{Scope, at, quoted};
use super::program::{Op, Stream, TimeBy};
use super::rows::{ROWTIME, time_field, wider};
use super::script::Stagger;
use super::select::{Builder, Item, Wanted, list, resolve};
use super::windows::{self, OWN, Shape, Window};
use crate::lake::error::SqlProblem;

impl Builder<'_> {
    /// Grouping by a window.
    #[expect(clippy::too_many_arguments, reason = "the parts of one SELECT")]
    pub(super) fn grouped(
        &mut self,
        select: &Select,
        from: usize,
        scope: &Scope,
        mut items: Vec<Item>,
        mut group: Vec<Expr>,
        window: Option<Window>,
        stagger: Option<&Stagger>,
    ) -> Result<usize, SqlProblem> {
        let stream = self.stream(from).clone();
        let window = match (window, stagger) {
            (Some(window), _) => Some(window),
            (None, Some(stagger)) => {
                group.extend(stagger.partition.iter().cloned());
                Some(Window {
                    shape: Shape::Span(Length::Fixed(stagger.length_ms)),
                    time: ROWTIME.to_owned(),
                    by: TimeBy::Processing,
                })
            }
            (None, None) => windows::find(&group, scope, &stream)?,
        };
        let Some(window) = window else {
            return Err(self.no_window(&group));
        };
        group.retain(|g| !windows::is_window(g, scope, &stream, &window));
        let mut having = select.having.clone();
        for expr in items
            .iter_mut()
            .map(|i| &mut i.expr)
            .chain(&mut group)
            .chain(&mut having)
        {
            windows::rewrite(expr, scope, &stream, &window);
        }
        resolve(scope, &mut items)?;
        for expr in group.iter_mut().chain(&mut having) {
            scope.resolve(expr)?;
        }
        let filter = select
            .selection
            .clone()
            .map(|f| Wanted::filter(f, scope))
            .transpose()?;
        group.retain(|g| !matches!(g, Expr::Identifier(i) if OWN.contains(&i.value.as_str())));
        group.extend(OWN.map(quoted));
        let keys: Vec<String> = group.iter().map(ToString::to_string).collect();
        let sql = format!(
            "SELECT {} FROM records{} GROUP BY {}{}",
            list(&items),
            filter
                .as_ref()
                .map_or(String::new(), |f| format!(" WHERE {}", f.expr)),
            keys.join(", "),
            having.map_or(String::new(), |h| format!(" HAVING {h}")),
        );
        let input = wider(&stream.schema, OWN.map(time_field));
        let aggregation = Aggregation::compile(&sql, &input, self.dialect == Dialect::Kinesis)
            .map_err(|e| self.blame(&e, &items, filter.as_ref(), &stream.schema))?;
        let time = items
            .iter()
            .find(|i| matches!(&i.expr, Expr::Identifier(c) if c.value == OWN[2]))
            .map(|i| (i.name.clone(), window.by));
        let at = stream.schema.index_of(&window.time).unwrap_or_default();
        let (op, schema) = self.window_op(&window, aggregation, at, input)?;
        let to = self.add(Stream {
            name: stream.name,
            schema,
            shown: items.len(),
            time,
            windowed: Some(window.by),
        });
        self.stage(from, to, op);
        Ok(to)
    }
    fn window_op(
        &self,
        window: &Window,
        aggregation: Aggregation,
        at: usize,
        input: SchemaRef,
    ) -> Result<(Op, SchemaRef), SqlProblem> {
        let processing = window.by == TimeBy::Processing;
        let mut limits = self.limits;
        if processing {
            limits.lateness_ms = 0;
        }
        Ok(match window.shape {
            Shape::Grid(grid) => {
                let grouped = Grouped::new(aggregation, grid, at, input, processing, limits);
                let schema = Arc::clone(grouped.output());
                (Op::Grouped(Box::new(grouped), window.by), schema)
            }
            Shape::Span(span) => {
                let keyed = Keyed::new(aggregation, span, at, input, OWN, processing, limits)
                    .map_err(|e| self.here(e))?;
                let schema = Arc::clone(keyed.output());
                (Op::Keyed(Box::new(keyed), window.by), schema)
            }
        })
    }
    fn no_window(&self, group: &[Expr]) -> SqlProblem {
        let example = match self.dialect {
            Dialect::Kinesis => {
                "GROUP BY …, STEP(\"SOURCE_SQL_STREAM_001\".ROWTIME BY INTERVAL '60' SECOND)"
            }
            Dialect::Flink => {
                "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, …"
            }
        };
        let why = format!("a grouping over a stream without an end needs a window: {example}");
        match group.first() {
            Some(first) => self.here(at(first.span(), why)),
            None => self.here(SqlProblem::new(why)),
        }
    }
}
