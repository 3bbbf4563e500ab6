//! Numbers: the value as a field that is dragged or typed into, and a slider below it.

use std::sync::Arc;

use egui::style::HandleShape;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{
    Align, CursorIcon, Galley, RichText, Sense, Slider, SliderClamping, TextEdit, Ui, Vec2,
};
use serde_json::Value;

use super::field::{label, label_width};
use super::schema::{Field, Number, Shared};
use super::target::{Drafts, Target, typed};
use super::value;
use crate::designer::cx::Act;
use crate::designer::i18n::{param_label, tr, trf, unit_name};
use crate::designer::theme::{figures, regular, theme};

/// Shows the row with label and value, and the slider.
pub(super) fn show(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    n: &Number,
    drafts: &mut Drafts,
) {
    let key = target.key(field);
    let id = target.id(field);
    ui.memory_mut(|m| m.interested_in_focus(id, ui.layer_id()));
    let is_typed = ui.memory(|m| m.has_focus(id)) || drafts.get(&key).is_some();
    let now = current(target, field, drafts);
    let text = shown(target, field, n, now);
    let galley = ui.fonts_mut(|f| f.layout_job(styled(target, field, n, &text)));
    let width = if is_typed {
        108.0
    } else {
        (galley.size().x + 2.0 * theme().space(1)).clamp(56.0, 160.0)
    };
    ui.horizontal(|ui| {
        let left = label_width(ui, target, field, width);
        label(ui, target, field, drafts, left);
        ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
            super::field::reset(ui, target, field, drafts);
            if is_typed {
                type_into(ui, target, field, n, drafts);
            } else {
                drag(ui, target, field, n, drafts, &text, galley);
            }
        });
    });
    if let Some(now) = now {
        ui.scope(|ui| slider_in(ui, target, field, n, drafts, now));
    }
}

/// The number that the field stands at; none when the nodes differ or it is left without a value.
fn current(target: &Target<'_, '_>, field: &Field, drafts: &Drafts) -> Option<f64> {
    if let Some((key, at)) = &drafts.drag
        && *key == target.key(field)
    {
        return Some(*at);
    }
    match target.shared(field) {
        Shared::Same(value) => value.as_f64(),
        Shared::Mixed => None,
    }
}

fn shown(target: &Target<'_, '_>, field: &Field, n: &Number, now: Option<f64>) -> String {
    match (now, target.shared(field)) {
        (Some(now), _) if n.unit.is_empty() => value::readable(now),
        (Some(now), _) => format!("{} {}", value::readable(now), unit_name(&n.unit)),
        (None, Shared::Mixed) => tr("inspector.mixed").to_owned(),
        (None, Shared::Same(Value::Null)) => tr("inspector.not_set").to_owned(),
        (None, Shared::Same(other)) => other.to_string(),
    }
}

/// The value in figures of equal width, its unit quieter; an assumption in italics.
fn styled(target: &Target<'_, '_>, field: &Field, n: &Number, text: &str) -> LayoutJob {
    let t = theme();
    let is_number = matches!(target.shared(field), Shared::Same(Value::Number(_)));
    let (font, colour) = if is_number {
        (figures(t.shape.body), t.text)
    } else {
        (regular(t.shape.body), t.secondary)
    };
    let unit = unit_name(&n.unit);
    let format = |font, colour| TextFormat {
        italics: field.assumed,
        ..TextFormat::simple(font, colour)
    };
    let mut job = LayoutJob::default();
    match text
        .strip_suffix(unit)
        .filter(|_| is_number && !unit.is_empty())
    {
        Some(number) => {
            job.append(number, 0.0, format(font, colour));
            job.append(unit, 0.0, format(regular(t.shape.body), t.secondary));
        }
        None => job.append(text, 0.0, format(font, colour)),
    }
    job.wrap = TextWrapping::truncate_at_width(144.0);
    job
}

/// The text field; with its unit, so that `90` and `90s` are both clear.
fn type_into(ui: &mut Ui, target: &Target<'_, '_>, field: &Field, n: &Number, drafts: &mut Drafts) {
    let id = target.id(field);
    let is_wrong = drafts
        .get(&target.key(field))
        .is_some_and(|d| d.error.is_some());
    let unit = unit_name(&n.unit);
    typed(ui, target, field, drafts, |ui, text| {
        let shown = text.clone();
        let mut edit = TextEdit::singleline(text)
            .id(id)
            .font(figures(theme().shape.body))
            .horizontal_align(Align::RIGHT)
            .desired_width(100.0);
        if is_wrong {
            edit = edit.text_color(theme().red);
        }
        if field.nullable {
            edit = edit.hint_text(tr("inspector.not_set"));
        }
        if !unit.is_empty() && unit.len() < 8 {
            edit = edit.suffix(RichText::new(unit).color(theme().faint));
        }
        let response = ui.add(edit);
        if response.gained_focus() {
            select_all(ui, id, &shown);
        }
        name(ui, target, field, &response);
        response
    });
}

/// Selects the whole text of a field that has just got the keyboard.
fn select_all(ui: &Ui, id: egui::Id, text: &str) {
    use egui::text::{CCursor, CCursorRange};
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    let range = CCursorRange::two(CCursor::default(), CCursor::new(text.chars().count()));
    state.cursor.set_char_range(Some(range));
    TextEdit::store_state(ui.ctx(), id, state);
}

/// Names the control for those who hear the screen.
fn name(ui: &Ui, target: &Target<'_, '_>, field: &Field, response: &egui::Response) {
    let label = param_label(target.kind, &field.name);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(label));
}

/// The value while it is not typed: dragged sideways, or pressed to type.
fn drag(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    n: &Number,
    drafts: &mut Drafts,
    text: &str,
    galley: Arc<Galley>,
) {
    let t = theme();
    let (id, key) = (target.id(field), target.key(field));
    let width = (galley.size().x + 2.0 * t.space(1)).max(56.0);
    let (_, rect) = ui.allocate_space(Vec2::new(width, 24.0));
    let response = ui.interact(rect, id, Sense::click_and_drag());
    let fill = if response.hovered() {
        ui.visuals().widgets.hovered.bg_fill
    } else {
        t.raised
    };
    ui.painter().rect_filled(rect, t.shape.radius_control, fill);
    let place = rect.right_center() - egui::vec2(t.space(1), 0.0);
    let at = egui::Align2::RIGHT_CENTER
        .anchor_size(place, galley.size())
        .min;
    ui.painter().galley(at, galley, t.text);
    response.widget_info(|| {
        let label = param_label(target.kind, &field.name);
        let mut info =
            egui::WidgetInfo::labeled(egui::WidgetType::DragValue, ui.is_enabled(), label);
        info.current_text_value = Some(text.to_owned());
        info
    });
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    if response.clicked() {
        ui.memory_mut(|m| m.request_focus(id));
        if let Shared::Same(value) = target.shared(field) {
            select_all(ui, id, &value::shown(&value));
        }
    }
    let Some(now) = current(target, field, drafts) else {
        return;
    };
    if response.dragged() {
        // What is rounded away must not be lost: the exact place is kept from frame to frame.
        let exact = ui.data(|d| d.get_temp::<f64>(id)).unwrap_or(now);
        let speed = if n.is_logarithmic() {
            exact.abs().max(10.0) * 0.01
        } else {
            span(n) / 300.0
        };
        let slow = if ui.input(|i| i.modifiers.shift) {
            0.1
        } else {
            1.0
        };
        let exact = clamped(n, exact + f64::from(response.drag_delta().x) * speed * slow);
        ui.data_mut(|d| d.insert_temp(id, exact));
        moved(
            target,
            field,
            n,
            drafts,
            now,
            value::rounded(exact, n.is_whole),
        );
    }
    if response.drag_stopped() {
        ui.data_mut(|d| d.remove::<f64>(id));
        ended(target, field, n, drafts, &key);
    }
}

fn span(n: &Number) -> f64 {
    n.slider().map_or(100.0, |(min, max)| max - min)
}

/// Inside the hard limits.
fn clamped(n: &Number, number: f64) -> f64 {
    let low = n.min.map_or(number, |m| number.max(m));
    n.max.map_or(low, |m| low.min(m))
}

fn slider_in(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    n: &Number,
    drafts: &mut Drafts,
    now: f64,
) {
    let Some((min, max)) = n.slider() else { return };
    let mut at = now;
    let width = ui.available_width();
    let spacing = ui.spacing_mut();
    // A slim one: the field above is what is read.
    spacing.interact_size.y = 16.0;
    spacing.slider_width = width;
    let slider = Slider::new(&mut at, min..=max)
        .show_value(false)
        .logarithmic(n.is_logarithmic())
        .smallest_positive(if n.is_whole {
            1.0
        } else {
            (max / 1e5).max(1e-6)
        })
        .clamping(SliderClamping::Never)
        .handle_shape(HandleShape::Circle)
        .trailing_fill(true);
    let response = ui.add(slider);
    let name = trf(
        "inspector.slider_of",
        &[("name", &param_label(target.kind, &field.name))],
    );
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(name));
    let key = target.key(field);
    if response.changed() {
        let new = clamped(n, value::rounded(at, n.is_whole));
        moved(target, field, n, drafts, now, new);
        if !response.dragged() {
            ended(target, field, n, drafts, &key);
        }
    }
    if response.drag_stopped() {
        ended(target, field, n, drafts, &key);
    }
}

/// A drag or slider came to another number. The run sees it when the gesture ends.
fn moved(
    target: &Target<'_, '_>,
    field: &Field,
    n: &Number,
    drafts: &mut Drafts,
    now: f64,
    new: f64,
) {
    if (new - now).abs() < f64::EPSILON {
        return;
    }
    drafts.discard(&target.key(field));
    if target.is_live() {
        drafts.drag = Some((target.key(field), new));
    } else {
        target.set(field, value::json(new, n.is_whole));
    }
}

/// The gesture is over.
fn ended(target: &Target<'_, '_>, field: &Field, n: &Number, drafts: &mut Drafts, key: &str) {
    if let Some((_, at)) = drafts.drag.take_if(|(k, _)| k == key) {
        target.set(field, value::json(at, n.is_whole));
    }
    target.cx.act(Act::Seal);
}
