//! What the run costs: totals, bars by node and by service, and every line of the bill with how it comes about.

#![expect(
    clippy::cast_possible_truncation,
    reason = "places on a screen; casts of floats saturate"
)]

use std::cmp::Ordering;
use std::collections::BTreeMap;

use egui::{
    Align, Align2, Color32, Layout, Rect, RichText, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2,
};
use weir_engine::books::{Bill, BillLine};
use weir_engine::node::Category;
use weir_engine::runtime::RunSnapshot;
use weir_engine::services;
use weir_engine::units::{GIB, Usd};

use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::edit::Item;
use crate::designer::i18n::{kind_title, priced_unit, said, source_said, tr, trf};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{empty, format, icon, icon_button, node_name, section, switch};

/// What the table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Column {
    Node,
    Usage,
    Quantity,
    Price,
    #[default]
    Cost,
    Month,
}

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Cost {
    sort: Column,
    /// Least first.
    rising: bool,
    by_service: bool,
    /// Node and usage type of the line that is explained.
    open: Option<(String, String)>,
}

impl Cost {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(run) = cx.run.snapshot.as_deref() else {
            let button = (!cx.doc.nodes.is_empty()).then(|| tr("run.run"));
            if empty(
                ui,
                "cost",
                tr("plots.cost_empty_title"),
                tr("plots.cost_empty_text"),
                button,
            ) {
                cx.act(Act::Do(Command::Run));
            }
            return;
        };
        let bill = &*run.bill;
        totals(ui, cx, run);
        if bill.lines.is_empty() {
            ui.label(RichText::new(tr("plots.cost_first_minute")).color(theme().secondary));
            return;
        }
        let room = ui.available_size();
        let bars = (room.x * 0.3).clamp(160.0, 340.0);
        ui.horizontal_top(|ui| {
            ui.allocate_ui(vec2(bars, room.y), |ui| {
                ui.vertical(|ui| self.bars(ui, cx, bill));
            });
            ui.add_space(theme().space(1));
            ui.allocate_ui(vec2(room.x - bars - 20.0, room.y), |ui| {
                ui.vertical(|ui| self.table(ui, cx, bill));
            });
        });
    }

    /// What each node or service costs in a month, the dearest first.
    fn bars(&mut self, ui: &mut Ui, cx: &Cx<'_>, bill: &Bill) {
        let choices = [(false, tr("plots.by_node")), (true, tr("plots.by_service"))];
        switch(ui, &mut self.by_service, &choices);
        let by_service = self.by_service;
        let shares = shares(bill, by_service);
        let most = shares.iter().map(|s| s.1).fold(0.0, f64::max);
        egui::ScrollArea::vertical()
            .id_salt("weir-cost-bars")
            .auto_shrink([false, false])
            .show(ui, |ui| {
                for (id, usd, service) in &shares {
                    let spec = services::kind(service).map(weir_engine::node::AnyKind::spec);
                    let category = spec.map_or(Category::Source, |s| s.category);
                    let name = match spec {
                        Some(spec) if by_service => kind_title(spec).to_owned(),
                        _ => node_name(cx.doc, id),
                    };
                    let response = bar(ui, &name, *usd, most, theme().category(category));
                    if response.clicked() && !by_service {
                        cx.act(Act::Reveal {
                            item: Item::Node(id.clone()),
                            at: None,
                        });
                    }
                }
            });
    }

    fn table(&mut self, ui: &mut Ui, cx: &Cx<'_>, bill: &Bill) {
        let mut lines: Vec<&BillLine> = bill.lines.iter().collect();
        sort(&mut lines, self.sort, self.rising);
        let is_open = |l: &&&BillLine| {
            self.open
                .as_ref()
                .is_some_and(|(n, u)| *n == l.node && *u == l.usage_type)
        };
        if let Some(line) = lines.iter().find(is_open) {
            explain(ui, cx, line);
        }
        let (columns, usage_room) = fitting(ui, cx, &lines);
        egui::ScrollArea::both()
            .id_salt("weir-bill")
            .auto_shrink([false, false])
            .show(ui, |ui| {
                egui::Grid::new("weir-bill-grid")
                    .num_columns(columns.len())
                    .spacing([GAP, 4.0])
                    .striped(true)
                    .show(ui, |ui| {
                        self.heads(ui, &columns);
                        for line in lines {
                            self.line(ui, cx, line, &columns, usage_room);
                        }
                    });
                if !bill.unknown.is_empty() {
                    unknown(ui, cx, bill);
                }
            });
    }

    fn heads(&mut self, ui: &mut Ui, columns: &[Column]) {
        for (column, name, is_number) in heads() {
            if !columns.contains(&column) {
                continue;
            }
            let arrow = match (self.sort == column, self.rising) {
                (true, true) => " ↑",
                (true, false) => " ↓",
                _ => "",
            };
            let text = RichText::new(format!("{name}{arrow}"))
                .font(semibold(egui::TextStyle::Small.resolve(ui.style()).size));
            let button = egui::Button::new(text).frame(false);
            let clicked = if is_number {
                let height = ui.spacing().interact_size.y;
                let right = Layout::right_to_left(Align::Center);
                ui.allocate_ui_with_layout(vec2(figure_room(ui, column), height), right, |ui| {
                    ui.add(button).clicked()
                })
                .inner
            } else {
                ui.add(button).clicked()
            };
            if clicked {
                self.rising = self.sort == column && !self.rising;
                self.sort = column;
            }
        }
        ui.end_row();
    }

    fn line(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        line: &BillLine,
        columns: &[Column],
        usage_room: f32,
    ) {
        let t = theme();
        let key = (line.node.clone(), line.usage_type.clone());
        let is_open = self.open.as_ref() == Some(&key);
        let mut clicked = ui
            .selectable_label(is_open, node_name(cx.doc, &line.node))
            .clicked();
        let usage = egui::Button::selectable(is_open, &line.usage_type).truncate();
        let height = ui.spacing().interact_size.y;
        let place = Layout::left_to_right(Align::Center);
        let usage = ui.allocate_ui_with_layout(vec2(usage_room, height), place, |ui| ui.add(usage));
        let hover = format!("{}\n{}", line.usage_type, said(&line.explain));
        clicked |= usage.inner.on_hover_text(hover).clicked();
        let colour = if line.usd.is_some() { t.text } else { t.amber };
        figure(ui, Column::Cost, money(line.usd), colour);
        figure(ui, Column::Month, money(line.usd_per_month), colour);
        if columns.contains(&Column::Quantity) {
            figure(ui, Column::Quantity, quantity(line), t.text);
        }
        if columns.contains(&Column::Price) {
            ui.add(
                egui::Label::new(RichText::new(said(&line.unit_price)).color(t.secondary)).extend(),
            );
        }
        ui.end_row();
        if clicked {
            self.open = (!is_open).then_some(key);
        }
    }
}

/// Room between two columns.
const GAP: f32 = 14.0;

/// The columns with their names, and whether they hold figures.
fn heads() -> [(Column, &'static str, bool); 6] {
    [
        (Column::Node, tr("plots.col_node"), false),
        (Column::Usage, tr("plots.col_usage"), false),
        (Column::Cost, tr("plots.col_cost"), true),
        (Column::Month, tr("plots.col_month"), true),
        (Column::Quantity, tr("plots.col_quantity"), true),
        (Column::Price, tr("plots.col_price"), false),
    ]
}

fn money(usd: Option<Usd>) -> String {
    usd.map_or_else(
        || tr("plots.unknown").to_owned(),
        |u| format::usd(u.as_f64()),
    )
}

fn quantity(line: &BillLine) -> String {
    format!("{} {}", format::si(line.quantity), priced_unit(&line.unit))
}

/// Least room for a usage type; a longer one is cut and told on hover.
const USAGE_LEAST: f32 = 90.0;

/// The columns that there is room for, and the room for usage types: unit price, then quantity go first; a line that is opened says
/// both.
fn fitting(ui: &Ui, cx: &Cx<'_>, lines: &[&BillLine]) -> (Vec<Column>, f32) {
    let body = egui::TextStyle::Body.resolve(ui.style());
    let mono = figures(body.size);
    let padding = 2.0 * ui.spacing().button_padding.x;
    let width = |text: String, font: &egui::FontId| {
        let colour = Color32::PLACEHOLDER;
        ui.painter()
            .layout_no_wrap(text, font.clone(), colour)
            .size()
            .x
    };
    let widest = |column: Column| {
        let one = |line: &&BillLine| match column {
            Column::Node => width(node_name(cx.doc, &line.node), &body) + padding,
            Column::Usage => width(line.usage_type.clone(), &body) + padding,
            Column::Cost => width(money(line.usd), &mono),
            Column::Month => width(money(line.usd_per_month), &mono),
            Column::Quantity => width(quantity(line), &mono),
            Column::Price => width(said(&line.unit_price).into_owned(), &body),
        };
        let least = match column {
            Column::Cost | Column::Month | Column::Quantity => figure_room(ui, column),
            Column::Node | Column::Usage | Column::Price => 0.0,
        };
        lines.iter().map(one).fold(least, f32::max)
    };
    let mut columns: Vec<(Column, f32)> = heads().map(|(c, ..)| (c, widest(c))).to_vec();
    let room = ui.available_width() - ui.spacing().scroll.bar_width - 2.0 * GAP;
    for spare in [Column::Price, Column::Quantity] {
        let whole: f32 = columns.iter().map(|(_, w)| w + GAP).sum();
        if whole > room {
            columns.retain(|(c, _)| *c != spare);
        }
    }
    let width_of = |wanted: Column| {
        columns
            .iter()
            .find(|(c, _)| *c == wanted)
            .map_or(0.0, |c| c.1)
    };
    let (whole, usage): (f32, f32) = (
        columns.iter().map(|(_, w)| w + GAP).sum(),
        width_of(Column::Usage),
    );
    let usage = (usage - (whole - room).max(0.0)).max(USAGE_LEAST);
    (columns.into_iter().map(|(c, _)| c).collect(), usage)
}

/// Least width of a column of figures.
fn figure_room(ui: &Ui, column: Column) -> f32 {
    let em = egui::TextStyle::Body.resolve(ui.style()).size;
    if column == Column::Quantity {
        em * 9.0
    } else {
        em * 6.0
    }
}

/// A figure at the right of its column.
fn figure(ui: &mut Ui, column: Column, text: String, colour: Color32) {
    let size = egui::TextStyle::Body.resolve(ui.style()).size;
    let galley = ui.painter().layout_no_wrap(text, figures(size), colour);
    let room = vec2(
        galley.size().x.max(figure_room(ui, column)),
        galley.size().y,
    );
    let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, galley.text()));
    let at = Align2::RIGHT_CENTER
        .anchor_size(rect.right_center(), galley.size())
        .min;
    ui.painter().galley(at, galley, colour);
}

/// How the line comes about: the sum, the rounding, where the price was read.
fn explain(ui: &mut Ui, cx: &Cx<'_>, line: &BillLine) {
    let t = theme();
    let frame = egui::Frame::new()
        .fill(t.raised)
        .corner_radius(t.shape.radius_control)
        .inner_margin(8);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(
            RichText::new(format!(
                "{} · {}",
                node_name(cx.doc, &line.node),
                line.usage_type
            ))
            .strong(),
        );
        ui.label(said(&line.explain));
        if !line.rounding.is_empty() {
            ui.label(RichText::new(said(&line.rounding)).color(t.secondary));
        }
        if !line.source.is_empty() {
            let source = trf(
                "plots.price_source",
                &[("source", &source_said(&line.source)), ("date", &line.date)],
            );
            ui.label(RichText::new(source).color(t.secondary).small());
        }
    });
}

/// The totals, the price book and what they do not contain.
fn totals(ui: &mut Ui, cx: &Cx<'_>, run: &RunSnapshot) {
    let t = theme();
    let bill = &*run.bill;
    let some = |usd: Option<Usd>| usd.map_or_else(|| "-".to_owned(), |u| format::usd(u.as_f64()));
    let gb = per_gb(run).map_or_else(|| "-".to_owned(), format::usd);
    let hours = bill.terms.hours_per_month.to_string();
    let month = trf("plots.per_month", &[("hours", &hours)]);
    let stats = [
        (tr("plots.total"), format::usd(bill.total.as_f64())),
        (tr("plots.per_hour"), some(bill.usd_per_hour)),
        (month.as_str(), some(bill.usd_per_month)),
        (tr("plots.cost_per_gb"), gb),
    ];
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = t.space(4);
        for (name, value) in stats {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.label(RichText::new(name).color(t.secondary).small());
                let size = egui::TextStyle::Heading.resolve(ui.style()).size;
                ui.label(RichText::new(value).font(figures(size)));
            });
        }
        if icon_button(ui, "copy", tr("plots.copy_csv"), false).clicked() {
            cx.act(Act::Copy(csv(bill)));
            cx.act(Act::Toast(Tone::Good, tr("plots.copied").to_owned()));
        }
    });
    if !bill.region.is_empty() {
        let note = trf(
            "plots.cost_note",
            &[("region", &bill.region), ("date", &bill.date)],
        );
        ui.label(RichText::new(note).color(t.secondary).small().italics());
    }
}

/// Dollars for each GB that the sources have sent.
fn per_gb(run: &RunSnapshot) -> Option<f64> {
    let is_source =
        |kind| services::kind(kind).is_some_and(|k| k.spec().category == Category::Source);
    let bytes: u64 = run
        .nodes
        .iter()
        .filter(|n| is_source(n.kind))
        .map(|n| n.ledger.bytes_sent)
        .sum();
    (bytes > 0 && run.bill.total.0 > 0).then(|| run.bill.total.as_f64() * GIB as f64 / bytes as f64)
}

/// (node or service, dollars a month or of the run, service), the dearest first.
fn shares(bill: &Bill, by_service: bool) -> Vec<(String, f64, String)> {
    let mut sums: BTreeMap<&str, (f64, &str)> = BTreeMap::new();
    for line in &bill.lines {
        let key = if by_service {
            &line.service
        } else {
            &line.node
        };
        let usd = line.usd_per_month.or(line.usd).map_or(0.0, Usd::as_f64);
        let sum = sums.entry(key).or_insert((0.0, &line.service));
        sum.0 += usd;
    }
    let mut shares: Vec<_> = sums
        .into_iter()
        .map(|(id, (usd, service))| (id.to_owned(), usd, service.to_owned()))
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares
}

fn sort(lines: &mut [&BillLine], column: Column, rising: bool) {
    let money = |a: Option<Usd>, b: Option<Usd>| a.cmp(&b);
    let compare = |a: &BillLine, b: &BillLine| -> Ordering {
        match column {
            Column::Node => b.node.cmp(&a.node),
            Column::Usage => b.usage_type.cmp(&a.usage_type),
            Column::Quantity => a.quantity.total_cmp(&b.quantity),
            Column::Price => b.unit_price.cmp(&a.unit_price),
            Column::Cost => money(a.usd, b.usd),
            Column::Month => money(a.usd_per_month, b.usd_per_month),
        }
    };
    lines.sort_by(|a, b| if rising { compare(a, b) } else { compare(b, a) });
}

fn bar(ui: &mut Ui, name: &str, usd: f64, most: f64, colour: Color32) -> egui::Response {
    let t = theme();
    let body = egui::TextStyle::Body.resolve(ui.style());
    let (rect, response) = ui.allocate_exact_size(
        vec2(ui.available_width() - 8.0, body.size * 2.0 + 10.0),
        Sense::click(),
    );
    let money = trf("plots.month_of", &[("usd", &format::usd(usd))]);
    let label = format!("{name}: {money}");
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &label));
    if response.hovered() || response.has_focus() {
        ui.painter()
            .rect_filled(rect, t.shape.radius_control, t.raised);
    }
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let small = egui::TextStyle::Small.resolve(ui.style());
    let figures = painter.text(
        rect.right_top() + vec2(-4.0, 3.0),
        Align2::RIGHT_TOP,
        money,
        figures(small.size + 1.0),
        t.text,
    );
    let clip = Rect::from_min_max(rect.min, pos2(figures.left() - 6.0, rect.bottom()));
    painter
        .with_clip_rect(clip.intersect(painter.clip_rect()))
        .text(
            rect.left_top() + vec2(4.0, 3.0),
            Align2::LEFT_TOP,
            name,
            body,
            t.text,
        );
    let track = Rect::from_min_max(
        pos2(rect.left() + 4.0, rect.bottom() - 9.0),
        pos2(rect.right() - 4.0, rect.bottom() - 3.0),
    );
    painter.rect_filled(track, 3.0, t.raised);
    let share = if most > 0.0 { (usd / most) as f32 } else { 0.0 };
    painter.rect_filled(
        Rect::from_min_size(track.min, vec2(track.width() * share, track.height())),
        3.0,
        colour,
    );
    response.on_hover_text(label)
}

/// Usage that AWS bills but the price book has no price for.
fn unknown(ui: &mut Ui, cx: &Cx<'_>, bill: &Bill) {
    section(ui, tr("plots.unknown_title"));
    for gap in &bill.unknown {
        ui.horizontal(|ui| {
            icon(ui, "warning", 14.0, theme().amber);
            ui.label(format!(
                "{} · {}",
                node_name(cx.doc, &gap.node),
                gap.usage_type
            ));
            ui.label(RichText::new(said(&gap.why)).color(theme().secondary));
        });
    }
}

/// The bill as CSV, exact amounts.
fn csv(bill: &Bill) -> String {
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut text =
        "node,service,usage_type,quantity,unit,unit_price,usd,usd_per_month,source,date\n"
            .to_owned();
    for line in &bill.lines {
        let money = |usd: Option<Usd>| usd.map_or_else(String::new, |u| u.to_string());
        let fields = [
            quoted(&line.node),
            quoted(&line.service),
            quoted(&line.usage_type),
            line.quantity_text.clone(),
            quoted(&line.unit),
            quoted(&line.unit_price),
            money(line.usd),
            money(line.usd_per_month),
            quoted(&line.source),
            line.date.clone(),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(node: &str, usd: Option<i128>, quantity: f64) -> BillLine {
        BillLine {
            node: node.into(),
            service: "s3".into(),
            usage_type: format!("{node}-use"),
            unit: "GB".into(),
            quantity,
            quantity_text: quantity.to_string(),
            unit_price: "$1 per 1,000 GB".into(),
            basis: "",
            usd: usd.map(Usd),
            usd_per_month: None,
            rounding: String::new(),
            explain: String::new(),
            source: String::new(),
            date: String::new(),
            steps: Vec::new(),
        }
    }

    #[test]
    fn the_dearest_comes_first_and_unknown_prices_last() {
        let lines = [
            line("a", Some(5), 1.0),
            line("b", None, 9.0),
            line("c", Some(7), 2.0),
        ];
        let order = |column, rising| {
            let mut sorted: Vec<&BillLine> = lines.iter().collect();
            sort(&mut sorted, column, rising);
            sorted.iter().map(|l| l.node.as_str()).collect::<String>()
        };
        assert_eq!(order(Column::Cost, false), "cab");
        assert_eq!(order(Column::Quantity, false), "bca");
        assert_eq!(order(Column::Node, false), "abc");
        let bill = Bill {
            lines: lines.to_vec(),
            ..Bill::default()
        };
        assert_eq!(shares(&bill, false)[0].0, "c");
        assert_eq!(shares(&bill, true).len(), 1);
        assert!(csv(&bill).contains("c,s3,c-use,2,GB,\"$1 per 1,000 GB\",0.000000000007,,,\n"));
    }
}
