//! Pointer and keys over a plot.

use egui::{Ui, Vec2};

use super::Plots;
use super::draw::{Drawn, Shared};
use crate::designer::cx::{Act, Cx};
use crate::designer::theme::theme;

impl Plots {
    /// Pointer and keys over a plot: drag marks a span to zoom to, with Shift or another button it moves; the wheel zooms; a
    /// click puts the cursor; a double click goes back.
    pub(super) fn handle(&mut self, ui: &Ui, cx: &Cx<'_>, drawn: &Drawn, shared: &Shared<'_>) {
        let response = &drawn.response;
        let now = shared.now;
        if response.contains_pointer() || response.dragged() {
            let pointer = ui.input(|i| i.pointer.latest_pos());
            self.hovered = pointer.map(|p| drawn.second_at(p.x));
        }
        let moves =
            ui.input(|i| i.modifiers.shift) || !response.dragged_by(egui::PointerButton::Primary);
        if response.drag_started() && !moves {
            let origin = ui.input(|i| i.pointer.press_origin());
            self.mark_from = origin.map(|p| drawn.second_at(p.x));
        }
        if response.dragged() && self.mark_from.is_none() {
            let per_point =
                (shared.range.1 - shared.range.0) / f64::from(drawn.transform.frame().width());
            self.axis
                .pan(now, -f64::from(response.drag_delta().x) * per_point);
        }
        if response.drag_stopped()
            && let Some(from) = self.mark_from.take()
            && let Some(to) = ui.input(|i| i.pointer.latest_pos())
        {
            self.axis.fix(now, from, drawn.second_at(to.x));
        }
        if response.double_clicked() {
            self.axis.reset();
        } else if response.clicked() {
            response.request_focus();
            cx.act(Act::Cursor(drawn.pointed()));
        } else if response.secondary_clicked() {
            cx.act(Act::Cursor(None));
        }
        self.wheel(ui, drawn, now);
        self.keys(ui, cx, drawn, shared);
    }

    fn wheel(&mut self, ui: &Ui, drawn: &Drawn, now: f64) {
        let Some(at) = drawn.pointed() else { return };
        let (turned, pinched) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta()));
        let factor = f64::from(pinched) * (f64::from(turned.y) / 240.0).exp();
        if (factor - 1.0).abs() > 1e-6 {
            self.axis.zoom(now, at, factor);
        }
        if turned.x.abs() > turned.y.abs() {
            let (from, to) = self.axis.range(now);
            self.axis.pan(
                now,
                -f64::from(turned.x / drawn.transform.frame().width()) * (to - from),
            );
        }
        if turned != Vec2::ZERO {
            // The list of plots does not scroll too.
            ui.input_mut(|i| i.smooth_scroll_delta = Vec2::ZERO);
        }
    }

    fn keys(&mut self, ui: &Ui, cx: &Cx<'_>, drawn: &Drawn, shared: &Shared<'_>) {
        use egui::Key;
        let response = &drawn.response;
        if !response.has_focus() {
            return;
        }
        let filter = egui::EventFilter {
            horizontal_arrows: true,
            ..egui::EventFilter::default()
        };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
        let frame = *drawn.transform.frame();
        ui.painter().rect_stroke(
            frame,
            2.0,
            egui::Stroke::new(1.0, theme().accent),
            egui::StrokeKind::Inside,
        );
        let (from, to) = shared.range;
        let step = (to - from) / 50.0;
        let at = cx.cursor.unwrap_or(shared.now.min(to));
        let pressed = |key| ui.input(|i| i.key_pressed(key));
        for (key, by) in [(Key::ArrowLeft, -step), (Key::ArrowRight, step)] {
            if pressed(key) {
                cx.act(Act::Cursor(Some((at + by).max(0.0))));
            }
        }
        for (key, factor) in [
            (Key::Plus, 1.5),
            (Key::Equals, 1.5),
            (Key::Minus, 1.0 / 1.5),
        ] {
            if pressed(key) {
                self.axis.zoom(shared.now, at, factor);
            }
        }
        if pressed(Key::Home) {
            self.axis.reset();
        }
    }
}
