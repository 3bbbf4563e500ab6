//! The edits of a document.

use serde_json::{Map, Value};
use weir_engine::document::{
    Billing, Document, Endpoint, Expect, Frame, NodeDoc, Note, Objective, Start, Step, Wire,
};
use weir_engine::units::SimDuration;

use super::fragment::{Fragment, free_id};
use super::selection::{Item, Selection, WireKey};

/// Properties of the document as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) region: String,
    pub(crate) seed: u64,
    pub(crate) start: Start,
    pub(crate) run_for: SimDuration,
    pub(crate) billing: Billing,
}

impl Settings {
    /// Those of `doc`.
    pub(crate) fn of(doc: &Document) -> Self {
        Self {
            name: doc.name.clone(),
            description: doc.description.clone(),
            region: doc.region.clone(),
            seed: doc.seed,
            start: doc.start,
            run_for: doc.run_for,
            billing: doc.billing,
        }
    }
}

/// Something that a person does to the document. Each is one step of undo.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// A new node of `kind` at a place; wires join it at once.
    Add {
        kind: String,
        at: [f64; 2],
        /// Wires of the new node; [`Edit::NEW`] stands for its id.
        wires: Vec<Wire>,
        /// A wire that the new node takes the place of.
        instead: Option<WireKey>,
        /// Other nodes that make room.
        moved: Vec<(Item, [f64; 2])>,
    },
    /// Nodes, wires, notes and frames go away. With `heal`, senders and receivers of a removed node are joined where one wire
    /// came in and wires went out; `joins` says which.
    Remove { items: Selection, joins: Vec<Wire> },
    /// Items get new places.
    Move(Vec<(Item, [f64; 2])>),
    /// Items get new places because they were laid out, aligned or distributed; the text names which.
    Arrange(&'static str, Vec<(Item, [f64; 2])>),
    /// A wire is drawn.
    Connect(Wire),
    /// A wire's end goes elsewhere.
    Rewire { old: WireKey, new: Wire },
    /// A node that is there is put into a wire.
    Splice {
        node: String,
        old: WireKey,
        wires: Vec<Wire>,
        moved: Vec<(Item, [f64; 2])>,
    },
    /// A parameter of nodes gets a value; `None` means the default.
    Param {
        nodes: Vec<String>,
        name: String,
        value: Option<Value>,
    },
    /// Parameters of several nodes get the values of a variant of a sweep.
    Variant(Vec<(String, String, Value)>),
    /// A node gets another id; wires, steps and objectives follow.
    Rename { node: String, to: String },
    /// What the canvas shows instead of the kind's name.
    Title { node: String, title: Option<String> },
    /// Nodes take part in runs, or do not.
    Disable { nodes: Vec<String>, disabled: bool },
    /// Records pass nodes by, or do not.
    Bypass { nodes: Vec<String>, bypassed: bool },
    /// A copied part is put in.
    Paste {
        fragment: Fragment,
        at: [f64; 2],
        keep_inputs: bool,
    },
    /// The same, from the drawing itself.
    Duplicate {
        fragment: Fragment,
        at: [f64; 2],
        keep_inputs: bool,
    },
    /// A new note.
    AddNote { at: [f64; 2], text: String },
    /// A note's text, place or size.
    Note(Note),
    /// A new frame.
    AddFrame {
        at: [f64; 2],
        size: [f64; 2],
        title: String,
    },
    /// A frame's title, place, size or colour.
    Frame(Frame),
    /// What happens during a run.
    Scenario(Vec<Step>),
    /// What a run must achieve.
    Objectives(Vec<Objective>),
    /// What a run is known to come to.
    Expect(Option<Expect>),
    /// Name, region, seed, length.
    Settings(Settings),
    /// The whole document from its text.
    Text(Box<Document>),
}

impl Edit {
    /// Stands for the id of the node that [`Edit::Add`] makes.
    pub(crate) const NEW: &'static str = "new-node";

    /// Edits with the same key that follow each other are one step: a slider that is dragged, text that is typed.
    pub(super) fn merge_key(&self) -> Option<String> {
        match self {
            Self::Param { nodes, name, .. } => Some(format!("param {} {name}", nodes.join(" "))),
            Self::Title { node, .. } => Some(format!("title {node}")),
            Self::Note(note) => Some(format!("note {}", note.id)),
            Self::Frame(frame) => Some(format!("frame {}", frame.id)),
            Self::Settings(_) => Some("settings".to_owned()),
            Self::Scenario(_) => Some("scenario".to_owned()),
            Self::Expect(_) => Some("expect".to_owned()),
            Self::Text(_) => Some("text".to_owned()),
            // All wires of a port that are moved in one gesture.
            Self::Rewire { .. } => Some("rewire".to_owned()),
            _ => None,
        }
    }

    /// Does it to `doc`. Returns what is to be selected, `None` to keep the selection.
    ///
    /// # Errors
    /// One sentence; `doc` must then be thrown away.
    pub(super) fn apply(self, doc: &mut Document) -> Result<Option<Selection>, String> {
        match self {
            Self::Add {
                kind,
                at,
                wires,
                instead,
                moved,
            } => {
                place(doc, moved);
                return Ok(Some(add(doc, kind, at, wires, instead)));
            }
            Self::Remove { items, joins } => {
                remove(doc, &items);
                doc.wires.extend(joins);
                return Ok(Some(Selection::default()));
            }
            Self::Move(places) | Self::Arrange(_, places) => place(doc, places),
            Self::Connect(wire) => connect(doc, wire)?,
            Self::Rewire { old, new } => rewire(doc, &old, new)?,
            Self::Splice {
                node,
                old,
                wires,
                moved,
            } => {
                place(doc, moved);
                disconnect(doc, &old);
                doc.wires.extend(wires);
                return Ok(Some(Selection::node(&node)));
            }
            Self::Param { nodes, name, value } => {
                for id in nodes {
                    set_param(doc, &id, &name, value.clone())?;
                }
            }
            Self::Variant(values) => {
                for (id, name, value) in values {
                    set_param(doc, &id, &name, Some(value))?;
                }
            }
            Self::Rename { node, to } => {
                rename(doc, &node, &to)?;
                return Ok(Some(Selection::node(&to)));
            }
            Self::Title { node, title } => found(doc, &node)?.title = title,
            Self::Disable { nodes, disabled } => {
                for id in nodes {
                    found(doc, &id)?.disabled = disabled;
                }
            }
            Self::Bypass { nodes, bypassed } => {
                for id in nodes {
                    found(doc, &id)?.bypassed = bypassed;
                }
            }
            Self::Paste {
                fragment,
                at,
                keep_inputs,
            }
            | Self::Duplicate {
                fragment,
                at,
                keep_inputs,
            } => {
                return Ok(Some(fragment.insert_into(doc, at, keep_inputs)));
            }
            Self::Scenario(steps) => doc.scenario = steps,
            Self::Objectives(objectives) => doc.objectives = objectives,
            Self::Expect(expect) => doc.expect = expect,
            Self::Settings(s) => settings(doc, s),
            Self::Text(new) => *doc = *new,
            other => return Ok(other.decorate(doc)),
        }
        Ok(None)
    }

    /// Notes and frames.
    fn decorate(self, doc: &mut Document) -> Option<Selection> {
        match self {
            Self::AddNote { at, text } => {
                let id = free_id("note", |id| doc.notes.iter().any(|n| n.id == id));
                doc.notes.push(Note {
                    id: id.clone(),
                    at,
                    size: [240.0, 120.0],
                    text,
                });
                Some(Selection::one(Item::Note(id)))
            }
            Self::Note(note) => {
                if let Some(old) = doc.notes.iter_mut().find(|n| n.id == note.id) {
                    *old = note;
                }
                None
            }
            Self::AddFrame { at, size, title } => {
                let id = free_id("frame", |id| doc.frames.iter().any(|f| f.id == id));
                doc.frames.push(Frame {
                    id: id.clone(),
                    at,
                    size,
                    title,
                    color: None,
                });
                Some(Selection::one(Item::Frame(id)))
            }
            Self::Frame(frame) => {
                if let Some(old) = doc.frames.iter_mut().find(|f| f.id == frame.id) {
                    *old = frame;
                }
                None
            }
            _ => None,
        }
    }
}

fn found<'a>(doc: &'a mut Document, id: &str) -> Result<&'a mut NodeDoc, String> {
    doc.node_mut(id)
        .ok_or_else(|| format!("the drawing has no node `{id}` any more"))
}

fn set_param(doc: &mut Document, id: &str, name: &str, value: Option<Value>) -> Result<(), String> {
    let node = found(doc, id)?;
    match value {
        Some(value) => {
            node.params.insert(name.to_owned(), value);
        }
        None => {
            node.params.shift_remove(name);
        }
    }
    Ok(())
}

fn settings(doc: &mut Document, s: Settings) {
    doc.name = s.name;
    doc.description = s.description;
    doc.region = s.region;
    doc.seed = s.seed;
    doc.start = s.start;
    doc.run_for = s.run_for;
    doc.billing = s.billing;
}

fn place(doc: &mut Document, places: Vec<(Item, [f64; 2])>) {
    for (item, at) in places {
        match item {
            Item::Node(id) => {
                if let Some(node) = doc.node_mut(&id) {
                    node.at = at;
                }
            }
            Item::Note(id) => {
                if let Some(note) = doc.notes.iter_mut().find(|n| n.id == id) {
                    note.at = at;
                }
            }
            Item::Frame(id) => {
                if let Some(frame) = doc.frames.iter_mut().find(|f| f.id == id) {
                    frame.at = at;
                }
            }
            Item::Wire(_) => {}
        }
    }
}

fn add(
    doc: &mut Document,
    kind: String,
    at: [f64; 2],
    wires: Vec<Wire>,
    instead: Option<WireKey>,
) -> Selection {
    let id = free_id(&kind, |id| doc.node(id).is_some());
    if let Some(old) = instead {
        disconnect(doc, &old);
    }
    for mut wire in wires {
        for end in [&mut wire.from, &mut wire.to] {
            if end.node == Edit::NEW {
                end.node.clone_from(&id);
            }
        }
        doc.wires.push(wire);
    }
    doc.nodes.push(NodeDoc {
        id: id.clone(),
        kind,
        title: None,
        at,
        params: Map::new(),
        disabled: false,
        bypassed: false,
    });
    Selection::node(&id)
}

fn remove(doc: &mut Document, items: &Selection) {
    doc.wires.retain(|w| {
        !items.has(&Item::wire(w)) && !items.has_node(&w.from.node) && !items.has_node(&w.to.node)
    });
    doc.nodes.retain(|n| !items.has_node(&n.id));
    doc.notes.retain(|n| !items.has(&Item::Note(n.id.clone())));
    doc.frames
        .retain(|f| !items.has(&Item::Frame(f.id.clone())));
    let nodes = &doc.nodes;
    let there = |id: &str| nodes.iter().any(|n| n.id == id);
    doc.scenario.retain(|s| there(&s.node));
    doc.objectives
        .retain(|o| o.node.as_deref().is_none_or(there));
}

fn connect(doc: &mut Document, wire: Wire) -> Result<(), String> {
    if doc.wires.contains(&wire) {
        return Err(format!(
            "there is already a wire from `{}` to `{}`",
            wire.from, wire.to
        ));
    }
    doc.wires.push(wire);
    Ok(())
}

fn disconnect(doc: &mut Document, key: &WireKey) {
    doc.wires.retain(|w| w.from != key.0 || w.to != key.1);
}

fn rewire(doc: &mut Document, old: &WireKey, new: Wire) -> Result<(), String> {
    if doc.wires.contains(&new) {
        return Err(format!(
            "there is already a wire from `{}` to `{}`",
            new.from, new.to
        ));
    }
    match doc
        .wires
        .iter_mut()
        .find(|w| w.from == old.0 && w.to == old.1)
    {
        Some(wire) => *wire = new,
        None => doc.wires.push(new),
    }
    Ok(())
}

fn rename(doc: &mut Document, from: &str, to: &str) -> Result<(), String> {
    if !weir_engine::document::is_id(to) {
        return Err(format!(
            "`{to}` is not an id: use lower-case letters, digits and hyphens, a letter first, at most 64"
        ));
    }
    if doc.node(to).is_some() {
        return Err(format!("there is already a node `{to}`: choose another id"));
    }
    to.clone_into(&mut found(doc, from)?.id);
    let swap = |end: &mut Endpoint| {
        if end.node == from {
            to.clone_into(&mut end.node);
        }
    };
    for wire in &mut doc.wires {
        swap(&mut wire.from);
        swap(&mut wire.to);
    }
    for step in doc.scenario.iter_mut().filter(|s| s.node == from) {
        to.clone_into(&mut step.node);
    }
    for objective in &mut doc.objectives {
        if objective.node.as_deref() == Some(from) {
            objective.node = Some(to.to_owned());
        }
    }
    Ok(())
}
