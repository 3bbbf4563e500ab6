//! The drawing of a run with two and ten times its traffic: what a month costs then, and what still holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{RichText, Ui};
use weir_engine::disk;
use weir_engine::report::{PROJECTIONS, Projected, RunFiles, Summary, dollars, millis, number};
use weir_engine::services;
use weir_engine::session::kit_root;
use weir_engine::study::{Watch, project};

use super::job::{Ended, Failed, Job};
use super::{failed, halves, run_name};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::dispatch::is_enabled;
use crate::designer::i18n::tr;
use crate::designer::live::PastRun;
use crate::designer::theme::{figures, theme};
use crate::designer::widgets::{empty, primary};

/// What this part keeps between frames.
#[derive(Default)]
pub(super) struct Traffic {
    job: Job<Vec<Projected>>,
    run: Option<Arc<PastRun>>,
    result: Option<Result<Vec<Projected>, String>>,
}

impl Traffic {
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Self { job, run, result } = self;
        halves(
            ui,
            "weir-checks-traffic",
            &mut |ui| {
                if !job.show(ui) {
                    let latest = ui.add_enabled_ui(is_enabled(Command::RunTraffic, cx), |ui| {
                        primary(ui, tr("checks.run_traffic"))
                    });
                    if latest.inner.clicked() {
                        cx.act(Act::Do(Command::RunTraffic));
                    }
                }
            },
            &mut |ui| {
                ui.label(RichText::new(tr("checks.traffic_help")).color(theme().secondary));
            },
            &mut |ui| {
                if !job.waits(ui) {
                    told(ui, run.as_deref(), result.as_ref());
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

    pub(super) fn start(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        run: Arc<PastRun>,
        data: Option<PathBuf>,
    ) {
        if self.job.is_running() {
            return;
        }
        self.result = None;
        self.run = Some(Arc::clone(&run));
        let started = self.job.start(ctx, cx, "traffic", move |watch| {
            work(&run, data.as_deref(), watch)
        });
        if let Err(why) = started {
            self.result = Some(Err(why));
        }
    }
}

/// Runs it, and keeps what came out beside the run, where its next report finds it.
fn work(run: &PastRun, data: Option<&Path>, watch: &Watch<'_>) -> Ended<Vec<Projected>> {
    let files = RunFiles::open(&run.folder).map_err(|e| Failed::Words(e.to_string()))?;
    let (root, _inputs) = kit_root(&files.record.inputs, data)?;
    let projected = project(&files.doc, &root, services::ALL, watch)?;
    let text = serde_json::to_vec_pretty(&projected).map_err(|e| Failed::Words(e.to_string()))?;
    let place = run.folder.join(PROJECTIONS);
    disk::replace(&place, &text)
        .map_err(|e| Failed::Words(format!("`{}` cannot be written ({e})", place.display())))?;
    Ok(projected)
}

fn told(ui: &mut Ui, run: Option<&PastRun>, result: Option<&Result<Vec<Projected>, String>>) {
    let t = theme();
    let (Some(run), Some(result)) = (run, result) else {
        let (title, text) = (tr("checks.traffic_title"), tr("checks.traffic_text"));
        empty(ui, "speed", title, text, None);
        return;
    };
    ui.label(RichText::new(run_name(run)).color(t.secondary));
    let projected = match result {
        Ok(projected) => projected,
        Err(why) => {
            failed(ui, why);
            return;
        }
    };
    let itself = (1, &run.summary);
    let others = projected.iter().map(|p| (p.traffic, &p.summary));
    egui::Grid::new("weir-traffic")
        .num_columns(7)
        .spacing([18.0, 4.0])
        .striped(true)
        .show(ui, |ui| {
            for head in [
                "checks.times",
                "checks.offered",
                "checks.delivered",
                "checks.p99",
                "study.lost",
                "study.month",
                "checks.per_gb",
            ] {
                ui.label(RichText::new(tr(head)).small().color(t.secondary));
            }
            ui.end_row();
            for (times, summary) in std::iter::once(itself).chain(others) {
                for text in row(times, summary) {
                    ui.label(RichText::new(text).font(figures(t.shape.body)));
                }
                ui.end_row();
            }
        });
    ui.label(RichText::new(tr("checks.in_report")).color(t.secondary));
}

fn row(times: u32, s: &Summary) -> [String; 7] {
    let dash = || "-".to_owned();
    [
        format!("{times}\u{d7}"),
        number(s.throughput.records_per_second),
        number(s.throughput.delivered_per_second),
        s.latency_ms.map_or_else(dash, |l| millis(l.p99)),
        number((s.records.dropped + s.records.failed) as f64),
        s.cost.usd_per_month.map_or_else(dash, dollars),
        s.cost.usd_per_gb.map_or_else(dash, dollars),
    ]
}
