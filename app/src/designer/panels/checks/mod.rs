//! Checks: a drawing or a run against what is expected of it; a run, a report or a sweep verified by running it again; other
//! traffic; each service against published figures. All in the background, beside the run of the window.

mod expected;
mod expecting;
mod job;
mod services;
mod traffic;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use egui::{RichText, Ui, vec2};

use self::expected::Expected;
use self::services::Services;
use self::traffic::Traffic;
use self::verify::Verify;
use crate::designer::cx::{Cx, Subject};
use crate::designer::i18n::{said, tr, trf};
use crate::designer::live::PastRun;
use crate::designer::theme::theme;
use crate::designer::widgets::switch;

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    #[default]
    Expected,
    Verify,
    Traffic,
    Services,
}

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Checks {
    view: View,
    expected: Expected,
    verify: Verify,
    traffic: Traffic,
    services: Services,
}

impl Checks {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let views = [
            (View::Expected, tr("checks.expected")),
            (View::Verify, tr("checks.verify")),
            (View::Traffic, tr("checks.traffic")),
            (View::Services, tr("checks.services")),
        ];
        switch(ui, &mut self.view, &views);
        ui.add_space(theme().space(0));
        match self.view {
            View::Expected => self.expected.show(ui, cx),
            View::Verify => self.verify.show(ui, cx),
            View::Traffic => self.traffic.show(ui, cx),
            View::Services => self.services.show(ui, cx),
        }
    }
    /// Takes what has come in, whether the pane is seen or not.
    pub(crate) fn look(&mut self, cx: &Cx<'_>) {
        self.expected.look(cx);
        self.verify.look(cx);
        self.traffic.look();
        self.services.look();
    }
    /// True while something is run.
    pub(crate) const fn is_busy(&self) -> bool {
        self.expected.is_running()
            || self.verify.is_running()
            || self.traffic.is_running()
            || self.services.is_running()
    }
    /// Runs the drawing and compares what comes out with what is expected.
    pub(crate) fn test(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        self.view = View::Expected;
        self.expected.test(ctx, cx);
    }
    /// Compares a run that has ended with what is expected.
    pub(crate) fn test_run(&mut self, ctx: &egui::Context, cx: &Cx<'_>, run: Arc<PastRun>) {
        self.view = View::Expected;
        self.expected.test_run(ctx, cx, run);
    }
    /// Runs again what `subject` tells of; `data` is the folder of data files that it does not carry, unless one was chosen.
    pub(crate) fn verify(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        subject: Subject,
        data: Option<PathBuf>,
    ) {
        self.view = View::Verify;
        self.verify.start(ctx, cx, subject, data);
    }
    /// The folder of data files that what is verified does not carry.
    pub(crate) fn set_data(&mut self, folder: PathBuf) {
        self.verify.set_data(folder);
    }
    /// Runs the drawing of `run` with more traffic.
    pub(crate) fn traffic(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        run: Arc<PastRun>,
        data: Option<PathBuf>,
    ) {
        self.view = View::Traffic;
        self.traffic.start(ctx, cx, run, data);
    }
    /// Runs the pipeline of every service.
    pub(crate) fn bench_services(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        self.view = View::Services;
        self.services.start(ctx, cx);
    }
}

/// What people call a run that has ended.
fn run_name(run: &PastRun) -> String {
    trf("data.run_past", &[("n", &run.number), ("name", &run.name)])
}

/// Says why something came to nothing, a line for each sentence.
fn failed(ui: &mut Ui, why: &str) {
    for line in why.lines() {
        ui.label(RichText::new(said(line)).color(theme().red));
    }
}

/// What draws a part of the pane.
type Draw<'a> = &'a mut dyn FnMut(&mut Ui);

/// What can be done at the left, what came of it at the right; both scroll, but not what stands `above` at the left: it is in
/// reach however low the pane is.
fn halves(ui: &mut Ui, id: &str, above: Draw<'_>, left: Draw<'_>, right: Draw<'_>) {
    let room = ui.available_size();
    let width = (room.x * 0.34).clamp(240.0, 420.0);
    // From top to bottom, whatever they stand in.
    let column = |ui: &mut Ui, name: &str, width: f32, above: Draw<'_>, show: Draw<'_>| {
        ui.allocate_ui(vec2(width, room.y), |ui| {
            ui.vertical(|ui| {
                ui.set_max_width(width - 14.0);
                above(ui);
                egui::ScrollArea::vertical()
                    .id_salt((id, name))
                    .auto_shrink([false, false])
                    .show(ui, show);
            });
        });
    };
    ui.horizontal_top(|ui| {
        column(ui, "left", width, above, left);
        ui.add_space(theme().space(2));
        column(ui, "right", room.x - width - 28.0, &mut |_| {}, right);
    });
}
