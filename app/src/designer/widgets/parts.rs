//! Buttons, chips, empty places.

use egui::{Align, Color32, Layout, Response, RichText, Sense, Ui, Vec2};

use super::icon::{icon, icon_image, paint_icon};
use crate::designer::theme::{figures, semibold, theme};

/// A quiet button with an icon; `label` is its name for hover and for those who hear the screen.
pub(crate) fn icon_button(ui: &mut Ui, name: &'static str, label: &str, is_on: bool) -> Response {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(28.0), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::WidgetType::Button, ui.is_enabled(), is_on, label)
    });
    let fill = match () {
        () if is_on => t.tint(t.accent, 0.25),
        () if response.hovered() => t.raised,
        () => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, t.shape.radius_control, fill);
    if response.has_focus() {
        ui.painter().rect_stroke(
            rect,
            t.shape.radius_control,
            egui::Stroke::new(1.5, t.accent),
            egui::StrokeKind::Inside,
        );
    }
    let colour = match () {
        () if !ui.is_enabled() => t.tint(t.faint, 0.5),
        () if is_on => t.accent,
        () => t.text,
    };
    paint_icon(ui, icon_image(name), rect.shrink(5.0), colour);
    response.on_hover_text(label)
}

/// A small rounded label in `colour`, with an icon unless that is empty.
pub(crate) fn chip(ui: &mut Ui, name: &'static str, text: &str, colour: Color32) -> Response {
    let t = theme();
    let frame = egui::Frame::new()
        .fill(t.tint(colour, 0.16))
        .corner_radius(9.0)
        .inner_margin(egui::Margin::symmetric(7, 2));
    let inner = frame.show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.horizontal(|ui| {
            if !name.is_empty() {
                icon(ui, name, 13.0, colour);
            }
            ui.label(RichText::new(text).color(colour).size(t.shape.caption));
        });
    });
    inner.response.interact(Sense::click())
}

/// An empty place: what belongs here, and one button that puts it there. True when the button was pressed.
pub(crate) fn empty(
    ui: &mut Ui,
    name: &'static str,
    title: &str,
    text: &str,
    button: Option<&str>,
) -> bool {
    let t = theme();
    let mut pressed = false;
    let room = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.add_space((room * 0.5 - 70.0).max(t.space(2)));
        icon(ui, name, 32.0, t.faint);
        ui.add_space(t.space(0));
        ui.label(RichText::new(title).font(semibold(t.shape.emphasis)));
        ui.label(RichText::new(text).color(t.secondary));
        if let Some(button) = button {
            ui.add_space(t.space(1));
            pressed = primary(ui, button).clicked();
        }
    });
    pressed
}

/// The button that most people press.
pub(crate) fn primary(ui: &mut Ui, text: &str) -> Response {
    let t = theme();
    let label = RichText::new(text)
        .color(t.on_accent)
        .font(semibold(t.shape.body));
    ui.add(
        egui::Button::new(label)
            .fill(t.accent)
            .min_size(Vec2::new(0.0, 28.0)),
    )
}

/// The heading of a part of a panel.
pub(crate) fn section(ui: &mut Ui, title: &str) {
    let t = theme();
    ui.add_space(t.space(1));
    ui.label(
        RichText::new(title)
            .font(semibold(t.shape.caption))
            .color(t.secondary),
    );
}

/// What stands right of a side panel: not against its line.
pub(crate) fn beside<R>(ui: &mut Ui, show: impl FnOnce(&mut Ui) -> R) -> R {
    let margin = egui::Margin {
        left: 12,
        ..egui::Margin::ZERO
    };
    egui::Frame::new().inner_margin(margin).show(ui, show).inner
}

/// A name and its figure, the figure at the right.
pub(crate) fn stat(ui: &mut Ui, name: &str, value: &str) -> Response {
    let t = theme();
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).color(t.secondary));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(value).font(figures(t.shape.body)));
        });
    })
    .response
}

/// A text that is pressed to go somewhere.
pub(crate) fn link(ui: &mut Ui, text: &str) -> Response {
    ui.add(egui::Link::new(text))
}

/// A choice of few, side by side. True when it changed.
pub(crate) fn switch<T: PartialEq + Copy>(
    ui: &mut Ui,
    value: &mut T,
    choices: &[(T, &str)],
) -> bool {
    let mut changed = false;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (choice, text) in choices {
            if ui.selectable_label(*value == *choice, *text).clicked() && *value != *choice {
                *value = *choice;
                changed = true;
            }
        }
    });
    changed
}
