//! Does what panels asked for: the one place where the designer's state changes.

use weir_engine::runtime::{Action, Breakpoint, Command as RunCommand, Pace};

use super::Designer;
use super::command::Command;
use super::cx::{Act, Cx, Subject, Tone, Work};
use super::dialogs::{Dialog, Question};
use super::edit::{Edit, Item, Selection};
use super::files::{FileAct, Leave, Wanted};
use super::i18n::{Lang, tr, trf};
use super::live::Phase;
use super::panes::{self, Pane};
use super::prefs::Prefs;
use super::report::{Form, Made, address};

/// The paces of the run bar.
pub(crate) const PACES: [Pace; 6] = [
    Pace::Times(1.0),
    Pace::Times(10.0),
    Pace::Times(60.0),
    Pace::Times(600.0),
    Pace::Times(3600.0),
    Pace::Max,
];

/// What the command is called now: some say what they would do.
pub(crate) fn title(command: Command, cx: &Cx<'_>) -> String {
    let name = command.title();
    let step = match command {
        Command::Undo => cx.history.undo_steps().last(),
        Command::Redo => cx.history.redo_steps().last(),
        _ => None,
    };
    step.map_or_else(|| name.to_owned(), |s| format!("{name}: {}", s.name))
}

/// True when the command can be done now.
pub(crate) fn is_enabled(command: Command, cx: &Cx<'_>) -> bool {
    let nodes = cx.selection.nodes().count();
    match command {
        Command::Undo => !cx.history.undo_steps().is_empty(),
        Command::Redo => !cx.history.redo_steps().is_empty(),
        Command::Cut | Command::Copy | Command::Duplicate | Command::DuplicateWithInputs => {
            cx.selection.0.iter().any(|i| !matches!(i, Item::Wire(_)))
        }
        Command::Delete | Command::FitSelection | Command::SelectNone | Command::AddFrame => {
            !cx.selection.is_empty()
        }
        Command::DeleteHeal | Command::Bypass | Command::Disable => nodes > 0,
        Command::Rename | Command::NodeHelp => cx.selection.single_node().is_some(),
        Command::AlignLeft
        | Command::AlignCenter
        | Command::AlignRight
        | Command::AlignTop
        | Command::AlignMiddle
        | Command::AlignBottom => nodes > 1,
        Command::DistributeH | Command::DistributeV => nodes > 2,
        Command::AutoLayout | Command::SelectAll | Command::FitAll => !cx.doc.nodes.is_empty(),
        Command::Run | Command::TestDrawing | Command::DrawWire => !cx.doc.nodes.is_empty(),
        Command::Step => !matches!(cx.run.phase, Phase::Starting | Phase::Ending),
        Command::Stop => cx.run.phase.is_live(),
        Command::TestRun | Command::VerifyRun | Command::RunTraffic => !cx.run.past.is_empty(),
        c if Form::of(c).is_some() => !cx.run.past.is_empty(),
        Command::NextStep => cx.run.phase.is_live() && !cx.doc.scenario.is_empty(),
        _ => true,
    }
}

impl Designer {
    /// Does everything that was asked for in this frame.
    pub(super) fn dispatch(&mut self, ctx: &egui::Context) {
        // What is done may ask for more; what that asks for waits for the next frame.
        let acts = std::mem::take(&mut *self.acts.borrow_mut());
        let any = !acts.is_empty();
        for act in acts {
            self.act(ctx, act);
        }
        if any || !self.acts.borrow().is_empty() {
            ctx.request_repaint();
        }
    }

    fn act(&mut self, ctx: &egui::Context, act: Act) {
        match act {
            Act::Edit(edit) => self.edit(*edit),
            Act::Seal => self.history.seal(),
            Act::Select(selection) => self.select(selection),
            Act::Do(command) => self.command(ctx, command),
            Act::Run(command) => self.live.send(command),
            Act::Pace(pace) => self.live.set_pace(pace),
            Act::Break(breakpoint) => self.live.set_breakpoint(breakpoint),
            Act::Begin(work) => self.begin_work(ctx, work),
            Act::AskCode(code, work) => self.dialogs.ask(Question::Code(code, work)),
            Act::AllowCode(fingerprints, work) => {
                self.prefs.allowed_code.extend(fingerprints);
                self.begin_work(ctx, work);
            }
            Act::Show(pane) => self.show_pane(pane),
            Act::Reveal { item, at } => {
                self.canvas.reveal(&item);
                self.select(Selection::one(item));
                if at.is_some() {
                    self.cursor = at;
                }
            }
            Act::Cursor(at) => self.cursor = at,
            Act::Prefs(prefs) => self.prefs = *prefs,
            Act::Toast(tone, text) => self.toasts.push(tone, text),
            Act::OpenFile(path) => self.guarded(Leave::open(path.display().to_string())),
            Act::OpenTemplate(id) => self.guarded(Leave::open(id)),
            Act::File(act) => self.file_act(ctx, act),
            Act::GoTo(steps) => self.go_to(steps),
            Act::Query(sql, which) => {
                self.panels.sql.load(&sql, Some(which), true);
                self.show_pane(Pane::Sql);
            }
            Act::Copy(text) => ctx.copy_text(text),
            Act::Overlay { shown, over } => {
                self.panels.plots.show_runs(&shown, over);
                self.show_pane(Pane::Plots);
            }
            Act::Adopt(run) => self.live.adopt(*run),
            Act::Differences(found) => self.differences = found,
            Act::Vary { node, param } => {
                let doc = std::sync::Arc::clone(self.history.doc());
                self.panels.sweep.vary(&doc, &node, &param);
                self.show_pane(Pane::Sweep);
            }
        }
    }

    fn select(&mut self, selection: Selection) {
        if selection != self.selection {
            self.history.seal();
            self.selection = selection;
        }
    }

    /// Changes the document; a parameter that changes while a run goes on takes effect in the run.
    pub(super) fn edit(&mut self, edit: Edit) {
        let live = self.live.view.phase.is_live().then(|| edit.clone());
        if let Edit::Add { kind, .. } = &edit {
            self.prefs.remember_kind(kind);
        }
        match self.history.apply(edit) {
            Ok(selection) => {
                if let Some(selection) = selection {
                    self.selection = selection;
                }
                self.selection.retain_of(self.history.doc());
                if let Some(edit) = live {
                    self.retune(edit);
                }
            }
            Err(why) => self.toasts.push(Tone::Bad, why),
        }
    }

    fn retune(&mut self, edit: Edit) {
        let doc = std::sync::Arc::clone(self.history.doc());
        let changed: Vec<(String, String)> = match edit {
            Edit::Param { nodes, name, .. } => {
                nodes.into_iter().map(|n| (n, name.clone())).collect()
            }
            Edit::Variant(values) => values.into_iter().map(|(n, p, _)| (n, p)).collect(),
            _ => return,
        };
        for (id, name) in changed {
            let Some(node) = doc.node(&id) else { continue };
            let kind = weir_engine::services::kind(&node.kind);
            let value = node.params.get(&name).cloned();
            let value = value.or_else(|| kind.and_then(|k| k.defaults().get(&name).cloned()));
            if let Some(value) = value {
                let set = [(name, value)].into_iter().collect();
                self.live.send(RunCommand::Act(id, Action::Set(set)));
            }
        }
    }

    fn command(&mut self, ctx: &egui::Context, command: Command) {
        let enabled = self.with_cx(|_, cx| is_enabled(command, cx));
        if !enabled {
            return;
        }
        match command {
            Command::Undo | Command::Redo => self.undo_redo(command == Command::Undo),
            Command::Rename | Command::NodeHelp => {
                self.prefs.inspector = true;
                self.with_cx(|parts, cx| parts.inspector.command(command, cx));
            }
            Command::Run
            | Command::Step
            | Command::Stop
            | Command::Faster
            | Command::Slower
            | Command::BreakAtAlarm
            | Command::NextStep => {
                self.run_command(ctx, command);
            }
            Command::New | Command::Open | Command::Save | Command::SaveAs | Command::Quit => {
                self.file_command(ctx, command);
            }
            Command::Report
            | Command::ReportMarkdown
            | Command::ReportCsv
            | Command::ReportJson
            | Command::BillFocusCsv
            | Command::BillFocusParquet
            | Command::BillInfracost => {
                if let Some(form) = Form::of(command) {
                    self.report(ctx, form);
                }
            }
            Command::RunSweep => self.begin_work(ctx, Work::Sweep),
            Command::StopSweep => self.panels.sweep.stop(),
            Command::TestDrawing
            | Command::TestRun
            | Command::VerifyRun
            | Command::VerifyReport
            | Command::VerifyFolder
            | Command::RunTraffic
            | Command::BenchServices => self.check_command(ctx, command),
            Command::Gallery => self.dialogs.open(Dialog::Gallery),
            Command::Settings => self.dialogs.open(Dialog::Settings),
            Command::Palette => self.dialogs.open_palette(ctx),
            Command::CheatSheet => self.dialogs.open(Dialog::CheatSheet),
            Command::Tour => self.dialogs.open(Dialog::Tour),
            Command::About => self.dialogs.open(Dialog::About),
            other => {
                if !self.view_command(other) {
                    self.with_cx(|parts, cx| parts.canvas.command(other, ctx, cx));
                }
            }
        }
    }

    fn undo_redo(&mut self, undo: bool) {
        let name = if undo {
            self.history.undo()
        } else {
            self.history.redo()
        };
        if let Some(name) = name {
            let key = if undo {
                "common.undone"
            } else {
                "common.redone"
            };
            self.toasts.push(Tone::Info, trf(key, &[("what", &name)]));
            self.selection.retain_of(self.history.doc());
        }
    }

    /// Undoes or redoes until `steps` steps are done.
    pub(super) fn go_to(&mut self, steps: usize) {
        while self.history.undo_steps().len() > steps && self.history.undo().is_some() {}
        while self.history.undo_steps().len() < steps && self.history.redo().is_some() {}
        self.selection.retain_of(self.history.doc());
    }

    /// Commands that change how the window looks. False when the command is none of them.
    fn view_command(&mut self, command: Command) -> bool {
        let Prefs {
            lang,
            dark,
            scale,
            motion,
            snap,
            grid,
            minimap,
            palette,
            inspector,
            ..
        } = &mut self.prefs;
        let flip = |value: &mut bool| *value = !*value;
        match command {
            Command::ToggleSnap => flip(snap),
            Command::ToggleGrid => flip(grid),
            Command::ToggleMinimap => flip(minimap),
            Command::TogglePalette => flip(palette),
            Command::ToggleInspector => flip(inspector),
            Command::ToggleMotion => flip(motion),
            Command::ToggleTheme => flip(dark),
            Command::ToggleLanguage => {
                *lang = if *lang == Lang::En {
                    Lang::Ko
                } else {
                    Lang::En
                };
            }
            Command::ScaleUp => *scale = (*scale + 0.1).min(3.0),
            Command::ScaleDown => *scale = (*scale - 0.1).max(0.6),
            Command::Presenter => self.presenter = !self.presenter,
            Command::ResetPanes => self.panes = panes::default_tree(),
            Command::ShowPlots => self.show_pane(Pane::Plots),
            Command::ShowData => self.show_pane(Pane::Data),
            Command::ShowLake => self.show_pane(Pane::Lake),
            Command::ShowSql => self.show_pane(Pane::Sql),
            Command::ShowEvents => self.show_pane(Pane::Events),
            Command::ShowScenario => self.show_pane(Pane::Scenario),
            Command::ShowCost => self.show_pane(Pane::Cost),
            Command::ShowText => self.show_pane(Pane::Text),
            Command::ShowHistory => self.show_pane(Pane::History),
            Command::ShowSweep => self.show_pane(Pane::Sweep),
            Command::ShowCompare => self.show_pane(Pane::Compare),
            Command::ShowChecks => self.show_pane(Pane::Checks),
            _ => return false,
        }
        true
    }

    pub(super) fn show_pane(&mut self, pane: Pane) {
        panes::bring_up(&mut self.panes, pane);
    }

    fn run_command(&mut self, ctx: &egui::Context, command: Command) {
        match (command, self.live.view.phase.clone()) {
            (Command::Run, Phase::Running) => self.live.send(RunCommand::Pause),
            (Command::Run, Phase::Paused) => self.live.send(RunCommand::Resume),
            (Command::Run, Phase::Idle | Phase::Ended) => {
                self.begin_work(ctx, Work::Run { paused: false });
            }
            (Command::Step, Phase::Idle | Phase::Ended) => {
                self.begin_work(ctx, Work::Run { paused: true });
            }
            (Command::Step, _) => self.live.send(RunCommand::Step),
            (Command::Stop, _) => self.live.send(RunCommand::End),
            (Command::BreakAtAlarm, _) => {
                let alarm = Breakpoint {
                    kind: Some("alarm".to_owned()),
                    node: None,
                };
                let is_on = self.live.view.breakpoint.as_ref() == Some(&alarm);
                self.live.set_breakpoint((!is_on).then_some(alarm));
            }
            (Command::Faster | Command::Slower, _) => {
                let now = PACES
                    .iter()
                    .position(|p| *p == self.live.view.pace)
                    .unwrap_or(2);
                let next = if command == Command::Faster {
                    now + 1
                } else {
                    now.saturating_sub(1)
                };
                self.live.set_pace(PACES[next.min(PACES.len() - 1)]);
            }
            (Command::NextStep, _) => self.with_cx(|parts, cx| parts.panels.scenario.next_step(cx)),
            _ => {}
        }
    }

    /// Commands that check what a run came to.
    fn check_command(&mut self, ctx: &egui::Context, command: Command) {
        let latest = self.live.view.past.last().cloned();
        match (command, latest) {
            (Command::TestDrawing, _) => self.begin_work(ctx, Work::Test),
            (Command::TestRun, Some(run)) => {
                self.show_pane(Pane::Checks);
                self.with_cx(|parts, cx| parts.panels.checks.test_run(ctx, cx, run));
            }
            (Command::VerifyRun, Some(run)) => {
                self.begin_work(ctx, Work::Verify(Subject::Past(run)));
            }
            (Command::VerifyReport, _) => self.file_act(ctx, FileAct::Pick(Wanted::Report)),
            (Command::VerifyFolder, _) => self.file_act(ctx, FileAct::Pick(Wanted::Ended)),
            (Command::RunTraffic, Some(run)) => self.begin_work(ctx, Work::Traffic(run)),
            (Command::BenchServices, _) => {
                self.show_pane(Pane::Checks);
                self.with_cx(|parts, cx| parts.panels.checks.bench_services(ctx, cx));
            }
            _ => {}
        }
    }

    /// Writes the report of the latest run that has ended.
    fn report(&mut self, ctx: &egui::Context, form: Form) {
        let Some(run) = self.live.view.past.last().cloned() else {
            return;
        };
        self.toasts
            .push(Tone::Info, tr("run.report_begun").to_owned());
        if let Err(why) = self.reporter.start(ctx, run, form, self.prefs.lang) {
            self.toasts.push(Tone::Bad, why);
        }
    }

    /// Opens a report that was written since the last frame.
    pub(super) fn show_report(&mut self, ctx: &egui::Context) {
        match self.reporter.poll() {
            Some(Ok(Made::Written(place))) => {
                ctx.open_url(egui::OpenUrl::new_tab(address(&place)));
                let shown = place.display().to_string();
                let text = trf("run.report_done", &[("path", &shown)]);
                self.toasts.push(Tone::Info, text);
            }
            Some(Ok(Made::Page(name, bytes))) => {
                // A page is looked at at once; other forms are for programs.
                let is_page = name.ends_with(".html");
                self.file_act(ctx, FileAct::Export(name, bytes));
                self.files.open_exported = is_page;
            }
            Some(Err(why)) => self
                .toasts
                .push(Tone::Bad, trf("run.report_failed", &[("why", &why)])),
            None => {}
        }
    }
}
