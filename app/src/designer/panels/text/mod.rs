//! The document as text, beside the drawing: both can be edited. Text that is no document changes nothing: the drawing stays
//! as it was, the mistake is named with its place, and the text is left to be mended.

mod colour;
mod state;

use std::time::Duration;

use egui::text::{CCursor, CCursorRange, LayoutJob};
use egui::{Align, Id, Layout, Rect, RichText, Ui, Vec2};

use self::state::State;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Edit;
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::{figures, theme};
use crate::designer::widgets::{icon, icon_button};

/// Longer texts are read when typing has stopped for this long; shorter ones at once.
const LONG: usize = 200_000;
const PAUSE: f64 = 0.4;
/// Typing that follows within this time is the same step.
const BURST: f64 = 1.5;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Text {
    state: State,
    /// When something was typed that the drawing does not know yet.
    unread: Option<f64>,
    /// When the drawing last took something that was typed.
    taken: Option<f64>,
    /// The text with its colours, made once a text.
    job: Option<(String, bool, f32, LayoutJob)>,
    /// Shows the mistake's line.
    go: bool,
}

impl Text {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.state.follow(cx.history.doc());
        self.head(ui, cx);
        let foot = if self.state.mistake().is_some() {
            44.0
        } else {
            0.0
        };
        let size = ui.available_size() - Vec2::new(0.0, foot);
        ui.allocate_ui(size, |ui| {
            ui.set_min_size(size);
            self.editor(ui, cx);
        });
        self.mistake(ui);
        self.timers(ui, cx);
    }

    fn head(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        ui.horizontal(|ui| {
            let (name, colour, text) = match (self.state.mistake(), self.state.is_stale()) {
                (None, _) => ("check", t.green, tr("files.text_same")),
                (Some(_), false) => ("error", t.red, tr("files.text_kept")),
                (Some(_), true) => ("warning", t.amber, tr("files.text_stale")),
            };
            icon(ui, name, 16.0, colour);
            ui.label(RichText::new(text).color(t.secondary));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, "copy", tr("files.text_copy"), false).clicked() {
                    cx.act(Act::Copy(self.state.text.clone()));
                }
                if self.state.mistake().is_some() && ui.button(tr("files.text_again")).clicked() {
                    self.state.take(cx.history.doc());
                    self.unread = None;
                }
            });
        });
    }

    fn editor(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let id = Id::new("weir-document-text");
        let lines = self.state.lines().max(1);
        let digits = lines.to_string().len().max(3);
        let font = figures(t.shape.body);
        let digit = ui.fonts_mut(|f| f.glyph_width(&font, '0'));
        let gutter = digit * digits as f32 + t.space(3);
        let bad = self.state.mistake().map(|m| m.line);
        if std::mem::take(&mut self.go) {
            self.cursor_to_mistake(ui.ctx(), id);
        }
        let ground = egui::Frame::new()
            .fill(t.canvas)
            .corner_radius(t.shape.radius_control)
            .inner_margin(t.space(1));
        let (job, state) = (&mut self.job, &mut self.state);
        let output = ground.show(ui, |ui| {
            let area = egui::ScrollArea::both()
                .auto_shrink(false)
                .id_salt("weir-document-text-area");
            area.show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    ui.add_space(gutter);
                    let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, _width: f32| {
                        let job = coloured(job, text.as_str(), t.is_dark, t.shape.body);
                        ui.fonts_mut(|f| f.layout_job(job))
                    };
                    let output = egui::TextEdit::multiline(&mut state.text)
                        .id(id)
                        .code_editor()
                        .frame(egui::Frame::NONE)
                        .margin(egui::Margin::ZERO)
                        .desired_width(f32::INFINITY)
                        .desired_rows(4)
                        .layouter(&mut layouter)
                        .show(ui);
                    numbers(ui, &output, gutter, bad);
                    output.response.response
                })
                .inner
            })
            .inner
        });
        let response = output.inner;
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, tr("files.text_editor"))
        });
        if response.changed() {
            self.state.typed();
            self.unread = Some(ui.input(|i| i.time));
        }
        if response.lost_focus() {
            self.read(cx);
            self.state.settle(cx.history.doc());
            cx.act(Act::Seal);
            self.taken = None;
        }
    }

    /// The drawing takes what was typed, when it is a document.
    fn read(&mut self, cx: &Cx<'_>) {
        if self.unread.take().is_none() {
            return;
        }
        if let Some(doc) = self.state.read() {
            cx.edit(Edit::Text(Box::new(doc)));
        }
    }

    fn timers(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let now = ui.input(|i| i.time);
        if let Some(at) = self.unread {
            let wait = if self.state.text.len() > LONG {
                PAUSE
            } else {
                0.0
            };
            if now - at >= wait {
                self.read(cx);
                self.taken = Some(now);
            } else {
                ui.ctx()
                    .request_repaint_after(Duration::from_secs_f64(wait - (now - at)));
            }
        }
        if let Some(at) = self.taken {
            let left = BURST - (now - at);
            if left <= 0.0 {
                cx.act(Act::Seal);
                self.taken = None;
            } else {
                ui.ctx()
                    .request_repaint_after(Duration::from_secs_f64(left));
            }
        }
    }

    /// The mistake in words, with its place; a press goes there.
    fn mistake(&mut self, ui: &mut Ui) {
        let Some(mistake) = self.state.mistake() else {
            return;
        };
        let t = theme();
        ui.horizontal(|ui| {
            icon(ui, "error", 16.0, t.red);
            if mistake.line > 0 {
                let place = trf(
                    "files.text_line",
                    &[("line", &mistake.line), ("column", &mistake.column)],
                );
                self.go = ui.add(egui::Link::new(place)).clicked();
            }
            let text = egui::Label::new(RichText::new(&mistake.sentence).color(t.text));
            ui.add(text.wrap().selectable(true));
        });
    }

    fn cursor_to_mistake(&self, ctx: &egui::Context, id: Id) {
        let Some(mistake) = self.state.mistake() else {
            return;
        };
        let line = mistake.line.saturating_sub(1);
        let before: usize = self
            .state
            .text
            .split_inclusive('\n')
            .take(line)
            .map(|l| l.chars().count())
            .sum();
        let here = self.state.text.lines().nth(line).unwrap_or_default();
        let column = here
            .char_indices()
            .take_while(|(i, _)| i + 1 < mistake.column)
            .count();
        let mut state = egui::TextEdit::load_state(ctx, id).unwrap_or_default();
        state
            .cursor
            .set_char_range(Some(CCursorRange::one(CCursor::new(before + column))));
        state.store(ctx, id);
        ctx.memory_mut(|m| m.request_focus(id));
    }
}

/// The text with its colours; what was made for the same text is used again.
fn coloured(
    kept: &mut Option<(String, bool, f32, LayoutJob)>,
    text: &str,
    is_dark: bool,
    size: f32,
) -> LayoutJob {
    match kept {
        Some((t, d, s, job)) if t == text && *d == is_dark && (*s - size).abs() < 0.01 => {
            job.clone()
        }
        _ => {
            let job = colour::json(text, &figures(size));
            *kept = Some((text.to_owned(), is_dark, size, job.clone()));
            job
        }
    }
}

/// Numbers of the lines that are seen, left of the text; the line with the mistake is marked.
fn numbers(ui: &Ui, output: &egui::text_edit::TextEditOutput, gutter: f32, bad: Option<usize>) {
    let t = theme();
    let clip = ui.clip_rect();
    let painter = ui.painter();
    let mut line = 1_usize;
    let mut begins = true;
    for row in &output.galley.rows {
        let rect = row.rect().translate(output.galley_pos.to_vec2());
        if begins && rect.bottom() >= clip.top() && rect.top() <= clip.bottom() {
            let is_bad = bad == Some(line);
            let at = egui::pos2(output.galley_pos.x - t.space(2), rect.center().y);
            if is_bad {
                let mark = Rect::from_min_max(
                    egui::pos2(at.x - gutter, rect.top()),
                    egui::pos2(clip.right(), rect.bottom()),
                );
                painter.rect_filled(mark, 0.0, t.red.gamma_multiply(0.16));
            }
            let ink = if is_bad { t.red } else { t.faint };
            painter.text(
                at,
                egui::Align2::RIGHT_CENTER,
                line.to_string(),
                figures(t.shape.caption),
                ink,
            );
        }
        begins = row.ends_with_newline;
        line += usize::from(begins);
    }
}
