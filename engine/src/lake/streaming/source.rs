//! Where the rows of a SELECT come from: streams, subqueries, window functions, forests, reference data.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, Ident, Join as Joined, JoinConstraint, JoinOperator, Select,
    Spanned as _, TableFactor,
};
use weir_detect::forest::ForestSettings;

use super::forest::Scores;
use super::grouped::Assign;
use super::join::Join;
use super::joining;
use super::meet::Near;
use super::names::{Part, Scope, arguments, at};
use super::program::{Op, Stream};
use super::rows::{time_field, wider};
use super::select::Builder;
use super::windows::{self, OWN, SHOWN, Window};
use super::{Dialect, Reference};
use crate::lake::error::SqlProblem;

/// What a FROM comes to.
pub(super) struct From {
    pub(super) stream: usize,
    pub(super) scope: Scope,
    pub(super) window: Option<Window>,
    /// WHERE has been read.
    pub(super) filtered: bool,
}

impl Builder<'_> {
    pub(super) fn from(&mut self, select: &Select) -> Result<From, SqlProblem> {
        let table = match &select.from[..] {
            [table] => table,
            [left, right] if left.joins.is_empty() && right.joins.is_empty() => {
                return self.pair(&left.relation, &right.relation, select);
            }
            _ => {
                return Err(self.here(SqlProblem::new(
                    "a SELECT reads one stream; join others with JOIN … ON",
                )));
            }
        };
        let mut from = self.factor(&table.relation)?;
        let mut reach = self.reach(&table.relation, select)?;
        for join in &table.joins {
            from = self.join(from, reach, join, select)?;
            reach = None;
        }
        Ok(from)
    }
    /// `FROM a, b WHERE …`.
    fn pair(
        &mut self,
        left: &TableFactor,
        right: &TableFactor,
        select: &Select,
    ) -> Result<From, SqlProblem> {
        let reaches = [self.reach(left, select)?, self.reach(right, select)?];
        let span = right.span();
        let (left, right) = (self.factor(left)?, self.factor(right)?);
        let conditions: Vec<&Expr> = select.selection.iter().collect();
        let reaches = given(reaches);
        let met = self.meet(&left, &right, reaches, [false, false], &conditions, span)?;
        Ok(From {
            filtered: true,
            ..met
        })
    }
    fn factor(&mut self, factor: &TableFactor) -> Result<From, SqlProblem> {
        match factor {
            // `FROM TUMBLE(TABLE t, …)`, as Flink has it since 2.0.
            TableFactor::Table {
                name,
                alias,
                args: Some(args),
                ..
            } => {
                let whole = super::names::call_of(name.clone(), args.args.clone());
                let alias = alias.as_ref().map(|a| a.name.value.clone());
                self.table_function(&whole, alias)
            }
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
                subquery,
                alias,
                lateral: false,
                ..
            } => {
                let found = self.query(subquery, None)?;
                let stream = self.united(&found)?;
                let name = alias.as_ref().map(|a| a.name.value.clone());
                Ok(self.plain(stream, name.into_iter().collect()))
            }
            TableFactor::MatchRecognize { .. } => Err(at(
                factor.span(),
                "MATCH_RECOGNIZE (patterns over rows) is not built here; find the rows with LAG … OVER and a WHERE around it, or with an interval join of the stream with itself",
            )),
            TableFactor::Function { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::Derived { .. } => Err(at(
                factor.span(),
                "LATERAL and UNNEST (several rows of one record) are not built here; let a Lambda function write several records, and read those",
            )),
            TableFactor::TableFunction {
                expr: Expr::Function(function),
                alias,
            } => {
                let alias = alias.as_ref().map(|a| a.name.value.clone());
                self.table_function(function, alias)
            }
            other => Err(at(
                other.span(),
                "FROM reads a stream, a SELECT in brackets or TABLE(function(…))",
            )),
        }
    }
    fn table_function(
        &mut self,
        function: &Function,
        alias: Option<String>,
    ) -> Result<From, SqlProblem> {
        let name = function.name.to_string().to_uppercase();
        match name.as_str() {
            "RANDOM_CUT_FOREST" => self.forest(function, None, alias),
            "RANDOM_CUT_FOREST_WITH_EXPLANATION" => self.forest(function, Some(false), alias),
            "TUMBLE" | "HOP" | "SESSION" | "CUMULATE" => {
                self.window_function(&name, function, alias)
            }
            "HOTSPOTS" | "TOP_K_ITEMS_TUMBLING" | "COUNT_DISTINCT_ITEMS_TUMBLING" => Err(at(
                function.span(),
                format!(
                    "`{name}` is not built here; count with GROUP BY and STEP, which is exact where AWS's function estimates"
                ),
            )),
            _ => Err(at(
                function.span(),
                format!(
                    "there is no table function `{name}`; there are RANDOM_CUT_FOREST, TUMBLE, HOP, CUMULATE and SESSION"
                ),
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
                arrival: self.is_input(stream),
                cuts: self.dialect == Dialect::Flink,
            },
            window: None,
            filtered: false,
        }
    }
    /// `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL …))`.
    fn window_function(
        &mut self,
        name: &str,
        function: &Function,
        alias: Option<String>,
    ) -> Result<From, SqlProblem> {
        let args = super::names::ordered_arguments(name, function);
        let whole = Expr::Function(function.clone());
        let wrong = || {
            at(
                function.span(),
                format!(
                    "{name} is written TABLE({name}(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))"
                ),
            )
        };
        let [
            Expr::Identifier(table),
            Expr::Function(descriptor),
            widths @ ..,
        ] = &args[..]
        else {
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
            part.columns
                .retain(|(shown, _)| !SHOWN.contains(&shown.as_str()));
            let own = SHOWN.into_iter().zip(OWN);
            part.columns
                .extend(own.map(|(s, i)| (s.to_owned(), i.to_owned())));
        }
        Ok(from)
    }
    /// The same records with the bounds of their windows, one row for each window.
    pub(super) fn assigned(&mut self, from: usize, window: &Window) -> Result<usize, SqlProblem> {
        let windows::Shape::Grid(grid) = window.shape else {
            return Err(self.here(SqlProblem::new(
                "the bounds of a session are known at its end; group by window_start, window_end",
            )));
        };
        let own = self.stream(from).clone();
        let output = wider(&own.schema, OWN.map(time_field));
        let assign = Assign {
            grid,
            time: own.schema.index_of(&window.time)?,
            output: Arc::clone(&output),
            most: self.limits.rows,
        };
        let to = self.add(Stream {
            schema: output,
            time: Some((OWN[2].to_owned(), window.by)),
            windowed: Some(window.by),
            ..own
        });
        self.stage(from, to, Op::Windows(assign));
        Ok(to)
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
        let seed = self.limits.seed ^ self.program.stages.len() as u64;
        let mut settings = forest_settings(&args, seed, &mut explain)?;
        let found = self.query(query, None)?;
        let stream = self.united(&found)?;
        let own = self.stream(stream).clone();
        let fields = own.schema.fields().iter().take(own.shown).enumerate();
        let numeric: Vec<(usize, String)> = fields
            .filter(|(_, f)| f.data_type().is_numeric())
            .map(|(i, f)| (i, f.name().clone()))
            .collect();
        if numeric.is_empty() || numeric.len() > 30 {
            return Err(at(
                function.span(),
                format!(
                    "RANDOM_CUT_FOREST looks at 1 to 30 numeric columns, CURSOR selects {}",
                    numeric.len()
                ),
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
    pub(super) fn is_reference(&self, ident: &Ident) -> bool {
        let named = |r: &&Reference| r.name.eq_ignore_ascii_case(&ident.value);
        self.reference.as_ref().is_some_and(named)
    }
    fn join(
        &mut self,
        from: From,
        reach: Option<Near>,
        join: &Joined,
        select: &Select,
    ) -> Result<From, SqlProblem> {
        let named = match &join.relation {
            TableFactor::Table { name, alias, .. } => {
                let ident = name.0.last().and_then(|p| p.as_ident());
                ident.map(|i| (i, alias.as_ref()))
            }
            _ => None,
        };
        let found = named.filter(|n| self.is_reference(n.0)).zip(self.reference);
        let Some(((ident, alias), reference)) = found else {
            let span = join.relation.span();
            let Some((outer, on)) = joining::outer(&join.join_operator) else {
                return Err(at(
                    span,
                    "streams are joined with JOIN, LEFT JOIN, RIGHT JOIN or FULL JOIN and ON",
                ));
            };
            let reaches = given([reach, self.reach(&join.relation, select)?]);
            let right = self.factor(&join.relation)?;
            let conditions: Vec<&Expr> = on.into_iter().collect();
            return self.meet(&from, &right, reaches, outer, &conditions, span);
        };
        if from.window.is_some() {
            return Err(at(
                join.relation.span(),
                "join before the window: put the join into a view",
            ));
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
        let names = [Some(&ident.value), alias.map(|a| &a.name.value)];
        let names = names.into_iter().flatten().cloned().collect();
        let schema = reference.rows.schema();
        let (table, fields) = joined(&own, &schema, names);
        let (left, right) = self.keys(on, &from.scope, &table, reference)?;
        let shown = own.schema.fields().iter().take(own.shown);
        let mut all: Vec<Field> = shown.map(|f| f.as_ref().clone()).collect();
        all.extend(fields);
        let hidden = own.schema.fields().iter().skip(own.shown);
        all.extend(hidden.map(|f| f.as_ref().clone()));
        let output = Arc::new(Schema::new(all));
        let here = |e: SqlProblem| self.here(SqlProblem::new(e.message));
        let keys = self
            .transform(&left, Arc::clone(&own.schema))
            .map_err(here)?;
        let theirs = self.transform(&right, schema).map_err(here)?;
        let joined = Join::new(
            keys,
            theirs,
            &reference.rows,
            outer,
            Arc::clone(&output),
            own.shown,
        )
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
            filtered: false,
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
            cuts: scope.cuts,
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
                        Err(why) => match side(right, left) {
                            Ok(pair) => pair,
                            Err(_) => return Err(why),
                        },
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
}

/// The windows of both sides, where one has one; the other takes part with its current row.
fn given(reaches: [Option<Near>; 2]) -> Option<[Near; 2]> {
    let any = reaches.iter().any(Option::is_some);
    any.then(|| reaches.map(|r| r.unwrap_or(Near::Range(0, 0))))
}

/// The numbers of a call, and whether it wants directions.
fn forest_settings(
    args: &[&Expr],
    seed: u64,
    explain: &mut Option<bool>,
) -> Result<ForestSettings, SqlProblem> {
    let mut settings = ForestSettings {
        seed,
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
            *explain = Some(arg.to_string().eq_ignore_ascii_case("true"));
            continue;
        }
        let Some((name, least, most)) = ranges.get(i) else {
            return Err(at(arg.span(), "RANDOM_CUT_FOREST has no further argument"));
        };
        let value = arg.to_string().parse::<u64>().ok();
        let value = value
            .filter(|v| (*least..=*most).contains(v))
            .ok_or_else(|| {
                at(
                    arg.span(),
                    format!("{name} is a number from {least} to {most}, not {arg}"),
                )
            })?;
        let small = u32::try_from(value).unwrap_or(u32::MAX);
        match i {
            0 => settings.num_trees = small,
            1 => settings.num_samples_per_tree = small,
            2 => settings.time_decay = value,
            _ => settings.shingle_size = small,
        }
    }
    Ok(settings)
}

/// The columns of a table beside those of a stream: by its names, and as fields with names that nothing else has.
fn joined(stream: &Stream, table: &Schema, names: Vec<String>) -> (Part, Vec<Field>) {
    let (mut columns, mut fields) = (Vec::new(), Vec::new());
    for field in table.fields() {
        let mut inner = field.name().clone();
        while stream.schema.index_of(&inner).is_ok() {
            inner.insert(0, '~');
        }
        let own = field.as_ref().clone();
        fields.push(own.with_name(&inner).with_nullable(true));
        columns.push((field.name().clone(), inner));
    }
    (Part { names, columns }, fields)
}
