//! What is wrong with the drawing and what is known of its records, found in the background after each change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use weir_engine::check::{NodeSchemas, check};
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::node::{Problem, Severity};
use weir_engine::services;

use super::i18n::said;

/// The result of a check.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The revision of the document that was looked at.
    pub(crate) revision: u64,
    pub(crate) problems: Vec<Problem>,
    /// What is known of the records at the ports of each node.
    pub(crate) schemas: BTreeMap<String, NodeSchemas>,
}

impl Findings {
    /// Problems of one node.
    pub(crate) fn of_node<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Problem> {
        self.problems.iter().filter(move |p| p.node == id)
    }
    /// Problems of one parameter.
    pub(crate) fn of_field<'a>(
        &'a self,
        node: &'a str,
        field: &'a str,
    ) -> impl Iterator<Item = &'a Problem> {
        // A problem of an entry of a list belongs to the list.
        let own = move |p: &&Problem| p.field == field || p.field.starts_with(&format!("{field}["));
        self.of_node(node).filter(own)
    }
    /// How many problems forbid a run.
    pub(crate) fn errors(&self) -> usize {
        self.count(Severity::Error)
    }
    /// How many do not.
    pub(crate) fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }
    fn count(&self, severity: Severity) -> usize {
        self.problems
            .iter()
            .filter(|p| p.severity == severity)
            .count()
    }
}

struct Task {
    doc: Arc<Document>,
    root: Root,
    revision: u64,
}

/// Checks documents on a thread of its own; of several that wait only the newest is looked at.
pub(crate) struct Checker {
    tasks: Sender<Task>,
    results: Receiver<Findings>,
    asked: Option<u64>,
    latest: Arc<Findings>,
}

impl Checker {
    /// Starts the thread. `wake` is called after each result.
    pub(crate) fn new(wake: impl Fn() + Send + 'static) -> Self {
        let (tasks, incoming) = channel::<Task>();
        let (outgoing, results) = channel();
        let work = move || {
            while let Ok(mut task) = incoming.recv() {
                while let Ok(newer) = incoming.try_recv() {
                    task = newer;
                }
                let checked = check(&task.doc, services::ALL, &task.root);
                let found = Findings {
                    revision: task.revision,
                    problems: checked.problems,
                    schemas: checked.schemas,
                };
                if outgoing.send(found).is_err() {
                    return;
                }
                wake();
            }
        };
        // Without a thread nothing is found; the run itself still checks.
        let _thread = std::thread::Builder::new()
            .name("weir-check".to_owned())
            .spawn(work);
        Self {
            tasks,
            results,
            asked: None,
            latest: Arc::default(),
        }
    }
    /// Asks for a check of `doc` unless this revision was asked for.
    pub(crate) fn ask(&mut self, doc: &Arc<Document>, root: &Root, revision: u64) {
        if self.asked == Some(revision) {
            return;
        }
        self.asked = Some(revision);
        let task = Task {
            doc: Arc::clone(doc),
            root: root.clone(),
            revision,
        };
        let _gone = self.tasks.send(task);
    }
    /// Another document: revisions begin anew.
    pub(crate) fn reset(&mut self) {
        self.asked = None;
    }
    /// The newest result.
    pub(crate) fn latest(&mut self) -> &Arc<Findings> {
        while let Ok(found) = self.results.try_recv() {
            self.latest = Arc::new(found);
        }
        &self.latest
    }
    /// True when the newest document was not looked at yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.asked.is_some_and(|r| r != self.latest.revision)
    }
}

/// The problem in one line: where, what, and what would be right.
pub(crate) fn told(problem: &Problem) -> String {
    let place = match (problem.node.as_str(), problem.field.as_str()) {
        ("", "") => String::new(),
        (place, "") | ("", place) => format!("{place}: "),
        (node, field) => format!("{node}.{field}: "),
    };
    let mend = match problem.mend.as_str() {
        "" => String::new(),
        mend => format!(" ({})", said(mend)),
    };
    format!("{place}{}{mend}", said(&problem.message))
}
