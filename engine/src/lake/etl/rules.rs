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
    kind: Kind,
    names: Vec<String>,
    condition: Condition,
    threshold: Option<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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

const KINDS: [(&str, Kind); 18] = [
    ("RowCount", Kind::RowCount),
    ("ColumnCount", Kind::ColumnCount),
    ("ColumnExists", Kind::ColumnExists),
    ("ColumnDataType", Kind::ColumnDataType),
    ("IsComplete", Kind::IsComplete),
    ("Completeness", Kind::Completeness),
    ("IsUnique", Kind::IsUnique),
    ("Uniqueness", Kind::Uniqueness),
    ("UniqueValueRatio", Kind::UniqueValueRatio),
    ("IsPrimaryKey", Kind::IsPrimaryKey),
    ("DistinctValuesCount", Kind::DistinctValuesCount),
    ("ColumnValues", Kind::ColumnValues),
    ("ColumnLength", Kind::ColumnLength),
    ("Mean", Kind::Mean),
    ("Sum", Kind::Sum),
    ("StandardDeviation", Kind::StandardDeviation),
    ("DataFreshness", Kind::DataFreshness),
    ("CustomSql", Kind::CustomSql),
];
/// Rules of one set at the most.
const RULES_MAX: usize = 2_000;

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    None,
    Compare(&'static str, Operand),
    Between(Operand, Operand, bool),
    In(Vec<Operand>, bool),
    Matches(String, bool),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
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
            Kind::ColumnDataType => {
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
                Measure::Known(same, found)
            }
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

impl Ruleset {
    /// Reads `Rules = [ … ]`.
    ///
    /// # Errors
    /// One sentence on what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut reader = Reader {
            tokens: &tokens,
            at: 0,
        };
        reader
            .word("Rules")
            .map_err(|_| "a ruleset begins with `Rules = [`".to_owned())?;
        reader.mark("=")?;
        reader.mark("[")?;
        let mut rules = Vec::new();
        while !reader.is("]") {
            rules.push(reader.rule(text)?);
            if rules.len() > RULES_MAX {
                return Err("there are more than 2,000 rules".to_owned());
            }
            if !reader.is("]") {
                reader.mark(",")?;
            }
        }
        reader.mark("]")?;
        if reader.at < tokens.len() {
            return Err(
                "something stands after the last `]`; only rules are read here, no analyzers"
                    .to_owned(),
            );
        }
        if rules.is_empty() {
            return Err("there is no rule; for example `Rules = [ RowCount > 0 ]`".to_owned());
        }
        Ok(Self { rules })
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(&'static str),
}

/// A token and where it stands: first byte and the one after it.
type Placed = (Token, usize, usize);

fn tokens(text: &str) -> Result<Vec<Placed>, String> {
    const MARKS: [&str; 12] = [
        "!=", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ",", "-",
    ];
    let mut all = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(c) = rest.chars().next() else {
            return Ok(all);
        };
        let (token, after) = if let Some(inner) = rest.strip_prefix('"') {
            let (inside, after) = inner.split_once('"').ok_or_else(|| {
                format!("a text that begins at character {at} has no closing quote")
            })?;
            (Token::Text(inside.to_owned()), after)
        } else if let Some(comment) = rest.strip_prefix('#') {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        } else if c.is_alphanumeric() || c == '.' || c == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            (Token::Word(word.to_owned()), after)
        } else {
            let mark = MARKS.iter().find(|m| rest.starts_with(**m));
            let mark = mark.ok_or_else(|| format!("`{c}` at character {at} belongs to no rule"))?;
            (
                Token::Mark(mark),
                rest.strip_prefix(mark).unwrap_or_default(),
            )
        };
        rest = after;
        all.push((token, at, text.len() - after.len()));
    }
}

struct Reader<'a> {
    tokens: &'a [Placed],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(t, _, _)| t)
    }
    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(m)) if *m == mark)
    }
    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(w)) if w == word)
    }
    fn place(&self) -> String {
        self.tokens.get(self.at).map_or_else(
            || "at the end".to_owned(),
            |(_, at, _)| format!("at character {at}"),
        )
    }
    fn mark(&mut self, mark: &str) -> Result<(), String> {
        if self.is(mark) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("`{mark}` is missing {}", self.place()))
    }
    fn word(&mut self, word: &str) -> Result<(), String> {
        if self.is_word(word) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("`{word}` is missing {}", self.place()))
    }
    fn rule(&mut self, text: &str) -> Result<Rule, String> {
        let begin = self.tokens.get(self.at).map_or(0, |t| t.1);
        let mut parts = Vec::new();
        let mut any = None;
        if self.is("(") {
            loop {
                self.mark("(")?;
                parts.push(self.check()?);
                self.mark(")")?;
                let (and, or) = (self.is_word("and"), self.is_word("or"));
                if !(and || or) {
                    break;
                }
                if *any.get_or_insert(or) != or {
                    return Err(format!(
                        "`and` and `or` are mixed {}; make two rules",
                        self.place()
                    ));
                }
                self.at += 1;
            }
        } else {
            parts.push(self.check()?);
        }
        let end = self
            .tokens
            .get(self.at.saturating_sub(1))
            .map_or(0, |t| t.2);
        Ok(Rule {
            text: text.get(begin..end).unwrap_or_default().to_owned(),
            parts,
            any: any.unwrap_or(false),
        })
    }
    fn check(&mut self) -> Result<Check, String> {
        let place = self.place();
        let Some(Token::Word(name)) = self.peek().cloned() else {
            return Err(format!("a rule is missing {place}"));
        };
        self.at += 1;
        let kind = KINDS.iter().find(|(n, _)| *n == name).map(|(_, k)| *k);
        let kind = kind.ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|(n, _)| *n).collect();
            format!(
                "`{name}` {place} is no rule that is evaluated here; there is {}",
                names.join(", ")
            )
        })?;
        let mut names = Vec::new();
        while let Some(Token::Text(text)) = self.peek().cloned() {
            names.push(text);
            self.at += 1;
        }
        let condition = self.condition()?;
        let threshold = if self.is_word("with") {
            self.at += 1;
            self.word("threshold")?;
            Some(self.condition()?)
        } else {
            None
        };
        let bare = matches!(kind, Kind::RowCount | Kind::ColumnCount);
        if names.is_empty() != bare {
            let what = if bare {
                "takes no column"
            } else {
                "needs a column in quotes"
            };
            return Err(format!("`{name}` {place} {what}"));
        }
        let alone = matches!(
            kind,
            Kind::ColumnExists | Kind::IsComplete | Kind::IsUnique | Kind::IsPrimaryKey
        );
        if (condition == Condition::None) != alone {
            let what = if alone {
                "takes no condition"
            } else {
                "needs a condition such as `> 0`"
            };
            return Err(format!("`{name}` {place} {what}"));
        }
        Ok(Check {
            kind,
            names,
            condition,
            threshold,
        })
    }
    fn condition(&mut self) -> Result<Condition, String> {
        for (mark, op) in [
            ("!=", "<>"),
            ("<=", "<="),
            (">=", ">="),
            ("=", "="),
            ("<", "<"),
            (">", ">"),
        ] {
            if self.is(mark) {
                self.at += 1;
                return Ok(Condition::Compare(op, self.operand()?));
            }
        }
        let negated = self.is_word("not");
        if negated {
            self.at += 1;
        }
        if self.is_word("between") {
            self.at += 1;
            let from = self.operand()?;
            self.word("and")?;
            return Ok(Condition::Between(from, self.operand()?, negated));
        }
        if self.is_word("in") {
            self.at += 1;
            self.mark("[")?;
            let mut all = vec![self.operand()?];
            while self.is(",") {
                self.at += 1;
                all.push(self.operand()?);
            }
            self.mark("]")?;
            return Ok(Condition::In(all, negated));
        }
        if self.is_word("matches") {
            self.at += 1;
            let Some(Token::Text(pattern)) = self.peek().cloned() else {
                return Err(format!(
                    "`matches` needs a pattern in quotes {}",
                    self.place()
                ));
            };
            self.at += 1;
            return Ok(Condition::Matches(pattern, negated));
        }
        if negated {
            return Err(format!(
                "`not` is followed by nothing that it negates {}",
                self.place()
            ));
        }
        Ok(Condition::None)
    }
    fn operand(&mut self) -> Result<Operand, String> {
        let minus = self.is("-");
        if minus {
            self.at += 1;
        }
        let place = self.place();
        let token = self.peek().cloned();
        self.at += 1;
        match token {
            Some(Token::Text(text)) if !minus => Ok(Operand::Text(text)),
            Some(Token::Word(word)) => {
                let number: f64 = word
                    .parse()
                    .map_err(|_| format!("`{word}` {place} is no number; texts stand in quotes"))?;
                let scale = match self.peek() {
                    Some(Token::Word(unit)) if matches!(unit.as_str(), "hours" | "hour") => {
                        Some(1.0)
                    }
                    Some(Token::Word(unit)) if matches!(unit.as_str(), "days" | "day") => {
                        Some(24.0)
                    }
                    Some(Token::Word(unit)) if matches!(unit.as_str(), "minutes" | "minute") => {
                        Some(1.0 / 60.0)
                    }
                    _ => None,
                };
                if scale.is_some() {
                    self.at += 1;
                }
                let number = if minus { -number } else { number };
                Ok(Operand::Number(number * scale.unwrap_or(1.0)))
            }
            _ => Err(format!("a value is missing {place}")),
        }
    }
}
