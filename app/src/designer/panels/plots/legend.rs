//! The line above a plot that names its traces, says their values at the cursor and shows or hides them.

use egui::{Align2, Response, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};

use super::chart::{Chart, Trace};
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::theme;

/// Width of a swatch.
const SWATCH: f32 = 14.0;

/// What was asked for.
pub(super) enum Toggle {
    /// Show or hide one trace.
    One(String),
    /// Show this one only, or all when it is the only one.
    Only(String),
    /// Select the node that it belongs to.
    Select(String),
}

/// Draws it; traces that find no room are in a menu at its end.
pub(super) fn show(
    ui: &mut Ui,
    chart: &Chart,
    at: f64,
    is_shown: impl Fn(&Trace) -> bool,
) -> Option<Toggle> {
    let mut asked = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme().space(1);
        let mut rest = chart.traces.len();
        for trace in &chart.traces {
            let text = text_of(ui, chart, trace, at);
            let width = SWATCH + 4.0 + text.0.size().x + 6.0 + text.1.size().x.max(value_room(ui));
            let more = if rest > 1 { 44.0 } else { 0.0 };
            if width + more > ui.available_width() {
                break;
            }
            rest -= 1;
            let response = entry(ui, trace, text, width, is_shown(trace));
            asked = asked.take().or(asked_of(&response, trace));
        }
        if rest > 0 {
            let from = chart.traces.len() - rest;
            ui.menu_button(trf("plots.more_lines", &[("count", &rest)]), |ui| {
                egui::ScrollArea::vertical()
                    .max_height(320.0)
                    .show(ui, |ui| {
                        for trace in &chart.traces[from..] {
                            let text = text_of(ui, chart, trace, at);
                            let response = entry(ui, trace, text, 240.0, is_shown(trace));
                            asked = asked.take().or(asked_of(&response, trace));
                        }
                    });
            });
        }
    });
    asked
}

type Texts = (std::sync::Arc<egui::Galley>, std::sync::Arc<egui::Galley>);

fn text_of(ui: &Ui, chart: &Chart, trace: &Trace, at: f64) -> Texts {
    let t = theme();
    let value = trace
        .data
        .at(at)
        .map_or_else(|| "-".to_owned(), |p| chart.unit.write(chart.value(p.y)));
    let small = egui::TextStyle::Small.resolve(ui.style());
    let name = ui
        .painter()
        .layout_no_wrap(trace.name.clone(), small.clone(), t.secondary);
    let font = egui::FontId::new(small.size, egui::FontFamily::Monospace);
    (name, ui.painter().layout_no_wrap(value, font, t.text))
}

/// Room for a value, so that nothing jitters when it changes.
fn value_room(ui: &Ui) -> f32 {
    egui::TextStyle::Small.resolve(ui.style()).size * 5.0
}

fn entry(ui: &mut Ui, trace: &Trace, (name, value): Texts, width: f32, is_on: bool) -> Response {
    let t = theme();
    let height = name.size().y.max(value.size().y) + 4.0;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
    response.widget_info(|| {
        let kind = WidgetType::Checkbox;
        let mut info = WidgetInfo::selected(kind, ui.is_enabled(), is_on, &trace.name);
        info.current_text_value = Some(value.text().to_owned());
        info
    });
    let painter = ui.painter();
    if response.hovered() || response.has_focus() {
        painter.rect_filled(
            rect.expand2(vec2(3.0, 0.0)),
            t.shape.radius_control,
            t.raised,
        );
    }
    let alpha = if is_on { 1.0 } else { 0.35 };
    let colour = trace.colour.gamma_multiply(alpha);
    let y = rect.center().y;
    let ends = [pos2(rect.left(), y), pos2(rect.left() + SWATCH, y)];
    match trace.style {
        egui_plot::LineStyle::Solid => {
            painter.line_segment(ends, egui::Stroke::new(2.5, colour));
        }
        _ => {
            painter.extend(egui::Shape::dashed_line(
                &ends,
                egui::Stroke::new(2.0, colour),
                3.0,
                2.5,
            ));
        }
    }
    let left = rect.left() + SWATCH + 4.0;
    let at = Align2::LEFT_CENTER
        .anchor_size(pos2(left, y), name.size())
        .min;
    painter.galley(at, name, t.secondary);
    if is_on {
        let at = Align2::RIGHT_CENTER
            .anchor_size(pos2(rect.right(), y), value.size())
            .min;
        painter.galley(at, value, t.text);
    } else {
        painter.line_segment(
            [pos2(left, y), pos2(rect.right() - 4.0, y)],
            egui::Stroke::new(1.0, t.faint),
        );
    }
    response.on_hover_text(tr("plots.legend_help"))
}

fn asked_of(response: &Response, trace: &Trace) -> Option<Toggle> {
    if response.secondary_clicked() {
        return trace.node.clone().map(Toggle::Select);
    }
    if !response.clicked() {
        return None;
    }
    let only = response
        .ctx
        .input(|i| i.modifiers.command || i.modifiers.alt);
    let name = trace.name.clone();
    Some(if only {
        Toggle::Only(name)
    } else {
        Toggle::One(name)
    })
}
