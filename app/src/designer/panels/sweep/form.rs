//! What is varied, for how long, and what is wanted: fields that say at once what is wrong with them.

use egui::{Align, Layout, RichText, Ui};
use weir_engine::document::Document;
use weir_engine::report::{Condition, Figure};
use weir_engine::services;
use weir_engine::study::{Axis, FIGURES, Language, Wish, figure_title, grid};
use weir_engine::units::{SimDuration, parse_duration};

use crate::designer::cx::Cx;
use crate::designer::i18n::{Lang, kind_title, lang, param_help, param_label, schema_of, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{icon_button, node_name, section};

/// A parameter that is varied, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Varied {
    pub(super) node: String,
    pub(super) param: String,
    pub(super) text: String,
}

/// What stands in the fields.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) varied: Vec<Varied>,
    pub(super) run_for: String,
    pub(super) figure: String,
    /// One a line.
    pub(super) conditions: String,
    /// What was read of it, while neither it nor the drawing changes.
    read: Option<(Key, Result<Read, String>)>,
}

type Key = (usize, Vec<Varied>, [String; 3]);

/// What the fields say.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) axes: Vec<Axis>,
    pub(super) run_for: Option<SimDuration>,
    pub(super) wish: Wish,
    pub(super) variants: usize,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            varied: Vec::new(),
            run_for: "10m".to_owned(),
            figure: "usd_per_month".to_owned(),
            conditions: "lost = 0".to_owned(),
            read: None,
        }
    }
}

/// The language of texts that the engine writes.
pub(in crate::designer) fn language() -> Language {
    match lang() {
        Lang::En => Language::En,
        Lang::Ko => Language::Ko,
    }
}

impl Form {
    /// Reads the fields against the drawing.
    pub(super) fn read(&mut self, doc: &Document) -> Result<Read, String> {
        let texts = [&self.run_for, &self.figure, &self.conditions].map(Clone::clone);
        let key = (std::ptr::from_ref(doc) as usize, self.varied.clone(), texts);
        if let Some((known, read)) = &self.read
            && *known == key
        {
            return read.clone();
        }
        let read = self.parse(doc);
        self.read = Some((key, read.clone()));
        read
    }

    fn parse(&self, doc: &Document) -> Result<Read, String> {
        let axes = self.varied.iter().map(|v| axis(v, doc));
        let axes = axes.collect::<Result<Vec<Axis>, String>>()?;
        if axes.is_empty() {
            return Err(tr("study.nothing_varied").to_owned());
        }
        let run_for = match self.run_for.trim() {
            "" => None,
            text => Some(parse_duration(text).map_err(|e| e.to_string())?),
        };
        let lines = self.conditions.lines().filter(|l| !l.trim().is_empty());
        let conditions = lines.map(|l| Condition::parse(l, doc, services::ALL));
        let wish = Wish {
            figure: Figure::parse(&self.figure, doc, services::ALL)?,
            highest: false,
            conditions: conditions.collect::<Result<_, String>>()?,
        };
        Ok(Read {
            variants: grid(&axes)?.len(),
            axes,
            run_for,
            wish,
        })
    }

    /// Draws the fields.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        section(ui, tr("study.varied"));
        let mut removed = None;
        for (i, varied) in self.varied.iter_mut().enumerate() {
            if row(ui, cx, i, varied) {
                removed = Some(i);
            }
        }
        if let Some(i) = removed {
            self.varied.remove(i);
        }
        self.add(ui, cx);
        section(ui, tr("study.run_for"));
        field(
            ui,
            "weir-sweep-for",
            &mut self.run_for,
            tr("study.run_for"),
            "10m",
        );
        section(ui, tr("study.minimise"));
        let title = figure_title(&self.figure, language());
        egui::ComboBox::from_id_salt("weir-sweep-figure")
            .selected_text(title)
            .width(ui.available_width() - 8.0)
            .show_ui(ui, |ui| {
                for figure in FIGURES {
                    let title = figure_title(figure.name, language());
                    ui.selectable_value(&mut self.figure, figure.name.to_owned(), title);
                }
            });
        section(ui, tr("study.conditions"));
        let edit = egui::TextEdit::multiline(&mut self.conditions)
            .id_salt("weir-sweep-conditions")
            .desired_rows(2)
            .hint_text("latency_p99 <= 60s\nlost = 0")
            .desired_width(f32::INFINITY);
        let response = ui.add(edit);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, tr("study.conditions"))
        });
    }

    /// The menu of parameters that can be varied: those of the selected nodes first.
    fn add(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let chosen: Vec<&str> = cx.selection.nodes().collect();
        let mut nodes: Vec<_> = cx.doc.nodes.iter().collect();
        nodes.sort_by_key(|n| !chosen.contains(&n.id.as_str()));
        let mut added = None;
        ui.menu_button(tr("study.add"), |ui| {
            for node in nodes {
                ui.menu_button(node_name(cx.doc, &node.id), |ui| {
                    // Room for the longest names: a label that breaks looks like two.
                    ui.set_min_width(190.0);
                    if let Some(spec) = cx.spec_of(&node.id) {
                        ui.label(
                            RichText::new(kind_title(spec))
                                .small()
                                .color(theme().secondary),
                        );
                    }
                    egui::ScrollArea::vertical()
                        .max_height(360.0)
                        .show(ui, |ui| {
                            for name in params(&node.kind) {
                                let label = param_label(&node.kind, name);
                                let help = param_help(&node.kind, name);
                                if ui.button(label).on_hover_text(help).clicked() {
                                    added = Some((node.id.clone(), name.to_owned()));
                                    ui.close();
                                }
                            }
                        });
                });
            }
        });
        if let Some((node, param)) = added {
            self.vary(cx.doc, &node, &param);
        }
    }

    /// Varies a parameter, from values around what it is in the drawing.
    pub(super) fn vary(&mut self, doc: &Document, node: &str, param: &str) {
        if self
            .varied
            .iter()
            .any(|v| v.node == node && v.param == param)
        {
            return;
        }
        self.varied.push(Varied {
            node: node.to_owned(),
            param: param.to_owned(),
            text: proposal(doc, node, param),
        });
    }
}

fn params(kind: &str) -> Vec<&'static str> {
    let properties = schema_of(kind).and_then(|s| s["properties"].as_object());
    properties.map_or_else(Vec::new, |p| p.keys().map(String::as_str).collect())
}

/// Values to begin with: all choices, or half, as it is, and double.
fn proposal(doc: &Document, id: &str, param: &str) -> String {
    let Some(node) = doc.node(id) else {
        return String::new();
    };
    let kind = services::kind(&node.kind);
    let default = || kind.and_then(|k| k.defaults().get(param).cloned());
    let Some(now) = node.params.get(param).cloned().or_else(default) else {
        return String::new();
    };
    let reads = |text: &str| Axis::of(id, param, text, doc, services::ALL).is_ok();
    if let Some(n) = now.as_f64() {
        let all = [n / 2.0, n, n * 2.0].map(|v| v.to_string());
        let fit: Vec<String> = all.into_iter().filter(|t| reads(t)).collect();
        return fit.join(", ");
    }
    if now.is_boolean() {
        return "[true, false]".to_owned();
    }
    weir_engine::study::plain(&now)
}

fn axis(varied: &Varied, doc: &Document) -> Result<Axis, String> {
    Axis::of(
        &varied.node,
        &varied.param,
        varied.text.trim(),
        doc,
        services::ALL,
    )
}

/// One varied parameter. True when it is to go.
fn row(ui: &mut Ui, cx: &Cx<'_>, i: usize, varied: &mut Varied) -> bool {
    let kind = cx.doc.node(&varied.node).map_or("", |n| n.kind.as_str());
    let label = param_label(kind, &varied.param);
    let name = format!("{} · {label}", node_name(cx.doc, &varied.node));
    let mut gone = false;
    ui.horizontal(|ui| {
        ui.label(RichText::new(&name).small());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = trf("study.remove", &[("what", &name)]);
            gone = icon_button(ui, "close", &text, false).clicked();
        });
    });
    let place = format!("weir-sweep-values-{i}");
    field(ui, &place, &mut varied.text, &name, "1..8");
    gone
}

fn field(ui: &mut Ui, id: &str, text: &mut String, name: &str, hint: &str) {
    let edit = egui::TextEdit::singleline(text)
        .id_salt(id)
        .hint_text(hint)
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, name));
}
