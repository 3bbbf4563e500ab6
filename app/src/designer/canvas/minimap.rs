//! The whole drawing in a corner, while a part of it is out of view: boxes in the colours of their health, and the part that is seen, which can be dragged.

use egui::{Align2, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::Canvas;
use super::camera::View;
use super::draw::{Pen, TextStyle};
use super::node_draw::hue;
use crate::designer::cx::Cx;
use crate::designer::i18n::tr;
use crate::designer::theme::theme;
use crate::designer::widgets::format::percent;

/// Size on the screen.
const SIZE: egui::Vec2 = vec2(168.0, 108.0);

impl Canvas {
    /// Takes the minimap's input; before the canvas takes its own.
    pub(super) fn minimap_input(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let Some((room, world)) = self.minimap_place(cx) else {
            return;
        };
        let response = ui.interact(room, ui.id().with("minimap"), Sense::click_and_drag());
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::Other, true, tr("canvas.minimap"))
        });
        if let Some(at) = response
            .interact_pointer_pos()
            .filter(|_| response.dragged() || response.clicked())
        {
            let share = (at - room.min) / room.size();
            let center = world.min + world.size() * share;
            self.camera.go(
                View {
                    center,
                    ..self.camera.view
                },
                0.0,
                false,
            );
        }
    }

    /// Where it is on the screen, and what it shows.
    fn minimap_place(&self, cx: &Cx<'_>) -> Option<(Rect, Rect)> {
        let fits =
            self.camera.rect.width() > 2.5 * SIZE.x && self.camera.rect.height() > 2.0 * SIZE.y;
        if !cx.prefs.minimap || cx.presenter || !fits {
            return None;
        }
        let (bounds, seen) = (self.model.bounds()?, self.camera.seen());
        // Where everything is in view it would only be in the way.
        if seen.expand(1.0).contains_rect(bounds) {
            return None;
        }
        let bounds = bounds.union(seen).expand(40.0);
        // The same shape as the corner, so that nothing is squeezed.
        let scale = (bounds.size() / SIZE).max_elem();
        let world = Rect::from_center_size(bounds.center(), SIZE * scale);
        let corner = self.camera.rect.max - vec2(12.0, 12.0);
        Some((Rect::from_min_max(corner - SIZE, corner), world))
    }

    /// Draws it, with the zoom beside it.
    pub(super) fn paint_minimap(&self, pen: &mut Pen<'_>, cx: &Cx<'_>) {
        let t = theme();
        let Some((room, world)) = self.minimap_place(cx) else {
            self.paint_zoom(pen, self.camera.rect.max - vec2(14.0, 12.0));
            return;
        };
        let painter = pen
            .painter
            .with_clip_rect(room.intersect(pen.painter.clip_rect()));
        let place = |p: Pos2| room.min + (p - world.min) / world.size() * room.size();
        painter.rect(
            room,
            t.shape.radius_control,
            t.panel.gamma_multiply(0.94),
            t.hairline(),
            StrokeKind::Inside,
        );
        for frame in &cx.doc.frames {
            let r = self.frame_rect(frame);
            let r = Rect::from_min_max(place(r.min), place(r.max));
            painter.rect_stroke(
                r,
                1.0,
                Stroke::new(
                    1.0,
                    super::notes::frame_hue(frame.color).gamma_multiply(0.5),
                ),
                StrokeKind::Inside,
            );
        }
        // Of very many nodes a corner shows no more than their places.
        for node in &self.model.nodes {
            let r = node.rect();
            let r = Rect::from_min_max(
                place(r.min),
                place(r.max).max(place(r.min) + vec2(2.0, 2.0)),
            );
            let pressure = node.pressure();
            let bad = node.badges.iter().any(|b| {
                !matches!(
                    b.about,
                    super::badges::About::ColdStart | super::badges::About::Warnings
                )
            });
            let colour = match () {
                () if bad || pressure >= t.shape.red_from => t.red,
                () if pressure >= t.shape.amber_from => t.amber,
                () if node.live.as_ref().is_some_and(|l| l.is_moving) => t.green,
                () => hue(node).gamma_multiply(0.7),
            };
            painter.rect_filled(r, 1.0, colour);
        }
        let seen = self.camera.seen();
        let seen = Rect::from_min_max(place(seen.min), place(seen.max));
        painter.rect(
            seen,
            1.0,
            t.accent.gamma_multiply(0.08),
            Stroke::new(1.0, t.accent),
            StrokeKind::Inside,
        );
        self.paint_zoom(pen, pos2(room.left() - 8.0, room.bottom()));
    }

    fn paint_zoom(&self, pen: &mut Pen<'_>, at: Pos2) {
        let t = theme();
        let text = percent((f64::from(self.camera.zoom()) * 100.0).round() / 100.0);
        let style = TextStyle {
            size: t.shape.caption,
            ..TextStyle::figures(t.faint)
        };
        pen.text_fixed(at, Align2::RIGHT_BOTTOM, &text, style);
    }
}
