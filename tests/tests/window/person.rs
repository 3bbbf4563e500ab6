//! A person at the designer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, Vec2};
use egui_kittest::kittest::NodeT as _;
use egui_kittest::{Harness, Node};
use serde_json::json;
use weir_app::designer::{Designer, FileDialogs, Lang, Setup};
use weir_engine::document::Document;

use super::clerk::Clerk;

/// Longest that anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A designer without a window, and someone who uses it.
pub(crate) struct Person {
    harness: Harness<'static, Option<Designer>>,
    size: Vec2,
    /// Where files are written.
    folder: tempfile::TempDir,
}

/// A file that is dropped.
#[derive(Debug)]
struct Dropped(std::path::PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

/// English, dark, no motion, no tour, nothing kept.
pub(crate) fn setup(file: Option<&str>) -> Setup {
    Setup {
        file: file.map(str::to_owned),
        lang: Some(Lang::En),
        dark: Some(true),
        motion: false,
        recovery: None,
        dialogs: None,
        tour: false,
    }
}

impl Person {
    /// Opens the designer on `file` in a window of 1440 by 900 points.
    pub(crate) fn opens(file: Option<&str>) -> Self {
        Self::with(setup(file), Vec2::new(1440.0, 900.0), 1.0)
    }
    /// Opens the designer on a drawing of these nodes (`id`, `kind`, place) and wires (`from`, `to`).
    pub(crate) fn draws_on(nodes: &[(&str, &str, [i32; 2])], wires: &[(&str, &str)]) -> Self {
        let nodes: Vec<_> = nodes
            .iter()
            .map(|(id, kind, at)| json!({ "id": id, "kind": kind, "at": at }))
            .collect();
        let wires: Vec<_> = wires
            .iter()
            .map(|(from, to)| json!({ "from": from, "to": to }))
            .collect();
        let doc =
            json!({ "weir": 1, "name": "Sketch", "run_for": "2m", "nodes": nodes, "wires": wires });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sketch.json");
        std::fs::write(&file, doc.to_string()).unwrap();
        let mut person = Self::opens(file.to_str());
        person.folder = folder;
        person
    }
    /// Opens the designer on `file`; `clerk` answers its file dialogs.
    pub(crate) fn served(file: Option<&str>, clerk: &Arc<Clerk>) -> Self {
        let clerk = Arc::clone(clerk) as Arc<dyn FileDialogs>;
        let setup = Setup {
            dialogs: Some(clerk),
            ..setup(file)
        };
        Self::with(setup, Vec2::new(1440.0, 900.0), 1.0)
    }
    /// These events come in one frame.
    pub(crate) fn has(&mut self, events: &[egui::Event]) {
        for event in events {
            self.harness.event(event.clone());
        }
        self.harness.step();
    }
    /// The system gives the window another size.
    pub(crate) fn resizes(&mut self, size: Vec2) {
        self.size = size;
        self.harness.set_size(size);
        self.frames(2);
    }
    /// Opens the designer in a window of `size` points of `scale` pixels.
    pub(crate) fn with(setup: Setup, size: Vec2, scale: f32) -> Self {
        let draw = move |ui: &mut egui::Ui, designer: &mut Option<Designer>| match designer {
            Some(designer) => {
                designer.logic(ui.ctx());
                designer.ui(ui);
            }
            // Fonts are there from the next frame on.
            None => *designer = Some(Designer::new(ui.ctx(), &setup, None)),
        };
        let builder = Harness::builder()
            .with_size(size)
            .with_pixels_per_point(scale)
            .with_max_steps(30);
        let folder = tempfile::tempdir().unwrap();
        let mut person = Self {
            harness: builder.build_ui_state(draw, None),
            size,
            folder,
        };
        person.settles();
        person
    }
    pub(crate) fn designer(&self) -> &Designer {
        self.harness.state().as_ref().unwrap()
    }
    pub(crate) fn designer_mut(&mut self) -> &mut Designer {
        self.harness.state_mut().as_mut().unwrap()
    }
    pub(crate) fn document(&self) -> &Document {
        self.designer().document()
    }
    pub(crate) fn screen(&self) -> Rect {
        Rect::from_min_size(Pos2::ZERO, self.size)
    }
    pub(crate) fn context(&self) -> &egui::Context {
        &self.harness.ctx
    }

    /// The wires of the drawing as `from > to`.
    pub(crate) fn wires_drawn(&self) -> Vec<String> {
        let wires = self.document().wires.iter();
        wires
            .map(|w| {
                format!(
                    "{}.{} > {}.{}",
                    w.from.node, w.from.port, w.to.node, w.to.port
                )
            })
            .collect()
    }
    /// Ids of the drawing's nodes.
    pub(crate) fn nodes_drawn(&self) -> Vec<&str> {
        self.document()
            .nodes
            .iter()
            .map(|n| n.id.as_str())
            .collect()
    }
    /// The folder where files may be written.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
    /// Text that the latest frames put on the clipboard.
    pub(crate) fn copied(&mut self) -> Option<String> {
        self.harness
            .output()
            .platform_output
            .commands
            .iter()
            .find_map(|c| match c {
                egui::OutputCommand::CopyText(text) => Some(text.clone()),
                _ => None,
            })
    }
    /// How long the window may wait for its next frame.
    pub(crate) fn repaint_delay(&self) -> Duration {
        let output = self
            .harness
            .output()
            .viewport_output
            .get(&egui::ViewportId::ROOT);
        output.map_or(Duration::MAX, |v| v.repaint_delay)
    }

    /// Looks at `count` frames.
    pub(crate) fn frames(&mut self, count: usize) {
        (0..count).for_each(|_| self.harness.step());
    }
    /// Waits until `done`.
    #[track_caller]
    pub(crate) fn waits(&mut self, what: &str, mut done: impl FnMut(&mut Designer) -> bool) {
        let began = Instant::now();
        loop {
            self.harness.step();
            if done(self.designer_mut()) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{what} does not come; on the screen:\n{}",
                self.reads()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    /// Waits until the check of the drawing is done and the window rests.
    #[track_caller]
    pub(crate) fn settles(&mut self) {
        self.frames(3);
        self.waits("the check", |d| !d.is_checking());
        self.frames(2);
    }
    /// Waits until a label or value contains `part`.
    #[track_caller]
    pub(crate) fn waits_for_part(&mut self, part: &str) {
        self.waits_until(part, |person| person.reads_of(part));
    }
    /// Waits until something is called `label`.
    #[track_caller]
    pub(crate) fn waits_for(&mut self, label: &str) {
        self.waits_until(label, |person| person.sees(label));
    }
    #[track_caller]
    fn waits_until(&mut self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_there(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "`{what}` does not come; on the screen:\n{}",
                self.reads()
            );
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
    }

    fn all(&self) -> impl Iterator<Item = Node<'_>> {
        self.harness.root().children_recursive()
    }
    fn named<'a>(&'a self, fits: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = Node<'a>> {
        self.all().filter(move |n| {
            let node = n.accesskit_node();
            let texts = [
                node.label(),
                node.value(),
                node.placeholder().map(str::to_owned),
            ];
            texts.into_iter().flatten().any(|t| fits(&t))
        })
    }
    /// True when something is called `label`.
    pub(crate) fn sees(&self, label: &str) -> bool {
        self.named(|l| l == label).next().is_some()
    }
    /// True when a label or value contains `part`.
    pub(crate) fn reads_of(&self, part: &str) -> bool {
        self.named(|l| l.contains(part)).next().is_some()
    }
    /// All labels and values on the screen, a line each.
    pub(crate) fn reads(&self) -> String {
        let mut lines = Vec::new();
        for node in self.all() {
            let node = node.accesskit_node();
            lines.extend(node.label().filter(|l| !l.is_empty()));
            lines.extend(node.value().filter(|l| !l.is_empty()));
        }
        lines.dedup();
        lines.join("\n")
    }
    /// What the thing called `label` shows besides its name: the value of a legend, the state of a node.
    #[track_caller]
    pub(crate) fn shown_at(&self, label: &str) -> String {
        let nodes = self.named(|l| l == label);
        let mut values = nodes.filter_map(|n| n.accesskit_node().value());
        values
            .find(|v| v != label)
            .unwrap_or_else(|| panic!("`{label}` shows nothing; on the screen:\n{}", self.reads()))
    }
    /// The text that follows the text `label`, as a figure follows its name.
    #[track_caller]
    pub(crate) fn beside(&self, label: &str) -> String {
        let text = self.reads();
        let mut lines = text.lines().skip_while(|l| *l != label);
        lines
            .nth(1)
            .map(str::to_owned)
            .unwrap_or_else(|| panic!("nothing stands beside `{label}`; on the screen:\n{text}"))
    }
    /// Where the thing called `label` is; a control before a text that names it.
    #[track_caller]
    pub(crate) fn place(&self, label: &str) -> Rect {
        let is_text = |n: &Node<'_>| n.accesskit_node().role() == Role::Label;
        let control = self.named(|l| l == label).find(|n| !is_text(n));
        let Some(node) = control.or_else(|| self.named(|l| l == label).next()) else {
            panic!(
                "nothing is called `{label}`; on the screen:\n{}",
                self.reads()
            )
        };
        node.rect()
    }
    /// Where the field called `label` is, to be typed into.
    #[track_caller]
    pub(crate) fn field(&self, label: &str) -> Rect {
        let is_field = |n: &Node<'_>| {
            let role = n.accesskit_node().role();
            matches!(
                role,
                Role::TextInput | Role::MultilineTextInput | Role::SpinButton
            )
        };
        let found = self.named(|l| l == label).find(is_field).map(|n| n.rect());
        found.unwrap_or_else(|| {
            panic!(
                "no field is called `{label}`; on the screen:\n{}",
                self.reads()
            )
        })
    }
    /// Where the text field is whose text `fits`.
    #[track_caller]
    pub(crate) fn text_field(&self, fits: impl Fn(&str) -> bool) -> Rect {
        let is_field = |n: &Node<'_>| {
            matches!(
                n.accesskit_node().role(),
                Role::TextInput | Role::MultilineTextInput
            )
        };
        let found = self
            .all()
            .filter(is_field)
            .find(|n| n.accesskit_node().value().is_some_and(|v| fits(&v)));
        found
            .map(|n| n.rect())
            .unwrap_or_else(|| panic!("no such field; on the screen:\n{}", self.reads()))
    }

    /// Moves the pointer.
    pub(crate) fn points(&mut self, at: Pos2) {
        self.harness.event(Event::PointerMoved(at));
        self.frames(2);
    }
    /// Clicks at a place.
    pub(crate) fn clicks_at(&mut self, at: Pos2, button: PointerButton, modifiers: Modifiers) {
        self.points(at);
        self.harness.event(Event::ModifiersChanged(modifiers));
        self.harness.step();
        for pressed in [true, false] {
            self.harness.event(Event::PointerButton {
                pos: at,
                button,
                pressed,
                modifiers,
            });
            self.harness.step();
        }
        self.harness.event(Event::ModifiersChanged(Modifiers::NONE));
        self.frames(2);
    }
    /// Clicks twice at a place.
    pub(crate) fn double_clicks_at(&mut self, at: Pos2) {
        self.points(at);
        // Frames of a test are a quarter of a second apart: two clicks of two frames each would be two single ones.
        self.clicks_within_a_frame(at);
        self.clicks_within_a_frame(at);
        self.frames(2);
    }
    /// The button goes down and up between two frames, as with a quick hand or a slow machine.
    pub(crate) fn clicks_within_a_frame(&mut self, at: Pos2) {
        for pressed in [true, false] {
            self.harness.input_mut().events.push(Event::PointerButton {
                pos: at,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
        }
        self.harness.step();
    }
    /// Turns the wheel there until `label` is above the window's foot.
    #[track_caller]
    pub(crate) fn scrolls_to(&mut self, label: &str) {
        let foot = self.screen().bottom() - 40.0;
        for _ in 0..40 {
            let place = self.place(label);
            if place.bottom() < foot {
                return;
            }
            self.points(Pos2::new(place.center().x, foot - 20.0));
            self.harness.event(Event::MouseWheel {
                unit: egui::MouseWheelUnit::Point,
                delta: Vec2::new(0.0, -60.0),
                phase: egui::TouchPhase::Move,
                modifiers: Modifiers::NONE,
            });
            self.frames(4);
        }
        panic!("`{label}` cannot be scrolled to");
    }
    /// Gives the keyboard to the thing called `label`, as Tab does.
    #[track_caller]
    pub(crate) fn focuses(&mut self, label: &str) {
        let is_text = |n: &Node<'_>| n.accesskit_node().role() == Role::Label;
        let control = self.named(|l| l == label).find(|n| !is_text(n));
        control
            .unwrap_or_else(|| panic!("no control is called `{label}`"))
            .focus();
        self.frames(2);
    }
    /// Where the first thing is whose name contains `part`.
    #[track_caller]
    pub(crate) fn named_like(&self, part: &str) -> Rect {
        let found = self.named(|l| l.contains(part)).next();
        found.map(|n| n.rect()).unwrap_or_else(|| {
            panic!(
                "no name contains `{part}`; on the screen:\n{}",
                self.reads()
            )
        })
    }
    /// The middle of the way between two ports.
    #[track_caller]
    pub(crate) fn middle(&self, from: &str, to: &str) -> Pos2 {
        let port = |name: &str| self.place(&format!("port {name}")).center();
        port(from).lerp(port(to), 0.5)
    }
    fn button(&mut self, pos: Pos2, pressed: bool, modifiers: Modifiers) {
        self.harness.event(Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers,
        });
        self.harness.step();
    }
    /// Clicks the thing called `label`.
    #[track_caller]
    pub(crate) fn clicks(&mut self, label: &str) {
        let at = self.place(label).center();
        self.clicks_at(at, PointerButton::Primary, Modifiers::NONE);
    }
    /// Drags from one place to another.
    pub(crate) fn drags(&mut self, from: Pos2, to: Pos2) {
        self.drags_with(Modifiers::NONE, from, to);
    }
    /// Drags with keys held.
    pub(crate) fn drags_with(&mut self, modifiers: Modifiers, from: Pos2, to: Pos2) {
        self.points(from);
        self.harness.event(Event::ModifiersChanged(modifiers));
        self.button(from, true, modifiers);
        for i in 1..=6_u8 {
            self.harness
                .event(Event::PointerMoved(from.lerp(to, f32::from(i) / 6.0)));
            self.harness.step();
        }
        self.frames(2);
        self.button(to, false, modifiers);
        self.harness.event(Event::ModifiersChanged(Modifiers::NONE));
        self.frames(3);
    }
    /// Clicks `label`, and looks at the screen when the window then asks for a picture of itself: each pixel tells its place, an eighth of x
    /// in red and of y in green.
    #[track_caller]
    pub(crate) fn photographs_after(&mut self, label: &str) {
        self.begins_click(label);
        for _ in 0..5 {
            self.harness.step();
            let output = self.harness.output();
            let commands = output.viewport_output.get(&egui::ViewportId::ROOT);
            let asked = commands.and_then(|v| {
                v.commands.iter().find_map(|c| match c {
                    egui::ViewportCommand::Screenshot(data) => Some(data.clone()),
                    _ => None,
                })
            });
            if let Some(user_data) = asked {
                let image = Arc::new(places(self.size));
                self.harness.event(Event::Screenshot {
                    viewport_id: egui::ViewportId::ROOT,
                    user_data,
                    image,
                });
                self.frames(3);
                return;
            }
        }
        panic!("no picture was asked for");
    }
    /// Drags a wire from one port to another; ports are called `node.port`.
    #[track_caller]
    pub(crate) fn wires(&mut self, from: &str, to: &str) {
        let from = self.place(&format!("port {from}")).center();
        let to = self.place(&format!("port {to}")).center();
        self.drags(from, to);
    }
    /// Presses a key.
    pub(crate) fn presses(&mut self, key: Key) {
        self.combines(Modifiers::NONE, key);
    }
    /// Presses a combination of keys.
    pub(crate) fn combines(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.event(Event::ModifiersChanged(modifiers));
        self.harness.step();
        for pressed in [true, false] {
            self.harness.event(Event::Key {
                key,
                physical_key: None,
                pressed,
                repeat: false,
                modifiers,
            });
            self.harness.step();
        }
        self.harness.event(Event::ModifiersChanged(Modifiers::NONE));
        self.frames(2);
    }
    /// Types text into what has the focus.
    pub(crate) fn types(&mut self, text: &str) {
        self.harness.event(Event::Text(text.to_owned()));
        self.frames(2);
    }
    /// Replaces the text of the field called `label`.
    #[track_caller]
    pub(crate) fn fills(&mut self, label: &str, text: &str) {
        let at = self.field(label).center();
        self.clicks_at(at, PointerButton::Primary, Modifiers::NONE);
        assert!(
            self.harness.ctx.egui_wants_keyboard_input(),
            "`{label}` at {at} does not take the keyboard"
        );
        self.combines(Modifiers::COMMAND, Key::A);
        self.types(text);
    }
    /// Selects a node.
    #[track_caller]
    pub(crate) fn picks(&mut self, node: &str) {
        self.clicks(&format!("node {node}"));
    }
    /// Adds a node by the search at the pointer.
    #[track_caller]
    pub(crate) fn adds(&mut self, words: &str) {
        let canvas = self.place("Canvas").center();
        self.points(canvas);
        self.presses(Key::Tab);
        assert!(
            self.sees("Add a node"),
            "no search; on the screen:\n{}",
            self.reads()
        );
        self.types(words);
        self.presses(Key::Enter);
    }
    /// Drops a file on the window.
    pub(crate) fn drops(&mut self, path: &std::path::Path) {
        self.harness
            .input_mut()
            .dropped_files
            .push(std::sync::Arc::new(Dropped(path.to_owned())));
        self.frames(4);
    }
    /// Does a command of the command palette.
    #[track_caller]
    pub(crate) fn commands(&mut self, words: &str) {
        self.combines(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::P);
        self.types(words);
        self.presses(Key::Enter);
        self.frames(2);
    }
    /// Presses and lets go of `label`, within the next frame.
    #[track_caller]
    fn begins_click(&mut self, label: &str) {
        let pos = self.place(label).center();
        self.points(pos);
        for pressed in [true, false] {
            self.harness.input_mut().events.push(Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
        }
    }
    /// Clicks the control `label`, which puts something on the clipboard.
    #[track_caller]
    pub(crate) fn copies_by(&mut self, label: &str) -> String {
        self.begins_click(label);
        for _ in 0..4 {
            self.harness.step();
            if let Some(text) = self.copied() {
                return text;
            }
        }
        panic!("`{label}` put nothing on the clipboard");
    }
    /// Copies what is selected, as the system's keys do.
    #[track_caller]
    pub(crate) fn copies(&mut self) -> String {
        self.harness.event(Event::Copy);
        for _ in 0..4 {
            self.harness.step();
            if let Some(text) = self.copied() {
                return text;
            }
        }
        panic!("nothing was put on the clipboard");
    }
    /// Pastes text, as the system's keys do.
    pub(crate) fn pastes(&mut self, text: &str) {
        self.harness.event(Event::Paste(text.to_owned()));
        self.frames(4);
    }
}

/// A picture of a screen of `size` whose pixels tell their places.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small screen; the low bytes are wanted"
)]
fn places(size: Vec2) -> egui::ColorImage {
    let (width, height) = (size.x as usize, size.y as usize);
    let pixel = |i: usize| {
        let (x, y) = (i % width, i / width);
        egui::Color32::from_rgb((x / 8) as u8, (y / 8) as u8, 77)
    };
    egui::ColorImage::new([width, height], (0..width * height).map(pixel).collect())
}
