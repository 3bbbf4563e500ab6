//! One parameter in a form: label, control, what is wrong with it, and what it means.

use egui::{Align, ComboBox, Label, Layout, RichText, Sense, TextEdit, Ui, Vec2};
use serde_json::Value;
use weir_engine::node::Severity;

use super::explain;
use super::number;
use super::schema::{Choice, Code, Field, Hint, Shared, Widget, is_same};
use super::suggest;
use super::target::{Drafts, Target, typed};
use super::value;
use crate::designer::cx::Act;
use crate::designer::i18n::{choice, choice_help, param_help, param_label, tr, trf};
use crate::designer::theme::{regular, theme};
use crate::designer::widgets::code::{Editor, Language, Mark};
use crate::designer::widgets::{icon, icon_button};

/// Shows the parameter.
pub(super) fn show(ui: &mut Ui, target: &Target<'_, '_>, field: &Field, drafts: &mut Drafts) {
    let t = theme();
    let block = ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = t.space(0);
        match &field.widget {
            Widget::Number(n) => number::show(ui, target, field, n, drafts),
            Widget::Toggle => toggle_row(ui, target, field, drafts),
            Widget::Choices(choices) => choice_row(ui, target, field, choices, drafts),
            Widget::Text(hint) => text_rows(ui, target, field, *hint, drafts),
            Widget::Code(code) => code_rows(ui, target, field, *code, drafts),
            Widget::List(entry) => super::list::show(ui, target, field, entry, drafts),
            Widget::Json => text_rows(ui, target, field, None, drafts),
        }
        if !matches!(field.widget, Widget::Code(_)) {
            problems(ui, target, field, drafts);
        }
        explain::quota_line(ui, target.cx, field);
        let open = (target.kind.to_owned(), field.name.clone());
        if drafts.open_help.contains(&open) {
            let text = RichText::new(param_help(target.kind, &field.name))
                .size(t.shape.caption)
                .color(t.secondary);
            ui.add(Label::new(text).wrap());
        }
    });
    if is_changed(target, field) {
        let rect = block.response.rect;
        let bar = egui::Rect::from_min_max(
            rect.left_top() - egui::vec2(t.space(1), 0.0),
            egui::pos2(rect.left() - t.space(1) + 2.0, rect.bottom()),
        );
        ui.painter().rect_filled(bar, 1.0, t.accent);
    }
    ui.add_space(t.space(0));
}

/// True when the value differs from the default.
pub(super) fn is_changed(target: &Target<'_, '_>, field: &Field) -> bool {
    match target.shared(field) {
        Shared::Same(value) => !is_same(&value, &field.default),
        Shared::Mixed => true,
    }
}

/// What is left for the label beside a control of this width.
pub(super) fn label_width(ui: &Ui, target: &Target<'_, '_>, field: &Field, control: f32) -> f32 {
    let reset = if is_changed(target, field) { 28.0 } else { 0.0 };
    let gaps = 2.0 * ui.spacing().item_spacing.x;
    (ui.available_width() - control - reset - gaps).max(60.0)
}

/// The parameter's name: explains itself on hover, opens its help when pressed.
pub(super) fn label(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    drafts: &mut Drafts,
    width: f32,
) {
    let t = theme();
    let name = param_label(target.kind, &field.name);
    let text = RichText::new(name).color(if is_changed(target, field) {
        t.text
    } else {
        t.secondary
    });
    ui.allocate_ui_with_layout(
        Vec2::new(width, 24.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.set_width(width);
            let response = ui.add(
                Label::new(text)
                    .wrap()
                    .selectable(false)
                    .sense(Sense::click()),
            );
            // What it does when it is pressed; the control beside it bears the plain name.
            let about = trf("inspector.about", &[("name", &name)]);
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_role(egui::accesskit::Role::Button);
                node.clear_value();
                node.set_label(about);
            });
            let response = response.on_hover_ui(|ui| explain::card(ui, target, field));
            let response = response.on_hover_cursor(egui::CursorIcon::Help);
            menu(&response, target, field);
            if response.clicked() {
                let key = (target.kind.to_owned(), field.name.clone());
                if !drafts.open_help.remove(&key) {
                    drafts.open_help.insert(key);
                }
            }
        },
    );
}

/// What else can be done with the parameter.
fn menu(response: &egui::Response, target: &Target<'_, '_>, field: &Field) {
    let [node] = target.nodes.as_slice() else {
        return;
    };
    response.context_menu(|ui| {
        if ui.button(tr("study.vary")).clicked() {
            target.cx.act(Act::Vary {
                node: (*node).to_owned(),
                param: field.name.clone(),
            });
            ui.close();
        }
    });
}

/// The button back to the default, where the value differs from it.
pub(super) fn reset(ui: &mut Ui, target: &Target<'_, '_>, field: &Field, drafts: &mut Drafts) {
    let has_draft = drafts
        .get(&target.key(field))
        .is_some_and(|d| d.error.is_some());
    if !is_changed(target, field) && !has_draft {
        return;
    }
    let default = match &field.default {
        Value::Null => tr("inspector.not_set").to_owned(),
        other => shorten(&value::shown(other)),
    };
    let name = param_label(target.kind, &field.name);
    let text = trf("inspector.reset", &[("name", &name), ("value", &default)]);
    if icon_button(ui, "restart", &text, false).clicked() {
        drafts.discard(&target.key(field));
        target.reset(field);
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None if text.is_empty() => tr("inspector.empty_text").to_owned(),
        None => text.to_owned(),
    }
}

/// Label left, control right.
fn row(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    drafts: &mut Drafts,
    width: f32,
    control: impl FnOnce(&mut Ui),
) {
    ui.horizontal(|ui| {
        let left = label_width(ui, target, field, width);
        label(ui, target, field, drafts, left);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            reset(ui, target, field, drafts);
            control(ui);
        });
    });
}

fn toggle_row(ui: &mut Ui, target: &Target<'_, '_>, field: &Field, drafts: &mut Drafts) {
    let name = param_label(target.kind, &field.name);
    let now = match target.shared(field) {
        Shared::Same(value) => value.as_bool(),
        Shared::Mixed => None,
    };
    row(ui, target, field, drafts, 34.0, |ui| {
        if super::controls::toggle(ui, now, name).clicked() {
            target.set_once(field, Value::from(!now.unwrap_or(false)));
        }
    });
}

fn choice_row(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    choices: &[Choice],
    drafts: &mut Drafts,
) {
    let t = theme();
    let now = match target.shared(field) {
        Shared::Same(value) => Some(value),
        Shared::Mixed => None,
    };
    let is_now = |c: &Choice| now.as_ref().and_then(Value::as_str) == Some(c.value.as_str());
    let title = |c: &Choice| choice(target.kind, &field.name, &c.value).to_owned();
    let help = |c: &Choice| choice_help(target.kind, &field.name, &c.value, &c.help).to_owned();
    let font = regular(t.shape.body);
    let width_of = |text: String| {
        ui.fonts_mut(|f| f.layout_no_wrap(text, font.clone(), t.text))
            .size()
            .x
    };
    let widths: Vec<f32> = choices
        .iter()
        .map(|c| width_of(title(c)) + 2.0 * t.space(1) + 2.0)
        .collect();
    let all: f32 = widths.iter().sum();
    let half = ui.available_width() * 0.56;
    if choices.len() <= 3 && all <= half && !field.nullable {
        row(ui, target, field, drafts, all, |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            // From right to left, so that they stand in their order.
            for c in choices.iter().rev() {
                let response = ui
                    .selectable_label(is_now(c), title(c))
                    .on_hover_text(help(c));
                if response.clicked() && !is_now(c) {
                    target.set_once(field, Value::from(c.value.as_str()));
                }
            }
        });
        return;
    }
    let widest = widths.iter().copied().fold(72.0, f32::max) + 20.0;
    let width = widest.min(half);
    let selected = match &now {
        None => tr("inspector.mixed").to_owned(),
        Some(Value::Null) => tr("inspector.not_set").to_owned(),
        Some(value) => {
            let known = choices.iter().find(|c| is_now(c)).map(title);
            known.unwrap_or_else(|| value::shown(value))
        }
    };
    row(ui, target, field, drafts, width, |ui| {
        let combo = ComboBox::from_id_salt(target.id(field))
            .width(width)
            .selected_text(selected.as_str())
            .truncate();
        let shown = combo.show_ui(ui, |ui| {
            if field.nullable
                && ui
                    .selectable_label(now == Some(Value::Null), tr("inspector.not_set"))
                    .clicked()
            {
                target.set_once(field, Value::Null);
            }
            for c in choices {
                if ui
                    .selectable_label(is_now(c), title(c))
                    .on_hover_text(help(c))
                    .clicked()
                {
                    target.set_once(field, Value::from(c.value.as_str()));
                }
            }
        });
        let name = param_label(target.kind, &field.name);
        ui.ctx()
            .accesskit_node_builder(shown.response.id, |node| node.set_label(name));
    });
}

fn text_rows(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    hint: Option<Hint>,
    drafts: &mut Drafts,
) {
    row(ui, target, field, drafts, 0.0, |_| {});
    let name = param_label(target.kind, &field.name);
    let is_mixed = target.shared(field) == Shared::Mixed;
    let is_wrong = drafts
        .get(&target.key(field))
        .is_some_and(|d| d.error.is_some());
    ui.horizontal(|ui| {
        let buttons = if hint.is_some() {
            28.0 + ui.spacing().item_spacing.x
        } else {
            0.0
        };
        let width = ui.available_width() - buttons;
        typed(ui, target, field, drafts, |ui, text| {
            let mut edit = TextEdit::singleline(text)
                .id(target.id(field))
                .desired_width(width - 8.0);
            if is_mixed {
                edit = edit.hint_text(tr("inspector.mixed"));
            }
            if is_wrong {
                edit = edit.text_color(theme().red);
            }
            let response = ui.add(edit);
            ui.ctx()
                .accesskit_node_builder(response.id, |node| node.set_label(name));
            response
        });
        if let Some(hint) = hint {
            suggest::button(ui, target, field, hint, drafts);
        }
    });
}

fn code_rows(ui: &mut Ui, target: &Target<'_, '_>, field: &Field, code: Code, drafts: &mut Drafts) {
    let language = match code {
        Code::Sql => Language::Sql,
        Code::Python => Language::Python,
        Code::Json => Language::Json,
    };
    let key = target.key(field);
    let is_wide = drafts.wide.as_deref() == Some(key.as_str());
    row(ui, target, field, drafts, 0.0, |_| {});
    let marks: Vec<Mark> = target
        .problems(field)
        .into_iter()
        .map(|p| {
            Mark::new(
                &value::sentence(&p.message, &p.mend),
                p.severity == Severity::Error,
            )
        })
        .collect();
    let name = param_label(target.kind, &field.name);
    let editor = |rows| Editor {
        id: target.id(field),
        language,
        label: name,
        rows,
        marks: &marks,
    };
    if is_wide {
        let text = RichText::new(tr("inspector.in_window")).color(theme().faint);
        ui.add(Label::new(text).wrap());
    } else {
        typed(ui, target, field, drafts, |ui, text| {
            editor(4).show(ui, text)
        });
    }
    if ui
        .small_button(tr(if is_wide {
            "inspector.narrow"
        } else {
            "inspector.widen"
        }))
        .clicked()
    {
        drafts.wide = (!is_wide).then(|| key.clone());
    }
    if is_wide {
        let mut open = true;
        let title = format!("{} · {name}", target.nodes.join(", "));
        egui::Window::new(title)
            .id(target.id(field).with("window"))
            .open(&mut open)
            .default_size([640.0, 420.0])
            .pivot(egui::Align2::CENTER_CENTER)
            .default_pos(ui.ctx().content_rect().center())
            .show(ui.ctx(), |ui| {
                egui::ScrollArea::vertical().show(ui, |ui| {
                    typed(ui, target, field, drafts, |ui, text| {
                        editor(18).show(ui, text)
                    });
                });
            });
        if !open {
            drafts.wide = None;
        }
    }
    pending(ui, target, field, drafts);
}

/// What is wrong with the text that was typed and with the value, and what waits to be taken over.
fn problems(ui: &mut Ui, target: &Target<'_, '_>, field: &Field, drafts: &Drafts) {
    if let Some(why) = drafts
        .get(&target.key(field))
        .and_then(|d| d.error.as_deref())
    {
        problem_line(ui, Severity::Error, why);
        return;
    }
    for problem in target.problems(field) {
        problem_line(
            ui,
            problem.severity,
            &value::sentence(&problem.message, &problem.mend),
        );
    }
    pending(ui, target, field, drafts);
}

fn pending(ui: &mut Ui, target: &Target<'_, '_>, field: &Field, drafts: &Drafts) {
    if let Some(why) = target.refused_by_run(field) {
        problem_line(
            ui,
            Severity::Warning,
            &trf("inspector.next_run", &[("why", &why)]),
        );
    }
    let is_waiting = drafts
        .get(&target.key(field))
        .is_some_and(|d| d.error.is_none());
    if target.is_live() && is_waiting {
        ui.label(
            RichText::new(tr("inspector.apply_hint"))
                .size(theme().shape.caption)
                .color(theme().secondary),
        );
    }
}

/// An icon and a sentence in red or amber.
pub(super) fn problem_line(ui: &mut Ui, severity: Severity, text: &str) -> egui::Response {
    let t = theme();
    let (name, colour) = match severity {
        Severity::Error => ("error", t.red),
        Severity::Warning => ("warning", t.amber),
    };
    let line = ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = t.space(0);
        icon(ui, name, 14.0, colour);
        ui.add(Label::new(RichText::new(text).size(t.shape.caption).color(colour)).wrap());
    });
    line.response
}
