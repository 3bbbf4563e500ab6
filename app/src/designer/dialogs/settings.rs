//! What a person chooses for the program. Everything takes effect at once and is kept.

use egui::{Align, Layout, RichText, Ui, Vec2};

use super::modal;
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{Lang, tr, trf};
use crate::designer::prefs::Prefs;
use crate::designer::theme::theme;
use crate::designer::widgets::{section, switch};

/// Sizes of the interface that are offered, in percent.
const SCALES: [u16; 7] = [80, 90, 100, 110, 125, 150, 200];
/// Seconds between autosaves that are offered; zero is never.
const AUTOSAVES: [u32; 4] = [0, 10, 30, 60];

/// Draws it. False when it was closed.
pub(super) fn show(ui: &Ui, cx: &Cx<'_>) -> bool {
    let mut prefs = cx.prefs.clone();
    let ((), stays) = modal(
        ui,
        "weir-settings",
        tr("files.settings"),
        Vec2::new(560.0, 560.0),
        |ui| {
            egui::ScrollArea::vertical()
                .max_height(460.0)
                .show(ui, |ui| {
                    looks(ui, &mut prefs);
                    canvas(ui, &mut prefs);
                    saving(ui, &mut prefs);
                    ui.add_space(theme().space(2));
                    ui.label(RichText::new(tr("files.settings_pipeline")).color(theme().secondary));
                });
        },
    );
    if prefs != *cx.prefs {
        cx.act(Act::Prefs(Box::new(prefs)));
    }
    stays
}

/// A row: its name at the left, the choice at the right.
fn row(ui: &mut Ui, name: &str, show: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.label(name);
        ui.with_layout(Layout::right_to_left(Align::Center), show);
    });
}

fn tick(ui: &mut Ui, name: &str, help: &str, value: &mut bool) {
    ui.checkbox(value, name);
    if !help.is_empty() {
        ui.indent(name, |ui| {
            ui.label(RichText::new(help).color(theme().secondary))
        });
    }
}

fn looks(ui: &mut Ui, prefs: &mut Prefs) {
    section(ui, tr("files.settings_looks"));
    // Right to left: the last choice first.
    row(ui, tr("files.settings_language"), |ui| {
        ui.horizontal(|ui| {
            switch(
                ui,
                &mut prefs.lang,
                &[(Lang::Ko, "한국어"), (Lang::En, "English")],
            )
        });
    });
    row(ui, tr("files.settings_theme"), |ui| {
        let choices = [
            (false, tr("files.settings_light")),
            (true, tr("files.settings_dark")),
        ];
        ui.horizontal(|ui| switch(ui, &mut prefs.dark, &choices));
    });
    row(ui, tr("files.settings_scale"), |ui| {
        let now = format!("{:.0} %", prefs.scale * 100.0);
        egui::ComboBox::from_id_salt("weir-scale")
            .selected_text(now)
            .show_ui(ui, |ui| {
                for percent in SCALES {
                    let scale = f32::from(percent) / 100.0;
                    let is_now = (prefs.scale - scale).abs() < 1e-3;
                    if ui
                        .selectable_label(is_now, format!("{percent} %"))
                        .clicked()
                    {
                        prefs.scale = scale;
                    }
                }
            });
    });
    tick(
        ui,
        tr("files.settings_motion"),
        tr("files.settings_motion_help"),
        &mut prefs.motion,
    );
}

fn canvas(ui: &mut Ui, prefs: &mut Prefs) {
    section(ui, tr("files.settings_canvas"));
    tick(ui, tr("files.settings_snap"), "", &mut prefs.snap);
    tick(ui, tr("files.settings_grid"), "", &mut prefs.grid);
    tick(ui, tr("files.settings_minimap"), "", &mut prefs.minimap);
}

fn saving(ui: &mut Ui, prefs: &mut Prefs) {
    section(ui, tr("files.settings_saving"));
    let word = |seconds: u32| match seconds {
        0 => tr("files.settings_never").to_owned(),
        s => trf("files.settings_seconds", &[("count", &s)]),
    };
    row(ui, tr("files.settings_autosave"), |ui| {
        let now = word(prefs.autosave_seconds);
        egui::ComboBox::from_id_salt("weir-autosave")
            .selected_text(now)
            .show_ui(ui, |ui| {
                for seconds in AUTOSAVES {
                    ui.selectable_value(&mut prefs.autosave_seconds, seconds, word(seconds));
                }
            });
    });
    ui.label(RichText::new(tr("files.settings_autosave_help")).color(theme().secondary));
}
