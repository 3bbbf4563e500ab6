//! Where the parts of the window are in this frame: the tour points at them.

use egui::{Context, Id, Rect};

use super::panes::Pane;

/// A part of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Region {
    RunBar,
    Inspector,
    Pane(Pane),
}

impl Region {
    fn id(self) -> Id {
        Id::new(("weir-region", format!("{self:?}")))
    }
    /// It is here in this frame.
    pub(crate) fn mark(self, ctx: &Context, rect: Rect) {
        let pass = ctx.cumulative_pass_nr();
        ctx.data_mut(|d| d.insert_temp(self.id(), (pass, rect)));
    }
    /// Where it is, when it was drawn in this frame.
    pub(crate) fn rect(self, ctx: &Context) -> Option<Rect> {
        let (pass, rect) = ctx.data(|d| d.get_temp::<(u64, Rect)>(self.id()))?;
        (pass == ctx.cumulative_pass_nr()).then_some(rect)
    }
}
