//! The designer without a window: the same frames, painted by this program. For pictures, tests and measurements.

pub(crate) mod measure;
mod painter;
mod pictures;
mod raster;

use std::path::Path;
use std::time::{Duration, Instant};

use egui::accesskit::Node;
use egui::{Color32, Event, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Vec2, ViewportId};
use image::{ImageFormat, RgbaImage};
use weir_engine::disk;

use super::{Designer, Setup};

pub use self::painter::Painter;
pub(crate) use self::pictures::{Look, PICTURES, Picture};

/// Time between two frames, as the designer sees it.
const FRAME: f64 = 1.0 / 60.0;
/// Host time between two frames while something is waited for.
const PATIENCE: Duration = Duration::from_millis(10);

/// A designer that draws into memory.
pub struct Headless {
    ctx: egui::Context,
    designer: Designer,
    painter: Painter,
    /// Points at the interface's own scale of 1.
    size: Vec2,
    scale: f32,
    time: f64,
    events: Vec<Event>,
    frame: Frame,
}

/// What the latest frame came to.
#[derive(Default)]
struct Frame {
    shapes: Vec<egui::epaint::ClippedShape>,
    pixels_per_point: f32,
    repaint: Duration,
    widgets: Vec<Node>,
    copied: Vec<String>,
}

impl Headless {
    /// A designer of `size` points, each of `scale` pixels.
    #[must_use]
    pub fn new(size: Vec2, scale: f32, setup: &Setup) -> Self {
        let ctx = egui::Context::default();
        ctx.enable_accesskit();
        let designer = Designer::new(&ctx, setup, None);
        let mut headless = Self {
            ctx,
            designer,
            painter: Painter::default(),
            size,
            scale,
            time: 0.0,
            events: Vec::new(),
            frame: Frame::default(),
        };
        // Sizes of most things are known after the first frame.
        headless.steps(2);
        headless
    }
    /// The designer.
    #[must_use]
    pub const fn designer(&self) -> &Designer {
        &self.designer
    }
    /// The designer, to be asked for what it finds out when asked.
    #[must_use]
    pub const fn designer_mut(&mut self) -> &mut Designer {
        &mut self.designer
    }
    /// Something that a person does; it arrives with the next frame.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }
    /// One frame.
    pub fn step(&mut self) {
        self.designer.logic(&self.ctx);
        let zoom = self.ctx.zoom_factor();
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size / zoom)),
            time: Some(self.time),
            predicted_dt: 1.0 / 60.0,
            events: std::mem::take(&mut self.events),
            focused: true,
            ..RawInput::default()
        };
        if let Some(viewport) = input.viewports.get_mut(&ViewportId::ROOT) {
            viewport.native_pixels_per_point = Some(self.scale);
        }
        self.time += FRAME;
        let designer = &mut self.designer;
        let mut output = self.ctx.run_ui(input, |ui| designer.ui(ui));
        self.painter.take(&mut output.textures_delta);
        let repaint = output.viewport_output.get(&ViewportId::ROOT);
        let tree = output.platform_output.accesskit_update;
        let copied = output
            .platform_output
            .commands
            .into_iter()
            .filter_map(|c| match c {
                egui::OutputCommand::CopyText(text) => Some(text),
                _ => None,
            });
        self.frame = Frame {
            shapes: output.shapes,
            pixels_per_point: output.pixels_per_point,
            repaint: repaint.map_or(Duration::MAX, |v| v.repaint_delay),
            widgets: tree
                .into_iter()
                .flat_map(|t| t.nodes)
                .map(|(_, node)| node)
                .collect(),
            copied: copied.collect(),
        };
    }
    /// `count` frames.
    pub fn steps(&mut self, count: usize) {
        (0..count).for_each(|_| self.step());
    }
    /// Frames until `done`, for at most `most` of the machine's time. True when it was done.
    pub fn run_until(
        &mut self,
        most: Duration,
        mut done: impl FnMut(&mut Designer) -> bool,
    ) -> bool {
        let began = Instant::now();
        loop {
            self.step();
            if done(&mut self.designer) {
                return true;
            }
            if began.elapsed() > most {
                return false;
            }
            std::thread::sleep(PATIENCE);
        }
    }
    /// Frames until nothing asks for another one, for at most `most` of the machine's time. True when it came to rest.
    pub fn settle(&mut self, most: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < most {
            self.step();
            if self.frame.repaint > Duration::from_secs(1) && !self.designer.is_checking() {
                return true;
            }
            if self.frame.repaint > Duration::ZERO {
                std::thread::sleep(PATIENCE);
            }
        }
        false
    }
    /// How long the window may wait for its next frame.
    #[must_use]
    pub const fn repaint_delay(&self) -> Duration {
        self.frame.repaint
    }
    /// Text that the latest frame put on the clipboard.
    #[must_use]
    pub fn copied(&self) -> Option<&str> {
        self.frame.copied.last().map(String::as_str)
    }
    /// Where the first widget is whose label or value is `label`.
    #[must_use]
    pub fn find(&self, label: &str) -> Option<Rect> {
        self.find_by(|l| l == label)
    }
    /// Where the first widget is whose label or value `fits`.
    #[must_use]
    pub fn find_by(&self, fits: impl Fn(&str) -> bool) -> Option<Rect> {
        let shown = self.frame.widgets.iter().filter(|n| !n.is_hidden());
        let mut named =
            shown.filter(|n| n.label().is_some_and(&fits) || n.value().is_some_and(&fits));
        named.find_map(place)
    }
    /// Labels and places of all widgets.
    pub fn widgets(&self) -> impl Iterator<Item = (&str, Rect)> {
        self.frame
            .widgets
            .iter()
            .filter_map(|n| Some((n.label()?, place(n)?)))
    }
    /// Moves the pointer.
    pub fn hover(&mut self, at: Pos2) {
        self.event(Event::PointerMoved(at));
        self.steps(2);
    }
    /// Clicks.
    pub fn click(&mut self, at: Pos2) {
        self.hover(at);
        for pressed in [true, false] {
            let modifiers = Modifiers::NONE;
            self.event(Event::PointerButton {
                pos: at,
                button: PointerButton::Primary,
                pressed,
                modifiers,
            });
            self.step();
        }
        self.step();
    }
    /// Clicks the widget called `label`. False when there is none.
    pub fn click_on(&mut self, label: &str) -> bool {
        let place = self.find(label);
        if let Some(place) = place {
            self.click(place.center());
        }
        place.is_some()
    }
    /// Presses a key.
    pub fn key(&mut self, key: Key, modifiers: Modifiers) {
        self.event(Event::ModifiersChanged(modifiers));
        for pressed in [true, false] {
            self.event(Event::Key {
                key,
                physical_key: None,
                pressed,
                repeat: false,
                modifiers,
            });
            self.step();
        }
        self.event(Event::ModifiersChanged(Modifiers::NONE));
        self.step();
    }
    /// Types text.
    pub fn text(&mut self, text: &str) {
        self.event(Event::Text(text.to_owned()));
        self.steps(2);
    }
    /// The latest frame as a picture.
    #[must_use]
    pub fn screenshot(&self) -> RgbaImage {
        let shapes = self.frame.shapes.clone();
        let primitives = self.ctx.tessellate(shapes, self.frame.pixels_per_point);
        let pixels = self.size * self.scale;
        let ground = Color32::from_gray(12);
        self.painter.paint(
            &primitives,
            self.frame.pixels_per_point,
            [whole(pixels.x), whole(pixels.y)],
            ground,
        )
    }
    /// Writes the latest frame as PNG.
    ///
    /// # Errors
    /// One sentence.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let picture = self.screenshot();
        let failed =
            |e: &dyn std::fmt::Display| format!("`{}` cannot be written: {e}", path.display());
        let mut bytes = Vec::new();
        picture
            .write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png)
            .map_err(|e| failed(&e))?;
        disk::replace(path, &bytes).map_err(|e| failed(&e))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides of a picture, at least one pixel"
)]
fn whole(side: f32) -> usize {
    side.round().max(1.0) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "points on a screen")]
fn place(node: &Node) -> Option<Rect> {
    let b = node.bounds()?;
    Some(Rect::from_min_max(
        Pos2::new(b.x0 as f32, b.y0 as f32),
        Pos2::new(b.x1 as f32, b.y1 as f32),
    ))
}
