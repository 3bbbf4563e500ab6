//! Where the rows of a SELECT come from: streams, subqueries, window functions, forests, reference data; and tables that are the input.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, Ident, Join as Joined, JoinConstraint, JoinOperator,
    NamedWindowExpr, Select, Spanned as _, TableFactor, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowSpec, WindowType,
};
use weir_detect::forest::ForestSettings;

use super::aggregation::Aggregation;
use super::declare::time_type;
use super::forest::Scores;
use super::join::Join;
use super::names::{Part, Scope, any, arguments, at, interval, quoted, replace};
use super::over::{Call, Frame, Over, What};
use super::program::{Mark, Op, Stream, TimeBy};
use super::rows::{ARRIVAL, ROWTIME, time_field, wider};
use super::script::{ColumnDecl, ColumnIs, Declared};
use super::select::{Builder, Item};
use super::windows::{self, OWN, SHOWN, Window};
use super::{Dialect, Reference};
use crate::lake::error::SqlProblem;
use crate::lake::transform::Transform;

/// What a FROM comes to.
pub(super) struct From {
    pub(super) stream: usize,
    pub(super) scope: Scope,
    pub(super) window: Option<Window>,
}

impl Builder<'_> {
    pub(super) fn from(&mut self, select: &Select) -> Result<From, SqlProblem> {
        let [table] = &select.from[..] else {
            return Err(self.here(SqlProblem::new(
                "a SELECT reads one stream; join reference data with JOIN … ON",
            )));
        };
        let mut from = self.factor(&table.relation)?;
        for join in &table.joins {
            from = self.join(from, join)?;
        }
        Ok(from)
    }
    fn factor(&mut self, factor: &TableFactor) -> Result<From, SqlProblem> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => {
                let ident = name.0.last().and_then(|p| p.as_ident());
                let Some(ident) = ident else {
                    return Err(at(factor.span(), "here the name of a stream is missing"));
                };
                if self.is_reference(ident) {
                    return Err(at(
                        ident.span,
                        format!(
                            "`{}` is reference data; read a stream and join it: FROM stream JOIN {} ON …",
                            ident.value, ident.value
                        ),
                    ));
                }
                let stream = self.table(ident)?;
                let names = [Some(&ident.value), alias.as_ref().map(|a| &a.name.value)];
                Ok(self.plain(stream, names.into_iter().flatten().cloned().collect()))
            }
            TableFactor::Derived {
                subquery, alias, ..
            } => {
                let found = self.query(subquery, None)?;
                let [stream] = found[..] else {
                    return Err(at(
                        factor.span(),
                        "a UNION in FROM goes into a stream of its own first",
                    ));
                };
                let name = alias.as_ref().map(|a| a.name.value.clone());
                Ok(self.plain(stream, name.into_iter().collect()))
            }
            TableFactor::TableFunction {
                expr: Expr::Function(function),
                alias,
            } => {
                let name = function.name.to_string().to_uppercase();
                let alias = alias.as_ref().map(|a| a.name.value.clone());
                match name.as_str() {
                    "RANDOM_CUT_FOREST" => self.forest(function, None, alias),
                    "RANDOM_CUT_FOREST_WITH_EXPLANATION" => {
                        self.forest(function, Some(false), alias)
                    }
                    "TUMBLE" | "HOP" | "SESSION" | "CUMULATE" => {
                        self.window_function(&name, function, alias)
                    }
                    _ => Err(at(
                        function.span(),
                        format!(
                            "there is no table function `{name}`; there are RANDOM_CUT_FOREST, TUMBLE, HOP, CUMULATE and SESSION"
                        ),
                    )),
                }
            }
            other => Err(at(
                other.span(),
                "FROM reads a stream, a SELECT in brackets or TABLE(function(…))",
            )),
        }
    }
    /// All shown columns of a stream under these names.
    pub(super) fn plain(&self, stream: usize, names: Vec<String>) -> From {
        let own = self.stream(stream);
        let fields = own.schema.fields().iter().take(own.shown);
        let columns = fields.map(|f| (f.name().clone(), f.name().clone()));
        From {
            stream,
            scope: Scope {
                parts: vec![Part {
                    names,
                    columns: columns.collect(),
                }],
                arrival: stream == 0,
            },
            window: None,
        }
    }
    /// `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL …))`.
    fn window_function(
        &mut self,
        name: &str,
        function: &Function,
        alias: Option<String>,
    ) -> Result<From, SqlProblem> {
        let args = arguments(function);
        let whole = Expr::Function(function.clone());
        let wrong = || {
            at(
                function.span(),
                format!("{name} is written TABLE({name}(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))"),
            )
        };
        let [Expr::Identifier(table), Expr::Function(descriptor), widths @ ..] = &args[..] else {
            return Err(wrong());
        };
        let columns = arguments(descriptor);
        let [time] = columns[..] else {
            return Err(wrong());
        };
        let stream = self.table(table)?;
        let names = [Some(table.value.clone()), alias];
        let mut from = self.plain(stream, names.into_iter().flatten().collect());
        let (column, by) = windows::time_of(time, &from.scope, self.stream(stream))?;
        from.window = Some(Window {
            shape: windows::shape(name, &whole, widths)?,
            time: column,
            by,
        });
        for part in &mut from.scope.parts {
            part.columns.retain(|(shown, _)| !SHOWN.contains(&shown.as_str()));
            let own = SHOWN.into_iter().zip(OWN);
            part.columns.extend(own.map(|(s, i)| (s.to_owned(), i.to_owned())));
        }
        Ok(from)
    }
    /// `TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT …), trees, samples, decay, shingle))`.
    fn forest(
        &mut self,
        function: &Function,
        mut explain: Option<bool>,
        alias: Option<String>,
    ) -> Result<From, SqlProblem> {
        let args = arguments(function);
        let Some(Expr::Subquery(query)) = args.first() else {
            return Err(at(
                function.span(),
                "RANDOM_CUT_FOREST is written TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM … FROM …), 100, 256, 100000, 1))",
            ));
        };
        let mut settings = ForestSettings {
            seed: self.limits.seed ^ self.program.stages.len() as u64,
            ..ForestSettings::default()
        };
        let ranges: [(&str, u64, u64); 4] = [
            ("numberOfTrees", 1, 1000),
            ("subSampleSize", 10, 1000),
            ("timeDecay", 1, 2_147_483_647),
            ("shingleSize", 1, 30),
        ];
        for (i, arg) in args.iter().skip(1).enumerate() {
            if i == ranges.len() && explain.is_some() {
                explain = Some(arg.to_string().eq_ignore_ascii_case("true"));
                continue;
            }
            let Some((name, least, most)) = ranges.get(i) else {
                return Err(at(arg.span(), "RANDOM_CUT_FOREST has no further argument"));
            };
            let value = arg.to_string().parse::<u64>().ok();
            let value = value.filter(|v| (*least..=*most).contains(v)).ok_or_else(|| {
                at(arg.span(), format!("{name} is a number from {least} to {most}, not {arg}"))
            })?;
            let small = u32::try_from(value).unwrap_or(u32::MAX);
            match i {
                0 => settings.num_trees = small,
                1 => settings.num_samples_per_tree = small,
                2 => settings.time_decay = value,
                _ => settings.shingle_size = small,
            }
        }
        let found = self.query(query, None)?;
        let [stream] = found[..] else {
            return Err(at(function.span(), "CURSOR holds one SELECT without UNION"));
        };
        let own = self.stream(stream).clone();
        let fields = own.schema.fields().iter().take(own.shown).enumerate();
        let numeric: Vec<(usize, String)> = fields
            .filter(|(_, f)| f.data_type().is_numeric())
            .map(|(i, f)| (i, f.name().clone()))
            .collect();
        if numeric.is_empty() || numeric.len() > 30 {
            return Err(at(
                function.span(),
                format!("RANDOM_CUT_FOREST looks at 1 to 30 numeric columns, CURSOR selects {}", numeric.len()),
            ));
        }
        settings.feature_dim = u32::try_from(numeric.len()).unwrap_or(1);
        let mut more = vec![Field::new("ANOMALY_SCORE", DataType::Float64, true)];
        if explain.is_some() {
            more.push(Field::new("ANOMALY_EXPLANATION", DataType::Utf8, true));
        }
        let added: Vec<(String, String)> = more
            .iter()
            .map(|f| (f.name().clone(), f.name().clone()))
            .collect();
        let output = wider(&own.schema, more);
        let (columns, names) = numeric.into_iter().unzip();
        let scores = Scores::new(settings, columns, names, explain, Arc::clone(&output));
        // The hidden time stands between the cursor's columns and the score.
        let to = self.add(Stream {
            schema: output,
            ..own
        });
        self.stage(stream, to, Op::Forest(Box::new(scores)));
        let mut from = self.plain(to, alias.into_iter().collect());
        for part in &mut from.scope.parts {
            part.columns.extend(added.iter().cloned());
        }
        Ok(from)
    }
    fn is_reference(&self, ident: &Ident) -> bool {
        let named = |r: &&Reference| r.name.eq_ignore_ascii_case(&ident.value);
        self.reference.as_ref().is_some_and(named)
    }
    fn join(&mut self, from: From, join: &Joined) -> Result<From, SqlProblem> {
        let TableFactor::Table { name, alias, .. } = &join.relation else {
            return Err(at(join.relation.span(), "join the reference data by its name"));
        };
        let ident = name.0.last().and_then(|p| p.as_ident());
        let found = ident.filter(|i| self.is_reference(i)).zip(self.reference);
        let Some((ident, reference)) = found else {
            return Err(at(
                join.relation.span(),
                "a stream is joined with the reference data only (parameter `reference_table`)",
            ));
        };
        if from.window.is_some() {
            return Err(at(join.relation.span(), "join before the window: put the join into a view"));
        }
        let (outer, on) = match &join.join_operator {
            JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on)) => (false, on),
            JoinOperator::Left(JoinConstraint::On(on))
            | JoinOperator::LeftOuter(JoinConstraint::On(on)) => (true, on),
            _ => {
                return Err(at(
                    join.relation.span(),
                    "reference data is joined with JOIN or LEFT JOIN and ON a = b",
                ));
            }
        };
        let own = self.stream(from.stream).clone();
        let mut table = Part {
            names: [Some(&ident.value), alias.as_ref().map(|a| &a.name.value)]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            columns: Vec::new(),
        };
        let schema = reference.rows.schema();
        let mut fields: Vec<Field> = Vec::new();
        for field in schema.fields() {
            let mut inner = field.name().clone();
            while own.schema.index_of(&inner).is_ok() {
                inner = format!("{}.{inner}", ident.value);
            }
            fields.push(field.as_ref().clone().with_name(&inner).with_nullable(true));
            table.columns.push((field.name().clone(), inner));
        }
        let (left, right) = self.keys(on, &from.scope, &table, reference)?;
        let shown = own.schema.fields().iter().take(own.shown);
        let mut all: Vec<Field> = shown.map(|f| f.as_ref().clone()).collect();
        all.extend(fields);
        let hidden = own.schema.fields().iter().skip(own.shown);
        all.extend(hidden.map(|f| f.as_ref().clone()));
        let output = Arc::new(Schema::new(all));
        let keys = Transform::compile(&left, Arc::clone(&own.schema)).map_err(|e| self.here(SqlProblem::new(e.message)))?;
        let theirs = Transform::compile(&right, schema).map_err(|e| self.here(SqlProblem::new(e.message)))?;
        let theirs = theirs.apply(&reference.rows)?.rows;
        let joined = Join::new(keys, &theirs, reference.rows.clone(), outer, Arc::clone(&output), own.shown)
            .map_err(|e| self.here(e))?;
        let to = self.add(Stream {
            schema: output,
            shown: own.shown + table.columns.len(),
            ..own
        });
        self.stage(from.stream, to, Op::Join(Box::new(joined)));
        let mut scope = from.scope;
        scope.parts.push(table);
        Ok(From {
            stream: to,
            scope,
            window: None,
        })
    }
    /// The SELECTs of both sides' keys from `a = b AND …`.
    fn keys(
        &self,
        on: &Expr,
        scope: &Scope,
        table: &Part,
        reference: &Reference,
    ) -> Result<(String, String), SqlProblem> {
        let mut pairs = Vec::new();
        let mut rest = vec![on];
        // The table's own names, for the side that is evaluated over the table itself.
        let theirs = Scope {
            parts: vec![Part {
                names: table.names.clone(),
                columns: reference
                    .rows
                    .schema()
                    .fields()
                    .iter()
                    .map(|f| (f.name().clone(), f.name().clone()))
                    .collect(),
            }],
            arrival: false,
        };
        while let Some(expr) = rest.pop() {
            match expr {
                Expr::Nested(inner) => rest.push(inner),
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::And,
                    right,
                } => rest.extend([right.as_ref(), left.as_ref()]),
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::Eq,
                    right,
                } => {
                    let side = |mine: &Expr, their: &Expr| {
                        let (mut mine, mut their) = (mine.clone(), their.clone());
                        scope.resolve(&mut mine)?;
                        theirs.resolve(&mut their)?;
                        Ok((mine, their))
                    };
                    let straight: Result<_, SqlProblem> = side(left, right);
                    pairs.push(match straight {
                        Ok(pair) => pair,
                        Err(why) => side(right, left).map_err(|_: SqlProblem| why)?,
                    });
                }
                other => {
                    return Err(at(
                        other.span(),
                        "reference data is joined by equal keys: ON stream.a = table.b AND …",
                    ));
                }
            }
        }
        let sql = |which: &dyn Fn(&(Expr, Expr)) -> String| {
            let keys = pairs.iter().enumerate();
            let keys: Vec<String> = keys.map(|(i, p)| format!("{} AS k{i}", which(p))).collect();
            format!("SELECT {} FROM records", keys.join(", "))
        };
        Ok((sql(&|p| p.0.to_string()), sql(&|p| p.1.to_string())))
    }
    /// Adds a stage for the calls with OVER and writes their columns in their place.
    pub(super) fn over(
        &mut self,
        select: &Select,
        stream: usize,
        scope: Scope,
        items: &mut [Item],
    ) -> Result<(usize, Scope), SqlProblem> {
        if self.dialect == Dialect::Flink {
            return Err(self.here(SqlProblem::new(
                "OVER windows are run in Kinesis SQL only; in Flink SQL use TUMBLE, HOP, CUMULATE or SESSION",
            )));
        }
        let stream = match &select.selection {
            Some(filter) => self.filtered(stream, &scope, filter.clone())?,
            None => stream,
        };
        let own = self.stream(stream).clone();
        let mut calls: Vec<(Expr, Call)> = Vec::new();
        for item in items.iter() {
            let mut found = Vec::new();
            any(&item.expr, &mut |e| {
                if matches!(e, Expr::Function(f) if f.over.is_some()) {
                    found.push(e.clone());
                }
                false
            });
            for expr in found {
                if let Expr::Function(f) = &expr
                    && !calls.iter().any(|(e, _)| *e == expr)
                {
                    let call = self.call(f, select, &scope, &own)?;
                    calls.push((expr, call));
                }
            }
        }
        for item in items.iter_mut() {
            replace(&mut item.expr, &mut |e| {
                let place = calls.iter().position(|(c, _)| c == e)?;
                Some(quoted(&format!("__over_{place}")))
            });
        }
        let fields = calls.iter().enumerate();
        let fields = fields.map(|(i, (_, c))| Field::new(format!("__over_{i}"), c.data_type(), true));
        let output = wider(&own.schema, fields.collect::<Vec<_>>());
        let over = Over {
            calls: calls.into_iter().map(|(_, c)| c).collect(),
            time: own.schema.index_of(ROWTIME).unwrap_or_default(),
            output: Arc::clone(&output),
            limits: self.limits,
            entries: 0,
        };
        let to = self.add(Stream {
            schema: output,
            ..own
        });
        self.stage(stream, to, Op::Over(Box::new(over)));
        Ok((to, scope))
    }
    /// The same stream without what a WHERE leaves out, hidden columns and all.
    fn filtered(&mut self, from: usize, scope: &Scope, filter: Expr) -> Result<usize, SqlProblem> {
        let own = self.stream(from).clone();
        let filter = super::select::Wanted::filter(filter, scope)?;
        let sql = format!("SELECT * FROM records WHERE {}", filter.expr);
        let transform = Transform::compile(&sql, Arc::clone(&own.schema))
            .map_err(|e| self.blame(&e, &[], Some(&filter), &own.schema))?;
        let to = self.add(own);
        self.stage(from, to, Op::Map(transform));
        Ok(to)
    }
    fn call(
        &self,
        function: &Function,
        select: &Select,
        scope: &Scope,
        stream: &Stream,
    ) -> Result<Call, SqlProblem> {
        let span = function.span();
        let spec = self.spec(function, select)?;
        if !spec.order_by.is_empty() {
            let rowtime = spec.order_by.len() == 1 && scope.is_rowtime(&spec.order_by[0].expr);
            if !rowtime {
                return Err(at(span, "a sliding window is in the order of ROWTIME; leave ORDER BY out"));
            }
        }
        let name = function.name.to_string().to_uppercase();
        let frame = frame(spec.window_frame.as_ref())?;
        let args = arguments(function);
        let what = match name.as_str() {
            "LAG" => {
                let back = args.get(1).map_or(Some(1), |n| n.to_string().parse().ok());
                let back = back.filter(|n| (1..=10_000).contains(n));
                What::Lag(back.ok_or_else(|| at(span, "LAG goes back 1 to 10000 records"))?)
            }
            "FIRST_VALUE" => What::First,
            "LAST_VALUE" => What::Last,
            _ if crate::lake::sql::is_aggregate(&name) => {
                let mut plain = Expr::Function(Function {
                    over: None,
                    ..function.clone()
                });
                scope.resolve(&mut plain)?;
                let sql = format!("SELECT {plain} AS x FROM records");
                let compiled = Aggregation::compile(&sql, &stream.schema);
                What::Aggregate(compiled.map_err(|e| at(span, e.message))?)
            }
            _ => {
                return Err(at(
                    span,
                    format!("`{name}` has no OVER here; there are the aggregates, LAG, FIRST_VALUE and LAST_VALUE"),
                ));
            }
        };
        let mut wanted: Vec<Expr> = spec.partition_by.clone();
        if !matches!(what, What::Aggregate(_)) {
            wanted.extend(args.first().map(|a| (*a).clone()));
        }
        let mut columns = Vec::new();
        for (i, expr) in wanted.iter_mut().enumerate() {
            scope.resolve(expr)?;
            columns.push(format!("{expr} AS k{i}"));
        }
        if columns.is_empty() {
            columns.push(format!("\"{ROWTIME}\" AS k0"));
        }
        let sql = format!("SELECT {} FROM records", columns.join(", "));
        let values = Transform::compile(&sql, Arc::clone(&stream.schema)).map_err(|e| at(span, e.message))?;
        Call::new(what, frame, values, spec.partition_by.len()).map_err(|e| at(span, e.message))
    }
    fn spec(&self, function: &Function, select: &Select) -> Result<WindowSpec, SqlProblem> {
        match &function.over {
            Some(WindowType::WindowSpec(spec)) => match &spec.window_name {
                None => Ok(spec.clone()),
                Some(name) => self.named(name, select),
            },
            Some(WindowType::NamedWindow(name)) => self.named(name, select),
            None => Err(at(function.span(), "here OVER is missing")),
        }
    }
    fn named(&self, name: &Ident, select: &Select) -> Result<WindowSpec, SqlProblem> {
        let same = |i: &Ident| i.value.eq_ignore_ascii_case(&name.value);
        let found = select.named_window.iter().find(|w| same(&w.0));
        match found.map(|w| &w.1) {
            Some(NamedWindowExpr::WindowSpec(spec)) => Ok(spec.clone()),
            _ => Err(at(
                name.span,
                format!("there is no window `{}`; write WINDOW {} AS (…)", name.value, name.value),
            )),
        }
    }
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
        Ok(self.add(Stream {
            name: declared.name.clone(),
            schema: Arc::new(Schema::new(fields)),
            shown,
            time: None,
        }))
    }
    fn input_table(&mut self, declared: &Declared) -> Result<usize, SqlProblem> {
        let input = Arc::clone(&self.stream(0).schema);
        let (mut places, mut fields) = (Vec::new(), Vec::new());
        for column in &declared.columns {
            let (place, kind) = match &column.what {
                ColumnIs::Field(kind) => (self.input_column(column)?, kind.clone()),
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
        });
        self.stage(0, stream, Op::Fit(places, schema));
        let computed = |c: &ColumnDecl| matches!(c.what, ColumnIs::Computed(_));
        if declared.columns.iter().any(computed) {
            let scope = self.plain(stream, vec![declared.name.clone()]).scope;
            let items = declared.columns.iter().map(|c| {
                let expr = match &c.what {
                    ColumnIs::Computed(expr) => expr.clone(),
                    _ => quoted(&c.name),
                };
                Item {
                    span: expr.span(),
                    expr,
                    name: c.name.clone(),
                    resolved: false,
                }
            });
            let items = items.collect();
            stream = self.map(stream, &scope, items, None)?;
        }
        let time = self.table_time(declared, stream)?;
        self.program.streams[stream].time = time;
        Ok(stream)
    }
    fn input_column(&self, column: &ColumnDecl) -> Result<usize, SqlProblem> {
        let scope = self.plain(0, Vec::new()).scope;
        let found = scope.find(None, &Ident::new(&column.name));
        let inner = found.map_err(|e| {
            let why = e.message.replace("there is no column", "the records have no field");
            self.here(SqlProblem::new(why))
        })?;
        Ok(self.stream(0).schema.index_of(&inner)?)
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

/// How far back a window reaches.
fn frame(frame: Option<&WindowFrame>) -> Result<Frame, SqlProblem> {
    let Some(frame) = frame else {
        return Ok(Frame::All);
    };
    if frame
        .end_bound
        .as_ref()
        .is_some_and(|e| *e != WindowFrameBound::CurrentRow)
    {
        return Err(SqlProblem::new(
            "a sliding window ends at the current record; write … PRECEDING",
        ));
    }
    match (&frame.units, &frame.start_bound) {
        (_, WindowFrameBound::Preceding(None)) => Ok(Frame::All),
        (WindowFrameUnits::Range, WindowFrameBound::Preceding(Some(back))) => {
            Ok(Frame::Range(interval(back)?))
        }
        (WindowFrameUnits::Rows, WindowFrameBound::Preceding(Some(back))) => {
            let rows = back.to_string().parse().ok().filter(|n| *n <= 1_000_000_usize);
            rows.map(Frame::Rows)
                .ok_or_else(|| at(back.span(), "ROWS goes back up to 1,000,000 records"))
        }
        (_, WindowFrameBound::CurrentRow) => Ok(Frame::Rows(0)),
        _ => Err(SqlProblem::new(
            "a sliding window is RANGE INTERVAL … PRECEDING or ROWS n PRECEDING",
        )),
    }
}
