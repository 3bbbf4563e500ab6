//! The SQL console: a statement over the lake of the run that goes on or of one that has ended, its rows, what it read and
//! what that would cost.

mod complete;
mod editor;
mod examples;
mod golden;
mod past;
mod result;
mod words;

use egui::{RichText, Ui};

use self::editor::Editing;
use self::past::{Entry, History};
use super::data::before_a_run;
use crate::designer::cx::Cx;
use crate::designer::i18n::{sql_said, tr, trf};
use crate::designer::query::{Answer, Queries, Rows, Which, choices, chooser, settle};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::code::Mark;
use crate::designer::widgets::{TableState, beside, format, icon, icon_button, switch};

/// What the lower or right half shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    #[default]
    Result,
    History,
}

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct SqlConsole {
    which: Option<Which>,
    queries: Queries,
    editing: Editing,
    view: View,
    answer: Option<Answer>,
    table: TableState,
    history: History,
    /// Asked for before the database was open.
    is_waiting: bool,
    /// The first line and column of the statement that runs, from 0, in the editor.
    began_at: (usize, usize),
    problem: Option<String>,
}

/// The statement that shows a table.
pub(crate) fn select_from(database: &str, table: &str) -> String {
    let table = complete::quoted(table);
    if database.is_empty() {
        format!("SELECT * FROM {table} LIMIT 100")
    } else {
        format!(
            "SELECT * FROM {}.{table} LIMIT 100",
            complete::quoted(database)
        )
    }
}

impl SqlConsole {
    /// Puts a statement into the editor, and runs it in the next frame if so.
    pub(crate) fn load(&mut self, sql: &str, which: Option<Which>, run: bool) {
        self.editing.set(sql);
        if which.is_some() {
            self.which = which;
        }
        self.is_waiting = run;
        self.view = View::Result;
    }

    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let all = choices(cx);
        let Some(which) = settle(self.which, &all) else {
            before_a_run(ui, cx);
            return;
        };
        self.which = Some(which);
        let opened = self.queries.open(ui.ctx(), cx, which);
        if let Err(why) = &opened {
            self.problem = Some(why.clone());
        }
        if let Some(answer) = self.queries.poll() {
            self.take(answer);
        }
        self.bar(ui, cx, which, &all);
        let is_wide = ui.available_width() > 680.0;
        let room = if is_wide {
            ui.available_width()
        } else {
            ui.available_height()
        };
        let (panel, side) = if is_wide {
            (
                egui::Panel::left("weir-sql-left"),
                egui::Margin {
                    right: 12,
                    ..egui::Margin::ZERO
                },
            )
        } else {
            (
                egui::Panel::top("weir-sql-top"),
                egui::Margin {
                    bottom: 8,
                    ..egui::Margin::ZERO
                },
            )
        };
        panel
            .resizable(true)
            .default_size(room * 0.42)
            .size_range(120.0..=(room * 0.8).max(121.0))
            .frame(egui::Frame::new().inner_margin(side))
            .show(ui, |ui| self.editor(ui, which));
        if is_wide {
            beside(ui, |ui| self.lower(ui, cx, which));
        } else {
            self.lower(ui, cx, which);
        }
        if self.is_waiting && opened == Ok(true) {
            self.is_waiting = false;
            self.run(ui, cx, which);
        }
        if self.queries.running().is_some() {
            // The time that it has been running.
            ui.ctx()
                .request_repaint_after(std::time::Duration::from_millis(100));
        }
    }

    fn bar(&mut self, ui: &mut Ui, cx: &Cx<'_>, which: Which, all: &[Which]) {
        let t = theme();
        ui.horizontal(|ui| {
            if let Some(time) = self.queries.running() {
                if icon_button(ui, "stop", tr("data.cancel"), true).clicked() {
                    self.queries.cancel();
                    self.problem = Some(tr("data.cancelled").to_owned());
                }
                let text = trf(
                    "data.query_runs",
                    &[("time", &format::millis(time.as_secs_f64() * 1e3))],
                );
                ui.label(RichText::new(text).color(t.accent));
            } else {
                let label = RichText::new(tr("data.run_statement"))
                    .color(t.on_accent)
                    .font(semibold(t.shape.body));
                let keys = ui.ctx().format_shortcut(&editor::RUN);
                let button = ui.add(egui::Button::new(label).fill(t.accent));
                if button.on_hover_text(keys.as_str()).clicked() {
                    self.is_waiting = true;
                }
                ui.label(RichText::new(keys).color(t.faint).small());
            }
            ui.separator();
            if let Some(chosen) = chooser(ui, cx, "sql", which, all) {
                self.which = Some(chosen);
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let count = trf("data.view_history", &[("n", &self.history.len())]);
                let views = [
                    (View::History, count.as_str()),
                    (View::Result, tr("data.result")),
                ];
                switch(ui, &mut self.view, &views);
                let shown = self.answer.as_ref().filter(|_| self.view == View::Result);
                if let Some((answer, rows)) = shown.and_then(rows_of) {
                    golden::show(ui, cx, answer, rows);
                }
            });
        });
    }

    fn editor(&mut self, ui: &mut Ui, which: Which) {
        let tables = self.queries.tables(which);
        if self.editing.show(ui, tables) {
            self.is_waiting = true;
        }
    }

    fn lower(&mut self, ui: &mut Ui, cx: &Cx<'_>, which: Which) {
        if let Some(problem) = &self.problem {
            let t = theme();
            ui.horizontal_top(|ui| {
                icon(ui, "error", 15.0, t.red);
                ui.add(egui::Label::new(RichText::new(problem).color(t.red)).wrap());
            });
        }
        if self.view == View::History {
            if let Some(entry) = self.history.show(ui, cx) {
                self.load(&entry.sql, None, false);
            }
            return;
        }
        let answered = self.answer.as_ref();
        match answered.and_then(rows_of) {
            Some((answer, rows)) => {
                if self.problem.is_some() {
                    earlier(ui, &answer.sql);
                }
                result::show(ui, cx, answer, rows, &mut self.table);
            }
            None if self.queries.running().is_some() || self.problem.is_some() => {}
            None => {
                let tables = self.queries.tables(which);
                if let Some(sql) = examples::show(ui, tables) {
                    self.load(&sql, None, true);
                }
            }
        }
    }

    /// Runs the statement at the caret.
    fn run(&mut self, ui: &Ui, cx: &Cx<'_>, which: Which) {
        let (sql, began_at) = self.editing.statement();
        if sql.is_empty() {
            return;
        }
        self.began_at = began_at;
        self.problem = None;
        self.editing.marks.clear();
        self.view = View::Result;
        if let Err(why) = self.queries.ask(ui.ctx(), cx, which, sql) {
            self.problem = Some(why);
        }
    }

    fn take(&mut self, answer: Answer) {
        self.history.push(Entry::of(&answer));
        match &answer.outcome {
            Ok(_) => {
                self.table = TableState::default();
                self.problem = None;
                self.answer = Some(answer);
            }
            Err(problem) => {
                let place = problem.line.zip(problem.column).map(|(line, column)| {
                    let number = |n: u32| usize::try_from(n).unwrap_or(1);
                    place_in_editor(self.began_at, (number(line), number(column)))
                });
                let why = sql_said(&problem.message).into_owned();
                self.problem = Some(match place {
                    Some((line, column)) => trf(
                        "data.problem_at",
                        &[("why", &why), ("line", &line), ("column", &column)],
                    ),
                    None => why.clone(),
                });
                self.editing.marks = vec![Mark {
                    place,
                    message: why,
                    is_error: true,
                }];
            }
        }
    }
}

fn rows_of(answer: &Answer) -> Option<(&Answer, &Rows)> {
    Some((answer, answer.outcome.as_ref().ok()?))
}

/// Says that the rows below are not those of the statement that failed, and of which they are.
fn earlier(ui: &mut Ui, sql: &str) {
    let t = theme();
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    ui.add_space(t.space(0));
    ui.separator();
    let words = trf("data.rows_of_earlier", &[("sql", &line)]);
    ui.add(egui::Label::new(RichText::new(words).color(t.secondary)).truncate());
}

/// A line and column of a statement, both from 1, in the editor where it begins at `began`, both from 0.
fn place_in_editor(began: (usize, usize), place: (usize, usize)) -> (usize, usize) {
    let (line, column) = place;
    (
        began.0 + line,
        if line == 1 { began.1 + column } else { column },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_selected_by_its_quoted_name() {
        assert_eq!(
            select_from("shop", "orders"),
            "SELECT * FROM shop.orders LIMIT 100"
        );
        assert_eq!(
            select_from("", "2024 \"x\""),
            "SELECT * FROM \"2024 \"\"x\"\"\" LIMIT 100"
        );
    }

    #[test]
    fn places_of_a_later_statement_are_moved() {
        assert_eq!(place_in_editor((2, 3), (1, 5)), (3, 8));
        assert_eq!(place_in_editor((2, 3), (4, 5)), (6, 5));
    }
}
