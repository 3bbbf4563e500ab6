//! Fields of a form from a kind's JSON schema: which control a parameter gets, its range, unit and default. Knows nothing of
//! the window.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use weir_engine::services;

use crate::designer::i18n::schema_of;

/// The language of a code field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Sql,
    Python,
}

/// What a text is about, so that fitting values can be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// A column of the records that come in.
    Column,
    /// A metric of the node that is watched.
    Metric,
    /// A file of the document's folder, or a sample.
    File,
}

/// One value of a parameter that offers choices.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) value: String,
    /// English help; may be empty.
    pub(super) help: String,
}

/// A number's range and unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) is_whole: bool,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    /// Where the slider ends; a typed value may exceed it.
    pub(super) soft_max: Option<f64>,
    pub(super) unit: String,
}

impl Number {
    /// The slider's range; none where a slider would be of no use.
    pub(super) fn slider(&self) -> Option<(f64, f64)> {
        let (min, max) = (self.min?, self.soft_max.or(self.max)?);
        (max > min && max - min <= 1e8).then_some((min, max))
    }
    /// True when the range spans so many powers of ten that equal steps would hide the small values.
    pub(super) fn is_logarithmic(&self) -> bool {
        let least = if self.is_whole { 1.0 } else { 0.1 };
        self.slider()
            .is_some_and(|(min, max)| max / min.max(least) >= 1000.0)
    }
}

/// The control that a parameter gets.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Widget {
    Number(Number),
    Toggle,
    Choices(Vec<Choice>),
    Text(Option<Hint>),
    Code(Code),
    /// A list of texts or numbers, edited line by line.
    List(Box<Self>),
    /// Anything else, as JSON.
    Json,
}

/// One parameter in a form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) widget: Widget,
    /// The heading that it stands under; may be empty.
    pub(super) group: String,
    /// It may be left without a value.
    pub(super) nullable: bool,
    /// Key of the quota that limits it.
    pub(super) quota: Option<String>,
    /// Its default is an assumption of Weir, not a figure of AWS.
    pub(super) assumed: bool,
    pub(super) default: Value,
}

/// The fields of every kind, made once.
static FORMS: LazyLock<BTreeMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let forms = services::ALL.iter().filter_map(|kind| {
        let id = kind.spec().id;
        Some((id, fields(schema_of(id)?, &kind.defaults())))
    });
    forms.collect()
});

/// The fields of `kind`, in the order of its parameters.
pub(super) fn form_of(kind: &str) -> &'static [Field] {
    FORMS.get(kind).map_or(&[], Vec::as_slice)
}

/// The fields that a schema describes: those of one group together, groups in the order of their first field, those of none first.
fn fields(schema: &Value, defaults: &Map<String, Value>) -> Vec<Field> {
    let properties = schema["properties"].as_object();
    let field = |(name, sub): (&String, &Value)| Field {
        name: name.clone(),
        widget: widget(schema, sub, sub),
        group: text_of(sub, "x-group"),
        nullable: types(schema, sub).contains(&"null"),
        quota: sub["x-quota"].as_str().map(str::to_owned),
        assumed: sub["x-assumed"].as_bool().unwrap_or(false),
        default: defaults.get(name).cloned().unwrap_or(Value::Null),
    };
    let mut fields: Vec<Field> = properties.into_iter().flatten().map(field).collect();
    let mut groups = vec![String::new()];
    for field in &fields {
        if !groups.contains(&field.group) {
            groups.push(field.group.clone());
        }
    }
    fields.sort_by_key(|f| groups.iter().position(|g| *g == f.group));
    fields
}

fn text_of(schema: &Value, name: &str) -> String {
    schema[name].as_str().unwrap_or_default().to_owned()
}

/// The schema that a reference points to.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"]
        .as_str()
        .and_then(|r| r.strip_prefix("#/$defs/"));
    name.map_or(schema, |n| &root["$defs"][n])
}

/// The alternatives of a nullable reference, null left out; else the schema itself.
fn essence<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = resolve(root, schema);
    let alternatives = schema["anyOf"].as_array().into_iter().flatten();
    let mut real = alternatives.filter(|s| s["type"] != "null");
    real.next().map_or(schema, |s| resolve(root, s))
}

fn types<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let schema = resolve(root, schema);
    match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => {
            let any = schema["anyOf"].as_array().into_iter().flatten();
            any.flat_map(|s| types(root, s)).collect()
        }
    }
}

fn choices(schema: &Value) -> Vec<Choice> {
    let choice = |value: &str, help: &Value| Choice {
        value: value.to_owned(),
        help: help.as_str().unwrap_or_default().to_owned(),
    };
    if let Some(values) = schema["enum"].as_array() {
        return values
            .iter()
            .filter_map(|v| Some(choice(v.as_str()?, &Value::Null)))
            .collect();
    }
    let mut found = Vec::new();
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        if let Some(value) = one["const"].as_str() {
            found.push(choice(value, &one["description"]));
        }
        // Variants without a comment are gathered in one `enum`.
        let plain = one["enum"].as_array().into_iter().flatten();
        found.extend(plain.filter_map(|v| Some(choice(v.as_str()?, &Value::Null))));
    }
    found
}

/// The control for the value that `schema` describes; extensions stand in `property`, the parameter's own part.
fn widget(root: &Value, schema: &Value, property: &Value) -> Widget {
    let real = essence(root, schema);
    let choices = choices(real);
    if !choices.is_empty() {
        return Widget::Choices(choices);
    }
    let types = types(root, schema);
    let has = |t: &str| types.contains(&t);
    match () {
        () if has("boolean") => Widget::Toggle,
        () if has("integer") || has("number") => {
            Widget::Number(number(real, property, has("integer") && !has("number")))
        }
        () if has("string") => match property["x-editor"].as_str() {
            Some("sql") => Widget::Code(Code::Sql),
            Some("python") => Widget::Code(Code::Python),
            Some("field" | "column") => Widget::Text(Some(Hint::Column)),
            Some("metric") => Widget::Text(Some(Hint::Metric)),
            Some("file") => Widget::Text(Some(Hint::File)),
            _ => Widget::Text(None),
        },
        () if has("array") => {
            let entry = widget(root, &real["items"], &Value::Null);
            match entry {
                Widget::Number(_) | Widget::Text(_) | Widget::Choices(_) => {
                    Widget::List(Box::new(entry))
                }
                _ => Widget::Json,
            }
        }
        () => Widget::Json,
    }
}

fn number(real: &Value, property: &Value, is_whole: bool) -> Number {
    let bound = |name: &str| real[name].as_f64().or_else(|| property[name].as_f64());
    Number {
        is_whole,
        min: bound("minimum"),
        max: bound("maximum"),
        soft_max: property["x-soft-max"].as_f64(),
        unit: text_of(property, "x-unit"),
    }
}

/// The fields that nodes of these kinds have in common: all when they are of one kind, else those of the same name and sort.
pub(super) fn common(kinds: &[&str]) -> Vec<&'static Field> {
    let Some((first, others)) = kinds.split_first() else {
        return Vec::new();
    };
    let same = |field: &Field, kind: &str| {
        form_of(kind).iter().any(|f| {
            f.name == field.name && f.widget == field.widget && f.nullable == field.nullable
        })
    };
    let fields = form_of(first).iter();
    fields
        .filter(|f| others.iter().all(|kind| same(f, kind)))
        .collect()
}

/// The value that all share, or that they differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shared {
    Same(Value),
    Mixed,
}

/// What the nodes have for `field`, their own defaults where they say nothing.
pub(super) fn shared<'a>(
    field: &Field,
    nodes: impl IntoIterator<Item = (&'a Map<String, Value>, &'a str)>,
) -> Shared {
    let value_of = |(params, kind): (&'a Map<String, Value>, &'a str)| {
        let default = || {
            form_of(kind)
                .iter()
                .find(|f| f.name == field.name)
                .map_or(Value::Null, |f| f.default.clone())
        };
        params.get(&field.name).cloned().unwrap_or_else(default)
    };
    let mut values = nodes.into_iter().map(value_of);
    let Some(first) = values.next() else {
        return Shared::Mixed;
    };
    if values.all(|v| is_same(&v, &first)) {
        Shared::Same(first)
    } else {
        Shared::Mixed
    }
}

/// Equal values; `3` and `3.0` are the same number.
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        #[expect(clippy::float_cmp, reason = "the same number, however it is written")]
        (Some(x), Some(y)) => x == y,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_parameter_of_every_kind_gets_a_control() {
        for kind in services::ALL {
            let spec = kind.spec();
            let form = form_of(spec.id);
            let properties = schema_of(spec.id).unwrap()["properties"]
                .as_object()
                .unwrap();
            assert_eq!(form.len(), properties.len(), "{}", spec.id);
            for field in form {
                let editor = properties[&field.name]["x-editor"].as_str();
                assert_ne!(field.widget, Widget::Json, "{}.{}", spec.id, field.name);
                if editor.is_some() {
                    assert_ne!(
                        field.widget,
                        Widget::Text(None),
                        "{}.{}: unknown editor",
                        spec.id,
                        field.name
                    );
                }
                if let Widget::Number(n) = &field.widget {
                    assert!(
                        n.soft_max.is_none_or(|s| n.max.is_none_or(|m| s <= m)),
                        "{}.{}",
                        spec.id,
                        field.name
                    );
                }
            }
        }
    }

    #[test]
    fn forms_of_every_sort_are_understood() {
        let schema = json!({
            "properties": {
                "late": { "type": "boolean", "x-group": "A" },
                "count": { "type": "integer", "minimum": 1, "maximum": 10_000, "x-soft-max": 32, "x-unit": "shards" },
                "maybe": { "type": ["number", "null"], "minimum": 0.0 },
                "mode": { "$ref": "#/$defs/Mode" },
                "maybe_mode": { "anyOf": [{ "$ref": "#/$defs/Mode" }, { "type": "null" }] },
                "on": { "type": "boolean" },
                "code": { "type": "string", "x-editor": "python" },
                "names": { "type": "array", "items": { "type": "string" } },
                "odd": { "type": "object" },
                "later": { "type": "boolean", "x-group": "A" },
            },
            "$defs": { "Mode": { "oneOf": [{ "const": "a", "description": "A." }, { "enum": ["b", "c"] }] } },
        });
        let fields = fields(&schema, &Map::new());
        let order: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            (order[0], order.last_chunk()),
            ("count", Some(&["late", "later"]))
        );
        let widget = |name: &str| fields.iter().find(|f| f.name == name).unwrap();
        let Widget::Number(count) = &widget("count").widget else {
            panic!()
        };
        assert_eq!(
            (count.slider(), count.is_whole, count.unit.as_str()),
            (Some((1.0, 32.0)), true, "shards")
        );
        assert!(widget("maybe").nullable && matches!(widget("maybe").widget, Widget::Number(_)));
        for name in ["mode", "maybe_mode"] {
            let Widget::Choices(choices) = &widget(name).widget else {
                panic!("{name}")
            };
            assert_eq!(
                choices.iter().map(|c| c.value.as_str()).collect::<Vec<_>>(),
                ["a", "b", "c"]
            );
        }
        assert!(widget("maybe_mode").nullable);
        assert_eq!(widget("on").widget, Widget::Toggle);
        assert_eq!(widget("code").widget, Widget::Code(Code::Python));
        assert_eq!(
            widget("names").widget,
            Widget::List(Box::new(Widget::Text(None)))
        );
        assert_eq!(widget("odd").widget, Widget::Json);
    }

    #[test]
    fn several_nodes_share_values_or_differ() {
        let field = form_of("kinesis-data-streams")
            .iter()
            .find(|f| f.name == "shard_count")
            .unwrap();
        let map = |v: Value| Map::from_iter([("shard_count".to_owned(), v)]);
        let (one, two, three) = (map(json!(1)), Map::new(), map(json!(3)));
        let kind = "kinesis-data-streams";
        assert_eq!(
            shared(field, [(&one, kind), (&two, kind)]),
            Shared::Same(json!(1))
        );
        assert_eq!(shared(field, [(&one, kind), (&three, kind)]), Shared::Mixed);
        assert!(is_same(&json!(3), &json!(3.0)));
    }

    #[test]
    fn kinds_have_in_common_what_is_the_same() {
        let all = common(&["athena", "athena"]);
        assert_eq!(all.len(), form_of("athena").len());
        let names: Vec<&str> = common(&["athena", "glue-crawler"])
            .iter()
            .map(|f| f.name.as_str())
            .collect();
        assert_eq!(
            names,
            ["database", "schedule_seconds", "start_after_seconds"]
        );
    }
}
