//! The small parts of statements that declare something: columns and their types, watermarks, stagger windows.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::script::{self, ColumnDecl, ColumnIs, Declared, Reach, Reader, Stagger, Word};
use crate::lake::error::SqlProblem;

/// Columns of one stream at the most.
const COLUMNS_MAX: usize = 1000;

/// The type of all times inside.
pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// The words without what brackets several INSERTs in Flink.
pub(super) fn without_statement_set(words: &[Word]) -> &[Word] {
    let is = |all: &[&str]| all.iter().zip(words).filter(|(a, w)| w.is(a)).count() == all.len();
    if is(&["EXECUTE", "STATEMENT", "SET", "BEGIN"]) {
        return &words[4..];
    }
    if is(&["BEGIN", "STATEMENT", "SET"]) {
        return &words[3..];
    }
    if words.len() == 1 && is(&["END"]) {
        return &[];
    }
    words
}

/// `name (columns) [WITH (…)]` after `CREATE STREAM` or `CREATE TABLE`.
pub(super) fn declared(text: &str, at: &mut Reader<'_>) -> Result<Declared, SqlProblem> {
    if at.eat("IF") {
        at.expect("NOT")?;
        at.expect("EXISTS")?;
    }
    let line = at.peek().map_or(1, |w| w.line);
    let mut out = Declared {
        name: at.name("the stream's name")?,
        columns: Vec::new(),
        watermark: None,
        line,
    };
    if !at.symbol(&Token::LParen) {
        return Err(at.fault("here the columns in brackets are missing: (name TYPE, …)"));
    }
    loop {
        item(text, at, &mut out)?;
        if at.symbol(&Token::RParen) {
            break;
        }
        if !at.symbol(&Token::Comma) {
            return Err(at.fault("columns are parted by commas and closed by `)`"));
        }
    }
    if out.columns.is_empty() || out.columns.len() > COLUMNS_MAX {
        return Err(at.fault(format!("a stream has 1 to {COLUMNS_MAX} columns")));
    }
    for (i, column) in out.columns.iter().enumerate() {
        let twin = |c: &ColumnDecl| c.name.eq_ignore_ascii_case(&column.name);
        if out.columns[..i].iter().any(twin) {
            return Err(at.fault(format!("column `{}` is declared twice", column.name)));
        }
    }
    // What follows says where the bytes are (WITH, PARTITIONED BY, COMMENT, DESCRIPTION): here wires say that.
    let known = ["WITH", "COMMENT", "PARTITIONED", "DESCRIPTION", "OPTIONS"];
    match at.peek() {
        Some(word) if !known.iter().any(|k| word.is(k)) => Err(word.fault(format!(
            "`{}` is not expected after the columns; end the statement with `;`",
            word.token
        ))),
        _ => Ok(out),
    }
}

fn item(text: &str, at: &mut Reader<'_>, out: &mut Declared) -> Result<(), SqlProblem> {
    if at.eat("WATERMARK") {
        at.expect("FOR")?;
        let column = at.name("the time column")?;
        at.expect("AS")?;
        let again = at.name("the time column")?;
        if !again.eq_ignore_ascii_case(&column) {
            return Err(at.fault(format!(
                "a watermark is written `{column}` or `{column} - INTERVAL '5' SECOND`"
            )));
        }
        let mut delay = 0;
        if at.symbol(&Token::Minus) {
            at.expect("INTERVAL")?;
            delay = interval(at)?;
        }
        if out.watermark.is_some() {
            return Err(at.fault("a table has one watermark"));
        }
        out.watermark = Some((column, delay));
        return Ok(());
    }
    if at
        .peek()
        .is_some_and(|w| w.is("PRIMARY") || w.is("CONSTRAINT"))
    {
        skip(at);
        return Ok(());
    }
    let name = at.name("a column's name")?;
    let mut length = None;
    let what = if at.eat("AS") {
        let from = at.at;
        skip(at);
        let words = &at.words[from..at.at];
        match words.first() {
            Some(w) if w.is("PROCTIME") => ColumnIs::Processing,
            Some(_) => ColumnIs::Computed(Box::new(script::expression(text, words)?)),
            None => return Err(at.fault("here an expression is missing")),
        }
    } else {
        let kind;
        (kind, length) = data_type(at)?;
        let from = at.at;
        skip(at);
        let rest = &at.words[from..at.at];
        let known = [
            "METADATA",
            "NOT",
            "NULL",
            "WITH",
            "WITHOUT",
            "COMMENT",
            "CHARACTER",
            "PRIMARY",
        ];
        if let Some(word) = rest.first().filter(|w| !known.iter().any(|k| w.is(k))) {
            return Err(word.fault(format!(
                "after the type of `{name}` a comma or `)` is missing before `{}`",
                word.token
            )));
        }
        let metadata = rest.iter().any(|w| w.is("METADATA"));
        if metadata {
            ColumnIs::Arrival
        } else {
            ColumnIs::Field(kind)
        }
    };
    out.columns.push(ColumnDecl { name, what, length });
    Ok(())
}

/// Goes on to the comma or bracket that ends this item.
fn skip(at: &mut Reader<'_>) {
    let mut depth = 0_usize;
    while let Some(word) = at.peek() {
        match word.token {
            Token::LParen => depth += 1,
            Token::Comma if depth == 0 => return,
            Token::RParen if depth == 0 => return,
            Token::RParen => depth -= 1,
            _ => {}
        }
        at.at += 1;
    }
}

/// A type, and the n of VARCHAR(n).
fn data_type(at: &mut Reader<'_>) -> Result<(DataType, Option<usize>), SqlProblem> {
    let Some(word) = at.peek().cloned() else {
        return Err(at.fault("here a type is missing"));
    };
    at.at += 1;
    let mut sizes: Vec<u64> = Vec::new();
    if at.eat("PRECISION") || at.eat("VARYING") {
        // DOUBLE PRECISION, CHARACTER VARYING: the second word says nothing more.
    }
    if at.symbol(&Token::LParen) {
        while let Some(w) = at.peek().cloned() {
            at.at += 1;
            match &w.token {
                Token::Number(n, _) => sizes.push(n.parse().unwrap_or(u64::MAX)),
                Token::RParen => break,
                Token::Comma => {}
                _ => return Err(w.fault("here a number is missing, as in VARCHAR(16)")),
            }
        }
    }
    let kind = match word.upper().as_str() {
        "VARCHAR" | "CHAR" | "CHARACTER" | "STRING" | "TEXT" => DataType::Utf8,
        "DOUBLE" => DataType::Float64,
        "REAL" | "FLOAT" => DataType::Float32,
        "INTEGER" | "INT" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "SMALLINT" => DataType::Int16,
        "TINYINT" => DataType::Int8,
        "BOOLEAN" => DataType::Boolean,
        "TIMESTAMP" | "TIMESTAMP_LTZ" => time_type(),
        "DATE" => DataType::Date32,
        "DECIMAL" | "NUMERIC" | "DEC" => {
            let digits = sizes.first().copied().unwrap_or(10);
            let scale = sizes.get(1).copied().unwrap_or(0);
            match (u8::try_from(digits), i8::try_from(scale)) {
                (Ok(p @ 1..=38), Ok(s)) if u64::from(p) >= scale => DataType::Decimal128(p, s),
                _ => return Err(word.fault("a DECIMAL has up to 38 digits, as in DECIMAL(10, 2)")),
            }
        }
        other => {
            return Err(word.fault(format!(
                "there is no type `{}`; there are VARCHAR, CHAR, DOUBLE, REAL, FLOAT, INTEGER, BIGINT, SMALLINT, TINYINT, DECIMAL, BOOLEAN, DATE, TIMESTAMP",
                if other.is_empty() { word.token.to_string() } else { other.to_owned() }
            )));
        }
    };
    let length = sizes.first().filter(|_| kind == DataType::Utf8);
    Ok((kind, length.and_then(|n| usize::try_from(*n).ok())))
}

/// The milliseconds of `'5' SECOND`, after the word INTERVAL.
pub(super) fn interval(at: &mut Reader<'_>) -> Result<i64, SqlProblem> {
    let value = match at.peek().map(|w| w.token.clone()) {
        Some(Token::SingleQuotedString(text) | Token::Number(text, _)) => text,
        _ => return Err(at.fault("an interval is written INTERVAL '10' SECOND")),
    };
    at.at += 1;
    let unit = at.peek().map(Word::upper).unwrap_or_default();
    let found = millis(&value, &unit).ok_or_else(|| {
        at.fault("an interval is written INTERVAL '10' SECOND, of 1 ms to 366 days")
    })?;
    at.at += 1;
    if at.peek().is_some_and(|w| w.token == Token::LParen) {
        skip_brackets(at);
    }
    Ok(found)
}

fn skip_brackets(at: &mut Reader<'_>) {
    while let Some(word) = at.peek() {
        let end = word.token == Token::RParen;
        at.at += 1;
        if end {
            return;
        }
    }
}

/// The longest interval: 366 days.
const LONGEST: i64 = 366 * 86_400_000;

/// So many of a unit in milliseconds.
pub(super) fn millis(value: &str, unit: &str) -> Option<i64> {
    let one = match unit.trim_end_matches('S') {
        "MILLISECOND" => 1.0,
        "SECOND" => 1e3,
        "MINUTE" => 6e4,
        "HOUR" => 3.6e6,
        "DAY" => 8.64e7,
        _ => return None,
    };
    let whole = value.trim().parse::<f64>().ok()? * one;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below 366 days, checked here"
    )]
    (whole >= 1.0 && whole <= LONGEST as f64).then(|| whole.round() as i64)
}

/// `WINDOWED BY STAGGER (PARTITION BY a, b RANGE INTERVAL '1' MINUTE)` at word `from`, and its last word.
pub(super) fn stagger(
    text: &str,
    words: &[Word],
    from: usize,
) -> Result<(Stagger, usize), SqlProblem> {
    let mut at = Reader {
        words,
        at: from + 2,
    };
    at.expect("STAGGER")?;
    if !at.symbol(&Token::LParen) {
        return Err(at.fault("STAGGER is written STAGGER (PARTITION BY … RANGE INTERVAL …)"));
    }
    let mut partition = Vec::new();
    if at.eat("PARTITION") {
        at.expect("BY")?;
        loop {
            let start = at.at;
            let mut depth = 0_usize;
            while let Some(word) = at.peek() {
                match word.token {
                    Token::LParen => depth += 1,
                    Token::RParen if depth > 0 => depth -= 1,
                    Token::Comma | Token::RParen if depth == 0 => break,
                    _ if depth == 0 && word.is("RANGE") => break,
                    _ => {}
                }
                at.at += 1;
            }
            partition.push(script::expression(text, &words[start..at.at])?);
            if !at.symbol(&Token::Comma) {
                break;
            }
        }
    }
    at.expect("RANGE")?;
    at.expect("INTERVAL")?;
    let length_ms = interval(&mut at)?;
    if !at.symbol(&Token::RParen) {
        return Err(at.fault("here `)` is missing"));
    }
    Ok((
        Stagger {
            partition,
            length_ms,
        },
        at.at - 1,
    ))
}

/// `OVER (RANGE INTERVAL '1' MINUTE PRECEDING)` or `OVER window` behind a stream, from word `from`, and its last word.
pub(super) fn reach(words: &[Word], from: usize) -> Result<(Reach, usize), SqlProblem> {
    let mut at = Reader {
        words,
        at: from + 1,
    };
    if !at.symbol(&Token::LParen) {
        let name = at.name("a window's name or its bounds in brackets")?;
        return Ok((Reach::Named(name), at.at - 1));
    }
    if at.eat("ROWS") {
        return newest(&mut at);
    }
    at.expect("RANGE")?;
    let both = at.eat("BETWEEN");
    let (mut before, mut behind) = (0, 0);
    loop {
        if at.eat("CURRENT") {
            at.expect("ROW")?;
        } else {
            at.expect("INTERVAL")?;
            let width = interval(&mut at)?;
            if at.eat("FOLLOWING") {
                behind = width;
            } else {
                at.expect("PRECEDING")?;
                before = width;
            }
        }
        if !(both && at.eat("AND")) {
            break;
        }
    }
    match at.symbol(&Token::RParen) {
        true => Ok((Reach::Range(before, behind), at.at - 1)),
        false => Err(at.fault("here `)` is missing")),
    }
}

/// `n PRECEDING)` behind ROWS.
fn newest(at: &mut Reader<'_>) -> Result<(Reach, usize), SqlProblem> {
    let rows = match at.peek().map(|w| &w.token) {
        Some(Token::Number(n, _)) => n.parse().ok().filter(|n| (1..=1_000_000).contains(n)),
        _ => None,
    };
    let wrong = "a window of rows is written OVER (ROWS 10 PRECEDING), of 1 to 1,000,000 rows";
    let rows: usize = rows.ok_or_else(|| at.fault(wrong))?;
    at.at += 1;
    match at.eat("PRECEDING") && at.symbol(&Token::RParen) {
        true => Ok((Reach::Rows(rows), at.at - 1)),
        false => Err(at.fault(wrong)),
    }
}

/// Parts a parser's message from the place at its end.
pub(super) fn place_in(text: &str) -> Option<(String, u32, u32)> {
    let (before, after) = text.split_once(" at Line: ")?;
    let (line, column) = after.split_once(", Column: ")?;
    let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
    Some((
        before.trim_start_matches("sql parser error: ").to_owned(),
        line.parse().ok()?,
        digits.parse().ok()?,
    ))
}

/// The words from `at` on are these.
pub(super) fn follows(words: &[Word], at: usize, all: &[&str]) -> bool {
    let rest = words.get(at..).unwrap_or_default();
    all.len() <= rest.len() && all.iter().zip(rest).all(|(a, w)| w.is(a))
}

/// How many words a name with its dots has, and the empty brackets behind it.
pub(super) fn dotted(words: &[Word]) -> usize {
    let is = |n: usize, token: &Token| words.get(n).is_some_and(|w| w.token == *token);
    let mut n = 0;
    while words.get(n).is_some_and(|w| w.name().is_some()) {
        n += 1;
        if !is(n, &Token::Period) {
            break;
        }
        n += 1;
    }
    match is(n, &Token::LParen) && is(n + 1, &Token::RParen) {
        true => n + 2,
        false => n,
    }
}

/// `FLOOR((s.ROWTIME - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND)`, as tumbling windows were written before STEP: its last word
/// and the STEP that means the same.
pub(super) fn since_epoch(text: &str, words: &[Word], from: usize) -> Option<(usize, String)> {
    let mut at = Reader {
        words,
        at: from + 1,
    };
    let open = at.symbol(&Token::LParen) && at.symbol(&Token::LParen);
    let name = at.at;
    at.at += dotted(words.get(name..)?);
    let last = words
        .get(at.at.checked_sub(1)?)
        .filter(|w| w.is("ROWTIME"))?;
    let time = text.get(words.get(name)?.from..last.to)?.to_owned();
    if !(open && at.symbol(&Token::Minus) && at.eat("TIMESTAMP")) {
        return None;
    }
    let epoch = Token::SingleQuotedString("1970-01-01 00:00:00".to_owned());
    if !(at.symbol(&epoch) && at.symbol(&Token::RParen)) {
        return None;
    }
    let unit = at.peek()?.upper();
    at.at += 1;
    let whole = at.symbol(&Token::Div);
    let Token::Number(n, _) = at.peek()?.token.clone() else {
        return None;
    };
    at.at += 1;
    let ends = whole && at.eat("TO") && at.eat(&unit) && at.symbol(&Token::RParen);
    ends.then(|| (at.at - 1, format!("STEP({time}, INTERVAL '{n}' {unit})")))
}
