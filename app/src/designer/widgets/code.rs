//! A small code editor: monospaced, coloured by a tokenizer of its own, with line numbers and the error where it is.

use std::ops::Range;
use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::text_edit::TextEditOutput;
use egui::{
    Color32, Galley, Id, Margin, Pos2, Response, RichText, Stroke, TextBuffer, TextEdit, Ui, vec2,
};

use crate::designer::theme::{figures, theme};

/// What the code is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Sql,
    Python,
    Json,
}

/// Something wrong in the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Line and column from 1; none when the message names no place.
    pub(crate) place: Option<(usize, usize)>,
    /// One sentence.
    pub(crate) message: String,
    pub(crate) is_error: bool,
}

impl Mark {
    /// With the place that the message names, if it does, as in `(line 2, column 15)` or `line 2`.
    pub(crate) fn new(message: &str, is_error: bool) -> Self {
        Self {
            place: place_of(message),
            message: message.to_owned(),
            is_error,
        }
    }
    fn colour(&self) -> Color32 {
        if self.is_error {
            theme().red
        } else {
            theme().amber
        }
    }
}

/// The number that `text` begins with, a colon or blanks before it, and what comes after.
fn leading_number(text: &str) -> Option<(usize, &str)> {
    let rest = text.trim_start_matches([':', ' ']);
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (number, after) = rest.split_at_checked(digits)?;
    Some((number.parse().ok()?, after))
}

/// The last place that the message names: the place comes last.
fn place_of(message: &str) -> Option<(usize, usize)> {
    let lower = message.to_ascii_lowercase();
    let mut found = lower
        .rmatch_indices("line")
        .filter_map(|(i, word)| leading_number(lower.get(i + word.len()..)?));
    let (line, rest) = found.next()?;
    let column = rest
        .split_once("column")
        .and_then(|(_, rest)| leading_number(rest))
        .map_or(1, |(c, _)| c);
    Some((line.max(1), column.max(1)))
}

/// A sort of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Keyword,
    Function,
    Text,
    Number,
    Comment,
    Plain,
}

impl Token {
    fn colour(self) -> Color32 {
        let t = theme();
        match self {
            Self::Keyword => t.hue("stream"),
            Self::Function => t.hue("query"),
            Self::Text => t.hue("storage"),
            Self::Number => t.hue("function"),
            Self::Comment => t.faint,
            Self::Plain => t.text,
        }
    }
}

const SQL_WORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "create",
    "cross",
    "current_date",
    "current_timestamp",
    "date",
    "desc",
    "describe",
    "distinct",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "extract",
    "false",
    "filter",
    "following",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lateral",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "partitions",
    "preceding",
    "range",
    "right",
    "rows",
    "select",
    "set",
    "show",
    "table",
    "tables",
    "then",
    "timestamp",
    "true",
    "try_cast",
    "unbounded",
    "union",
    "unnest",
    "update",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];
const PYTHON_WORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// The tokens of `code`: byte ranges in order that cover all of it.
pub(crate) fn tokens(code: &str, language: Language) -> Vec<(Range<usize>, Token)> {
    let mut found: Vec<(Range<usize>, Token)> = Vec::new();
    let mut at = 0;
    while let Some(rest) = code.get(at..).filter(|r| !r.is_empty()) {
        let (len, token) = next_token(rest, language);
        let range = at..at + len;
        match found.last_mut() {
            Some((last, same)) if *same == token => last.end = range.end,
            _ => found.push((range, token)),
        }
        at += len;
    }
    found
}

/// Length in bytes and sort of the token that `rest`, which is not empty, begins with.
fn next_token(rest: &str, language: Language) -> (usize, Token) {
    let until = |end: Option<usize>| end.unwrap_or(rest.len());
    let first = rest.chars().next().unwrap_or(' ');
    match (language, first) {
        (Language::Sql, '-') if rest.starts_with("--") => (until(rest.find('\n')), Token::Comment),
        (Language::Sql, '/') if rest.starts_with("/*") => {
            (until(rest.find("*/").map(|i| i + 2)), Token::Comment)
        }
        (Language::Python, '#') => (until(rest.find('\n')), Token::Comment),
        (Language::Python, '"' | '\'') if rest.starts_with("\"\"\"") || rest.starts_with("'''") => {
            let fence = if first == '"' { "\"\"\"" } else { "'''" };
            let inner = rest.get(3..).unwrap_or_default();
            (until(inner.find(fence).map(|i| i + 6)), Token::Text)
        }
        (_, '\'') | (Language::Python | Language::Json, '"') => {
            (quoted(rest, first, language), Token::Text)
        }
        // A quoted name.
        (Language::Sql, '"' | '`') => (quoted(rest, first, language), Token::Plain),
        (_, c) if c.is_ascii_digit() => {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
            (until(rest.find(|c| !is_part(c))), Token::Number)
        }
        (_, c) if c.is_alphabetic() || c == '_' => word(rest, language),
        (_, c) => (c.len_utf8(), Token::Plain),
    }
}

/// Length of a text in quotes; one without an end goes to the end of the line (Python) or of the code.
fn quoted(rest: &str, quote: char, language: Language) -> usize {
    let mut chars = rest.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' if language != Language::Sql => {
                chars.next();
            }
            '\n' if language != Language::Sql => return i,
            c if c == quote => return i + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn word(rest: &str, language: Language) -> (usize, Token) {
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let is_keyword = match language {
        Language::Sql => SQL_WORDS.contains(&word.to_ascii_lowercase().as_str()),
        Language::Python => PYTHON_WORDS.contains(&word),
        Language::Json => matches!(word, "true" | "false" | "null"),
    };
    let token = match () {
        () if is_keyword => Token::Keyword,
        () if after.starts_with('(') => Token::Function,
        () => Token::Plain,
    };
    (end, token)
}

/// The code in its colours, errors underlined, wrapped at `width`.
pub(crate) fn highlight(
    code: &str,
    language: Language,
    marks: &[Mark],
    width: f32,
    size: f32,
) -> LayoutJob {
    let mut job = LayoutJob::default();
    job.wrap.max_width = width;
    let wrong: Vec<(usize, Color32)> = marks
        .iter()
        .filter_map(|m| Some((offset_of(code, m.place?)?, m.colour())))
        .collect();
    let format = |token: Token| TextFormat::simple(figures(size), token.colour());
    for (range, token) in tokens(code, language) {
        let mut from = range.start;
        // The word that an error stands at is underlined.
        for (at, colour) in wrong.iter().filter(|(at, _)| range.contains(at)) {
            let end = word_end(code, *at).min(range.end).max(*at + 1);
            if let (Some(before), Some(word)) = (code.get(from..*at), code.get(*at..end)) {
                job.append(before, 0.0, format(token));
                job.append(
                    word,
                    0.0,
                    TextFormat {
                        underline: Stroke::new(1.5, *colour),
                        ..format(token)
                    },
                );
                from = end;
            }
        }
        job.append(
            code.get(from..range.end).unwrap_or_default(),
            0.0,
            format(token),
        );
    }
    job
}

fn offset_of(code: &str, (line, column): (usize, usize)) -> Option<usize> {
    let start: usize = code
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let text = code.get(start..)?.lines().next().unwrap_or_default();
    let within = text
        .char_indices()
        .nth(column - 1)
        .map_or_else(|| text.trim_end().len().saturating_sub(1), |(i, _)| i);
    Some(start + within)
}

fn word_end(code: &str, at: usize) -> usize {
    let rest = code.get(at..).unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    at + rest.find(|c| !is_part(c)).unwrap_or(rest.len()).max(1)
}

/// How an editor is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Editor<'a> {
    pub(crate) id: Id,
    pub(crate) language: Language,
    /// For those who hear the screen, and for tests.
    pub(crate) label: &'a str,
    /// Lines that it is high at the least.
    pub(crate) rows: usize,
    pub(crate) marks: &'a [Mark],
}

impl Editor<'_> {
    /// Shows the editor over `text`, as wide as there is room, and the marks below it.
    pub(crate) fn show(&self, ui: &mut Ui, text: &mut String) -> Response {
        let response = self.show_text(ui, text).response.response;
        for mark in self.marks {
            show_mark(ui, mark);
        }
        response
    }

    /// Shows the editor alone; the output says where the caret is.
    pub(crate) fn show_text(&self, ui: &mut Ui, text: &mut String) -> TextEditOutput {
        let t = theme();
        let size = egui::TextStyle::Monospace.resolve(ui.style()).size - 0.5;
        let digits = text.lines().count().max(1).to_string().len().max(2);
        let digit = ui.fonts_mut(|f| f.glyph_width(&figures(size - 1.0), '0'));
        let gutter = digit * digits as f32 + t.space(1);
        let mut layouter = |ui: &Ui, buffer: &dyn TextBuffer, width: f32| -> Arc<Galley> {
            let job = highlight(buffer.as_str(), self.language, self.marks, width, size);
            ui.fonts_mut(|f| f.layout_job(job))
        };
        let margin = Margin {
            left: margin_of(gutter + t.space(1)),
            right: 6,
            top: 6,
            bottom: 6,
        };
        let output = TextEdit::multiline(text)
            .id(self.id)
            .code_editor()
            .desired_rows(self.rows)
            .desired_width(f32::INFINITY)
            .margin(margin)
            .layouter(&mut layouter)
            .show(ui);
        self.line_numbers(
            ui,
            &output.galley,
            output.galley_pos,
            output.response.response.rect,
            gutter,
            size,
        );
        ui.ctx()
            .accesskit_node_builder(output.response.response.id, |node| {
                node.set_label(self.label);
            });
        output
    }

    fn line_numbers(
        &self,
        ui: &Ui,
        galley: &Galley,
        origin: Pos2,
        rect: egui::Rect,
        gutter: f32,
        size: f32,
    ) {
        let t = theme();
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let right = rect.left() + 4.0 + gutter;
        let (mut line, mut is_new) = (0, true);
        for row in &galley.rows {
            if is_new {
                line += 1;
                let mark = self
                    .marks
                    .iter()
                    .find(|m| m.place.is_some_and(|(l, _)| l == line));
                let colour = mark.map_or(t.faint, Mark::colour);
                let at = origin + vec2(0.0, row.rect().center().y);
                let place = egui::pos2(right, at.y);
                painter.text(
                    place,
                    egui::Align2::RIGHT_CENTER,
                    line,
                    figures(size - 1.0),
                    colour,
                );
            }
            is_new = row.ends_with_newline;
        }
        let x = right + t.space(0);
        painter.vline(x, rect.y_range().shrink(3.0), t.hairline());
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a few dozen points; `as` saturates"
)]
fn margin_of(points: f32) -> i8 {
    points.round() as i8
}

fn show_mark(ui: &mut Ui, mark: &Mark) {
    let t = theme();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = t.space(0);
        let name = if mark.is_error { "error" } else { "warning" };
        super::icon(ui, name, 14.0, mark.colour());
        let text = RichText::new(&mark.message)
            .size(t.shape.caption)
            .color(mark.colour());
        ui.add(egui::Label::new(text).wrap());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorts(code: &str, language: Language) -> Vec<(String, Token)> {
        tokens(code, language)
            .into_iter()
            .map(|(r, t)| (code.get(r).unwrap().trim().to_owned(), t))
            .filter(|(s, _)| !s.is_empty())
            .collect()
    }

    #[test]
    fn sql_and_python_are_told_apart_token_by_token() {
        let sql = sorts(
            "SELECT count(x), 'it''s' -- all\nFROM \"t\" LIMIT 10",
            Language::Sql,
        );
        let has = |all: &[(String, Token)], text: &str, token| {
            assert!(all.contains(&(text.to_owned(), token)), "{text}: {all:?}");
        };
        has(&sql, "SELECT", Token::Keyword);
        has(&sql, "count", Token::Function);
        has(&sql, "'it''s'", Token::Text);
        has(&sql, "-- all", Token::Comment);
        has(&sql, "10", Token::Number);
        let python = sorts(
            "def f(x):  # why\n    return \"a\\\"b\" + '''c\nd'''",
            Language::Python,
        );
        has(&python, "def", Token::Keyword);
        has(&python, "f", Token::Function);
        has(&python, "# why", Token::Comment);
        has(&python, "\"a\\\"b\"", Token::Text);
        has(&python, "'''c\nd'''", Token::Text);
    }

    #[test]
    fn every_byte_of_any_text_belongs_to_a_token() {
        for code in [
            "",
            "'",
            "\"",
            "--",
            "/*",
            "'''",
            "한글 = 'ㄱ",
            "\\",
            "1.5e3abc\n\n",
            "`",
        ] {
            for language in [Language::Sql, Language::Python, Language::Json] {
                let all: usize = tokens(code, language).iter().map(|(r, _)| r.len()).sum();
                assert_eq!(all, code.len(), "{code:?}");
                let marks = [Mark {
                    place: Some((3, 9)),
                    message: String::new(),
                    is_error: true,
                }];
                assert_eq!(highlight(code, language, &marks, 100.0, 12.0).text, code);
            }
        }
    }

    #[test]
    fn the_place_is_taken_from_the_message() {
        let place = |m: &str| Mark::new(m, true).place;
        assert_eq!(
            place("Expected: an expression, found: FROM at Line: 2, Column: 15"),
            Some((2, 15))
        );
        assert_eq!(place("invalid syntax on line 3"), Some((3, 1)));
        assert_eq!(
            place("there is no column `line` (line 2, column 4)"),
            Some((2, 4))
        );
        assert_eq!(place("there is no column `x`"), None);
    }

    #[test]
    fn the_word_at_the_place_is_underlined() {
        let marks = [Mark {
            place: Some((2, 3)),
            message: String::new(),
            is_error: true,
        }];
        let job = highlight("a\n  bad + c", Language::Sql, &marks, 100.0, 12.0);
        let lined: Vec<&str> = job
            .sections
            .iter()
            .filter(|s| s.format.underline.width > 0.0)
            .map(|s| {
                job.text
                    .get(s.byte_range.start.0..s.byte_range.end.0)
                    .unwrap()
            })
            .collect();
        assert_eq!(lined, ["bad"]);
    }
}
