//! What is wrong with a drawing: where, what, and what would be right.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It cannot run.
    Error,
    /// It runs, but hardly as meant.
    Warning,
}

/// One problem of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The node, or empty for the document as a whole.
    pub node: String,
    /// The parameter, port or field; may be empty.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub mend: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match (self.node.is_empty(), self.field.is_empty()) {
            (true, true) => "document".to_owned(),
            (true, false) => self.field.clone(),
            (false, true) => self.node.clone(),
            (false, false) => format!("{}.{}", self.node, self.field),
        };
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {place}: {}", self.message)?;
        if self.mend.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.mend)
        }
    }
}

/// Collects the problems of one node, so that all are reported at once.
#[derive(Debug, Default)]
pub struct Problems {
    node: String,
    /// What was found so far.
    pub found: Vec<Problem>,
}

impl Problems {
    /// For `node`; an empty name means the document as a whole.
    #[must_use]
    pub fn of(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            found: Vec::new(),
        }
    }
    /// Something that makes the run impossible.
    pub fn error(&mut self, field: &str, message: impl Into<String>, mend: impl Into<String>) {
        self.push(Severity::Error, field, message.into(), mend.into());
    }
    /// Something that is hardly meant.
    pub fn warning(&mut self, field: &str, message: impl Into<String>, mend: impl Into<String>) {
        self.push(Severity::Warning, field, message.into(), mend.into());
    }
    fn push(&mut self, severity: Severity, field: &str, message: String, mend: String) {
        self.found.push(Problem {
            severity,
            node: self.node.clone(),
            field: field.to_owned(),
            message,
            mend,
        });
    }
}

/// The known name that `wrong` was most likely meant to be: the nearest by edits, when it is near.
#[must_use]
pub fn closest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).max(2);
    let scored = known.into_iter().map(|k| (edits(wrong, k), k));
    scored.filter(|(d, _)| *d <= limit).min().map(|(_, k)| k)
}

/// Levenshtein distance over characters; names are short.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = usize::from(x != *y);
            let best = (corner + cost).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[b.len()]
}
