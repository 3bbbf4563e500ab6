//! Documents of earlier versions: one step from each version to the next, applied in order.

use super::error::DocumentError;
use super::text::shown;
use serde_json::{Value, json};

/// The version of the format that this program writes.
pub const VERSION: u32 = 1;

type Step = fn(&mut Value) -> Result<(), DocumentError>;

/// `STEPS[n]` turns version `n` into version `n + 1`.
const STEPS: [Step; VERSION as usize] = [from_0];

/// Brings a document of version `from` to [`VERSION`].
///
/// # Errors
/// When an old field has a form that it never had; the message names it.
pub(super) fn migrate(document: &mut Value, from: u32) -> Result<(), DocumentError> {
    STEPS
        .iter()
        .skip(from as usize)
        .try_for_each(|step| step(document))
}

/// Version 0 (before the first release): wires were texts, `a.out -> b.in`, and positions were fields `x` and `y`.
fn from_0(document: &mut Value) -> Result<(), DocumentError> {
    if let Some(wires) = document.get_mut("wires").and_then(Value::as_array_mut) {
        for (i, wire) in wires.iter_mut().enumerate() {
            let Some(text) = wire.as_str() else { continue };
            let Some((from, to)) = text.split_once("->") else {
                return Err(DocumentError::Field {
                    line: 0,
                    column: 0,
                    path: format!("wires[{i}]"),
                    message: format!("`{}` is not a wire", shown(text)),
                    mend: "Write it as `a.out -> b.in`.",
                });
            };
            *wire = json!({ "from": from.trim(), "to": to.trim() });
        }
    }
    if let Some(nodes) = document.get_mut("nodes").and_then(Value::as_array_mut) {
        for node in nodes.iter_mut().filter_map(Value::as_object_mut) {
            if node.contains_key("at") {
                continue;
            }
            let mut side = |name| node.remove(name).unwrap_or(Value::from(0));
            let at = json!([side("x"), side("y")]);
            node.insert("at".to_owned(), at);
        }
    }
    Ok(())
}
