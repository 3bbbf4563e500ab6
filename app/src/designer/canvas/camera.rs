//! Where the person looks: pan, zoom and gliding to a place.

use egui::{Pos2, Rect, Vec2};

/// Least and greatest zoom.
pub(super) const ZOOM: std::ops::RangeInclusive<f32> = 0.08..=2.0;

/// Points that a view which shows everything leaves free, on both sides together.
const FIT_MARGIN: f32 = 56.0;

/// A view: the point of the drawing in the middle of the canvas, and points of the screen for each point of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) center: Pos2,
    pub(super) zoom: f32,
}

#[derive(Debug, Clone, Copy)]
struct Glide {
    from: View,
    to: View,
    begun: f64,
}

/// The view and how it moves.
#[derive(Debug)]
pub(super) struct Camera {
    pub(super) view: View,
    /// The canvas on the screen.
    pub(super) rect: Rect,
    glide: Option<Glide>,
}

impl Default for Camera {
    fn default() -> Self {
        let view = View {
            center: Pos2::ZERO,
            zoom: 1.0,
        };
        Self {
            view,
            rect: Rect::from_min_size(Pos2::ZERO, Vec2::splat(100.0)),
            glide: None,
        }
    }
}

impl Camera {
    /// Points of the screen for each point of the drawing.
    pub(super) const fn zoom(&self) -> f32 {
        self.view.zoom
    }
    /// A point of the drawing on the screen.
    pub(super) fn to_screen(&self, p: Pos2) -> Pos2 {
        self.rect.center() + (p - self.view.center) * self.view.zoom
    }
    /// A point of the screen in the drawing.
    pub(super) fn to_world(&self, p: Pos2) -> Pos2 {
        self.view.center + (p - self.rect.center()) / self.view.zoom
    }
    /// A rectangle of the drawing on the screen.
    pub(super) fn rect_to_screen(&self, r: Rect) -> Rect {
        Rect::from_min_max(self.to_screen(r.min), self.to_screen(r.max))
    }
    /// What is seen, in the drawing.
    pub(super) fn seen(&self) -> Rect {
        Rect::from_min_max(self.to_world(self.rect.min), self.to_world(self.rect.max))
    }
    /// Moves the drawing by points of the screen.
    pub(super) fn pan(&mut self, delta: Vec2) {
        self.glide = None;
        self.view.center -= delta / self.view.zoom;
    }
    /// Zooms so that what lies under `pointer` stays there.
    pub(super) fn zoom_at(&mut self, pointer: Pos2, factor: f32) {
        self.glide = None;
        let under = self.to_world(pointer);
        self.view.zoom = (self.view.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        let now = self.to_world(pointer);
        self.view.center += under - now;
    }
    /// The view that shows `world` whole, at most at its actual size.
    pub(super) fn fitting(&self, world: Rect) -> View {
        let room = (self.rect.size() - Vec2::splat(FIT_MARGIN)).max(Vec2::splat(32.0));
        let scale = (room / world.size().max(Vec2::splat(1.0))).min_elem();
        View {
            center: world.center(),
            zoom: scale.clamp(*ZOOM.start(), 1.0),
        }
    }
    /// Goes to `view`, gliding when things may move.
    pub(super) fn go(&mut self, view: View, now: f64, motion: bool) {
        if motion {
            self.glide = Some(Glide {
                from: self.view,
                to: view,
                begun: now,
            });
        } else {
            self.glide = None;
            self.view = view;
        }
    }
    /// Where a glide ends, or where the view is.
    pub(super) fn target(&self) -> View {
        self.glide.map_or(self.view, |g| g.to)
    }
    /// Moves a glide on. True while it lasts.
    pub(super) fn tick(&mut self, now: f64, seconds: f64) -> bool {
        let Some(glide) = self.glide else {
            return false;
        };
        let t = ease((now - glide.begun) / seconds);
        // Zoom in even steps for the eye: in its logarithm.
        let zoom = glide.from.zoom * (glide.to.zoom / glide.from.zoom).powf(t);
        let center = glide.from.center + (glide.to.center - glide.from.center) * t;
        self.view = View { center, zoom };
        if t >= 1.0 {
            self.view = glide.to;
            self.glide = None;
        }
        self.glide.is_some()
    }
}

/// Fast at first, slow at the end; 0 to 1.
#[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
pub(super) fn ease(t: f64) -> f32 {
    let left = 1.0 - t.clamp(0.0, 1.0);
    (1.0 - left * left * left) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{pos2, vec2};

    fn camera() -> Camera {
        let rect = Rect::from_min_size(pos2(100.0, 50.0), vec2(800.0, 600.0));
        Camera {
            rect,
            ..Camera::default()
        }
    }

    #[test]
    fn what_is_under_the_pointer_stays_there_when_zooming() {
        let mut c = camera();
        let pointer = pos2(200.0, 500.0);
        let before = c.to_world(pointer);
        c.zoom_at(pointer, 0.37);
        assert!((c.to_world(pointer) - before).length() < 1e-3);
        for _ in 0..50 {
            c.zoom_at(pointer, 0.5);
        }
        assert!((c.zoom() - ZOOM.start()).abs() < 1e-6);
    }

    #[test]
    fn a_fit_shows_the_whole_and_never_enlarges() {
        let mut c = camera();
        let world = Rect::from_min_size(pos2(-500.0, 0.0), vec2(4000.0, 300.0));
        c.go(c.fitting(world), 0.0, false);
        assert!(c.rect.contains_rect(c.rect_to_screen(world)));
        assert!(
            (c.fitting(Rect::from_min_size(Pos2::ZERO, vec2(10.0, 10.0)))
                .zoom
                - 1.0)
                .abs()
                < 1e-6
        );
    }

    #[test]
    fn a_glide_ends_where_it_should() {
        let mut c = camera();
        let to = View {
            center: pos2(300.0, -20.0),
            zoom: 0.5,
        };
        c.go(to, 1.0, true);
        assert!(c.tick(1.05, 0.16));
        assert!(!c.tick(1.2, 0.16));
        assert_eq!(c.view, to);
    }
}
