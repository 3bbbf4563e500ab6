//! Which file: a path and the folder that it leads to. Works wherever the window works.

use std::path::{Path, PathBuf};

use egui::{Align, Key, Layout, Modifiers, RichText, Ui, Vec2};

use weir_engine::study::is_sweep;

use super::modal;
use crate::designer::cx::{Act, Cx};
use crate::designer::files::{FileAct, Wanted};
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{icon, primary};
use crate::open::PIPELINE;

/// Entries of a folder that are shown.
const SHOWN_MAX: usize = 1_000;

struct Entry {
    name: String,
    is_folder: bool,
}

/// True for the folder of a run.
fn is_run(path: &Path) -> bool {
    path.join("summary.json").is_file()
}

/// True for the folder of a run or of a sweep.
fn is_ended(path: &Path) -> bool {
    is_run(path) || is_sweep(path)
}

/// The dialog's state.
pub(super) struct PathDialog {
    wanted: Wanted,
    text: String,
    /// The folder that is listed.
    folder: PathBuf,
    entries: Vec<Entry>,
    is_new: bool,
}

impl Default for PathDialog {
    fn default() -> Self {
        Self {
            wanted: Wanted::Open,
            text: String::new(),
            folder: PathBuf::new(),
            entries: Vec::new(),
            is_new: true,
        }
    }
}

impl PathDialog {
    /// Begins at `start`: a folder, or a file to be.
    pub(super) fn begin(&mut self, wanted: Wanted, start: &Path) {
        self.wanted = wanted;
        self.text = start.display().to_string();
        if start.is_dir() && !self.text.ends_with(std::path::MAIN_SEPARATOR) {
            self.text.push(std::path::MAIN_SEPARATOR);
        }
        self.is_new = true;
        self.list();
    }

    /// Draws it. False when it was answered or closed.
    pub(super) fn show(&mut self, ui: &Ui, cx: &Cx<'_>) -> bool {
        let title = self.wanted.title();
        let (answered, stays) = modal(ui, "weir-path", title, Vec2::new(600.0, 480.0), |ui| {
            self.body(ui, cx)
        });
        stays && !answered
    }

    fn body(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool {
        let t = theme();
        let field = egui::TextEdit::singleline(&mut self.text)
            .hint_text(tr("files.path_hint"))
            .margin(egui::Margin::symmetric(8, 6))
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, tr("files.path"))
        });
        if std::mem::take(&mut self.is_new) {
            response.request_focus();
            self.select_name(ui.ctx(), response.id);
        }
        if response.changed() {
            self.list();
        }
        let entered =
            response.lost_focus() && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter));
        ui.add_space(t.space(1));
        self.entries(ui);
        let path = self.path();
        let hint = self.hint(&path);
        ui.add_space(t.space(1));
        let mut pressed = false;
        ui.horizontal(|ui| {
            ui.label(RichText::new(hint).color(t.secondary));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let word = match self.wanted {
                    wanted if !wanted.writes() => tr("files.path_open"),
                    _ if path.is_file() => tr("files.path_replace"),
                    _ => tr("files.path_save"),
                };
                pressed = primary(ui, word).clicked();
            });
        });
        (pressed || entered) && self.answer(cx, &path)
    }

    fn select_name(&self, ctx: &egui::Context, id: egui::Id) {
        let chars = self.text.chars().count();
        let name = self
            .text
            .rsplit(std::path::MAIN_SEPARATOR)
            .next()
            .unwrap_or_default();
        let from = chars - name.chars().count();
        let to = chars - if name.ends_with(".json") { 5 } else { 0 };
        let mut state = egui::TextEdit::load_state(ctx, id).unwrap_or_default();
        let range = egui::text::CCursorRange::two(
            egui::text::CCursor::new(from),
            egui::text::CCursor::new(to.max(from)),
        );
        state.cursor.set_char_range(Some(range));
        state.store(ctx, id);
    }

    fn path(&self) -> PathBuf {
        let text = self.text.trim();
        match (text.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        }
    }

    fn hint(&self, path: &Path) -> String {
        let is_folder = path.is_dir();
        match self.wanted {
            Wanted::Save | Wanted::Export if path.is_file() => tr("files.path_exists").to_owned(),
            Wanted::Save if is_folder => trf("files.path_in_folder", &[("name", &PIPELINE)]),
            Wanted::Open if is_folder && !path.join(PIPELINE).is_file() => {
                tr("files.path_no_pipeline").to_owned()
            }
            Wanted::Run if !is_run(path) => tr("files.path_no_run").to_owned(),
            Wanted::Ended if !is_ended(path) => tr("checks.path_no_run").to_owned(),
            Wanted::Data if !is_folder => tr("checks.path_no_folder").to_owned(),
            Wanted::Open | Wanted::Report if !path.exists() => tr("files.path_nothing").to_owned(),
            _ => String::new(),
        }
    }

    fn answer(&self, cx: &Cx<'_>, path: &Path) -> bool {
        let fits = match self.wanted {
            _ if path.as_os_str().is_empty() => false,
            Wanted::Open => !path.is_dir() || path.join(PIPELINE).is_file(),
            Wanted::Run => is_run(path),
            Wanted::Ended => is_ended(path),
            Wanted::Data => path.is_dir(),
            Wanted::Report => path.is_file(),
            Wanted::Save | Wanted::Export => true,
        };
        if fits {
            let picked = FileAct::Picked(self.wanted, path.to_owned());
            cx.act(Act::File(picked));
        }
        fits
    }

    /// The folder's entries; a press goes there.
    fn entries(&mut self, ui: &mut Ui) {
        let t = theme();
        let mut next = None;
        let frame = egui::Frame::new()
            .fill(t.canvas)
            .corner_radius(t.shape.radius_control)
            .inner_margin(t.space(1));
        frame.show(ui, |ui| {
            ui.set_min_height(240.0);
            let height = ui.spacing().interact_size.y;
            let up = self.folder.parent().map(Path::to_owned);
            let count = self.entries.len() + usize::from(up.is_some());
            let area = egui::ScrollArea::vertical()
                .max_height(240.0)
                .auto_shrink([false, false]);
            area.show_rows(ui, height, count, |ui, rows| {
                for row in rows {
                    let entry = if up.is_some() {
                        row.checked_sub(1)
                    } else {
                        Some(row)
                    };
                    let (name, is_folder, path) =
                        match (entry.and_then(|i| self.entries.get(i)), &up) {
                            (Some(e), _) => {
                                (e.name.as_str(), e.is_folder, self.folder.join(&e.name))
                            }
                            (None, Some(up)) => ("..", true, up.clone()),
                            (None, None) => continue,
                        };
                    ui.horizontal(|ui| {
                        icon(
                            ui,
                            if is_folder { "folder" } else { "file" },
                            16.0,
                            t.secondary,
                        );
                        if ui.selectable_label(false, name).clicked() {
                            next = Some((path, is_folder));
                        }
                    });
                }
            });
        });
        if let Some((path, is_folder)) = next {
            self.go(&path, is_folder);
        }
    }

    fn go(&mut self, path: &Path, is_folder: bool) {
        let name = Path::new(self.text.trim()).file_name().map(PathBuf::from);
        let keeps_name = self.wanted.writes() && !self.text.ends_with(std::path::MAIN_SEPARATOR);
        self.text = match name.filter(|_| is_folder && keeps_name) {
            Some(name) => path.join(name).display().to_string(),
            None => path.display().to_string(),
        };
        if is_folder && !keeps_name {
            self.text.push(std::path::MAIN_SEPARATOR);
        }
        self.list();
    }

    /// Reads the folder of the path, when it is another one.
    fn list(&mut self) {
        let path = self.path();
        let folder = if path.is_dir() {
            path
        } else {
            path.parent().map(Path::to_owned).unwrap_or_default()
        };
        if folder == self.folder && !self.is_new {
            return;
        }
        let extension = self.wanted.extension();
        let read = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut entries: Vec<Entry> = read
            .filter_map(|e| {
                let name = e
                    .file_name()
                    .into_string()
                    .ok()
                    .filter(|n| !n.starts_with('.'))?;
                let is_folder = e.path().is_dir();
                let is_file = !is_folder && !self.wanted.is_folder();
                let ending = Path::new(&name).extension();
                let is_shown = is_folder || (is_file && ending == Some(extension.as_ref()));
                is_shown.then_some(Entry { name, is_folder })
            })
            .take(SHOWN_MAX)
            .collect();
        entries.sort_by(|a, b| {
            b.is_folder
                .cmp(&a.is_folder)
                .then_with(|| a.name.cmp(&b.name))
        });
        self.entries = entries;
        self.folder = folder;
    }
}
