//! What can be looked at: wires with records on them, and results that nodes show.

use weir_engine::runtime::WireSnapshot;

use crate::designer::cx::Cx;
use crate::designer::i18n::trf;

/// Something with rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// The last records of a wire, by the node and port at both ends.
    Wire {
        from: (String, String),
        to: (String, String),
    },
    /// The result table of a node.
    Result(String),
}

impl Subject {
    pub(super) fn wire(from: (&str, &str), to: (&str, &str)) -> Self {
        let own = |end: (&str, &str)| (end.0.to_owned(), end.1.to_owned());
        Self::Wire {
            from: own(from),
            to: own(to),
        }
    }
    pub(super) fn is_wire(&self, wire: &WireSnapshot) -> bool {
        let Self::Wire { from, to } = self else {
            return false;
        };
        wire.from.0 == from.0 && wire.from.1 == from.1 && wire.to.0 == to.0 && wire.to.1 == to.1
    }
    /// In words.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Wire { from, to } => format!("{}.{} → {}.{}", from.0, from.1, to.0, to.1),
            Self::Result(node) => trf("data.result_of", &[("node", node)]),
        }
    }
    /// In words beside the name of `node`: only what is at the other end.
    pub(super) fn label_beside(&self, node: &str) -> String {
        match self {
            Self::Wire { from, to } if from.0 == node => format!("{} → {}", from.1, to.0),
            Self::Wire { from, to } => format!("{} → {}", from.0, to.1),
            Self::Result(_) => crate::designer::i18n::tr("data.result").to_owned(),
        }
    }
    /// A file's name for its rows.
    pub(super) fn file_name(&self) -> String {
        match self {
            Self::Wire { from, to } => format!("{}-to-{}", from.0, to.0),
            Self::Result(node) => format!("{node}-result"),
        }
    }
    fn touches(&self, node: &str) -> bool {
        match self {
            Self::Wire { from, to } => from.0 == node || to.0 == node,
            Self::Result(own) => own == node,
        }
    }
}

/// Everything that has rows in this run: results first, then wires as drawn.
pub(super) fn subjects(cx: &Cx<'_>) -> Vec<Subject> {
    let Some(snapshot) = &cx.run.snapshot else {
        return Vec::new();
    };
    let results = snapshot
        .nodes
        .iter()
        .filter(|n| n.gauges.table.is_some())
        .map(|n| Subject::Result(n.id.clone()));
    let wires = snapshot.wires.iter().filter(|w| w.last.is_some());
    let wires = wires.map(|w| Subject::wire((&w.from.0, w.from.1), (&w.to.0, w.to.1)));
    wires.chain(results).collect()
}

/// Of `all`, what the selection is about: a wire, or what a node takes, gives and shows. When the selected thing has no rows
/// yet it is offered all the same, so that the pane says so instead of showing something else.
pub(super) fn of_selection(cx: &Cx<'_>, all: &[Subject]) -> Vec<Subject> {
    if let Some((from, to)) = cx.selection.single_wire() {
        return vec![Subject::wire(
            (&from.node, &from.port),
            (&to.node, &to.port),
        )];
    }
    let Some(node) = cx.selection.single_node() else {
        return Vec::new();
    };
    let mut own: Vec<Subject> = all.iter().filter(|s| s.touches(node)).cloned().collect();
    // Results first, then what comes in, then what goes out.
    own.sort_by_key(|s| match s {
        Subject::Result(_) => 0,
        Subject::Wire { to, .. } if to.0 == node => 1,
        Subject::Wire { .. } => 2,
    });
    if own.is_empty() {
        let of = |e: &weir_engine::document::Endpoint| (e.node.clone(), e.port.clone());
        let wires = cx
            .doc
            .wires
            .iter()
            .filter(|w| w.from.node == node || w.to.node == node);
        own.extend(wires.map(|w| Subject::Wire {
            from: of(&w.from),
            to: of(&w.to),
        }));
    }
    own
}
