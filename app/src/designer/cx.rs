//! What a panel sees, read only, and what it may ask for.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use weir_engine::document::Document;
use weir_engine::node::{AnyKind, KindSpec};
use weir_engine::runtime::{Breakpoint, Command as RunCommand, Pace};
use weir_engine::services;
use weir_engine::session::CodeText;

use super::command::Command;
use super::differences::Differences;
use super::edit::{Edit, History, Item, Selection};
use super::files::FileAct;
use super::findings::Findings;
use super::live::{Finished, PastRun, RunView};
use super::panes::Pane;
use super::prefs::Prefs;
use super::query::Which;

/// Everything that panels read. Made anew each frame.
pub(crate) struct Cx<'a> {
    pub(crate) doc: &'a Document,
    pub(crate) history: &'a History,
    pub(crate) findings: &'a Findings,
    pub(crate) selection: &'a Selection,
    pub(crate) run: &'a RunView,
    pub(crate) prefs: &'a Prefs,
    /// The file of the drawing, when it has one.
    pub(crate) path: Option<&'a std::path::Path>,
    /// Where the drawing may read files.
    pub(crate) root: &'a weir_engine::data::Root,
    /// Presenter mode is on.
    pub(crate) presenter: bool,
    /// The instant, in virtual seconds, that the cursor of all plots and lists stands at.
    pub(crate) cursor: Option<f64>,
    /// Where two drawings differ, while it is shown.
    pub(crate) differences: Option<&'a Differences>,
    pub(crate) acts: &'a RefCell<Vec<Act>>,
}

impl Cx<'_> {
    /// Asks for something; done after the frame.
    pub(crate) fn act(&self, act: Act) {
        self.acts.borrow_mut().push(act);
    }
    /// Asks for a change of the document.
    pub(crate) fn edit(&self, edit: Edit) {
        self.act(Act::Edit(Box::new(edit)));
    }
    /// The kind of the node `id`.
    pub(crate) fn kind_of(&self, id: &str) -> Option<&'static dyn AnyKind> {
        services::kind(&self.doc.node(id)?.kind)
    }
    /// What the kind of the node `id` declares.
    pub(crate) fn spec_of(&self, id: &str) -> Option<&'static KindSpec> {
        Some(self.kind_of(id)?.spec())
    }
}

/// How a message looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Info,
    Good,
    Bad,
}

/// Work that runs a drawing, and so the code in it.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// The run of the window; paused if so.
    Run { paused: bool },
    /// The sweep that stands in its form.
    Sweep,
    /// The drawing with several seeds.
    Repeat,
    /// The drawing against what is expected of it.
    Test,
    /// Two and ten times the traffic of a run that has ended.
    Traffic(Arc<PastRun>),
    /// The run, report or sweep again.
    Verify(Subject),
}

/// What is verified.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// A run that has ended, whose folder may go with it.
    Past(Arc<PastRun>),
    /// The page of a report, the folder of a run or of a sweep.
    Place(PathBuf),
}

/// Something that a panel asks for.
#[derive(Debug)]
pub(crate) enum Act {
    /// Change the document.
    Edit(Box<Edit>),
    /// The gesture has ended: the next edit is a step of its own.
    Seal,
    /// Select this.
    Select(Selection),
    /// Do a command.
    Do(Command),
    /// Ask the run for something.
    Run(RunCommand),
    /// Let virtual time pass this fast.
    Pace(Pace),
    /// Wait after every event that the breakpoint names, in this run and later ones; at none any more.
    Break(Option<Breakpoint>),
    /// Begin work that runs a drawing; asks first when its code is not known.
    Begin(Work),
    /// Ask whether this code may run, and begin the work when it may.
    AskCode(Vec<CodeText>, Work),
    /// The person has read this code, named by its content, and lets it run: begin the work.
    AllowCode(Vec<String>, Work),
    /// Bring a pane to the front.
    Show(Pane),
    /// Select the node, bring it into view; the cursor goes to the moment, in virtual seconds.
    Reveal { item: Item, at: Option<f64> },
    /// Put the cursor of all plots and lists at this virtual second.
    Cursor(Option<f64>),
    /// Change what the person chose.
    Prefs(Box<Prefs>),
    /// Tell the person what happened elsewhere.
    Toast(Tone, String),
    /// Open the file; asks about unsaved changes first.
    OpenFile(PathBuf),
    /// Open the template; asks about unsaved changes first.
    OpenTemplate(&'static str),
    /// Put a statement into the SQL console, over this run, and run it.
    Query(String, Which),
    /// Do something with the drawing's file.
    File(FileAct),
    /// Undo or redo until this many steps are done.
    GoTo(usize),
    /// Put text on the system's clipboard.
    Copy(String),
    /// Show a run that has ended in all plots, and the one of this number over it.
    Overlay { shown: Arc<PastRun>, over: u64 },
    /// Take a finished run from elsewhere among the earlier ones.
    Adopt(Box<Finished>),
    /// Show on the canvas where two drawings differ, or show it no longer.
    Differences(Option<Differences>),
    /// Vary this parameter in a sweep.
    Vary { node: String, param: String },
}
