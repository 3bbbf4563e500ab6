//! All shortcuts and gestures on one sheet, by group; copied as text it can be printed.

use std::fmt::Write as _;

use egui::{RichText, Ui, Vec2};

use super::modal;
use crate::designer::command::{COMMANDS, Group};
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::tr;
use crate::designer::theme::{figures, semibold, theme};

/// What the pointer and held keys do: the keys as they are written on keyboards, and what follows.
fn gestures() -> [(&'static str, &'static str); 23] {
    [
        (tr("files.do_drag_port"), tr("files.gesture_wire")),
        (tr("files.do_drop_empty"), tr("files.gesture_drop_empty")),
        (tr("files.do_drag_end"), tr("files.gesture_move_end")),
        (tr("files.do_shift_port"), tr("files.gesture_move_all")),
        (tr("files.do_ctrl_release"), tr("files.gesture_armed")),
        (tr("files.do_drag_palette"), tr("files.gesture_palette")),
        (tr("files.do_drop_on_wire"), tr("files.gesture_splice")),
        (tr("files.do_double_click"), tr("files.gesture_search")),
        (tr("files.do_drag_box"), tr("files.gesture_select")),
        (
            tr("files.do_shift_click"),
            tr("files.gesture_add_selection"),
        ),
        (tr("files.do_alt_drag"), tr("files.gesture_slice")),
        (tr("files.do_space_drag"), tr("files.gesture_pan")),
        (tr("files.do_wheel"), tr("files.gesture_zoom")),
        (tr("files.do_right_click"), tr("files.gesture_menu")),
        (tr("files.do_arrows"), tr("files.gesture_nudge")),
        (".  ,", tr("files.gesture_walk")),
        ("Ctrl+Y", tr("actions.redo")),
        ("Ctrl+Delete", tr("files.gesture_heal")),
        ("Esc", tr("files.gesture_escape")),
        ("Ctrl+Enter", tr("files.gesture_run_sql")),
        (tr("files.do_plot_drag"), tr("files.gesture_plot")),
        (tr("files.do_presenter_space"), tr("files.gesture_next")),
        (tr("files.do_drop_file"), tr("files.gesture_open")),
    ]
}

/// One block of the sheet: its title, and keys with what they do.
type Block = (&'static str, Vec<(String, String)>);

fn blocks(ctx: &egui::Context) -> Vec<Block> {
    let of = |group: Group| {
        let specs = COMMANDS
            .iter()
            .filter(|s| s.group == group && s.shortcut.is_some());
        let lines = specs.map(|s| (s.command.shortcut_text(ctx), s.command.title().to_owned()));
        (group.title(), lines.collect::<Vec<_>>())
    };
    let mut all: Vec<Block> = Group::ALL.into_iter().map(of).collect();
    let lines = gestures().map(|(keys, what)| (keys.to_owned(), what.to_owned()));
    all.push((tr("files.sheet_pointer"), lines.to_vec()));
    all.retain(|(_, lines)| !lines.is_empty());
    all
}

/// Draws it. False when it was closed.
pub(super) fn show(ui: &Ui, cx: &Cx<'_>) -> bool {
    let t = theme();
    let blocks = blocks(ui.ctx());
    let title = tr("actions.cheat_sheet");
    let ((), stays) = modal(
        ui,
        "weir-cheat-sheet",
        title,
        Vec2::new(1040.0, 680.0),
        |ui| {
            let height = (ui.ctx().content_rect().height() - 200.0).clamp(200.0, 560.0);
            egui::ScrollArea::vertical()
                .max_height(height)
                .auto_shrink(false)
                .show(ui, |ui| {
                    ui.columns(3, |columns| {
                        for (block, column) in blocks.iter().zip(places(&blocks)) {
                            if let Some(ui) = columns.get_mut(column) {
                                draw(ui, block);
                            }
                        }
                    });
                });
            ui.add_space(t.space(1));
            if ui.button(tr("files.sheet_copy")).clicked() {
                cx.act(Act::Copy(markdown(&blocks)));
            }
        },
    );
    stays
}

/// The column of each block: always the shortest so far.
fn places(blocks: &[Block]) -> Vec<usize> {
    let mut heights = [0_usize; 3];
    let place = |(_, lines): &Block| {
        let shortest = (0..3).min_by_key(|i| heights[*i]).unwrap_or(0);
        heights[shortest] += lines.len() + 2;
        shortest
    };
    blocks.iter().map(place).collect()
}

fn draw(ui: &mut Ui, (title, lines): &Block) {
    let t = theme();
    ui.label(
        RichText::new(*title)
            .font(semibold(t.shape.emphasis))
            .color(t.accent),
    );
    ui.add_space(t.space(0));
    ui.spacing_mut().item_spacing.y = t.space(0) * 0.75;
    for (keys, what) in lines {
        ui.horizontal_top(|ui| {
            let frame = egui::Frame::new()
                .fill(t.raised)
                .stroke(t.hairline())
                .corner_radius(t.shape.radius_control)
                .inner_margin(egui::Margin::symmetric(5, 1));
            let width = ui.available_width() * 0.42;
            ui.allocate_ui(Vec2::new(width, 0.0), |ui| {
                ui.set_width(width);
                frame.show(ui, |ui| {
                    ui.add(
                        egui::Label::new(RichText::new(keys).font(figures(t.shape.caption))).wrap(),
                    );
                });
            });
            ui.add(egui::Label::new(what).wrap());
        });
    }
    ui.add_space(t.space(3));
}

/// The sheet as Markdown.
fn markdown(blocks: &[Block]) -> String {
    let mut out = String::new();
    for (title, lines) in blocks {
        // Writing to a text cannot fail.
        let _infallible = writeln!(out, "## {title}\n\n| | |\n|---|---|");
        for (keys, what) in lines {
            let _infallible = writeln!(out, "| `{keys}` | {what} |");
        }
        out.push('\n');
    }
    out
}
