//! `weir schema`: the JSON Schema of documents, with the parameters of every kind where a node has that kind.

use serde_json::{Map, Value, json};
use weir_engine::document::Document;
use weir_engine::node::AnyKind;
use weir_engine::services;

use super::output::Output;
use super::{CommandResult, Verdict, kinds};
use crate::failure::Failure;

pub(crate) fn schema(what: &str, output: &mut Output) -> CommandResult {
    let schema = if what == "document" {
        document(services::ALL)
    } else {
        kinds::find(what)
            .map_err(|e| Failure::new(format!("{e}; or `document`")))?
            .schema()
    };
    output.print_json(&schema)?;
    Ok(Verdict::Good)
}

/// The schema of documents: `params` of a node depend on its `kind`.
fn document(kinds: &[&'static dyn AnyKind]) -> Value {
    let mut schema = Document::json_schema();
    let mut conditions = Vec::new();
    for kind in kinds {
        let id = kind.spec().id;
        let mut params = kind.schema();
        let prefix = format!("{id}.");
        rename_refs(&mut params, &prefix);
        let parts = params.as_object_mut().and_then(|p| {
            p.remove("$schema");
            p.remove("$defs")
        });
        if let (Some(Value::Object(parts)), Some(all)) = (parts, definitions(&mut schema)) {
            for (name, part) in parts {
                all.insert(format!("{prefix}{name}"), part);
            }
        }
        if let Some(all) = definitions(&mut schema) {
            all.insert(format!("params.{id}"), params);
        }
        conditions.push(json!({
            "if": { "properties": { "kind": { "const": id } }, "required": ["kind"] },
            "then": { "properties": { "params": { "$ref": format!("#/$defs/params.{id}") } } }
        }));
    }
    let ids: Vec<&str> = kinds.iter().map(|k| k.spec().id).collect();
    if let Some(node) = definitions(&mut schema).and_then(|d| d.get_mut("NodeDoc")) {
        node["allOf"] = Value::Array(conditions);
        node["properties"]["kind"] = json!({
            "description": node["properties"]["kind"]["description"],
            "enum": ids
        });
    }
    schema
}

fn definitions(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema["$defs"].as_object_mut()
}

/// References to `#/$defs/X` become references to `#/$defs/<prefix>X`.
fn rename_refs(value: &mut Value, prefix: &str) {
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                let renamed = member
                    .as_str()
                    .filter(|_| key == "$ref")
                    .and_then(|r| r.strip_prefix("#/$defs/"))
                    .map(|name| format!("#/$defs/{prefix}{name}"));
                match renamed {
                    Some(renamed) => *member = Value::String(renamed),
                    None => rename_refs(member, prefix),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_refs(item, prefix)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference leads to a definition.
    fn check_refs(value: &Value, root: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                    let name = target.strip_prefix("#/$defs/").unwrap();
                    assert!(root["$defs"].get(name).is_some(), "{target}");
                }
                members.values().for_each(|m| check_refs(m, root));
            }
            Value::Array(items) => items.iter().for_each(|i| check_refs(i, root)),
            _ => {}
        }
    }

    #[test]
    fn document_schema_has_every_kind_and_no_dangling_reference() {
        let schema = document(services::ALL);
        check_refs(&schema, &schema);
        for kind in services::ALL {
            let name = format!("params.{}", kind.spec().id);
            assert!(schema["$defs"][&name]["properties"].is_object(), "{name}");
        }
        let conditions = schema["$defs"]["NodeDoc"]["allOf"].as_array().unwrap();
        assert_eq!(conditions.len(), services::ALL.len());
    }
}
