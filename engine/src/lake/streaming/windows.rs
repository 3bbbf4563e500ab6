//! Which window a SELECT groups by: `STEP` and `FLOOR` of ROWTIME, Flink's table functions and group functions, stagger windows.

use datafusion::sql::sqlparser::ast::{CeilFloorKind, DateTimeField, Expr, Spanned as _};

use super::grouped::{Grid, OVERLAP_MAX};
use super::keyed::Span;
use super::names::{Scope, any, arguments, at, interval, quoted, replace};
use super::program::{Stream, TimeBy};
use super::rows::ROWTIME;
use crate::lake::error::SqlProblem;

/// The inner names of the window's columns.
pub(super) const OWN: [&str; 3] = ["__window_start", "__window_end", "__window_time"];
/// What a table function calls them.
pub(super) const SHOWN: [&str; 3] = ["window_start", "window_end", "window_time"];

/// How long windows last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Grid(Grid),
    Span(Span),
}

/// A window to group by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) shape: Shape,
    /// The inner name of the time column.
    pub(super) time: String,
    pub(super) by: TimeBy,
}

/// The shape of `TUMBLE(…, widths)` and its like.
pub(super) fn shape(name: &str, whole: &Expr, widths: &[&Expr]) -> Result<Shape, SqlProblem> {
    let mut all = Vec::new();
    for width in widths {
        all.push(interval(width)?);
    }
    let uneven = |what: &str| {
        at(
            whole.span(),
            format!(
                "{name} is written {what}, and the long width is a multiple of the short one, at most {OVERLAP_MAX} times"
            ),
        )
    };
    let fits = |long: i64, short: i64| long % short == 0 && long / short <= OVERLAP_MAX;
    let grid = match (name, &all[..]) {
        ("TUMBLE", [size]) => Grid::Tumble(*size),
        ("HOP", [slide, size]) if fits(*size, *slide) => Grid::Hop(*size, *slide),
        ("HOP", _) => return Err(uneven("HOP(time, slide, size)")),
        ("CUMULATE", [step, size]) if fits(*size, *step) => Grid::Cumulate(*size, *step),
        ("CUMULATE", _) => return Err(uneven("CUMULATE(time, step, size)")),
        ("SESSION", [gap]) => return Ok(Shape::Span(Span::Gap(*gap))),
        _ => {
            return Err(at(
                whole.span(),
                format!("{name} is written {name}(time, INTERVAL '1' MINUTE)"),
            ));
        }
    };
    Ok(Shape::Grid(grid))
}

/// The time column that `expr` names: ROWTIME or the stream's time.
pub(super) fn time_of(
    expr: &Expr,
    scope: &Scope,
    stream: &Stream,
) -> Result<(String, TimeBy), SqlProblem> {
    let refused = |what: &str| {
        let known = match &stream.time {
            Some((name, _)) => format!("the time of `{}` is `{name}`", stream.name),
            None => format!(
                "`{}` has no time column; declare one with WATERMARK FOR or PROCTIME()",
                stream.name
            ),
        };
        Err(at(expr.span(), format!("{what}: {known}")))
    };
    let Some(column) = scope.column(expr) else {
        return refused("windows are made by a time column");
    };
    if column == ROWTIME {
        return Ok((column, TimeBy::Processing));
    }
    match &stream.time {
        Some((name, by)) if *name == column => Ok((column, *by)),
        _ => refused(&format!("windows cannot be made by `{column}`")),
    }
}

/// Looks for a window in a GROUP BY and writes its columns wherever it stands.
pub(super) fn find(
    group: &[Expr],
    scope: &Scope,
    stream: &Stream,
) -> Result<Option<Window>, SqlProblem> {
    for expr in group {
        if let Some(found) = one(expr, scope, stream)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn one(expr: &Expr, scope: &Scope, stream: &Stream) -> Result<Option<Window>, SqlProblem> {
    let own = |shape, time: String, by| Some(Window { shape, time, by });
    match expr {
        Expr::Nested(inner) => one(inner, scope, stream),
        Expr::Floor {
            expr: time,
            field: CeilFloorKind::DateTimeField(field),
        } if scope.is_rowtime(time) => {
            let width = match field {
                DateTimeField::Second => 1_000,
                DateTimeField::Minute => 60_000,
                DateTimeField::Hour => 3_600_000,
                DateTimeField::Day => 86_400_000,
                _ => {
                    return Err(at(
                        expr.span(),
                        "windows are made by FLOOR(ROWTIME TO SECOND, MINUTE, HOUR or DAY)",
                    ));
                }
            };
            let shape = Shape::Grid(Grid::Tumble(width));
            Ok(own(shape, ROWTIME.to_owned(), TimeBy::Processing))
        }
        Expr::Function(function) => {
            let name = function.name.to_string().to_uppercase();
            let args = arguments(function);
            match (name.as_str(), &args[..]) {
                ("STEP", [time, width]) if scope.is_rowtime(time) => {
                    let shape = Shape::Grid(Grid::Tumble(interval(width)?));
                    Ok(own(shape, ROWTIME.to_owned(), TimeBy::Processing))
                }
                ("TUMBLE" | "HOP" | "SESSION", [time, widths @ ..]) => {
                    let (column, by) = time_of(time, scope, stream)?;
                    Ok(own(shape(&name, expr, widths)?, column, by))
                }
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// Writes the window's columns for what names its start, end and time.
pub(super) fn rewrite(expr: &mut Expr, scope: &Scope, stream: &Stream, window: &Window) {
    replace(expr, &mut |e| {
        if one(e, scope, stream).is_ok_and(|w| w.as_ref() == Some(window)) {
            return Some(quoted(OWN[0]));
        }
        let Expr::Function(function) = e else {
            return None;
        };
        let name = function.name.to_string().to_uppercase();
        let (kind, what) = name.rsplit_once('_')?;
        if !matches!(kind, "TUMBLE" | "HOP" | "SESSION") {
            return None;
        }
        match what {
            "START" => Some(quoted(OWN[0])),
            "END" => Some(quoted(OWN[1])),
            "ROWTIME" | "PROCTIME" => Some(quoted(OWN[2])),
            _ => None,
        }
    });
}

/// True when the expression stands for a window in a GROUP BY.
pub(super) fn is_window(expr: &Expr, scope: &Scope, stream: &Stream, window: &Window) -> bool {
    one(expr, scope, stream).is_ok_and(|w| w.as_ref() == Some(window))
}

/// True when the expression calls an aggregate, windows apart.
pub(super) fn aggregates(expr: &Expr) -> bool {
    any(expr, &mut |e| match e {
        Expr::Function(f) => {
            f.over.is_none() && crate::lake::sql::is_aggregate(&f.name.to_string())
        }
        _ => false,
    })
}
