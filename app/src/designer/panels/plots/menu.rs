//! Choices around the plots: windows, columns, earlier runs, new plots, what to do with one.

use egui::{Ui, WidgetInfo, WidgetType};
use weir_engine::metrics::FLOW_METRICS;

use super::chart::Subject;
use super::reading::Reading;
use super::time::{FOLLOWING, TimeAxis, Window};
use crate::designer::cx::Cx;
use crate::designer::i18n::{metric_help, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{icon_image, node_name, switch};

/// The plots that are there at first.
pub(super) const STANDARD: [Subject; 5] = [
    Subject::Throughput { bytes: false },
    Subject::Latency,
    Subject::Parts,
    Subject::RunRate,
    Subject::CostPerGb,
];

/// What a plot's menu asks for.
pub(super) enum Asked {
    Picture,
    Figures,
    Remove,
}

/// How far back the plots reach.
pub(super) fn windows(ui: &mut Ui, axis: &mut TimeAxis) {
    let choices: Vec<(Window, &str)> = FOLLOWING
        .into_iter()
        .zip([
            tr("plots.last_minute"),
            tr("plots.last_ten_minutes"),
            tr("plots.last_hour"),
            tr("plots.all"),
        ])
        .collect();
    let mut window = axis.window;
    if switch(ui, &mut window, &choices) {
        axis.set(window);
    }
}

/// Columns of plots.
pub(super) fn columns(ui: &mut Ui, columns: &mut usize) {
    let name = |n: usize| {
        if n == 0 {
            tr("plots.columns_auto").to_owned()
        } else {
            n.to_string()
        }
    };
    let text = trf("plots.columns", &[("count", &name(*columns))]);
    with_icon(ui, "layout", &text, |ui| {
        for n in 0..4 {
            if ui.selectable_label(*columns == n, name(n)).clicked() {
                *columns = n;
                ui.close();
            }
        }
    });
}

/// The earlier run that is drawn too.
pub(super) fn overlay(ui: &mut Ui, cx: &Cx<'_>, overlay: &mut Option<u64>) {
    if cx.run.past.is_empty() {
        return;
    }
    let text = overlay.map_or_else(
        || tr("plots.overlay").to_owned(),
        |n| trf("plots.run_number", &[("number", &n)]),
    );
    with_icon(ui, "overlay", &text, |ui| {
        if ui
            .selectable_label(overlay.is_none(), tr("plots.overlay_none"))
            .clicked()
        {
            *overlay = None;
            ui.close();
        }
        for past in cx.run.past.iter().rev() {
            let run = trf("plots.run_number", &[("number", &past.number)]);
            let span = crate::designer::widgets::format::clock(past.snapshot.now.as_secs_f64());
            let text = format!("{run} · {} · {span}", past.name);
            if ui
                .selectable_label(*overlay == Some(past.number), text)
                .clicked()
            {
                *overlay = Some(past.number);
                ui.close();
            }
        }
    });
}

/// A plot that is to be added.
pub(super) fn new_plot<'a>(
    ui: &mut Ui,
    cx: &Cx<'_>,
    there: impl Iterator<Item = &'a Subject>,
) -> Option<Subject> {
    let there: Vec<&Subject> = there.collect();
    let mut chosen = None;
    with_icon(ui, "plus", tr("plots.add"), |ui| {
        for subject in STANDARD {
            let is_there = there
                .iter()
                .any(|s| std::mem::discriminant(*s) == std::mem::discriminant(&subject));
            if !is_there && ui.button(subject.title(cx.doc)).clicked() {
                chosen = Some(subject);
                ui.close();
            }
        }
        for node in &cx.doc.nodes {
            let Some(spec) = cx.spec_of(&node.id) else {
                continue;
            };
            ui.menu_button(node_name(cx.doc, &node.id), |ui| {
                egui::ScrollArea::vertical()
                    .max_height(360.0)
                    .show(ui, |ui| {
                        for (i, metric) in spec.metrics.iter().chain(&FLOW_METRICS).enumerate() {
                            if i == spec.metrics.len() {
                                ui.separator();
                            }
                            if ui
                                .button(metric.name)
                                .on_hover_text(metric_help(spec.id, metric))
                                .clicked()
                            {
                                let reading = Reading::usual(metric.unit);
                                let (node, metric) = (node.id.clone(), metric.name.to_owned());
                                chosen = Some(Subject::Metric {
                                    node,
                                    metric,
                                    reading,
                                });
                                ui.close();
                            }
                        }
                    });
            });
        }
    });
    chosen
}

/// What can be chosen about a plot's subject.
pub(super) fn choices(ui: &mut Ui, subject: &mut Subject) {
    match subject {
        Subject::Throughput { bytes } => {
            let _changed = switch(
                ui,
                bytes,
                &[(false, tr("plots.records")), (true, tr("plots.bytes"))],
            );
        }
        Subject::Metric { reading, .. } => {
            egui::ComboBox::from_id_salt("weir-reading")
                .selected_text(reading.name())
                .width(96.0)
                .show_ui(ui, |ui| {
                    for (choice, name) in Reading::ALL {
                        ui.selectable_value(reading, choice, name);
                    }
                });
        }
        _ => {}
    }
}

/// The menu of a plot.
pub(super) fn of_plot(ui: &mut Ui, title: &str) -> Option<Asked> {
    let image = icon_image("more")
        .fit_to_exact_size(egui::Vec2::splat(16.0))
        .tint(theme().secondary);
    let label = trf("plots.menu_of", &[("title", &title)]);
    let mut asked = None;
    let menu = ui.menu_image_button(image, |ui| {
        let entries = [
            ("image", tr("plots.save_png"), Asked::Picture),
            ("csv", tr("plots.save_csv"), Asked::Figures),
            ("trash", tr("plots.remove"), Asked::Remove),
        ];
        for (name, text, what) in entries {
            let image = icon_image(name)
                .fit_to_exact_size(egui::Vec2::splat(16.0))
                .tint(theme().text);
            if ui.add(egui::Button::image_and_text(image, text)).clicked() {
                asked = Some(what);
                ui.close();
            }
        }
    });
    menu.response
        .widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &label));
    asked
}

/// A menu behind an icon and a word.
fn with_icon(ui: &mut Ui, icon: &'static str, text: &str, show: impl FnOnce(&mut Ui)) {
    let image = icon_image(icon)
        .fit_to_exact_size(egui::Vec2::splat(16.0))
        .tint(theme().text);
    ui.menu_image_text_button(image, text, show);
}
