//! Trino's words in those of the embedded engine: a table of functions, and the few forms that are no functions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, LambdaFunction,
    OneOrManyWithParens, TableFactor, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::{PREFIX, is_ours, unnest};
use crate::lake::error::SqlProblem;

/// `name/arguments`, and what stands for it; `p1` is the first argument.
const TABLE: &[(&str, usize, &str)] = &[
    ("approx_percentile", 2, "approx_percentile_cont(p1, p2)"),
    (
        "approx_percentile",
        3,
        "approx_percentile_cont_with_weight(p1, p2, p3)",
    ),
    (
        "max_by",
        2,
        "first_value(p1 ORDER BY p2 DESC NULLS LAST) FILTER (WHERE p2 IS NOT NULL)",
    ),
    (
        "min_by",
        2,
        "first_value(p1 ORDER BY p2 ASC NULLS LAST) FILTER (WHERE p2 IS NOT NULL)",
    ),
    (
        "arbitrary",
        1,
        "first_value(p1) FILTER (WHERE p1 IS NOT NULL)",
    ),
    (
        "any_value",
        1,
        "first_value(p1) FILTER (WHERE p1 IS NOT NULL)",
    ),
    ("count_if", 1, "count(*) FILTER (WHERE p1)"),
    ("every", 1, "bool_and(p1)"),
    ("geometric_mean", 1, "exp(avg(ln(p1)))"),
    ("variance", 1, "var_samp(p1)"),
    (
        "map_agg",
        2,
        "map(array_agg(p1) FILTER (WHERE p1 IS NOT NULL), array_agg(p2) FILTER (WHERE p1 IS NOT NULL))",
    ),
    ("bitwise_and_agg", 1, "bit_and(p1)"),
    ("bitwise_or_agg", 1, "bit_or(p1)"),
    ("if", 2, "CASE WHEN p1 THEN p2 END"),
    ("if", 3, "CASE WHEN p1 THEN p2 ELSE p3 END"),
    ("contains", 2, "array_has(p1, p2)"),
    ("slice", 3, "array_slice(p1, p2, p2 + p3 - 1)"),
    ("sequence", 2, "generate_series(p1, p2)"),
    ("sequence", 3, "generate_series(p1, p2, p3)"),
    ("array_join", 2, "array_to_string(p1, p2)"),
    ("array_join", 3, "array_to_string(p1, p2, p3)"),
    ("arrays_overlap", 2, "array_has_any(p1, p2)"),
    ("array_sort", 1, "array_sort(p1, 'ASC', 'NULLS LAST')"),
    ("array_remove", 2, "array_remove_all(p1, p2)"),
    ("array_position", 2, "coalesce(array_position(p1, p2), 0)"),
    ("zip", 2, "arrays_zip(p1, p2)"),
    ("transform", 2, "array_transform(p1, p2)"),
    ("filter", 2, "array_filter(p1, p2)"),
    ("any_match", 2, "array_any_match(p1, p2)"),
    ("none_match", 2, "NOT array_any_match(p1, p2)"),
    ("row", 1, "struct(p1)"),
    ("row", 2, "struct(p1, p2)"),
    ("row", 3, "struct(p1, p2, p3)"),
    ("split", 2, "string_to_array(p1, p2)"),
    ("ceiling", 1, "ceil(p1)"),
    ("truncate", 1, "trunc(p1)"),
    ("mod", 2, "(p1 % p2)"),
    ("sign", 1, "signum(p1)"),
    ("pow", 2, "power(p1, p2)"),
    ("e", 0, "exp(1.0)"),
    ("is_nan", 1, "isnan(p1)"),
    ("infinity", 0, "CAST('Infinity' AS DOUBLE)"),
    ("nan", 0, "CAST('NaN' AS DOUBLE)"),
    ("bitwise_and", 2, "(p1 & p2)"),
    ("bitwise_or", 2, "(p1 | p2)"),
    ("bitwise_xor", 2, "((p1 | p2) - (p1 & p2))"),
    ("levenshtein_distance", 2, "levenshtein(p1, p2)"),
    ("codepoint", 1, "ascii(p1)"),
    ("md5", 1, "digest(p1, 'md5')"),
    ("sha256", 1, "digest(p1, 'sha256')"),
    ("sha512", 1, "digest(p1, 'sha512')"),
    ("date", 1, "CAST(p1 AS DATE)"),
    ("localtimestamp", 0, "now()"),
    ("current_timezone", 0, "'UTC'"),
    ("year", 1, "CAST(date_part('year', p1) AS BIGINT)"),
    ("quarter", 1, "CAST(date_part('quarter', p1) AS BIGINT)"),
    ("month", 1, "CAST(date_part('month', p1) AS BIGINT)"),
    ("week", 1, "CAST(date_part('week', p1) AS BIGINT)"),
    ("week_of_year", 1, "CAST(date_part('week', p1) AS BIGINT)"),
    ("day", 1, "CAST(date_part('day', p1) AS BIGINT)"),
    ("day_of_month", 1, "CAST(date_part('day', p1) AS BIGINT)"),
    (
        "day_of_week",
        1,
        "CAST((date_part('dow', p1) + 6) % 7 + 1 AS BIGINT)",
    ),
    (
        "dow",
        1,
        "CAST((date_part('dow', p1) + 6) % 7 + 1 AS BIGINT)",
    ),
    ("day_of_year", 1, "CAST(date_part('doy', p1) AS BIGINT)"),
    ("doy", 1, "CAST(date_part('doy', p1) AS BIGINT)"),
    ("hour", 1, "CAST(date_part('hour', p1) AS BIGINT)"),
    ("minute", 1, "CAST(date_part('minute', p1) AS BIGINT)"),
    (
        "second",
        1,
        "CAST(floor(date_part('second', p1)) AS BIGINT)",
    ),
    (
        "millisecond",
        1,
        "CAST(date_part('millisecond', p1) AS BIGINT) % 1000",
    ),
];

static RULES: LazyLock<BTreeMap<(&str, usize), Option<Expr>>> = LazyLock::new(|| {
    let dialect = GenericDialect {};
    // Places get names that no column has.
    let place = regex::Regex::new(r"\bp(\d)\b").ok();
    let named = |sql: &str| {
        place.as_ref().map_or_else(
            || sql.to_owned(),
            |p| p.replace_all(sql, "__${1}").into_owned(),
        )
    };
    let parse = |sql: &str| {
        Parser::new(&dialect)
            .try_with_sql(sql)
            .and_then(|mut p| p.parse_expr())
            .ok()
    };
    TABLE
        .iter()
        .map(|(name, n, to)| ((*name, *n), parse(&named(to))))
        .collect()
});

/// Rewrites a statement in place.
pub(in crate::lake) fn rewrite(statement: &mut Statement) -> Result<(), SqlProblem> {
    let inner = match statement {
        Statement::Statement(inner) => inner.as_mut(),
        Statement::Explain(explain) => return rewrite(&mut explain.statement),
        _ => return Ok(()),
    };
    match inner.visit(&mut Rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(why) => Err(why),
    }
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = SqlProblem;

    fn pre_visit_query(&mut self, query: &mut ast::Query) -> ControlFlow<SqlProblem> {
        unnest::flatten(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut ast::Query) -> ControlFlow<SqlProblem> {
        if let ast::SetExpr::Select(select) = query.body.as_mut() {
            tell_apart(&mut select.projection);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlProblem> {
        match expr {
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let args = vec![Expr::clone(timestamp), Expr::clone(time_zone)];
                *expr = call("trino_at_timezone", args);
            }
            Expr::TypedString(typed) if matches!(typed.data_type, ast::DataType::JSON) => {
                *expr = call("trino_json_parse", vec![Expr::Value(typed.value.clone())]);
            }
            Expr::Function(function) => {
                if let Some(new) = replaced(function) {
                    *expr = new;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlProblem> {
        unnest::widen(factor);
        ControlFlow::Continue(())
    }
}

/// An expression without brackets around it.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

/// Two columns may be the same expression in Trino; the engine wants names for them.
fn tell_apart(columns: &mut [ast::SelectItem]) {
    let mut seen = std::collections::BTreeSet::new();
    for (i, item) in columns.iter_mut().enumerate() {
        if let ast::SelectItem::UnnamedExpr(expr) = item
            && !seen.insert(bare(expr).to_string())
        {
            let (expr, alias) = (expr.clone(), Ident::new(format!("_col{i}")));
            *item = ast::SelectItem::ExprWithAlias { expr, alias };
        }
    }
}

pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    let unnamed = |e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e));
    Expr::Function(Function {
        name: ast::ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(unnamed).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let plain = |a: &FunctionArg| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    };
    list.args.iter().map(plain).collect()
}

/// What stands for a call; `None` when it stays.
pub(in crate::lake) fn replaced(function: &mut Function) -> Option<Expr> {
    let name = function.name.to_string().to_lowercase();
    if name == "listagg" {
        list_agg(function);
        return None;
    }
    let mut args = arguments(function)?;
    if name == "try" && args.len() == 1 {
        let mut inner = args.pop()?;
        if inner.visit(&mut Forgiving).is_break() {
            return None;
        }
        return Some(Expr::Nested(Box::new(inner)));
    }
    if ["transform", "filter", "any_match", "none_match"].contains(&name.as_str())
        && let Some(last) = args.last_mut()
    {
        lambda(last);
    }
    if name == "approx_percentile"
        && args.len() == 2
        && let Some(Expr::Array(list)) = args.get(1)
    {
        let each = list
            .elem
            .iter()
            .map(|p| call("approx_percentile_cont", vec![args[0].clone(), p.clone()]));
        return Some(call("make_array", each.collect()));
    }
    if is_ours(&name) {
        function.name = ast::ObjectName::from(vec![Ident::new(format!("{PREFIX}{name}"))]);
        return None;
    }
    let rule = RULES.get(&(name.as_str(), args.len()))?.as_ref()?;
    let mut new = rule.clone();
    if new.visit(&mut Filler(&args)).is_break() {
        return None;
    }
    // What stood beside the arguments goes to the aggregate that stands for the call.
    if let Expr::Function(new) = &mut new {
        if function.over.is_some() {
            new.over = function.over.take();
        }
        if let Some(filter) = function.filter.take() {
            new.filter = Some(match new.filter.take() {
                Some(own) => Box::new(Expr::BinaryOp {
                    left: own,
                    op: BinaryOperator::And,
                    right: Box::new(Expr::Nested(filter)),
                }),
                None => filter,
            });
        }
        if let (FunctionArguments::List(from), FunctionArguments::List(to)) =
            (&function.args, &mut new.args)
        {
            to.duplicate_treatment = from.duplicate_treatment;
        }
        return Some(Expr::Function(new.clone()));
    }
    Some(Expr::Nested(Box::new(new)))
}

/// `listagg(x, ',') WITHIN GROUP (ORDER BY y)` as `string_agg(x, ',' ORDER BY y)`.
fn list_agg(function: &mut Function) {
    function.name = ast::ObjectName::from(vec![Ident::new("string_agg")]);
    let order = std::mem::take(&mut function.within_group);
    if let FunctionArguments::List(list) = &mut function.args {
        if list.args.len() == 1 {
            let empty =
                Expr::Value(ast::Value::SingleQuotedString(String::new()).with_empty_span());
            list.args
                .push(FunctionArg::Unnamed(FunctionArgExpr::Expr(empty)));
        }
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
}

/// Puts arguments where a template has its places.
struct Filler<'a>(&'a [Expr]);

impl VisitorMut for Filler<'_> {
    type Break = ();
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(ident) = expr
            && let Some(n) = ident
                .value
                .strip_prefix("__")
                .and_then(|n| n.parse::<usize>().ok())
            && let Some(given) = n.checked_sub(1).and_then(|n| self.0.get(n))
        {
            *expr = match given {
                plain @ (Expr::Identifier(_)
                | Expr::CompoundIdentifier(_)
                | Expr::Value(_)
                | Expr::Function(_)
                | Expr::Lambda(_)) => plain.clone(),
                other => Expr::Nested(Box::new(other.clone())),
            };
        }
        ControlFlow::Continue(())
    }
}

/// `try(…)`: casts that fail and divisions by zero are null.
struct Forgiving;

impl VisitorMut for Forgiving {
    type Break = ();
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Cast { kind, .. } if *kind == CastKind::Cast => *kind = CastKind::TryCast,
            Expr::BinaryOp {
                op: BinaryOperator::Divide | BinaryOperator::Modulo,
                right,
                ..
            } => {
                let zero = Expr::Value(ast::Value::Number("0".to_owned(), false).with_empty_span());
                **right = call("nullif", vec![Expr::Nested(right.clone()), zero]);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `x -> body`: the arrow is read as an operator that binds closest, so it stands deepest on the left.
fn lambda(expr: &mut Expr) {
    let Some(params) = take_arrow(expr) else {
        return;
    };
    let body = Box::new(expr.clone());
    *expr = Expr::Lambda(LambdaFunction {
        params,
        body,
        syntax: ast::LambdaSyntax::Arrow,
    });
}

/// Takes `x ->` off the left end of an expression; what is left is the body.
fn take_arrow(expr: &mut Expr) -> Option<OneOrManyWithParens<ast::LambdaFunctionParameter>> {
    let named = |ident: &Ident| ast::LambdaFunctionParameter {
        name: ident.clone(),
        data_type: None,
    };
    if let Expr::BinaryOp {
        left,
        op: BinaryOperator::Arrow,
        right,
    } = expr
    {
        let params = match left.as_ref() {
            Expr::Identifier(ident) => OneOrManyWithParens::One(named(ident)),
            Expr::Nested(inner) => match inner.as_ref() {
                Expr::Identifier(ident) => OneOrManyWithParens::One(named(ident)),
                _ => return None,
            },
            Expr::Tuple(all) => {
                let names: Option<Vec<_>> = all
                    .iter()
                    .map(|e| {
                        if let Expr::Identifier(i) = e {
                            Some(named(i))
                        } else {
                            None
                        }
                    })
                    .collect();
                OneOrManyWithParens::Many(names?)
            }
            _ => return take_arrow(left),
        };
        *expr = Expr::clone(right);
        return Some(params);
    }
    match expr {
        Expr::BinaryOp { left, .. } => take_arrow(left),
        Expr::IsNull(e) | Expr::IsNotNull(e) | Expr::IsTrue(e) | Expr::IsFalse(e) => take_arrow(e),
        Expr::Like { expr, .. } | Expr::InList { expr, .. } | Expr::Between { expr, .. } => {
            take_arrow(expr)
        }
        _ => None,
    }
}
