//! A page as a person reads it: texts with their places, tables with their headings.

use markup5ever_rcdom::{Handle, NodeData};

use crate::report::html::tests::{parsed, text_of};

/// One text of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Read {
    /// The element; `tick` of an axis, `face` of a node on the drawing.
    pub(super) place: String,
    pub(super) text: String,
    /// Where in `summary.json` it stands, and its value, as the page says.
    pub(super) figure: Option<(String, f64)>,
    pub(super) plus_minus: Option<String>,
    /// Of a cell: the table's caption, the column's heading, the texts of the row. Of a face: the name of the node first. Of a heading: its number.
    pub(super) caption: String,
    pub(super) column: String,
    pub(super) row: Vec<String>,
}

/// Elements whose text is read as one.
const WHOLE: [&str; 15] = [
    "title",
    "h1",
    "h2",
    "h3",
    "p",
    "li",
    "dt",
    "dd",
    "td",
    "th",
    "caption",
    "figcaption",
    "pre",
    "text",
    "span",
];

fn name(node: &Handle) -> &str {
    match &node.data {
        NodeData::Element { name, .. } => &name.local,
        _ => "",
    }
}

fn attribute(node: &Handle, wanted: &str) -> Option<String> {
    let NodeData::Element { attrs, .. } = &node.data else {
        return None;
    };
    let attrs = attrs.borrow();
    attrs
        .iter()
        .find(|a| &*a.name.local == wanted)
        .map(|a| a.value.to_string())
}

/// The elements of this name below `node`, in order.
fn below(node: &Handle, wanted: &str) -> Vec<Handle> {
    let mut found = Vec::new();
    for child in node.children.borrow().iter() {
        if name(child) == wanted {
            found.push(child.clone());
        }
        found.extend(below(child, wanted));
    }
    found
}

/// Every text of a page. Scripts and styles are not read by people.
pub(super) fn read(page: &str) -> Vec<Read> {
    let mut out = Vec::new();
    walk(&parsed(page).document, &mut out);
    out
}

fn walk(node: &Handle, out: &mut Vec<Read>) {
    match name(node) {
        "script" | "style" => {}
        "table" => table(node, out),
        "g" if is_face(node) => {
            let texts: Vec<String> = below(node, "text").iter().map(text_of).collect();
            let face = |text: &String| Read {
                place: "face".to_owned(),
                text: text.clone(),
                row: texts.clone(),
                ..Read::default()
            };
            out.extend(texts.iter().map(face));
        }
        element if WHOLE.contains(&element) => out.push(one(node)),
        _ => {
            if let NodeData::Text { contents } = &node.data {
                // A text outside of all that is known: nobody looks at its numbers.
                let text = contents.borrow().to_string();
                out.push(Read {
                    place: "loose".to_owned(),
                    text,
                    ..Read::default()
                });
            }
            node.children.borrow().iter().for_each(|c| walk(c, out));
        }
    }
}

/// A node on the drawing: its name, its kind and its figures.
fn is_face(node: &Handle) -> bool {
    let inner = below(node, "g")
        .iter()
        .any(|g| !below(g, "text").is_empty());
    let texts = below(node, "text");
    !inner
        && texts
            .first()
            .is_some_and(|t| attribute(t, "font-weight").is_some())
}

/// One element; what stands in it as a figure apart from the rest.
fn one(node: &Handle) -> Read {
    let spans = below(node, "span");
    let class = |wanted: &str| {
        spans
            .iter()
            .find(|s| attribute(s, "class").as_deref() == Some(wanted))
    };
    let figure = spans.iter().find(|s| attribute(s, "data-figure").is_some());
    let plus_minus = class("pm").map(|s| text_of(s).replace(" \u{b1} ", ""));
    let number = class("no").map(text_of).unwrap_or_default();
    let all = text_of(node);
    let is_tick = name(node) == "text"
        && attribute(node, "text-anchor").is_some()
        && attribute(node, "font-size").is_none();
    Read {
        place: if is_tick { "tick" } else { name(node) }.to_owned(),
        text: match figure {
            Some(figure) => text_of(figure),
            None => all.strip_prefix(&number).unwrap_or(&all).to_owned(),
        },
        figure: figure.and_then(|f| {
            Some((
                attribute(f, "data-figure")?,
                attribute(f, "data-value")?.parse().ok()?,
            ))
        }),
        plus_minus,
        row: vec![number],
        ..Read::default()
    }
}

fn table(node: &Handle, out: &mut Vec<Read>) {
    let caption = below(node, "caption")
        .first()
        .map(text_of)
        .unwrap_or_default();
    let head: Vec<String> = below(node, "th").iter().map(text_of).collect();
    let named = |place: &str, text: &String| Read {
        place: place.to_owned(),
        text: text.clone(),
        ..Read::default()
    };
    out.push(named("caption", &caption));
    out.extend(head.iter().map(|h| named("th", h)));
    for row in below(node, "tr") {
        let cells: Vec<Read> = below(&row, "td").iter().map(one).collect();
        let texts: Vec<String> = cells.iter().map(|c| c.text.clone()).collect();
        for (cell, column) in cells.into_iter().zip(&head) {
            out.push(Read {
                caption: caption.clone(),
                column: column.clone(),
                row: texts.clone(),
                ..cell
            });
        }
    }
}

/// The numbers in a text, without the points and commas around them.
pub(super) fn numbers(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !(c.is_ascii_digit() || ['.', ','].contains(&c)));
    let bare = parts.map(|p| p.trim_matches(['.', ',']).to_owned());
    bare.filter(|p| !p.is_empty()).collect()
}

/// What stands in the places of a template, when `text` is made from it.
pub(super) fn matched(template: &str, text: &str) -> Option<Vec<(String, String)>> {
    let (first, mut rest) = template.split_once('{')?;
    let mut left = text.strip_prefix(first)?;
    let mut found = Vec::new();
    loop {
        let (name, after) = rest.split_once('}')?;
        let (literal, next) = match after.split_once('{') {
            Some((literal, next)) => (literal, Some(next)),
            None => (after, None),
        };
        let end = match next {
            None => left.strip_suffix(literal)?.len(),
            // Two places side by side: the second is in brackets, or empty.
            Some(next) if literal.is_empty() => {
                let behind = next.split_once('}').map_or("", |(_, l)| l);
                let behind = behind.split('{').next().unwrap_or_default();
                left.find('(').or_else(|| left.find(behind))?
            }
            // Two sentences side by side.
            Some(_) if literal == " " => left
                .find(". ")
                .map_or_else(|| left.find(' '), |i| Some(i + 1))?,
            Some(_) => left.find(literal)?,
        };
        let (value, behind) = left.split_at_checked(end)?;
        found.push((name.to_owned(), value.to_owned()));
        left = behind.get(literal.len()..)?;
        match next {
            Some(next) => rest = next,
            None => return Some(found),
        }
    }
}
