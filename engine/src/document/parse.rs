//! From text to a document. The input is hostile: size, nesting and counts are bounded.

use super::error::DocumentError;
use super::file::FILE_BYTES_MAX;
use super::migrate::{VERSION, migrate};
use super::{Document, Limit, Objective};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Deepest nesting of arrays and objects.
const DEPTH_MAX: usize = 64;
/// Most nodes, wires, notes, frames, steps or objectives.
const ITEMS_MAX: usize = 20_000;
/// Longest name, in bytes.
const NAME_MAX: usize = 200;
/// Farthest from the canvas's origin, in points.
const AT_MAX: f64 = 1e7;
/// Longest run: ten years.
const RUN_SECS_MAX: u64 = 10 * 366 * 86_400;

impl Document {
    /// Reads a document of this version or an earlier one.
    ///
    /// # Errors
    /// When the text is not JSON, or not a document; the message names line, column, field and the mend.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(DocumentError::TooLarge {
                limit: FILE_BYTES_MAX,
            });
        }
        // A byte-order mark, as some editors write.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        check_depth(text)?;
        let document = match version(text)? {
            VERSION => read(&mut serde_json::Deserializer::from_str(text), true)?,
            old => {
                let mut value: Value = serde_json::from_str(text).map_err(|e| syntax(&e))?;
                migrate(&mut value, old)?;
                let mut input = value;
                input["weir"] = VERSION.into();
                // The text has other lines than the migrated document.
                read_value(input)?
            }
        };
        check_form(&document)?;
        Ok(document)
    }
}

/// The format's version that the text states.
fn version(text: &str) -> Result<u32, DocumentError> {
    #[derive(Deserialize)]
    struct Head {
        weir: Option<Value>,
    }
    let head: Head = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            field_error(&error, ".", true)
        } else {
            syntax(&error)
        }
    })?;
    let wrong = |message: &str| DocumentError::Field {
        line: 0,
        column: 0,
        path: "weir".to_owned(),
        message: message.to_owned(),
        mend: "Begin the document with `\"weir\": 1`.",
    };
    let stated = head
        .weir
        .ok_or_else(|| wrong("the version of the format is missing"))?;
    let stated = stated
        .as_u64()
        .ok_or_else(|| wrong("the version of the format is not a whole number"))?;
    match u32::try_from(stated) {
        Ok(version) if version <= VERSION => Ok(version),
        _ => Err(DocumentError::Newer {
            found: stated,
            known: VERSION,
        }),
    }
}

fn read<'de, R: serde_json::de::Read<'de>>(
    input: &mut serde_json::Deserializer<R>,
    has_lines: bool,
) -> Result<Document, DocumentError> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut *input, &mut track);
    let document = Document::deserialize(tracked)
        .map_err(|error| field_error(&error, &track.path().to_string(), has_lines))?;
    input.end().map_err(|error| syntax(&error))?;
    Ok(document)
}

fn read_value(value: Value) -> Result<Document, DocumentError> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| field_error(error.inner(), &error.path().to_string(), false))
}

/// The message without the place, which is given apart.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.trim_end_matches(&place)
        .trim_end_matches('.')
        .to_owned()
}

fn syntax(error: &serde_json::Error) -> DocumentError {
    let mend = if error.is_eof() {
        "The text ends too early: check that the file is whole and every bracket is closed."
    } else {
        "Check the quotes, commas and brackets there."
    };
    DocumentError::Syntax {
        line: error.line(),
        column: error.column(),
        message: message(error),
        mend,
    }
}

fn field_error(error: &serde_json::Error, path: &str, has_lines: bool) -> DocumentError {
    if !error.is_data() {
        return syntax(error);
    }
    let message = message(error);
    let mend = if message.starts_with("unknown field") {
        "Correct its spelling or remove it."
    } else if message.starts_with("missing field") {
        "Add it."
    } else if message.starts_with("duplicate field") {
        "Keep one of the two."
    } else if message.starts_with("invalid type") {
        "Write a value of the expected type."
    } else {
        "Correct it there."
    };
    let path = if path == "." { "document" } else { path };
    DocumentError::Field {
        line: if has_lines { error.line() } else { 0 },
        column: error.column(),
        path: path.to_owned(),
        message,
        mend,
    }
}

/// Refuses text that nests deeper than any document does, before a parser recurses into it.
fn check_depth(text: &str) -> Result<(), DocumentError> {
    let (mut depth, mut line, mut line_start) = (0_usize, 1, 0);
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => (line, line_start) = (line + 1, at + 1),
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(DocumentError::Syntax {
                        line,
                        column: at - line_start + 1,
                        message: format!("brackets nest deeper than {DEPTH_MAX}"),
                        mend: "Remove the innermost levels.",
                    });
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn wrong(path: String, message: impl Into<String>, mend: &'static str) -> DocumentError {
    DocumentError::Field {
        line: 0,
        column: 0,
        path,
        message: message.into(),
        mend,
    }
}

/// What types alone do not say: unique ids, bounds.
fn check_form(document: &Document) -> Result<(), DocumentError> {
    if document.name.trim().is_empty() || document.name.len() > NAME_MAX {
        let message = format!("the name is empty or longer than {NAME_MAX} bytes");
        return Err(wrong("name".to_owned(), message, "Give it a short name."));
    }
    if document.run_for.0 == 0 || document.run_for.as_secs_f64() > RUN_SECS_MAX as f64 {
        return Err(wrong(
            "run_for".to_owned(),
            "a run takes more than no time and at most ten years",
            "Write for example `1h`.",
        ));
    }
    for (list, count) in [
        ("nodes", document.nodes.len()),
        ("wires", document.wires.len()),
        ("notes", document.notes.len()),
        ("frames", document.frames.len()),
        ("scenario", document.scenario.len()),
        ("objectives", document.objectives.len()),
    ] {
        if count > ITEMS_MAX {
            let message = format!("{count} entries are more than the limit of {ITEMS_MAX}");
            return Err(wrong(list.to_owned(), message, "Split the document."));
        }
    }
    let nodes = document.nodes.iter().map(|n| (n.id.as_str(), n.at));
    check_items("nodes", nodes)?;
    let notes = document.notes.iter().map(|n| (n.id.as_str(), n.at));
    check_items("notes", notes)?;
    let frames = document.frames.iter().map(|f| (f.id.as_str(), f.at));
    check_items("frames", frames)?;
    check_sizes("notes", document.notes.iter().map(|n| n.size))?;
    check_sizes("frames", document.frames.iter().map(|f| f.size))?;
    for (i, frame) in document.frames.iter().enumerate() {
        if frame.title.len() > NAME_MAX {
            let message = format!("the title is longer than {NAME_MAX} bytes");
            let path = format!("frames[{i}].title");
            return Err(wrong(path, message, "Shorten it, or write a note."));
        }
    }
    for (i, objective) in document.objectives.iter().enumerate() {
        check_objective(i, objective)?;
    }
    Ok(())
}

fn check_items<'a>(
    list: &str,
    items: impl Iterator<Item = (&'a str, [f64; 2])>,
) -> Result<(), DocumentError> {
    let mut seen = BTreeSet::new();
    for (i, (id, at)) in items.enumerate() {
        if !seen.insert(id) {
            let message = format!("the id `{id}` is taken by an earlier entry");
            return Err(wrong(
                format!("{list}[{i}].id"),
                message,
                "Choose another id.",
            ));
        }
        if !at.iter().all(|x| x.abs() <= AT_MAX) {
            let message = "the position is farther than 10 million points from the origin";
            return Err(wrong(format!("{list}[{i}].at"), message, "Move it back."));
        }
    }
    Ok(())
}

fn check_sizes(list: &str, sizes: impl Iterator<Item = [f64; 2]>) -> Result<(), DocumentError> {
    for (i, size) in sizes.enumerate() {
        if !size.iter().all(|side| (1.0..=AT_MAX).contains(side)) {
            return Err(wrong(
                format!("{list}[{i}].size"),
                "a side is shorter than a point or longer than 10 million points",
                "Write for example `[240, 120]`.",
            ));
        }
    }
    Ok(())
}

/// A limit with a unit must at least begin with a number; whether the unit fits the metric is known later.
fn check_objective(i: usize, objective: &Objective) -> Result<(), DocumentError> {
    let (super::Bound::AtMost(limit) | super::Bound::AtLeast(limit)) = &objective.bound;
    let reads = match limit {
        Limit::Number(_) => true,
        Limit::Text(text) => text
            .trim_start()
            .starts_with(|c: char| c.is_ascii_digit() || c == '-'),
    };
    if reads {
        return Ok(());
    }
    let message = "the bound is no number";
    let mend = "Write a number, with a unit if you like, for example `90s`.";
    Err(wrong(format!("objectives[{i}]"), message, mend))
}
