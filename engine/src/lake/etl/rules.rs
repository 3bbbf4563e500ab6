//! Data quality rules: a subset of DQDL, read from text and turned into SQL over `source`.
//!
//! Source: <https://docs.aws.amazon.com/glue/latest/dg/dqdl.html>. Names are case sensitive, as there. Rules are joined with
//! `and` and `or` in brackets. The score is the share of rules that pass.

use arrow::datatypes::SchemaRef;

use super::super::glue_types::glue_type;
use super::steps::{find, quoted};

/// A set of rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruleset {
    pub(super) rules: Vec<Rule>,
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleResult {
    /// The rule as it is written.
    pub rule: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was measured, in words.
    pub found: String,
}

/// One rule of the list, maybe of several parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) text: String,
    pub(super) parts: Vec<Check>,
    /// True when one part is enough (`or`).
    pub(super) any: bool,
}

/// One check.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Check {
    pub(super) kind: Kind,
    pub(super) names: Vec<String>,
    pub(super) condition: Condition,
    pub(super) threshold: Option<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    RowCount,
    ColumnCount,
    ColumnExists,
    ColumnDataType,
    IsComplete,
    Completeness,
    IsUnique,
    Uniqueness,
    UniqueValueRatio,
    IsPrimaryKey,
    DistinctValuesCount,
    ColumnValues,
    ColumnLength,
    Mean,
    Sum,
    StandardDeviation,
    DataFreshness,
    CustomSql,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    None,
    Compare(&'static str, Operand),
    Between(Operand, Operand, bool),
    In(Vec<Operand>, bool),
    Matches(String, bool),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// A number, or a span of time in hours.
    Number(f64),
    Text(String),
}

impl Operand {
    fn sql(&self) -> String {
        match self {
            Self::Number(n) => format!("{n:?}"),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
        }
    }
    const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Text(_) => None,
        }
    }
}

impl Condition {
    /// The condition on a value, as SQL.
    fn sql(&self, value: &str) -> String {
        match self {
            Self::None => "true".to_owned(),
            Self::Compare(op, with) => format!("{value} {op} {}", with.sql()),
            Self::Between(a, b, negated) => {
                // Both ends are outside, as DQDL has it.
                let inside = format!("({value} > {} AND {value} < {})", a.sql(), b.sql());
                if *negated {
                    format!("NOT {inside}")
                } else {
                    inside
                }
            }
            Self::In(all, negated) => {
                let all: Vec<String> = all.iter().map(Operand::sql).collect();
                let not = if *negated { "NOT " } else { "" };
                format!("{value} {not}IN ({})", all.join(", "))
            }
            Self::Matches(pattern, negated) => {
                let whole = Operand::Text(format!("^(?:{pattern})$")).sql();
                let op = if *negated { "!~" } else { "~" };
                format!("CAST({value} AS VARCHAR) {op} {whole}")
            }
        }
    }
    /// Whether a measured number fits.
    fn fits(&self, value: f64) -> bool {
        match self {
            Self::None => true,
            Self::Compare(op, with) => with.number().is_some_and(|with| match *op {
                "=" => (value - with).abs() <= f64::EPSILON * with.abs().max(1.0),
                "<>" => (value - with).abs() > f64::EPSILON * with.abs().max(1.0),
                "<" => value < with,
                "<=" => value <= with,
                ">" => value > with,
                _ => value >= with,
            }),
            Self::Between(a, b, negated) => {
                let inside =
                    a.number().is_some_and(|a| value > a) && b.number().is_some_and(|b| value < b);
                inside != *negated
            }
            Self::In(all, negated) => {
                let found = all
                    .iter()
                    .filter_map(Operand::number)
                    .any(|n| (n - value).abs() <= f64::EPSILON);
                found != *negated
            }
            Self::Matches(..) => false,
        }
    }
}

/// How a check is decided.
pub(super) enum Measure {
    /// Known from the columns alone.
    Known(bool, String),
    /// A query of one number over `source` (or `primary`).
    Query(String),
}

impl Check {
    /// What to measure for it.
    ///
    /// # Errors
    /// A column that is not there.
    pub(super) fn measure(&self, schema: &SchemaRef, now_seconds: f64) -> Result<Measure, String> {
        let first = self.names.first().map_or("", String::as_str);
        let columns = || -> Result<Vec<String>, String> {
            self.names
                .iter()
                .map(|n| Ok(quoted(find(n, schema)?)))
                .collect()
        };
        let column = || Ok::<_, String>(quoted(find(first, schema)?));
        let query =
            |value: String| Measure::Query(format!("SELECT CAST({value} AS DOUBLE) FROM source"));
        Ok(match self.kind {
            Kind::ColumnExists => Measure::Known(
                find(first, schema).is_ok(),
                "looked at the columns".to_owned(),
            ),
            Kind::ColumnCount => {
                let count = schema.fields().len();
                Measure::Known(
                    self.condition.fits(count as f64),
                    format!("{count} columns"),
                )
            }
            Kind::ColumnDataType => self.data_type(schema)?,
            Kind::RowCount => query("count(*)".to_owned()),
            Kind::IsComplete | Kind::Completeness => {
                let c = column()?;
                query(format!(
                    "CASE WHEN count(*) = 0 THEN 1.0 ELSE CAST(count({c}) AS DOUBLE) / count(*) END"
                ))
            }
            Kind::DistinctValuesCount => query(format!("count(DISTINCT {})", column()?)),
            Kind::Mean => query(format!("avg({})", column()?)),
            Kind::Sum => query(format!("sum({})", column()?)),
            Kind::StandardDeviation => query(format!("stddev_pop({})", column()?)),
            Kind::ColumnValues => query(share(&self.condition.sql(&column()?))),
            Kind::ColumnLength => {
                let length = format!("character_length(CAST({} AS VARCHAR))", column()?);
                query(share(&self.condition.sql(&length)))
            }
            Kind::DataFreshness => {
                let age = format!(
                    "(({now_seconds:?} - CAST(date_part('epoch', CAST({} AS TIMESTAMP(6))) AS DOUBLE)) / 3600.0)",
                    column()?
                );
                query(share(&self.condition.sql(&age)))
            }
            Kind::IsUnique | Kind::Uniqueness | Kind::UniqueValueRatio | Kind::IsPrimaryKey => {
                let keys = columns()?;
                let not_null: Vec<String> =
                    keys.iter().map(|k| format!("{k} IS NOT NULL")).collect();
                let by = match self.kind {
                    Kind::UniqueValueRatio => "count(*)".to_owned(),
                    // A primary key has no nulls: all rows count.
                    Kind::IsPrimaryKey => "(SELECT count(*) FROM source)".to_owned(),
                    _ => "sum(n)".to_owned(),
                };
                Measure::Query(format!(
                    "SELECT CASE WHEN {by} = 0 THEN 1.0 ELSE CAST(sum(CASE WHEN n = 1 THEN 1 ELSE 0 END) AS DOUBLE) / {by} END \
                     FROM (SELECT count(*) AS n FROM source WHERE {} GROUP BY {})",
                    not_null.join(" AND "),
                    keys.join(", ")
                ))
            }
            Kind::CustomSql => Measure::Query(first.to_owned()),
        })
    }

    /// Compares a column's type with the one that is wanted.
    fn data_type(&self, schema: &SchemaRef) -> Result<Measure, String> {
        let first = self.names.first().map_or("", String::as_str);
        let found = schema
            .field_with_name(find(first, schema)?)
            .map_err(|e| e.to_string())?;
        let found = glue_type(found.data_type());
        let Condition::Compare("=", Operand::Text(wanted)) = &self.condition else {
            return Err("ColumnDataType needs `= \"type\"`".to_owned());
        };
        let wanted = wanted.to_lowercase();
        let same = match wanted.as_str() {
            "integer" => matches!(found.as_str(), "int" | "smallint" | "tinyint"),
            "long" => found == "bigint",
            other => found.split('(').next() == Some(other),
        };
        Ok(Measure::Known(same, found))
    }

    /// The statement of a `CustomSql` rule.
    pub(super) fn custom_sql(&self) -> Option<&str> {
        let first = self.names.first().map(String::as_str);
        first.filter(|_| self.kind == Kind::CustomSql)
    }

    /// Whether what was measured is good.
    pub(super) fn judge(&self, value: f64) -> bool {
        match self.kind {
            Kind::IsComplete | Kind::IsUnique | Kind::IsPrimaryKey => value >= 1.0,
            Kind::ColumnValues | Kind::ColumnLength | Kind::DataFreshness => self
                .threshold
                .as_ref()
                .map_or(value >= 1.0, |t| t.fits(value)),
            _ => self.condition.fits(value),
        }
    }
}

fn share(condition: &str) -> String {
    format!(
        "CASE WHEN count(*) = 0 THEN 1.0 ELSE CAST(sum(CASE WHEN {condition} THEN 1 ELSE 0 END) AS DOUBLE) / count(*) END"
    )
}
