//! One plot: lines with bands, stacked areas or dots over two axes, with marks and a legend.

use maud::{Markup, html};

use super::axis::{Axis, Ruler, short};
use super::{FONT, at, fitted, paint, text_width};

/// Points of a line at the most: more than a picture has columns.
const COLUMNS: usize = 480;
const TEXT: f64 = 11.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 24.0;
const UNDER: f64 = 40.0;
const LEGEND_ROW: f64 = 18.0;
/// The corner of a dot's tick to its text.
const GAP: f64 = 6.0;

/// How the points of a series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// A line from point to point; a point whose y is no number breaks it.
    #[default]
    Line,
    /// Each y holds until the next x.
    Steps,
    /// Filled, on top of the areas of earlier series. All areas of a plot have the same x values.
    Area,
    /// Single dots, each with its label.
    Dots,
    /// Dots that stand out, joined by a line: a front, a chosen one.
    Front,
}

/// Values of one kind.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// As the legend calls it.
    pub name: String,
    /// Its colour, `#RRGGBB`.
    pub color: String,
    /// How it is drawn.
    pub shape: Shape,
    /// (x, y) by ascending x, but for dots.
    pub points: Vec<[f64; 2]>,
    /// (x, low, high) around the line: an interval of confidence.
    pub band: Vec<[f64; 3]>,
    /// What each dot is, shown while the pointer rests on it; may be empty.
    pub labels: Vec<String>,
    /// Drawn with gaps.
    pub dashed: bool,
}

/// Something at an x or y value, behind the series.
#[derive(Debug, Clone)]
pub enum Mark {
    /// From one x to another, with a word at its top: a fault.
    Span {
        /// Where it begins.
        from: f64,
        /// Where it ends.
        to: f64,
        /// Its name.
        text: String,
        /// Its colour.
        color: String,
    },
    /// A dashed line at a y, with a word: a limit, an objective.
    Level {
        /// The value.
        y: f64,
        /// Its name.
        text: String,
        /// Its colour.
        color: String,
    },
}

/// A plot that is to be drawn.
#[derive(Debug, Clone)]
pub struct Plot {
    /// What it shows, for those who cannot see it; not drawn.
    pub title: String,
    /// Points.
    pub width: f64,
    /// Points, without the legend.
    pub height: f64,
    /// To the right.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
    /// What stands behind.
    pub marks: Vec<Mark>,
}

/// The inner rectangle and its two rulers.
struct Area {
    left: f64,
    bottom: f64,
    width: f64,
    height: f64,
    x: Ruler,
    y: Ruler,
}

impl Area {
    fn px(&self, x: f64) -> Option<f64> {
        self.x.place(x).map(|p| self.left + p)
    }
    fn py(&self, y: f64) -> Option<f64> {
        let place = self.y.place(y)?;
        Some(self.bottom - place.clamp(-2.0, self.height + 2.0))
    }
    fn point(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        Some([self.px(x)?, self.py(y)?])
    }
    fn top(&self) -> f64 {
        self.bottom - self.height
    }
}

impl Plot {
    /// An empty plot of the size that pages have room for.
    #[must_use]
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            width: 760.0,
            height: 240.0,
            x,
            y,
            series: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// The picture, with whatever number of series and points. Values without a place (infinite, not above 0 on a logarithmic axis) are left out.
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.markup().into_string()
    }

    /// The picture for a page.
    #[must_use]
    pub fn markup(&self) -> Markup {
        let stacked = self.stacked();
        let area = self.area(&stacked);
        let rows = self.legend();
        let height = self.height + rows.len() as f64 * LEGEND_ROW;
        let p = paint();
        html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (at(self.width)) " " (at(height)) } width=(at(self.width)) height=(at(height)) role="img" font-family=(FONT) font-size=(TEXT) {
                title { (self.title) }
                rect width="100%" height="100%" fill=(p.panel) {}
                (self.grid(&area))
                @for mark in &self.marks { (draw_mark(mark, &area, self.title_end())) }
                @for (series, points) in self.series.iter().zip(&stacked) { (draw_series(series, points, &area)) }
                (self.draw_legend(&rows))
            }
        }
    }

    /// The points of each series as drawn: areas stand on the areas before them.
    fn stacked(&self) -> Vec<Vec<[f64; 3]>> {
        let mut below: Vec<f64> = Vec::new();
        let each = self.series.iter().map(|s| {
            let points = s.points.iter().enumerate().map(|(i, [x, y])| {
                if s.shape != Shape::Area {
                    return [*x, *y, f64::NAN];
                }
                if below.len() <= i {
                    below.resize(i + 1, 0.0);
                }
                let base = below[i];
                below[i] += if y.is_finite() { *y } else { 0.0 };
                [*x, below[i], base]
            });
            points.collect()
        });
        each.collect()
    }

    fn area(&self, stacked: &[Vec<[f64; 3]>]) -> Area {
        let height = self.height - TOP - UNDER;
        let bands = || self.series.iter().flat_map(|s| s.band.iter());
        let levels = self.marks.iter().filter_map(|m| match m {
            Mark::Level { y, .. } => Some(*y),
            Mark::Span { .. } => None,
        });
        let ys = stacked.iter().flatten().map(|p| p[1]);
        let ys = ys.chain(bands().flat_map(|b| [b[1], b[2]])).chain(levels);
        let y = Ruler::fit(&self.y, ys, height, 5.0);
        let widest = y
            .ticks
            .iter()
            .map(|t| text_width(&short(*t, &self.y.unit), TEXT));
        let left = widest.fold(24.0, f64::max) + GAP + 4.0;
        let width = (self.width - left - RIGHT).max(1.0);
        let xs = stacked.iter().flatten().map(|p| p[0]);
        let x = Ruler::fit(&self.x, xs.chain(bands().map(|b| b[0])), width, 7.0);
        Area {
            left,
            bottom: self.height - UNDER,
            width,
            height,
            x,
            y,
        }
    }

    /// Nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|s| s.points.is_empty())
    }

    /// Where the name of the upright axis ends.
    fn title_end(&self) -> f64 {
        4.0 + text_width(&titled(&self.y), TEXT) + GAP
    }

    fn grid(&self, area: &Area) -> Markup {
        let p = paint();
        let (right, top) = (area.left + area.width, area.top());
        let label = titled;
        html! {
            text x="4" y="13" fill=(p.secondary) { (label(&self.y)) }
            @for tick in &area.y.ticks { @if let Some(y) = area.py(*tick) {
                line x1=(at(area.left)) x2=(at(right)) y1=(at(y)) y2=(at(y)) stroke=(p.line) stroke-width="1" {}
                text x=(at(area.left - GAP)) y=(at(y + 4.0)) text-anchor="end" fill=(p.secondary) { (short(*tick, &self.y.unit)) }
            } }
            @for tick in &area.x.ticks { @if let Some(x) = area.px(*tick) {
                line x1=(at(x)) x2=(at(x)) y1=(at(area.bottom)) y2=(at(area.bottom + 4.0)) stroke=(p.faint) stroke-width="1" {}
                text x=(at(x)) y=(at(area.bottom + 17.0)) text-anchor="middle" fill=(p.secondary) { (short(*tick, &self.x.unit)) }
            } }
            line x1=(at(area.left)) x2=(at(right)) y1=(at(area.bottom)) y2=(at(area.bottom)) stroke=(p.faint) stroke-width="1" {}
            @if !self.x.label.is_empty() {
                text x=(at(right)) y=(at(area.bottom + 33.0)) text-anchor="end" fill=(p.faint) { (label(&self.x)) }
            }
            @if self.series.iter().all(|s| s.points.is_empty()) {
                text x=(at(area.left + area.width / 2.0)) y=(at(top + area.height / 2.0)) text-anchor="middle" fill=(p.faint) { "\u{2014}" }
            }
        }
    }

    /// The legend's rows: each entry with where it begins. One series needs none.
    fn legend(&self) -> Vec<Vec<(f64, &Series)>> {
        let named: Vec<&Series> = self.series.iter().filter(|s| !s.name.is_empty()).collect();
        if named.len() < 2 {
            return Vec::new();
        }
        let mut rows: Vec<Vec<(f64, &Series)>> = vec![Vec::new()];
        let mut x = 8.0;
        for series in named {
            let width = 22.0 + text_width(&shown(series), TEXT) + 18.0;
            if x + width > self.width && rows.last().is_some_and(|r| !r.is_empty()) {
                rows.push(Vec::new());
                x = 8.0;
            }
            if let Some(row) = rows.last_mut() {
                row.push((x, series));
            }
            x += width;
        }
        rows
    }

    fn draw_legend(&self, rows: &[Vec<(f64, &Series)>]) -> Markup {
        let p = paint();
        let y = |row: usize| self.height + row as f64 * LEGEND_ROW + 8.0;
        html! {
            @for (i, row) in rows.iter().enumerate() { @for (x, series) in row {
                @match series.shape {
                    Shape::Dots | Shape::Front => circle cx=(at(x + 8.0)) cy=(at(y(i))) r="4" fill=(series.color) {},
                    Shape::Area => rect x=(at(*x)) y=(at(y(i) - 5.0)) width="16" height="10" rx="2" fill=(series.color) fill-opacity="0.6" {},
                    _ => line x1=(at(*x)) x2=(at(x + 16.0)) y1=(at(y(i))) y2=(at(y(i))) stroke=(series.color) stroke-width="2.5" stroke-dasharray=[series.dashed.then_some("4 3")] {},
                }
                text x=(at(x + 22.0)) y=(at(y(i) + 4.0)) fill=(p.text) { (shown(series)) }
            } }
        }
    }
}

/// The name of an axis with its unit; "Records (records)" says nothing twice.
fn titled(axis: &Axis) -> String {
    match &axis.unit {
        super::Unit::Of(unit)
            if !unit.is_empty() && unit.to_lowercase() != axis.label.to_lowercase() =>
        {
            format!("{} ({unit})", axis.label)
        }
        _ => axis.label.clone(),
    }
}

fn shown(series: &Series) -> String {
    fitted(&series.name, TEXT, 260.0)
}

/// `title_end` is where the name of the upright axis ends: what would begin above it stands inside the plot instead.
fn draw_mark(mark: &Mark, area: &Area, title_end: f64) -> Markup {
    match mark {
        Mark::Span {
            from,
            to,
            text,
            color,
        } => {
            let ends = [*from, *to].map(|x| {
                area.px(x)
                    .map(|x| x.clamp(area.left, area.left + area.width))
            });
            let [Some(from), Some(to)] = ends else {
                return Markup::default();
            };
            let flip = from + text_width(text, 10.0) + 6.0 > area.left + area.width;
            let first = if flip {
                from - 3.0 - text_width(text, 10.0)
            } else {
                from + 3.0
            };
            let line = if first < title_end {
                area.top() + 11.0
            } else {
                area.top() - 3.0
            };
            html! {
                rect x=(at(from)) y=(at(area.top())) width=(at((to - from).max(1.0))) height=(at(area.height)) fill=(color) fill-opacity="0.12" {}
                line x1=(at(from)) x2=(at(from)) y1=(at(area.top())) y2=(at(area.bottom)) stroke=(color) stroke-width="1" {}
                text x=(at(if flip { from - 3.0 } else { from + 3.0 })) y=(at(line)) text-anchor=[flip.then_some("end")] font-size="10" fill=(color) { (fitted(text, 10.0, 220.0)) }
            }
        }
        Mark::Level { y, text, color } => {
            let Some(y) = area.py(*y) else {
                return Markup::default();
            };
            let right = area.left + area.width;
            html! {
                line x1=(at(area.left)) x2=(at(right)) y1=(at(y)) y2=(at(y)) stroke=(color) stroke-width="1.25" stroke-dasharray="5 4" {}
                text x=(at(right)) y=(at(y - 4.0)) text-anchor="end" font-size="10" fill=(color) { (fitted(text, 10.0, 300.0)) }
            }
        }
    }
}

fn draw_series(series: &Series, points: &[[f64; 3]], area: &Area) -> Markup {
    match series.shape {
        Shape::Dots => dots(series, points, area, 3.5),
        Shape::Front => html! { (line(series, points, area)) (dots(series, points, area, 5.0)) },
        Shape::Area => {
            html! { path d=(filled(points, area)) fill=(series.color) fill-opacity="0.6" {} }
        }
        Shape::Line | Shape::Steps => {
            let band = series.band.iter().map(|[x, low, high]| [*x, *high, *low]);
            let band: Vec<[f64; 3]> = band.collect();
            html! {
                @if !band.is_empty() { path d=(filled(&band, area)) fill=(series.color) fill-opacity="0.16" {} }
                (line(series, points, area))
            }
        }
    }
}

fn dots(series: &Series, points: &[[f64; 3]], area: &Area, radius: f64) -> Markup {
    html! {
        @for (i, [x, y, _]) in points.iter().enumerate() { @if let Some([x, y]) = area.point([*x, *y]) {
            circle cx=(at(x)) cy=(at(y)) r=(radius) fill=(series.color) fill-opacity="0.85" stroke=(paint().panel) stroke-width="1" {
                @if let Some(label) = series.labels.get(i) { title { (label) } }
            }
        } }
    }
}

fn line(series: &Series, points: &[[f64; 3]], area: &Area) -> Markup {
    let mut path = String::new();
    let mut pen_down = false;
    let mut last_y = String::new();
    for [x, y, _] in thinned(points) {
        let Some([x, y]) = area.point([x, y]) else {
            pen_down = false;
            continue;
        };
        let (x, y) = (at(x), at(y));
        if !pen_down {
            // A lone point shows as a dot, by the round ends of the line.
            path.push_str(&format!("M{x} {y}h0"));
        } else if series.shape == Shape::Steps {
            path.push_str(&format!("H{x}V{y}"));
        } else if y == last_y {
            path.push_str(&format!("H{x}"));
        } else {
            path.push_str(&format!("L{x} {y}"));
        }
        last_y = y;
        pen_down = true;
    }
    html! { path d=(path) fill="none" stroke=(series.color) stroke-width="1.75" stroke-linejoin="round" stroke-linecap="round" stroke-dasharray=[series.dashed.then_some("4 3")] {} }
}

/// From upper values forth and along lower values back.
fn filled(points: &[[f64; 3]], area: &Area) -> String {
    let placed: Vec<[f64; 3]> = thinned(points)
        .filter_map(|[x, high, low]| {
            let low = area.py(low).unwrap_or_else(|| area.bottom - area.y.base());
            Some([area.px(x)?, area.py(high)?, low])
        })
        .collect();
    let mut path = String::new();
    for (i, [x, high, _]) in placed.iter().enumerate() {
        path.push_str(&format!(
            "{}{} {}",
            if i == 0 { 'M' } else { 'L' },
            at(*x),
            at(*high)
        ));
    }
    for [x, _, low] in placed.iter().rev() {
        path.push_str(&format!("L{} {}", at(*x), at(*low)));
    }
    if !path.is_empty() {
        path.push('Z');
    }
    path
}

/// At most [`COLUMNS`] points: of each group the lowest and the highest, in their order, so that no peak is lost.
fn thinned(points: &[[f64; 3]]) -> impl Iterator<Item = [f64; 3]> {
    let group = points.len().div_ceil(COLUMNS / 2).max(1);
    let group = if points.len() <= COLUMNS { 1 } else { group };
    points.chunks(group).flat_map(|chunk| {
        let by = |keep: fn(f64, f64) -> bool| {
            let mut best: Option<(usize, [f64; 3])> = None;
            for (i, p) in chunk.iter().enumerate().filter(|(_, p)| p[1].is_finite()) {
                if best.is_none_or(|(_, b)| keep(p[1], b[1])) {
                    best = Some((i, *p));
                }
            }
            best
        };
        let (low, high) = (by(|a, b| a < b), by(|a, b| a > b));
        let mut kept: Vec<(usize, [f64; 3])> = match (low, high) {
            (Some(low), Some(high)) if low.0 != high.0 => vec![low, high],
            (Some(low), _) => vec![low],
            // Nothing in it: the line breaks here.
            _ => chunk.first().map(|p| (0, *p)).into_iter().collect(),
        };
        kept.sort_by_key(|(i, _)| *i);
        kept.into_iter().map(|(_, p)| p)
    })
}
