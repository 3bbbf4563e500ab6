//! The lake and the catalog: buckets, prefixes and files with what they say of themselves; databases, tables, partitions
//! and versions.

mod catalog;
mod list;
mod object;
mod tree;

use std::collections::BTreeSet;

use egui::{RichText, Ui};
use weir_engine::lake::Lake;

use self::catalog::CatalogView;
use self::object::Details;
use self::tree::{Kind, Tree};
use super::data::before_a_run;
use crate::designer::background::Task;
use crate::designer::cx::Cx;
use crate::designer::i18n::{tr, trf};
use crate::designer::query::{Which, choices, chooser, settle};
use crate::designer::theme::theme;
use crate::designer::widgets::{beside, empty, format, icon, icon_button, switch};

/// Seconds of the machine between two looks at a lake that grows.
const REFRESH: f64 = 0.5;

/// What the panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    #[default]
    Files,
    Catalog,
}

/// The lake of one run at one of its commits.
type Stamp = (Which, u64, usize);

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct LakeBrowser {
    which: Option<Which>,
    view: View,
    tree: Tree,
    stamp: Option<Stamp>,
    building: Task<(Stamp, Tree)>,
    /// Frame time at which the lake was last looked at.
    looked: f64,
    open: BTreeSet<String>,
    /// True once folders were opened for this run, so that later trees leave them as the person did.
    is_opened: bool,
    filter: String,
    /// Lines that are shown, and what they were made from.
    lines: Vec<usize>,
    is_stale: bool,
    selected: Option<String>,
    selected_at: Option<usize>,
    scroll_to: Option<usize>,
    details: Details,
    catalog: CatalogView,
}

impl LakeBrowser {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let all = choices(cx);
        let which = settle(self.which, &all);
        let (Some(which), Some(lake)) = (which, which.and_then(|w| w.lake(cx))) else {
            before_a_run(ui, cx);
            return;
        };
        self.look_at(which);
        let chosen = self.bar(ui, cx, which, &all);
        match self.view {
            View::Files => self.files(ui, cx, which, &lake),
            View::Catalog => self.catalog.show(ui, cx, which, &lake),
        }
        if let Some(chosen) = chosen {
            self.look_at(chosen);
        }
    }

    fn look_at(&mut self, which: Which) {
        let number = |w: Which| match w {
            Which::Live(n) | Which::Past(n) => n,
        };
        if self.which.is_some_and(|w| number(w) != number(which)) {
            let Self { view, filter, .. } = std::mem::take(self);
            (self.view, self.filter) = (view, filter);
        }
        self.which = Some(which);
    }

    fn bar(&mut self, ui: &mut Ui, cx: &Cx<'_>, which: Which, all: &[Which]) -> Option<Which> {
        let t = theme();
        let mut chosen = None;
        ui.horizontal(|ui| {
            let views = [
                (View::Files, tr("data.view_files")),
                (View::Catalog, tr("data.view_catalog")),
            ];
            switch(ui, &mut self.view, &views);
            ui.separator();
            icon(ui, "filter", 16.0, t.secondary);
            let hint = if self.view == View::Files {
                tr("data.filter_files")
            } else {
                tr("data.filter_tables")
            };
            let text = if self.view == View::Files {
                &mut self.filter
            } else {
                &mut self.catalog.filter
            };
            let field = egui::TextEdit::singleline(text)
                .hint_text(RichText::new(hint).color(t.faint))
                .desired_width(160.0);
            let response = ui.add(field);
            self.is_stale |= response.changed();
            if !text.is_empty()
                && icon_button(ui, "close", tr("data.filter_clear"), false).clicked()
            {
                text.clear();
                self.is_stale = true;
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                chosen = chooser(ui, cx, "lake", which, all);
            });
        });
        chosen
    }

    /// Looks whether the lake has grown; the tree is made in the background.
    fn refresh(&mut self, ui: &Ui, which: Which, lake: &Lake) {
        if let Some((stamp, tree)) = self.building.poll() {
            if !self.is_opened && tree.files() > 0 {
                self.open = tree.first_open();
                self.is_opened = true;
            }
            self.tree = tree;
            self.stamp = Some(stamp);
            self.selected_at = self.selected.as_deref().and_then(|id| self.tree.find(id));
            self.is_stale = true;
        }
        let now = ui.input(|i| i.time);
        if self.building.is_running() || (self.stamp.is_some() && now - self.looked < REFRESH) {
            return;
        }
        self.looked = now;
        let stamp = (which, lake.commits(), lake.buckets().len());
        let is_same = self
            .stamp
            .is_some_and(|(_, commits, buckets)| (commits, buckets) == (stamp.1, stamp.2));
        if is_same {
            return;
        }
        let lake = lake.clone();
        let build = move || {
            let buckets = lake.buckets().into_iter().map(|b| {
                let objects = lake.list(&b, "");
                (b, objects)
            });
            (stamp, Tree::build(buckets))
        };
        // Without a thread it is tried again in a later frame.
        self.building.start(ui.ctx(), "lake", build).ok();
    }

    fn files(&mut self, ui: &mut Ui, cx: &Cx<'_>, which: Which, lake: &Lake) {
        self.refresh(ui, which, lake);
        if self.is_stale {
            self.lines = self.tree.visible(&self.open, &self.filter);
            self.is_stale = false;
        }
        if self.stamp.is_none() {
            return;
        }
        if self.tree.get(0).is_none() {
            empty(
                ui,
                "bucket",
                tr("data.no_buckets_title"),
                tr("data.no_buckets_text"),
                None,
            );
            return;
        }
        let room = ui.available_width();
        egui::Panel::left("weir-lake-tree")
            .default_size((room * 0.54).max(260.0))
            .size_range(200.0..=(room * 0.75).max(201.0))
            .frame(egui::Frame::new().inner_margin(egui::Margin {
                right: 12,
                ..egui::Margin::ZERO
            }))
            .show(ui, |ui| self.list(ui, which.now_seconds(cx)));
        let at = self.selected_at;
        let Some(entry) = at.and_then(|at| self.tree.get(at)) else {
            let files = format::count(self.tree.files());
            empty(
                ui,
                "file",
                tr("data.choose_file_title"),
                &trf("data.choose_file_text", &[("n", &files)]),
                None,
            );
            return;
        };
        let now = which.now_seconds(cx);
        beside(ui, |ui| self.details.show(ui, cx, lake, entry, now));
    }

    fn select(&mut self, at: usize) {
        self.selected_at = Some(at);
        self.selected = self.tree.get(at).map(tree::Entry::id);
    }

    fn set_open(&mut self, at: usize, open: bool) {
        let Some(entry) = self.tree.get(at).filter(|e| e.kind != Kind::File) else {
            return;
        };
        let id = entry.id();
        if open {
            self.open.insert(id);
        } else {
            self.open.remove(&id);
        }
        self.is_stale = true;
    }

    fn is_open(&self, at: usize) -> bool {
        !self.filter.trim().is_empty()
            || self
                .tree
                .get(at)
                .is_some_and(|e| self.open.contains(&e.id()))
    }
}
