//! Whole numbers as the two engines compute with them.
//!
//! Flink SQL computes as Java does: `INT` with `INT` is `INT` and wraps around, a plain number is an `INT` where it fits, `SUM` and `AVG`
//! have their argument's type, a CAST to a smaller type keeps the low bits. Kinesis SQL has a row whose sum leaves `BIGINT` in the error
//! stream; so sums are made in wider numbers and cast back.
//! Source of the types of averages: `LogicalTypeMerging.findAvgAggType` of Apache Flink 1.20, read 2026-11-22. That casts to smaller
//! whole numbers wrap as Java's do is commonly known, not looked up.

use std::ops::ControlFlow;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, Expr, Function, Ident, ObjectName, Select,
    SelectItem, Value, VisitMut as _, VisitorMut,
};

use super::Dialect;
use super::names::{Scope, arguments, call};
use super::rows::{time_field, wider};
use super::select::Builder;
use super::windows::OWN;

impl Builder<'_> {
    /// The same SELECT with its sums, averages, casts and arithmetic as the engine has them.
    pub(super) fn whole_numbers(&self, select: &Select, scope: &Scope, from: usize) -> Select {
        let mut own = select.clone();
        let input = wider(&self.stream(from).schema, OWN.map(time_field));
        for item in &mut own.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                self.whole(expr, scope, &input);
            }
        }
        for expr in own.selection.iter_mut().chain(&mut own.having) {
            self.whole(expr, scope, &input);
        }
        if let datafusion::sql::sqlparser::ast::GroupByExpr::Expressions(all, _) = &mut own.group_by
        {
            for expr in all {
                self.whole(expr, scope, &input);
            }
        }
        own
    }
    /// One expression as the engine has it; what does not compile stays as it is and is told where it is compiled.
    pub(super) fn whole(&self, expr: &mut Expr, scope: &Scope, input: &SchemaRef) {
        let mut pass = Pass {
            builder: self,
            scope,
            input,
        };
        if expr.visit(&mut pass).is_break() {
            // It looks at everything and never breaks off.
        }
    }
}

struct Pass<'a, 'b> {
    builder: &'a Builder<'b>,
    scope: &'a Scope,
    input: &'a SchemaRef,
}

impl VisitorMut for Pass<'_, '_> {
    type Break = ();
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let new = match self.builder.dialect {
            Dialect::Flink => self.flink(expr),
            Dialect::Kinesis => self.kinesis(expr),
        };
        if let Some(new) = new {
            *expr = new;
        }
        ControlFlow::Continue(())
    }
}

impl Pass<'_, '_> {
    /// The type of an expression that is a whole number.
    fn kind(&self, expr: &Expr) -> Option<DataType> {
        let mut own = expr.clone();
        self.scope.resolve(&mut own).ok()?;
        let sql = format!("SELECT {own} AS x FROM records");
        let input = SchemaRef::clone(self.input);
        let found = self.builder.transform(&sql, input).ok()?;
        let kind = found.output_schema().field(0).data_type().clone();
        kind.is_signed_integer().then_some(kind)
    }
    fn kinesis(&self, expr: &Expr) -> Option<Expr> {
        let (function, argument) = aggregate(expr, "SUM")?;
        self.kind(argument)?;
        let wide = call(
            "arrow_cast",
            vec![argument.clone(), text("Decimal128(38, 0)")],
        );
        Some(cast(with_argument(function, wide), SqlType::BigInt(None)))
    }
    fn flink(&self, expr: &mut Expr) -> Option<Expr> {
        if let Expr::BinaryOp { left, op, right } = expr {
            use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus};
            if matches!(op, Plus | Minus | Multiply | Divide | Modulo) {
                for side in [left, right] {
                    if is_int(side) {
                        **side = cast(side.as_ref().clone(), SqlType::Int(None));
                    }
                }
            }
            return None;
        }
        if let Expr::Cast {
            kind: CastKind::Cast,
            expr: inner,
            data_type,
            ..
        } = expr
        {
            let to = match data_type {
                SqlType::TinyInt(None) => DataType::Int8,
                SqlType::SmallInt(None) => DataType::Int16,
                SqlType::Int(None) | SqlType::Integer(None) => DataType::Int32,
                _ => return None,
            };
            let wider = self.kind(inner)?.primitive_width() > to.primitive_width();
            return wider.then(|| narrow(inner.as_ref().clone(), &to)).flatten();
        }
        if let Some((_, argument)) = aggregate(expr, "SUM") {
            let kind = self.kind(argument)?;
            return narrow(expr.clone(), &kind);
        }
        let (function, argument) = aggregate(expr, "AVG")?;
        let kind = self.kind(argument)?;
        let named = |name: &str| Function {
            name: ObjectName::from(vec![Ident::new(name)]),
            ..function.clone()
        };
        let none = Expr::Value(Value::Number("0".to_owned(), false).into());
        let count = call("nullif", vec![Expr::Function(named("count")), none]);
        let mean = binary(Expr::Function(named("sum")), BinaryOperator::Divide, count);
        Some(call(
            "arrow_cast",
            vec![Expr::Nested(Box::new(mean)), text(&kind.to_string())],
        ))
    }
}

/// A number that is an `INT` as it stands, or less one.
fn is_int(expr: &Expr) -> bool {
    match expr {
        Expr::Value(v) => match &v.value {
            Value::Number(digits, _) => digits.parse::<i32>().is_ok(),
            _ => false,
        },
        Expr::Nested(inner) => is_int(inner),
        Expr::UnaryOp { expr, .. } => is_int(expr),
        _ => false,
    }
}

/// A call of this aggregate with one argument.
fn aggregate<'a>(expr: &'a Expr, name: &str) -> Option<(&'a Function, &'a Expr)> {
    let Expr::Function(function) = expr else {
        return None;
    };
    let args = arguments(function);
    let [argument] = args[..] else {
        return None;
    };
    let same = function.name.to_string().eq_ignore_ascii_case(name);
    same.then_some((function, argument))
}

fn with_argument(function: &Function, argument: Expr) -> Expr {
    use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    let mut own = function.clone();
    if let FunctionArguments::List(list) = &mut own.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))];
    }
    Expr::Function(own)
}

/// The low bits of a BIGINT as a smaller type, as Java narrows.
fn narrow(expr: Expr, to: &DataType) -> Option<Expr> {
    let (half, mask) = match to {
        DataType::Int8 => (1_i64 << 7, (1_i64 << 8) - 1),
        DataType::Int16 => (1 << 15, (1 << 16) - 1),
        DataType::Int32 => (1 << 31, (1 << 32) - 1),
        _ => return None,
    };
    let number = |n: i64| Expr::Value(Value::Number(n.to_string(), false).into());
    let whole = call("arrow_cast", vec![expr, text("Int64")]);
    let up = Expr::Nested(Box::new(binary(whole, BinaryOperator::Plus, number(half))));
    let low = binary(up, BinaryOperator::BitwiseAnd, number(mask));
    let low = Expr::Nested(Box::new(low));
    let back = binary(low, BinaryOperator::Minus, number(half));
    Some(call("arrow_cast", vec![back, text(&to.to_string())]))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

fn cast(expr: Expr, data_type: SqlType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}
