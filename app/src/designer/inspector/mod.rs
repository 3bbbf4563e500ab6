//! The inspector: everything about what is selected, from what its kind declares.

mod card;
mod controls;
mod cost;
mod decor;
mod document;
mod explain;
mod field;
mod form;
mod header;
mod help;
mod list;
mod many;
mod metrics;
mod node;
mod number;
mod objectives;
mod records;
mod schema;
mod schemas;
mod suggest;
mod target;
#[cfg(test)]
mod tests;
mod typing;
mod value;
mod wire;

use egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};

use self::header::Header;
use self::node::{Tab, Tabs};
use self::target::Drafts;
use self::typing::Typing;
use super::command::Command;
use super::cx::Cx;
use super::edit::Item;

/// What the inspector keeps between frames.
#[derive(Default)]
pub(crate) struct Inspector {
    drafts: Drafts,
    header: Header,
    tabs: Tabs,
    typing: Typing,
    wire: wire::Page,
}

impl Inspector {
    /// Does a command of the inspector: rename, help.
    pub(crate) fn command(&mut self, command: Command, _cx: &Cx<'_>) {
        match command {
            Command::Rename => self.header.rename(),
            Command::NodeHelp => self.tabs.open(Tab::Help),
            _ => {}
        }
    }
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let nodes: Vec<&str> = cx.selection.nodes().collect();
        match nodes.as_slice() {
            [node] => self.node(ui, cx, node),
            [] => self.without_nodes(ui, cx),
            _ => scroll(ui, "many", |ui| {
                many::show(ui, cx, &nodes, &mut self.drafts);
            }),
        }
    }

    fn node(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        self.header.show(ui, cx, id);
        self.tabs.show(ui, cx, id, &mut self.drafts);
    }

    fn without_nodes(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let mut items = cx.selection.0.iter();
        match (items.next(), items.next()) {
            (None, _) => scroll(ui, "document", |ui| {
                document::show(ui, cx, &mut self.typing);
            }),
            (Some(Item::Wire(key)), None) => scroll(ui, "wire", |ui| self.wire.show(ui, cx, key)),
            (Some(Item::Note(id)), None) => scroll(ui, "note", |ui| decor::note(ui, cx, id)),
            (Some(Item::Frame(id)), None) => scroll(ui, "frame", |ui| decor::frame(ui, cx, id)),
            _ => decor::several(ui, cx),
        }
    }
}

/// A page that is longer than the panel.
fn scroll(ui: &mut Ui, id: &str, show: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical()
        .id_salt(id)
        .auto_shrink(false)
        .show(ui, |ui| {
            // Room for the scroll bar. What is wider than the panel must not widen it.
            let width = ui.available_width() - 8.0;
            let room = Rect::from_min_size(ui.cursor().min, vec2(width, f32::INFINITY));
            let mut page = ui.new_child(UiBuilder::new().max_rect(room));
            show(&mut page);
            let height = page.min_rect().height();
            ui.allocate_space(vec2(width, height));
        });
}
