//! A statement as words, names and signs: what completion looks at, and where one statement ends and the next begins.

use std::ops::Range;

/// What a piece of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A name or a keyword.
    Word,
    /// A name in double quotes or backticks.
    Quoted,
    /// A text in single quotes.
    Text,
    Number,
    Comment,
    /// Anything else, one character.
    Sign(char),
}

/// A piece of SQL; blanks are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) sort: Sort,
    pub(super) range: Range<usize>,
}

impl Piece {
    pub(super) fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.range.clone()).unwrap_or_default()
    }
    /// The name without its quotes.
    pub(super) fn name<'a>(&self, sql: &'a str) -> &'a str {
        let text = self.text(sql);
        match self.sort {
            Sort::Quoted => text.trim_matches(['"', '`']),
            _ => text,
        }
    }
    pub(super) fn is_name(&self) -> bool {
        matches!(self.sort, Sort::Word | Sort::Quoted)
    }
    pub(super) fn is_sign(&self, sign: char) -> bool {
        self.sort == Sort::Sign(sign)
    }
    /// True when it is this keyword, whatever the case.
    pub(super) fn is(&self, sql: &str, keyword: &str) -> bool {
        self.sort == Sort::Word && self.text(sql).eq_ignore_ascii_case(keyword)
    }
}

/// The pieces of `sql`, in order.
pub(super) fn pieces(sql: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|r| !r.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        let (sort, length) = piece(rest, first);
        if !first.is_whitespace() {
            out.push(Piece {
                sort,
                range: at..at + length,
            });
        }
        at += length.max(1);
    }
    out
}

fn piece(rest: &str, first: char) -> (Sort, usize) {
    let until = |end: Option<usize>| end.unwrap_or(rest.len());
    match first {
        '-' if rest.starts_with("--") => (Sort::Comment, until(rest.find('\n'))),
        '/' if rest.starts_with("/*") => (Sort::Comment, until(rest.find("*/").map(|i| i + 2))),
        '\'' => (Sort::Text, quoted(rest, '\'')),
        '"' | '`' => (Sort::Quoted, quoted(rest, first)),
        c if c.is_ascii_digit() => {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
            (Sort::Number, until(rest.find(|c| !is_part(c))))
        }
        c if c.is_alphabetic() || c == '_' => (
            Sort::Word,
            until(rest.find(|c: char| !c.is_alphanumeric() && c != '_')),
        ),
        c => (Sort::Sign(c), c.len_utf8()),
    }
}

/// Length of what is in quotes; a doubled quote stands for itself, one without an end goes to the end.
fn quoted(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        if c != quote {
            continue;
        }
        if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
        } else {
            return i + c.len_utf8();
        }
    }
    rest.len()
}

/// Where the statement at byte `caret` stands, without the semicolons around it. An empty place belongs to the statement
/// before it.
pub(super) fn statement_at(sql: &str, caret: usize) -> Range<usize> {
    let mut all: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    let ends = pieces(sql)
        .into_iter()
        .filter(|p| p.is_sign(';'))
        .map(|p| p.range.start);
    for end in ends.chain([sql.len()]) {
        all.push(from..end);
        from = end + 1;
    }
    let is_blank = |r: &Range<usize>| sql.get(r.clone()).is_none_or(|s| s.trim().is_empty());
    let here = all
        .iter()
        .position(|r| caret <= r.end)
        .unwrap_or(all.len() - 1);
    let found = all
        .get(..=here)
        .and_then(|a| a.iter().rev().find(|r| !is_blank(r)));
    found
        .or_else(|| all.iter().find(|r| !is_blank(r)))
        .cloned()
        .unwrap_or(0..sql.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_apart() {
        for sql in [
            "",
            "'",
            "\"",
            "--",
            "/*",
            "한글 = 'ㄱ",
            "1.5e3abc\n\n",
            "`",
            "a''b",
            "\u{1f600}",
        ] {
            let all = pieces(sql);
            assert!(
                all.windows(2).all(|w| w[0].range.end <= w[1].range.start),
                "{sql}"
            );
            assert!(
                all.iter().all(|p| sql.get(p.range.clone()).is_some()),
                "{sql}"
            );
        }
        let sql = "SELECT \"a b\", 'it''s' -- x\nFROM t.u";
        let texts: Vec<&str> = pieces(sql).iter().map(|p| p.text(sql)).collect();
        assert_eq!(
            texts,
            [
                "SELECT", "\"a b\"", ",", "'it''s'", "-- x", "FROM", "t", ".", "u"
            ]
        );
    }

    #[test]
    fn the_statement_at_the_caret_is_found() {
        let sql = "SELECT ';' FROM a;\n\nSELECT 2;  ";
        let at = |caret| sql.get(statement_at(sql, caret)).unwrap().trim();
        assert_eq!(at(0), "SELECT ';' FROM a");
        assert_eq!(at(17), "SELECT ';' FROM a");
        assert_eq!(at(20), "SELECT 2");
        assert_eq!(at(sql.len()), "SELECT 2");
        assert_eq!(statement_at("", 0), 0..0);
        assert_eq!(statement_at(" ; ", 9), 0..3);
    }
}
