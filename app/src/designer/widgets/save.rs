//! Asks where to save on a thread of its own, writes, and says how it went: the window never waits for the system's dialog.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// A file that is being saved, if any.
#[derive(Debug, Default)]
pub(crate) struct Saving(Option<Receiver<Option<Result<PathBuf, String>>>>);

impl Saving {
    /// Asks for a place, `name` proposed, and writes `bytes` there.
    pub(crate) fn ask(&mut self, ctx: &egui::Context, name: &str, bytes: Vec<u8>) {
        let (send, receive) = channel();
        let (name, wake) = (file_name(name), ctx.clone());
        let work = move || {
            let extension = name.rsplit('.').next().unwrap_or_default().to_owned();
            let dialog = rfd::FileDialog::new()
                .set_file_name(name.as_str())
                .add_filter(extension.to_uppercase(), &[extension.as_str()]);
            let done = dialog.save_file().map(|path| match std::fs::write(&path, &bytes) {
                Ok(()) => Ok(path),
                Err(e) => Err(format!("`{}` cannot be written ({e}): choose another place", path.display())),
            });
            // Nobody listens any more when the window is closed.
            send.send(done).ok();
            wake.request_repaint();
        };
        match std::thread::Builder::new().name("weir-save".to_owned()).spawn(work) {
            Ok(_detached) => self.0 = Some(receive),
            Err(e) => {
                let (send, receive) = channel();
                send.send(Some(Err(format!("the system gives no thread: {e}")))).ok();
                self.0 = Some(receive);
            }
        }
    }
    /// How it went, once; nothing when the person chose no place.
    pub(crate) fn poll(&mut self) -> Option<Result<PathBuf, String>> {
        match self.0.as_ref()?.try_recv() {
            Ok(done) => {
                self.0 = None;
                done
            }
            Err(TryRecvError::Disconnected) => {
                self.0 = None;
                None
            }
            Err(TryRecvError::Empty) => None,
        }
    }
}

/// A name that any file system takes.
fn file_name(wanted: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    wanted.chars().map(plain).take(80).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_files_hold_no_path() {
        assert_eq!(super::file_name("producer.out/../서울.csv"), "producer.out-..-서울.csv");
    }
}
