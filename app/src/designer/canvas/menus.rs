//! The menus of the right button, and an empty canvas, which teaches.

use egui::{Pos2, Response, RichText, Sense, Ui, vec2};
use weir_engine::document::FrameColor;

use super::hit::Hit;
use super::{Canvas, search};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::dispatch;
use crate::designer::edit::{Edit, Item, Selection};
use crate::designer::i18n::tr;
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{icon, icon_image};

/// What a menu was opened on.
#[derive(Debug, Clone)]
pub(super) struct Menu {
    item: Option<Item>,
    at: Pos2,
}

impl Canvas {
    /// Remembers what the right button was pressed on, and selects it.
    pub(super) fn open_menu(&mut self, cx: &Cx<'_>, at: Pos2) {
        let hit = self.hit(cx.doc, at);
        let item = self.item(cx.doc, hit);
        if let Some(item) = &item
            && !cx.selection.has(item)
        {
            cx.act(Act::Select(Selection::one(item.clone())));
        }
        self.popup = None;
        self.pointer = Some(at);
        self.menu = Some(Menu { item, at });
    }

    /// Draws the menu while it is open.
    pub(super) fn show_menu(&mut self, response: &Response, cx: &Cx<'_>) {
        let Some(menu) = self.menu.clone() else {
            return;
        };
        response.context_menu(|ui| {
            ui.set_min_width(240.0);
            match &menu.item {
                None => self.canvas_menu(ui, cx, menu.at),
                Some(Item::Node(_)) => node_menu(ui, cx),
                Some(Item::Wire(key)) => {
                    if button(ui, "plus", tr("canvas.insert_here"), "") {
                        self.search_at(ui.ctx(), menu.at, search::Wanted::Insert(key.clone()));
                    }
                    entry(ui, cx, Command::Delete);
                }
                Some(Item::Note(id)) => {
                    if button(ui, "edit", tr("canvas.edit_note"), "")
                        && let Some(n) = cx.doc.notes.iter().position(|n| n.id == *id)
                    {
                        self.edit_note(cx.doc, n);
                    }
                    common(ui, cx);
                }
                Some(Item::Frame(id)) => self.frame_menu(ui, cx, id),
            }
        });
    }

    fn canvas_menu(&mut self, ui: &mut Ui, cx: &Cx<'_>, at: Pos2) {
        if button(
            ui,
            "plus",
            Command::AddNode.title(),
            &Command::AddNode.shortcut_text(ui.ctx()),
        ) {
            self.search_at(ui.ctx(), at, search::Wanted::Free);
        }
        for command in [Command::AddNote, Command::Paste, Command::PasteWithInputs] {
            entry(ui, cx, command);
        }
        ui.separator();
        for command in [
            Command::SelectAll,
            Command::AutoLayout,
            Command::FitAll,
            Command::ActualSize,
        ] {
            entry(ui, cx, command);
        }
        ui.separator();
        for command in [
            Command::ToggleSnap,
            Command::ToggleGrid,
            Command::ToggleMinimap,
        ] {
            entry(ui, cx, command);
        }
    }

    fn frame_menu(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let Some(f) = cx.doc.frames.iter().position(|f| f.id == *id) else {
            return;
        };
        if button(ui, "edit", tr("canvas.edit_frame"), "") {
            self.edit_frame(cx.doc, f);
        }
        ui.horizontal(|ui| {
            for color in FrameColor::ALL {
                let (rect, response) = ui.allocate_exact_size(vec2(18.0, 18.0), Sense::click());
                let name = format!("{color:?}");
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::WidgetType::ColorButton, true, name.as_str())
                });
                ui.painter().circle_filled(
                    rect.center(),
                    if response.hovered() { 8.0 } else { 6.5 },
                    super::notes::frame_hue(Some(color)),
                );
                if response.clicked() {
                    let frame = weir_engine::document::Frame {
                        color: Some(color),
                        ..cx.doc.frames[f].clone()
                    };
                    cx.act(Act::Seal);
                    cx.edit(Edit::Frame(frame));
                    ui.close();
                }
            }
        });
        common(ui, cx);
    }

    /// What an empty canvas says.
    pub(super) fn show_empty(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let rect = egui::Rect::from_center_size(self.camera.rect.center(), vec2(440.0, 220.0));
        let builder = egui::UiBuilder::new()
            .max_rect(rect)
            .layout(egui::Layout::top_down(egui::Align::Center));
        ui.scope_builder(builder, |ui| {
            icon(ui, "gallery", 32.0, t.faint);
            ui.add_space(t.space(1));
            ui.label(RichText::new(tr("canvas.empty_title")).font(semibold(t.shape.title)));
            ui.add_space(t.space(0));
            ui.label(RichText::new(tr("canvas.empty_text")).color(t.secondary));
            ui.add_space(t.space(2));
            let gallery = RichText::new(tr("canvas.empty_gallery"))
                .color(t.on_accent)
                .font(semibold(t.shape.body));
            if ui
                .add(
                    egui::Button::new(gallery)
                        .fill(t.accent)
                        .min_size(vec2(200.0, 30.0)),
                )
                .clicked()
            {
                cx.act(Act::Do(Command::Gallery));
            }
            ui.add_space(t.space(0));
            if ui
                .add(egui::Button::new(tr("canvas.empty_add")).min_size(vec2(200.0, 28.0)))
                .clicked()
            {
                self.search_at(
                    ui.ctx(),
                    rect.center() - vec2(150.0, 60.0),
                    search::Wanted::Free,
                );
            }
        });
    }

    /// The hit of the pointer just now, for hints.
    pub(super) const fn hovered_wire(&self) -> Option<usize> {
        match self.hover {
            Hit::Wire(w) => Some(w),
            _ => None,
        }
    }
}

fn node_menu(ui: &mut Ui, cx: &Cx<'_>) {
    entry(ui, cx, Command::Rename);
    entry(ui, cx, Command::NodeHelp);
    ui.separator();
    for command in [
        Command::Cut,
        Command::Copy,
        Command::Duplicate,
        Command::DuplicateWithInputs,
    ] {
        entry(ui, cx, command);
    }
    ui.separator();
    for command in [Command::Bypass, Command::Disable, Command::AddFrame] {
        entry(ui, cx, command);
    }
    if cx.selection.nodes().count() > 1 {
        ui.menu_button(tr("actions.group_arrange"), |ui| {
            use Command as C;
            let all = [
                C::AlignLeft,
                C::AlignCenter,
                C::AlignRight,
                C::AlignTop,
                C::AlignMiddle,
                C::AlignBottom,
                C::DistributeH,
                C::DistributeV,
                C::AutoLayout,
            ];
            for command in all {
                entry(ui, cx, command);
            }
        });
    }
    ui.separator();
    entry(ui, cx, Command::DeleteHeal);
    entry(ui, cx, Command::Delete);
}

fn common(ui: &mut Ui, cx: &Cx<'_>) {
    ui.separator();
    for command in [
        Command::Cut,
        Command::Copy,
        Command::Duplicate,
        Command::Delete,
    ] {
        entry(ui, cx, command);
    }
}

/// A command with its shortcut.
fn entry(ui: &mut Ui, cx: &Cx<'_>, command: Command) {
    let spec = command.spec();
    ui.add_enabled_ui(dispatch::is_enabled(command, cx), |ui| {
        if button(
            ui,
            spec.icon,
            &dispatch::title(command, cx),
            &command.shortcut_text(ui.ctx()),
        ) {
            cx.act(Act::Do(command));
        }
    });
}

fn button(ui: &mut Ui, name: &'static str, text: &str, shortcut: &str) -> bool {
    let t = theme();
    let mark = icon_image(if name.is_empty() {
        "chevron-right"
    } else {
        name
    });
    let tint = if name.is_empty() {
        egui::Color32::TRANSPARENT
    } else {
        t.secondary
    };
    let mark = mark.fit_to_exact_size(vec2(16.0, 16.0)).tint(tint);
    let button = egui::Button::image_and_text(mark, text)
        .shortcut_text(shortcut)
        .wrap_mode(egui::TextWrapMode::Extend);
    let clicked = ui.add(button).clicked();
    if clicked {
        ui.close();
    }
    clicked
}
