//! Functions as people who know Flink SQL or Kinesis Analytics SQL write them: each in those of the embedded engine or of Trino.
//!
//! Source: <https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/functions/systemfunctions/> and
//! <https://docs.aws.amazon.com/kinesisanalytics/latest/sqlref/sql-reference-functions.html>, read 2026-11-22.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Ident, ObjectName, Value, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::Dialect;
use super::names::arguments;
use crate::lake::sql::is_function;
use crate::lake::trino;

/// `name/arguments`, and what stands for it; `p1` is the first argument. No call on the right stands on the left.
const FLINK: &[(&str, usize, &str)] = &[
    ("date_format", 2, "trino_format_datetime(p1, p2)"),
    ("to_timestamp", 2, "trino_parse_datetime(p1, p2)"),
    (
        "from_unixtime",
        1,
        "trino_format_datetime(trino_from_unixtime(p1), 'yyyy-MM-dd HH:mm:ss')",
    ),
    (
        "from_unixtime",
        2,
        "trino_format_datetime(trino_from_unixtime(p1), p2)",
    ),
    (
        "unix_timestamp",
        1,
        "CAST(floor(trino_to_unixtime(CAST(p1 AS TIMESTAMP))) AS BIGINT)",
    ),
    (
        "unix_timestamp",
        2,
        "CAST(floor(trino_to_unixtime(trino_parse_datetime(p1, p2))) AS BIGINT)",
    ),
    ("regexp_replace", 3, "regexp_replace(p1, p2, p3, 'g')"),
    ("regexp", 2, "regexp_like(p1, p2)"),
    ("split_index", 3, "nullif(split_part(p1, p2, p3 + 1), '')"),
    ("is_digit", 1, "regexp_like(p1, '^[0-9]+$')"),
    ("is_alpha", 1, "regexp_like(p1, '^[A-Za-z]+$')"),
    ("ifnull", 2, "coalesce(p1, p2)"),
];

const KINESIS: &[(&str, usize, &str)] = &[
    ("tsdiff", 2, "trino_date_diff('millisecond', p1, p2)"),
    ("char_to_timestamp", 2, "trino_parse_datetime(p2, p1)"),
    ("timestamp_to_char", 2, "trino_format_datetime(p2, p1)"),
    ("to_timestamp", 1, "to_timestamp_millis(p1)"),
    (
        "unix_timestamp",
        1,
        "CAST(trino_to_unixtime(p1) * 1000 AS BIGINT)",
    ),
    ("regex_replace", 3, "regexp_replace(p1, p2, p3, 'g')"),
    ("regex_replace", 5, "regexp_replace(p1, p2, p3, 'g')"),
];

/// What stands for a call; `None` when it stays, perhaps by another name.
pub(super) fn rewritten(dialect: Dialect, function: &mut Function) -> Option<Expr> {
    let name = function.name.to_string().to_lowercase();
    let table = match dialect {
        Dialect::Flink => FLINK,
        Dialect::Kinesis => KINESIS,
    };
    let returning = returning(function);
    let args = arguments(function);
    let found = table
        .iter()
        .find(|(n, k, _)| *n == name && *k == args.len());
    if let Some((_, _, to)) = found {
        // Only the whole text from its beginning can be replaced.
        let plain = |at: usize, n: &str| args.get(at).is_none_or(|a| a.to_string() == n);
        let whole = name != "regex_replace" || (plain(3, "1") && plain(4, "0"));
        return whole.then(|| filled(to, &args)).flatten();
    }
    match (name.as_str(), &args[..]) {
        ("timestampdiff", [unit, from, to]) => {
            let all = [unit_of(unit), (*from).clone(), (*to).clone()];
            return filled("trino_date_diff(p1, p2, p3)", &all.each_ref());
        }
        ("timestampadd", [unit, by, to]) => {
            let all = [unit_of(unit), (*by).clone(), (*to).clone()];
            return filled("trino_date_add(p1, p2, p3)", &all.each_ref());
        }
        ("listagg", args) if dialect == Dialect::Flink => {
            let alone = args.len() == 1;
            function.name = ObjectName::from(vec![Ident::new("string_agg")]);
            if let FunctionArguments::List(list) = &mut function.args
                && alone
            {
                let comma = Value::SingleQuotedString(",".to_owned());
                let comma = FunctionArgExpr::Expr(Expr::Value(comma.into()));
                list.args.push(FunctionArg::Unnamed(comma));
            }
            return None;
        }
        _ => {}
    }
    let new = (!is_function(&name))
        .then(|| trino::replaced(function))
        .flatten();
    match (new, returning) {
        (new, Some(data_type)) => Some(Expr::Cast {
            // What is no such number is NULL, as NULL ON ERROR is what Flink does unasked.
            kind: CastKind::TryCast,
            expr: Box::new(new.unwrap_or_else(|| Expr::Function(function.clone()))),
            data_type,
            array: false,
            format: None,
        }),
        (new, None) => new,
    }
}

/// Takes `RETURNING type` out of a call.
fn returning(function: &mut Function) -> Option<datafusion::sql::sqlparser::ast::DataType> {
    let FunctionArguments::List(list) = &mut function.args else {
        return None;
    };
    let mut found = None;
    list.clauses.retain(|clause| match clause {
        FunctionArgumentClause::JsonReturningClause(own) => {
            found = Some(own.data_type.clone());
            false
        }
        _ => true,
    });
    found
}

fn unit_of(expr: &Expr) -> Expr {
    Expr::Value(Value::SingleQuotedString(expr.to_string().to_lowercase()).into())
}

fn filled(template: &str, args: &[&Expr]) -> Option<Expr> {
    let mut parser = Parser::new(&GenericDialect {})
        .try_with_sql(template)
        .ok()?;
    let mut new = parser.parse_expr().ok()?;
    let looked = new.visit(&mut Filler(args));
    looked.is_continue().then(|| Expr::Nested(Box::new(new)))
}

/// Puts arguments where a template has its places.
struct Filler<'a>(&'a [&'a Expr]);

impl VisitorMut for Filler<'_> {
    type Break = ();
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(ident) = expr
            && let Some(n) = ident.value.strip_prefix('p')
            && let Ok(n) = n.parse::<usize>()
            && let Some(given) = n.checked_sub(1).and_then(|n| self.0.get(n))
        {
            *expr = match given {
                plain @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)) => {
                    Expr::clone(plain)
                }
                other => Expr::Nested(Box::new(Expr::clone(other))),
            };
        }
        ControlFlow::Continue(())
    }
}
