//! Draws one plot: grid, lines or layers, bands of alarms, ticks of events, the cursor.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places on a screen; casts of floats saturate"
)]

use egui::{Align2, Color32, Pos2, Rect, Response, Sense, Stroke, Ui, Vec2, pos2};
use egui_plot::{
    AxisHints, FilledArea, GridInput, GridMark, Line, Plot, PlotPoint, PlotPoints, PlotTransform,
};

use super::chart::{Chart, Trace, Unit};
use super::time::steps;
use crate::designer::theme::{figures, theme};
use crate::designer::widgets::format;

/// Width of the axis of values, the same for all plots so that they stand under each other.
pub(super) const GUTTER: f32 = 64.0;
/// Opacity of the band of an alarm.
const BAND: f32 = 0.12;

/// A span during which an alarm was on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) node: String,
}

/// What all plots of a frame share.
pub(super) struct Shared<'a> {
    /// Virtual seconds at both edges.
    pub(super) range: (f64, f64),
    /// Where the run is.
    pub(super) now: f64,
    /// Where the cursor stands.
    pub(super) cursor: Option<f64>,
    /// What is being marked with the pointer.
    pub(super) marked: Option<(f64, f64)>,
    pub(super) bands: &'a [Band],
    /// Instants and colours of events.
    pub(super) ticks: &'a [(f64, Color32)],
}

/// What came of drawing a plot.
pub(super) struct Drawn {
    pub(super) response: Response,
    pub(super) transform: PlotTransform,
}

impl Drawn {
    /// The virtual second under the pointer.
    pub(super) fn pointed(&self) -> Option<f64> {
        let at = self.response.hover_pos()?;
        Some(self.second_at(at.x))
    }
    /// The virtual second at a place on the screen.
    pub(super) fn second_at(&self, x: f32) -> f64 {
        self.transform.value_from_position(pos2(x, 0.0)).x
    }
}

/// Draws `chart` with this height.
pub(super) fn plot(
    ui: &mut Ui,
    id: u64,
    chart: &mut Chart,
    shared: &Shared<'_>,
    height: f32,
    is_shown: impl Fn(&Trace) -> bool,
) -> Drawn {
    let t = theme();
    let (from, to) = shared.range;
    let pixels =
        ((ui.available_width() - GUTTER).max(16.0) * ui.pixels_per_point()).round() as usize;
    let (unit, is_log) = (chart.unit, chart.is_log);
    let areas = areas(chart, shared.range, pixels, &is_shown);
    let is_stacked = chart.is_stacked;
    let drawn_as_line = |t: &&mut Trace| is_shown(t) && (!is_stacked || t.is_past);
    let intervals: Vec<Interval> = chart
        .traces
        .iter()
        .filter(|t| is_shown(t) && !is_stacked && !t.band.is_empty())
        .map(|t| Interval::of(t, shared.range))
        .collect();
    let lines: Vec<_> = chart
        .traces
        .iter_mut()
        .filter(drawn_as_line)
        .map(|t| {
            let points = t.data.columns(from, to, pixels);
            (t.name.as_str(), t.colour, t.style, t.width, points)
        })
        .collect();
    let (low, high) = heights(&lines, &areas, &intervals, is_log);
    let drawn = still(Plot::new(("weir-plot", id)).height(height))
        .grid_color(t.line)
        .grid_fade(0.6)
        .x_grid_spacer(time_marks)
        .y_grid_spacer(move |input| {
            if is_log {
                decade_marks(input)
            } else {
                value_marks(input)
            }
        })
        .custom_x_axes(vec![
            AxisHints::new_x()
                .formatter(time_label)
                .tick_label_color(t.secondary),
        ])
        .custom_y_axes(vec![
            AxisHints::new_y()
                .min_thickness(GUTTER)
                .formatter(move |mark, _| value_label(unit, is_log, mark.value))
                .tick_label_color(t.secondary),
        ])
        .show(ui, move |plot| {
            plot.set_plot_bounds_x(from..=to);
            plot.set_plot_bounds_y(low..=high);
            for area in areas {
                let item = FilledArea::new(area.name, &area.xs, &area.low, &area.high)
                    .fill_color(area.colour.gamma_multiply(0.55))
                    .stroke(Stroke::new(1.0, area.colour));
                plot.add(item.allow_hover(false));
            }
            for interval in &intervals {
                plot.add(interval.area().allow_hover(false));
            }
            for (name, colour, style, width, points) in lines {
                let line = Line::new(name, PlotPoints::Borrowed(points));
                plot.line(
                    line.color(colour)
                        .width(width)
                        .style(style)
                        .allow_hover(false),
                );
            }
        });
    let drawn = Drawn {
        response: drawn.response,
        transform: drawn.transform,
    };
    over(ui, chart, shared, &drawn, is_shown);
    drawn
}

/// A plot that moves by our own hand only: all plots share one axis of time.
fn still(plot: Plot<'_>) -> Plot<'_> {
    plot.allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .allow_axis_zoom_drag(false)
        .show_x(false)
        .show_y(false)
        .show_background(false)
        .sense(Sense::click_and_drag())
}

/// Bands, ticks, cursor and total on top of a plot.
fn over(
    ui: &Ui,
    chart: &Chart,
    shared: &Shared<'_>,
    drawn: &Drawn,
    is_shown: impl Fn(&Trace) -> bool,
) {
    let t = theme();
    let frame = *drawn.transform.frame();
    let painter = ui.painter().with_clip_rect(frame.intersect(ui.clip_rect()));
    let x_of = |x: f64| drawn.transform.position_from_point_x(x);
    let column = |a: f64, b: f64| Rect::from_x_y_ranges(x_of(a)..=x_of(b), frame.y_range());
    for band in shared.bands {
        let rect = column(band.from, band.to);
        painter.rect_filled(rect, 0.0, t.red.gamma_multiply(BAND));
        marker(&painter, rect.left_top(), t.red);
    }
    for (x, colour) in shared.ticks {
        let x = x_of(*x);
        painter.line_segment(
            [pos2(x, frame.bottom() - 5.0), pos2(x, frame.bottom())],
            Stroke::new(1.0, *colour),
        );
    }
    if let Some((a, b)) = shared.marked {
        painter.rect_filled(column(a, b), 0.0, t.accent.gamma_multiply(0.15));
    }
    if chart.is_stacked {
        total(ui, &painter, chart, shared, drawn);
    }
    let Some(cursor) = shared.cursor else { return };
    let x = x_of(cursor);
    painter.line_segment(
        [pos2(x, frame.top()), pos2(x, frame.bottom())],
        Stroke::new(1.0, t.secondary),
    );
    if !chart.is_stacked {
        for trace in chart.traces.iter().filter(|t| is_shown(t)) {
            if let Some(point) = trace.data.at(cursor) {
                let y = drawn.transform.position_from_point_y(point.y);
                painter.circle(pos2(x, y), 3.0, t.panel, Stroke::new(1.5, trace.colour));
            }
        }
    }
}

/// The moment at which an alarm went off.
fn marker(painter: &egui::Painter, at: Pos2, colour: Color32) {
    let corners = vec![
        at + Vec2::new(-5.0, 0.0),
        at + Vec2::new(5.0, 0.0),
        at + Vec2::new(0.0, 7.0),
    ];
    painter.add(egui::Shape::convex_polygon(corners, colour, Stroke::NONE));
}

/// The height of the stack at the cursor or the right edge, in words.
fn total(ui: &Ui, painter: &egui::Painter, chart: &Chart, shared: &Shared<'_>, drawn: &Drawn) {
    let t = theme();
    let at = shared.cursor.unwrap_or(shared.range.1).min(shared.now);
    let (xs, tops) = &chart.layers;
    let (Some(top), Some(i)) = (tops.last(), xs.partition_point(|x| *x <= at).checked_sub(1))
    else {
        return;
    };
    let frame = drawn.transform.frame();
    let place = drawn
        .transform
        .position_from_point(&PlotPoint::new(at, top[i]));
    let scale = ui.text_style_height(&egui::TextStyle::Body)
        / ui.text_style_height(&egui::TextStyle::Small);
    let font = figures(t.shape.caption * scale);
    let text = painter.layout_no_wrap(chart.unit.write(top[i]), font, t.text);
    let right = place
        .x
        .clamp(frame.left() + text.size().x + 4.0, frame.right() - 4.0);
    let bottom = place
        .y
        .clamp(frame.top() + text.size().y + 2.0, frame.bottom())
        - 3.0;
    let rect = Align2::RIGHT_BOTTOM.anchor_size(pos2(right, bottom), text.size());
    painter.rect_filled(rect.expand(2.0), 3.0, t.panel.gamma_multiply(0.8));
    painter.galley(rect.min, text, t.text);
}

/// The interval of a mean over repeats, as far as it is in view.
struct Interval {
    name: String,
    colour: Color32,
    xs: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Interval {
    fn of(trace: &Trace, (from, to): (f64, f64)) -> Self {
        let band = &trace.band;
        let first = band.partition_point(|b| b[0] < from).saturating_sub(1);
        let end = (band.partition_point(|b| b[0] <= to) + 1).min(band.len());
        let seen = &band[first.min(end)..end];
        let column = |i: usize| seen.iter().map(|b| b[i]).collect();
        Self {
            name: trace.name.clone(),
            colour: trace.colour,
            xs: column(0),
            low: column(1),
            high: column(2),
        }
    }
    fn area(&self) -> FilledArea {
        FilledArea::new(self.name.clone(), &self.xs, &self.low, &self.high)
            .fill_color(self.colour.gamma_multiply(0.22))
            .stroke(Stroke::NONE)
    }
}

/// A layer of a stack as steps.
struct Area {
    name: String,
    colour: Color32,
    xs: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

fn areas(
    chart: &Chart,
    (from, to): (f64, f64),
    pixels: usize,
    is_shown: impl Fn(&Trace) -> bool,
) -> Vec<Area> {
    let (xs, tops) = &chart.layers;
    if !chart.is_stacked || xs.is_empty() {
        return Vec::new();
    }
    let first = xs.partition_point(|x| *x <= from).saturating_sub(1);
    let end = (xs.partition_point(|x| *x <= to) + 1).min(xs.len());
    let stride = ((end - first) / pixels.max(1)).max(1);
    let picked: Vec<usize> = (first..end).step_by(stride).collect();
    let layers = chart.traces.iter().filter(|t| !t.is_past && is_shown(t));
    let mut out = Vec::new();
    for (layer, trace) in layers.enumerate().take(tops.len()) {
        let mut area = Area {
            name: trace.name.clone(),
            colour: trace.colour,
            xs: Vec::new(),
            low: Vec::new(),
            high: Vec::new(),
        };
        for (n, i) in picked.iter().enumerate() {
            let below = layer.checked_sub(1).map_or(0.0, |l| tops[l][*i]);
            let until = picked.get(n + 1).map_or(xs[*i], |next| xs[*next]);
            area.xs.extend([xs[*i], until]);
            area.low.extend([below; 2]);
            area.high.extend([tops[layer][*i]; 2]);
        }
        out.push(area);
    }
    // The lowest last, so that no border is hidden under the layer above.
    out.reverse();
    out
}

type DrawnLine<'a> = (&'a str, Color32, egui_plot::LineStyle, f32, &'a [PlotPoint]);

/// The values at the lower and the upper edge, from what is visible.
fn heights(
    lines: &[DrawnLine<'_>],
    areas: &[Area],
    intervals: &[Interval],
    is_log: bool,
) -> (f64, f64) {
    let ys = lines.iter().flat_map(|l| l.4.iter().map(|p| p.y));
    let ends = intervals.iter().flat_map(|i| i.low.iter().chain(&i.high));
    let ys = ys.chain(ends.copied());
    let ys = ys
        .chain(areas.iter().flat_map(|a| a.high.iter().copied()))
        .filter(|y| y.is_finite());
    let (low, high) = ys.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    if low > high {
        return if is_log { (0.0, 3.0) } else { (0.0, 1.0) };
    }
    if is_log {
        // Whole decades, at least one.
        let low = (low - 0.05).floor();
        return (low, (high + 0.05).ceil().max(low + 1.0));
    }
    let low = low.min(0.0);
    let high = high.max(0.0);
    let room = (high - low) * 0.12;
    if room > 0.0 {
        (if low < 0.0 { low - room } else { 0.0 }, high + room)
    } else {
        (0.0, 1.0)
    }
}

/// Points that a mark needs: [`GridInput::base_step_size`] stands for so many.
const SPACING: f64 = 8.0;

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that egui_plot asks for"
)]
fn time_marks(input: GridInput) -> Vec<GridMark> {
    let per_point = input.base_step_size / SPACING;
    let coarse = steps(per_point, 84.0);
    let fine = steps(per_point, 20.0);
    let mut marks = every(input.bounds, coarse);
    if fine < coarse {
        marks.extend(
            every(input.bounds, fine)
                .into_iter()
                .filter(|m| (m.value / coarse).fract().abs() > 1e-6),
        );
    }
    marks
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that egui_plot asks for"
)]
fn value_marks(input: GridInput) -> Vec<GridMark> {
    let wanted = input.base_step_size / SPACING * 34.0;
    let decade = 10_f64.powf(wanted.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .iter()
        .map(|m| m * decade)
        .find(|s| *s >= wanted);
    every(input.bounds, step.unwrap_or(decade * 10.0))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that egui_plot asks for"
)]
fn decade_marks(input: GridInput) -> Vec<GridMark> {
    let mut marks = every(input.bounds, 1.0);
    let decades: Vec<f64> = marks.iter().map(|m| m.value).collect();
    for decade in decades
        .iter()
        .chain(decades.first().map(|d| d - 1.0).as_ref())
    {
        for k in 2..10 {
            let value = decade + f64::from(k).log10();
            if value >= input.bounds.0 && value <= input.bounds.1 {
                marks.push(GridMark {
                    value,
                    step_size: 0.1,
                });
            }
        }
    }
    marks
}

/// Marks at the multiples of `step`.
fn every(bounds: (f64, f64), step: f64) -> Vec<GridMark> {
    let first = (bounds.0 / step).ceil();
    // More marks than any screen has room for mean that the window is not laid out yet.
    let n = ((bounds.1 / step).floor() - first).clamp(-1.0, 500.0) as i32;
    (0..=n)
        .map(|i| GridMark {
            value: (first + f64::from(i)) * step,
            step_size: step,
        })
        .collect()
}

fn time_label(mark: GridMark, range: &std::ops::RangeInclusive<f64>) -> String {
    // A label at the corner would run into those of the other axis.
    let share = (mark.value - range.start()) / (range.end() - range.start());
    if mark.value < -1e-9 || !(0.03..=0.97).contains(&share) {
        return String::new();
    }
    if mark.step_size < 1.0 {
        return format!("{:.1} s", mark.value);
    }
    format::clock(mark.value.round())
}

fn value_label(unit: Unit, is_log: bool, y: f64) -> String {
    if !is_log {
        return unit.write(y);
    }
    // Between decades only 2 and 5 have room.
    let value = 10_f64.powf(y);
    let lead = value / 10_f64.powf((y + 1e-9).floor());
    let is_labelled = [1.0, 2.0, 5.0].iter().any(|l| (lead - l).abs() < 1e-6);
    if is_labelled {
        unit.write(value)
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(marks: &[GridMark]) -> Vec<f64> {
        marks.iter().map(|m| m.value).collect()
    }

    #[test]
    fn marks_stand_at_round_values() {
        let input = |bounds| GridInput {
            bounds,
            base_step_size: 8.0,
        };
        assert_eq!(
            values(&value_marks(input((0.0, 160.0)))),
            [0.0, 50.0, 100.0, 150.0]
        );
        let marks = time_marks(input((-10.0, 250.0)));
        assert_eq!(values(&marks)[..3], [0.0, 120.0, 240.0]);
        assert_eq!(
            time_label(
                GridMark {
                    value: 3600.0,
                    step_size: 60.0
                },
                &(0.0..=7200.0)
            ),
            "1:00:00"
        );
        let decades = decade_marks(GridInput {
            bounds: (1.0, 2.0),
            base_step_size: 0.01,
        });
        assert_eq!(decades.len(), 10);
        assert_eq!(value_label(Unit::Millis, true, 2.0), "100 ms");
        assert_eq!(value_label(Unit::Millis, true, 300_f64.log10()), "");
    }

    #[test]
    fn a_log_axis_shows_whole_decades() {
        let points = [PlotPoint::new(0.0, 2.3), PlotPoint::new(1.0, 2.4)];
        let line: DrawnLine<'_> = (
            "",
            Color32::WHITE,
            egui_plot::LineStyle::Solid,
            1.0,
            &points,
        );
        assert_eq!(heights(&[line], &[], &[], true), (2.0, 3.0));
        assert_eq!(heights(&[], &[], &[], false), (0.0, 1.0));
    }
}
