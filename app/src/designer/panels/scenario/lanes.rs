//! The scenario on a time axis: a lane a node, steps as blocks that are dragged and stretched.

#![expect(
    clippy::cast_possible_truncation,
    reason = "places on a screen; casts of floats saturate"
)]

use egui::{
    Align2, Color32, CursorIcon, Painter, Rect, Response, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, WidgetType, pos2, vec2,
};
use weir_engine::document::{Action, NodeDoc, Step};
use weir_engine::node::{FaultKind, Problem, Severity};
use weir_engine::units::{SimDuration, format_duration};

use super::now::figure_text;
use super::steps::{added, end_of, ending, moved, new_action, snapped, text_of};
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::{Edit, Selection};
use crate::designer::i18n::{fault_name, said, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{format, kind_icon, node_name, paint_icon};

/// How near the end of a fault a press takes hold of it, in points.
const EDGE: f32 = 7.0;
/// Least width of a block.
const LEAST: f32 = 12.0;

/// What a block is being dragged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Hold {
    /// The whole block; where it was taken, in seconds from its beginning.
    Whole(f64),
    /// Its end.
    End,
}

/// From virtual seconds to places on the screen.
#[derive(Debug, Clone, Copy)]
struct Axis {
    left: f32,
    width: f32,
    seconds: f64,
}

impl Axis {
    fn x(&self, at: f64) -> f32 {
        self.left + (at / self.seconds) as f32 * self.width
    }
    fn at(&self, x: f32) -> f64 {
        (f64::from((x - self.left) / self.width) * self.seconds).clamp(0.0, self.seconds)
    }
    /// Seconds that a drag goes by: round ones, as fine as the screen can show.
    fn grid(&self) -> f64 {
        const NICE: [f64; 12] = [
            0.1, 0.5, 1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0,
        ];
        let wanted = self.seconds / f64::from(self.width.max(1.0)) * 3.0;
        NICE.into_iter().find(|n| *n >= wanted).unwrap_or(3600.0)
    }
}

/// What the lanes keep between frames.
#[derive(Default)]
pub(super) struct Lanes {
    /// The step that is shown in the form.
    pub(super) chosen: Option<usize>,
    held: Option<(usize, Hold)>,
}

impl Lanes {
    /// Draws all lanes in the room there is.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let body = egui::TextStyle::Body.resolve(ui.style()).size;
        let names = (body * 11.0).min(ui.available_width() * 0.3);
        let row = body + 17.0;
        let run = cx.doc.run_for.as_secs_f64().max(1.0);
        let width = (ui.available_width() - names - 12.0).max(60.0);
        let axis = Axis {
            left: ui.cursor().left() + names,
            width,
            seconds: run,
        };
        header(ui, cx, axis);
        egui::ScrollArea::vertical()
            .id_salt("weir-lanes")
            .auto_shrink([false, false])
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                for node in &cx.doc.nodes {
                    self.lane(ui, cx, node, axis, names, row);
                }
            });
    }

    fn lane(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        node: &NodeDoc,
        axis: Axis,
        names: f32,
        height: f32,
    ) {
        let t = theme();
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
        let name = node_name(cx.doc, &node.id);
        let label = trf("plots.scenario_lane", &[("name", &name)]);
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, &label));
        let lane = Rect::from_min_max(
            pos2(axis.left, rect.top()),
            pos2(axis.left + axis.width, rect.bottom()),
        );
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        painter.rect_filled(lane, t.shape.radius_control, t.raised.gamma_multiply(0.6));
        let is_selected = cx.selection.has_node(&node.id);
        lane_name(
            ui,
            cx,
            node,
            &name,
            Rect::from_min_max(rect.min, pos2(rect.left() + names - 8.0, rect.bottom())),
            is_selected,
        );
        let mut over = false;
        for (i, step) in cx
            .doc
            .scenario
            .iter()
            .enumerate()
            .filter(|(_, s)| s.node == node.id)
        {
            over |= self.block(ui, cx, i, step, axis, lane);
        }
        let x = axis.x(cx.run.now_seconds().min(axis.seconds));
        if cx.run.snapshot.is_some() {
            painter.line_segment(
                [pos2(x, lane.top()), pos2(x, lane.bottom())],
                Stroke::new(1.5, t.accent),
            );
        }
        let pointer = response
            .interact_pointer_pos()
            .filter(|p| lane.contains(*p));
        if response.double_clicked()
            && !over
            && let Some(pointer) = pointer
        {
            let at = snapped(axis.at(pointer.x), axis.grid());
            self.add(cx, &node.id, at);
        } else if response.clicked() && !over {
            cx.act(Act::Select(Selection::node(&node.id)));
        }
        if !over {
            response.on_hover_text(tr("plots.scenario_lane_help"));
        }
    }

    /// Adds a step for `node` and shows it in the form.
    pub(super) fn add(&mut self, cx: &Cx<'_>, node: &str, at: SimDuration) {
        let Some(action) = new_action(cx.doc, node) else {
            return;
        };
        let (steps, i) = added(
            &cx.doc.scenario,
            Step {
                at,
                node: node.to_owned(),
                action,
            },
        );
        cx.act(Act::Seal);
        cx.edit(Edit::Scenario(steps));
        cx.act(Act::Seal);
        self.chosen = Some(i);
    }

    /// One step. True when the pointer is over it.
    fn block(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        i: usize,
        step: &Step,
        axis: Axis,
        lane: Rect,
    ) -> bool {
        let at = step.at.as_secs_f64();
        let (left, right) = (
            axis.x(at),
            axis.x(end_of(step, axis.seconds).min(axis.seconds)),
        );
        let is_fault = matches!(step.action, Action::Fault { .. });
        let words = words(step);
        let font = egui::TextStyle::Small.resolve(ui.style());
        let text = ui
            .painter()
            .layout_no_wrap(words.clone(), font, theme().text);
        let width = (right - left).max(LEAST);
        let width = if is_fault { width } else { LEAST };
        let corner = pos2(left.min(lane.right() - LEAST), lane.top() + 3.0);
        let body = Rect::from_min_size(corner, vec2(width, lane.height() - 6.0));
        let aside = if is_fault { 0.0 } else { -LEAST / 2.0 };
        let touch = body.translate(vec2(aside, 0.0));
        let response = ui.interact(
            touch.expand2(vec2(2.0, 3.0)),
            ui.id().with(("weir-step", i)),
            Sense::click_and_drag(),
        );
        let label = trf(
            "plots.scenario_step",
            &[
                ("time", &format_duration(step.at)),
                ("what", &words),
                ("node", &step.node),
            ],
        );
        response.widget_info(|| {
            WidgetInfo::selected(WidgetType::Button, true, self.chosen == Some(i), &label)
        });
        let problems: Vec<&Problem> = problems_of(cx, i).collect();
        let is_chosen = self.chosen == Some(i);
        let look = Look::of(cx, step, &problems, is_chosen, response.has_focus());
        let clip = lane.expand(4.0).intersect(ui.clip_rect());
        let painter = ui.painter().with_clip_rect(clip);
        let wide = text.size().x;
        let (x, else_x) = if is_fault {
            painter.rect(body, 4.0, look.fill, look.stroke, StrokeKind::Inside);
            let inside = wide + 12.0 < body.width();
            let x = if inside {
                body.left() + 6.0
            } else {
                body.right() + 5.0
            };
            (x, body.left() - wide - 5.0)
        } else {
            marker(&painter, touch.center(), look);
            (touch.right() + 4.0, touch.left() - wide - 4.0)
        };
        let place = keep_inside(pos2(x, body.center().y), wide, lane, else_x);
        let place = Align2::LEFT_CENTER.anchor_size(place, text.size()).min;
        painter.galley(place, text, theme().text);
        self.drag(
            cx,
            i,
            step,
            &response,
            axis,
            is_fault.then_some(body.right()),
        );
        if response.clicked() {
            self.chosen = Some(i);
        }
        let over = response.hovered() || response.dragged();
        response.on_hover_ui(|ui| hover(ui, &label, &problems));
        over
    }

    fn drag(
        &mut self,
        cx: &Cx<'_>,
        i: usize,
        step: &Step,
        response: &Response,
        axis: Axis,
        end: Option<f32>,
    ) {
        let pointer = response.interact_pointer_pos();
        let near_end = |x: f32| end.is_some_and(|end| (x - end).abs() <= EDGE);
        if let Some(p) = response.hover_pos() {
            let cursor = if near_end(p.x) {
                CursorIcon::ResizeHorizontal
            } else {
                CursorIcon::Grab
            };
            response.ctx.set_cursor_icon(cursor);
        }
        if response.drag_started() {
            let origin = response.ctx.input(|input| input.pointer.press_origin());
            self.held = origin.map(|p| {
                let hold = if near_end(p.x) {
                    Hold::End
                } else {
                    Hold::Whole(axis.at(p.x) - step.at.as_secs_f64())
                };
                (i, hold)
            });
            cx.act(Act::Seal);
        }
        if response.dragged()
            && let (Some((held, hold)), Some(p)) = (self.held, pointer)
            && held == i
        {
            let steps = match hold {
                Hold::Whole(from) => moved(&cx.doc.scenario, i, axis.at(p.x) - from, axis.grid()),
                Hold::End => ending(&cx.doc.scenario, i, axis.at(p.x), axis.grid()),
            };
            if steps != cx.doc.scenario {
                cx.edit(Edit::Scenario(steps));
            }
        }
        if response.drag_stopped() {
            self.held = None;
            // Only now: the form takes room, and the axis under the pointer would become another one.
            self.chosen = Some(i);
            cx.act(Act::Seal);
        }
    }
}

/// `place`, or `otherwise` when a text of `width` would leave the lane there.
fn keep_inside(place: egui::Pos2, width: f32, lane: Rect, otherwise: f32) -> egui::Pos2 {
    if place.x + width > lane.right() {
        pos2(otherwise.max(lane.left() + 2.0), place.y)
    } else {
        place
    }
}

/// How a step looks.
#[derive(Clone, Copy)]
struct Look {
    fill: Color32,
    stroke: Stroke,
}

impl Look {
    fn of(cx: &Cx<'_>, step: &Step, problems: &[&Problem], chosen: bool, focused: bool) -> Self {
        let t = theme();
        let hue = match step.action {
            Action::Fault { .. } => t.hue("alerts"),
            Action::Set(_) => t.accent,
        };
        let past = cx.run.snapshot.is_some() && step.at.as_secs_f64() <= cx.run.now_seconds();
        let fill = t.tint(hue, if past { 0.3 } else { 0.5 });
        let stroke = match problems.first() {
            Some(problem) => Stroke::new(2.0, tone(problem)),
            None if chosen || focused => Stroke::new(2.0, t.text),
            None => Stroke::new(1.0, hue),
        };
        Self { fill, stroke }
    }
}

fn tone(problem: &Problem) -> Color32 {
    if problem.severity == Severity::Error {
        theme().red
    } else {
        theme().amber
    }
}

/// Problems of the step `i`.
pub(super) fn problems_of<'a>(cx: &'a Cx<'_>, i: usize) -> impl Iterator<Item = &'a Problem> {
    let field = format!("scenario[{i}]");
    cx.findings
        .problems
        .iter()
        .filter(move |p| p.field.starts_with(&field))
}

fn marker(painter: &Painter, at: egui::Pos2, look: Look) {
    let corners = [
        vec2(0.0, -7.0),
        vec2(6.0, 0.0),
        vec2(0.0, 7.0),
        vec2(-6.0, 0.0),
    ]
    .map(|d| at + d)
    .to_vec();
    painter.add(egui::Shape::convex_polygon(corners, look.fill, look.stroke));
}

/// What the step does, in a few words.
pub(super) fn words(step: &Step) -> String {
    match &step.action {
        Action::Set(params) => {
            let sets: Vec<String> = params
                .iter()
                .map(|(name, value)| format!("{name} = {}", text_of(value)))
                .collect();
            sets.join(", ")
        }
        Action::Fault {
            name, parameters, ..
        } => {
            let kind = FaultKind::ALL.into_iter().find(|k| k.id() == name);
            let figure = parameters
                .values()
                .next()
                .and_then(serde_json::Value::as_f64);
            match (kind, figure) {
                (Some(kind), Some(figure)) => {
                    format!("{} {}", fault_name(kind), figure_text(kind, figure))
                }
                (Some(kind), None) => fault_name(kind).to_owned(),
                (None, _) => name.clone(),
            }
        }
    }
}

fn lane_name(ui: &mut Ui, cx: &Cx<'_>, node: &NodeDoc, name: &str, rect: Rect, is_selected: bool) {
    let t = theme();
    let size = rect.height() - 14.0;
    let at = Rect::from_center_size(pos2(rect.left() + 10.0, rect.center().y), vec2(size, size));
    if let Some(spec) = cx.spec_of(&node.id) {
        paint_icon(ui, kind_icon(spec), at, t.category(spec.category));
    }
    let colour = if is_selected { t.accent } else { t.text };
    let font = egui::TextStyle::Body.resolve(ui.style());
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.text(
        pos2(at.right() + 6.0, rect.center().y),
        Align2::LEFT_CENTER,
        name,
        font,
        colour,
    );
}

/// Marks of time.
fn header(ui: &mut Ui, cx: &Cx<'_>, axis: Axis) {
    let t = theme();
    let small = egui::TextStyle::Small.resolve(ui.style());
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), small.size + 8.0), Sense::click());
    let grid = axis.grid();
    let step = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0]
        .iter()
        .map(|m| m * grid)
        .find(|s| axis.x(*s) - axis.left > 72.0);
    let step = step.unwrap_or(axis.seconds);
    let (mut at, mut free) = (0.0, 0.0);
    while at <= axis.seconds {
        let x = axis.x(at);
        ui.painter().line_segment(
            [pos2(x, rect.bottom() - 3.0), pos2(x, rect.bottom())],
            t.hairline(),
        );
        let text = ui
            .painter()
            .layout_no_wrap(format::clock(at), small.clone(), t.secondary);
        let left = x.min(axis.left + axis.width - text.size().x);
        if left > free {
            free = left + text.size().x + 8.0;
            ui.painter()
                .galley(pos2(left, rect.top()), text, t.secondary);
        }
        at += step;
    }
    if let Some(cursor) = cx.cursor.filter(|c| *c <= axis.seconds) {
        let x = axis.x(cursor);
        ui.painter().line_segment(
            [pos2(x, rect.top()), pos2(x, rect.bottom())],
            Stroke::new(1.0, t.secondary),
        );
    }
    if response.clicked()
        && let Some(p) = response.interact_pointer_pos()
    {
        cx.act(Act::Cursor(Some(axis.at(p.x))));
    }
}

/// What a step is, and what is wrong with it.
fn hover(ui: &mut Ui, label: &str, problems: &[&Problem]) {
    ui.label(label);
    for problem in problems {
        let text = format!("{} ({})", said(&problem.message), said(&problem.mend));
        ui.colored_label(tone(problem), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_times_belong_together() {
        let axis = Axis {
            left: 100.0,
            width: 600.0,
            seconds: 3600.0,
        };
        assert_eq!(axis.x(1800.0), 400.0);
        assert_eq!(axis.at(400.0), 1800.0);
        assert_eq!(axis.at(5000.0), 3600.0);
        assert_eq!(axis.grid(), 30.0);
    }
}
