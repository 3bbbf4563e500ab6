//! The system's own dialogs for files: asked for without waiting, answered in a later frame.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::designer::i18n::tr;

/// What a file is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// To be opened.
    Open,
    /// To be written.
    Save,
}

/// Nobody closes a dialog faster than this: there was none.
const NOBODY: Duration = Duration::from_millis(300);

type Answer = Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>>;

struct Asked {
    wanted: Wanted,
    since: Instant,
    answer: Answer,
}

/// What came of a dialog.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Picked {
    /// The person chose this file.
    File(Wanted, PathBuf),
    /// The person chose nothing.
    Nothing,
    /// The system has no dialog to show.
    NoDialog(Wanted),
}

/// The dialog that is open, if one is.
#[derive(Default)]
pub(crate) struct Picker {
    asked: Option<Asked>,
}

/// Draws a frame when the dialog has been answered.
struct Repaint(egui::Context);

impl Wake for Repaint {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}

impl Picker {
    /// Shows the system's dialog, beginning in `folder`. False when the system has none.
    pub(crate) fn ask(&mut self, wanted: Wanted, folder: Option<&Path>, name: &str) -> bool {
        if self.asked.is_some() {
            return true;
        }
        if !has_dialogs() {
            return false;
        }
        let mut dialog = rfd::AsyncFileDialog::new().add_filter("Weir", &["json"]);
        if let Some(folder) = folder {
            dialog = dialog.set_directory(folder);
        }
        let answer: Answer = match wanted {
            Wanted::Open => Box::pin(dialog.set_title(tr("files.pick_open")).pick_file()),
            Wanted::Save => Box::pin(
                dialog
                    .set_title(tr("files.pick_save"))
                    .set_file_name(name)
                    .save_file(),
            ),
        };
        self.asked = Some(Asked {
            wanted,
            since: Instant::now(),
            answer,
        });
        true
    }
    /// The answer, once there is one.
    pub(crate) fn poll(&mut self, ctx: &egui::Context) -> Option<Picked> {
        let asked = self.asked.as_mut()?;
        let waker = Waker::from(Arc::new(Repaint(ctx.clone())));
        let Poll::Ready(answer) = asked.answer.as_mut().poll(&mut Context::from_waker(&waker))
        else {
            return None;
        };
        let picked = match answer {
            Some(handle) => Picked::File(asked.wanted, handle.path().to_owned()),
            None if asked.since.elapsed() < NOBODY => Picked::NoDialog(asked.wanted),
            None => Picked::Nothing,
        };
        self.asked = None;
        Some(picked)
    }
}

/// True when the system can show a dialog. On Linux that needs a desktop portal on the session's bus, or zenity.
fn has_dialogs() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let is_there =
        |list: &str, name: &str| std::env::split_paths(list).any(|p| p.join(name).exists());
    let of = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let bus = of("DBUS_SESSION_BUS_ADDRESS").is_some()
        || of("XDG_RUNTIME_DIR").is_some_and(|d| Path::new(&d).join("bus").exists());
    let shared = of("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".to_owned());
    let portal = bus
        && is_there(
            &shared,
            "dbus-1/services/org.freedesktop.portal.Desktop.service",
        );
    portal || of("PATH").is_some_and(|path| is_there(&path, "zenity"))
}
