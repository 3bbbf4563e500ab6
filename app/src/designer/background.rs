//! One piece of work on a thread of its own, so that no frame waits for it.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// Work whose result is taken in a later frame. Starting another one forgets the first.
#[derive(Debug)]
pub(crate) struct Task<T>(Option<Receiver<T>>);

impl<T> Default for Task<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> Task<T> {
    /// Does `work` on a thread, then asks for a frame.
    ///
    /// # Errors
    /// When the system gives no thread, in words.
    pub(crate) fn start(
        &mut self,
        ctx: &egui::Context,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(), String> {
        let (send, receive) = channel();
        let wake = ctx.clone();
        let run = move || {
            // Nobody listens any more when another one was started.
            send.send(work()).ok();
            wake.request_repaint();
        };
        std::thread::Builder::new()
            .name(format!("weir-{name}"))
            .spawn(run)
            .map_err(|e| format!("the system gives no thread: {e}"))?;
        self.0 = Some(receive);
        Ok(())
    }
    /// The result, once.
    pub(crate) fn poll(&mut self) -> Option<T> {
        match self.0.as_ref()?.try_recv() {
            Ok(done) => {
                self.0 = None;
                Some(done)
            }
            Err(TryRecvError::Disconnected) => {
                self.0 = None;
                None
            }
            Err(TryRecvError::Empty) => None,
        }
    }
    /// True while it goes on.
    pub(crate) const fn is_running(&self) -> bool {
        self.0.is_some()
    }
    /// Forgets it; its result goes nowhere.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

/// Throws values away on a thread of its own: freeing the thousands of parts of a large one takes milliseconds of a frame.
#[derive(Debug)]
pub(crate) struct Retired<T>(Option<Sender<T>>);

impl<T> Default for Retired<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> Retired<T> {
    /// Throws `value` away soon; at once where the system gives no thread.
    pub(crate) fn drop_soon(&mut self, value: T) {
        let sender = self.0.get_or_insert_with(|| {
            let (send, receive) = channel::<T>();
            let work = move || receive.into_iter().for_each(drop);
            let thread = std::thread::Builder::new().name("weir-retired".to_owned());
            // Without a thread nobody receives, and what cannot be sent is dropped here.
            thread.spawn(work).ok();
            send
        });
        sender.send(value).ok();
    }
}
