//! The gallery: templates as cards, recent files, an empty drawing.

use std::path::{Path, PathBuf};

use egui::{Align, Key, Layout, Modifiers, Rect, Response, RichText, Sense, Ui, Vec2};
use weir_engine::document::Document;

use super::{modal, picture};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::files::FileAct;
use crate::designer::i18n::{Lang, lang, tr, trf};
use crate::designer::theme::{regular, semibold, theme};
use crate::designer::widgets::{icon_image, paint_icon, section};
use crate::templates;

const CARD: Vec2 = Vec2::new(272.0, 248.0);
const PICTURE: f32 = 116.0;

/// A template as it is shown.
struct Card {
    id: &'static str,
    about: templates::About,
    doc: Document,
}

impl Card {
    fn title(&self) -> &str {
        if lang() == Lang::Ko {
            &self.about.title_ko
        } else {
            &self.about.title
        }
    }
    fn summary(&self) -> &str {
        if lang() == Lang::Ko {
            &self.about.summary_ko
        } else {
            &self.about.summary
        }
    }
    /// True when what the person looks for stands in the card, in either language.
    fn matches(&self, query: &str) -> bool {
        let about = &self.about;
        let texts = [
            self.id,
            &about.title,
            &about.title_ko,
            &about.summary,
            &about.summary_ko,
        ];
        let kinds = self.doc.nodes.iter().map(|n| n.kind.as_str());
        let all = texts
            .into_iter()
            .chain(kinds)
            .map(str::to_lowercase)
            .collect::<Vec<_>>()
            .join("\n");
        query
            .to_lowercase()
            .split_whitespace()
            .all(|word| all.contains(word))
    }
}

/// What the gallery keeps between frames.
#[derive(Default)]
pub(super) struct Gallery {
    cards: Vec<Card>,
    query: String,
    /// The card that Enter opens.
    at: usize,
    /// Recent files that are still there.
    recent: Option<Vec<PathBuf>>,
    is_new: bool,
    /// The highlighted card should be seen.
    follow: bool,
}

impl Gallery {
    /// Shown anew.
    pub(super) fn begin(&mut self) {
        self.query.clear();
        self.at = 0;
        self.recent = None;
        self.is_new = true;
        if self.cards.is_empty() {
            // Every template reads; a test of `templates` sees to it.
            let card = |t: &'static templates::Template| {
                Some(Card {
                    id: t.id,
                    about: t.about().ok()?,
                    doc: Document::parse(t.pipeline).ok()?,
                })
            };
            self.cards = templates::ALL.iter().filter_map(card).collect();
        }
    }

    /// Draws it. False when it was closed; what is opened closes it too.
    pub(super) fn show(&mut self, ui: &Ui, cx: &Cx<'_>) -> bool {
        let ((), stays) = modal(ui, "weir-gallery", "", Vec2::new(1120.0, 660.0), |ui| {
            self.body(ui, cx);
        });
        stays
    }

    fn body(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let rows = self.cards.len().div_ceil(3) as f32;
        // The rest of the window is what stands above the cards.
        let wanted = (CARD.y + t.space(2)) * rows + 96.0;
        ui.set_height(ui.available_height().min(wanted.max(400.0)));
        ui.horizontal(|ui| {
            ui.label(RichText::new(tr("files.gallery")).font(semibold(t.shape.title)));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.search(ui);
            });
        });
        ui.add_space(t.space(2));
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(232.0);
                self.beginnings(ui, cx);
            });
            ui.add_space(t.space(2));
            ui.vertical(|ui| self.grid(ui, cx));
        });
    }

    fn search(&mut self, ui: &mut Ui) {
        let id = egui::Id::new("weir-gallery-field");
        let is_new = std::mem::take(&mut self.is_new);
        if is_new {
            // Before it is drawn: what is typed in this frame belongs to it.
            ui.memory_mut(|m| m.request_focus(id));
        }
        let field = egui::TextEdit::singleline(&mut self.query)
            .id(id)
            .hint_text(tr("files.gallery_search"))
            .margin(egui::Margin::symmetric(8, 6))
            .desired_width(260.0);
        let response = ui.add(field);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, tr("files.gallery_search"))
        });
        if is_new {
            // The pass that only finds out sizes has taken it away.
            response.request_focus();
        }
        if response.changed() {
            self.at = 0;
        }
    }

    /// What to begin with beside templates.
    fn beginnings(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if wide(ui, "file-new", tr("files.empty_drawing"), None).clicked() {
            cx.act(Act::Do(Command::New));
        }
        if wide(ui, "folder-open", tr("files.open_file"), None).clicked() {
            cx.act(Act::Do(Command::Open));
        }
        let recent = self.recent.get_or_insert_with(|| {
            cx.prefs
                .recent_files
                .iter()
                .filter(|p| p.exists())
                .cloned()
                .collect()
        });
        if !recent.is_empty() {
            section(ui, tr("files.recent"));
            let mut gone = None;
            egui::ScrollArea::vertical()
                .id_salt("recent")
                .show(ui, |ui| {
                    for (i, path) in recent.iter().enumerate() {
                        let row = wide(ui, "file", &file_title(path), Some(&folder_title(path)));
                        let row = row.on_hover_text(path.display().to_string());
                        if row.clicked() {
                            cx.act(Act::OpenFile(path.clone()));
                        }
                        row.context_menu(|ui| {
                            if ui.button(tr("files.forget")).clicked() {
                                cx.act(Act::File(FileAct::Forget(path.clone())));
                                gone = Some(i);
                            }
                        });
                    }
                });
            if let Some(i) = gone {
                recent.remove(i);
            }
        }
    }

    fn grid(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let shown: Vec<usize> = (0..self.cards.len())
            .filter(|i| self.cards[*i].matches(&self.query))
            .collect();
        let gap = t.space(2);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few cards side by side"
        )]
        let columns = (((ui.available_width() - gap) / (CARD.x + gap)).floor() as usize).max(1);
        let card_width =
            ((ui.available_width() - 10.0 + gap) / columns as f32 - gap).min(CARD.x * 1.25);
        let (opened, runs) = self.keys(ui, columns, shown.len());
        if shown.is_empty() {
            ui.label(RichText::new(tr("files.gallery_none")).color(t.secondary));
            return;
        }
        let mut chosen = shown
            .get(self.at)
            .filter(|_| opened || runs)
            .map(|i| (*i, runs));
        egui::ScrollArea::vertical()
            .id_salt("cards")
            .auto_shrink([false, false])
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing = Vec2::splat(gap);
                for (row, line) in shown.chunks(columns).enumerate() {
                    ui.horizontal_top(|ui| {
                        for (column, index) in line.iter().enumerate() {
                            let is_at = row * columns + column == self.at;
                            let (response, run) = card(ui, &self.cards[*index], card_width, is_at);
                            if is_at && std::mem::take(&mut self.follow) {
                                response.scroll_to_me(None);
                            }
                            if response.clicked() || run {
                                chosen = Some((*index, run));
                            }
                        }
                    });
                }
            });
        if let Some((index, run)) = chosen {
            let name = self.cards[index].id.to_owned();
            cx.act(Act::File(FileAct::Open { name, run }));
        }
    }

    /// Arrows move between cards; Enter opens, with Ctrl runs at once.
    fn keys(&mut self, ui: &Ui, columns: usize, count: usize) -> (bool, bool) {
        let last = count.saturating_sub(1);
        let typed = !self.query.is_empty();
        let none = Modifiers::NONE;
        // Tab goes to other things; Enter is theirs then.
        let elsewhere =
            ui.memory(|m| m.focused()).is_some() && !ui.ctx().egui_wants_keyboard_input();
        ui.input_mut(|i| {
            let before = self.at;
            if i.consume_key(none, Key::ArrowDown) && self.at + columns <= last {
                self.at += columns;
            }
            if i.consume_key(none, Key::ArrowUp) {
                self.at = self.at.checked_sub(columns).unwrap_or(self.at);
            }
            // While text is searched for these move its cursor.
            if !typed && i.consume_key(none, Key::ArrowRight) {
                self.at += 1;
            }
            if !typed && i.consume_key(none, Key::ArrowLeft) {
                self.at = self.at.saturating_sub(1);
            }
            self.at = self.at.min(last);
            self.follow |= before != self.at;
            let runs = i.consume_key(Modifiers::COMMAND, Key::Enter);
            let opens = !runs && !elsewhere && i.consume_key(none, Key::Enter);
            (opens, runs)
        })
    }
}

/// A card; its response, and true when its run button was pressed.
fn card(ui: &mut Ui, card: &Card, width: f32, is_at: bool) -> (Response, bool) {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, CARD.y), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::WidgetType::Button, true, is_at, card.title())
    });
    let painter = ui.painter_at(rect.expand(2.0));
    let radius = t.shape.radius_node;
    let is_lit = is_at || response.hovered() || response.has_focus();
    let fill = if response.hovered() {
        t.tint(t.text, 0.08)
    } else {
        t.raised
    };
    painter.rect_filled(rect, radius, fill);
    let stroke = if is_lit {
        egui::Stroke::new(2.0, t.accent)
    } else {
        t.hairline()
    };
    let (top, below) = rect.split_top_bottom_at_y(rect.top() + PICTURE);
    let inside = top.shrink(t.space(0));
    painter.rect_filled(inside, t.shape.radius_control, t.canvas);
    picture::paint(ui, &painter, inside, &card.doc);
    painter.rect_stroke(rect, radius, stroke, egui::StrokeKind::Inside);
    let text = below.shrink2(Vec2::new(t.space(2), t.space(1)));
    let title = elided(
        ui,
        card.title(),
        semibold(t.shape.emphasis),
        t.text,
        text.width(),
        1,
    );
    let height = title.size().y;
    painter.galley(text.min, title, t.text);
    let summary = elided(
        ui,
        card.summary(),
        regular(t.shape.body),
        t.secondary,
        text.width(),
        4,
    );
    painter.galley(
        text.min + Vec2::new(0.0, height + t.space(0)),
        summary,
        t.secondary,
    );
    let count = trf(
        "files.card_count",
        &[
            ("nodes", &card.doc.nodes.len()),
            ("wires", &card.doc.wires.len()),
        ],
    );
    let run = Rect::from_min_max(
        text.right_bottom() - Vec2::new(76.0, 26.0),
        text.right_bottom(),
    );
    painter.text(
        egui::pos2(text.left(), run.center().y),
        egui::Align2::LEFT_CENTER,
        count,
        regular(t.shape.caption),
        t.secondary,
    );
    let pressed = run_button(ui, run, card.title(), is_lit).clicked();
    (response, pressed)
}

/// Opens the template and runs it.
fn run_button(ui: &Ui, rect: Rect, title: &str, is_lit: bool) -> Response {
    let t = theme();
    let response = ui.interact(rect, ui.id().with(("run", title)), Sense::click());
    let label = format!("{}: {title}", tr("files.card_run"));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, &label));
    let is_hot = response.hovered() || response.has_focus();
    let (fill, ink) = match (is_hot, is_lit) {
        (true, _) => (t.accent, t.on_accent),
        (false, true) => (t.tint(t.accent, 0.25), t.accent),
        (false, false) => (t.tint(t.accent, 0.12), t.accent),
    };
    let painter = ui.painter();
    painter.rect_filled(rect, t.shape.radius_control, fill);
    let icon = Rect::from_center_size(
        egui::pos2(rect.left() + 18.0, rect.center().y),
        Vec2::splat(14.0),
    );
    paint_icon(ui, icon_image("play"), icon, ink);
    painter.text(
        egui::pos2(icon.right() + 6.0, rect.center().y),
        egui::Align2::LEFT_CENTER,
        tr("files.card_run"),
        semibold(t.shape.body),
        ink,
    );
    response.on_hover_text(tr("files.card_run_help"))
}

/// Text of at most `rows` lines.
pub(super) fn elided(
    ui: &Ui,
    text: &str,
    font: egui::FontId,
    colour: egui::Color32,
    width: f32,
    rows: usize,
) -> std::sync::Arc<egui::Galley> {
    let mut job = egui::text::LayoutJob::simple(text.to_owned(), font, colour, width);
    job.wrap.max_rows = rows;
    ui.painter().layout_job(job)
}

/// A row that is pressed: icon, text, and a smaller line below it.
fn wide(ui: &mut Ui, name: &'static str, text: &str, below: Option<&str>) -> Response {
    let t = theme();
    let height = if below.is_some() { 40.0 } else { 32.0 };
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, text));
    let is_hot = response.hovered() || response.has_focus();
    if is_hot {
        ui.painter()
            .rect_filled(rect, t.shape.radius_control, t.raised);
    }
    let place = Rect::from_center_size(
        egui::pos2(rect.left() + 18.0, rect.center().y),
        Vec2::splat(18.0),
    );
    paint_icon(
        ui,
        icon_image(name),
        place,
        if is_hot { t.accent } else { t.secondary },
    );
    let left = place.right() + t.space(1);
    let width = rect.right() - left - t.space(0);
    let title = elided(ui, text, regular(t.shape.body), t.text, width, 1);
    let size = title.size().y;
    let lower = below.map(|b| elided(ui, b, regular(t.shape.caption), t.secondary, width, 1));
    let all = size + lower.as_ref().map_or(0.0, |l| l.size().y);
    let top = rect.center().y - all * 0.5;
    ui.painter().galley(egui::pos2(left, top), title, t.text);
    if let Some(lower) = lower {
        ui.painter()
            .galley(egui::pos2(left, top + size), lower, t.secondary);
    }
    response
}

fn file_title(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|n| n.display().to_string())
        .unwrap_or_default();
    // A drawing with data is a folder: its own name says more than the document's.
    if name == crate::open::PIPELINE {
        let folder = path.parent().and_then(Path::file_name);
        return folder.map_or(name, |f| f.display().to_string());
    }
    name
}

fn folder_title(path: &Path) -> String {
    path.parent()
        .map(|p| p.display().to_string())
        .unwrap_or_default()
}
