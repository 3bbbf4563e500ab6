//! Two runs side by side: the sentence, what differs in their drawings, every figure with its difference. Runs of this
//! session, or the folder of any run.

mod runs;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use egui::{RichText, Ui};
use weir_engine::code::Permission;
use weir_engine::services;
use weir_engine::study::{
    ChangeKind, Compared, Comparison, FigureRow, SweepStopper, change_words, compare, compare_html,
    figure_title, show_difference, show_value,
};

use super::sweep::language;
use crate::designer::background::Task;
use crate::designer::cx::{Act, Cx, Tone, Work};
use crate::designer::differences::Differences;
use crate::designer::edit::Item;
use crate::designer::files::{FileAct, Wanted};
use crate::designer::i18n::{Lang, kind_title, lang, tr, trf};
use crate::designer::live::{Finished, PastRun};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{empty, link, section};

/// Seeds that a drawing is repeated with at first, and the most that may be asked for here.
const SEEDS: u32 = 5;
const SEEDS_MAX: u32 = 100;

/// What the panel keeps between frames.
pub(crate) struct Compare {
    first: Option<u64>,
    second: Option<u64>,
    opening: Task<Result<Finished, String>>,
    repeating: Task<Result<Finished, String>>,
    stopper: SweepStopper,
    /// Repeats that are done.
    done: Arc<AtomicUsize>,
    seeds: u32,
    found: Option<(u64, u64, Lang, Comparison)>,
    /// The newest run that was seen: a newer one takes the second place.
    newest: Option<u64>,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            first: None,
            second: None,
            opening: Task::default(),
            repeating: Task::default(),
            stopper: SweepStopper::default(),
            done: Arc::default(),
            seeds: SEEDS,
            found: None,
            newest: None,
        }
    }
}

/// The earlier run of this number.
fn run<'a>(cx: &'a Cx<'_>, number: Option<u64>) -> Option<&'a Arc<PastRun>> {
    cx.run.past.iter().find(|p| Some(p.number) == number)
}

fn name(run: &PastRun) -> String {
    let number = trf("plots.run_number", &[("number", &run.number)]);
    format!("{number} · {}", run.name)
}

impl Compare {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.follow(cx);
        self.bar(ui, cx);
        let (Some(a), Some(b)) = (run(cx, self.first), run(cx, self.second)) else {
            if cx.differences.is_some() {
                cx.act(Act::Differences(None));
            }
            empty(
                ui,
                "overlay",
                tr("study.compare_empty_title"),
                tr("study.compare_empty_text"),
                None,
            );
            return;
        };
        let is_known = self
            .found
            .as_ref()
            .is_some_and(|(x, y, in_lang, _)| (*x, *y, *in_lang) == (a.number, b.number, lang()));
        if !is_known {
            let names = [name(a), name(b)];
            let compared: Vec<Compared<'_>> = [a, b]
                .iter()
                .zip(&names)
                .map(|(run, name)| Compared {
                    name,
                    doc: &run.doc,
                    summary: &run.summary,
                })
                .collect();
            let found = compare(&compared, services::ALL);
            if cx.differences.is_some() {
                cx.act(Act::Differences(differences(&found, a, b)));
            }
            self.found = Some((a.number, b.number, lang(), found));
        }
        if let Some((.., found)) = &self.found {
            body(ui, cx, found);
        }
    }

    /// Which runs, where others come from, and where the comparison is shown too.
    fn bar(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        ui.horizontal_wrapped(|ui| {
            choice(ui, cx, "weir-compare-a", "A", &mut self.first);
            choice(ui, cx, "weir-compare-b", "B", &mut self.second);
            if ui.button(tr("study.open_run")).clicked() {
                cx.act(Act::File(FileAct::Pick(Wanted::Run)));
            }
            self.repeats(ui, cx);
            let (Some(a), Some(b)) = (run(cx, self.first), run(cx, self.second)) else {
                return;
            };
            let overlay = ui
                .button(tr("study.overlay"))
                .on_hover_text(tr("study.overlay_help"));
            if overlay.clicked() {
                cx.act(Act::Overlay {
                    shown: Arc::clone(b),
                    over: a.number,
                });
            }
            let Some((.., found)) = &self.found else {
                return;
            };
            let mut is_shown = cx.differences.is_some();
            let toggle = ui
                .toggle_value(&mut is_shown, tr("study.on_canvas"))
                .on_hover_text(tr("study.on_canvas_help"));
            if toggle.clicked() {
                let wanted = is_shown.then(|| differences(found, a, b)).flatten();
                cx.act(Act::Differences(wanted));
            }
            if ui.button(tr("study.save_html")).clicked() {
                let html = compare_html(found, language()).into_bytes();
                cx.act(Act::File(FileAct::Export(
                    "comparison.html".to_owned(),
                    html,
                )));
            }
        });
    }

    /// The drawing with several seeds: means with intervals.
    fn repeats(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if self.repeating.is_running() {
            let done = self.done.load(Ordering::Relaxed);
            ui.spinner();
            ui.label(trf(
                "study.progress",
                &[("done", &done), ("total", &self.seeds)],
            ));
            if ui.button(tr("study.stop_repeats")).clicked() {
                self.stopper.stop();
            }
            return;
        }
        let drag = egui::DragValue::new(&mut self.seeds).range(2..=SEEDS_MAX);
        let response = ui.add(drag).on_hover_text(tr("study.seeds"));
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::DragValue, true, tr("study.seeds"))
        });
        let button = egui::Button::new(trf("study.repeat", &[("count", &self.seeds)]));
        let button = ui
            .add_enabled(!cx.doc.nodes.is_empty(), button)
            .on_hover_text(tr("study.repeat_help"));
        if button.clicked() {
            cx.act(Act::Begin(Work::Repeat));
        }
    }

    /// Begins the repeats, unless some go on.
    pub(crate) fn repeat(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        if self.repeating.is_running() {
            return;
        }
        self.stopper = SweepStopper::default();
        self.done = Arc::default();
        let (doc, root, runs) = (cx.doc.clone(), cx.root.clone(), self.seeds);
        let allow = Permission::These(cx.prefs.allowed_code.clone());
        let (stopper, done, wake) = (self.stopper.clone(), Arc::clone(&self.done), ctx.clone());
        let started = self.repeating.start(ctx, "repeat", move || {
            let tell = |n: usize| {
                done.store(n, Ordering::Relaxed);
                wake.request_repaint();
            };
            runs::repeat(doc, root, runs, allow, &stopper, &tell)
        });
        if let Err(why) = started {
            cx.act(Act::Toast(Tone::Bad, why));
        }
    }

    /// Compares the runs that ended last.
    fn follow(&mut self, cx: &Cx<'_>) {
        let past = &cx.run.past;
        let newest = past.last().map(|p| p.number);
        if newest == self.newest {
            return;
        }
        self.newest = newest;
        if let [.., before, last] = past.as_slice() {
            self.first = run(cx, self.first).map_or(Some(before.number), |f| Some(f.number));
            self.second = Some(last.number);
            if self.first == self.second {
                self.first = Some(before.number);
            }
        } else {
            self.first = newest;
        }
    }

    /// Reads the run in this folder.
    pub(crate) fn open(&mut self, ctx: &egui::Context, folder: PathBuf) {
        let opened = self
            .opening
            .start(ctx, "open-run", move || runs::read(&folder));
        // Nothing is read while another folder is.
        drop(opened);
    }

    /// Takes runs that have come in.
    pub(crate) fn look(&mut self, cx: &Cx<'_>) {
        let came = [self.opening.poll(), self.repeating.poll()];
        for run in came.into_iter().flatten() {
            match run {
                Ok(run) => cx.act(Act::Adopt(Box::new(run))),
                Err(why) => cx.act(Act::Toast(Tone::Bad, why)),
            }
        }
    }
}

fn differences(found: &Comparison, a: &PastRun, b: &PastRun) -> Option<Differences> {
    let changes = found.drawings.first()?;
    Some(Differences::of(changes, &a.doc, &b.doc, language()))
}

fn choice(ui: &mut Ui, cx: &Cx<'_>, id: &str, letter: &str, chosen: &mut Option<u64>) {
    let text = run(cx, *chosen).map_or_else(|| "-".to_owned(), |r| name(r));
    egui::ComboBox::from_id_salt(id)
        .selected_text(format!("{letter}: {text}"))
        .width(200.0)
        .truncate()
        .show_ui(ui, |ui| {
            for past in cx.run.past.iter().rev() {
                let is_chosen = *chosen == Some(past.number);
                if ui.selectable_label(is_chosen, name(past)).clicked() {
                    *chosen = Some(past.number);
                }
            }
        });
}

fn body(ui: &mut Ui, cx: &Cx<'_>, found: &Comparison) {
    let t = theme();
    let said = |s: &weir_engine::study::Said| match lang() {
        Lang::En => s.en.clone(),
        Lang::Ko => s.ko.clone(),
    };
    egui::ScrollArea::vertical()
        .id_salt("weir-compare")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            for sentence in &found.sentences {
                ui.label(RichText::new(said(sentence)).font(semibold(t.shape.emphasis)));
            }
            for caution in &found.cautions {
                ui.label(RichText::new(said(caution)).color(t.amber));
            }
            section(ui, tr("study.drawings"));
            for changes in &found.drawings {
                if changes.is_empty() {
                    ui.label(RichText::new(tr("study.same_drawing")).color(t.secondary));
                }
                for change in changes {
                    let words = change_words(change, language());
                    let is_here = cx.doc.node(&change.node).is_some();
                    if is_here && change.kind != ChangeKind::Wire {
                        if link(ui, &words).clicked() {
                            cx.act(Act::Reveal {
                                item: Item::Node(change.node.clone()),
                                at: None,
                            });
                        }
                    } else {
                        ui.label(words);
                    }
                }
            }
            section(ui, tr("study.figures"));
            grid(ui, "weir-compare-figures", &found.figures, |name| {
                figure_title(name, language())
            });
            section(ui, tr("study.services"));
            grid(ui, "weir-compare-services", &found.services, |name| {
                let spec = services::kind(name).map(weir_engine::node::AnyKind::spec);
                spec.map_or_else(|| name.to_owned(), |s| kind_title(s).to_owned())
            });
        });
}

fn grid(ui: &mut Ui, id: &str, rows: &[FigureRow], title: impl Fn(&str) -> String) {
    let t = theme();
    egui::Grid::new(id)
        .num_columns(5)
        .spacing([18.0, 3.0])
        .striped(true)
        .show(ui, |ui| {
            for head in ["", "A", "B", "B-A", "%"] {
                ui.label(RichText::new(head).small().color(t.secondary));
            }
            ui.end_row();
            for row in rows {
                ui.label(title(&row.name));
                let font = || figures(t.shape.body);
                for i in 0..row.values.len() {
                    ui.label(RichText::new(show_value(row, i)).font(font()));
                }
                let better = row.better.first().copied().flatten();
                let colour = match better {
                    Some(true) => t.green,
                    Some(false) => t.red,
                    None => t.secondary,
                };
                let difference = row.differences.first().copied().flatten();
                let text = show_difference(difference, &row.unit);
                ui.label(RichText::new(text).font(font()).color(colour));
                let percent = row.percent.first().copied().flatten();
                let text = percent.map_or_else(|| "-".to_owned(), |p| format!("{p:+.1}"));
                ui.label(RichText::new(text).font(font()).color(colour));
                ui.end_row();
            }
        });
}
