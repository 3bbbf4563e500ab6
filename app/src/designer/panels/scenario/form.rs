//! The form of one step: when, where, what. What is typed takes effect as soon as it can be read.

use egui::{Color32, RichText, Ui};
use serde_json::{Map, Value};
use weir_engine::document::{Action, Step};
use weir_engine::node::FaultKind;
use weir_engine::units::{SimDuration, format_duration, parse_duration, parse_quantity};

use super::lanes::problems_of;
use super::steps::{changed, fault, figure_of, number, removed, text_of, value_of};
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Edit;
use crate::designer::i18n::{fault_help, fault_name, param_label, said, tr};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{icon_button, node_name, switch};

/// What is being typed: which field, and the text.
#[derive(Default)]
pub(super) struct Form {
    typing: Option<(String, String)>,
}

impl Form {
    /// Draws the form of the step `i`. False when it is to be closed.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, i: usize) -> bool {
        let Some(step) = cx.doc.scenario.get(i) else {
            return false;
        };
        let mut open = true;
        ui.horizontal(|ui| {
            let size = egui::TextStyle::Body.resolve(ui.style()).size;
            ui.label(RichText::new(tr("plots.step")).font(semibold(size)));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if icon_button(ui, "close", tr("plots.step_close"), false).clicked() {
                    open = false;
                }
                if icon_button(ui, "trash", tr("plots.step_remove"), false).clicked() {
                    cx.act(Act::Seal);
                    cx.edit(Edit::Scenario(removed(&cx.doc.scenario, i)));
                    cx.act(Act::Seal);
                    open = false;
                }
            });
        });
        egui::ScrollArea::vertical()
            .id_salt("weir-step-form")
            .auto_shrink([false, false])
            .show(ui, |ui| {
                egui::Grid::new("weir-step-grid")
                    .num_columns(2)
                    .spacing([8.0, 6.0])
                    .show(ui, |ui| {
                        self.place(ui, cx, i, step);
                        match &step.action {
                            Action::Set(params) => self.set(ui, cx, i, step, params),
                            Action::Fault {
                                name,
                                lasts,
                                parameters,
                            } => self.fault(ui, cx, i, step, name, *lasts, parameters),
                        }
                    });
                for problem in problems_of(cx, i) {
                    ui.label(
                        RichText::new(format!(
                            "{} ({})",
                            said(&problem.message),
                            said(&problem.mend)
                        ))
                        .color(theme().red)
                        .small(),
                    );
                }
            });
        open
    }

    /// When, where, and which sort.
    fn place(&mut self, ui: &mut Ui, cx: &Cx<'_>, i: usize, step: &Step) {
        name(ui, tr("plots.step_at"));
        if let Some(at) = self
            .span(ui, tr("plots.step_at"), &format!("{i} at"), Some(step.at))
            .flatten()
        {
            change(cx, i, |s| s.at = at);
        }
        ui.end_row();
        name(ui, tr("plots.step_node"));
        egui::ComboBox::from_id_salt("weir-step-node")
            .selected_text(node_name(cx.doc, &step.node))
            .show_ui(ui, |ui| {
                for node in &cx.doc.nodes {
                    if ui
                        .selectable_label(node.id == step.node, node_name(cx.doc, &node.id))
                        .clicked()
                    {
                        change(cx, i, |s| s.node.clone_from(&node.id));
                        cx.act(Act::Seal);
                    }
                }
            });
        ui.end_row();
        let faults = cx.spec_of(&step.node).map_or(&[][..], |s| s.faults);
        let mut is_fault = matches!(step.action, Action::Fault { .. });
        name(ui, tr("plots.step_what"));
        let choices = [
            (false, tr("plots.step_set")),
            (true, tr("plots.step_fault")),
        ];
        let choices = if faults.is_empty() && !is_fault {
            &choices[..1]
        } else {
            &choices[..]
        };
        if switch(ui, &mut is_fault, choices) {
            let first = faults.first().copied();
            let action = match first.filter(|_| is_fault) {
                Some(kind) => fault(kind, Some(SimDuration::secs(120))),
                None => Action::Set(first_parameter(cx, &step.node)),
            };
            change(cx, i, |s| s.action = action);
            cx.act(Act::Seal);
        }
        ui.end_row();
    }

    fn set(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        i: usize,
        step: &Step,
        params: &Map<String, Value>,
    ) {
        let Some(kind) = cx.kind_of(&step.node) else {
            return;
        };
        let defaults = kind.defaults();
        let now = |param: &str| {
            cx.doc
                .node(&step.node)
                .and_then(|n| n.params.get(param))
                .or_else(|| defaults.get(param))
                .cloned()
        };
        for (param, value) in params {
            egui::ComboBox::from_id_salt(("weir-step-param", param))
                .selected_text(param_label(kind.spec().id, param))
                .show_ui(ui, |ui| {
                    for (other, _) in defaults
                        .iter()
                        .filter(|(other, _)| !params.contains_key(*other))
                    {
                        if ui
                            .selectable_label(false, param_label(kind.spec().id, other))
                            .clicked()
                        {
                            let value = now(other).unwrap_or(Value::Null);
                            change(cx, i, |s| swap(s, param, Some(&(other.clone(), value))));
                            cx.act(Act::Seal);
                        }
                    }
                });
            ui.horizontal(|ui| {
                if let Some(text) = self.text(
                    ui,
                    param,
                    &format!("{i} set {param}"),
                    &text_of(value),
                    |_| true,
                ) {
                    change(cx, i, |s| {
                        swap(s, param, Some(&(param.clone(), value_of(&text))));
                    });
                }
                if params.len() > 1
                    && icon_button(ui, "minus", tr("plots.step_less"), false).clicked()
                {
                    change(cx, i, |s| swap(s, param, None));
                    cx.act(Act::Seal);
                }
            });
            ui.end_row();
        }
        if let Some((other, value)) = defaults
            .iter()
            .find(|(other, _)| !params.contains_key(*other))
        {
            ui.label("");
            if ui.button(tr("plots.step_more")).clicked() {
                let value = now(other).unwrap_or_else(|| value.clone());
                change(cx, i, |s| {
                    if let Action::Set(params) = &mut s.action {
                        params.insert(other.clone(), value);
                    }
                });
                cx.act(Act::Seal);
            }
            ui.end_row();
        }
    }

    fn fault(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        i: usize,
        step: &Step,
        which: &str,
        lasts: Option<SimDuration>,
        parameters: &Map<String, Value>,
    ) {
        let kind = FaultKind::ALL.into_iter().find(|k| k.id() == which);
        name(ui, tr("plots.step_fault"));
        let shown = kind.map_or_else(|| which.to_owned(), |k| fault_name(k).to_owned());
        let menu = egui::ComboBox::from_id_salt("weir-step-fault")
            .selected_text(shown)
            .show_ui(ui, |ui| {
                for other in cx.spec_of(&step.node).map_or(&[][..], |s| s.faults) {
                    let response = ui.selectable_label(kind == Some(*other), fault_name(*other));
                    if response.on_hover_text(fault_help(*other)).clicked() {
                        change(cx, i, |s| s.action = fault(*other, lasts));
                        cx.act(Act::Seal);
                    }
                }
            });
        if let Some(kind) = kind {
            menu.response.on_hover_text(fault_help(kind));
        }
        ui.end_row();
        if let Some(figure) = kind.map(figure_of) {
            name(ui, figure.name);
            let unit = if figure.name == "add_ms" { "ms" } else { "" };
            let read = |text: &str| {
                let value = parse_quantity(text, unit).ok()?;
                (figure.least..=figure.most)
                    .contains(&value)
                    .then_some(value)
            };
            let text = parameters
                .get(figure.name)
                .map_or_else(|| figure.usual.to_string(), text_of);
            if let Some(value) = self
                .text(ui, figure.name, &format!("{i} figure"), &text, |t| {
                    read(t).is_some()
                })
                .and_then(|t| read(&t))
            {
                change(cx, i, |s| {
                    if let Action::Fault { parameters, .. } = &mut s.action {
                        parameters.insert(figure.name.to_owned(), number(value));
                    }
                });
            }
            ui.end_row();
        }
        name(ui, tr("plots.step_lasts"));
        if let Some(span) = self.span(ui, tr("plots.step_lasts"), &format!("{i} lasts"), lasts) {
            change(cx, i, |s| {
                if let Action::Fault { lasts, .. } = &mut s.action {
                    *lasts = span;
                }
            });
        }
        ui.end_row();
    }

    /// A field for a span; empty means that there is none. The new span, when it changed and can be read.
    fn span(
        &mut self,
        ui: &mut Ui,
        label: &str,
        key: &str,
        span: Option<SimDuration>,
    ) -> Option<Option<SimDuration>> {
        let text = span.map_or_else(String::new, format_duration);
        let sound = |text: &str| {
            (text.trim().is_empty() && key.ends_with("lasts")) || parse_duration(text).is_ok()
        };
        let typed = self.text(ui, label, key, &text, sound)?;
        Some(parse_duration(&typed).ok())
    }

    /// A field for a text. The new text, when it changed and is sound.
    fn text(
        &mut self,
        ui: &mut Ui,
        label: &str,
        key: &str,
        now: &str,
        sound: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let mut text = match &self.typing {
            Some((typed, text)) if typed == key => text.clone(),
            _ => now.to_owned(),
        };
        let colour: Color32 = if sound(&text) {
            theme().text
        } else {
            theme().red
        };
        let hint = if key.ends_with("lasts") {
            tr("plots.step_open")
        } else {
            ""
        };
        let field = egui::TextEdit::singleline(&mut text)
            .desired_width(96.0)
            .text_color(colour)
            .hint_text(hint);
        let response = ui.add(field);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, label));
        if response.lost_focus() {
            self.typing = None;
        } else if response.changed() {
            self.typing = Some((key.to_owned(), text.clone()));
        }
        (response.changed() && sound(&text)).then_some(text)
    }
}

fn name(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).color(theme().secondary));
}

fn change(cx: &Cx<'_>, i: usize, how: impl FnOnce(&mut Step)) {
    cx.edit(Edit::Scenario(changed(&cx.doc.scenario, i, how)));
}

/// The first parameter of a node with the value that it has.
fn first_parameter(cx: &Cx<'_>, node: &str) -> Map<String, Value> {
    let own = cx
        .doc
        .node(node)
        .and_then(|n| n.params.iter().next())
        .map(|(k, v)| (k.clone(), v.clone()));
    let usual = || {
        cx.kind_of(node)
            .and_then(|k| k.defaults().into_iter().next())
    };
    own.or_else(usual).into_iter().collect()
}

/// Puts another parameter in the place of `old`, or nothing.
fn swap(step: &mut Step, old: &str, new: Option<&(String, Value)>) {
    if let Action::Set(params) = &mut step.action {
        let entries = std::mem::take(params);
        for (name, value) in entries {
            match new {
                Some((other, value)) if name == old => {
                    params.insert(other.clone(), value.clone());
                }
                None if name == old => {}
                _ => {
                    params.insert(name, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_is_swapped_in_its_place() {
        let params = |pairs: &[(&str, i32)]| {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), json!(v)))
                .collect::<Map<_, _>>()
        };
        let mut step = Step {
            at: SimDuration::ZERO,
            node: "a".into(),
            action: Action::Set(params(&[("x", 1), ("y", 2)])),
        };
        swap(&mut step, "x", Some(&("z".to_owned(), json!(3))));
        assert_eq!(step.action, Action::Set(params(&[("z", 3), ("y", 2)])));
        swap(&mut step, "y", None);
        assert_eq!(step.action, Action::Set(params(&[("z", 3)])));
    }
}
