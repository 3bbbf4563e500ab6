//! Work beside the run of the window: how far it is, how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use egui::{RichText, Ui};
use weir_engine::code::Permission;
use weir_engine::session::{CodeText, SessionError};
use weir_engine::study::{SweepStopper, Watch};

use crate::designer::background::Task;
use crate::designer::cx::Cx;
use crate::designer::i18n::tr;
use crate::designer::theme::theme;
use crate::designer::widgets::format;

/// Why work came to nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failed {
    /// It would run code that the person has not allowed.
    Code(Vec<CodeText>),
    /// In a sentence.
    Words(String),
}

impl Failed {
    /// For work whose code was asked about before it began.
    pub(super) fn words(self) -> String {
        match self {
            Self::Code(_) => tr("files.code_question").to_owned(),
            Self::Words(why) => why,
        }
    }
}

impl From<SessionError> for Failed {
    fn from(e: SessionError) -> Self {
        match e {
            SessionError::Code(code) => Self::Code(code),
            other => Self::Words(other.to_string()),
        }
    }
}

impl From<String> for Failed {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

/// What work came to, or why to nothing.
pub(super) type Ended<T> = Result<T, Failed>;

/// Work on a thread of its own that tells how far it is and can be stopped.
pub(super) struct Job<T> {
    task: Task<Ended<T>>,
    stopper: SweepStopper,
    far: Arc<Far>,
}

/// So much of so much; nothing is known while `all` is 0.
#[derive(Debug, Default)]
struct Far {
    done: AtomicUsize,
    all: AtomicUsize,
}

impl<T> Default for Job<T> {
    fn default() -> Self {
        Self {
            task: Task::default(),
            stopper: SweepStopper::default(),
            far: Arc::default(),
        }
    }
}

impl<T: Send + 'static> Job<T> {
    /// Begins `work`.
    ///
    /// # Errors
    /// When the system gives no thread, in words.
    pub(super) fn start(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        name: &str,
        work: impl FnOnce(&Watch<'_>) -> Ended<T> + Send + 'static,
    ) -> Result<(), String> {
        *self = Self::default();
        let allow = Permission::These(cx.prefs.allowed_code.clone());
        let (stopper, far, wake) = (self.stopper.clone(), Arc::clone(&self.far), ctx.clone());
        self.task.start(ctx, name, move || {
            let tell = |done, all| {
                far.done.store(done, Ordering::Relaxed);
                far.all.store(all, Ordering::Relaxed);
                wake.request_repaint();
            };
            work(&Watch {
                allow: &allow,
                stopper,
                tell: &tell,
            })
        })
    }
    /// What it came to, once.
    pub(super) fn poll(&mut self) -> Option<Ended<T>> {
        self.task.poll()
    }
    pub(super) const fn is_running(&self) -> bool {
        self.task.is_running()
    }
    /// Draws how far it is and the way to end it; nothing when it does not go on. False then.
    pub(super) fn show(&self, ui: &mut Ui) -> bool {
        if !self.is_running() {
            return false;
        }
        let (done, all) = (
            self.far.done.load(Ordering::Relaxed),
            self.far.all.load(Ordering::Relaxed),
        );
        let share = done as f32 / all.max(1) as f32;
        ui.horizontal(|ui| {
            let bar = egui::ProgressBar::new(share).text(format::percent(share.into()));
            ui.add(bar.desired_width((ui.available_width() - 140.0).max(60.0)));
            if ui.button(tr("checks.stop")).clicked() {
                self.stopper.stop();
            }
        });
        true
    }
    /// Says that it goes on, where its result will stand. False when it does not.
    pub(super) fn waits(&self, ui: &mut Ui) -> bool {
        if self.is_running() {
            ui.label(RichText::new(tr("checks.runs")).color(theme().secondary));
        }
        self.is_running()
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}
