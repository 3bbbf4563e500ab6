//! A script of streaming SQL as its statements. Knows the words of both dialects that no parser of queries knows (`STREAM`, `PUMP`,
//! `STEP(… BY …)`, `WINDOWED BY STAGGER`, `CURSOR(…)`, `WATERMARK FOR`), turns them into ordinary SQL of the same length, and so
//! keeps every place true.

use std::borrow::Cow;

use datafusion::sql::sqlparser::ast::{Expr, Query};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::declare;
use crate::lake::error::SqlProblem;
use crate::lake::sql::{SQL_BYTES_MAX, narrow};

/// Statements of one script at the most.
const STATEMENTS_MAX: usize = 100;
/// How deep expressions may be nested.
const DEPTH: usize = 60;

/// One word of the text and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) token: Token,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Word {
    /// The word in upper case; quoted names and symbols are none.
    pub(super) fn upper(&self) -> String {
        match &self.token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_uppercase(),
            _ => String::new(),
        }
    }
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
    }
    /// The name that it is, quoted or not.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.token {
            Token::Word(w) => Some(&w.value),
            Token::DoubleQuotedString(s) => Some(s),
            _ => None,
        }
    }
    pub(super) fn fault(&self, why: impl Into<String>) -> SqlProblem {
        SqlProblem::new(why).at(self.line, self.column)
    }
}

/// A column of a `CREATE STREAM` or `CREATE TABLE`.
#[derive(Debug, Clone)]
pub(super) struct ColumnDecl {
    pub(super) name: String,
    pub(super) what: ColumnIs,
    /// Letters of a text at the most: the n of VARCHAR(n).
    pub(super) length: Option<usize>,
}

/// Where a declared column comes from.
#[derive(Debug, Clone)]
pub(super) enum ColumnIs {
    /// A field of this type.
    Field(arrow::datatypes::DataType),
    /// `name AS expression`.
    Computed(Box<Expr>),
    /// The arrival in the stream (`METADATA FROM 'timestamp'`).
    Arrival,
    /// `PROCTIME()`.
    Processing,
}

/// `CREATE STREAM` or `CREATE TABLE`.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) columns: Vec<ColumnDecl>,
    /// `WATERMARK FOR column AS column - INTERVAL`: the column and the delay in milliseconds.
    pub(super) watermark: Option<(String, i64)>,
    pub(super) line: u32,
}

/// `INSERT INTO`, alone or in a pump, or the definition of a view.
#[derive(Debug, Clone)]
pub(super) struct Insert {
    pub(super) target: String,
    /// The columns that are written, when named.
    pub(super) columns: Vec<String>,
    pub(super) query: Box<Query>,
    /// `WINDOWED BY STAGGER (PARTITION BY … RANGE …)`.
    pub(super) stagger: Option<Stagger>,
    /// `OVER (RANGE …)` behind a stream of a join: line and column of the stream's name, and how far it reaches.
    pub(super) reaches: Vec<(u32, u32, Reach)>,
    /// A view: its columns are those of the query.
    pub(super) view: bool,
    /// The pump that it stands in.
    pub(super) pump: Option<String>,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// The texts of a stagger window.
#[derive(Debug, Clone)]
pub(super) struct Stagger {
    pub(super) partition: Vec<Expr>,
    pub(super) length_ms: i64,
}

/// The window of one side of a join.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    /// Milliseconds before and behind.
    Range(i64, i64),
    /// So many of the newest rows.
    Rows(usize),
    /// The window of this name in WINDOW.
    Named(String),
}

/// A SELECT, and what stood in it that no parser of queries knows.
struct Found {
    query: Box<Query>,
    stagger: Option<Stagger>,
    reaches: Vec<(u32, u32, Reach)>,
}

/// A statement.
#[derive(Debug, Clone)]
pub(super) enum Statement {
    Declare(Declared),
    Insert(Insert),
}

/// The words of a text with their places; comments are left out.
pub(super) fn words(text: &str) -> Result<Vec<Word>, SqlProblem> {
    if text.len() > SQL_BYTES_MAX {
        return Err(SqlProblem::new(
            "the SQL is longer than 262,144 bytes; shorten it",
        ));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, text)
        .tokenize_with_location()
        .map_err(|e| {
            SqlProblem::new(e.message).at(narrow(e.location.line), narrow(e.location.column))
        })?;
    let mut lines = vec![0];
    lines.extend(text.match_indices('\n').map(|(i, _)| i + 1));
    let offset = |line: u64, column: u64| {
        let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
        let start = lines.get(line).copied().unwrap_or(text.len());
        let rest = text.get(start..).unwrap_or_default();
        let before = usize::try_from(column).unwrap_or(1).saturating_sub(1);
        start + rest.chars().take(before).map(char::len_utf8).sum::<usize>()
    };
    let used = tokens
        .into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    Ok(used
        .map(|t| Word {
            from: offset(t.span.start.line, t.span.start.column),
            to: offset(t.span.end.line, t.span.end.column),
            line: narrow(t.span.start.line),
            column: narrow(t.span.start.column),
            token: t.token,
        })
        .collect())
}

/// The script's statements, in order.
pub(super) fn parse(text: &str) -> Result<Vec<Statement>, SqlProblem> {
    let all = words(text)?;
    let mut out = Vec::new();
    for words in all.split(|w| w.token == Token::SemiColon) {
        let words = declare::without_statement_set(words);
        let Some(first) = words.first() else {
            continue;
        };
        if out.len() >= STATEMENTS_MAX {
            return Err(first.fault(format!(
                "there are more than {STATEMENTS_MAX} statements; split the application"
            )));
        }
        out.push(statement(text, words)?);
    }
    if out.is_empty() {
        return Err(SqlProblem::new(
            "there is no SQL; write for example CREATE OR REPLACE STREAM … and CREATE OR REPLACE PUMP … AS INSERT INTO … SELECT STREAM …",
        )
        .at(1, 1));
    }
    Ok(out)
}

fn statement(text: &str, words: &[Word]) -> Result<Statement, SqlProblem> {
    let first = &words[0];
    let mut at = Reader { words, at: 0 };
    if at.eat("INSERT") {
        return insert(text, &mut at).map(Statement::Insert);
    }
    if first.is("SELECT") || first.is("WITH") {
        let found = query(text, words)?;
        return Ok(Statement::Insert(Insert {
            target: super::IMPLIED.to_owned(),
            columns: Vec::new(),
            query: found.query,
            stagger: found.stagger,
            reaches: found.reaches,
            view: true,
            pump: None,
            line: first.line,
            column: first.column,
        }));
    }
    if first.is("SET") {
        return Err(first.fault(
            "SET has no place here: what it sets are parameters of the node (`source_idle_timeout_seconds` for table.exec.source.idle-timeout, `parallelism`, `allowed_lateness_seconds`); leave the statement out",
        ));
    }
    if !at.eat("CREATE") {
        return Err(first.fault(format!(
            "`{}` is no statement of streaming SQL here; there are CREATE STREAM, CREATE PUMP, CREATE TABLE, CREATE VIEW and INSERT INTO",
            first.token
        )));
    }
    if at.eat("OR") {
        at.expect("REPLACE")?;
    }
    at.eat("TEMPORARY");
    if at.eat("STREAM") || at.eat("TABLE") {
        return declare::declared(text, &mut at).map(Statement::Declare);
    }
    if at.eat("PUMP") {
        let pump = at.name("the pump's name")?;
        if at.eat("STOPPED") {
            return Err(first.fault("a STOPPED pump moves nothing; leave the word out"));
        }
        at.eat("STARTED");
        at.expect("AS")?;
        at.expect("INSERT")?;
        let insert = insert(text, &mut at)?;
        return Ok(Statement::Insert(Insert {
            pump: Some(pump),
            ..insert
        }));
    }
    if at.eat("VIEW") {
        let target = at.name("the view's name")?;
        at.expect("AS")?;
        return into(text, target, Vec::new(), true, &at).map(Statement::Insert);
    }
    Err(at.fault("after CREATE comes STREAM, PUMP, TABLE or VIEW"))
}

fn insert(text: &str, at: &mut Reader<'_>) -> Result<Insert, SqlProblem> {
    at.expect("INTO")?;
    let target = at.name("the stream that is written")?;
    let mut columns = Vec::new();
    if at.symbol(&Token::LParen) {
        loop {
            columns.push(at.name("a column")?);
            if at.symbol(&Token::RParen) {
                break;
            }
            if !at.symbol(&Token::Comma) {
                return Err(at.fault("columns are parted by commas and closed by `)`"));
            }
        }
    }
    into(text, target, columns, false, at)
}

fn into(
    text: &str,
    target: String,
    columns: Vec<String>,
    view: bool,
    at: &Reader<'_>,
) -> Result<Insert, SqlProblem> {
    let rest = &at.words[at.at.min(at.words.len())..];
    let Some(first) = rest.first() else {
        return Err(at.fault("here a SELECT is missing"));
    };
    let found = query(text, rest)?;
    Ok(Insert {
        target,
        columns,
        query: found.query,
        stagger: found.stagger,
        reaches: found.reaches,
        view,
        pump: None,
        line: first.line,
        column: first.column,
    })
}

/// A cursor over words.
pub(super) struct Reader<'a> {
    pub(super) words: &'a [Word],
    pub(super) at: usize,
}

impl Reader<'_> {
    pub(super) fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|w| w.is(word));
        self.at += usize::from(found);
        found
    }
    pub(super) fn expect(&mut self, word: &str) -> Result<(), SqlProblem> {
        match self.eat(word) {
            true => Ok(()),
            false => Err(self.fault(format!("here `{word}` is missing"))),
        }
    }
    pub(super) fn symbol(&mut self, symbol: &Token) -> bool {
        let found = self.peek().is_some_and(|w| w.token == *symbol);
        self.at += usize::from(found);
        found
    }
    pub(super) fn name(&mut self, what: &str) -> Result<String, SqlProblem> {
        let name = self.peek().and_then(Word::name).map(str::to_owned);
        let name = name.ok_or_else(|| self.fault(format!("here {what} is missing")))?;
        self.at += 1;
        Ok(name)
    }
    /// A problem at the next word, or at the last.
    pub(super) fn fault(&self, why: impl Into<String>) -> SqlProblem {
        match self.peek().or(self.words.last()) {
            Some(word) => word.fault(why),
            None => SqlProblem::new(why),
        }
    }
}

/// The text of these words alone, blanks and line ends before it so that places stay true.
pub(super) fn cut(text: &str, words: &[Word]) -> String {
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return String::new();
    };
    let before = text.get(..first.from).unwrap_or_default();
    let mut out = blanks(before);
    out.push_str(text.get(first.from..last.to).unwrap_or_default());
    out
}

fn blanks(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect()
}

/// Parses a SELECT of either dialect.
fn query(text: &str, words: &[Word]) -> Result<Found, SqlProblem> {
    let Plain {
        sql,
        stagger,
        reaches,
    } = plain(text, words)?;
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(DEPTH)
        .try_with_sql(&sql)
        .and_then(|mut p| {
            let query = p.parse_query()?;
            ended(&p, "the SELECT")?;
            Ok(query)
        });
    let query = parsed.map_err(|e| parse_fault(&e, &words[0]))?;
    Ok(Found {
        query,
        stagger,
        reaches,
    })
}

/// Parses one expression of either dialect.
pub(super) fn expression(text: &str, words: &[Word]) -> Result<Expr, SqlProblem> {
    let Some(first) = words.first() else {
        return Err(SqlProblem::new("here an expression is missing"));
    };
    let sql = plain(text, words)?.sql;
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(DEPTH)
        .try_with_sql(&sql)
        .and_then(|mut p| {
            let expr = p.parse_expr()?;
            ended(&p, "the expression")?;
            Ok(expr)
        });
    parsed.map_err(|e| parse_fault(&e, first))
}

fn ended(parser: &Parser<'_>, what: &str) -> Result<(), ParserError> {
    let next = parser.peek_token();
    match next.token {
        Token::EOF => Ok(()),
        other => Err(ParserError::ParserError(format!(
            "after {what} nothing is expected but there is {other}{}",
            next.span.start
        ))),
    }
}

/// Words as ordinary SQL, letter under letter, and the windows that stood among them.
struct Plain {
    sql: String,
    stagger: Option<Stagger>,
    reaches: Vec<(u32, u32, Reach)>,
}

fn plain(text: &str, words: &[Word]) -> Result<Plain, SqlProblem> {
    let mut edits: Vec<(usize, usize, Cow<'_, str>)> = Vec::new();
    let mut stagger = None;
    let mut reaches = Vec::new();
    // For every open bracket: is it that of STEP, of a window function?
    let mut open: Vec<&str> = Vec::new();
    let mut i = 0;
    while let Some(word) = words.get(i) {
        let next = words.get(i + 1);
        let calls = next.is_some_and(|n| n.token == Token::LParen);
        let within = open.last().copied().unwrap_or_default();
        match (word.upper().as_str(), within) {
            ("SELECT", _) => {
                if let Some(n) = next.filter(|n| n.is("STREAM")) {
                    edits.push((n.from, n.to, "".into()));
                }
            }
            ("BY", "STEP") => edits.push((word.from, word.to, ",".into())),
            // A lookup join: reference data is as it is when the record comes.
            ("FOR", _) if declare::follows(words, i, &["FOR", "SYSTEM_TIME", "AS", "OF"]) => {
                let last = i + 3 + declare::dotted(words.get(i + 4..).unwrap_or_default());
                edits.push((word.from, words[last].to, "".into()));
            }
            ("FLOOR", _) if calls => {
                if let Some((last, step)) = declare::since_epoch(text, words, i) {
                    edits.push((word.from, words[last].to, step.into()));
                    i = last + 1;
                    continue;
                }
            }
            ("CURSOR", _) if calls => edits.push((word.from, word.to, "".into())),
            ("TABLE", "WINDOW") if !calls => edits.push((word.from, word.to, "".into())),
            ("PARTITION", "WINDOW") => {
                let end = (i..words.len()).find(|j| words[*j].is("DESCRIPTOR"));
                // The comma before DESCRIPTOR, or before its name, stays.
                let comma =
                    end.and_then(|end| (i..end).rev().find(|j| words[*j].token == Token::Comma));
                if let Some(last) = comma.and_then(|j| words.get(j.checked_sub(1)?)) {
                    edits.push((word.from, last.to, "".into()));
                }
            }
            ("WINDOWED", _) if next.is_some_and(|n| n.is("BY")) => {
                let (found, end) = declare::stagger(text, words, i)?;
                if stagger.is_some() {
                    return Err(word.fault("there is more than one WINDOWED BY; write one"));
                }
                edits.push((word.from, words[end].to, "".into()));
                stagger = Some(found);
                i = end + 1;
                continue;
            }
            // Behind a name, not behind the brackets of a call, it is the window of a join.
            ("OVER", _)
                if i.checked_sub(1)
                    .is_some_and(|b| words[b].name().is_some() && !words[b].is("NULLS")) =>
            {
                let (reach, end) = declare::reach(words, i)?;
                edits.push((word.from, words[end].to, "".into()));
                let name = &words[i - 1];
                reaches.push((name.line, name.column, reach));
                i = end + 1;
                continue;
            }
            _ => {}
        }
        bracket(&mut open, words, i);
        i += 1;
    }
    let sql = edited(text, words, &edits);
    Ok(Plain {
        sql,
        stagger,
        reaches,
    })
}

/// Notes whose arguments the bracket at `i` opens, or that it closes.
fn bracket(open: &mut Vec<&str>, words: &[Word], i: usize) {
    match words.get(i).map(|w| &w.token) {
        Some(Token::LParen) => {
            let before = i.checked_sub(1).map(|b| words[b].upper());
            open.push(match before.as_deref() {
                Some("STEP") => "STEP",
                Some("TUMBLE" | "HOP" | "SESSION" | "CUMULATE") => "WINDOW",
                _ => "",
            });
        }
        Some(Token::RParen) => {
            open.pop();
        }
        _ => {}
    }
}

/// The text of the words with parts of it replaced, each by something no longer.
fn edited(text: &str, words: &[Word], edits: &[(usize, usize, Cow<'_, str>)]) -> String {
    let mut sql = cut(text, words);
    let Some(first) = words.first() else {
        return sql;
    };
    let before = text.get(..first.from).unwrap_or_default();
    // Blanks before the first word take as many characters, perhaps not as many bytes.
    let shift = first.from - blanks(before).len();
    for (from, to, new) in edits.iter().rev() {
        let old = text.get(*from..*to).unwrap_or_default();
        let put = format!("{new}{}", blanks(old.get(new.len()..).unwrap_or_default()));
        sql.replace_range(from - shift..to - shift, &put);
    }
    sql
}

fn parse_fault(error: &ParserError, first: &Word) -> SqlProblem {
    let text = match error {
        ParserError::TokenizerError(t) | ParserError::ParserError(t) => t.clone(),
        ParserError::RecursionLimitExceeded => "the SELECT is nested too deeply".to_owned(),
    };
    match super::declare::place_in(&text) {
        Some((message, line, column)) => SqlProblem::new(message).at(line, column),
        None => first.fault(text),
    }
}
