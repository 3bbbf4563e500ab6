//! A cursor over the words of one statement, for the parts of Athena's language that the query parser does not know.
//!
//! Places in problems are those of the whole text. Knows nothing of tables.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::lake::error::SqlProblem;
use crate::lake::sql::{SQL_BYTES_MAX, narrow};
use crate::lake::sql_words;

/// The words of a statement, read from left to right.
pub(super) struct Cursor<'a> {
    sql: &'a str,
    tokens: Vec<TokenWithSpan>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Splits a text into words; comments and a last semicolon are left out.
    pub(super) fn new(sql: &'a str) -> Result<Self, SqlProblem> {
        if sql.len() > SQL_BYTES_MAX {
            return Err(SqlProblem::new(
                "the statement is longer than 262,144 bytes; shorten it",
            ));
        }
        let dialect = GenericDialect {};
        let mut tokens = Tokenizer::new(&dialect, sql)
            .tokenize_with_location()
            .map_err(|e| {
                let plain = sql_words::plain(&e.message, |_| None);
                SqlProblem::new(plain.unwrap_or(e.message))
                    .at(narrow(e.location.line), narrow(e.location.column))
            })?;
        tokens.retain(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
        while tokens.last().is_some_and(|t| t.token == Token::SemiColon) {
            tokens.pop();
        }
        Ok(Self { sql, tokens, at: 0 })
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|t| &t.token)
    }
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }
    fn location(&self) -> Location {
        let here = self.tokens.get(self.at).map(|t| t.span.start);
        here.or_else(|| self.tokens.last().map(|t| t.span.end))
            .unwrap_or(Location { line: 1, column: 1 })
    }
    /// A problem at the next word.
    pub(super) fn fault(&self, why: impl Into<String>) -> SqlProblem {
        let place = self.location();
        SqlProblem::new(why).at(narrow(place.line), narrow(place.column))
    }
    fn expected(&self, what: &str) -> SqlProblem {
        let found = self
            .peek()
            .map_or_else(|| "the end".to_owned(), |t| format!("`{t}`"));
        self.fault(format!("mismatched input {found}; expected {what}"))
    }

    /// The word `ahead` places on, in upper case; quoted names are no words.
    pub(super) fn word(&self, ahead: usize) -> Option<String> {
        match &self.tokens.get(self.at + ahead)?.token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
            _ => None,
        }
    }
    /// True when these words come next.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        let same = |(i, w): (usize, &&str)| self.word(i).as_deref() == Some(*w);
        words.iter().enumerate().all(same)
    }
    /// Takes these words if they come next.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.is(words);
        if found {
            self.at += words.len();
        }
        found
    }
    /// Takes these words.
    pub(super) fn expect(&mut self, words: &[&str]) -> Result<(), SqlProblem> {
        if self.eat(words) {
            Ok(())
        } else {
            Err(self.expected(&words.join(" ")))
        }
    }
    pub(super) fn is_symbol(&self, symbol: &Token) -> bool {
        self.peek() == Some(symbol)
    }
    pub(super) fn eat_symbol(&mut self, symbol: &Token) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.at += 1;
        }
        found
    }
    pub(super) fn expect_symbol(&mut self, symbol: &Token) -> Result<(), SqlProblem> {
        if self.eat_symbol(symbol) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{symbol}`")))
        }
    }
    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }
    /// A name, quoted or not, as it is written.
    pub(super) fn ident(&mut self, what: &str) -> Result<String, SqlProblem> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let name = word.value.clone();
                self.at += 1;
                Ok(name)
            }
            Some(Token::DoubleQuotedString(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.expected(what)),
        }
    }
    /// `table` or `database.table` (or with the catalog before them), in lower case.
    pub(super) fn table(&mut self) -> Result<Name, SqlProblem> {
        let mut parts = vec![self.ident("the name of a table")?.to_lowercase()];
        while self.eat_symbol(&Token::Period) {
            parts.push(self.ident("a name")?.to_lowercase());
        }
        if parts.len() == 3
            && parts
                .first()
                .is_some_and(|c| c == crate::lake::sql::CATALOG)
        {
            parts.remove(0);
        }
        let name = parts.pop().unwrap_or_default();
        let database = parts.pop();
        if parts.is_empty() {
            Ok(Name { database, name })
        } else {
            Err(self.fault("a table is named `table` or `database.table`"))
        }
    }
    /// A text in quotes.
    pub(super) fn text(&mut self, what: &str) -> Result<String, SqlProblem> {
        match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            // With double quotes a text looks like a name.
            Some(Token::Word(word)) if word.quote_style == Some('"') => {
                let text = word.value.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.expected(what)),
        }
    }
    /// Nothing more may come.
    pub(super) fn end(&self) -> Result<(), SqlProblem> {
        if self.is_done() {
            Ok(())
        } else {
            Err(self.expected("the end of the statement"))
        }
    }
    /// The rest of the text as a statement of its own; blanks stand for what was before, so that places stay true.
    pub(super) fn rest(&mut self) -> String {
        let from = self.offset(self.location());
        self.at = self.tokens.len();
        self.cut(from, self.sql.len())
    }
    /// The text up to the next semicolon, which is taken; `None` when there is nothing before it.
    pub(super) fn until_semicolon(&mut self) -> Option<String> {
        let from = self.offset(self.location());
        let first = self.at;
        while self.peek().is_some_and(|t| *t != Token::SemiColon) {
            self.at += 1;
        }
        let any = self.at > first;
        let to = if self.is_done() {
            self.sql.len()
        } else {
            self.offset(self.location())
        };
        self.eat_symbol(&Token::SemiColon);
        any.then(|| {
            self.sql
                .get(from..to)
                .unwrap_or_default()
                .trim()
                .trim_end_matches(';')
                .to_owned()
        })
    }
    /// The text between a bracket that was just taken and the one that closes it, blanks before it as in
    /// [`Cursor::rest`].
    pub(super) fn in_brackets(&mut self) -> Result<String, SqlProblem> {
        let from = self.offset(self.location());
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(Token::LParen) => depth += 1,
                Some(Token::RParen) if depth == 0 => break,
                Some(Token::RParen) => depth -= 1,
                Some(_) => {}
                None => return Err(self.expected("`)`")),
            }
            self.at += 1;
        }
        let to = self.offset(self.location());
        self.at += 1;
        Ok(self.cut(from, to))
    }
    fn cut(&self, from: usize, to: usize) -> String {
        let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
        let before = self.sql.get(..from).unwrap_or_default().chars().map(blank);
        let mut text: String = before.collect();
        text.push_str(self.sql.get(from..to).unwrap_or_default());
        let end = text.trim_end().trim_end_matches(';').len();
        text.truncate(end);
        text
    }
    fn offset(&self, place: Location) -> usize {
        let line = usize::try_from(place.line).unwrap_or(1).saturating_sub(1);
        let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
        let start: usize = self
            .sql
            .split_inclusive('\n')
            .take(line)
            .map(str::len)
            .sum();
        let rest = self.sql.get(start..).unwrap_or_default();
        start + rest.chars().take(column).map(char::len_utf8).sum::<usize>()
    }
    /// The text with each `?` replaced by the next of `values`, which are whole words already.
    pub(super) fn filled(sql: &str, values: &[String]) -> Result<String, SqlProblem> {
        let cursor = Cursor::new(sql)?;
        let places: Vec<usize> = cursor
            .tokens
            .iter()
            .filter(|t| matches!(&t.token, Token::Placeholder(p) if p == "?"))
            .map(|t| cursor.offset(t.span.start))
            .collect();
        if places.len() != values.len() {
            return Err(SqlProblem::new(format!(
                "INVALID_PARAMETER_USAGE: the statement has {} parameters and {} values are given",
                places.len(),
                values.len()
            )));
        }
        let mut text = String::with_capacity(sql.len());
        let mut from = 0;
        for (place, value) in places.into_iter().zip(values) {
            text.push_str(sql.get(from..place).unwrap_or_default());
            text.push_str(value);
            from = place + 1;
        }
        text.push_str(sql.get(from..).unwrap_or_default());
        Ok(text)
    }
}

/// The name of a table or view, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) database: Option<String>,
    pub(super) name: String,
}

impl Name {
    /// The database: the written one or the default.
    pub(super) fn database<'n>(&'n self, default: &'n str) -> &'n str {
        self.database.as_deref().unwrap_or(default)
    }
}
