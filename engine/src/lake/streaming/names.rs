//! What names mean in a SELECT of a stream: columns in any letter case, `ROWTIME`, and the functions of the two dialects that other SQL
//! writes otherwise.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, CharacterLength, DataType as SqlType,
    DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, Interval, ObjectName, Spanned as _, Value, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::faults::TRUNCATION;
use super::rows::{ARRIVAL, ROWTIME};
use super::{Dialect, declare, functions};
use crate::lake::error::SqlProblem;
use crate::lake::sql::{narrow, suggest};

/// One table of a FROM.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The table's name and its alias.
    pub(super) names: Vec<String>,
    /// Columns as they are shown and as they are inside.
    pub(super) columns: Vec<(String, String)>,
}

/// The tables of a FROM.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) parts: Vec<Part>,
    /// True where `APPROXIMATE_ARRIVAL_TIME` is known.
    pub(super) arrival: bool,
    /// Flink SQL: a text cast to a shorter VARCHAR(n) is cut, where Kinesis SQL refuses it; functions are Flink's.
    pub(super) cuts: bool,
}

/// A problem at the beginning of a span.
pub(super) fn at(span: Span, why: impl Into<String>) -> SqlProblem {
    let problem = SqlProblem::new(why);
    if span.start.line == 0 {
        return problem;
    }
    problem.at(narrow(span.start.line), narrow(span.start.column))
}

/// A name in quotes, so that nothing changes its letters.
pub(super) fn quoted(name: &str) -> Expr {
    Expr::Identifier(Ident::with_quote('"', name))
}

impl Scope {
    /// The inner name of a column.
    pub(super) fn find(&self, table: Option<&Ident>, column: &Ident) -> Result<String, SqlProblem> {
        let name = column.value.as_str();
        let is_meant = |p: &&Part| {
            table.is_none_or(|t| p.names.iter().any(|n| n.eq_ignore_ascii_case(&t.value)))
        };
        let mut found: Vec<&str> = Vec::new();
        for part in self.parts.iter().filter(is_meant) {
            let exact = part.columns.iter().find(|(shown, _)| shown == name);
            let any = || {
                let same = |c: &&(String, String)| c.0.eq_ignore_ascii_case(name);
                part.columns.iter().find(same)
            };
            if let Some((_, inner)) = exact.or_else(any) {
                found.push(inner);
            }
        }
        match found[..] {
            [one] => return Ok(one.to_owned()),
            [] => {}
            _ => {
                return Err(at(
                    column.span,
                    format!("column `{name}` is in more than one table; write the table before it"),
                ));
            }
        }
        let current = name.eq_ignore_ascii_case("CURRENT_ROW_TIMESTAMP") && !self.cuts;
        if name.eq_ignore_ascii_case("ROWTIME") || current {
            return Ok(ROWTIME.to_owned());
        }
        if self.arrival && name.eq_ignore_ascii_case("APPROXIMATE_ARRIVAL_TIME") {
            return Ok(ARRIVAL.to_owned());
        }
        if let Some(table) = table
            && !self.parts.iter().any(|p| is_meant(&p))
        {
            let known: Vec<&str> = self
                .parts
                .iter()
                .flat_map(|p| p.names.iter().map(String::as_str))
                .collect();
            return Err(at(
                table.span,
                format!(
                    "there is no table `{}` in this SELECT{}",
                    table.value,
                    suggest(&table.value, &known)
                ),
            ));
        }
        let parts = self.parts.iter().filter(is_meant);
        let known: Vec<&str> = parts
            .flat_map(|p| p.columns.iter().map(|c| c.0.as_str()))
            .collect();
        Err(at(
            column.span,
            format!("there is no column `{name}`{}", suggest(name, &known)),
        ))
    }
    /// The inner name that an expression is, when it is nothing but a column.
    pub(super) fn column(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Identifier(ident) => self.find(None, ident).ok(),
            Expr::CompoundIdentifier(parts) => match &parts[..] {
                [table, column] => self.find(Some(table), column).ok(),
                _ => None,
            },
            Expr::Nested(inner) => self.column(inner),
            _ => None,
        }
    }
    /// True for `ROWTIME`.
    pub(super) fn is_rowtime(&self, expr: &Expr) -> bool {
        self.column(expr).as_deref() == Some(ROWTIME)
    }
    /// Writes every column by its inner name, and functions as other SQL has them.
    pub(super) fn resolve(&self, expr: &mut Expr) -> Result<(), SqlProblem> {
        match expr.visit(&mut Resolver(self)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(problem) => Err(problem),
        }
    }
}

struct Resolver<'a>(&'a Scope);

impl VisitorMut for Resolver<'_> {
    type Break = SqlProblem;
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlProblem> {
        match self.rewrite(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(problem) => ControlFlow::Break(problem),
        }
    }
}

impl Resolver<'_> {
    fn rewrite(&self, expr: &mut Expr) -> Result<(), SqlProblem> {
        match expr {
            // Names that this program made are quoted and begin so; nothing else has them.
            Expr::Identifier(ident) if ident.value.starts_with("__") => {}
            Expr::Identifier(ident) => *expr = quoted(&self.0.find(None, ident)?),
            Expr::CompoundIdentifier(parts) => {
                let inner = match &parts[..] {
                    [table, column] => self.0.find(Some(table), column)?,
                    _ => return Err(at(expr.span(), "a column is written `table.column`")),
                };
                *expr = quoted(&inner);
            }
            Expr::Floor {
                expr: inner,
                field: CeilFloorKind::DateTimeField(field),
            } if *field != DateTimeField::NoDateTime => {
                let unit = Value::SingleQuotedString(field.to_string().to_lowercase());
                let args = vec![Expr::Value(unit.into()), inner.as_ref().clone()];
                *expr = call("date_trunc", args);
            }
            Expr::Function(function) => {
                let name = function.name.to_string().to_uppercase();
                let args = arguments(function);
                match (name.as_str(), &args[..]) {
                    ("STEP", [time, width]) => {
                        *expr = call("date_bin", vec![(*width).clone(), (*time).clone()]);
                    }
                    ("TO_TIMESTAMP_LTZ", [time, digits]) => {
                        let seconds = digits.to_string() == "0";
                        let name = if seconds {
                            "to_timestamp_seconds"
                        } else {
                            "to_timestamp_millis"
                        };
                        *expr = call(name, vec![(*time).clone()]);
                    }
                    _ => {}
                }
                let dialect = match self.0.cuts {
                    true => Dialect::Flink,
                    false => Dialect::Kinesis,
                };
                if let Expr::Function(function) = expr
                    && let Some(new) = functions::rewritten(dialect, function)
                {
                    *expr = new;
                }
            }
            Expr::Cast {
                expr: inner,
                data_type,
                ..
            } => {
                if let Some(most) = text_length(data_type) {
                    *data_type = SqlType::Varchar(None);
                    let text = Expr::Cast {
                        kind: CastKind::Cast,
                        expr: inner.clone(),
                        data_type: SqlType::Varchar(None),
                        array: false,
                        format: None,
                    };
                    *expr = fitted(text, most, self.0.cuts);
                }
            }
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                return Err(at(
                    expr.span(),
                    "a subquery in an expression cannot run over a stream; put it in FROM, or join reference data",
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The n of VARCHAR(n).
fn text_length(kind: &SqlType) -> Option<u64> {
    match kind {
        SqlType::Varchar(Some(CharacterLength::IntegerLength { length, .. }))
        | SqlType::CharVarying(Some(CharacterLength::IntegerLength { length, .. }))
        | SqlType::CharacterVarying(Some(CharacterLength::IntegerLength { length, .. }))
        | SqlType::Char(Some(CharacterLength::IntegerLength { length, .. }))
        | SqlType::Character(Some(CharacterLength::IntegerLength { length, .. })) => Some(*length),
        _ => None,
    }
}

/// A text of `most` characters at the most: cut, or else an expression that does not compute.
///
/// Source of the refusal: <https://docs.aws.amazon.com/kinesisanalytics/latest/sqlref/sql-reference-cast.html>, read 2026-11-21.
fn fitted(text: Expr, most: u64, cuts: bool) -> Expr {
    let number = |n: u64| Expr::Value(Value::Number(n.to_string(), false).into());
    if cuts {
        return call("substr", vec![text, number(1), number(most)]);
    }
    let cast = |expr: Expr, data_type: SqlType| Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    };
    // What cannot be a number says in the error what was wrong.
    let why = Value::SingleQuotedString(format!("{TRUNCATION}: {most} characters for "));
    let refused = call("concat", vec![Expr::Value(why.into()), text.clone()]);
    let refused = cast(cast(refused, SqlType::Int(None)), SqlType::Varchar(None));
    let long = Expr::BinaryOp {
        left: Box::new(call("char_length", vec![call("rtrim", vec![text.clone()])])),
        op: BinaryOperator::Gt,
        right: Box::new(number(most)),
    };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: long,
            result: refused,
        }],
        else_result: Some(Box::new(text)),
    }
}

/// A call of a function.
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args
        .into_iter()
        .map(|a| FunctionArg::Unnamed(FunctionArgExpr::Expr(a)))
        .collect();
    Expr::Function(call_of(ObjectName::from(vec![Ident::new(name)]), args))
}

/// A call by its name and arguments as they are parsed.
pub(super) const fn call_of(name: ObjectName, args: Vec<FunctionArg>) -> Function {
    Function {
        name,
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

/// The arguments of a call, named ones by their place; a `*` is none.
pub(super) fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    let expr = |arg| match arg {
        &FunctionArg::Named { ref arg, .. }
        | &FunctionArg::ExprNamed { ref arg, .. }
        | &FunctionArg::Unnamed(ref arg) => match arg {
            FunctionArgExpr::Expr(e) => Some(e),
            _ => None,
        },
    };
    list.args.iter().filter_map(expr).collect()
}

/// The arguments of a window function: those with names (`SIZE => …`) in the order in which they stand without.
pub(super) fn ordered_arguments<'a>(name: &str, function: &'a Function) -> Vec<&'a Expr> {
    let order: &[&str] = match name {
        "HOP" => &["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
        "CUMULATE" => &["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
        "SESSION" => &["DATA", "TIMECOL", "GAP"],
        _ => &["DATA", "TIMECOL", "SIZE", "OFFSET"],
    };
    let plain = arguments(function);
    let FunctionArguments::List(list) = &function.args else {
        return plain;
    };
    let place = |arg: &FunctionArg| {
        let name = match arg {
            FunctionArg::Named { name, .. } => name.value.to_uppercase(),
            FunctionArg::ExprNamed { name, .. } => name.to_string().to_uppercase(),
            FunctionArg::Unnamed(_) => return None,
        };
        order.iter().position(|o| *o == name)
    };
    let places: Vec<Option<usize>> = list.args.iter().map(place).collect();
    if places.len() != plain.len() || places.iter().any(Option::is_none) {
        return plain;
    }
    let mut both: Vec<_> = places.into_iter().zip(plain).collect();
    both.sort_by_key(|(place, _)| *place);
    both.into_iter().map(|(_, arg)| arg).collect()
}

/// The milliseconds of `INTERVAL '10' SECOND`.
pub(super) fn interval(expr: &Expr) -> Result<i64, SqlProblem> {
    let found = match expr {
        Expr::Interval(Interval {
            value,
            leading_field: Some(unit),
            last_field: None,
            ..
        }) => {
            let text = value.to_string();
            declare::millis(text.trim_matches('\''), &unit.to_string().to_uppercase())
        }
        _ => None,
    };
    found.ok_or_else(|| {
        at(
            expr.span(),
            format!(
                "`{expr}` is no length of time; write INTERVAL '10' SECOND, of 1 ms to 366 days"
            ),
        )
    })
}

/// True when the expression, or one inside it, is found by `test`.
pub(super) fn any(expr: &Expr, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
    struct Finder<'a>(&'a mut dyn FnMut(&Expr) -> bool);
    impl VisitorMut for Finder<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if (self.0)(expr) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    expr.clone().visit(&mut Finder(test)).is_break()
}

/// Replaces every expression for which `with` has another.
pub(super) fn replace(expr: &mut Expr, with: &mut dyn FnMut(&Expr) -> Option<Expr>) {
    struct Replacer<'a>(&'a mut dyn FnMut(&Expr) -> Option<Expr>);
    impl VisitorMut for Replacer<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Some(new) = (self.0)(expr) {
                *expr = new;
            }
            ControlFlow::Continue(())
        }
    }
    if expr.visit(&mut Replacer(with)).is_break() {
        // It looks at everything and never breaks off.
    }
}
