//! Sweep: every combination of values is run in the background; cost against latency, a table, and the variant to take.
//! A press on a variant puts its values into the drawing, as one step.

mod form;
mod job;
mod scatter;

use std::sync::Arc;

use egui::{Align, Layout, RichText, Ui, vec2};
use weir_engine::code::Permission;
use weir_engine::disk::Temporary;
use weir_engine::report::{dollars, millis, number};
use weir_engine::study::{self, Done, PICTURE_WORDS, PictureWords, Swept, Wish};

use self::form::Form;
use self::job::{Job, Request};
use crate::designer::cx::{Act, Cx, Tone, Work};
use crate::designer::edit::Edit;
use crate::designer::files::FileAct;
use crate::designer::i18n::{Lang, lang, param_label, said, tr, trf};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{empty, primary};

pub(in crate::designer) use self::form::language;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Sweep {
    form: Form,
    job: Option<Job>,
    /// Variants of this session that are done, so that a sweep goes on where it was stopped.
    kept: Option<Arc<Temporary>>,
    /// Place among the rows of the variant that was taken last.
    taken: Option<usize>,
    /// Place of the variant that the wish chooses.
    chosen: Option<usize>,
}

impl Sweep {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.look();
        if cx.doc.nodes.is_empty() {
            empty(
                ui,
                "chart",
                tr("study.empty_title"),
                tr("study.empty_text"),
                None,
            );
            return;
        }
        let room = ui.available_size();
        let left = (room.x * 0.28).clamp(220.0, 340.0);
        ui.horizontal_top(|ui| {
            ui.allocate_ui(vec2(left, room.y), |ui| {
                ui.vertical(|ui| {
                    // Above what scrolls: always in reach, however low the pane is.
                    self.controls(ui, cx);
                    egui::ScrollArea::vertical()
                        .id_salt("weir-sweep-form")
                        .auto_shrink([false, false])
                        .show(ui, |ui| {
                            ui.set_max_width(left - 14.0);
                            self.form.show(ui, cx);
                        });
                });
            });
            ui.add_space(theme().space(1));
            ui.allocate_ui(vec2(room.x - left - 20.0, room.y), |ui| {
                ui.vertical(|ui| self.results(ui, cx));
            });
        });
    }

    /// Varies a parameter around what it is in the drawing.
    pub(crate) fn vary(&mut self, doc: &weir_engine::document::Document, node: &str, param: &str) {
        self.form.vary(doc, node, param);
    }
    /// Varies a parameter over these values.
    pub(crate) fn vary_over(
        &mut self,
        doc: &weir_engine::document::Document,
        node: &str,
        param: &str,
        values: &str,
    ) {
        self.form.vary(doc, node, param);
        if let Some(varied) = self.form.varied.last_mut() {
            values.clone_into(&mut varied.text);
        }
    }
    /// Begins the sweep that stands in the form.
    pub(crate) fn start(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        let Ok(read) = self.form.read(cx.doc) else {
            return;
        };
        if self.kept.is_none() {
            let folder = Temporary::new("sweep");
            self.kept = folder.ok().map(Arc::new);
        }
        let request = Request {
            doc: cx.doc.clone(),
            root: cx.root.clone(),
            axes: read.axes,
            run_for: read.run_for,
            wish: read.wish,
            allow: Permission::These(cx.prefs.allowed_code.clone()),
            kept: self.kept.clone(),
        };
        self.taken = None;
        self.chosen = None;
        self.job = Some(Job::start(request, read.variants, ctx));
    }
    /// True while variants are run.
    pub(crate) fn is_running(&self) -> bool {
        self.job.as_ref().is_some_and(Job::is_running)
    }
    /// Variants that are done.
    pub(crate) fn done(&self) -> usize {
        self.job.as_ref().map_or(0, |j| j.shown().rows.len())
    }
    /// Variants that are not done of a sweep that was stopped, while the form still asks for the same.
    fn left(&self, read: &form::Read) -> Option<usize> {
        let job = self.job.as_ref().filter(|j| j.is_stopped())?;
        let same = job.axes == read.axes && job.run_for == read.run_for;
        let left = job.total - job.shown().rows.len().min(job.total);
        (same && left > 0 && self.kept.is_some()).then_some(left)
    }
    /// Ends it.
    pub(crate) fn stop(&self) {
        if let Some(job) = &self.job {
            job.stop();
        }
    }

    /// Looks after the threads.
    pub(crate) fn look(&mut self) {
        if let Some(job) = &mut self.job
            && job.poll()
        {
            let swept = job.shown();
            let best = job.wish.choose(swept).map(|(d, _)| d.variant.index);
            self.chosen = best.and_then(|i| swept.rows.iter().position(|d| d.variant.index == i));
            // Rows move as earlier variants come in.
            self.taken = None;
        }
    }

    /// Run, stop, progress, and what is wrong.
    fn controls(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let running = self.job.as_ref().filter(|j| j.is_running());
        if let Some(job) = running {
            let done = job.shown().rows.len();
            let share = done as f32 / job.total.max(1) as f32;
            let text = trf("study.progress", &[("done", &done), ("total", &job.total)]);
            ui.add(egui::ProgressBar::new(share).text(text));
            if ui.button(tr("study.stop")).clicked() {
                job.stop();
            }
            return;
        }
        match self.form.read(cx.doc) {
            Ok(read) => {
                let text = match self.left(&read) {
                    Some(left) => trf("study.go_on", &[("left", &left)]),
                    None => trf("study.run", &[("count", &read.variants)]),
                };
                if primary(ui, &text).clicked() {
                    cx.act(Act::Begin(Work::Sweep));
                }
            }
            Err(why) => {
                ui.label(RichText::new(said(&why)).color(t.amber));
            }
        }
        if let Some(why) = self.job.as_ref().and_then(|j| j.error.as_ref()) {
            ui.label(RichText::new(said(why)).color(t.red));
        }
    }

    fn results(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(job) = self.job.as_ref().filter(|j| !j.shown().rows.is_empty()) else {
            empty(
                ui,
                "chart",
                tr("study.none_title"),
                tr("study.none_text"),
                None,
            );
            return;
        };
        let swept = Arc::clone(job.shown());
        let (wish, stopped, runs) = (job.wish.clone(), job.is_stopped(), job.is_running());
        self.verdict(ui, cx, &swept, &wish, stopped);
        let has_figures = |d: &Done| {
            let summary = d.result.as_ref().ok();
            summary.is_some_and(|s| s.latency_ms.is_some() && s.cost.usd_per_month.is_some())
        };
        if !runs && !swept.rows.iter().any(has_figures) {
            ui.label(RichText::new(tr("study.no_figures")).color(theme().amber));
        }
        let room = ui.available_size();
        let mut pressed = None;
        ui.horizontal_top(|ui| {
            let width = (room.x * 0.46).max(220.0);
            let size = vec2(width, room.y - 6.0);
            pressed = scatter::show(ui, &swept, &wish, self.chosen, self.taken, size);
            ui.allocate_ui(vec2(room.x - width - 12.0, room.y), |ui| {
                ui.vertical(|ui| {
                    let row = table(ui, cx, &swept, &wish, (self.chosen, self.taken));
                    pressed = pressed.or(row);
                });
            });
        });
        if let Some(row) = pressed {
            self.take(cx, &swept, row);
        }
    }

    /// The variant to take, in words, and what can be saved.
    fn verdict(&mut self, ui: &mut Ui, cx: &Cx<'_>, swept: &Swept, wish: &Wish, stopped: bool) {
        let t = theme();
        ui.horizontal(|ui| {
            let text = match self.chosen.and_then(|i| swept.rows.get(i)) {
                Some(done) => trf("study.best", &[("what", &done.variant.words(&swept.axes))]),
                None => tr("study.none_passes").to_owned(),
            };
            let text = if stopped {
                format!("{text} ({})", tr("study.stopped"))
            } else {
                text
            };
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.menu_button(tr("study.save"), |ui| Self::save(ui, cx, swept, wish));
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let label = RichText::new(text).font(semibold(t.shape.body));
                    ui.add(egui::Label::new(label).truncate());
                });
            });
        });
    }

    fn save(ui: &mut Ui, cx: &Cx<'_>, swept: &Swept, wish: &Wish) {
        let mut file = None;
        if ui.button("CSV").clicked() {
            let columns = study::columns(swept, Some(wish));
            file = Some(("sweep.csv", study::csv(&columns).into_bytes()));
        }
        if ui.button("Parquet").clicked() {
            let columns = study::columns(swept, Some(wish));
            file = study::parquet(&columns)
                .ok()
                .map(|bytes| ("sweep.parquet", bytes));
        }
        if ui.button("SVG").clicked() {
            let svg = study::picture(swept, Some(wish), words());
            file = Some(("pareto.svg", svg.into_bytes()));
        }
        if let Some((name, bytes)) = file {
            cx.act(Act::File(FileAct::Export(name.to_owned(), bytes)));
            ui.close();
        }
    }

    /// The drawing takes the values of a variant.
    fn take(&mut self, cx: &Cx<'_>, swept: &Swept, row: usize) {
        let Some(done) = swept.rows.get(row) else {
            return;
        };
        self.taken = Some(row);
        let values = swept.axes.iter().zip(&done.variant.values);
        let values = values.map(|(a, v)| (a.node.clone(), a.param.clone(), v.clone()));
        cx.act(Act::Seal);
        cx.edit(Edit::Variant(values.collect()));
        let what = done.variant.words(&swept.axes);
        cx.act(Act::Toast(
            Tone::Good,
            trf("study.taken", &[("what", &what)]),
        ));
    }
}

/// Words of the picture that is saved, in the language of the window.
fn words() -> PictureWords {
    match lang() {
        Lang::En => PICTURE_WORDS,
        Lang::Ko => PictureWords {
            title: tr("study.plot"),
            cost: tr("study.axis_cost"),
            latency: tr("study.axis_latency"),
            others: tr("study.others"),
            failing: tr("study.failing"),
            front: tr("study.front"),
            chosen: tr("study.chosen"),
        },
    }
}

/// The table of variants. Returns the row that was pressed.
fn table(
    ui: &mut Ui,
    cx: &Cx<'_>,
    swept: &Swept,
    wish: &Wish,
    (chosen, taken): (Option<usize>, Option<usize>),
) -> Option<usize> {
    let t = theme();
    let on_front = study::pareto(swept);
    let mut pressed = None;
    egui::ScrollArea::both()
        .id_salt("weir-sweep-table")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            egui::Grid::new("weir-sweep-grid")
                .num_columns(swept.axes.len() + 5)
                .spacing([14.0, 4.0])
                .striped(true)
                .show(ui, |ui| {
                    let head =
                        |text: &str| RichText::new(text.to_owned()).small().color(t.secondary);
                    ui.label("");
                    for axis in &swept.axes {
                        // People's own words, which are short; the whole name under the pointer.
                        ui.label(head(title(cx, axis))).on_hover_text(axis.name());
                    }
                    for text in [tr("study.month"), "p50", "p99", tr("study.lost")] {
                        ui.label(head(text));
                    }
                    ui.end_row();
                    for (i, done) in swept.rows.iter().enumerate() {
                        let passes = done.result.as_ref().is_ok_and(|s| wish.passes(s));
                        let (mark, colour) = match () {
                            () if chosen == Some(i) => (tr("study.chosen"), t.green),
                            () if !passes => (tr("study.failing"), t.red),
                            () if on_front.contains(&i) => (tr("study.on_front"), t.accent),
                            () => ("", t.secondary),
                        };
                        ui.label(RichText::new(mark).small().color(colour));
                        let response = cells(ui, done, taken == Some(i));
                        if response.is_some_and(|r| r.clicked()) {
                            pressed = Some(i);
                        }
                        ui.end_row();
                    }
                });
        });
    pressed
}

/// What people call a varied parameter.
fn title<'a>(cx: &Cx<'_>, axis: &'a study::Axis) -> &'a str {
    let kind = cx.doc.node(&axis.node).map_or("", |n| n.kind.as_str());
    param_label(kind, &axis.param)
}

/// The cells of a variant; the first of its values is what is pressed.
fn cells(ui: &mut Ui, done: &Done, is_taken: bool) -> Option<egui::Response> {
    let t = theme();
    let mut response: Option<egui::Response> = None;
    for value in &done.variant.values {
        let text = RichText::new(study::plain(value)).font(figures(t.shape.body));
        let cell = ui
            .selectable_label(is_taken, text)
            .on_hover_text(tr("study.take"));
        response = Some(match response {
            Some(r) => r | cell,
            None => cell,
        });
    }
    match &done.result {
        Ok(s) => {
            let dash = || "-".to_owned();
            let lost = s.records.dropped + s.records.failed;
            for text in [
                s.cost.usd_per_month.map_or_else(dash, dollars),
                s.latency_ms.map_or_else(dash, |l| millis(l.p50)),
                s.latency_ms.map_or_else(dash, |l| millis(l.p99)),
                number(lost as f64),
            ] {
                ui.label(RichText::new(text).font(figures(t.shape.body)));
            }
        }
        Err(why) => {
            ui.label(RichText::new(said(why)).color(t.red));
        }
    }
    response
}
