//! Controls that only forms need.

use egui::{Color32, Response, Sense, Stroke, StrokeKind, Ui, Vec2};

use crate::designer::theme::theme;

/// A switch; `None` when what it stands for differs.
pub(super) fn toggle(ui: &mut Ui, is_on: Option<bool>, label: &str) -> Response {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(Vec2::new(34.0, 20.0), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::WidgetType::Checkbox,
            ui.is_enabled(),
            is_on.unwrap_or(false),
            label,
        )
    });
    let share = match is_on {
        Some(on) => ui.ctx().animate_bool_responsive(response.id, on),
        None => 0.5,
    };
    let track = rect.shrink2(Vec2::new(0.0, 1.0));
    let fill = t.line.lerp_to_gamma(
        t.accent,
        if is_on == Some(true) {
            share.max(0.4)
        } else {
            share * 0.6
        },
    );
    ui.painter().rect_filled(track, track.height() * 0.5, fill);
    let radius = track.height() * 0.5 - 2.5;
    let x = egui::lerp(
        (track.left() + radius + 2.5)..=(track.right() - radius - 2.5),
        share,
    );
    let knob = if is_on == Some(true) {
        t.on_accent
    } else {
        t.text
    };
    ui.painter().circle(
        egui::pos2(x, track.center().y),
        radius,
        knob,
        Stroke::new(0.0, Color32::TRANSPARENT),
    );
    if response.has_focus() {
        ui.painter().rect_stroke(
            rect.expand(1.0),
            rect.height() * 0.5,
            Stroke::new(1.5, t.accent),
            StrokeKind::Outside,
        );
    }
    response
}
