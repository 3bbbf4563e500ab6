//! Which file a person means: asked by the system's dialog, behind a seam, while frames go on.

use std::fmt::Debug;
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
    /// A drawing, to be opened.
    Open,
    /// A place for the drawing.
    Save,
    /// The folder of a run, to be compared.
    Run,
    /// The page of a report, to be verified.
    Report,
    /// The folder of a run or of a sweep, to be verified.
    Ended,
    /// The folder with the data of what is verified.
    Data,
    /// A place for something that the drawing or its run gave: a plot, a table.
    Export,
}

impl Wanted {
    /// What stands over the dialog.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Open => tr("files.pick_open"),
            Self::Save => tr("files.pick_save"),
            Self::Run => tr("study.open_run"),
            Self::Report => tr("checks.open_report"),
            Self::Ended => tr("checks.open_folder"),
            Self::Data => tr("checks.data_pick"),
            Self::Export => tr("files.pick_export"),
        }
    }
    /// Something is to be written.
    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Save | Self::Export)
    }
    /// A folder, not a file.
    pub(crate) const fn is_folder(self) -> bool {
        matches!(self, Self::Run | Self::Ended | Self::Data)
    }
    /// How names of files end that are wanted.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Report => "html",
            _ => "json",
        }
    }
}

/// Asks a person for files: the system's dialogs, or what stands in for them in a test.
pub trait FileDialogs: Debug + Send + Sync {
    /// Shows a dialog; `None` when there is none to show.
    fn ask(&self, wish: &FileWish<'_>) -> Option<FileReply>;
}

/// What a dialog is to ask for.
#[derive(Debug, Clone, Copy)]
pub struct FileWish<'a> {
    /// A file is to be written; otherwise one is to be read.
    pub writes: bool,
    /// A folder is wanted, not a file.
    pub of_folder: bool,
    /// What stands over the dialog.
    pub title: &'a str,
    /// Where it begins.
    pub folder: Option<&'a Path>,
    /// The name that is proposed for a file to be written.
    pub name: &'a str,
    /// Files with this ending are shown.
    pub extension: &'a str,
}

/// What a dialog will have come to.
pub type FileReply = Pin<Box<dyn Future<Output = FileChoice> + Send>>;

/// What a dialog came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChoice {
    /// The person chose this file.
    File(PathBuf),
    /// The person chose nothing.
    Nothing,
    /// The dialog never came up.
    NoDialog,
}

/// The dialog that is open, if one is.
#[derive(Default)]
pub(crate) struct Picker {
    asked: Option<(Wanted, FileReply)>,
}

/// Draws a frame when the dialog has been answered.
struct Repaint(egui::Context);

impl Wake for Repaint {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}

impl Picker {
    /// Shows a dialog, beginning in `folder`, with `name` proposed. False when there is none to show.
    pub(crate) fn ask(
        &mut self,
        dialogs: &dyn FileDialogs,
        wanted: Wanted,
        folder: Option<&Path>,
        name: &str,
    ) -> bool {
        if self.asked.is_some() {
            return true;
        }
        let extension = match wanted {
            Wanted::Export => name.rsplit('.').next().unwrap_or_default(),
            _ => wanted.extension(),
        };
        let reply = dialogs.ask(&FileWish {
            writes: wanted.writes(),
            of_folder: wanted.is_folder(),
            title: wanted.title(),
            folder,
            name,
            extension,
        });
        self.asked = reply.map(|reply| (wanted, reply));
        self.asked.is_some()
    }
    /// The answer, once there is one.
    pub(crate) fn poll(&mut self, ctx: &egui::Context) -> Option<(Wanted, FileChoice)> {
        let (wanted, reply) = self.asked.as_mut()?;
        let waker = Waker::from(Arc::new(Repaint(ctx.clone())));
        match reply.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(choice) => {
                let wanted = *wanted;
                self.asked = None;
                Some((wanted, choice))
            }
            Poll::Pending => None,
        }
    }
}

/// The dialogs of the system.
#[derive(Debug)]
pub(crate) struct SystemDialogs;

/// Nobody closes a dialog faster than this: there was none.
const NOBODY: Duration = Duration::from_millis(300);

impl FileDialogs for SystemDialogs {
    fn ask(&self, wish: &FileWish<'_>) -> Option<FileReply> {
        if !has_dialogs() {
            return None;
        }
        let filter = match wish.extension {
            "json" => "Weir".to_owned(),
            other => other.to_uppercase(),
        };
        let mut dialog = rfd::AsyncFileDialog::new()
            .add_filter(filter, &[wish.extension])
            .set_title(wish.title);
        if let Some(folder) = wish.folder {
            dialog = dialog.set_directory(folder);
        }
        let since = Instant::now();
        let choice = move |answer: Option<rfd::FileHandle>| match answer {
            Some(handle) => FileChoice::File(handle.path().to_owned()),
            None if since.elapsed() < NOBODY => FileChoice::NoDialog,
            None => FileChoice::Nothing,
        };
        Some(if wish.of_folder {
            let answer = dialog.pick_folder();
            Box::pin(async move { choice(answer.await) })
        } else if wish.writes {
            let answer = dialog.set_file_name(wish.name).save_file();
            Box::pin(async move { choice(answer.await) })
        } else {
            let answer = dialog.pick_file();
            Box::pin(async move { choice(answer.await) })
        })
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
