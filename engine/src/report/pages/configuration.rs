//! The full configuration: every parameter of every node, wires, limits that apply.

use serde_json::{Map, Value};

use super::{Block, Cell, Page, Section, Table, Tone};
use crate::document::NodeDoc;

pub(super) fn section(page: &Page<'_>) -> Section {
    let doc = &page.run.doc;
    let record = &page.run.record;
    let mut facts = page.head(page.t("versions"), &["what", "value"]);
    for (key, value) in [
        ("region", record.price_book.region.clone()),
        ("engine", format!("Weir {}", record.weir)),
        ("price_book", record.price_book.date.clone()),
        ("price_hash", record.price_book.hash.clone()),
        ("document_format", doc.weir.to_string()),
    ] {
        facts
            .rows
            .push(vec![Cell::text(page.t(key)), Cell::text(value)]);
    }
    let mut blocks = vec![
        Block::Table(facts),
        Block::Text(page.t("parameters_note").to_owned()),
    ];
    for node in &doc.nodes {
        blocks.push(Block::Table(parameters(page, node)));
    }
    blocks.push(Block::Table(wires(page)));
    Section {
        id: "configuration",
        title: page.t("configuration").to_owned(),
        blocks,
    }
}

fn parameters(page: &Page<'_>, node: &NodeDoc) -> Table {
    let kind = page.kinds.iter().find(|k| k.spec().id == node.kind);
    let (mut all, schema) = match kind {
        Some(kind) => (kind.defaults(), kind.schema()),
        None => (Map::new(), Value::Null),
    };
    for (name, value) in &node.params {
        all.insert(name.clone(), value.clone());
    }
    let state = if node.disabled {
        page.t("disabled")
    } else if node.bypassed {
        page.t("bypassed")
    } else {
        ""
    };
    let caption = [node.id.as_str(), &page.kind_title(&node.kind), state];
    let caption: Vec<&str> = caption.into_iter().filter(|t| !t.is_empty()).collect();
    let mut table = page.head(
        &caption.join(" \u{00b7} "),
        &["parameter", "value", "chosen"],
    );
    for (name, value) in &all {
        let unit = schema["properties"][name]["x-unit"]
            .as_str()
            .unwrap_or_default();
        let text = page.parameter(value, unit);
        let set = node.params.contains_key(name);
        let tone = if set { Tone::Strong } else { Tone::Faint };
        table.rows.push(vec![
            Cell::toned(name.clone(), Tone::Code),
            Cell::toned(text, tone),
            Cell::toned(page.t(if set { "drawn" } else { "default" }), Tone::Faint),
        ]);
    }
    table
}

fn wires(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("wires"),
        &["from", "to", ">records", ">bytes", ">refused", ">in_flight"],
    );
    for (i, wire) in page.run.summary.wires.iter().enumerate() {
        let of = |field: &str| format!("wires/{i}/{field}");
        table.rows.push(vec![
            Cell::toned(wire.from.clone(), Tone::Code),
            Cell::toned(wire.to.clone(), Tone::Code),
            page.count(&of("records")),
            page.count(&of("bytes")),
            page.bad_count(&of("refused")),
            page.count(&of("in_flight")),
        ]);
    }
    table
}
