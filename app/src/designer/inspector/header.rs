//! The head of a node's page: icon, title, id, kind.

use egui::{Align, Layout, RichText, TextEdit, Ui, vec2};
use weir_engine::document::is_id;

use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Edit;
use crate::designer::i18n::{kind_summary, kind_title, tr, trf};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{icon_button, kind_icon};

use super::field::problem_line;
use weir_engine::node::Severity;

/// The id that is being typed.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// The node and the text of its id.
    id: Option<(String, String)>,
    /// The keyboard goes to the id.
    wants_focus: bool,
}

impl Header {
    /// Lets a person type another id.
    pub(super) const fn rename(&mut self) {
        self.wants_focus = true;
    }
    /// Shows the head of the node `id`.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let Some(node) = cx.doc.node(id) else { return };
        let t = theme();
        let spec = cx.spec_of(id);
        ui.horizontal(|ui| {
            let colour = spec.map_or(t.red, |s| t.category(s.category));
            let (rect, _) = ui.allocate_exact_size(vec2(28.0, 28.0), egui::Sense::hover());
            if let Some(spec) = spec {
                crate::designer::widgets::paint_icon(ui, kind_icon(spec), rect.shrink(2.0), colour);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let bypass = Command::Bypass;
                if icon_button(ui, "bypass", bypass.title(), node.bypassed).clicked() {
                    cx.act(Act::Do(bypass));
                }
                let disable = Command::Disable;
                if icon_button(ui, "disable", disable.title(), node.disabled).clicked() {
                    cx.act(Act::Do(disable));
                }
                title(
                    ui,
                    cx,
                    id,
                    spec.map_or(node.kind.as_str(), |s| kind_title(s)),
                );
            });
        });
        ui.spacing_mut().item_spacing.y = t.space(0);
        self.id_line(ui, cx, id);
        match spec {
            Some(spec) => {
                let mut text = kind_summary(spec).to_owned();
                if node.title.is_some() {
                    text = format!("{} · {text}", kind_title(spec));
                }
                ui.add(
                    egui::Label::new(RichText::new(text).size(t.shape.caption).color(t.secondary))
                        .wrap(),
                );
            }
            None => {
                problem_line(
                    ui,
                    Severity::Error,
                    &trf("inspector.no_kind", &[("kind", &node.kind)]),
                );
            }
        }
    }

    fn id_line(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let t = theme();
        if self.id.as_ref().is_some_and(|(node, _)| node != id) {
            self.id = None;
        }
        let mut text = self
            .id
            .as_ref()
            .map_or_else(|| id.to_owned(), |(_, text)| text.clone());
        let field = egui::Id::new("weir-inspector-id");
        let edit = TextEdit::singleline(&mut text)
            .id(field)
            .font(figures(t.shape.body))
            .desired_width(ui.available_width() - 8.0)
            .char_limit(64);
        if std::mem::take(&mut self.wants_focus) {
            // Before it is drawn: what is typed in this frame belongs to it.
            ui.memory_mut(|m| m.request_focus(field));
        }
        let response = ui.add(edit);
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_label(tr("inspector.id")));
        if response.changed() {
            self.id = Some((id.to_owned(), text));
        }
        let error = self
            .id
            .as_ref()
            .and_then(|(_, text)| wrong_id(cx, id, text));
        if response.lost_focus() {
            let escaped = ui.input(|i| i.key_pressed(egui::Key::Escape));
            if escaped {
                self.id = None;
            } else if error.is_none()
                && let Some((node, to)) = self.id.take()
                && node != to
            {
                cx.edit(Edit::Rename { node, to });
            }
        }
        if let Some(why) = error {
            problem_line(ui, Severity::Error, &why);
        }
    }
}

/// Why `text` cannot be the id of the node `id`.
fn wrong_id(cx: &Cx<'_>, id: &str, text: &str) -> Option<String> {
    match () {
        () if text == id => None,
        () if !is_id(text) => Some(tr("inspector.bad_id").to_owned()),
        () if cx.doc.node(text).is_some() => Some(trf("inspector.taken_id", &[("id", &text)])),
        () => None,
    }
}

/// What the canvas shows instead of the kind's name.
fn title(ui: &mut Ui, cx: &Cx<'_>, id: &str, kind: &str) {
    let t = theme();
    let mut text = cx
        .doc
        .node(id)
        .and_then(|n| n.title.clone())
        .unwrap_or_default();
    let hint = RichText::new(kind)
        .font(semibold(t.shape.emphasis))
        .color(t.text);
    let edit = TextEdit::singleline(&mut text)
        .id(egui::Id::new(("weir-title", id)))
        .font(semibold(t.shape.emphasis))
        .hint_text(hint)
        .desired_width(ui.available_width() - 8.0);
    let response = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(tr("inspector.title")));
    if response.changed() {
        let title = (!text.trim().is_empty()).then_some(text);
        cx.edit(Edit::Title {
            node: id.to_owned(),
            title,
        });
    }
    if response.lost_focus() {
        cx.act(Act::Seal);
    }
}
