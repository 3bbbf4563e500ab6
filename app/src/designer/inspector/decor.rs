//! Notes and frames: what they say and how they look.

use egui::{RichText, TextEdit, Ui};
use weir_engine::document::FrameColor;

use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Edit;
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{icon_button, section};

/// The colours of frames with the hues of the theme that they look like.
const COLOURS: [(FrameColor, &str, &str); 9] = [
    (FrameColor::Slate, "source", "inspector.slate"),
    (FrameColor::Violet, "stream", "inspector.violet"),
    (FrameColor::Orange, "function", "inspector.orange"),
    (FrameColor::Green, "storage", "inspector.green"),
    (FrameColor::Magenta, "catalog", "inspector.magenta"),
    (FrameColor::Blue, "query", "inspector.blue"),
    (FrameColor::Teal, "machine-learning", "inspector.teal"),
    (FrameColor::Rose, "alerts", "inspector.rose"),
    (FrameColor::Gold, "dashboard", "inspector.gold"),
];

fn head(ui: &mut Ui, cx: &Cx<'_>, title: &str) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).font(semibold(theme().shape.emphasis)));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button(ui, "trash", Command::Delete.title(), false).clicked() {
                cx.act(Act::Do(Command::Delete));
            }
        });
    });
}

/// The page of a note.
pub(super) fn note(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let Some(old) = cx.doc.notes.iter().find(|n| n.id == id) else {
        return;
    };
    head(ui, cx, tr("inspector.note"));
    let mut note = old.clone();
    let edit = TextEdit::multiline(&mut note.text)
        .id(egui::Id::new(("weir-note", id)))
        .desired_rows(10)
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(tr("inspector.note")));
    let text = RichText::new(tr("inspector.markdown_hint"))
        .size(theme().shape.caption)
        .color(theme().faint);
    ui.label(text);
    let mut is_done = response.lost_focus();
    is_done |= size(ui, &mut note.size);
    if note != *old {
        cx.edit(Edit::Note(note));
    }
    if is_done {
        cx.act(Act::Seal);
    }
}

/// The page of a frame.
pub(super) fn frame(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let Some(old) = cx.doc.frames.iter().find(|f| f.id == id) else {
        return;
    };
    head(ui, cx, tr("inspector.frame"));
    let mut frame = old.clone();
    let edit = TextEdit::singleline(&mut frame.title)
        .id(egui::Id::new(("weir-frame", id)))
        .hint_text(tr("inspector.frame_title"))
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(tr("inspector.frame_title"));
    });
    let mut is_done = response.lost_focus();
    section(ui, tr("inspector.colour"));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::Vec2::splat(2.0);
        for (colour, hue, name) in COLOURS {
            let is_on = frame.color == Some(colour);
            if swatch(ui, theme().hue(hue), tr(name), is_on).clicked() {
                frame.color = (!is_on).then_some(colour);
                is_done = true;
            }
        }
    });
    is_done |= size(ui, &mut frame.size);
    if frame != *old {
        cx.edit(Edit::Frame(frame));
    }
    if is_done {
        cx.act(Act::Seal);
    }
}

fn swatch(ui: &mut Ui, colour: egui::Color32, name: &str, is_on: bool) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(egui::Vec2::splat(26.0), egui::Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::WidgetType::RadioButton, ui.is_enabled(), is_on, name)
    });
    ui.painter().circle_filled(rect.center(), 9.0, colour);
    if is_on || response.has_focus() {
        ui.painter()
            .circle_stroke(rect.center(), 11.5, egui::Stroke::new(2.0, theme().text));
    }
    response.on_hover_text(name)
}

/// Width and height. True when a change of them is complete.
fn size(ui: &mut Ui, size: &mut [f64; 2]) -> bool {
    section(ui, tr("inspector.size"));
    let mut is_done = false;
    ui.horizontal(|ui| {
        let [width, height] = size;
        for (value, name) in [(width, "inspector.width"), (height, "inspector.height")] {
            ui.label(RichText::new(tr(name)).color(theme().secondary));
            let response = ui.add(
                egui::DragValue::new(value)
                    .range(40.0..=4000.0)
                    .max_decimals(0),
            );
            ui.ctx()
                .accesskit_node_builder(response.id, |node| node.set_label(tr(name)));
            is_done |= response.drag_stopped() || response.lost_focus();
        }
    });
    is_done
}

/// The page of several things that are no nodes.
pub(super) fn several(ui: &mut Ui, cx: &Cx<'_>) {
    head(
        ui,
        cx,
        &trf(
            "inspector.things_selected",
            &[("count", &cx.selection.0.len())],
        ),
    );
}
