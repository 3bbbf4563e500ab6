//! The command palette: everything that can be done, every kind that can be added, every node that can be gone to.

use egui::{Key, Modifiers, Rect, RichText, Sense, Ui, Vec2};
use weir_engine::services;

use super::fuzzy::Query;
use super::modal;
use crate::designer::canvas::{NewKind, add_soon};
use crate::designer::command::{COMMANDS, Command};
use crate::designer::cx::{Act, Cx};
use crate::designer::dispatch;
use crate::designer::edit::Item;
use crate::designer::i18n::{Lang, kind_title, tr, tr_in, trf};
use crate::designer::theme::{figures, regular, theme};
use crate::designer::widgets::{icon_image, kind_icon, paint_icon};

/// Choices that are remembered.
const RECENT_MAX: usize = 8;
const ROW: f32 = 30.0;

/// What a row does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Command(Command),
    /// Adds a node of the kind.
    Add(&'static str),
    /// Goes to the node.
    Go(String),
}

/// A row of the list.
struct Row {
    what: What,
    title: String,
    /// Other words that find it: the other language, ids.
    also: [String; 2],
    is_enabled: bool,
}

/// What the palette keeps between frames.
#[derive(Default)]
pub(super) struct Palette {
    query: String,
    at: usize,
    recent: Vec<What>,
    is_new: bool,
}

impl Palette {
    /// Shown anew.
    pub(super) fn begin(&mut self, typed: String) {
        self.query = typed;
        self.at = 0;
        self.is_new = true;
    }

    /// Draws it. False when something was chosen or it was closed.
    pub(super) fn show(&mut self, ui: &Ui, cx: &Cx<'_>) -> bool {
        let (chosen, stays) = modal(
            ui,
            "weir-command-palette",
            "",
            Vec2::new(620.0, 480.0),
            |ui| self.body(ui, cx),
        );
        stays && !chosen
    }

    fn body(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool {
        let t = theme();
        let id = egui::Id::new("weir-palette-field");
        let is_new = std::mem::take(&mut self.is_new);
        if is_new {
            // Before it is drawn: what is typed in this frame belongs to it.
            ui.memory_mut(|m| m.request_focus(id));
        }
        let field = egui::TextEdit::singleline(&mut self.query)
            .id(id)
            .hint_text(tr("files.palette_search"))
            .font(regular(t.shape.emphasis))
            .margin(egui::Margin::symmetric(8, 8))
            .desired_width(f32::INFINITY);
        // Taken before the field sees them: Enter would end its editing.
        let keys = ui.input_mut(|i| {
            let down = i.consume_key(Modifiers::NONE, Key::ArrowDown);
            let up = i.consume_key(Modifiers::NONE, Key::ArrowUp);
            (down, up, i.consume_key(Modifiers::NONE, Key::Enter))
        });
        let response = ui.add(field);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, tr("files.palette_search"))
        });
        if is_new {
            // The pass that only finds out sizes has taken it away.
            response.request_focus();
        }
        if response.changed() {
            self.at = 0;
        }
        ui.add_space(t.space(1));
        let rows = ranked(all(cx), &self.query, &self.recent);
        let last = rows.len().saturating_sub(1);
        let before = self.at;
        self.at = match keys {
            (true, _, _) => self.at + 1,
            (_, true, _) => self.at.saturating_sub(1),
            _ => self.at,
        }
        .min(last);
        let pressed = self.list(ui, &rows, before != self.at);
        let chosen = pressed
            .or_else(|| keys.2.then_some(self.at))
            .and_then(|i| rows.get(i));
        let Some(row) = chosen.filter(|r| r.is_enabled) else {
            return false;
        };
        self.recent.retain(|w| *w != row.what);
        self.recent.insert(0, row.what.clone());
        self.recent.truncate(RECENT_MAX);
        act(ui.ctx(), cx, &row.what);
        true
    }

    fn list(&self, ui: &mut Ui, rows: &[Row], follow: bool) -> Option<usize> {
        let t = theme();
        if rows.is_empty() {
            ui.label(RichText::new(tr("files.palette_none")).color(t.secondary));
        }
        let mut pressed = None;
        ui.spacing_mut().item_spacing.y = 0.0;
        let area = egui::ScrollArea::vertical()
            .max_height(380.0)
            .auto_shrink([false, true]);
        area.show_viewport(ui, |ui, viewport| {
            ui.set_height(ROW * rows.len() as f32);
            let top = ui.max_rect().top();
            let width = ui.available_width();
            let place = |i: usize| {
                let min = egui::pos2(ui.max_rect().left(), top + ROW * i as f32);
                Rect::from_min_size(min, Vec2::new(width, ROW))
            };
            if follow {
                ui.scroll_to_rect(place(self.at), None);
            }
            for (i, row) in rows.iter().enumerate() {
                let y = ROW * i as f32;
                if y + ROW < viewport.top() || y > viewport.bottom() {
                    continue;
                }
                if one(ui, place(i), row, i == self.at) {
                    pressed = Some(i);
                }
            }
        });
        pressed
    }
}

/// Draws a row. True when it was pressed.
fn one(ui: &Ui, rect: Rect, row: &Row, is_at: bool) -> bool {
    let t = theme();
    let response = ui.interact(rect, ui.id().with(("row", &row.title)), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::WidgetType::Button, row.is_enabled, is_at, &row.title)
    });
    let painter = ui.painter();
    if is_at {
        painter.rect_filled(rect, t.shape.radius_control, t.tint(t.accent, 0.22));
    } else if response.hovered() {
        painter.rect_filled(rect, t.shape.radius_control, t.raised);
    }
    let ink = if row.is_enabled { t.text } else { t.faint };
    let place = Rect::from_center_size(
        egui::pos2(rect.left() + 18.0, rect.center().y),
        Vec2::splat(16.0),
    );
    match &row.what {
        What::Command(c) if !c.spec().icon.is_empty() => {
            paint_icon(
                ui,
                icon_image(c.spec().icon),
                place,
                if row.is_enabled { t.secondary } else { t.faint },
            );
        }
        What::Add(kind) => {
            if let Some(kind) = services::kind(kind) {
                paint_icon(
                    ui,
                    kind_icon(kind.spec()),
                    place,
                    t.category(kind.spec().category),
                );
            }
        }
        What::Go(_) => paint_icon(ui, icon_image("fit-selection"), place, t.secondary),
        What::Command(_) => {}
    }
    let left = egui::pos2(place.right() + t.space(1), rect.center().y);
    painter.text(
        left,
        egui::Align2::LEFT_CENTER,
        &row.title,
        regular(t.shape.body),
        ink,
    );
    if let What::Command(command) = row.what {
        let right = egui::pos2(rect.right() - t.space(1), rect.center().y);
        let keys = command.shortcut_text(ui.ctx());
        painter.text(
            right,
            egui::Align2::RIGHT_CENTER,
            keys,
            figures(t.shape.caption),
            t.secondary,
        );
    }
    response.clicked()
}

/// Every row there is.
fn all(cx: &Cx<'_>) -> Vec<Row> {
    let commands = COMMANDS
        .iter()
        .filter(|s| s.command != Command::Palette)
        .map(|s| Row {
            what: What::Command(s.command),
            title: dispatch::title(s.command, cx),
            also: [
                // The key has the plain word where the title has a better one: `language`, `theme`.
                format!("{} {}", tr_in(Lang::En, s.key), words_of(s.key)),
                tr_in(Lang::Ko, s.key).to_owned(),
            ],
            is_enabled: dispatch::is_enabled(s.command, cx),
        });
    let kinds = services::ALL.iter().map(|k| {
        let spec = k.spec();
        Row {
            what: What::Add(spec.id),
            title: trf("files.palette_add", &[("kind", &kind_title(spec))]),
            also: [
                format!("{} {}", spec.title, spec.id),
                spec.title_ko.to_owned(),
            ],
            is_enabled: true,
        }
    });
    let nodes = cx.doc.nodes.iter().map(|n| Row {
        what: What::Go(n.id.clone()),
        title: trf(
            "files.palette_go",
            &[("node", &n.title.as_deref().unwrap_or(&n.id))],
        ),
        also: [n.id.clone(), n.kind.clone()],
        is_enabled: true,
    });
    commands.chain(kinds).chain(nodes).collect()
}

/// The words of a text's key, without its group.
fn words_of(key: &str) -> String {
    let name = key.rsplit('.').next().unwrap_or(key);
    name.replace('_', " ")
}

/// The rows that answer `query`, the best first; all of them, what was chosen lately first, when nothing was typed.
fn ranked(rows: Vec<Row>, query: &str, recent: &[What]) -> Vec<Row> {
    let query = Query::new(query);
    let age = |row: &Row| {
        recent
            .iter()
            .position(|w| *w == row.what)
            .unwrap_or(RECENT_MAX)
    };
    let mut scored: Vec<(i32, usize, Row)> = rows
        .into_iter()
        .filter_map(|row| {
            let texts = std::iter::once(&row.title).chain(&row.also);
            let score = if query.is_empty() {
                Some(0)
            } else {
                texts.filter_map(|t| query.score(t)).max()
            };
            // What cannot be done now stands below what can.
            let score = score?
                - if row.is_enabled || query.is_empty() {
                    0
                } else {
                    256
                };
            Some((score, age(&row), row))
        })
        .collect();
    scored.sort_by_key(|(score, age, _)| (std::cmp::Reverse(*score), *age));
    scored.into_iter().map(|(_, _, row)| row).collect()
}

fn act(ctx: &egui::Context, cx: &Cx<'_>, what: &What) {
    match what {
        What::Command(command) => cx.act(Act::Do(*command)),
        What::Go(id) => cx.act(Act::Reveal {
            item: Item::Node(id.clone()),
            at: None,
        }),
        What::Add(kind) => add_soon(ctx, NewKind(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(command: Command, is_enabled: bool) -> Row {
        let key = command.spec().key;
        Row {
            what: What::Command(command),
            title: tr_in(Lang::En, key).to_owned(),
            also: [
                tr_in(Lang::En, key).to_owned(),
                tr_in(Lang::Ko, key).to_owned(),
            ],
            is_enabled,
        }
    }
    fn rows() -> Vec<Row> {
        COMMANDS
            .iter()
            .map(|s| row(s.command, s.command != Command::Redo))
            .collect()
    }
    fn first(query: &str, recent: &[What]) -> What {
        ranked(rows(), query, recent).remove(0).what
    }

    #[test]
    fn both_languages_find_a_command() {
        assert_eq!(first("undo", &[]), What::Command(Command::Undo));
        assert_eq!(first("실행 취소", &[]), What::Command(Command::Undo));
        assert_eq!(first("auto lay", &[]), What::Command(Command::AutoLayout));
        assert_eq!(first("자동", &[]), What::Command(Command::AutoLayout));
    }

    #[test]
    fn what_was_chosen_lately_comes_first() {
        let recent = [What::Command(Command::Tour)];
        assert_eq!(first("", &recent), recent[0]);
        assert_eq!(first("", &[]), What::Command(COMMANDS[0].command));
    }

    #[test]
    fn what_cannot_be_done_comes_below_what_can() {
        let found = ranked(rows(), "do", &[]);
        let place = |c| {
            found
                .iter()
                .position(|r| r.what == What::Command(c))
                .unwrap()
        };
        assert!(place(Command::Undo) < place(Command::Redo));
    }
}
