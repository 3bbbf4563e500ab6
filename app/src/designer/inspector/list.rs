//! A parameter that is a list: its entries one below the other.

use egui::{TextEdit, Ui};
use serde_json::Value;

use super::field::{label, label_width, reset};
use super::schema::{Field, Shared, Widget};
use super::target::{Drafts, Target};
use super::value;
use crate::designer::i18n::{param_label, tr, trf};
use crate::designer::widgets::icon_button;

/// Shows the entries with a button to remove each, and one to add.
pub(super) fn show(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    entry: &Widget,
    drafts: &mut Drafts,
) {
    ui.horizontal(|ui| {
        let width = label_width(ui, target, field, 28.0);
        label(ui, target, field, drafts, width);
        reset(ui, target, field, drafts);
    });
    let Shared::Same(Value::Array(entries)) = target.shared(field) else {
        ui.label(tr("inspector.mixed"));
        return;
    };
    let name = param_label(target.kind, &field.name);
    let mut changed: Option<Vec<Value>> = None;
    for (i, old) in entries.iter().enumerate() {
        ui.horizontal(|ui| {
            let mut text = value::shown(old);
            let width = ui.available_width() - 44.0;
            let response = ui.add(TextEdit::singleline(&mut text).desired_width(width));
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_label(format!("{name} {}", i + 1));
            });
            if response.changed()
                && let Some(new) = parse(entry, &text)
            {
                let mut all = entries.clone();
                all[i] = new;
                changed = Some(all);
            }
            if icon_button(
                ui,
                "trash",
                &trf("inspector.remove", &[("name", &text)]),
                false,
            )
            .clicked()
            {
                let mut all = entries.clone();
                all.remove(i);
                changed = Some(all);
            }
        });
    }
    if ui.small_button(tr("inspector.add_entry")).clicked() {
        let empty = match entry {
            Widget::Number(n) => value::json(n.min.unwrap_or(0.0), n.is_whole),
            Widget::Choices(choices) => choices
                .first()
                .map_or(Value::Null, |c| Value::from(c.value.as_str())),
            _ => Value::from(""),
        };
        changed = Some(entries.iter().cloned().chain([empty]).collect());
    }
    if let Some(all) = changed {
        target.set(field, Value::Array(all));
    }
}

fn parse(entry: &Widget, text: &str) -> Option<Value> {
    match entry {
        Widget::Number(n) => {
            let number = weir_engine::units::parse_quantity(text, &n.unit).ok()?;
            Some(value::json(number, n.is_whole))
        }
        _ => Some(Value::from(text)),
    }
}
