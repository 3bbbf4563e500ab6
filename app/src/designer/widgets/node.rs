//! How nodes and what happens to them look everywhere: names, colours, icons.

use std::collections::BTreeMap;

use egui::Color32;
use weir_engine::document::Document;
use weir_engine::services;

use crate::designer::theme::{category_id, theme};

/// What people call the node: its title, or its id.
pub(crate) fn node_name(doc: &Document, id: &str) -> String {
    doc.node(id)
        .and_then(|n| n.title.clone())
        .unwrap_or_else(|| id.to_owned())
}

/// How far each further node of a category is from its hue: towards the text colour when positive, towards the panel when
/// negative.
const SHADES: [f32; 5] = [0.0, 0.45, -0.35, 0.7, -0.55];

/// The colour of each node of `doc`: the hue of its category, lighter or darker where several nodes share it.
pub(crate) fn node_colours(doc: &Document) -> BTreeMap<String, Color32> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let mut colours = BTreeMap::new();
    for node in &doc.nodes {
        let category = services::kind(&node.kind)
            .map(|k| category_id(k.spec().category))
            .unwrap_or_default();
        let nth = used.entry(category.clone()).or_default();
        colours.insert(node.id.clone(), shade(theme().hue(&category), *nth));
        *nth += 1;
    }
    colours
}

/// The `nth` shade of `hue`.
pub(crate) fn shade(hue: Color32, nth: usize) -> Color32 {
    let step = SHADES[nth % SHADES.len()];
    if step >= 0.0 {
        hue.lerp_to_gamma(theme().text, step)
    } else {
        hue.lerp_to_gamma(theme().panel, -step)
    }
}

/// Icon and colour of an event by its kind's word.
pub(crate) fn event_look(kind: &str) -> (&'static str, Color32) {
    let t = theme();
    let has = |part: &str| kind.contains(part);
    match () {
        () if has("alarm") => ("alarm", t.red),
        () if has("fault") => ("fault", t.hue("alerts")),
        () if has("throttl") => ("throttled", t.amber),
        () if has("cold") => ("cold-start", t.hue("query")),
        () if has("set") || has("command") => ("edit", t.accent),
        () if ["fail", "error", "lost", "discard", "invalid", "expired"]
            .iter()
            .any(|w| has(w)) =>
        {
            ("error", t.red)
        }
        () if has("skip") || has("wait") || has("no-metric") => ("warning", t.amber),
        () if has("crawl") || has("catalog") => ("database", t.hue("catalog")),
        () => ("events", t.secondary),
    }
}
