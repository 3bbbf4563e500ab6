//! What a run is expected to come to, and whether it does.

use std::sync::Arc;

use egui::{RichText, Ui};
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::lake::open_run;
use weir_engine::report::{Bands, Checked, Condition, Expected as Check, expectations, judge};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::study::Watch;

use super::expecting::Expecting;
use super::job::{Ended, Failed, Job};
use super::{failed, halves, run_name};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx, Work};
use crate::designer::dispatch::is_enabled;
use crate::designer::i18n::{said, tr, trf};
use crate::designer::live::{Finished, PastRun};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{empty, icon, primary};

/// Lines of a difference that are shown.
const LINES_MAX: usize = 200;

/// What a run was judged by, and the verdicts.
struct Tested {
    /// Which run.
    name: String,
    checks: Vec<Checked>,
    /// The run, when it was made for this.
    run: Option<Finished>,
}

/// What is asked of a run.
struct Demands {
    expected: Vec<Check>,
    gate: Vec<Condition>,
}

/// What this part keeps between frames.
#[derive(Default)]
pub(super) struct Expected {
    expecting: Expecting,
    job: Job<Tested>,
    result: Option<Result<Tested, String>>,
}

impl Expected {
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Self {
            expecting,
            job,
            result,
        } = self;
        halves(
            ui,
            "weir-checks-expected",
            &mut |ui| {
                if !job.show(ui) {
                    ui.horizontal_wrapped(|ui| buttons(ui, cx));
                }
            },
            &mut |ui| expecting.show(ui, cx),
            &mut |ui| {
                if !job.waits(ui) {
                    verdicts(ui, result.as_ref());
                }
            },
        );
    }

    pub(super) const fn is_running(&self) -> bool {
        self.job.is_running()
    }

    pub(super) fn look(&mut self, cx: &Cx<'_>) {
        let Some(ended) = self.job.poll() else { return };
        self.result = Some(match ended {
            Ok(mut tested) => {
                if let Some(run) = tested.run.take() {
                    cx.act(Act::Adopt(Box::new(run)));
                }
                Ok(tested)
            }
            Err(Failed::Code(code)) => {
                cx.act(Act::AskCode(code, Work::Test));
                return;
            }
            Err(Failed::Words(why)) => Err(why),
        });
    }

    pub(super) fn test(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        let (doc, root) = (cx.doc.clone(), cx.root.clone());
        let name = trf("checks.run_name", &[("name", &doc.name)]);
        self.begin(ctx, cx, move |demands, watch| {
            run(name, doc, root, demands, watch)
        });
    }

    pub(super) fn test_run(&mut self, ctx: &egui::Context, cx: &Cx<'_>, run: Arc<PastRun>) {
        let name = run_name(&run);
        // The thread holds the run, so that its folder stays while it is read.
        self.begin(ctx, cx, move |demands, _| {
            let database = open_run(&run.folder).map_err(|e| Failed::Words(e.to_string()))?;
            Ok(Tested {
                name,
                checks: judge(&demands.expected, &demands.gate, &run.summary, &database),
                run: None,
            })
        });
    }

    fn begin(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        work: impl FnOnce(&Demands, &Watch<'_>) -> Ended<Tested> + Send + 'static,
    ) {
        if self.job.is_running() {
            return;
        }
        let started = self.demands(cx.doc).and_then(|demands| {
            self.result = None;
            self.job
                .start(ctx, cx, "test", move |watch| work(&demands, watch))
        });
        if let Err(why) = started {
            self.result = Some(Err(why));
        }
    }

    /// What the drawing expects and the conditions that stand in the form.
    fn demands(&self, doc: &Document) -> Result<Demands, String> {
        let demands = Demands {
            expected: expectations(doc, services::ALL).map_err(|all| all.join("\n"))?,
            gate: self.expecting.gate(doc)?,
        };
        let any = demands.expected.len() + demands.gate.len() + doc.objectives.len();
        match any {
            0 => Err(tr("checks.nothing_expected").to_owned()),
            _ => Ok(demands),
        }
    }
}

/// Runs the drawing for as long as its expectations hold for.
fn run(
    name: String,
    doc: Document,
    root: Root,
    demands: &Demands,
    watch: &Watch<'_>,
) -> Ended<Tested> {
    let options = RunOptions {
        run_for: doc.expect.as_ref().and_then(|e| e.run_for),
        allow: watch.allow.clone(),
        detail: true,
        ..RunOptions::default()
    };
    let mut kept = doc.clone();
    kept.run_for = options.run_for.unwrap_or(doc.run_for);
    let outcome = watch.follow(prepare(doc, services::ALL, root, options)?)?;
    let database = open_run(outcome.folder()).map_err(|e| Failed::Words(e.to_string()))?;
    let checks = judge(
        &demands.expected,
        &demands.gate,
        &outcome.summary,
        &database,
    );
    Ok(Tested {
        name: name.clone(),
        checks,
        run: Some(Finished {
            name,
            doc: kept,
            snapshot: Arc::clone(&outcome.snapshot),
            folder: outcome.folder().to_owned(),
            summary: outcome.summary.clone(),
            bands: Bands::default(),
            outcome: Some(outcome),
        }),
    })
}

fn buttons(ui: &mut Ui, cx: &Cx<'_>) {
    let test = ui.add_enabled_ui(is_enabled(Command::TestDrawing, cx), |ui| {
        primary(ui, tr("checks.test")).on_hover_text(tr("checks.test_help"))
    });
    if test.inner.clicked() {
        cx.act(Act::Do(Command::TestDrawing));
    }
    let button = egui::Button::new(tr("checks.test_run"));
    let latest = ui.add_enabled(is_enabled(Command::TestRun, cx), button);
    if latest.on_hover_text(tr("checks.test_run_help")).clicked() {
        cx.act(Act::Do(Command::TestRun));
    }
}

/// Each expectation with what became of it.
fn verdicts(ui: &mut Ui, result: Option<&Result<Tested, String>>) {
    let t = theme();
    let tested = match result {
        None => {
            let (title, text) = (tr("checks.none_title"), tr("checks.none_text"));
            empty(ui, "check", title, text, None);
            return;
        }
        Some(Err(why)) => {
            failed(ui, why);
            return;
        }
        Some(Ok(tested)) => tested,
    };
    let (all, missed) = (
        tested.checks.len(),
        tested.checks.iter().filter(|c| !c.ok).count(),
    );
    let (text, colour) = match missed {
        0 => (trf("checks.all_hold", &[("all", &all)]), t.green),
        _ => (
            trf("checks.missed", &[("missed", &missed), ("all", &all)]),
            t.red,
        ),
    };
    ui.label(
        RichText::new(text)
            .font(semibold(t.shape.emphasis))
            .color(colour),
    );
    ui.label(RichText::new(&tested.name).color(t.secondary));
    ui.add_space(t.space(0));
    for checked in &tested.checks {
        verdict(ui, checked);
    }
}

fn verdict(ui: &mut Ui, checked: &Checked) {
    let t = theme();
    let (name, colour) = if checked.ok {
        ("check", t.green)
    } else {
        ("error", t.red)
    };
    ui.horizontal_top(|ui| {
        icon(ui, name, 15.0, colour);
        ui.vertical(|ui| {
            let what = said(&checked.what);
            let label = egui::Label::new(what.as_ref()).wrap().selectable(true);
            let shown = ui.add(label);
            shown.widget_info(|| {
                let word = tr(if checked.ok {
                    "checks.holds"
                } else {
                    "checks.fails"
                });
                let text = format!("{word}: {what}");
                egui::WidgetInfo::labeled(egui::WidgetType::Label, true, text)
            });
            for line in checked.difference.iter().take(LINES_MAX) {
                let colour = if line.starts_with('-') {
                    t.amber
                } else {
                    t.red
                };
                let text = RichText::new(said(line).as_ref())
                    .font(figures(t.shape.caption))
                    .color(colour);
                ui.add(egui::Label::new(text).wrap().selectable(true));
            }
            let more = checked.difference.len().saturating_sub(LINES_MAX);
            if more > 0 {
                ui.label(trf("checks.more_lines", &[("count", &more)]));
            }
        });
    });
}
