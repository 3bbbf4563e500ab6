//! The service benchmark: each service's throughput, latency and cost, ours beside the notes and AWS.

use egui::{RichText, Ui};

use super::job::{Failed, Job};
use super::{failed, halves};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::files::FileAct;
use crate::designer::i18n::{Lang, lang, tr};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{empty, primary};
use crate::service_bench::{self, Benchmark, Row, figures_of};

/// What this part keeps between frames.
#[derive(Default)]
pub(super) struct Services {
    job: Job<Benchmark>,
    result: Option<Result<Benchmark, String>>,
}

impl Services {
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Self { job, result } = &*self;
        halves(
            ui,
            "weir-checks-services",
            &mut |ui| {
                if !job.show(ui) {
                    ui.horizontal_wrapped(|ui| {
                        if primary(ui, tr("checks.bench")).clicked() {
                            cx.act(Act::Do(Command::BenchServices));
                        }
                        if let Some(Ok(bench)) = result {
                            ui.menu_button(tr("study.save"), |ui| save(ui, cx, bench));
                        }
                    });
                }
            },
            &mut |ui| {
                ui.label(RichText::new(tr("checks.bench_help")).color(theme().secondary));
            },
            &mut |ui| {
                if !job.waits(ui) {
                    told(ui, result.as_ref());
                }
            },
        );
    }

    pub(super) const fn is_running(&self) -> bool {
        self.job.is_running()
    }

    pub(super) fn look(&mut self) {
        if let Some(ended) = self.job.poll() {
            self.result = Some(ended.map_err(Failed::words));
        }
    }

    pub(super) fn start(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        if self.job.is_running() {
            return;
        }
        self.result = None;
        let started = self.job.start(ctx, cx, "services", |watch| {
            service_bench::bench(None, watch).map_err(|failure| Failed::Words(failure.plain()))
        });
        if let Err(why) = started {
            self.result = Some(Err(why));
        }
    }
}

fn save(ui: &mut Ui, cx: &Cx<'_>, bench: &Benchmark) {
    let json = || serde_json::to_vec_pretty(&service_bench::json(bench)).ok();
    let mut file = None;
    if ui.button("Markdown").clicked() {
        file = Some(("services.md", service_bench::markdown(bench).into_bytes()));
    }
    if ui.button("CSV").clicked() {
        file = Some(("services.csv", service_bench::csv(bench).into_bytes()));
    }
    if ui.button("JSON").clicked() {
        file = json().map(|bytes| ("services.json", bytes));
    }
    if let Some((name, bytes)) = file {
        cx.act(Act::File(FileAct::Export(name.to_owned(), bytes)));
        ui.close();
    }
}

fn told(ui: &mut Ui, result: Option<&Result<Benchmark, String>>) {
    let t = theme();
    match result {
        None => {
            let (title, text) = (tr("checks.bench_title"), tr("checks.bench_text"));
            empty(ui, "table", title, text, None);
        }
        Some(Err(why)) => failed(ui, why),
        Some(Ok(bench)) => {
            for row in &bench.rows {
                service(ui, row);
            }
            ui.label(RichText::new(tr("checks.simulated")).color(t.secondary));
        }
    }
}

/// Three rows of three figures, and why they differ.
fn service(ui: &mut Ui, row: &Row) {
    let t = theme();
    let (title, why) = match lang() {
        Lang::En => (&row.title.en, &row.why.en),
        Lang::Ko => (&row.title.ko, &row.why.ko),
    };
    ui.label(RichText::new(title).font(semibold(t.shape.emphasis)));
    let column = (ui.available_width() - 90.0) / 3.0;
    egui::Grid::new(("weir-service", title))
        .num_columns(4)
        .min_col_width(52.0)
        .max_col_width(column.max(90.0))
        .spacing([14.0, 2.0])
        .show(ui, |ui| {
            ui.label("");
            for head in ["checks.throughput", "checks.latency", "checks.cost"] {
                ui.label(RichText::new(tr(head)).small().color(t.secondary));
            }
            ui.end_row();
            for (who, figures) in figures_of(row) {
                let name = match who {
                    "notes" => tr("checks.notes"),
                    name => name,
                };
                ui.label(RichText::new(name).color(t.secondary));
                for figure in figures {
                    ui.add(egui::Label::new(figure).wrap());
                }
                ui.end_row();
            }
        });
    ui.label(RichText::new(why).color(t.secondary));
    let source = format!("{} ({})", row.official.source, row.official.date);
    ui.label(RichText::new(source).small().color(t.faint));
    ui.add_space(t.space(2));
}
