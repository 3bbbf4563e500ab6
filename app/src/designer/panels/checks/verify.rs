//! A run, a report or a sweep, run again: byte-identical, or where it differs.

use std::path::{Path, PathBuf};

use egui::{RichText, Ui};
use weir_engine::services;
use weir_engine::session::Verified;
use weir_engine::study::{Counted, verify_place};

use super::job::{Failed, Job};
use super::{failed, halves, run_name};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx, Subject, Work};
use crate::designer::dispatch::is_enabled;
use crate::designer::files::{FileAct, Wanted};
use crate::designer::i18n::{said, tr, trf};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{empty, icon_button, primary, section};

/// What this part keeps between frames.
#[derive(Default)]
pub(super) struct Verify {
    job: Job<(Verified, Counted)>,
    /// What is verified, or was.
    subject: Option<Subject>,
    /// The folder of data files that it does not carry, when one was chosen.
    data: Option<PathBuf>,
    result: Option<Result<(Verified, Counted), String>>,
}

impl Verify {
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Self {
            job,
            subject,
            data,
            result,
        } = self;
        halves(
            ui,
            "weir-checks-verify",
            &mut |ui| {
                if !job.show(ui) {
                    buttons(ui, cx);
                }
            },
            &mut |ui| {
                section(ui, tr("checks.data"));
                data_folder(ui, cx, data);
            },
            &mut |ui| {
                if !job.waits(ui) {
                    told(ui, subject.as_ref(), result.as_ref());
                }
            },
        );
    }

    pub(super) fn set_data(&mut self, folder: PathBuf) {
        self.data = Some(folder);
    }

    pub(super) const fn is_running(&self) -> bool {
        self.job.is_running()
    }

    pub(super) fn look(&mut self, cx: &Cx<'_>) {
        let Some(ended) = self.job.poll() else { return };
        self.result = Some(match ended {
            Ok(verified) => Ok(verified),
            Err(Failed::Code(code)) => {
                if let Some(subject) = self.subject.clone() {
                    cx.act(Act::AskCode(code, Work::Verify(subject)));
                }
                return;
            }
            Err(Failed::Words(why)) => Err(why),
        });
    }

    pub(super) fn start(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        subject: Subject,
        data: Option<PathBuf>,
    ) {
        if self.job.is_running() {
            return;
        }
        let data = self.data.clone().or(data);
        self.result = None;
        self.subject = Some(subject.clone());
        // The thread holds the subject, so that its folder stays while it is read.
        let started = self.job.start(ctx, cx, "verify", move |watch| {
            let place = place(&subject);
            Ok(verify_place(place, services::ALL, data.as_deref(), watch)?)
        });
        if let Err(why) = started {
            self.result = Some(Err(why));
        }
    }
}

fn place(subject: &Subject) -> &Path {
    match subject {
        Subject::Past(run) => &run.folder,
        Subject::Place(place) => place,
    }
}

fn buttons(ui: &mut Ui, cx: &Cx<'_>) {
    ui.horizontal_wrapped(|ui| {
        let latest = ui.add_enabled_ui(is_enabled(Command::VerifyRun, cx), |ui| {
            primary(ui, tr("checks.verify_run"))
        });
        if latest.inner.clicked() {
            cx.act(Act::Do(Command::VerifyRun));
        }
        for (wanted, command) in [
            (Wanted::Report, Command::VerifyReport),
            (Wanted::Ended, Command::VerifyFolder),
        ] {
            if ui.button(wanted.title()).clicked() {
                cx.act(Act::Do(command));
            }
        }
    });
}

fn data_folder(ui: &mut Ui, cx: &Cx<'_>, data: &mut Option<PathBuf>) {
    let t = theme();
    ui.label(RichText::new(tr("checks.data_help")).color(t.secondary));
    ui.horizontal(|ui| {
        if ui.button(tr("checks.data_pick")).clicked() {
            cx.act(Act::File(FileAct::Pick(Wanted::Data)));
        }
        let Some(folder) = data.as_ref() else {
            return;
        };
        let clear = icon_button(ui, "close", tr("checks.data_clear"), false).clicked();
        ui.add(egui::Label::new(folder.display().to_string()).truncate());
        if clear {
            *data = None;
        }
    });
}

/// What is the same, what is not.
fn told(
    ui: &mut Ui,
    subject: Option<&Subject>,
    result: Option<&Result<(Verified, Counted), String>>,
) {
    let t = theme();
    let (Some(subject), Some(result)) = (subject, result) else {
        let (title, text) = (tr("checks.verify_title"), tr("checks.verify_text"));
        empty(ui, "restart", title, text, None);
        return;
    };
    let about = match subject {
        Subject::Past(run) => run_name(run),
        Subject::Place(place) => place.display().to_string(),
    };
    let (verified, counted) = match result {
        Ok(verified) => verified,
        Err(why) => {
            ui.label(RichText::new(about).color(t.secondary));
            failed(ui, why);
            return;
        }
    };
    let is_same = verified.differences.is_empty();
    let key = match (counted, is_same) {
        (Counted::Files, true) => "checks.same_files",
        (Counted::Variants, true) => "checks.same_variants",
        (Counted::Files, false) => "checks.other_files",
        (Counted::Variants, false) => "checks.other_variants",
    };
    let colour = if is_same { t.green } else { t.red };
    ui.label(
        RichText::new(trf(key, &[("count", &verified.same)]))
            .font(semibold(t.shape.emphasis))
            .color(colour),
    );
    ui.label(RichText::new(about).color(t.secondary));
    for place in &verified.differences {
        let text = RichText::new(said(place)).color(t.red);
        ui.add(egui::Label::new(text).wrap().selectable(true));
    }
    for note in &verified.notes {
        ui.label(RichText::new(said(note)).color(t.amber));
    }
}
