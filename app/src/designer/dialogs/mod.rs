//! Windows over the window: gallery, settings, command palette, cheat sheet, tour, questions.

mod about;
mod cheat_sheet;
mod fuzzy;
mod gallery;
mod palette;
mod path;
mod picture;
mod questions;
mod settings;
mod tour;

use std::path::PathBuf;

use egui::{Align, Id, Layout, RichText, Ui, Vec2};
use weir_engine::session::CodeText;

use super::cx::{Cx, Work};
use super::files::{Found, Leave, Wanted};
use super::i18n::tr;
use super::theme::{semibold, theme};
use super::widgets::icon_button;

/// A dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialog {
    Gallery,
    Settings,
    Palette,
    CheatSheet,
    Tour,
    About,
}

/// Something that must be answered before anything else.
#[derive(Debug)]
pub(crate) enum Question {
    /// Unsaved changes would be lost.
    Leave(Leave),
    /// Drawings were left behind by a crash.
    Recovered(Vec<Found>),
    /// May this code run? Begins the work if so.
    Code(Vec<CodeText>, Work),
    /// Which file: for where the system has no dialog. Begins at the path.
    Path(Wanted, PathBuf),
}

/// Something that must be known before anything else.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// Text that was typed in this frame.
fn typed(ctx: &egui::Context) -> String {
    let texts = |i: &egui::InputState| {
        let each = i.events.iter().filter_map(|e| match e {
            egui::Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        each.collect()
    };
    ctx.input(texts)
}

/// What is open: a dialog, over it a question, over it a message.
#[derive(Default)]
pub(crate) struct Dialogs {
    open: Option<Dialog>,
    question: Option<Question>,
    message: Option<Message>,
    gallery: gallery::Gallery,
    palette: palette::Palette,
    tour: tour::Tour,
    path: path::PathDialog,
}

impl Dialogs {
    /// Opens the command palette; text that came in the frame of its shortcut is for it.
    pub(crate) fn open_palette(&mut self, ctx: &egui::Context) {
        self.open(Dialog::Palette);
        self.palette.begin(typed(ctx));
    }
    /// Opens a dialog; another one that is open closes.
    pub(crate) fn open(&mut self, dialog: Dialog) {
        self.open = Some(dialog);
        match dialog {
            Dialog::Gallery => self.gallery.begin(),
            Dialog::Palette => self.palette.begin(String::new()),
            Dialog::Tour => self.tour.begin(),
            Dialog::Settings | Dialog::CheatSheet | Dialog::About => {}
        }
    }
    /// Closes the dialog; a question or a message stays.
    pub(crate) fn close(&mut self) {
        if self.open != Some(Dialog::Tour) {
            self.open = None;
        }
    }
    /// Asks a question.
    pub(crate) fn ask(&mut self, question: Question) {
        if let Question::Path(wanted, start) = &question {
            self.path.begin(*wanted, start);
        }
        self.question = Some(question);
    }
    /// Tells something.
    pub(crate) fn tell(&mut self, message: Message) {
        self.message = Some(message);
    }
    /// The question that is open.
    #[cfg(test)]
    pub(crate) const fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }
    /// The message that is open.
    #[cfg(test)]
    pub(crate) const fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }
    /// True while a dialog takes all keys.
    pub(crate) const fn is_modal(&self) -> bool {
        self.question.is_some()
            || self.message.is_some()
            || !matches!(self.open, None | Some(Dialog::Tour))
    }
    /// Takes the keys of what lies over the window without blocking it, before anything below sees them.
    pub(crate) fn keys(&mut self, ctx: &egui::Context) {
        if self.open == Some(Dialog::Tour) && !self.is_modal() {
            self.tour.keys(ctx);
        }
    }
    /// Draws what is open.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let stays = match self.open {
            // The gallery and the tour wait for an answer that is due: Enter is that of the question.
            Some(Dialog::Gallery) => {
                self.question.is_some() || self.message.is_some() || self.gallery.show(ui, cx)
            }
            Some(Dialog::Settings) => settings::show(ui, cx),
            Some(Dialog::Palette) => self.palette.show(ui, cx),
            Some(Dialog::CheatSheet) => cheat_sheet::show(ui, cx),
            Some(Dialog::About) => about::show(ui, cx),
            Some(Dialog::Tour) => {
                self.question.is_some() || self.message.is_some() || self.tour.show(ui, cx)
            }
            None => false,
        };
        if !stays {
            self.open = None;
        }
        let stays = match &mut self.question {
            Some(Question::Leave(leave)) => questions::leave(ui, cx, leave),
            Some(Question::Recovered(found)) => questions::recovered(ui, cx, found),
            Some(Question::Code(code, work)) => questions::code(ui, cx, code, work),
            Some(Question::Path(..)) => self.path.show(ui, cx),
            None => false,
        };
        if !stays {
            self.question = None;
        }
        if self
            .message
            .as_ref()
            .is_some_and(|m| !questions::message(ui, m))
        {
            self.message = None;
        }
        questions::drop_hint(ui);
    }
}

/// Draws a window over the window, at most `size` large, with a title and a way out. Returns what `show` returns, and false
/// when the person closed it.
fn modal<R>(
    ui: &Ui,
    id: &'static str,
    title: &str,
    size: Vec2,
    show: impl FnOnce(&mut Ui) -> R,
) -> (R, bool) {
    let t = theme();
    let room = ui.ctx().content_rect().size() - Vec2::splat(2.0 * t.space(5));
    let size = size.min(room);
    let mut is_closed = false;
    let frame = egui::Frame::window(&ui.ctx().global_style()).inner_margin(t.space(3));
    let shown = egui::Modal::new(Id::new(id))
        .frame(frame)
        .show(ui.ctx(), |ui| {
            ui.set_width(size.x);
            ui.set_max_height(size.y);
            if !title.is_empty() {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(title).font(semibold(t.shape.title)));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        is_closed = icon_button(ui, "close", tr("files.close"), false).clicked();
                    });
                });
                ui.add_space(t.space(1));
            }
            show(ui)
        });
    is_closed |= shown.should_close();
    (shown.inner, !is_closed)
}
