//! `CROSS JOIN UNNEST(…)` of a column: the engine unnests in the list of columns only, so the joined table becomes a query
//! that does it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, JoinConstraint, JoinOperator, Query, SelectItem, SetExpr, TableAlias,
    TableFactor, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::rewrite::call;

/// Gives every column of an UNNEST an array of its own: keys and values of a map, places for `WITH ORDINALITY`.
pub(super) fn widen(factor: &mut TableFactor) {
    let TableFactor::UNNEST {
        alias,
        array_exprs,
        with_ordinality,
        ..
    } = factor
    else {
        return;
    };
    let columns = alias.as_ref().map_or(0, |a| a.columns.len());
    let Some(first) = array_exprs.first().cloned() else {
        return;
    };
    // One array gives one column, a map two.
    if array_exprs.len() == 1 && columns == 2 + usize::from(*with_ordinality) {
        *array_exprs = vec![
            call("map_keys", vec![first.clone()]),
            call("map_values", vec![first.clone()]),
        ];
    }
    if *with_ordinality {
        let whole = array_exprs.first().cloned().unwrap_or(first);
        array_exprs.push(call("ordinals", vec![whole]));
        *with_ordinality = false;
    }
}

/// Turns `t CROSS JOIN UNNEST(a) AS u(x)` into `(SELECT *, unnest(a) AS x FROM t) AS t`, and `u.x` into `t.x`.
#[expect(
    clippy::too_many_lines,
    reason = "one form of a statement taken apart from left to right"
)]
pub(super) fn flatten(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return;
    };
    // A comma is a cross join too.
    while select.from.len() > 1
        && select
            .from
            .get(1)
            .is_some_and(|t| matches!(t.relation, TableFactor::UNNEST { .. }))
    {
        let second = select.from.remove(1);
        if let Some(first) = select.from.first_mut() {
            first.joins.push(ast::Join {
                relation: second.relation,
                global: false,
                join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
            });
            first.joins.extend(second.joins);
        }
    }
    let [from] = select.from.as_mut_slice() else {
        return;
    };
    let cross = |j: &ast::Join| {
        matches!(j.join_operator, JoinOperator::CrossJoin(_))
            && matches!(j.relation, TableFactor::UNNEST { .. })
    };
    if from.joins.is_empty()
        || !from.joins.iter().all(cross)
        || matches!(from.relation, TableFactor::UNNEST { .. })
    {
        return;
    }
    let base = base_name(&from.relation);
    let mut others = Vec::new();
    for join in std::mem::take(&mut from.joins) {
        let mut factor = join.relation;
        widen(&mut factor);
        let TableFactor::UNNEST {
            alias, array_exprs, ..
        } = factor
        else {
            continue;
        };
        let names = alias
            .as_ref()
            .map(|a| a.columns.as_slice())
            .unwrap_or_default();
        let mut inner = empty_query();
        let Some(SetExpr::Select(inside)) = inner.as_mut().map(|q| q.body.as_mut()) else {
            return;
        };
        for (i, array) in array_exprs.into_iter().enumerate() {
            let alias = names
                .get(i)
                .map_or_else(|| Ident::new(format!("_col{i}")), |c| c.name.clone());
            inside.projection.push(SelectItem::ExprWithAlias {
                expr: call("unnest", vec![array]),
                alias,
            });
        }
        let relation = from.relation.clone();
        inside.from = vec![ast::TableWithJoins {
            relation,
            joins: Vec::new(),
        }];
        others.extend(alias.map(|a| a.name.value.to_lowercase()));
        if let Some(inner) = inner {
            from.relation = TableFactor::Derived {
                lateral: false,
                subquery: Box::new(inner),
                alias: Some(TableAlias {
                    explicit: true,
                    name: base.clone(),
                    columns: Vec::new(),
                    at: None,
                }),
                sample: None,
            };
        }
    }
    if query
        .visit(&mut Renamer {
            from: &others,
            to: &base,
        })
        .is_break()
    {
        // It looks at everything.
    }
}

fn base_name(factor: &TableFactor) -> Ident {
    let alias = match factor {
        TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => {
            alias.as_ref().map(|a| a.name.clone())
        }
        _ => None,
    };
    let last = match factor {
        TableFactor::Table { name, .. } => name.0.last().and_then(|p| p.as_ident()).cloned(),
        _ => None,
    };
    alias.or(last).unwrap_or_else(|| Ident::new("__base"))
}

fn empty_query() -> Option<Query> {
    let dialect = GenericDialect {};
    let parsed = Parser::new(&dialect)
        .try_with_sql("SELECT * FROM t")
        .ok()?
        .parse_query();
    parsed.ok().map(|q| *q)
}

struct Renamer<'a> {
    from: &'a [String],
    to: &'a Ident,
}

impl VisitorMut for Renamer<'_> {
    type Break = ();
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && parts.len() > 1
            && let Some(first) = parts.first_mut()
            && self.from.contains(&first.value.to_lowercase())
        {
            *first = self.to.clone();
        }
        ControlFlow::Continue(())
    }
}
