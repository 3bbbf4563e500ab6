//! From a document to text: fields in the order of the types, one parameter a line, positions and wires on one line each,
//! so that a moved node or a changed parameter is one changed line.

use super::Document;
use serde_json::Value;

/// Lists whose entries stand on one line each.
const ONE_LINE: [&str; 3] = ["wires", "scenario", "objectives"];
/// An array of plain values stays on one line up to this many bytes.
const WIDTH: usize = 100;

impl Document {
    /// The document as JSON, laid out for people and diffs. Ends with a line end.
    #[must_use]
    pub fn to_json_pretty(&self) -> String {
        let value = match serde_json::to_value(self) {
            Ok(value) => value,
            Err(error) => unreachable!("a document has text keys and finite numbers: {error}"),
        };
        let mut out = String::new();
        write(&value, 0, "", &mut out);
        out.push('\n');
        out
    }
}

/// Writes `value`, whose member name is `name`, at `indent` levels.
fn write(value: &Value, indent: usize, name: &str, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (i, (key, member)) in members.iter().enumerate() {
                separate(i, indent, out);
                out.push_str(&scalar(&Value::String(key.clone())));
                out.push_str(": ");
                write(member, indent + 1, key, out);
            }
            close('}', indent, out);
        }
        Value::Array(items) if !items.is_empty() => {
            let plain = items.iter().all(|v| !v.is_object() && !v.is_array());
            let line = if plain { inline(value) } else { String::new() };
            if plain && line.len() <= WIDTH {
                out.push_str(&line);
                return;
            }
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(i, indent, out);
                if (indent == 1 && ONE_LINE.contains(&name)) || (indent == 2 && name == "checks") {
                    out.push_str(&inline(item));
                } else {
                    write(item, indent + 1, "", out);
                }
            }
            close(']', indent, out);
        }
        other => out.push_str(&inline(other)),
    }
}

fn separate(i: usize, indent: usize, out: &mut String) {
    out.push_str(if i == 0 { "\n" } else { ",\n" });
    out.push_str(&"  ".repeat(indent + 1));
}

fn close(bracket: char, indent: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&"  ".repeat(indent));
    out.push(bracket);
}

/// All on one line: `{ "from": "a.out", "to": "b.in" }`, `[0, 120]`.
fn inline(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let member = |(key, v): (&String, &Value)| {
                format!("{}: {}", scalar(&Value::String(key.clone())), inline(v))
            };
            format!("{{ {} }}", joined(members.iter().map(member).collect()))
        }
        Value::Array(items) => format!("[{}]", joined(items.iter().map(inline).collect())),
        other => scalar(other),
    }
}

fn scalar(value: &Value) -> String {
    // `Display` of a JSON value is its compact JSON.
    value.to_string()
}
