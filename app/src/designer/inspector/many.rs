//! Several nodes at once: arranging them, and the parameters that they have in common.

use egui::{RichText, Ui};

use super::form;
use super::target::Drafts;
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::dispatch::is_enabled;
use crate::designer::edit::Selection;
use crate::designer::i18n::{kind_title, tr, trf};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{icon_button, kind_icon, section};

/// What can be done to several nodes.
const ARRANGE: [Command; 10] = [
    Command::AlignLeft,
    Command::AlignCenter,
    Command::AlignRight,
    Command::AlignTop,
    Command::AlignMiddle,
    Command::AlignBottom,
    Command::DistributeH,
    Command::DistributeV,
    Command::Bypass,
    Command::Disable,
];

/// Shows the page of the nodes `ids`.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, ids: &[&str], drafts: &mut Drafts) {
    let t = theme();
    let title = trf("inspector.nodes_selected", &[("count", &ids.len())]);
    ui.label(RichText::new(title).font(semibold(t.shape.emphasis)));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::Vec2::splat(2.0);
        for command in ARRANGE.into_iter().filter(|c| is_enabled(*c, cx)) {
            if icon_button(ui, command.spec().icon, command.title(), false).clicked() {
                cx.act(Act::Do(command));
            }
        }
    });
    for id in ids {
        let Some(spec) = cx.spec_of(id) else { continue };
        ui.horizontal(|ui| {
            let image = kind_icon(spec)
                .fit_to_exact_size(egui::Vec2::splat(16.0))
                .tint(t.category(spec.category));
            ui.add(image);
            let title = cx
                .doc
                .node(id)
                .and_then(|n| n.title.as_deref())
                .unwrap_or_else(|| kind_title(spec));
            let text = format!("{title} · {id}");
            if ui
                .add(egui::Button::new(text).frame(false).truncate())
                .clicked()
            {
                cx.act(Act::Select(Selection::node(id)));
            }
        });
    }
    section(ui, tr("inspector.in_common"));
    form::show(ui, cx, ids.iter().copied(), drafts);
}
