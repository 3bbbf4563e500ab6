//! What Weir is, what it models, and whose work it carries.

use egui::{RichText, Ui, Vec2};
use weir_engine::books::Books;

use super::modal;
use crate::designer::cx::Cx;
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::{figures, theme};
use crate::designer::widgets::{section, stat};

/// Licences of what the program carries.
const LICENCES: [(&str, &str); 2] = [
    (
        "Pretendard (SIL OFL 1.1)",
        include_str!("../../../../assets/fonts/Pretendard-LICENSE.txt"),
    ),
    (
        "JetBrains Mono (SIL OFL 1.1)",
        include_str!("../../../../assets/fonts/JetBrainsMono-LICENSE.txt"),
    ),
];

/// Draws it. False when it was closed.
pub(super) fn show(ui: &Ui, cx: &Cx<'_>) -> bool {
    let t = theme();
    let ((), stays) = modal(
        ui,
        "weir-about",
        tr("files.about"),
        Vec2::new(560.0, 560.0),
        |ui| {
            egui::ScrollArea::vertical()
                .max_height(440.0)
                .show(ui, |ui| {
                    ui.label(tr("files.about_text"));
                    ui.add_space(t.space(1));
                    ui.label(
                        RichText::new(tr("files.about_modelled"))
                            .italics()
                            .color(t.secondary),
                    );
                    ui.add_space(t.space(1));
                    stat(ui, tr("files.about_version"), env!("CARGO_PKG_VERSION"));
                    let date = Books::for_region(&cx.doc.region)
                        .map_or_else(|e| e.to_string(), |b| b.date().to_owned());
                    stat(
                        ui,
                        &trf("files.about_prices", &[("region", &cx.doc.region)]),
                        &date,
                    );
                    stat(ui, tr("files.about_licence"), "MIT OR Apache-2.0");
                    section(ui, tr("files.about_fonts"));
                    for (name, text) in LICENCES {
                        egui::CollapsingHeader::new(name).show(ui, |ui| {
                            ui.add(
                                egui::Label::new(
                                    RichText::new(text).font(figures(t.shape.caption)),
                                )
                                .wrap()
                                .selectable(true),
                            );
                        });
                    }
                });
        },
    );
    stays
}
