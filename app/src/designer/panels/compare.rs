//! Two runs side by side: the sentence, what differs in their drawings, every figure with its difference. Runs of this
//! session, or the folder of any run.

use std::sync::Arc;

use egui::{RichText, Ui};
use weir_engine::document::Document;
use weir_engine::report::Summary;
use weir_engine::services;
use weir_engine::study::{
    ChangeKind, Compared, Comparison, FigureRow, change_words, compare, compare_html, figure_title,
    show, show_difference,
};

use super::sweep::language;
use crate::designer::background::Task;
use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::edit::Item;
use crate::designer::files::FileAct;
use crate::designer::i18n::{Lang, kind_title, lang, tr, trf};
use crate::designer::live::PastRun;
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{empty, link, section};

/// A run from a folder.
#[derive(Debug)]
struct Opened {
    name: String,
    doc: Document,
    summary: Summary,
}

/// One side of the comparison.
#[derive(Debug, Clone)]
enum Side {
    Past(Arc<PastRun>),
    Folder(Arc<Opened>),
}

impl Side {
    fn name(&self) -> String {
        match self {
            Self::Past(run) => {
                let number = trf("plots.run_number", &[("number", &run.number)]);
                format!("{number} · {}", run.name)
            }
            Self::Folder(run) => run.name.clone(),
        }
    }
    fn doc(&self) -> &Document {
        match self {
            Self::Past(run) => &run.doc,
            Self::Folder(run) => &run.doc,
        }
    }
    fn summary(&self) -> &Summary {
        match self {
            Self::Past(run) => run.summary(),
            Self::Folder(run) => &run.summary,
        }
    }
    /// The same run.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Past(a), Self::Past(b)) => Arc::ptr_eq(a, b),
            (Self::Folder(a), Self::Folder(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Compare {
    first: Option<Side>,
    second: Option<Side>,
    folders: Vec<Arc<Opened>>,
    opening: Task<Option<Result<Opened, String>>>,
    found: Option<(Side, Side, Comparison)>,
    /// The newest run that was seen: a newer one takes the second place.
    newest: Option<u64>,
}

impl Compare {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.look(cx);
        let mut sides: Vec<Side> = cx
            .run
            .past
            .iter()
            .map(|p| Side::Past(Arc::clone(p)))
            .collect();
        sides.extend(self.folders.iter().map(|f| Side::Folder(Arc::clone(f))));
        self.follow(cx, &sides);
        ui.horizontal(|ui| {
            choice(ui, "weir-compare-a", "A", &mut self.first, &sides);
            choice(ui, "weir-compare-b", "B", &mut self.second, &sides);
            if ui.button(tr("study.open_run")).clicked() {
                self.open(ui);
            }
            if let (Some(Side::Past(first)), Some(_)) = (&self.first, &self.second)
                && ui
                    .button(tr("study.overlay"))
                    .on_hover_text(tr("study.overlay_help"))
                    .clicked()
            {
                cx.act(Act::Overlay(first.number));
            }
            if let Some((.., found)) = &self.found
                && ui.button(tr("study.save_html")).clicked()
            {
                let html = compare_html(found, language()).into_bytes();
                cx.act(Act::File(FileAct::Export(
                    "comparison.html".to_owned(),
                    html,
                )));
            }
        });
        let (Some(a), Some(b)) = (self.first.clone(), self.second.clone()) else {
            empty(
                ui,
                "overlay",
                tr("study.compare_empty_title"),
                tr("study.compare_empty_text"),
                None,
            );
            return;
        };
        let is_known = self
            .found
            .as_ref()
            .is_some_and(|(x, y, _)| x.is(&a) && y.is(&b));
        if !is_known {
            let (names, runs) = ([a.name(), b.name()], [&a, &b]);
            let compared: Vec<Compared<'_>> = runs
                .iter()
                .zip(&names)
                .map(|(side, name)| Compared {
                    name,
                    doc: side.doc(),
                    summary: side.summary(),
                })
                .collect();
            let found = compare(&compared, services::ALL);
            self.found = Some((a, b, found));
        }
        if let Some((.., found)) = &self.found {
            body(ui, cx, found);
        }
    }

    /// Compares the runs of this session that ended last.
    fn follow(&mut self, cx: &Cx<'_>, sides: &[Side]) {
        let newest = cx.run.past.last().map(|p| p.number);
        if newest == self.newest {
            return;
        }
        self.newest = newest;
        let past: Vec<&Side> = sides
            .iter()
            .filter(|s| matches!(s, Side::Past(_)))
            .collect();
        if let [.., before, last] = past.as_slice() {
            let kept = self.first.clone().filter(|f| sides.iter().any(|s| s.is(f)));
            self.first = Some(kept.unwrap_or_else(|| (*before).clone()));
            self.second = Some((*last).clone());
        } else {
            self.first = past
                .first()
                .map(|s| (*s).clone())
                .or_else(|| self.first.take());
        }
    }

    fn open(&mut self, ui: &Ui) {
        let title = tr("study.open_run").to_owned();
        let opened = self.opening.start(ui.ctx(), "open-run", move || {
            let folder = rfd::FileDialog::new().set_title(title).pick_folder()?;
            Some(read(&folder))
        });
        drop(opened);
    }

    fn look(&mut self, cx: &Cx<'_>) {
        match self.opening.poll().flatten() {
            Some(Ok(run)) => self.take(run),
            Some(Err(why)) => cx.act(Act::Toast(Tone::Bad, why)),
            None => {}
        }
    }

    fn take(&mut self, run: Opened) {
        let run = Arc::new(run);
        self.folders.push(Arc::clone(&run));
        let place = if self.first.is_none() {
            &mut self.first
        } else {
            &mut self.second
        };
        *place = Some(Side::Folder(run));
    }
}

fn read(folder: &std::path::Path) -> Result<Opened, String> {
    let (doc, summary) = crate::open::read_run(folder).map_err(|f| f.plain())?;
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    Ok(Opened {
        name: name.to_string_lossy().into_owned(),
        doc,
        summary,
    })
}

fn choice(ui: &mut Ui, id: &str, letter: &str, chosen: &mut Option<Side>, sides: &[Side]) {
    let text = chosen.as_ref().map_or_else(|| "-".to_owned(), Side::name);
    egui::ComboBox::from_id_salt(id)
        .selected_text(format!("{letter}: {text}"))
        .width(200.0)
        .show_ui(ui, |ui| {
            for side in sides.iter().rev() {
                let is_chosen = chosen.as_ref().is_some_and(|c| c.is(side));
                if ui.selectable_label(is_chosen, side.name()).clicked() {
                    *chosen = Some(side.clone());
                }
            }
        });
}

fn body(ui: &mut Ui, cx: &Cx<'_>, found: &Comparison) {
    let t = theme();
    let said = |s: &weir_engine::study::Said| match lang() {
        Lang::En => s.en.clone(),
        Lang::Ko => s.ko.clone(),
    };
    egui::ScrollArea::vertical()
        .id_salt("weir-compare")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            for sentence in &found.sentences {
                ui.label(RichText::new(said(sentence)).font(semibold(t.shape.emphasis)));
            }
            for caution in &found.cautions {
                ui.label(RichText::new(said(caution)).color(t.amber));
            }
            section(ui, tr("study.drawings"));
            for changes in &found.drawings {
                if changes.is_empty() {
                    ui.label(RichText::new(tr("study.same_drawing")).color(t.secondary));
                }
                for change in changes {
                    let words = change_words(change, language());
                    let is_here = cx.doc.node(&change.node).is_some();
                    if is_here && change.kind != ChangeKind::Wire {
                        if link(ui, &words).clicked() {
                            cx.act(Act::Reveal {
                                item: Item::Node(change.node.clone()),
                                at: None,
                            });
                        }
                    } else {
                        ui.label(words);
                    }
                }
            }
            section(ui, tr("study.figures"));
            grid(ui, "weir-compare-figures", &found.figures, |name| {
                figure_title(name, language())
            });
            section(ui, tr("study.services"));
            grid(ui, "weir-compare-services", &found.services, |name| {
                let spec = services::kind(name).map(weir_engine::node::AnyKind::spec);
                spec.map_or_else(|| name.to_owned(), |s| kind_title(s).to_owned())
            });
        });
}

fn grid(ui: &mut Ui, id: &str, rows: &[FigureRow], title: impl Fn(&str) -> String) {
    let t = theme();
    egui::Grid::new(id)
        .num_columns(5)
        .spacing([18.0, 3.0])
        .striped(true)
        .show(ui, |ui| {
            for head in ["", "A", "B", "B-A", "%"] {
                ui.label(RichText::new(head).small().color(t.secondary));
            }
            ui.end_row();
            for row in rows {
                ui.label(title(&row.name));
                let font = || figures(t.shape.body);
                for value in &row.values {
                    ui.label(RichText::new(show(*value, &row.unit)).font(font()));
                }
                let better = row.better.first().copied().flatten();
                let colour = match better {
                    Some(true) => t.green,
                    Some(false) => t.red,
                    None => t.secondary,
                };
                let difference = row.differences.first().copied().flatten();
                let text = show_difference(difference, &row.unit);
                ui.label(RichText::new(text).font(font()).color(colour));
                let percent = row.percent.first().copied().flatten();
                let text = percent.map_or_else(|| "-".to_owned(), |p| format!("{p:+.1}"));
                ui.label(RichText::new(text).font(font()).color(colour));
                ui.end_row();
            }
        });
}
