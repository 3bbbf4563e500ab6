//! The drawing's file: opened, saved, guarded, kept from being lost.

mod pick;
mod recovery;
mod save;

#[cfg(test)]
mod kill_tests;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::ViewportCommand;
use weir_engine::data::Root;
use weir_engine::disk::{self, Temporary};
use weir_engine::document::Document;

use self::pick::Picker;
pub use self::pick::{FileChoice, FileDialogs, FileReply, FileWish};
pub(crate) use self::pick::{SystemDialogs, Wanted};
use self::recovery::Recovery;
pub(crate) use self::recovery::{Found, Origin};
use super::Designer;
use super::Setup;
use super::command::Command;
use super::cx::{Act, Subject, Tone, Work};
use super::dialogs::{Dialog, Message, Question};
use super::edit::{Edit, History, Selection, Settings};
use super::i18n::{Lang, set_lang, tr, tr_in, trf};
use super::report::address;
use crate::failure::Failure;
use crate::open::Opened;
use crate::templates::{self, Template};

/// Where the drawing lives.
pub(crate) struct Files {
    path: Option<PathBuf>,
    root: Root,
    /// Where data files are that the drawing reads: its own folder, or that of the unpacked template.
    folder: Option<PathBuf>,
    /// Data files of a template while it has no folder of its own.
    unpacked: Option<Temporary>,
    template: Option<&'static Template>,
    /// The file's text as it was read, and what it holds: written back unchanged while nothing was changed.
    read: Option<(Arc<Document>, String)>,
    recovery: Recovery,
    picker: Picker,
    /// Who asks for files; our own dialog where there is nobody.
    dialogs: Option<Arc<dyn FileDialogs>>,
    /// What is to be written once a place was chosen: its proposed name and its bytes.
    export: Option<(String, Vec<u8>)>,
    /// It is opened when it is written.
    pub(super) open_exported: bool,
    /// What the person wanted to do when asked to save first.
    after_save: Option<Leave>,
    /// The window may be closed.
    closing: bool,
    /// The window's title as the system knows it.
    title: String,
}

/// What a person wants to do that throws the drawing away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Begin anew.
    New,
    /// Open a file, a folder or a template; and run it at once.
    Open { name: String, run: bool },
    /// Close the window.
    Quit,
}

impl Leave {
    /// Opens `name`.
    pub(crate) fn open(name: impl Into<String>) -> Self {
        Self::Open {
            name: name.into(),
            run: false,
        }
    }
    /// What the question about unsaved changes says.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::New => tr("files.leave_new"),
            Self::Open { .. } => tr("files.leave_open"),
            Self::Quit => tr("files.leave_quit"),
        }
    }
}

/// The answer to the question about unsaved changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Save,
    ThrowAway,
    Cancel,
}

/// Something that dialogs ask of files.
#[derive(Debug, Clone)]
pub(crate) enum FileAct {
    /// Open it, and run it at once; asks about unsaved changes first.
    Open { name: String, run: bool },
    /// Ask for a place and write these bytes there; the name is a proposal.
    Export(String, Vec<u8>),
    /// Ask for a file or a folder.
    Pick(Wanted),
    /// This one was chosen.
    Picked(Wanted, PathBuf),
    /// Unsaved changes were asked about.
    Leave(Leave, Answer),
    /// Go on with a drawing that was left behind.
    Restore(Found),
    /// Throw it away.
    Discard(Found),
    /// A recent file is not wanted in the list any more.
    Forget(PathBuf),
}

impl Files {
    /// No file yet.
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            path: None,
            root: Root::samples_only(),
            folder: None,
            unpacked: None,
            template: None,
            read: None,
            recovery: Recovery::new(setup.recovery.clone()),
            picker: Picker::default(),
            dialogs: setup.dialogs.clone(),
            export: None,
            open_exported: false,
            after_save: None,
            closing: false,
            title: String::new(),
        }
    }
    /// The file, when there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
    /// Where the drawing may read files.
    pub(crate) const fn root(&self) -> &Root {
        &self.root
    }
    /// Where data files of the drawing are.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        self.folder.clone()
    }
    /// Keeps an unsaved drawing for the next start. Returns when to look again.
    pub(crate) fn autosave(&mut self, history: &History, seconds: u32) -> Option<Duration> {
        if self.closing || !history.is_dirty() {
            self.recovery.forget();
            return None;
        }
        let (path, template) = (&self.path, self.template);
        let origin = || Origin {
            path: path.clone(),
            template: template.map(|t| t.id.to_owned()),
        };
        let wait = Duration::from_secs(seconds.into());
        self.recovery
            .keep(Instant::now(), history.doc(), wait, origin)
    }
    /// The drawing's home from now on.
    fn settle(&mut self, path: PathBuf) {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        self.root = Root::new(&folder);
        self.folder = Some(folder);
        self.path = Some(path);
        self.template = None;
        self.unpacked = None;
    }
    fn reset(&mut self) {
        self.path = None;
        self.root = Root::samples_only();
        self.folder = None;
        self.template = None;
        self.unpacked = None;
        self.read = None;
    }
}

impl Designer {
    /// The first drawing, and what is shown over it.
    pub(super) fn begin(&mut self, setup: &Setup) {
        set_lang(self.prefs.lang);
        self.replace(Document::new(tr("files.untitled")));
        let opened = match &setup.file {
            Some(name) => self.load(name),
            None => {
                self.stand_ready();
                false
            }
        };
        let found = self.files.recovery.found();
        if !found.is_empty() {
            self.dialogs.ask(Question::Recovered(found));
        }
        if setup.tour && !self.prefs.tour_done {
            self.dialogs.open(Dialog::Tour);
        } else if !opened {
            self.dialogs.open(Dialog::Gallery);
        }
    }

    /// Something to run behind the gallery: the file of last time, else a template.
    fn stand_ready(&mut self) {
        let last = self.prefs.recent_files.first();
        let last = last.map(|p| p.display().to_string());
        let mut names = last.into_iter().chain([templates::FIRST.to_owned()]);
        if let Some(opened) = names.find_map(|name| crate::open::open(&name).ok()) {
            self.take(opened);
        }
    }

    /// Opens `name`: a file, a folder or a template. False when it cannot be; the drawing stays then.
    pub(super) fn load(&mut self, name: &str) -> bool {
        match crate::open::open(name) {
            Ok(opened) => {
                self.take(opened);
                true
            }
            Err(failure) => {
                self.refuse(name, &failure);
                false
            }
        }
    }

    fn take(&mut self, opened: Opened) {
        let Opened {
            mut doc,
            root,
            path,
            template,
            unpacked,
        } = opened;
        if let Some(template) = template.filter(|_| self.prefs.lang == Lang::Ko) {
            template.name_in_korean(&mut doc);
        }
        self.replace(doc);
        let files = &mut self.files;
        files.root = root;
        files.template = template;
        files.folder = path.parent().map(Path::to_owned);
        files.unpacked = unpacked;
        if template.is_none() {
            let text = fs::read_to_string(&path).ok();
            files.read = text.map(|text| (Arc::clone(self.history.doc()), text));
            let path = fs::canonicalize(&path).unwrap_or(path);
            self.prefs.remember_file(&path);
            files.path = Some(path);
        }
    }

    /// Goes over to another document; what was drawn is not kept.
    fn replace(&mut self, doc: Document) {
        self.files.recovery.forget();
        self.show_document(doc);
    }

    fn show_document(&mut self, doc: Document) {
        self.files.reset();
        self.live.forget();
        self.history = History::new(doc);
        self.selection = Selection::default();
        self.cursor = None;
        self.checker.reset();
        self.canvas.fit_soon();
    }

    fn refuse(&mut self, name: &str, failure: &Failure) {
        let path = Path::new(name);
        if !path.exists() {
            self.prefs.recent_files.retain(|p| p != path);
        }
        let is_path = path.components().count() > 1 || path.extension().is_some();
        let text = if is_path && !path.exists() {
            trf("files.not_there", &[("path", &name)])
        } else {
            failure.plain()
        };
        self.dialogs.tell(Message {
            title: tr("files.cannot_open").to_owned(),
            text,
        });
    }

    /// Does `leave` at once, or asks when changes would be lost.
    pub(super) fn guarded(&mut self, leave: Leave) {
        if self.history.is_dirty() {
            self.dialogs.ask(Question::Leave(leave));
        } else {
            self.leave(leave);
        }
    }

    fn leave(&mut self, leave: Leave) {
        match leave {
            Leave::New => {
                self.replace(Document::new(tr("files.untitled")));
                self.dialogs.close();
            }
            Leave::Open { name, run } => {
                if self.load(&name) {
                    self.dialogs.close();
                    if run {
                        self.acts
                            .borrow_mut()
                            .push(Act::Begin(Work::Run { paused: false }));
                    }
                }
            }
            Leave::Quit => {
                self.files.closing = true;
                self.files.recovery.forget();
            }
        }
    }

    pub(super) fn file_act(&mut self, ctx: &egui::Context, act: FileAct) {
        match act {
            FileAct::Open { name, run } => self.guarded(Leave::Open { name, run }),
            FileAct::Export(name, bytes) => {
                self.files.open_exported = false;
                self.files.export = Some((save::plain_name(&name), bytes));
                self.pick(Wanted::Export);
            }
            FileAct::Pick(wanted) => self.pick(wanted),
            FileAct::Picked(wanted, path) => self.picked(ctx, wanted, path),
            FileAct::Leave(leave, Answer::Save) => {
                self.files.after_save = Some(leave);
                self.file_command(ctx, Command::Save);
            }
            FileAct::Leave(leave, Answer::ThrowAway) => self.leave(leave),
            FileAct::Leave(_, Answer::Cancel) => self.files.after_save = None,
            FileAct::Restore(found) => self.restore(&found),
            FileAct::Discard(found) => Recovery::discard(&found),
            FileAct::Forget(path) => self.prefs.recent_files.retain(|p| *p != path),
        }
    }

    pub(super) fn file_command(&mut self, _ctx: &egui::Context, command: Command) {
        match (command, self.files.path.clone()) {
            (Command::New, _) => self.guarded(Leave::New),
            (Command::Quit, _) => self.guarded(Leave::Quit),
            (Command::Open, _) => self.pick(Wanted::Open),
            (Command::Save, Some(path)) => self.save_to(&path),
            _ => self.pick(Wanted::Save),
        }
    }

    /// Asks for a file: by the system's dialog, or by our own where it has none.
    fn pick(&mut self, wanted: Wanted) {
        let (name, folder) = (self.proposed_name(wanted), self.folder());
        let files = &mut self.files;
        let is_asked = files
            .dialogs
            .as_deref()
            .is_some_and(|d| files.picker.ask(d, wanted, folder.as_deref(), &name));
        if !is_asked {
            self.ask_path(wanted);
        }
    }

    fn proposed_name(&self, wanted: Wanted) -> String {
        match (wanted, &self.files.export) {
            (Wanted::Export, Some((name, _))) => name.clone(),
            _ => save::file_name(&self.history.doc().name),
        }
    }

    fn ask_path(&mut self, wanted: Wanted) {
        let name = self.proposed_name(wanted);
        let folder = self
            .folder()
            .or_else(|| std::env::current_dir().ok())
            .unwrap_or_default();
        let start = match (wanted, &self.files.path) {
            (Wanted::Save, Some(path)) => path.clone(),
            (Wanted::Save | Wanted::Export, _) => folder.join(name),
            _ => folder,
        };
        self.dialogs.ask(Question::Path(wanted, start));
    }

    /// Where a dialog begins: by the drawing's file, or by the one opened last.
    fn folder(&self) -> Option<PathBuf> {
        let last = self.prefs.recent_files.first();
        let file = self.files.path.as_ref().or(last)?;
        file.parent().map(Path::to_owned)
    }

    fn save_to(&mut self, path: &Path) {
        let path = save::target(path);
        self.name_after(&path);
        let doc = Arc::clone(self.history.doc());
        let unchanged = self.files.read.as_ref().filter(|(read, _)| **read == *doc);
        let text = unchanged.map_or_else(|| doc.to_json_pretty(), |(_, text)| text.clone());
        if let Err(e) = disk::save(&path, text.as_bytes()) {
            self.files.after_save = None;
            self.dialogs.tell(Message {
                title: tr("files.cannot_save").to_owned(),
                text: trf(
                    "files.save_failed",
                    &[("path", &path.display()), ("why", &e)],
                ),
            });
            return;
        }
        let path = fs::canonicalize(&path).unwrap_or(path);
        self.bring_data(&doc, &path);
        self.files.settle(path.clone());
        self.files.read = Some((doc, text));
        self.files.recovery.forget();
        self.history.mark_saved();
        self.checker.reset();
        self.prefs.remember_file(&path);
        self.toasts
            .push(Tone::Good, trf("files.saved", &[("path", &path.display())]));
        if let Some(leave) = self.files.after_save.take() {
            self.leave(leave);
        }
    }

    /// Writes what a plot or a table gave.
    fn export_to(&mut self, ctx: &egui::Context, path: &Path) {
        let Some((name, bytes)) = self.files.export.take() else {
            return;
        };
        let path = if path.is_dir() {
            path.join(name)
        } else {
            path.to_owned()
        };
        match disk::save(&path, &bytes) {
            Ok(()) => {
                self.toasts
                    .push(Tone::Good, trf("files.saved", &[("path", &path.display())]));
                if std::mem::take(&mut self.files.open_exported) {
                    let path = fs::canonicalize(&path).unwrap_or(path);
                    ctx.open_url(egui::OpenUrl::new_tab(address(&path)));
                }
            }
            Err(why) => {
                let text = [("path", &path.display() as _), ("why", &why as _)];
                self.toasts
                    .push(Tone::Bad, trf("files.export_failed", &text));
            }
        }
    }

    /// A drawing that nobody named is called as its file.
    fn name_after(&mut self, path: &Path) {
        let doc = self.history.doc();
        let is_untitled = [Lang::En, Lang::Ko]
            .iter()
            .any(|l| tr_in(*l, "files.untitled") == doc.name);
        let stem = path
            .file_stem()
            .and_then(|s| s.to_str())
            .filter(|s| *s != "pipeline");
        if let Some(stem) = stem.filter(|_| is_untitled || doc.name.is_empty()) {
            let settings = Settings {
                name: stem.to_owned(),
                ..Settings::of(doc)
            };
            self.edit(Edit::Settings(settings));
        }
    }

    fn bring_data(&mut self, doc: &Document, path: &Path) {
        let (Some(from), Some(to)) = (self.files.folder.as_deref(), path.parent()) else {
            return;
        };
        let beside = save::copy_data(doc, from, to);
        if beside.copied > 0 {
            self.toasts.push(
                Tone::Info,
                trf("files.data_copied", &[("count", &beside.copied)]),
            );
        }
        if !beside.failed.is_empty() {
            let what = beside.failed.join(", ");
            self.toasts
                .push(Tone::Bad, trf("files.data_not_copied", &[("what", &what)]));
        }
    }

    /// Goes on with a drawing that was left behind; it counts as unsaved.
    fn restore(&mut self, found: &Found) {
        let doc = match self.files.recovery.adopt(found) {
            Ok(doc) => doc,
            Err(why) => {
                self.dialogs.tell(Message {
                    title: tr("files.cannot_open").to_owned(),
                    text: why,
                });
                return;
            }
        };
        self.show_document(doc);
        self.history.mark_unsaved();
        let template = found.origin.template.as_deref().and_then(templates::find);
        match (
            &found.origin.path,
            template.map(|t| crate::open::open(t.id)),
        ) {
            (Some(path), _) => self.files.settle(path.clone()),
            (None, Some(Ok(opened))) => {
                self.files.root = opened.root;
                self.files.folder = opened.path.parent().map(Path::to_owned);
                self.files.template = opened.template;
                self.files.unpacked = opened.unpacked;
            }
            _ => {}
        }
        self.dialogs.close();
    }

    /// The next frame's part of files: answers of dialogs, dropped files, the window's title and its closing.
    pub(super) fn files_frame(&mut self, ctx: &egui::Context) {
        self.answered(ctx);
        self.dropped(ctx);
        self.close_requested(ctx);
        let title = self.title();
        if title != self.files.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.files.title = title;
        }
    }

    fn answered(&mut self, ctx: &egui::Context) {
        let Some((wanted, choice)) = self.files.picker.poll(ctx) else {
            return;
        };
        match (choice, wanted) {
            (FileChoice::File(path), wanted) => self.picked(ctx, wanted, path),
            (FileChoice::NoDialog, wanted) => self.ask_path(wanted),
            (FileChoice::Nothing, Wanted::Export) => self.files.export = None,
            (FileChoice::Nothing, Wanted::Open | Wanted::Save) => self.files.after_save = None,
            (FileChoice::Nothing, _) => {}
        }
    }

    /// A file or a folder was chosen.
    fn picked(&mut self, ctx: &egui::Context, wanted: Wanted, path: PathBuf) {
        match wanted {
            Wanted::Open => self.guarded(Leave::open(path.display().to_string())),
            Wanted::Save => self.save_to(&path),
            Wanted::Export => self.export_to(ctx, &path),
            Wanted::Run => self.panels.compare.open(ctx, path),
            Wanted::Report | Wanted::Ended => {
                self.begin_work(ctx, Work::Verify(Subject::Place(path)));
            }
            Wanted::Data => self.panels.checks.set_data(path),
        }
    }

    fn dropped(&mut self, ctx: &egui::Context) {
        let first = ctx.input(|i| {
            let file = i.raw.dropped_files.first()?;
            Some((file.path().to_owned(), i.raw.dropped_files.len()))
        });
        let Some((path, count)) = first else { return };
        if count > 1 {
            self.toasts
                .push(Tone::Info, tr("files.dropped_many").to_owned());
        }
        self.guarded(Leave::open(path.display().to_string()));
    }

    fn close_requested(&mut self, ctx: &egui::Context) {
        if ctx.input(|i| i.viewport().close_requested()) && !self.files.closing {
            if self.history.is_dirty() {
                ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            }
            self.guarded(Leave::Quit);
        }
    }

    /// Closes the window when the person has decided so. Called at the end of a frame.
    pub(super) fn close_if_decided(&self, ctx: &egui::Context) {
        if self.files.closing && !ctx.input(|i| i.viewport().close_requested()) {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// What stands over the window: a mark while unsaved, the drawing's name, its file.
    fn title(&self) -> String {
        let mark = if self.history.is_dirty() { "● " } else { "" };
        let name = match self.history.doc().name.as_str() {
            "" => tr("files.untitled"),
            name => name,
        };
        let file = self.files.path.as_deref().and_then(Path::file_name);
        let file = file.map_or_else(String::new, |f| format!(" ({})", f.display()));
        format!("{mark}{name}{file} - Weir")
    }
}
