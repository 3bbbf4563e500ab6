//! SELECTs as stages between streams.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetOperator, SetQuantifier, Spanned as _,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::fit::Fit;
use super::names::{Scope, at, quoted};
use super::program::{Op, Stage, Stream, StreamProgram};
use super::rows::{ARRIVAL, ROWTIME, time_field, wider};
use super::script::{Insert, Reach, Stagger, Statement};
use super::windows::{self, OWN};
use super::{Dialect, Limits, Reference, Second};
use crate::lake::error::SqlProblem;
use crate::lake::sql::suggest;
use crate::lake::transform::Transform;

/// How deep SELECTs may be nested.
const DEPTH_MAX: usize = 12;
/// Stages of an application at the most.
const STAGES_MAX: usize = 300;

/// What is made while a script is compiled.
pub(super) struct Builder<'a> {
    pub(super) program: StreamProgram,
    /// Streams, tables and views by their names in upper case.
    pub(super) names: BTreeMap<String, usize>,
    /// The tables that read the second stream.
    second: &'a [String],
    /// The name that the script gives the input.
    input_name: Option<String>,
    pub(super) dialect: Dialect,
    pub(super) reference: Option<&'a Reference>,
    pub(super) limits: Limits,
    /// Letters of the texts of declared streams at the most, by the stream's number.
    pub(super) lengths: BTreeMap<usize, Vec<Option<usize>>>,
    /// Where the statement at hand begins.
    pub(super) place: (u32, u32),
    /// The pump at hand.
    pump: Option<Arc<str>>,
    /// The windows of its joins.
    pub(super) reaches: Vec<(u32, u32, Reach)>,
    depth: usize,
}

/// A column of a SELECT.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) expr: Expr,
    pub(super) name: String,
    pub(super) span: Span,
    /// Its names are inner names.
    pub(super) resolved: bool,
}

/// Compiles the statements.
pub(super) fn compile(
    statements: &[Statement],
    dialect: Dialect,
    input: &SchemaRef,
    second: Option<&Second>,
    reference: Option<&Reference>,
    limits: Limits,
) -> Result<StreamProgram, SqlProblem> {
    let stream = |input: &SchemaRef| Stream {
        name: "SOURCE_SQL_STREAM_001".to_owned(),
        schema: wider(input, [time_field(ARRIVAL), time_field(ROWTIME)]),
        shown: input.fields().len(),
        time: None,
        windowed: None,
    };
    let inputs = std::iter::once(stream(input)).chain(second.map(|s| stream(&s.schema)));
    let mut builder = Builder {
        program: StreamProgram::new(inputs.collect()),
        second: second.map_or(&[], |s| &s.tables),
        names: BTreeMap::new(),
        input_name: None,
        dialect,
        reference,
        limits,
        lengths: BTreeMap::new(),
        place: (1, 1),
        pump: None,
        reaches: Vec::new(),
        depth: 0,
    };
    let is_target = |name: &str| {
        statements.iter().any(
            |s| matches!(s, Statement::Insert(i) if !i.view && i.target.eq_ignore_ascii_case(name)),
        )
    };
    for statement in statements {
        match statement {
            Statement::Declare(declared) => {
                builder.place = (declared.line, 1);
                builder.declare(declared, is_target(&declared.name))?;
            }
            Statement::Insert(insert) => {
                builder.place = (insert.line, insert.column);
                builder.pump = insert.pump.as_deref().map(Arc::from);
                builder.insert(insert)?;
            }
        }
        if builder.program.stages.len() > STAGES_MAX {
            let (line, column) = builder.place;
            return Err(
                SqlProblem::new("the application has too many SELECTs; split it").at(line, column),
            );
        }
    }
    if builder.program.outputs.is_empty() {
        return Err(SqlProblem::new(
            "nothing is inserted into any stream; write a pump, or INSERT INTO",
        )
        .at(1, 1));
    }
    Ok(builder.program)
}

impl Builder<'_> {
    pub(super) fn here(&self, problem: SqlProblem) -> SqlProblem {
        match problem.line {
            Some(_) => problem,
            None => problem.at(self.place.0, self.place.1),
        }
    }
    /// Compiles what is told from one record alone. Flink computes with whole numbers as Java does: they wrap around.
    pub(super) fn transform(&self, sql: &str, input: SchemaRef) -> Result<Transform, SqlProblem> {
        match self.dialect {
            Dialect::Kinesis => Transform::checked(sql, input),
            Dialect::Flink => Transform::compile(sql, input),
        }
    }
    pub(super) fn add(&mut self, stream: Stream) -> usize {
        self.program.streams.push(stream);
        self.program.streams.len() - 1
    }
    pub(super) fn stage(&mut self, from: usize, to: usize, op: Op) {
        self.stage_of_two(from, None, to, op);
    }
    pub(super) fn stage_of_two(&mut self, from: usize, also: Option<usize>, to: usize, op: Op) {
        let (place, pump) = (self.place, self.pump.clone());
        self.program.stages.push(Stage {
            from,
            also,
            to,
            op,
            place,
            pump,
        });
    }
    pub(super) fn stream(&self, i: usize) -> &Stream {
        &self.program.streams[i]
    }
    fn insert(&mut self, insert: &Insert) -> Result<(), SqlProblem> {
        self.reaches.clone_from(&insert.reaches);
        let found = self.query(&insert.query, insert.stagger.as_ref())?;
        let upper = insert.target.to_uppercase();
        if insert.view {
            let one = self.united(&found)?;
            if self.names.contains_key(&upper) {
                return Err(self.here(SqlProblem::new(format!(
                    "there is a stream `{}` already",
                    insert.target
                ))));
            }
            self.program.streams[one].name.clone_from(&insert.target);
            self.names.insert(upper, one);
            if insert.target == super::IMPLIED {
                self.program.outputs.push(one);
            }
            return Ok(());
        }
        let Some(target) = self.names.get(&upper).copied() else {
            let known: Vec<&str> = self.names.keys().map(String::as_str).collect();
            return Err(self.here(SqlProblem::new(format!(
                "there is no stream `{}` to insert into; create it before{}",
                insert.target,
                suggest(&insert.target, &known)
            ))));
        };
        for from in found {
            let op = self.fit(from, target, &insert.columns)?;
            self.stage(from, target, op);
        }
        if !self.program.outputs.contains(&target) {
            self.program.outputs.push(target);
            self.program.outputs.sort_unstable();
        }
        Ok(())
    }
    /// Columns by place, as an INSERT puts them.
    fn fit(&self, from: usize, target: usize, columns: &[String]) -> Result<Op, SqlProblem> {
        let lengths = self.lengths.get(&target).cloned().unwrap_or_default();
        let (source, target) = (self.stream(from), self.stream(target));
        let wanted = match columns.is_empty() {
            true => target.shown,
            false => columns.len(),
        };
        if source.shown != wanted {
            return Err(self.here(SqlProblem::new(format!(
                "the SELECT has {} columns where `{}` takes {wanted}",
                source.shown, target.name
            ))));
        }
        let mut places: Vec<usize> = (0..target.shown).collect();
        if !columns.is_empty() {
            for (i, field) in target.schema.fields().iter().take(target.shown).enumerate() {
                let named = columns
                    .iter()
                    .position(|c| c.eq_ignore_ascii_case(field.name()));
                places[i] = named.ok_or_else(|| {
                    self.here(SqlProblem::new(format!(
                        "the INSERT leaves column `{}` of `{}` out; name every column",
                        field.name(),
                        target.name
                    )))
                })?;
            }
        }
        for (place, field) in places.iter().zip(target.schema.fields()) {
            let have = source.schema.field(*place);
            if !arrow::compute::can_cast_types(have.data_type(), field.data_type()) {
                return Err(self.here(SqlProblem::new(format!(
                    "column `{}` of `{}` is {} and cannot take `{}`, which is {}; CAST it or declare another type",
                    field.name(), target.name, field.data_type(), have.name(), have.data_type()
                ))));
            }
        }
        places.push(source.schema.fields().len() - 1);
        Ok(Op::Fit(Fit {
            places,
            schema: Arc::clone(&target.schema),
            lengths,
            strict: true,
        }))
    }
    /// The streams that a query's rows are in: one, or one for each part of a UNION ALL.
    pub(super) fn query(
        &mut self,
        query: &Query,
        stagger: Option<&Stagger>,
    ) -> Result<Vec<usize>, SqlProblem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.here(SqlProblem::new("the SELECTs are nested too deeply")));
        }
        if query.limit_clause.is_some() || query.fetch.is_some() {
            return Err(self.here(SqlProblem::new(
                "LIMIT would wait for the end of the stream, which never comes; leave it out",
            )));
        }
        if let Some(with) = &query.with {
            for table in &with.cte_tables {
                let found = self.query(&table.query, None)?;
                let one = self.united(&found)?;
                let name = &table.alias.name.value;
                self.program.streams[one].name.clone_from(name);
                self.names.insert(name.to_uppercase(), one);
            }
        }
        let mut found = self.body(&query.body, stagger)?;
        if let Some(order) = &query.order_by {
            found = vec![self.ordered(query, order, &found)?];
        }
        self.depth -= 1;
        Ok(found)
    }
    fn body(
        &mut self,
        body: &SetExpr,
        stagger: Option<&Stagger>,
    ) -> Result<Vec<usize>, SqlProblem> {
        match body {
            SetExpr::Select(select) => Ok(vec![self.select(select, stagger)?]),
            SetExpr::Query(query) => self.query(query, stagger),
            SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left,
                right,
            } => {
                let mut found = self.body(left, stagger)?;
                found.extend(self.body(right, stagger)?);
                Ok(found)
            }
            _ => Err(self.here(SqlProblem::new(
                "over streams there is SELECT and UNION ALL; write one of them",
            ))),
        }
    }
    /// Whether a stream comes from outside, as it is.
    pub(super) fn is_input(&self, stream: usize) -> bool {
        stream <= usize::from(!self.second.is_empty())
    }
    /// The stream from outside that a table of this name reads.
    pub(super) fn source_of(&self, table: &str) -> usize {
        usize::from(self.second.iter().any(|t| t.eq_ignore_ascii_case(table)))
    }
    /// The stream that a name means.
    pub(super) fn table(&mut self, ident: &Ident) -> Result<usize, SqlProblem> {
        let name = &ident.value;
        if let Some(found) = self.names.get(&name.to_uppercase()) {
            return Ok(*found);
        }
        if self.source_of(name) == 1 {
            return Ok(1);
        }
        match &self.input_name {
            Some(input) if !input.eq_ignore_ascii_case(name) => {
                let mut known: Vec<&str> = self.names.keys().map(String::as_str).collect();
                known.push(input);
                Err(at(
                    ident.span,
                    format!(
                        "there is no stream `{name}`; `{input}` is the input and all others are created before{}",
                        suggest(name, &known)
                    ),
                ))
            }
            _ => {
                self.input_name = Some(name.clone());
                Ok(0)
            }
        }
    }
    fn select(&mut self, select: &Select, stagger: Option<&Stagger>) -> Result<usize, SqlProblem> {
        if let Some(what) = strange(select) {
            return Err(self.here(SqlProblem::new(what)));
        }
        let from = self.from(select)?;
        let (stream, scope, window) = (from.stream, from.scope, from.window);
        // The WHERE of a join of two tables has become the join's condition.
        let without = from.filtered.then(|| Select {
            selection: None,
            ..select.clone()
        });
        let select = without.as_ref().unwrap_or(select);
        let select = &self.whole_numbers(select, &scope, stream);
        let mut items = self.items(select, &scope)?;
        let GroupByExpr::Expressions(group, modifiers) = &select.group_by else {
            return Err(self.here(SqlProblem::new("name the columns of GROUP BY")));
        };
        if !modifiers.is_empty() {
            return Err(self.here(SqlProblem::new(
                "GROUP BY over streams has no ROLLUP or CUBE",
            )));
        }
        let over = items.iter().any(|i| {
            super::names::any(
                &i.expr,
                &mut |e| matches!(e, Expr::Function(f) if f.over.is_some()),
            )
        });
        let having = select.having.as_ref();
        let aggregates = items.iter().any(|i| windows::aggregates(&i.expr)) || having.is_some();
        let ranks = |i: &Item| {
            super::names::any(
                &i.expr,
                &mut |e| matches!(e, Expr::Function(f) if f.name.to_string().eq_ignore_ascii_case("ROW_NUMBER")),
            )
        };
        let (stream, window) = match window {
            // Each record is numbered in each of its windows.
            Some(window) if over && items.iter().any(ranks) => {
                (self.assigned(stream, &window)?, None)
            }
            window => (stream, window),
        };
        let (stream, scope) = if over {
            if aggregates || !group.is_empty() {
                return Err(self.here(SqlProblem::new(
                    "a SELECT has GROUP BY or OVER, not both; put one into a stream before the other",
                )));
            }
            self.over(select, stream, scope, &mut items)?
        } else {
            (stream, scope)
        };
        if aggregates || !group.is_empty() {
            let group = group.iter().map(|g| by_alias(g, &scope, &items)).collect();
            return self.grouped(select, stream, &scope, items, group, window, stagger);
        }
        let stream = match window {
            Some(window) => self.assigned(stream, &window)?,
            None => stream,
        };
        // A sliding window has filtered already.
        let filter = if over { None } else { select.selection.clone() };
        self.map(stream, &scope, items, filter)
    }
    fn items(&self, select: &Select, scope: &Scope) -> Result<Vec<Item>, SqlProblem> {
        let mut items: Vec<Item> = Vec::new();
        for (i, item) in select.projection.iter().enumerate() {
            let span = item.span();
            match item {
                SelectItem::Wildcard(_) => items.extend(expanded(scope, None, span)),
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let table = name.0.last().and_then(|p| p.as_ident());
                    items.extend(expanded(scope, table.map(|t| t.value.as_str()), span));
                }
                SelectItem::UnnamedExpr(expr) => items.push(Item {
                    name: name_of(expr).unwrap_or_else(|| format!("EXPR${i}")),
                    expr: expr.clone(),
                    span,
                    resolved: false,
                }),
                SelectItem::ExprWithAlias { expr, alias } => items.push(Item {
                    name: alias.value.clone(),
                    expr: expr.clone(),
                    span,
                    resolved: false,
                }),
                _ => {
                    return Err(at(
                        span,
                        "this is no column of a SELECT; write expressions with names",
                    ));
                }
            }
        }
        for i in 1..items.len() {
            let twin = |n: &str, items: &[Item]| items[..i].iter().any(|x| x.name == n);
            let mut name = items[i].name.clone();
            while twin(&name, &items) {
                name.push('_');
            }
            items[i].name = name;
        }
        Ok(items)
    }
    /// Projection and filter, record for record.
    pub(super) fn map(
        &mut self,
        from: usize,
        scope: &Scope,
        mut items: Vec<Item>,
        filter: Option<Expr>,
    ) -> Result<usize, SqlProblem> {
        resolve(scope, &mut items)?;
        let filter = filter.map(|f| Wanted::filter(f, scope)).transpose()?;
        let stream = self.stream(from).clone();
        let time = stream.time.as_ref().and_then(|(name, by)| {
            let same = |i: &&Item| matches!(&i.expr, Expr::Identifier(c) if c.value == *name);
            items.iter().find(same).map(|i| (i.name.clone(), *by))
        });
        let condition = filter
            .as_ref()
            .map_or(String::new(), |f| format!(" WHERE {}", f.expr));
        let sql = format!(
            "SELECT {}, \"{ROWTIME}\" FROM records{condition}",
            list(&items)
        );
        let transform = self
            .transform(&sql, Arc::clone(&stream.schema))
            .map_err(|e| self.blame(&e, &items, filter.as_ref(), &stream.schema))?;
        let to = self.add(Stream {
            name: stream.name.clone(),
            schema: Arc::clone(transform.output_schema()),
            shown: items.len(),
            time,
            windowed: stream.windowed,
        });
        self.stage(from, to, Op::Map(transform));
        Ok(to)
    }
    /// Puts a problem at the expression that has it.
    pub(super) fn blame(
        &self,
        problem: &SqlProblem,
        items: &[Item],
        filter: Option<&Wanted>,
        schema: &SchemaRef,
    ) -> SqlProblem {
        let plain = SqlProblem::new(problem.message.clone());
        let own = items.iter().map(|i| (&i.expr, i.span));
        for (expr, span) in own.chain(filter.map(|f| (&f.expr, f.span))) {
            let alone = format!("SELECT {expr} AS x FROM records");
            let windowed = wider(schema, OWN.map(time_field));
            if let Err(e) = self.transform(&alone, windowed)
                && e.message == problem.message
            {
                return self.here(at(span, plain.message));
            }
        }
        self.here(plain)
    }
}

/// A resolved expression and where it stood.
pub(super) struct Wanted {
    pub(super) expr: Expr,
    pub(super) span: Span,
}

impl Wanted {
    pub(super) fn filter(mut expr: Expr, scope: &Scope) -> Result<Self, SqlProblem> {
        let span = expr.span();
        if windows::aggregates(&expr) {
            return Err(at(span, "WHERE has no aggregates; write HAVING"));
        }
        scope.resolve(&mut expr)?;
        Ok(Self { expr, span })
    }
}

/// Writes the columns of all items by their inner names.
pub(super) fn resolve(scope: &Scope, items: &mut [Item]) -> Result<(), SqlProblem> {
    for item in items {
        if !item.resolved {
            scope.resolve(&mut item.expr)?;
            item.resolved = true;
        }
    }
    Ok(())
}

fn expanded(scope: &Scope, table: Option<&str>, span: Span) -> Vec<Item> {
    let meant = |p: &&super::names::Part| {
        table.is_none_or(|t| p.names.iter().any(|n| n.eq_ignore_ascii_case(t)))
    };
    let columns = scope.parts.iter().filter(meant).flat_map(|p| &p.columns);
    columns
        .map(|(shown, inner)| Item {
            expr: quoted(inner),
            name: shown.clone(),
            span,
            resolved: true,
        })
        .collect()
}

/// The items as SQL.
pub(super) fn list(items: &[Item]) -> String {
    let one = |i: &Item| format!("{} AS {}", i.expr, quoted(&i.name));
    items.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn name_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()),
        Expr::Nested(inner) => name_of(inner),
        _ => None,
    }
}

/// The expression that GROUP BY means by the name of a column of the SELECT.
fn by_alias(expr: &Expr, scope: &Scope, items: &[Item]) -> Expr {
    if let Expr::Identifier(ident) = expr
        && scope.find(None, ident).is_err()
        && let Some(item) = items
            .iter()
            .find(|i| i.name.eq_ignore_ascii_case(&ident.value))
    {
        return item.expr.clone();
    }
    expr.clone()
}

/// What no stream can do.
fn strange(select: &Select) -> Option<&'static str> {
    if select.distinct.is_some() {
        return Some(
            "SELECT DISTINCT over a stream without an end would keep everything; group by a window",
        );
    }
    let more = select.top.is_some()
        || select.into.is_some()
        || select.qualify.is_some()
        || select.prewhere.is_some()
        || !select.lateral_views.is_empty()
        || !select.connect_by.is_empty()
        || !select.sort_by.is_empty();
    more.then_some(
        "a SELECT over a stream has FROM, WHERE, GROUP BY, HAVING and WINDOW; leave the rest out",
    )
}
