//! Plots: figures of the run over virtual time, all on one time axis with one cursor.

mod chart;
mod decimate;
mod draw;
mod export;
mod input;
mod lane;
mod legend;
mod menu;
mod parts;
mod reading;
mod time;

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{RichText, Ui, Vec2, WidgetInfo, WidgetType};
use weir_engine::document::Document;
use weir_engine::runtime::RunSnapshot;

use self::chart::{Chart, Subject, Trace};
use self::draw::{Band, Shared};
use self::export::Exporter;
use self::legend::Toggle;
use self::time::TimeAxis;
use super::super::command::Command;
use super::super::cx::{Act, Cx};
use super::super::edit::Selection;
use super::super::i18n::{lang, tr};
use super::super::live::{PastRun, Phase};
use super::super::theme::{semibold, theme};
use super::super::widgets::{empty, icon_button};

/// Least height of a plot with its title and legend.
const LEAST_HEIGHT: f32 = 176.0;
/// Least height in a pane so low that it shows one row of plots: the row fits, with its axis.
const LOW_HEIGHT: f32 = 132.0;
/// Least width of a plot when the number of columns is chosen for the person.
const LEAST_WIDTH: f32 = 420.0;

/// A plot with its place in the panel.
struct Entry {
    id: u64,
    subject: Subject,
    chart: Chart,
    /// The snapshot that it was made from.
    of: Identity,
}

/// Tells snapshots apart: the same address may hold another one later, at another host time.
type Identity = (usize, u64);

fn identity(run: &RunSnapshot) -> Identity {
    (std::ptr::from_ref(run) as usize, run.host_seconds.to_bits())
}

/// What charts were made from: while it stays the same they are.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    doc: usize,
    selected: BTreeSet<String>,
    subjects: Vec<Subject>,
    changes: u64,
    look: (bool, super::super::i18n::Lang, Option<u64>),
}

/// What the panel keeps between frames.
pub(crate) struct Plots {
    axis: TimeAxis,
    entries: Vec<Entry>,
    next_id: u64,
    /// Zero: as many as there is room for.
    columns: usize,
    frozen: Option<(Arc<RunSnapshot>, Arc<Document>)>,
    hidden: BTreeSet<(u64, String)>,
    /// Number of the earlier run that is shown too.
    overlay: Option<u64>,
    /// Two runs were asked for: neither is the one that goes on.
    is_comparing: bool,
    /// Counts what changes charts without changing what they are made from.
    changes: u64,
    made: Option<Made>,
    /// The chart that is next when charts take turns.
    turn: usize,
    is_running: bool,
    bands: Vec<Band>,
    /// Virtual second under the pointer, over any plot.
    hovered: Option<f64>,
    /// Where a mark with the pointer began.
    mark_from: Option<f64>,
    /// The cursor as it was in the latest frame.
    cursor: Option<f64>,
    scale: parts::Scale,
    rows: Option<((u64, u64), Vec<parts::Row>)>,
    exporter: Exporter,
}

impl Default for Plots {
    fn default() -> Self {
        let mut plots = Self {
            axis: TimeAxis::default(),
            entries: Vec::new(),
            next_id: 0,
            columns: 0,
            frozen: None,
            hidden: BTreeSet::new(),
            overlay: None,
            is_comparing: false,
            changes: 0,
            made: None,
            turn: 0,
            is_running: false,
            bands: Vec::new(),
            hovered: None,
            mark_from: None,
            cursor: None,
            scale: parts::Scale::default(),
            rows: None,
            exporter: Exporter::default(),
        };
        for subject in menu::STANDARD {
            plots.add(subject);
        }
        plots
    }
}

impl Plots {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.exporter.poll(ui, cx);
        let running = cx.run.snapshot.clone().zip(cx.run.doc.clone());
        let is_past = |s: &Arc<RunSnapshot>| {
            let mut past = cx.run.past.iter();
            past.any(|p| Arc::ptr_eq(&p.snapshot, s))
        };
        self.frozen = self
            .frozen
            .take()
            .filter(|(s, _)| running.is_some() || is_past(s));
        let Some((snapshot, doc)) = self.frozen.clone().or(running) else {
            let button = (!cx.doc.nodes.is_empty()).then(|| tr("run.run"));
            if empty(
                ui,
                "chart",
                tr("plots.empty_title"),
                tr("plots.empty_text"),
                button,
            ) {
                cx.act(Act::Do(Command::Run));
            }
            return;
        };
        self.toolbar(ui, cx, &snapshot, &doc);
        self.make(cx, &snapshot, &doc);
        let now = snapshot.now.as_secs_f64();
        if self.cursor != cx.cursor {
            self.cursor = cx.cursor;
            if let Some(at) = cx.cursor {
                self.axis.show(now, at);
            }
        }
        let range = self.axis.range(now);
        let hovered = self.hovered.take();
        let cursor = hovered.or(cx.cursor);
        let ticks = lane::ticks(&snapshot, range);
        lane::show(ui, cx, &snapshot, &self.bands, range, cursor);
        let bands = std::mem::take(&mut self.bands);
        let marked = self.mark_from.zip(hovered);
        let shared = Shared {
            range,
            now,
            cursor,
            marked,
            bands: &bands,
            ticks: &ticks,
        };
        self.grid(ui, cx, &snapshot, &shared);
        self.bands = bands;
        if self.hovered != hovered {
            ui.request_repaint();
        }
    }

    /// Adds a plot at the end.
    fn add(&mut self, subject: Subject) {
        self.next_id += 1;
        self.entries.push(Entry {
            id: self.next_id,
            subject,
            chart: Chart::nothing(),
            of: Identity::default(),
        });
    }

    /// Shows a run that has ended, and another one over it in all plots.
    pub(crate) fn show_runs(&mut self, shown: &PastRun, over: u64) {
        self.frozen = Some((Arc::clone(&shown.snapshot), Arc::clone(&shown.doc)));
        self.overlay = Some(over);
        self.is_comparing = true;
    }
    /// A run begins: it is shown instead of those that were compared.
    pub(crate) fn begin(&mut self) {
        if std::mem::take(&mut self.is_comparing) {
            self.frozen = None;
            self.overlay = None;
        }
    }

    /// Shows one plot only, of samples that no run has made: for measurements.
    pub(crate) fn show_samples(&mut self, series: Vec<Vec<egui_plot::PlotPoint>>) {
        self.next_id += 1;
        let chart = Chart::of_samples(series);
        self.entries = vec![Entry {
            id: self.next_id,
            subject: Subject::Samples,
            chart,
            of: Identity::default(),
        }];
    }

    /// Makes charts anew when what they are made from has changed.
    fn make(&mut self, cx: &Cx<'_>, snapshot: &Arc<RunSnapshot>, doc: &Arc<Document>) {
        let past = self
            .overlay
            .and_then(|n| cx.run.past.iter().find(|p| p.number == n));
        // The run that is shown has become an earlier one: it would cover itself.
        let past = past.filter(|p| !Arc::ptr_eq(&p.snapshot, snapshot));
        let made = Made {
            doc: Arc::as_ptr(doc) as usize,
            selected: cx.selection.nodes().map(str::to_owned).collect(),
            subjects: self.entries.iter().map(|e| e.subject.clone()).collect(),
            changes: self.changes,
            look: (theme().is_dark, lang(), past.map(|p| p.number)),
        };
        let now = identity(snapshot);
        // While a run goes on, one chart a frame takes a new snapshot over: in a large drawing each is the work of a frame.
        let is_same = self.made.as_ref() == Some(&made);
        self.is_running = cx.run.phase == Phase::Running;
        let most = if is_same && self.is_running {
            1
        } else {
            self.entries.len()
        };
        let count = self.entries.len().max(1);
        let due: Vec<usize> = (0..self.entries.len())
            .map(|i| (i + self.turn) % count)
            .filter(|i| !is_same || self.entries[*i].of != now)
            .filter(|i| self.entries[*i].subject != Subject::Samples)
            .take(most)
            .collect();
        let Some(last) = due.last() else { return };
        self.turn = (last + 1) % count;
        let hidden = &self.hidden;
        let mut ended = cx.run.past.iter();
        let bands = ended.find(|p| Arc::ptr_eq(&p.snapshot, snapshot));
        let bands = bands.map(|p| &p.bands);
        for i in due {
            let Entry {
                id,
                subject,
                chart,
                of,
            } = &mut self.entries[i];
            *of = now;
            if *subject == Subject::Parts {
                self.rows = None;
            }
            *chart = Chart::of(subject, doc, snapshot, &made.selected, None, bands);
            chart.restack(|t| is_shown(hidden, *id, t));
            if let Some(past) = past {
                let mut earlier = Chart::of(
                    subject,
                    &past.doc,
                    &past.snapshot,
                    &made.selected,
                    Some(past.number),
                    Some(&past.bands),
                );
                earlier.restack(|_| true);
                chart.overlay(earlier);
            }
        }
        self.bands = lane::bands(snapshot);
        self.made = Some(made);
    }

    /// All plots, in columns.
    fn grid(&mut self, ui: &mut Ui, cx: &Cx<'_>, snapshot: &RunSnapshot, shared: &Shared<'_>) {
        let room = ui.available_size();
        let scale = egui::TextStyle::Body.resolve(ui.style()).size / theme().shape.body;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few columns; casts of floats saturate"
        )]
        let columns = match self.columns {
            0 => ((room.x / (LEAST_WIDTH * scale)) as usize).clamp(1, 3),
            n => n,
        };
        let columns = columns.min(self.entries.len()).max(1);
        let rows = self.entries.len().div_ceil(columns).max(1);
        let gap = theme().space(1);
        let least = room.y.clamp(LOW_HEIGHT * scale, LEAST_HEIGHT * scale);
        let height = ((room.y - gap * (rows - 1) as f32) / rows as f32).max(least);
        let width = (room.x - gap * (columns - 1) as f32) / columns as f32;
        let mut removed = None;
        egui::ScrollArea::vertical()
            .auto_shrink([false, false])
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing = Vec2::splat(gap);
                for first in (0..self.entries.len()).step_by(columns) {
                    ui.horizontal_top(|ui| {
                        for i in first..(first + columns).min(self.entries.len()) {
                            let size = Vec2::new(width, height);
                            let keep = ui
                                .allocate_ui_with_layout(
                                    size,
                                    egui::Layout::top_down(egui::Align::Min),
                                    |ui| {
                                        ui.set_min_size(size);
                                        ui.set_max_width(width);
                                        self.one(ui, cx, i, snapshot, shared, height)
                                    },
                                )
                                .inner;
                            if !keep {
                                removed = Some(i);
                            }
                        }
                    });
                }
            });
        if let Some(i) = removed {
            self.entries.remove(i);
        }
    }

    /// One plot with title, legend and menu. False when it is to go.
    fn one(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        i: usize,
        snapshot: &RunSnapshot,
        shared: &Shared<'_>,
        height: f32,
    ) -> bool {
        let top = ui.cursor().top();
        let bottom = top + height;
        ui.spacing_mut().item_spacing = Vec2::new(theme().space(1), 2.0);
        let title = self.entries[i].subject.title(cx.doc);
        let asked = self.header(ui, i, &title);
        let mut keep = true;
        let rect = if self.entries[i].subject == Subject::Parts {
            parts::key(ui, &mut self.scale);
            let scale = self.scale;
            let rows = self.rows(snapshot, shared.range);
            parts::show(ui, cx, rows, scale, (bottom - ui.cursor().top()).max(40.0))
        } else {
            self.lines(ui, cx, i, shared, &title, bottom)
        };
        match asked {
            Some(menu::Asked::Picture) => {
                let whole = egui::Rect::from_min_max(
                    egui::pos2(rect.left() - draw::GUTTER, top),
                    egui::pos2(rect.right(), bottom),
                );
                self.exporter
                    .picture(ui, whole.intersect(ui.clip_rect()), &title);
            }
            Some(menu::Asked::Figures) => {
                let text = if self.entries[i].subject == Subject::Parts {
                    parts::csv(self.rows(snapshot, shared.range))
                } else {
                    export::csv(&title, &self.entries[i].chart)
                };
                Exporter::figures(cx, &title, text);
            }
            Some(menu::Asked::Remove) => keep = false,
            None => {}
        }
        keep
    }

    /// A plot over time.
    fn lines(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        i: usize,
        shared: &Shared<'_>,
        title: &str,
        bottom: f32,
    ) -> egui::Rect {
        let Self {
            entries, hidden, ..
        } = self;
        let Entry { id, chart, .. } = &mut entries[i];
        let id = *id;
        let at = shared.cursor.unwrap_or(shared.now);
        let toggled = legend::show(ui, chart, at, |t| is_shown(hidden, id, t));
        let height = (bottom - ui.cursor().top()).max(60.0);
        let drawn = draw::plot(ui, id, chart, shared, height, |t| is_shown(hidden, id, t));
        let name = title.to_owned();
        drawn
            .response
            .widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, &name));
        if chart.traces.iter().all(|t| t.data.points().is_empty()) {
            let place = drawn.transform.frame().center();
            let font = egui::TextStyle::Body.resolve(ui.style());
            ui.painter().text(
                place,
                egui::Align2::CENTER_CENTER,
                tr("plots.no_values"),
                font,
                theme().secondary,
            );
        }
        if let Some(toggle) = toggled {
            self.toggle(cx, i, toggle);
        }
        self.handle(ui, cx, &drawn, shared);
        *drawn.transform.frame()
    }

    /// Title, unit, choices of the subject and the menu.
    fn header(&mut self, ui: &mut Ui, i: usize, title: &str) -> Option<menu::Asked> {
        let t = theme();
        let Entry { subject, chart, .. } = &mut self.entries[i];
        ui.horizontal(|ui| {
            let size = egui::TextStyle::Body.resolve(ui.style()).size;
            ui.label(RichText::new(title).font(semibold(size)));
            let unit = match subject {
                // The choice beside it says it.
                Subject::Throughput { .. } => String::new(),
                Subject::Parts => tr("plots.unit_parts").to_owned(),
                _ => chart.unit.words(),
            };
            ui.label(RichText::new(unit).color(t.secondary).small());
            menu::choices(ui, subject);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                menu::of_plot(ui, title)
            })
            .inner
        })
        .inner
    }

    fn rows(&mut self, snapshot: &RunSnapshot, range: (f64, f64)) -> &[parts::Row] {
        let window = (range.0.to_bits(), range.1.to_bits());
        // While a run goes on the window moves with it, and rows have their turn like charts.
        let is_other = |rows: &(_, _)| !self.is_running && rows.0 != window;
        if self.rows.as_ref().is_none_or(is_other) {
            self.rows = Some((window, parts::rows(snapshot, range)));
        }
        self.rows.as_ref().map_or(&[], |(_, rows)| rows)
    }

    /// Shows or hides traces.
    fn toggle(&mut self, cx: &Cx<'_>, i: usize, toggle: Toggle) {
        let Entry { id, chart, .. } = &self.entries[i];
        match toggle {
            Toggle::Select(node) => cx.act(Act::Select(Selection::node(&node))),
            Toggle::One(name) => {
                let key = (*id, name);
                if !self.hidden.remove(&key) {
                    self.hidden.insert(key);
                }
            }
            Toggle::Only(name) => {
                let others: Vec<_> = chart
                    .traces
                    .iter()
                    .filter(|t| t.name != name)
                    .map(|t| (*id, t.name.clone()))
                    .collect();
                let alone = others.iter().all(|k| self.hidden.contains(k));
                for key in others {
                    if alone {
                        self.hidden.remove(&key);
                    } else {
                        self.hidden.insert(key);
                    }
                }
                self.hidden.remove(&(*id, name));
            }
        }
        self.changes += 1;
    }

    /// Window, follow, freeze, columns, earlier run, new plot.
    fn toolbar(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        snapshot: &Arc<RunSnapshot>,
        doc: &Arc<Document>,
    ) {
        ui.horizontal_wrapped(|ui| {
            let follows = self.axis.is_following();
            if icon_button(ui, "follow", tr("plots.follow"), follows).clicked() {
                if follows {
                    let (from, to) = self.axis.range(snapshot.now.as_secs_f64());
                    self.axis.set(time::Window::Fixed(from, to));
                } else {
                    self.axis.reset();
                }
            }
            menu::windows(ui, &mut self.axis);
            ui.separator();
            let frozen = self.frozen.is_some();
            if icon_button(ui, "freeze", tr("plots.freeze"), frozen).clicked() {
                self.frozen = (!frozen).then(|| (Arc::clone(snapshot), Arc::clone(doc)));
                self.is_comparing = false;
            }
            menu::columns(ui, &mut self.columns);
            menu::overlay(ui, cx, &mut self.overlay);
            if let Some(subject) = menu::new_plot(ui, cx, self.entries.iter().map(|e| &e.subject)) {
                self.add(subject);
            }
            if cx.cursor.is_some()
                && icon_button(ui, "close", tr("plots.no_cursor"), false).clicked()
            {
                cx.act(Act::Cursor(None));
            }
        });
    }
}

fn is_shown(hidden: &BTreeSet<(u64, String)>, id: u64, trace: &Trace) -> bool {
    hidden.is_empty() || !hidden.contains(&(id, trace.name.clone()))
}
