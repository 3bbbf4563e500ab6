//! The pen of the canvas: text and icons at any zoom, crisp because they are laid out at the size that they have on the screen.

use std::collections::HashMap;

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, TextureId, Vec2};
use weir_engine::node::KindSpec;

use crate::designer::theme::{figures, regular, semibold, theme};
use crate::designer::widgets::{icon_image, kind_icon};

/// Which face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Regular,
    Semibold,
    Figures,
}

/// How a text looks; the size is in points of the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextStyle {
    pub(super) size: f32,
    pub(super) face: Face,
    pub(super) colour: Color32,
    /// Widest line, in the same points as the size; longer ones end in an ellipsis.
    pub(super) width: f32,
    pub(super) rows: usize,
}

impl TextStyle {
    pub(super) fn body(colour: Color32) -> Self {
        Self {
            size: theme().shape.body,
            face: Face::Regular,
            colour,
            width: f32::INFINITY,
            rows: 1,
        }
    }
    pub(super) fn caption(colour: Color32) -> Self {
        Self {
            size: theme().shape.caption,
            ..Self::body(colour)
        }
    }
    pub(super) fn strong(colour: Color32) -> Self {
        Self {
            face: Face::Semibold,
            ..Self::body(colour)
        }
    }
    pub(super) fn figures(colour: Color32) -> Self {
        Self {
            face: Face::Figures,
            ..Self::body(colour)
        }
    }
    fn font(&self, size: f32) -> FontId {
        // Half points: glyphs of a few sizes only are kept while a person zooms.
        let size = ((size * 2.0).round() / 2.0).max(4.0);
        match self.face {
            Face::Regular => regular(size),
            Face::Semibold => semibold(size),
            Face::Figures => figures(size),
        }
    }
}

/// Textures of icons, looked up once a frame.
#[derive(Default)]
pub(super) struct Textures(HashMap<(&'static str, bool, u32), Option<TextureId>>);

impl Textures {
    /// Forgets the frame: what is not asked for again is let go by egui.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Draws in one frame.
pub(super) struct Pen<'a> {
    pub(super) painter: &'a Painter,
    pub(super) zoom: f32,
    pub(super) textures: &'a mut Textures,
}

impl Pen<'_> {
    /// Text that grows with the zoom. Returns what it covers.
    pub(super) fn text(&mut self, at: Pos2, align: Align2, text: &str, style: TextStyle) -> Rect {
        let size = style.size * self.zoom;
        let width = style.width * self.zoom;
        self.lay(
            at,
            align,
            text,
            TextStyle {
                size,
                width,
                ..style
            },
        )
    }
    /// Text at a size of the screen.
    pub(super) fn text_fixed(
        &mut self,
        at: Pos2,
        align: Align2,
        text: &str,
        style: TextStyle,
    ) -> Rect {
        self.lay(at, align, text, style)
    }
    fn lay(&self, at: Pos2, align: Align2, text: &str, style: TextStyle) -> Rect {
        if text.is_empty() {
            return Rect::from_min_size(at, Vec2::ZERO);
        }
        let mut job = LayoutJob::simple(
            text.to_owned(),
            style.font(style.size),
            style.colour,
            f32::INFINITY,
        );
        job.break_on_newline = style.rows > 1;
        job.wrap = TextWrapping {
            max_width: style.width,
            max_rows: style.rows,
            // Words of a longer text stay whole.
            break_anywhere: style.rows == 1,
            ..TextWrapping::default()
        };
        let galley = self.painter.layout_job(job);
        let rect = align.anchor_size(at, galley.size());
        self.painter.galley(rect.min, galley, style.colour);
        rect
    }
    /// An icon of the window.
    pub(super) fn icon(&mut self, name: &'static str, rect: Rect, colour: Color32) {
        let image = || icon_image(name);
        self.image((name, false), image, rect, colour);
    }
    /// The icon of a kind.
    pub(super) fn kind(&mut self, spec: &'static KindSpec, rect: Rect, colour: Color32) {
        self.image((spec.id, true), || kind_icon(spec), rect, colour);
    }
    fn image(
        &mut self,
        key: (&'static str, bool),
        image: impl FnOnce() -> egui::Image<'static>,
        rect: Rect,
        colour: Color32,
    ) {
        // Few sizes, each at least as fine as the screen: zooming makes no new ones all the time.
        let (points, side) = match rect.width() {
            w if w <= 16.0 => (32.0, 32),
            w if w <= 32.0 => (64.0, 64),
            _ => (128.0, 128),
        };
        let painter = self.painter;
        let texture = *self
            .textures
            .0
            .entry((key.0, key.1, side))
            .or_insert_with(|| {
                let image = image().fit_to_exact_size(Vec2::splat(points));
                let loaded = image
                    .load_for_size(painter.ctx(), Vec2::splat(points))
                    .ok()?;
                loaded.texture_id()
            });
        if let Some(texture) = texture {
            let uv = Rect::from_min_max(Pos2::ZERO, egui::pos2(1.0, 1.0));
            painter.image(texture, rect, uv, colour);
        }
    }
    /// A few lines of text in a box beside `at`, kept inside the canvas: what a person should know at the pointer.
    pub(super) fn hint(&mut self, at: Pos2, lines: &[(&str, Color32)]) {
        let t = theme();
        let mut job = LayoutJob::default();
        for (i, (text, colour)) in lines.iter().enumerate() {
            let font = if i == 0 && lines.len() > 1 {
                semibold(t.shape.body)
            } else {
                regular(t.shape.body)
            };
            let format = egui::TextFormat::simple(font, *colour);
            job.append(if i == 0 { "" } else { "\n" }, 0.0, format.clone());
            job.append(text, 0.0, format);
        }
        job.wrap.max_width = 320.0;
        let galley = self.painter.layout_job(job);
        let size = galley.size() + Vec2::splat(16.0);
        let room = self.painter.clip_rect().shrink(4.0);
        let min = (at + Vec2::new(14.0, 16.0))
            .min(room.max - size)
            .max(room.min);
        let rect = Rect::from_min_size(min, size);
        self.painter.rect(
            rect,
            t.shape.radius_control,
            t.raised,
            t.hairline(),
            egui::StrokeKind::Inside,
        );
        self.painter
            .galley(rect.min + Vec2::splat(8.0), galley, t.text);
    }
}
