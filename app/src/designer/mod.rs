//! The designer: the window over the engine. A view over a document and a run, through edits, commands and immutable
//! snapshots; it names no service of its own.
//!
//! Panels read [`cx::Cx`] and ask for things as [`cx::Act`]s; [`dispatch`] does them after the frame, so that everything
//! that a person can do is in one place and nothing changes while it is drawn.

mod background;
mod canvas;
mod command;
mod cx;
mod dialogs;
mod differences;
mod dispatch;
mod edit;
mod files;
mod findings;
mod frame;
pub mod headless;
mod i18n;
mod inspector;
mod live;
mod panels;
mod panes;
mod prefs;
mod presenter;
mod query;
mod regions;
mod report;
mod settings;
mod theme;
mod toasts;
mod widgets;
mod window;
mod work;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use weir_engine::document::Document;
use weir_engine::runtime::{Pace, RunSnapshot};

use self::canvas::Canvas;
use self::cx::{Act, Cx, Tone};
use self::dialogs::Dialogs;
use self::edit::{History, Selection};
use self::files::Files;
use self::findings::Checker;
use self::i18n::trf;
use self::inspector::Inspector;
use self::live::Live;
use self::panels::Panels;
use self::panes::Pane;
use self::prefs::Prefs;
use self::toasts::Toasts;

pub use self::files::{FileChoice, FileDialogs, FileReply, FileWish};
pub use self::i18n::Lang;
pub(crate) use self::window::open;

/// How a designer begins.
#[derive(Debug, Clone)]
pub struct Setup {
    /// A file, a folder or the id of a template to open; the gallery when there is none.
    pub file: Option<String>,
    /// Language of the interface; what the person chose last when there is none.
    pub lang: Option<Lang>,
    /// Dark or light; what the person chose last when there is none.
    pub dark: Option<bool>,
    /// Things move: off for pictures and tests.
    pub motion: bool,
    /// Where autosaved drawings are kept; nowhere when there is none.
    pub recovery: Option<std::path::PathBuf>,
    /// Who asks for files; the designer's own dialog when there is nobody.
    pub dialogs: Option<Arc<dyn FileDialogs>>,
    /// Show the tour to a person who has not seen it.
    pub tour: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            file: None,
            lang: None,
            dark: None,
            motion: true,
            recovery: None,
            dialogs: None,
            tour: true,
        }
    }
}

/// The designer's whole state.
pub struct Designer {
    history: History,
    selection: Selection,
    checker: Checker,
    live: Live,
    files: Files,
    prefs: Prefs,
    presenter: bool,
    /// The size of the window in presenter mode, for which the drawing was fitted into it.
    presented: Option<egui::Vec2>,
    cursor: Option<f64>,
    panes: egui_tiles::Tree<Pane>,
    canvas: Canvas,
    inspector: Inspector,
    panels: Panels,
    dialogs: Dialogs,
    toasts: Toasts,
    reporter: report::Reporter,
    differences: Option<differences::Differences>,
    acts: RefCell<Vec<Act>>,
}

impl Designer {
    /// A designer in the window of `ctx`. `storage` holds what the person chose last.
    #[must_use]
    pub fn new(ctx: &egui::Context, setup: &Setup, storage: Option<&dyn eframe::Storage>) -> Self {
        theme::install_fonts(ctx);
        egui_extras::install_image_loaders(ctx);
        let mut prefs: Prefs = storage
            .and_then(|s| eframe::get_value(s, PREFS_KEY))
            .unwrap_or_default();
        prefs.lang = setup.lang.unwrap_or(prefs.lang);
        prefs.dark = setup.dark.unwrap_or(prefs.dark);
        prefs.motion &= setup.motion;
        let panes = storage
            .and_then(|s| eframe::get_value(s, PANES_KEY))
            .unwrap_or_else(panes::default_tree);
        let wake = ctx.clone();
        let mut designer = Self {
            history: History::new(Document::new("")),
            selection: Selection::default(),
            checker: Checker::new(move || wake.request_repaint()),
            live: Live::default(),
            files: Files::new(setup),
            prefs,
            presenter: false,
            presented: None,
            cursor: None,
            panes,
            canvas: Canvas::default(),
            inspector: Inspector::default(),
            panels: Panels::default(),
            dialogs: Dialogs::default(),
            toasts: Toasts::default(),
            reporter: report::Reporter::default(),
            differences: None,
            acts: RefCell::default(),
        };
        designer.begin(setup);
        designer
    }

    /// The document as it is now.
    #[must_use]
    pub fn document(&self) -> &Document {
        self.history.doc()
    }
    /// The latest snapshot of the run.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Arc<RunSnapshot>> {
        self.live.view.snapshot.as_ref()
    }
    /// True while a run goes on, is being started or is being finished.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !matches!(self.live.view.phase, live::Phase::Idle | live::Phase::Ended)
    }
    /// True while the canvas marks where two drawings differ.
    #[must_use]
    pub const fn shows_differences(&self) -> bool {
        self.differences.is_some()
    }
    /// Runs that have ended and are kept.
    #[must_use]
    pub const fn past_runs(&self) -> usize {
        self.live.view.past.len()
    }
    /// Why the last run could not start or finish.
    #[must_use]
    pub fn run_error(&self) -> Option<&str> {
        self.live.view.error.as_deref()
    }
    /// Problems that the check found in the drawing, as sentences.
    #[must_use]
    pub fn problems(&mut self) -> Vec<String> {
        self.checker
            .latest()
            .problems
            .iter()
            .map(ToString::to_string)
            .collect()
    }
    /// True when a check of the newest document is under way.
    #[must_use]
    pub fn is_checking(&self) -> bool {
        self.checker.is_behind()
    }
    /// Names of the steps that can be undone, the latest last.
    #[must_use]
    pub fn undo_names(&self) -> Vec<String> {
        self.history
            .undo_steps()
            .iter()
            .map(|s| s.name.clone())
            .collect()
    }

    /// Where a port, written `node.port`, was drawn in the latest frame, on the screen.
    #[must_use]
    pub fn port_position(&self, port: &str) -> Option<egui::Pos2> {
        self.canvas.port_position(port)
    }

    /// Looks after threads. Called before each frame, and while the window is hidden.
    pub fn logic(&mut self, ctx: &egui::Context) {
        let wake = ctx.clone();
        self.live.poll(move || wake.request_repaint());
        self.show_report(ctx);
        self.with_cx(|parts, cx| parts.panels.look(cx));
        self.checker.ask(
            self.history.doc(),
            self.files.root(),
            self.history.revision(),
        );
        if let Some(wait) = self
            .files
            .autosave(&self.history, self.prefs.autosave_seconds)
        {
            ctx.request_repaint_after(wait);
        }
        if self.is_busy() {
            // The next snapshot. A run that goes as fast as it can needs the processors itself: it is looked at less often.
            ctx.request_repaint_after(match self.live.view.pace {
                Pace::Max => CADENCE_AT_MAX,
                Pace::Times(_) => live::CADENCE,
            });
        }
    }

    /// Keeps what the person chose.
    pub fn store(&self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, PREFS_KEY, &self.prefs);
        eframe::set_value(storage, PANES_KEY, &self.panes);
    }

    /// Says that the person's choices cannot be kept.
    fn cannot_keep(&mut self, file: &std::path::Path, why: &std::io::Error) {
        let text = [("path", &file.display() as _), ("why", why as _)];
        self.toasts
            .push(Tone::Bad, trf("files.settings_failed", &text));
    }

    /// Calls `show` with what panels may read.
    fn with_cx<R>(&mut self, show: impl FnOnce(&mut Parts<'_>, &Cx<'_>) -> R) -> R {
        let findings = Arc::clone(self.checker.latest());
        let cx = Cx {
            doc: self.history.doc(),
            history: &self.history,
            findings: &findings,
            selection: &self.selection,
            run: &self.live.view,
            prefs: &self.prefs,
            path: self.files.path(),
            root: self.files.root(),
            presenter: self.presenter,
            cursor: self.cursor,
            differences: self.differences.as_ref(),
            acts: &self.acts,
        };
        let mut parts = Parts {
            panes: &mut self.panes,
            canvas: &mut self.canvas,
            inspector: &mut self.inspector,
            panels: &mut self.panels,
            dialogs: &mut self.dialogs,
            toasts: &mut self.toasts,
        };
        show(&mut parts, &cx)
    }
}

/// Host time between two looks at a run that goes as fast as it can.
pub(crate) const CADENCE_AT_MAX: Duration = Duration::from_millis(50);
const PREFS_KEY: &str = "weir-prefs";
const PANES_KEY: &str = "weir-panes";

/// What is drawn and keeps state of its own between frames.
struct Parts<'a> {
    panes: &'a mut egui_tiles::Tree<Pane>,
    canvas: &'a mut Canvas,
    inspector: &'a mut Inspector,
    panels: &'a mut Panels,
    dialogs: &'a mut Dialogs,
    toasts: &'a mut Toasts,
}
