//! Rows as text for other programs: TSV for the clipboard, CSV and JSON for files.

use std::ops::RangeInclusive;

use arrow::array::RecordBatch;
use weir_engine::lake::batches_to_json;

use super::rows::{Rows, cell};

/// Cells as lines of values with tabs between them, as spreadsheets take them from the clipboard. Nulls are empty.
pub(super) fn tsv(
    rows: &Rows,
    places: RangeInclusive<usize>,
    columns: RangeInclusive<usize>,
    head: bool,
) -> String {
    let mut out = String::new();
    if head {
        let names: Vec<&str> = columns
            .clone()
            .filter_map(|c| rows.heads().get(c))
            .map(|h| h.name.as_str())
            .collect();
        line(&mut out, names.into_iter().map(Some), '\t');
    }
    for at in places {
        let cells: Vec<Option<String>> = columns.clone().map(|c| rows.text(at, c)).collect();
        line(&mut out, cells.iter().map(Option::as_deref), '\t');
    }
    // One cell alone is pasted without the end of its line.
    out.pop();
    out
}

/// A batch as CSV with a line of names. Nulls are empty, empty texts are `""`.
pub(super) fn csv(batch: &RecordBatch) -> String {
    let mut out = String::new();
    let schema = batch.schema();
    line(
        &mut out,
        schema.fields().iter().map(|f| Some(f.name().as_str())),
        ',',
    );
    for row in 0..batch.num_rows() {
        let cells: Vec<Option<String>> = batch.columns().iter().map(|c| cell(c, row)).collect();
        line(&mut out, cells.iter().map(Option::as_deref), ',');
    }
    out
}

/// A batch as a JSON array, one object a line.
pub(super) fn json(batch: &RecordBatch) -> Result<String, String> {
    let values = batches_to_json(std::slice::from_ref(batch)).map_err(|e| e.to_string())?;
    let lines: Vec<String> = values.iter().map(ToString::to_string).collect();
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

fn line<'a>(out: &mut String, cells: impl Iterator<Item = Option<&'a str>>, border: char) {
    for (i, text) in cells.enumerate() {
        if i > 0 {
            out.push(border);
        }
        let Some(text) = text else { continue };
        let is_quoted = (text.is_empty() && border == ',')
            || text
                .chars()
                .any(|c| c == border || matches!(c, '"' | '\n' | '\r'));
        if is_quoted {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(text);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::batch;
    use super::*;

    #[test]
    fn tabs_and_quotes_are_quoted_and_nulls_are_empty() {
        let mut rows = Rows::default();
        rows.take(&batch(), "", None);
        assert_eq!(tsv(&rows, 0..=0, 1..=1, false), "Seoul");
        assert_eq!(
            tsv(&rows, 1..=3, 0..=1, true),
            "id\tcity\n10\t\n\t\"a\tb\"\n3\t\"서울 \"\"x\"\"\""
        );
    }

    #[test]
    fn csv_quotes_what_has_commas_quotes_or_lines() {
        let mut out = String::new();
        line(
            &mut out,
            [Some("a,b"), None, Some(""), Some("x\r\ny"), Some("\"")].into_iter(),
            ',',
        );
        assert_eq!(out, "\"a,b\",,\"\",\"x\r\ny\",\"\"\"\"\n");
        assert_eq!(csv(&batch()).lines().next(), Some("id,city,amount"));
        assert_eq!(csv(&batch()).lines().nth(3), Some(",a\tb,0.0"));
    }

    #[test]
    fn json_is_one_array() {
        let value: serde_json::Value = serde_json::from_str(&json(&batch()).unwrap()).unwrap();
        assert_eq!(value.as_array().map(Vec::len), Some(4));
        assert_eq!(value[1]["city"], serde_json::Value::Null);
        assert_eq!(value[3]["id"], 3);
    }
}
