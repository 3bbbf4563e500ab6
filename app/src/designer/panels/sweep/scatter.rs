//! Cost against latency: a dot for each variant, the front as a line, the chosen one green. A press takes the nearest.

use egui::{Color32, Ui, Vec2};
use egui_plot::{Line, Plot, PlotPoint, PlotPoints, Points, uniform_grid_spacer};
use weir_engine::report::{dollars, millis};
use weir_engine::study::{Swept, Wish, pareto};

use crate::designer::i18n::{tr, trf};
use crate::designer::theme::theme;

/// Farther from a dot than this, in points, a press takes nothing.
const REACH: f32 = 14.0;

/// A dot that can be drawn: its place among the rows, cost and seconds.
struct Dot {
    row: usize,
    at: [f64; 2],
}

fn dots(swept: &Swept) -> Vec<Dot> {
    let all = swept.rows.iter().enumerate();
    all.filter_map(|(row, done)| {
        let s = done.result.as_ref().ok()?;
        let at = [s.cost.usd_per_month?, s.latency_ms?.p99 / 1000.0];
        Some(Dot { row, at })
    })
    .collect()
}

/// Draws it. Returns the place among the rows of the dot that was pressed.
pub(super) fn show(
    ui: &mut Ui,
    swept: &Swept,
    wish: &Wish,
    chosen: Option<usize>,
    marked: Option<usize>,
    size: Vec2,
) -> Option<usize> {
    let t = theme();
    let dots = dots(swept);
    let front = pareto(swept);
    let best = chosen;
    let colour = |row: usize| -> Color32 {
        let passes = swept.rows[row]
            .result
            .as_ref()
            .is_ok_and(|s| wish.passes(s));
        match () {
            () if best == Some(row) => t.green,
            () if !passes => t.red,
            () if front.contains(&row) => t.accent,
            () => t.secondary,
        }
    };
    let line: Vec<[f64; 2]> = front
        .iter()
        .filter_map(|row| dots.iter().find(|d| d.row == *row))
        .map(|d| d.at)
        .collect();
    let plot = axes(size);
    let drawn = plot.show(ui, |plot| {
        if line.len() > 1 {
            plot.line(
                Line::new(tr("study.front"), PlotPoints::from(line.clone()))
                    .color(t.accent)
                    .width(1.5)
                    .allow_hover(false),
            );
        }
        for dot in &dots {
            let is_large = best == Some(dot.row) || marked == Some(dot.row);
            let point = Points::new("", PlotPoints::from(vec![dot.at]))
                .color(colour(dot.row))
                .radius(if is_large { 7.0 } else { 4.5 })
                .allow_hover(false);
            plot.points(point);
        }
    });
    let response = drawn.response;
    for dot in &dots {
        let place = PlotPoint::new(dot.at[0], dot.at[1]);
        let at = drawn.transform.position_from_point(&place);
        let rect = egui::Rect::from_center_size(at, Vec2::splat(9.0));
        let named = ui.interact(rect, ui.id().with(("dot", dot.row)), egui::Sense::HOVER);
        named.widget_info(|| {
            let what = swept.rows[dot.row].variant.words(&swept.axes);
            let words = trf("study.dot", &[("what", &what)]);
            egui::WidgetInfo::labeled(egui::WidgetType::Other, true, words)
        });
    }
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Other, true, tr("study.plot")));
    let pointer = response.hover_pos()?;
    let near = dots
        .iter()
        .map(|d| {
            let place = drawn
                .transform
                .position_from_point(&PlotPoint::new(d.at[0], d.at[1]));
            (place.distance(pointer), d)
        })
        .filter(|(distance, _)| *distance <= REACH)
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    let dot = near.1;
    let words = swept.rows[dot.row].variant.words(&swept.axes);
    let text = format!(
        "{words}\n{} / {}, p99 {}",
        dollars(dot.at[0]),
        tr("study.month"),
        millis(dot.at[1] * 1000.0)
    );
    let pressed = response.clicked();
    response
        .on_hover_cursor(egui::CursorIcon::PointingHand)
        .on_hover_text_at_pointer(text);
    pressed.then_some(dot.row)
}

/// The plot without its dots: cost a month against latency.
fn axes(size: Vec2) -> Plot<'static> {
    Plot::new("weir-sweep-plot")
        .width(size.x)
        .height(size.y)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .show_background(false)
        .x_axis_label(tr("study.axis_cost"))
        .y_axis_label(tr("study.axis_latency"))
        .grid_color(theme().line)
        .grid_fade(0.6)
        .x_grid_spacer(uniform_grid_spacer(|input| {
            let step = round_step((input.bounds.1 - input.bounds.0) / 4.0);
            [step, step * 5.0, step * 25.0]
        }))
        .x_axis_formatter(|mark, _| {
            // Amounts that lie close together must not read the same.
            if mark.step_size < 1.0 {
                format!("${:.2}", mark.value)
            } else {
                dollars(mark.value)
            }
        })
        .y_axis_formatter(|mark, _| millis(mark.value * 1000.0))
        .set_margin_fraction(Vec2::splat(0.08))
}

/// The next of 1, 2 and 5 times a power of ten, so that amounts at the axis are round.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    let step = [1.0, 2.0, 5.0].map(|n| n * power);
    step.into_iter()
        .find(|s| *s >= least)
        .unwrap_or(10.0 * power)
}
