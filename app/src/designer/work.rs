//! Work that runs a drawing begins here, so that no code runs that the person has not allowed.

use std::sync::Arc;

use weir_engine::code::Permission;
use weir_engine::document::Document;
use weir_engine::services;
use weir_engine::session::code_in;

use super::Designer;
use super::cx::Work;
use super::dialogs::Question;
use super::panes::Pane;

impl Designer {
    /// Begins `work`, or asks about its code first.
    pub(super) fn begin_work(&mut self, ctx: &egui::Context, work: Work) {
        self.history.seal();
        let allow = Permission::These(self.prefs.allowed_code.clone());
        if let Some(doc) = self.drawing_of(&work) {
            let mut unread = code_in(&doc, services::ALL);
            unread.retain(|c| !allow.covers(&c.text));
            if !unread.is_empty() {
                self.dialogs.ask(Question::Code(unread, work));
                return;
            }
        }
        if let Some(pane) = pane_of(&work) {
            self.show_pane(pane);
        }
        match work {
            Work::Run { paused } => self.start(ctx, paused, allow),
            Work::Sweep => self.with_cx(|parts, cx| parts.panels.sweep.start(ctx, cx)),
            Work::Repeat => self.with_cx(|parts, cx| parts.panels.compare.repeat(ctx, cx)),
            Work::Test => self.with_cx(|parts, cx| parts.panels.checks.test(ctx, cx)),
            Work::Traffic(run) => {
                let data = self.files.data_folder();
                self.with_cx(|parts, cx| parts.panels.checks.traffic(ctx, cx, run, data));
            }
            Work::Verify(subject) => {
                let data = self.files.data_folder();
                self.with_cx(|parts, cx| parts.panels.checks.verify(ctx, cx, subject, data));
            }
        }
    }

    /// The drawing whose code `work` would run; what is verified brings its own, which is not read yet.
    fn drawing_of(&self, work: &Work) -> Option<Arc<Document>> {
        match work {
            Work::Verify(_) => None,
            Work::Traffic(run) => Some(Arc::clone(&run.doc)),
            Work::Run { .. } | Work::Sweep | Work::Repeat | Work::Test => {
                Some(Arc::clone(self.history.doc()))
            }
        }
    }

    fn start(&mut self, ctx: &egui::Context, paused: bool, allow: Permission) {
        let wake = ctx.clone();
        let doc = Arc::clone(self.history.doc());
        self.panels.plots.begin();
        let root = self.files.root();
        self.live.start(&doc, root, (paused, allow), move || {
            wake.request_repaint();
        });
    }
}

/// Where the work is watched.
const fn pane_of(work: &Work) -> Option<Pane> {
    match work {
        Work::Run { .. } => None,
        Work::Sweep => Some(Pane::Sweep),
        Work::Repeat => Some(Pane::Compare),
        Work::Test | Work::Traffic(_) | Work::Verify(_) => Some(Pane::Checks),
    }
}
