//! `weir kinds`: what can be drawn, and everything about one kind.

use serde_json::{Value, json};
use weir_engine::node::{AnyKind, Category, KindSpec, closest};
use weir_engine::report::aligned;
use weir_engine::services;

use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;

/// The kind called `id`.
pub(crate) fn find(id: &str) -> Result<&'static dyn AnyKind, String> {
    services::kind(id).ok_or_else(|| {
        let known = services::ALL.iter().map(|k| k.spec().id);
        let mend = closest(id, known).map_or_else(
            || "`weir kinds` lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        format!("there is no kind of node called `{id}` ({mend})")
    })
}

pub(crate) fn kinds(id: Option<&str>, json: bool, output: &mut Output) -> CommandResult {
    match id {
        Some(id) => {
            let kind = find(id).map_err(Failure::new)?;
            if json {
                output.print_json(&to_json(kind)?)?;
            } else {
                output.print(&explain(kind));
            }
        }
        None if json => {
            let all = services::ALL.iter().map(|k| to_json(*k));
            output.print_json(&all.collect::<Result<Vec<Value>, Failure>>()?)?;
        }
        None => output.print(&list()),
    }
    Ok(Verdict::Good)
}

fn to_json(kind: &dyn AnyKind) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(kind.spec()).map_err(Failure::new)?;
    let spec = kind.spec();
    let usage = spec
        .usage
        .iter()
        .map(|u| json!({ "key": u.key, "unit": u.unit, "rounding": u.rounding }));
    value["usage"] = usage.collect();
    value["params"] = kind.schema();
    value["defaults"] = Value::Object(kind.defaults());
    Ok(value)
}

fn list() -> String {
    let heading = ["Kind", "Title", "Category", "What it is for"]
        .map(str::to_owned)
        .to_vec();
    let row = |k: &&dyn AnyKind| {
        let s = k.spec();
        vec![
            s.id.to_owned(),
            s.title.to_owned(),
            category(s.category),
            s.summary.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(heading)
        .chain(services::ALL.iter().map(row))
        .collect();
    aligned(&rows, &[])
}

fn category(category: Category) -> String {
    let name = serde_json::to_value(category).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

fn explain(kind: &dyn AnyKind) -> String {
    let spec = kind.spec();
    let mut out = format!("{} ({})\n{}\n", spec.title, spec.id, spec.summary);
    out.push_str(&section("Parameters", params(kind)));
    out.push_str(&section("Ports", ports(spec)));
    let metrics = spec
        .metrics
        .iter()
        .map(|m| vec![m.name.to_owned(), m.unit.to_owned(), m.help.to_owned()]);
    out.push_str(&section(
        &format!("Metrics ({})", spec.namespace),
        metrics.collect(),
    ));
    let usage = spec
        .usage
        .iter()
        .map(|u| vec![u.key.to_owned(), u.unit.to_owned(), u.rounding.to_owned()]);
    out.push_str(&section("Billed", usage.collect()));
    let faults: Vec<&str> = spec.faults.iter().map(|f| f.id()).collect();
    if !faults.is_empty() {
        out.push_str(&format!(
            "\nFaults that a scenario may bring: {}\n",
            faults.join(", ")
        ));
    }
    out
}

fn section(title: &str, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let indented: Vec<Vec<String>> = rows
        .into_iter()
        .map(|mut row| {
            if let Some(first) = row.first_mut() {
                first.insert_str(0, "  ");
            }
            row
        })
        .collect();
    format!("\n{title}\n{}", aligned(&indented, &[]))
}

fn ports(spec: &KindSpec) -> Vec<Vec<String>> {
    let inputs = spec.inputs.iter().map(|p| {
        let flows: Vec<&str> = p.accepts.iter().map(|f| f.words()).collect();
        let need = if p.required { "required" } else { "optional" };
        vec![
            p.name.to_owned(),
            "input".to_owned(),
            flows.join(" or "),
            need.to_owned(),
            p.help.to_owned(),
        ]
    });
    let outputs = spec.outputs.iter().map(|p| {
        vec![
            p.name.to_owned(),
            "output".to_owned(),
            p.flow.words().to_owned(),
            String::new(),
            p.help.to_owned(),
        ]
    });
    inputs.chain(outputs).collect()
}

/// One row a parameter: name, default, unit, range or choices, meaning.
fn params(kind: &dyn AnyKind) -> Vec<Vec<String>> {
    let (schema, defaults) = (kind.schema(), kind.defaults());
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    let row = |(name, own): (&String, &Value)| {
        let unit = own["x-unit"].as_str().unwrap_or_default();
        let default = defaults.get(name).map_or_else(String::new, short);
        let help = own["description"].as_str().unwrap_or_default();
        vec![
            name.clone(),
            default,
            unit.to_owned(),
            allowed(&schema, own),
            help.replace('\n', " "),
        ]
    };
    properties.iter().map(row).collect()
}

fn short(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned);
    if text.chars().count() > 40 {
        text.chars().take(37).chain("...".chars()).collect()
    } else {
        text
    }
}

/// Range or choices of a parameter, looked up through references and alternatives.
fn allowed(root: &Value, own: &Value) -> String {
    let reference = own["$ref"]
        .as_str()
        .and_then(|r| r.strip_prefix("#/$defs/"));
    let own = reference.map_or(own, |name| &root["$defs"][name]);
    if let Some(choices) = own["enum"].as_array() {
        let choices: Vec<String> = choices.iter().map(short).collect();
        return choices.join(", ");
    }
    for alternatives in ["oneOf", "anyOf"] {
        if let Some(all) = own[alternatives].as_array() {
            let each = all.iter().map(|a| match &a["const"] {
                Value::Null => allowed(root, a),
                constant => short(constant),
            });
            let each: Vec<String> = each.filter(|t| !t.is_empty()).collect();
            return each.join(", ");
        }
    }
    match (own["minimum"].as_f64(), own["maximum"].as_f64()) {
        (Some(a), Some(b)) => format!("{a} to {b}"),
        (Some(a), None) => format!("{a} or more"),
        (None, Some(b)) => format!("{b} or less"),
        (None, None) => String::new(),
    }
}
