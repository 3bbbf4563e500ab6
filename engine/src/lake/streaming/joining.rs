//! Joins of two streams: which rows meet, read from `OVER (RANGE …)` behind a stream (Kinesis SQL) or from the comparisons of times and
//! windows in ON or WHERE (Flink SQL), and the stage that lets them meet.
//!
//! Kinesis SQL: a side without a window takes part with its current row only.
//! Source: <https://docs.aws.amazon.com/kinesisanalytics/latest/sqlref/sql-reference-join-clause.html>, read 2026-11-21.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, NamedWindowExpr, Select,
    TableFactor, WindowFrame, WindowFrameBound, WindowFrameUnits,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::Dialect;
use super::meet::{Meet, Near, SideSpec, When};
use super::names::{Part, Scope, at, interval};
use super::program::{Op, Stream, TimeBy};
use super::rows::{ROWTIME, time_field};
use super::script::Reach;
use super::select::Builder;
use super::source::From;
use crate::lake::error::SqlProblem;
use crate::lake::transform::Transform;

/// The column of keys where there are none.
pub(super) const NO_KEY: &str = "__no_key";

/// What the conditions of a join say.
#[derive(Default)]
struct Conditions {
    keys: Vec<(Expr, Expr)>,
    /// The times, left less right, in milliseconds.
    low: Option<i64>,
    high: Option<i64>,
    /// The columns of both sides that are the end of a window.
    ends: Option<(String, String)>,
    starts: bool,
    rest: Vec<Expr>,
}

/// Both sides and their times.
struct Sides<'a> {
    scopes: [&'a Scope; 2],
    times: [Option<String>; 2],
    joint: &'a Scope,
}

/// What a join keeps of rows without a partner: of the left, of the right.
pub(super) fn outer(operator: &JoinOperator) -> Option<([bool; 2], Option<&Expr>)> {
    let (sides, constraint) = match operator {
        JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) => {
            ([false, false], c)
        }
        JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => ([true, false], c),
        JoinOperator::Right(c) | JoinOperator::RightOuter(c) => ([false, true], c),
        JoinOperator::FullOuter(c) => ([true, true], c),
        _ => return None,
    };
    match constraint {
        JoinConstraint::On(on) => Some((sides, Some(on))),
        JoinConstraint::None => Some((sides, None)),
        _ => None,
    }
}

impl Builder<'_> {
    /// Two streams as one.
    pub(super) fn meet(
        &mut self,
        left: &From,
        right: &From,
        reaches: Option<[Near; 2]>,
        outer: [bool; 2],
        conditions: &[&Expr],
        span: Span,
    ) -> Result<From, SqlProblem> {
        if left.window.is_some() || right.window.is_some() {
            return Err(at(
                span,
                "join SELECTs over windows: FROM (SELECT * FROM TABLE(TUMBLE(…))) AS l JOIN (…) AS r ON …",
            ));
        }
        let streams = [left, right].map(|f| self.stream(f.stream).clone());
        let (output, right_scope) = together(&streams, &right.scope);
        let mut joint = Scope {
            parts: left.scope.parts.clone(),
            arrival: false,
            cuts: left.scope.cuts,
        };
        joint.parts.extend(right_scope.parts);
        let sides = Sides {
            scopes: [&left.scope, &right.scope],
            times: [0, 1].map(|i| streams[i].time.as_ref().map(|t| t.0.clone())),
            joint: &joint,
        };
        let mut found = Conditions::default();
        for condition in conditions {
            sides.read(condition, &mut found)?;
        }
        let (when, times, by) = self.when(&streams, &found, reaches, span)?;
        if !found.rest.is_empty() && outer.contains(&true) {
            return Err(at(
                span,
                "an outer join of streams has equal keys and times in its ON; put what is left into a WHERE behind it",
            ));
        }
        let here = |e: SqlProblem| at(span, e.message);
        let mut specs = Vec::new();
        for (i, stream) in streams.iter().enumerate() {
            let keys = found.keys.iter().enumerate().map(|(k, pair)| {
                let own = if i == 0 { &pair.0 } else { &pair.1 };
                format!("{own} AS k{k}")
            });
            let keys: Vec<String> = keys.collect();
            let sql = match keys.is_empty() {
                true => format!("SELECT 1 AS \"{NO_KEY}\" FROM records"),
                false => format!("SELECT {} FROM records", keys.join(", ")),
            };
            specs.push(SideSpec {
                keys: self
                    .transform(&sql, Arc::clone(&stream.schema))
                    .map_err(here)?,
                time: stream.schema.index_of(&times[i])?,
                shown: visible(&stream.schema),
                rowtime: stream.schema.index_of(ROWTIME)?,
                schema: Arc::clone(&stream.schema),
                outer: outer[i],
            });
        }
        let rest = self.rest(&found.rest, &output, span)?;
        let Ok(specs) = <[SideSpec; 2]>::try_from(specs) else {
            return Err(at(span, "a join has two sides"));
        };
        let meet = Meet::new(specs, when, rest, Arc::clone(&output), self.limits.rows)?;
        let windowed = (when == When::WindowEnds).then_some(by[0]);
        let [own, _] = streams;
        let to = self.add(Stream {
            name: own.name,
            shown: output.fields().len() - 1,
            schema: output,
            time: None,
            windowed,
        });
        let op = Op::Meet(Box::new(meet), by);
        self.stage_of_two(left.stream, Some(right.stream), to, op);
        Ok(From {
            stream: to,
            scope: joint,
            window: None,
            filtered: false,
        })
    }
    /// Which rows meet, by which columns, and whose time that is.
    fn when(
        &self,
        streams: &[Stream; 2],
        found: &Conditions,
        reaches: Option<[Near; 2]>,
        span: Span,
    ) -> Result<(When, [String; 2], [TimeBy; 2]), SqlProblem> {
        if let Some(reaches) = reaches {
            let when = match reaches {
                // What is before one side's row is behind the other's.
                [Near::Range(a, b), Near::Range(c, d)] => When::Between(-a.max(d), c.max(b)),
                [Near::Range(_, 1..), _] | [_, Near::Range(_, 1..)] => {
                    return Err(at(
                        span,
                        "beside a window of ROWS there is no FOLLOWING; write RANGE INTERVAL … PRECEDING",
                    ));
                }
                sides => When::Newest(sides),
            };
            let times = [ROWTIME.to_owned(), ROWTIME.to_owned()];
            return Ok((when, times, [TimeBy::Processing; 2]));
        }
        if let (Some((l, r)), true, [Some(a), Some(b)]) = (
            &found.ends,
            found.starts,
            [streams[0].windowed, streams[1].windowed],
        ) {
            return Ok((When::WindowEnds, [l.clone(), r.clone()], [a, b]));
        }
        if let (Some(low), Some(high), [Some(a), Some(b)]) =
            (found.low, found.high, [&streams[0].time, &streams[1].time])
        {
            let column = |t: &(String, TimeBy)| match t.1 {
                TimeBy::Processing => ROWTIME.to_owned(),
                TimeBy::Event(_) => t.0.clone(),
            };
            if low > high {
                return Err(at(
                    span,
                    "no two times can meet these bounds; look at their signs",
                ));
            }
            return Ok((When::Between(low, high), [column(a), column(b)], [a.1, b.1]));
        }
        Err(at(
            span,
            match self.dialect {
                Dialect::Kinesis => {
                    "two streams without an end are joined within a window: FROM a JOIN b OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS b ON a.k = b.k; other tables are the reference data (parameter `reference_table`)"
                }
                Dialect::Flink => {
                    "two streams without an end are joined within a time: ON a.k = b.k AND a.ts BETWEEN b.ts - INTERVAL '1' MINUTE AND b.ts, both with a time column, or both with equal window_start and window_end; other tables are the reference data (parameter `reference_table`)"
                }
            },
        ))
    }
    /// What else the joined row has to meet.
    fn rest(
        &self,
        rest: &[Expr],
        output: &SchemaRef,
        span: Span,
    ) -> Result<Option<Transform>, SqlProblem> {
        if rest.is_empty() {
            return Ok(None);
        }
        let all: Vec<String> = rest.iter().map(|e| format!("({e})")).collect();
        let sql = format!("SELECT * FROM records WHERE {}", all.join(" AND "));
        let transform = self.transform(&sql, Arc::clone(output));
        transform
            .map(Some)
            .map_err(|e| self.here(at(span, e.message)))
    }
    /// How far the window behind a table of a FROM reaches: before and behind, in milliseconds.
    pub(super) fn reach(
        &self,
        factor: &TableFactor,
        select: &Select,
    ) -> Result<Option<Near>, SqlProblem> {
        let TableFactor::Table { name, .. } = factor else {
            return Ok(None);
        };
        let Some(ident) = name.0.last().and_then(|p| p.as_ident()) else {
            return Ok(None);
        };
        let start = ident.span.start;
        let own = self
            .reaches
            .iter()
            .find(|r| (u64::from(r.0), u64::from(r.1)) == (start.line, start.column));
        match own.map(|r| &r.2) {
            None => Ok(None),
            Some(Reach::Range(before, behind)) => Ok(Some(Near::Range(*before, *behind))),
            Some(Reach::Rows(rows)) => Ok(Some(Near::Rows(*rows))),
            Some(Reach::Named(window)) => named(window, select, ident),
        }
    }
}

fn named(window: &str, select: &Select, ident: &Ident) -> Result<Option<Near>, SqlProblem> {
    let same = |i: &Ident| i.value.eq_ignore_ascii_case(window);
    let found = select.named_window.iter().find(|w| same(&w.0));
    let Some(NamedWindowExpr::WindowSpec(spec)) = found.map(|w| &w.1) else {
        return Err(at(
            ident.span,
            format!(
                "there is no window `{window}`; write WINDOW {window} AS (RANGE INTERVAL '1' MINUTE PRECEDING)"
            ),
        ));
    };
    let wrong = || {
        at(
            ident.span,
            "the window of a join is RANGE INTERVAL … PRECEDING or ROWS n PRECEDING",
        )
    };
    let Some(WindowFrame {
        units,
        start_bound: WindowFrameBound::Preceding(Some(back)),
        ..
    }) = &spec.window_frame
    else {
        return Err(wrong());
    };
    match units {
        WindowFrameUnits::Range => Ok(Some(Near::Range(interval(back)?, 0))),
        WindowFrameUnits::Rows => {
            let rows = back.to_string().parse().ok();
            let rows = rows.filter(|n| (1..=1_000_000).contains(n));
            rows.map(|n| Some(Near::Rows(n))).ok_or_else(wrong)
        }
        WindowFrameUnits::Groups => Err(wrong()),
    }
}

/// The columns that a joined row shows.
fn visible(schema: &SchemaRef) -> Vec<usize> {
    let fields = schema.fields().iter().enumerate();
    fields
        .filter(|(_, f)| !f.name().starts_with("__"))
        .map(|(i, _)| i)
        .collect()
}

/// The columns of both, and what the names of the right side mean now.
fn together(streams: &[Stream; 2], right: &Scope) -> (SchemaRef, Scope) {
    let [own, other] = streams;
    let nullable = |f: &Field| f.clone().with_nullable(true);
    let mut fields: Vec<Field> = visible(&own.schema)
        .into_iter()
        .map(|i| nullable(own.schema.field(i)))
        .collect();
    let mut renamed: Vec<(String, String)> = Vec::new();
    for i in visible(&other.schema) {
        let field = other.schema.field(i);
        let mut inner = field.name().clone();
        while fields.iter().any(|f| *f.name() == inner) {
            inner.insert(0, '~');
        }
        renamed.push((field.name().clone(), inner.clone()));
        fields.push(nullable(field).with_name(inner));
    }
    fields.push(time_field(ROWTIME));
    let parts = right.parts.iter().map(|part| {
        let column = |(shown, inner): &(String, String)| {
            let new = renamed.iter().find(|r| r.0 == *inner)?;
            Some((shown.clone(), new.1.clone()))
        };
        Part {
            names: part.names.clone(),
            columns: part.columns.iter().filter_map(column).collect(),
        }
    });
    let scope = Scope {
        parts: parts.collect(),
        arrival: false,
        cuts: right.cuts,
    };
    (Arc::new(Schema::new(fields)), scope)
}

impl Sides<'_> {
    fn read(&self, expr: &Expr, out: &mut Conditions) -> Result<(), SqlProblem> {
        match expr {
            Expr::Nested(inner) => return self.read(inner, out),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => {
                self.read(left, out)?;
                return self.read(right, out);
            }
            _ => {}
        }
        // Names that are in both tables, or in none, are told here.
        let mut whole = expr.clone();
        self.joint.resolve(&mut whole)?;
        let met = match expr {
            Expr::Between {
                expr: middle,
                negated: false,
                low,
                high,
            } => {
                self.times(middle, &BinaryOperator::GtEq, low, out)
                    && self.times(middle, &BinaryOperator::LtEq, high, out)
            }
            Expr::BinaryOp { left, op, right } => {
                self.times(left, op, right, out)
                    || (*op == BinaryOperator::Eq && self.equal(left, right, out))
            }
            _ => false,
        };
        if !met {
            out.rest.push(whole);
        }
        Ok(())
    }
    fn equal(&self, left: &Expr, right: &Expr, out: &mut Conditions) -> bool {
        let side = |scope: &Scope, expr: &Expr| {
            let mut own = expr.clone();
            scope.resolve(&mut own).ok().map(|()| own)
        };
        let pair = |a: &Expr, b: &Expr| {
            let own = side(self.scopes[0], a).zip(side(self.scopes[1], b))?;
            // What both sides can say says nothing of the other.
            (side(self.scopes[1], a).is_none() && side(self.scopes[0], b).is_none()).then_some(own)
        };
        let Some(found) = pair(left, right).or_else(|| pair(right, left)) else {
            return false;
        };
        if let (Expr::Identifier(a), Expr::Identifier(b)) = (&found.0, &found.1) {
            let both = |name: &str| {
                let plain = |i: &Ident| i.value.trim_start_matches('~').eq_ignore_ascii_case(name);
                plain(a) && plain(b)
            };
            out.starts |= both("window_start");
            if both("window_end") {
                out.ends = Some((a.value.clone(), b.value.clone()));
            }
        }
        out.keys.push(found);
        true
    }
    /// Reads a comparison of the times of both sides.
    fn times(&self, a: &Expr, op: &BinaryOperator, b: &Expr, out: &mut Conditions) -> bool {
        let (Some((first, x)), Some((second, y))) = (self.time(a), self.time(b)) else {
            return false;
        };
        if first == second {
            return false;
        }
        // left less right, whatever stands first
        let (by, turned) = match first {
            0 => (y - x, false),
            _ => (x - y, true),
        };
        let (low, high) = match (op, turned) {
            (BinaryOperator::Eq, _) => (Some(by), Some(by)),
            (BinaryOperator::GtEq, false) | (BinaryOperator::LtEq, true) => (Some(by), None),
            (BinaryOperator::Gt, false) | (BinaryOperator::Lt, true) => (Some(by + 1), None),
            (BinaryOperator::LtEq, false) | (BinaryOperator::GtEq, true) => (None, Some(by)),
            (BinaryOperator::Lt, false) | (BinaryOperator::Gt, true) => (None, Some(by - 1)),
            _ => return false,
        };
        out.low = out.low.max(low);
        out.high = match (out.high, high) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        true
    }
    /// The side whose time an expression is, and how many milliseconds are added.
    fn time(&self, expr: &Expr) -> Option<(usize, i64)> {
        match expr {
            Expr::Nested(inner) => self.time(inner),
            Expr::BinaryOp { left, op, right } => {
                let (side, by) = self.time(left)?;
                let more = interval(right).ok()?;
                match op {
                    BinaryOperator::Plus => Some((side, by + more)),
                    BinaryOperator::Minus => Some((side, by - more)),
                    _ => None,
                }
            }
            _ => (0..2).find_map(|i| {
                let own = self.times[i].as_ref()?;
                (self.scopes[i].column(expr).as_ref() == Some(own)).then_some((i, 0))
            }),
        }
    }
}
