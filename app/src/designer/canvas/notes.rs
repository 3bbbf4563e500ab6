//! Frames around nodes and notes in Markdown.

use egui::{Align2, Color32, Key, Pos2, Rect, Stroke, StrokeKind, Ui, pos2, vec2};
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};
use weir_engine::document::{Document, Frame, FrameColor, Note};

use super::Canvas;
use super::draw::{Pen, TextStyle};
use super::hit::FRAME_HEADER;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::{Edit, Item};
use crate::designer::i18n::tr;
use crate::designer::theme::theme;

/// A note's text or a frame's title that is being typed.
#[derive(Debug)]
pub(super) struct Editing {
    item: Item,
    text: String,
    focused: bool,
}

/// The hue of a frame.
pub(super) fn frame_hue(color: Option<FrameColor>) -> Color32 {
    let t = theme();
    match color {
        None | Some(FrameColor::Slate) => t.hue("source"),
        Some(FrameColor::Violet) => t.hue("stream"),
        Some(FrameColor::Orange) => t.hue("function"),
        Some(FrameColor::Green) => t.hue("storage"),
        Some(FrameColor::Magenta) => t.hue("catalog"),
        Some(FrameColor::Blue) => t.hue("query"),
        Some(FrameColor::Teal) => t.hue("machine-learning"),
        Some(FrameColor::Rose) => t.hue("alerts"),
        Some(FrameColor::Gold) => t.hue("dashboard"),
    }
}

impl Canvas {
    /// Begins to type a note's text.
    pub(super) fn edit_note(&mut self, doc: &Document, n: usize) {
        if let Some(note) = doc.notes.get(n) {
            self.editing = Some(Editing {
                item: Item::Note(note.id.clone()),
                text: note.text.clone(),
                focused: false,
            });
        }
    }
    /// Begins to type a frame's title.
    pub(super) fn edit_frame(&mut self, doc: &Document, f: usize) {
        if let Some(frame) = doc.frames.get(f) {
            self.editing = Some(Editing {
                item: Item::Frame(frame.id.clone()),
                text: frame.title.clone(),
                focused: false,
            });
        }
    }

    /// Draws the frames, behind everything.
    pub(super) fn paint_frames(&mut self, pen: &mut Pen<'_>, cx: &Cx<'_>) {
        let t = theme();
        let seen = self.camera.seen();
        for frame in &cx.doc.frames {
            let world = self.frame_rect(frame);
            if !seen.intersects(world) {
                continue;
            }
            let rect = self.camera.rect_to_screen(world);
            let hue = frame_hue(frame.color);
            let radius = t.shape.radius_node * pen.zoom;
            let selected = cx.selection.has(&Item::Frame(frame.id.clone()));
            let edge = if selected {
                Stroke::new(2.0, t.accent)
            } else {
                Stroke::new(1.0, t.canvas.lerp_to_gamma(hue, 0.5))
            };
            pen.painter.rect(
                rect,
                radius,
                t.canvas.lerp_to_gamma(hue, 0.07),
                edge,
                StrokeKind::Inside,
            );
            let title = self
                .editing
                .as_ref()
                .is_none_or(|e| e.item != Item::Frame(frame.id.clone()));
            if title {
                // A title stays readable from far away.
                let size = t.shape.emphasis * pen.zoom.max(0.55);
                let style = TextStyle {
                    size,
                    width: rect.width() - 16.0,
                    ..TextStyle::strong(hue)
                };
                let at = pos2(
                    rect.left() + 10.0,
                    rect.top() + (FRAME_HEADER * pen.zoom.max(0.55)) / 2.0,
                );
                pen.text_fixed(at, Align2::LEFT_CENTER, &frame.title, style);
            }
        }
    }

    /// Draws the notes.
    pub(super) fn paint_notes(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let seen = self.camera.seen();
        let zoom = self.camera.zoom();
        for note in &cx.doc.notes {
            let world = self.note_rect(note);
            if !seen.intersects(world) {
                continue;
            }
            let rect = self.camera.rect_to_screen(world);
            let painter = ui.painter_at(self.camera.rect);
            let selected = cx.selection.has(&Item::Note(note.id.clone()));
            let edge = if selected {
                Stroke::new(2.0, t.accent)
            } else {
                t.hairline()
            };
            painter.rect(
                rect,
                t.shape.radius_node * zoom,
                t.raised,
                edge,
                StrokeKind::Inside,
            );
            let bar = Rect::from_min_max(
                rect.min,
                pos2(rect.left() + (3.0 * zoom).max(1.0), rect.bottom()),
            );
            painter.rect_filled(bar, 0.0, t.hue("dashboard"));
            let edited = self
                .editing
                .as_ref()
                .is_some_and(|e| e.item == Item::Note(note.id.clone()));
            if zoom >= 0.3 && !edited {
                markdown(
                    ui,
                    &mut self.markdown,
                    note,
                    rect.intersect(rect.shrink(8.0 * zoom)),
                    self.camera.rect,
                    zoom,
                );
            }
        }
    }

    /// The field in which a note or a title is typed.
    pub(super) fn show_editing(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(mut editing) = self.editing.take() else {
            return;
        };
        let zoom = self.camera.zoom();
        let rect = match &editing.item {
            Item::Note(id) => cx
                .doc
                .notes
                .iter()
                .find(|n| n.id == *id)
                .map(|n| self.camera.rect_to_screen(self.note_rect(n)).shrink(6.0)),
            Item::Frame(id) => cx.doc.frames.iter().find(|f| f.id == *id).map(|f| {
                let r = self.camera.rect_to_screen(self.frame_rect(f));
                Rect::from_min_size(
                    r.min + vec2(6.0, 4.0),
                    vec2((r.width() - 12.0).clamp(120.0, 320.0), 24.0),
                )
            }),
            _ => None,
        };
        let Some(rect) = rect else { return };
        let is_note = matches!(editing.item, Item::Note(_));
        let font =
            crate::designer::theme::regular((theme().shape.body * zoom.clamp(0.8, 1.4)).round());
        let label = if is_note {
            tr("canvas.note_text")
        } else {
            tr("canvas.frame_title")
        };
        let builder = egui::UiBuilder::new().max_rect(rect);
        let response = ui.scope_builder(builder, |ui| {
            let field = if is_note {
                egui::TextEdit::multiline(&mut editing.text)
            } else {
                egui::TextEdit::singleline(&mut editing.text)
            };
            let field = field
                .font(font)
                .desired_width(rect.width())
                .min_size(if is_note { rect.size() } else { vec2(0.0, 0.0) });
            ui.add(field)
        });
        let response = response.inner;
        response.widget_info(|| egui::WidgetInfo::text_edit(true, "", &editing.text, label));
        if !editing.focused {
            response.request_focus();
            editing.focused = true;
            self.editing = Some(editing);
            return;
        }
        let escape = ui.input(|i| i.key_pressed(Key::Escape));
        if response.lost_focus() || !response.has_focus() {
            if !escape || is_note {
                finish(cx, &editing);
            }
            return;
        }
        self.editing = Some(editing);
    }
}

fn finish(cx: &Cx<'_>, editing: &Editing) {
    cx.act(Act::Seal);
    match &editing.item {
        Item::Note(id) => {
            if let Some(note) = cx.doc.notes.iter().find(|n| n.id == *id) {
                cx.edit(Edit::Note(Note {
                    text: editing.text.clone(),
                    ..note.clone()
                }));
            }
        }
        Item::Frame(id) => {
            if let Some(frame) = cx.doc.frames.iter().find(|f| f.id == *id) {
                cx.edit(Edit::Frame(Frame {
                    title: editing.text.clone(),
                    ..frame.clone()
                }));
            }
        }
        Item::Node(_) | Item::Wire(_) => {}
    }
    cx.act(Act::Seal);
}

fn markdown(
    ui: &mut Ui,
    cache: &mut CommonMarkCache,
    note: &Note,
    rect: Rect,
    clip: Rect,
    zoom: f32,
) {
    let builder = egui::UiBuilder::new()
        .max_rect(rect)
        .id_salt(("note", &note.id));
    ui.scope_builder(builder, |ui| {
        ui.set_clip_rect(rect.intersect(clip));
        let style = ui.style_mut();
        for font in style.text_styles.values_mut() {
            font.size = ((font.size * zoom * 2.0).round() / 2.0).max(4.0);
        }
        style.spacing.item_spacing *= zoom;
        style.spacing.interact_size *= zoom;
        style.spacing.indent *= zoom;
        style.interaction.selectable_labels = false;
        CommonMarkViewer::new().show(ui, cache, &note.text);
    });
}

/// The place of a new note's or frame's text: its corner.
pub(super) fn around(bounds: Rect) -> (Pos2, egui::Vec2) {
    let rect = Rect::from_min_max(
        bounds.min - vec2(24.0, 24.0 + FRAME_HEADER),
        bounds.max + vec2(24.0, 24.0),
    );
    let min = super::arrange::snapped(rect.min);
    (min, super::arrange::snapped(min + rect.size()) - min)
}
