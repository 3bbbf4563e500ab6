//! Everything that can be done, by name: menus, the command palette, shortcuts and the cheat sheet read this one list.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::i18n::tr;

/// A menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    File,
    Edit,
    Arrange,
    View,
    Run,
    Help,
}

impl Group {
    /// All, in the order of the menu bar.
    pub(crate) const ALL: [Self; 6] = [
        Self::File,
        Self::Edit,
        Self::Arrange,
        Self::View,
        Self::Run,
        Self::Help,
    ];
    /// Its name.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::File => tr("actions.group_file"),
            Self::Edit => tr("actions.group_edit"),
            Self::Arrange => tr("actions.group_arrange"),
            Self::View => tr("actions.group_view"),
            Self::Run => tr("actions.group_run"),
            Self::Help => tr("actions.group_help"),
        }
    }
}

/// An action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) command: Command,
    /// Key of its text.
    pub(crate) key: &'static str,
    pub(crate) group: Group,
    /// Icon under `assets/icons/`; empty for none.
    pub(crate) icon: &'static str,
    pub(crate) shortcut: Option<KeyboardShortcut>,
}

const fn with(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}
const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    with(Modifiers::COMMAND, key)
}
const fn ctrl_shift(key: Key) -> Option<KeyboardShortcut> {
    with(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}
const fn alt(key: Key) -> Option<KeyboardShortcut> {
    with(Modifiers::ALT, key)
}
const fn plain(key: Key) -> Option<KeyboardShortcut> {
    with(Modifiers::NONE, key)
}

/// Declares the commands: variant, key, group, icon, shortcut.
macro_rules! commands {
    ($($name:ident, $key:literal, $group:ident, $icon:literal, $shortcut:expr;)*) => {
        /// Something that can be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Command { $($name),* }
        /// All commands, in the order of the menus.
        pub(crate) static COMMANDS: &[Spec] = &[$(Spec {
            command: Command::$name, key: $key, group: Group::$group, icon: $icon, shortcut: $shortcut,
        }),*];
    };
}

commands! {
    New, "actions.new", File, "file-new", ctrl(Key::N);
    Gallery, "actions.gallery", File, "gallery", ctrl_shift(Key::N);
    Open, "actions.open", File, "folder-open", ctrl(Key::O);
    Save, "actions.save", File, "save", ctrl(Key::S);
    SaveAs, "actions.save_as", File, "save", ctrl_shift(Key::S);
    Settings, "actions.settings", File, "settings", ctrl(Key::Comma);
    Quit, "actions.quit", File, "", ctrl(Key::Q);

    Undo, "actions.undo", Edit, "undo", ctrl(Key::Z);
    Redo, "actions.redo", Edit, "redo", ctrl_shift(Key::Z);
    Cut, "actions.cut", Edit, "cut", ctrl(Key::X);
    Copy, "actions.copy", Edit, "copy", ctrl(Key::C);
    Paste, "actions.paste", Edit, "paste", ctrl(Key::V);
    PasteWithInputs, "actions.paste_with_inputs", Edit, "paste", ctrl_shift(Key::V);
    Duplicate, "actions.duplicate", Edit, "duplicate", ctrl(Key::D);
    DuplicateWithInputs, "actions.duplicate_with_inputs", Edit, "duplicate", ctrl_shift(Key::D);
    Delete, "actions.delete", Edit, "trash", plain(Key::Delete);
    DeleteHeal, "actions.delete_heal", Edit, "trash", ctrl(Key::Delete);
    SelectAll, "actions.select_all", Edit, "", ctrl(Key::A);
    SelectNone, "actions.select_none", Edit, "", None;
    Rename, "actions.rename", Edit, "edit", plain(Key::F2);
    Bypass, "actions.bypass", Edit, "bypass", plain(Key::B);
    Disable, "actions.disable", Edit, "disable", plain(Key::M);
    AddNode, "actions.add_node", Edit, "plus", plain(Key::Tab);
    DrawWire, "actions.draw_wire", Edit, "wire", plain(Key::W);
    AddNote, "actions.add_note", Edit, "note", ctrl_shift(Key::M);
    AddFrame, "actions.add_frame", Edit, "frame", ctrl(Key::G);

    AutoLayout, "actions.auto_layout", Arrange, "layout", ctrl(Key::L);
    AlignLeft, "actions.align_left", Arrange, "align-left", alt(Key::ArrowLeft);
    AlignCenter, "actions.align_center", Arrange, "align-center", None;
    AlignRight, "actions.align_right", Arrange, "align-right", alt(Key::ArrowRight);
    AlignTop, "actions.align_top", Arrange, "align-top", alt(Key::ArrowUp);
    AlignMiddle, "actions.align_middle", Arrange, "align-middle", None;
    AlignBottom, "actions.align_bottom", Arrange, "align-bottom", alt(Key::ArrowDown);
    DistributeH, "actions.distribute_h", Arrange, "distribute-h", None;
    DistributeV, "actions.distribute_v", Arrange, "distribute-v", None;
    ToggleSnap, "actions.toggle_snap", Arrange, "snap", None;

    ZoomIn, "actions.zoom_in", View, "zoom-in", ctrl(Key::Plus);
    ZoomOut, "actions.zoom_out", View, "zoom-out", ctrl(Key::Minus);
    ActualSize, "actions.actual_size", View, "", ctrl(Key::Num0);
    FitAll, "actions.fit_all", View, "fit", plain(Key::H);
    FitSelection, "actions.fit_selection", View, "fit-selection", plain(Key::F);
    ToggleGrid, "actions.toggle_grid", View, "grid", None;
    ToggleMinimap, "actions.toggle_minimap", View, "minimap", None;
    TogglePalette, "actions.toggle_palette", View, "", ctrl(Key::B);
    ToggleInspector, "actions.toggle_inspector", View, "", ctrl(Key::I);
    ToggleMotion, "actions.toggle_motion", View, "", None;
    ToggleTheme, "actions.toggle_theme", View, "theme-light", None;
    ToggleLanguage, "actions.toggle_language", View, "language", None;
    ScaleUp, "actions.scale_up", View, "", ctrl_shift(Key::Plus);
    ScaleDown, "actions.scale_down", View, "", ctrl_shift(Key::Minus);
    Presenter, "actions.presenter", View, "presenter", plain(Key::F11);
    ShowPlots, "actions.show_plots", View, "chart", ctrl(Key::Num1);
    ShowData, "actions.show_data", View, "table", ctrl(Key::Num2);
    ShowLake, "actions.show_lake", View, "bucket", ctrl(Key::Num3);
    ShowSql, "actions.show_sql", View, "sql", ctrl(Key::Num4);
    ShowEvents, "actions.show_events", View, "events", ctrl(Key::Num5);
    ShowScenario, "actions.show_scenario", View, "scenario", ctrl(Key::Num6);
    ShowCost, "actions.show_cost", View, "cost", ctrl(Key::Num7);
    ShowText, "actions.show_text", View, "text", ctrl(Key::Num8);
    ShowHistory, "actions.show_history", View, "history", ctrl(Key::Num9);
    ShowSweep, "actions.show_sweep", View, "sparkline", None;
    ShowCompare, "actions.show_compare", View, "overlay", None;
    ShowChecks, "actions.show_checks", View, "check", None;
    ResetPanes, "actions.reset_panes", View, "", None;

    Run, "actions.run", Run, "play", plain(Key::F5);
    Step, "actions.step", Run, "step", plain(Key::F10);
    Stop, "actions.stop", Run, "stop", with(Modifiers::SHIFT, Key::F5);
    Faster, "actions.faster", Run, "speed", with(Modifiers::NONE, Key::CloseBracket);
    Slower, "actions.slower", Run, "speed", with(Modifiers::NONE, Key::OpenBracket);
    BreakAtAlarm, "actions.break_at_alarm", Run, "breakpoint", ctrl_shift(Key::B);
    NextStep, "actions.next_step", Run, "scenario", None;
    Report, "actions.report", Run, "file", ctrl_shift(Key::E);
    ReportMarkdown, "actions.report_markdown", Run, "file", None;
    ReportCsv, "actions.report_csv", Run, "table", None;
    ReportJson, "actions.report_json", Run, "file", None;
    BillFocusCsv, "actions.bill_focus_csv", Run, "cost", None;
    BillFocusParquet, "actions.bill_focus_parquet", Run, "cost", None;
    BillInfracost, "actions.bill_infracost", Run, "cost", None;
    RunSweep, "actions.run_sweep", Run, "play", None;
    StopSweep, "actions.stop_sweep", Run, "stop", None;
    TestDrawing, "actions.test_drawing", Run, "check", None;
    TestRun, "actions.test_run", Run, "check", None;
    VerifyRun, "actions.verify_run", Run, "restart", None;
    VerifyReport, "actions.verify_report", Run, "restart", None;
    VerifyFolder, "actions.verify_folder", Run, "restart", None;
    RunTraffic, "actions.run_traffic", Run, "speed", None;
    BenchServices, "actions.bench_services", Run, "table", None;

    Palette, "actions.palette", Help, "terminal", ctrl_shift(Key::P);
    CheatSheet, "actions.cheat_sheet", Help, "keyboard", with(Modifiers::SHIFT, Key::Questionmark);
    NodeHelp, "actions.node_help", Help, "help", plain(Key::F1);
    Tour, "actions.tour", Help, "tour", None;
    About, "actions.about", Help, "info", None;
}

/// Other keys that people's hands know for a command.
const ALIASES: [(KeyboardShortcut, Command); 1] = [(
    KeyboardShortcut::new(Modifiers::COMMAND, Key::Y),
    Command::Redo,
)];

/// Keys that have a name where people see a sign.
const SYMBOLS: [(&str, &str); 6] = [
    ("Comma", ","),
    ("CloseBracket", "]"),
    ("OpenBracket", "["),
    ("Questionmark", "?"),
    ("Plus", "+"),
    ("Minus", "-"),
];

impl Command {
    /// Its description.
    pub(crate) fn spec(self) -> &'static Spec {
        // The list has one entry a variant, in the order of the variants.
        &COMMANDS[self as usize]
    }
    /// Its name in the language of the interface.
    pub(crate) fn title(self) -> &'static str {
        tr(self.spec().key)
    }
    /// Its shortcut as the system writes it; empty for none.
    pub(crate) fn shortcut_text(self, ctx: &egui::Context) -> String {
        let shortcut = self.spec().shortcut;
        let text = shortcut.map_or_else(String::new, |s| ctx.format_shortcut(&s));
        // As they stand on the keys.
        SYMBOLS
            .iter()
            .find_map(|(name, key)| Some(format!("{}{key}", text.strip_suffix(name)?)))
            .unwrap_or(text)
    }
}

/// Takes the shortcuts of this frame out of the input. Keys without Ctrl or a function key are left to a text that is edited; what
/// moves the focus, deletes or copies, to whatever has the focus.
pub(crate) fn take_shortcuts(ctx: &egui::Context) -> Vec<Command> {
    let typing = ctx.text_edit_focused();
    let focused = ctx.egui_wants_keyboard_input();
    let mut taken = Vec::new();
    // Longer combinations first: Ctrl+Shift+Z is not Ctrl+Z.
    let mut specs: Vec<&Spec> = COMMANDS.iter().collect();
    specs.sort_by_key(|s| std::cmp::Reverse(s.shortcut.map_or(0, |s| count(s.modifiers))));
    ctx.input_mut(|input| {
        for spec in specs {
            let Some(shortcut) = spec.shortcut else {
                continue;
            };
            let is_typed = shortcut.modifiers.is_none() && !is_function_key(shortcut.logical_key);
            if typing && (is_typed || is_editing(spec.command)) {
                continue;
            }
            if focused && is_of_focus(spec.command) {
                continue;
            }
            if input.consume_shortcut(&shortcut) {
                taken.push(spec.command);
            }
        }
        for (shortcut, command) in ALIASES {
            let is_kept = typing && is_editing(command);
            if !is_kept && input.consume_shortcut(&shortcut) {
                taken.push(command);
            }
        }
        clipboard(input, focused, &mut taken);
    });
    taken
}

/// The system sends the clipboard's keys as events of their own.
fn clipboard(input: &mut egui::InputState, focused: bool, taken: &mut Vec<Command>) {
    if focused {
        return;
    }
    for event in &input.events {
        match event {
            egui::Event::Copy => taken.push(Command::Copy),
            egui::Event::Cut => taken.push(Command::Cut),
            // The system tells of the text, not of the keys: Shift with it keeps the inputs.
            egui::Event::Paste(_) if input.modifiers.shift => taken.push(Command::PasteWithInputs),
            egui::Event::Paste(_) => taken.push(Command::Paste),
            _ => {}
        }
    }
}

const fn count(m: Modifiers) -> u32 {
    m.alt as u32 + m.shift as u32 + m.command as u32
}

const fn is_function_key(key: Key) -> bool {
    matches!(key, Key::F1 | Key::F2 | Key::F5 | Key::F10 | Key::F11)
}

/// Commands whose keys belong to a text field while one is edited.
const fn is_editing(command: Command) -> bool {
    matches!(
        command,
        Command::Undo
            | Command::Redo
            | Command::Cut
            | Command::Copy
            | Command::Paste
            | Command::PasteWithInputs
            | Command::SelectAll
            | Command::Delete
            | Command::DeleteHeal
            | Command::AddNode
            | Command::CheatSheet
    )
}

/// Commands whose keys belong to whatever has the focus: a table copies its cells, Tab goes on to the next control.
const fn is_of_focus(command: Command) -> bool {
    matches!(
        command,
        Command::Cut
            | Command::Copy
            | Command::Paste
            | Command::PasteWithInputs
            | Command::SelectAll
            | Command::AddNode
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_the_variants_and_shortcuts_are_unique() {
        for (i, spec) in COMMANDS.iter().enumerate() {
            assert_eq!(spec.command as usize, i);
            let twin = COMMANDS[..i]
                .iter()
                .find(|s| s.shortcut.is_some() && s.shortcut == spec.shortcut);
            assert!(twin.is_none(), "{:?} and {:?}", spec.command, twin);
        }
    }
}
