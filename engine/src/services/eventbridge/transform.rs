//! The input transformer: what a target gets instead of the event.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// `InputPathsMap` and `InputTemplate`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transformer {
    /// Names, and the fields on the way to their values.
    paths: BTreeMap<String, Vec<String>>,
    template: String,
}

impl Transformer {
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        let template = value["InputTemplate"]
            .as_str()
            .ok_or("there is no text `InputTemplate`")?
            .to_owned();
        let mut paths = BTreeMap::new();
        let map = value["InputPathsMap"].as_object();
        for (name, path) in map.into_iter().flatten() {
            let text = path.as_str().filter(|p| p.starts_with('$'));
            let text = text.ok_or_else(|| format!("`{name}`: a path begins with `$`"))?;
            let steps = text
                .trim_start_matches('$')
                .split('.')
                .filter(|s| !s.is_empty());
            paths.insert(name.clone(), steps.map(str::to_owned).collect());
        }
        Ok(Self { paths, template })
    }
    /// The object that a target gets; a text that is none stands in a field `text`.
    pub(super) fn apply(&self, event: &Value) -> Map<String, Value> {
        let mut out = String::new();
        let mut rest = self.template.as_str();
        let mut quoted = false;
        while let Some((before, after)) = rest.split_once('<') {
            out.push_str(before);
            // Inside quotes a text comes without its own.
            let marks = before.matches('"').count() - before.matches("\\\"").count();
            quoted ^= marks % 2 == 1;
            let Some((name, behind)) = after.split_once('>').filter(|(n, _)| self.is_known(n))
            else {
                out.push('<');
                rest = after;
                continue;
            };
            let value = self.value(name, event);
            match &value {
                Value::String(text) if quoted => {
                    let text = Value::from(text.as_str()).to_string();
                    out.push_str(
                        text.trim_start_matches('"')
                            .strip_suffix('"')
                            .unwrap_or(&text),
                    );
                }
                value => out.push_str(&value.to_string()),
            }
            rest = behind;
        }
        out.push_str(rest);
        match serde_json::from_str(&out) {
            Ok(Value::Object(map)) => map,
            Ok(Value::String(text)) => [("text".to_owned(), Value::String(text))]
                .into_iter()
                .collect(),
            _ => [("text".to_owned(), Value::String(out))]
                .into_iter()
                .collect(),
        }
    }
    fn is_known(&self, name: &str) -> bool {
        self.paths.contains_key(name) || name.starts_with("aws.events.")
    }
    fn value(&self, name: &str, event: &Value) -> Value {
        match name {
            "aws.events.event" | "aws.events.event.json" => return event.clone(),
            "aws.events.event.ingestion-time" => return event["time"].clone(),
            _ => {}
        }
        let mut at = event;
        for step in self.paths.get(name).into_iter().flatten() {
            at = match step.split_once('[') {
                None => &at[step.as_str()],
                Some((field, index)) => {
                    let index = index
                        .trim_end_matches(']')
                        .parse::<usize>()
                        .unwrap_or(usize::MAX);
                    at[field].get(index).unwrap_or(&Value::Null)
                }
            };
        }
        at.clone()
    }
}
