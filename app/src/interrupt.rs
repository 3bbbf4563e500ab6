//! Ctrl-C: the first ends the run after the step under way, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use weir_engine::session::Stopper;

/// Counts how often the user wants an end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicU32>);

impl Interrupt {
    /// Listens from now on. Without a handler (none can be set) Ctrl-C ends the program as ever.
    pub(crate) fn listen(stopper: Stopper) -> Self {
        let interrupt = Self::default();
        let counter = Arc::clone(&interrupt.0);
        let _unheard = ctrlc::set_handler(move || {
            if counter.fetch_add(1, Ordering::Relaxed) > 0 {
                stopper.stop_now();
            }
        });
        interrupt
    }
    /// True once the user wants an end.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}
