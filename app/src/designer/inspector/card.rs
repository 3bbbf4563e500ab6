//! The model card: which limits, prices and latency laws the node's model applies, how much each can be trusted, and where it
//! comes from.

use std::collections::BTreeSet;

use egui::{Align, Label, Layout, RichText, Sense, Ui};
use weir_engine::books::{Basis, Books, Origin, Price};
use weir_engine::node::KindSpec;

use super::explain::{basis_name, figure, quota_value, right, words};
use super::schema::form_of;
use super::value::readable;
use crate::designer::cx::Cx;
use crate::designer::i18n::{fault_help, fault_name, source_said, tr, trf};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{format, section};

/// What the tab keeps between frames.
#[derive(Default)]
pub(super) struct Card {
    /// Keys whose sources are shown.
    open: BTreeSet<String>,
}

impl Card {
    /// Shows the card of the kind of the node `id`.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let Some(spec) = cx.spec_of(id) else { return };
        let t = theme();
        let Ok(books) = Books::for_region(&cx.doc.region) else {
            ui.label(RichText::new(tr("inspector.no_books")).color(t.red));
            return;
        };
        let note = trf("inspector.card_note", &[("region", &books.region())]);
        ui.add(Label::new(RichText::new(note).size(t.shape.caption).color(t.secondary)).wrap());
        self.limits(ui, &books, spec);
        self.prices(ui, &books, spec);
        self.laws(ui, &books, spec);
        if !spec.faults.is_empty() {
            section(ui, tr("inspector.faults"));
        }
        for fault in spec.faults {
            ui.label(RichText::new(fault_name(*fault)).font(semibold(t.shape.caption)));
            let text = fault_help(*fault).replace('`', "");
            ui.add(Label::new(RichText::new(text).size(t.shape.caption).color(t.secondary)).wrap());
        }
    }

    fn limits(&mut self, ui: &mut Ui, books: &Books, spec: &KindSpec) {
        let form = form_of(spec.id).iter().filter_map(|f| f.quota.as_deref());
        let mut keys: Vec<&str> = Vec::new();
        for key in spec.quotas.iter().copied().chain(form) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return;
        }
        section(ui, tr("inspector.limits"));
        for quota in keys.iter().filter_map(|key| books.quota(key)) {
            let adjustable = tr(if quota.adjustable {
                "inspector.adjustable"
            } else {
                "inspector.not_adjustable"
            });
            self.row(
                ui,
                &quota.key,
                &quota_value(quota),
                &quota.origin,
                adjustable,
            );
        }
    }

    fn prices(&mut self, ui: &mut Ui, books: &Books, spec: &KindSpec) {
        if spec.usage.is_empty() {
            return;
        }
        section(ui, tr("inspector.prices"));
        for usage in spec.usage {
            let Some(price) = books.price(usage.key) else {
                continue;
            };
            self.row(
                ui,
                usage.key,
                &price_text(price),
                &price.origin,
                usage.rounding,
            );
        }
    }

    fn laws(&mut self, ui: &mut Ui, books: &Books, spec: &KindSpec) {
        if spec.latencies.is_empty() {
            return;
        }
        section(ui, tr("inspector.laws"));
        for law in spec.latencies.iter().filter_map(|key| books.latency(key)) {
            let ms = |d: weir_engine::units::SimDuration| format::millis(d.as_millis_f64());
            let text = if law.min == law.p99 {
                ms(law.p50)
            } else {
                trf(
                    "inspector.law",
                    &[
                        ("min", &ms(law.min)),
                        ("p50", &ms(law.p50)),
                        ("p99", &ms(law.p99)),
                    ],
                )
            };
            let fields: Vec<String> = law
                .fields()
                .map(|(name, value)| format!("{name} = {}", readable(value as f64)))
                .collect();
            self.row(ui, &law.key, &text, &law.origin, &fields.join(", "));
        }
    }

    /// A figure with its name; pressing it shows where it comes from.
    fn row(&mut self, ui: &mut Ui, key: &str, value: &str, origin: &Origin, more: &str) {
        let t = theme();
        let is_open = self.open.contains(key);
        let width = ui
            .fonts_mut(|f| {
                f.layout_no_wrap(
                    value.to_owned(),
                    crate::designer::theme::figures(t.shape.caption),
                    t.text,
                )
            })
            .size()
            .x;
        let name = RichText::new(words(key)).size(t.shape.caption);
        let is_narrow = width > ui.available_width() * 0.55;
        let block = ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            if is_narrow {
                ui.add(Label::new(name).wrap().selectable(false));
                right(ui, |ui| {
                    figure(ui, value, origin.basis);
                });
            } else {
                ui.horizontal(|ui| {
                    let room = ui.available_width() - width - 2.0 * ui.spacing().item_spacing.x;
                    ui.allocate_ui_with_layout(
                        egui::vec2(room, 18.0),
                        Layout::left_to_right(Align::Center),
                        |ui| {
                            ui.set_width(room);
                            ui.add(Label::new(name).wrap().selectable(false));
                        },
                    );
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        figure(ui, value, origin.basis)
                    });
                });
            }
        });
        let response = block
            .response
            .interact(Sense::click())
            .on_hover_cursor(egui::CursorIcon::PointingHand);
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::WidgetType::CollapsingHeader, true, is_open, key)
        });
        if response.clicked() && !self.open.remove(key) {
            self.open.insert(key.to_owned());
        }
        if is_open {
            source(ui, origin, more);
        } else {
            let basis = format!(
                "{} · {} · {}",
                basis_name(origin.basis),
                origin.date,
                tr("inspector.press_source")
            );
            response.on_hover_text(basis);
        }
    }
}

/// Where a figure comes from, addresses as links.
fn source(ui: &mut Ui, origin: &Origin, more: &str) {
    let t = theme();
    let quiet = |text: &str| RichText::new(text).size(t.shape.caption).color(t.secondary);
    let mut head = quiet(&format!("{} · {}", basis_name(origin.basis), origin.date));
    if origin.basis == Basis::Assumed {
        head = head.italics();
    }
    ui.label(head);
    if !more.is_empty() {
        ui.add(Label::new(quiet(more)).wrap());
    }
    ui.add(Label::new(quiet(&source_said(&origin.source))).wrap());
    for word in origin.source.split_whitespace() {
        let address = word.trim_matches(['(', ')', ',', ';']);
        if address.starts_with("https://") {
            ui.add(
                egui::Hyperlink::from_label_and_url(quiet(address).color(t.accent), address)
                    .open_in_new_tab(true),
            );
        }
    }
    if let Some(note) = &origin.note {
        ui.add(Label::new(quiet(note)).wrap());
    }
    ui.add_space(t.space(0));
}

/// `$0.015 per shard-hour`; of volume prices the first rate.
fn price_text(price: &Price) -> String {
    let Some(rate) = price.first_rate() else {
        return tr("inspector.unknown").to_owned();
    };
    let per = if price.per == 1 {
        price.unit.clone()
    } else {
        format!("{} {}", readable(price.per as f64), price.unit)
    };
    let tiers = price.tiers.as_ref().map_or(0, Vec::len);
    let key = if tiers > 1 {
        "inspector.price_from"
    } else {
        "inspector.price"
    };
    trf(key, &[("usd", &format!("${rate}")), ("unit", &per)])
}
