//! The keyboard in a table that has the focus: arrows, pages, selecting all, copying.

use egui::{Event, EventFilter, Key, Modifiers, Response, Ui};

use super::{Picked, TableState};

/// Takes keys when the table has the focus. `page` rows are on the screen.
pub(super) fn keys(ui: &Ui, response: &Response, state: &mut TableState, page: usize) {
    if !response.has_focus() {
        return;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
    let (rows, columns) = (state.rows.len(), state.rows.heads().len());
    if rows == 0 || columns == 0 {
        return;
    }
    if ui.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::A)) {
        state.picked = Some(Picked {
            anchor: (0, 0),
            lead: (rows - 1, columns - 1),
            whole: true,
        });
    }
    if ui.input(|i| i.events.iter().any(|e| matches!(e, Event::Copy)))
        && let Some(text) = state.copied()
    {
        ui.copy_text(text);
    }
    let (from, is_row) = state.picked.map_or(((0, 0), false), |p| (p.lead, p.whole));
    let mut to = from;
    let mut shift = false;
    ui.input_mut(|input| {
        let steps: [(Key, isize, isize); 8] = [
            (Key::ArrowUp, -1, 0),
            (Key::ArrowDown, 1, 0),
            (Key::ArrowLeft, 0, -1),
            (Key::ArrowRight, 0, 1),
            (Key::PageUp, -signed(page), 0),
            (Key::PageDown, signed(page), 0),
            (Key::Home, -signed(rows), 0),
            (Key::End, signed(rows), 0),
        ];
        for (key, down, right) in steps {
            // Without Shift fits with it too, so it comes second.
            for modifiers in [Modifiers::SHIFT, Modifiers::NONE] {
                let times = input.count_and_consume_key(modifiers, key);
                if times == 0 {
                    continue;
                }
                shift |= modifiers.shift;
                to.0 =
                    to.0.saturating_add_signed(down * signed(times))
                        .min(rows - 1);
                to.1 =
                    to.1.saturating_add_signed(right * signed(times))
                        .min(columns - 1);
            }
        }
    });
    if to != from {
        Picked::pick(&mut state.picked, to, shift, is_row);
        state.scroll_to = Some(to);
    }
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}
