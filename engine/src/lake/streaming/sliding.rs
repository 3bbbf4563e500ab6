//! Sliding windows: the calls with OVER of a SELECT become a stage that adds a column for each.

use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, Ident, NamedWindowExpr, OrderBy, OrderByExpr, OrderByKind, Query, Select,
    SetExpr, Spanned as _, TableFactor, Value, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowSpec, WindowType,
};
use weir_detect::Algorithm;

use super::Dialect;
use super::aggregation::Aggregation;
use super::grouped::Grid;
use super::names::{Scope, any, arguments, at, call, interval, quoted, replace};
use super::over::{Call, Frame, Over, What};
use super::program::{Op, Stream, TimeBy};
use super::rows::{ROWTIME, wider};
use super::select::{Builder, Item};
use super::sorted::{Direction, Sorted};
use super::windows::{self, Shape, Window};
use crate::lake::anomaly::{self, Told};
use crate::lake::error::SqlProblem;
use crate::lake::transform::Transform;

/// The text of a literal.
const fn text(expr: &Expr) -> Option<&String> {
    match expr {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The expression as a number.
fn double(expr: Expr) -> Expr {
    let float = Value::SingleQuotedString("Float64".to_owned());
    call("arrow_cast", vec![expr, Expr::Value(float.into())])
}

impl Builder<'_> {
    /// Adds a stage for the calls with OVER and writes their columns in their place.
    pub(super) fn over(
        &mut self,
        select: &Select,
        stream: usize,
        scope: Scope,
        items: &mut [Item],
    ) -> Result<(usize, Scope), SqlProblem> {
        let stream = match &select.selection {
            Some(filter) => self.filtered(stream, &scope, filter.clone())?,
            None => stream,
        };
        let (stream, by_window) = self.ranked(items, select, &scope, stream)?;
        let mut own = self.stream(stream).clone();
        let mut calls: Vec<(Expr, Call)> = Vec::new();
        let mut order: Option<(String, TimeBy)> = by_window.clone();
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
                    let time = match &by_window {
                        Some(time) if rank(f).is_some() => time.clone(),
                        _ => self.order(f, select, &scope, &own)?,
                    };
                    if *order.get_or_insert_with(|| time.clone()) != time {
                        return Err(at(
                            f.span(),
                            "all OVER of a SELECT are in the order of one time",
                        ));
                    }
                    let mut call = self.call(f, select, &scope, &own)?;
                    if by_window.is_some() {
                        // Nothing is kept of a window that is over.
                        call.frame = Frame::Range(0);
                    }
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
        let fields =
            fields.map(|(i, (_, c))| Field::new(format!("__over_{i}"), c.data_type(), true));
        let output = wider(&own.schema, fields.collect::<Vec<_>>());
        let (column, by) = order.unwrap_or((ROWTIME.to_owned(), TimeBy::Processing));
        let time = own.schema.index_of(&column)?;
        let mut stream = stream;
        if let (TimeBy::Event(_), None) = (by, &by_window) {
            // Rows wait until no earlier one can come.
            let schema = Arc::clone(&own.schema);
            let sorted = Sorted::new(time, 1, None, schema, self.limits.rows);
            let waited = self.add(own.clone());
            self.stage(stream, waited, Op::Sorted(Box::new(sorted), by));
            stream = waited;
            own = self.stream(stream).clone();
        }
        let over = Over {
            calls: calls.into_iter().map(|(_, c)| c).collect(),
            time,
            output: Arc::clone(&output),
            limits: self.limits,
            entries: 0,
            peers: by != TimeBy::Processing,
        };
        let to = self.add(Stream {
            schema: output,
            ..own
        });
        self.stage(stream, to, Op::Over(Box::new(over), by));
        Ok((to, scope))
    }
    /// The time in whose order a window is.
    fn order(
        &self,
        function: &Function,
        select: &Select,
        scope: &Scope,
        stream: &Stream,
    ) -> Result<(String, TimeBy), SqlProblem> {
        let spec = self.spec(function, select)?;
        let rowtime = || (ROWTIME.to_owned(), TimeBy::Processing);
        match (&spec.order_by[..], self.dialect) {
            ([], Dialect::Kinesis) => Ok(rowtime()),
            ([one], _) if scope.is_rowtime(&one.expr) => Ok(rowtime()),
            ([one], Dialect::Flink) if one.options.asc != Some(false) => {
                let found = windows::time_of(&one.expr, scope, stream);
                if found.is_err() && rank(function).is_some() {
                    return Err(changing(function));
                }
                let found = found?;
                Ok(if found.1 == TimeBy::Processing {
                    rowtime()
                } else {
                    found
                })
            }
            (_, Dialect::Kinesis) => Err(at(
                function.span(),
                "a sliding window is in the order of ROWTIME; leave ORDER BY out",
            )),
            (_, Dialect::Flink) if rank(function).is_some() => Err(changing(function)),
            (_, Dialect::Flink) => Err(at(
                function.span(),
                "OVER is in the rising order of one time: OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW)",
            )),
        }
    }
    /// Rows in the order of an ORDER BY that begins with their time: each period goes out when it has ended.
    pub(super) fn ordered(
        &mut self,
        query: &Query,
        order: &OrderBy,
        found: &[usize],
    ) -> Result<usize, SqlProblem> {
        let wrong = |span| {
            at(
                span,
                "over a stream without an end ORDER BY begins with the time, as in ORDER BY FLOOR(ROWTIME TO SECOND), score DESC",
            )
        };
        let (OrderByKind::Expressions(keys), [from]) = (&order.kind, found) else {
            return Err(wrong(order.span()));
        };
        let (from, own) = (*from, self.stream(*from).clone());
        let mut names = vec![own.name.clone()];
        if let SetExpr::Select(select) = query.body.as_ref() {
            names.extend(select.from.iter().filter_map(|t| match &t.relation {
                TableFactor::Table { name, alias, .. } => Some(match alias {
                    Some(alias) => alias.name.value.clone(),
                    None => name.0.last()?.as_ident()?.value.clone(),
                }),
                _ => None,
            }));
        }
        let scope = self.plain(from, names).scope;
        let Some((first, rest)) = keys.split_first() else {
            return Err(wrong(order.span()));
        };
        if first.options.asc == Some(false) {
            return Err(wrong(first.span()));
        }
        let groups = std::slice::from_ref(&first.expr);
        let window = windows::find(groups, &scope, &own)?;
        let (time, period, by) = match window {
            Some(Window {
                shape: Shape::Grid(Grid::Tumble(width)),
                time,
                by,
            }) => (time, width, by),
            _ => {
                let found = windows::time_of(&first.expr, &scope, &own);
                let (time, by) = found.map_err(|_no_time| wrong(first.span()))?;
                (time, 1, by)
            }
        };
        let keys = self.sort_keys(rest, &scope, &own)?;
        let at = own.schema.index_of(&time)?;
        let schema = Arc::clone(&own.schema);
        let sorted = Sorted::new(at, period, keys, schema, self.limits.rows);
        let to = self.add(own);
        self.stage(from, to, Op::Sorted(Box::new(sorted), by));
        Ok(to)
    }
    /// The keys of an ORDER BY and their directions.
    fn sort_keys(
        &self,
        all: &[OrderByExpr],
        scope: &Scope,
        own: &Stream,
    ) -> Result<Option<(Transform, Vec<Direction>)>, SqlProblem> {
        let Some(first) = all.first() else {
            return Ok(None);
        };
        let (mut columns, mut directions) = (Vec::new(), Vec::new());
        for (i, key) in all.iter().enumerate() {
            let mut expr = key.expr.clone();
            scope.resolve(&mut expr)?;
            columns.push(format!("{expr} AS k{i}"));
            let down = key.options.asc == Some(false);
            directions.push((down, key.options.nulls_first.unwrap_or(down)));
        }
        let sql = format!("SELECT {} FROM records", columns.join(", "));
        let keys = self.transform(&sql, Arc::clone(&own.schema));
        let keys = keys.map_err(|e| at(first.span(), e.message))?;
        Ok(Some((keys, directions)))
    }
    /// Where a `ROW_NUMBER` is within a window: a stage that gives the rows of each window sorted when it is over, and the column of its end.
    fn ranked(
        &mut self,
        items: &[Item],
        select: &Select,
        scope: &Scope,
        from: usize,
    ) -> Result<(usize, Option<(String, TimeBy)>), SqlProblem> {
        let mut found = None;
        for item in items {
            any(&item.expr, &mut |e| {
                found = found.take().or_else(|| rank(e_function(e)?).cloned());
                found.is_some()
            });
        }
        let own = self.stream(from).clone();
        let (Some(function), Some(by)) = (found, own.windowed) else {
            return Ok((from, None));
        };
        let spec = self.spec(&function, select)?;
        let bound = |name: &str| {
            let columns = spec.partition_by.iter().filter_map(|e| scope.column(e));
            let plain = |c: &String| c.trim_start_matches(['~', '_']).eq_ignore_ascii_case(name);
            columns.into_iter().find(plain)
        };
        let (Some(_), Some(end)) = (bound("window_start"), bound("window_end")) else {
            return Ok((from, None));
        };
        let keys = self.sort_keys(&spec.order_by, scope, &own)?;
        let place = own.schema.index_of(&end)?;
        let schema = Arc::clone(&own.schema);
        let sorted = Sorted::new(place, 1, keys, schema, self.limits.rows).of_windows();
        let to = self.add(own);
        self.stage(from, to, Op::Sorted(Box::new(sorted), by));
        Ok((to, Some((end, by))))
    }
    /// The same stream without what a WHERE leaves out, hidden columns and all.
    fn filtered(&mut self, from: usize, scope: &Scope, filter: Expr) -> Result<usize, SqlProblem> {
        let own = self.stream(from).clone();
        let filter = super::select::Wanted::filter(filter, scope)?;
        let sql = format!("SELECT * FROM records WHERE {}", filter.expr);
        let transform = self
            .transform(&sql, Arc::clone(&own.schema))
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
        let name = function.name.to_string().to_uppercase();
        let frame = frame(spec.window_frame.as_ref())?;
        let args = arguments(function);
        let what = match name.as_str() {
            "LAG" => {
                let back = args.get(1).map_or(Some(1), |n| n.to_string().parse().ok());
                let back = back.filter(|n| (1..=10_000).contains(n));
                What::Lag(back.ok_or_else(|| at(span, "LAG goes back 1 to 10000 records"))?)
            }
            "ANOMALY_SCORE" | "IS_ANOMALY" | "ANOMALY_EXPECTED" => {
                let told = Told::by(&name).unwrap_or(Told::Score);
                if frame != Frame::All {
                    return Err(at(
                        span,
                        format!("{name} looks at all records so far: leave the frame out"),
                    ));
                }
                let algorithm = match args.first().and_then(|a| text(a)) {
                    Some(named) => anomaly::algorithm(named).map_err(|why| at(span, why))?,
                    None => Algorithm::BestOf,
                };
                What::Detect(told, algorithm, self.limits.seed)
            }
            "ROW_NUMBER" => What::Number,
            "FIRST_VALUE" => What::First,
            "LAST_VALUE" => What::Last,
            _ if crate::lake::sql::is_aggregate(&name) => {
                let mut plain = Expr::Function(Function {
                    over: None,
                    ..function.clone()
                });
                scope.resolve(&mut plain)?;
                let sql = format!("SELECT {plain} AS x FROM records");
                let compiled =
                    Aggregation::compile(&sql, &stream.schema, self.dialect == Dialect::Kinesis);
                What::Aggregate(compiled.map_err(|e| at(span, e.message))?)
            }
            _ => {
                return Err(at(
                    span,
                    format!(
                        "`{name}` has no OVER here; there are the aggregates, ROW_NUMBER, LAG, FIRST_VALUE, LAST_VALUE, ANOMALY_SCORE, IS_ANOMALY and ANOMALY_EXPECTED"
                    ),
                ));
            }
        };
        let mut wanted: Vec<Expr> = spec.partition_by.clone();
        match what {
            What::Aggregate(_) | What::Number => {}
            What::Detect(..) => {
                let numbers = args.iter().filter(|a| text(a).is_none());
                let numbers: Vec<Expr> = numbers.map(|a| double((*a).clone())).collect();
                if numbers.is_empty() {
                    let why = format!(
                        "{name} takes the name of a detector and numbers: {name}('mad', price)"
                    );
                    return Err(at(span, why));
                }
                wanted.extend(numbers);
            }
            _ => wanted.extend(args.first().map(|a| (*a).clone())),
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
        let values = self
            .transform(&sql, Arc::clone(&stream.schema))
            .map_err(|e| at(span, e.message))?;
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
                format!(
                    "there is no window `{}`; write WINDOW {} AS (…)",
                    name.value, name.value
                ),
            )),
        }
    }
}

const fn e_function(expr: &Expr) -> Option<&Function> {
    match expr {
        Expr::Function(function) => Some(function),
        _ => None,
    }
}

/// The call, when it is a `ROW_NUMBER` with OVER.
fn rank(function: &Function) -> Option<&Function> {
    let named = function.name.to_string().eq_ignore_ascii_case("ROW_NUMBER");
    (named && function.over.is_some()).then_some(function)
}

/// What is said of a ranking that later records change.
fn changing(function: &Function) -> SqlProblem {
    at(
        function.span(),
        "later records change this order, so that Flink would take rows back that went out, and a stream takes none back; rank within a window (PARTITION BY window_start, window_end, … ORDER BY …), or keep the first of each key (ORDER BY the time, rising)",
    )
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
            let rows = back
                .to_string()
                .parse()
                .ok()
                .filter(|n| *n <= 1_000_000_usize);
            rows.map(Frame::Rows)
                .ok_or_else(|| at(back.span(), "ROWS goes back up to 1,000,000 records"))
        }
        (_, WindowFrameBound::CurrentRow) => Ok(Frame::Rows(0)),
        _ => Err(SqlProblem::new(
            "a sliding window is RANGE INTERVAL … PRECEDING or ROWS n PRECEDING",
        )),
    }
}
