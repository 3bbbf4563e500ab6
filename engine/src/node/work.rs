//! Real work beside the event loop: it starts at once on a pool and is waited for at its modelled instant. How long it
//! takes on this machine changes only how long the loop waits, never what comes out.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The run was stopped.
    #[error("the run was stopped")]
    Cancelled,
    /// The work itself said so, or panicked.
    #[error("{0}")]
    Failed(String),
}

/// Where work is done. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    handle: Handle,
    cancel: CancellationToken,
    slots: Arc<Semaphore>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("free", &self.slots.available_permits())
            .finish()
    }
}

/// Work under way, with a result of type `T`. Dropping it lets the work end unread.
#[derive(Debug)]
pub struct Work<T> {
    task: JoinHandle<Result<T, String>>,
}

impl<T> Work<T> {
    /// The result, for work that builds on other work.
    ///
    /// # Errors
    /// When the work failed.
    pub async fn result(self) -> Result<T, String> {
        self.task.await.unwrap_or_else(|e| Err(e.to_string()))
    }
}

impl Pool {
    /// A pool on a tokio runtime, with at most `slots` pieces of work unfinished: the event loop waits for a slot, so the
    /// memory that work holds is bounded.
    #[must_use]
    pub fn new(handle: Handle, cancel: CancellationToken, slots: usize) -> Self {
        Self {
            handle,
            cancel,
            slots: Arc::new(Semaphore::new(slots.max(1))),
        }
    }
    /// Starts `future` on the pool. Called by the event loop only.
    ///
    /// # Errors
    /// When the run is stopped while waiting for a slot.
    pub fn start<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, String>> + Send + 'static,
    ) -> Result<Work<T>, WorkError> {
        let slots = Arc::clone(&self.slots);
        let permit = match Arc::clone(&slots).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self
                .block(slots.acquire_owned())?
                .map_err(|e| WorkError::Failed(e.to_string()))?,
        };
        let task = self.handle.spawn(async move {
            let result = future.await;
            drop(permit);
            result
        });
        Ok(Work { task })
    }
    /// Starts a computation on the pool.
    ///
    /// # Errors
    /// As [`Pool::start`].
    pub fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<Work<T>, WorkError> {
        self.start(async move { work() })
    }
    /// Waits for a result; returns at once when the run is stopped.
    ///
    /// # Errors
    /// When the work failed or the run is stopped.
    pub fn wait<T>(&self, work: Work<T>) -> Result<T, WorkError> {
        let Work { mut task } = work;
        let result = self.block(&mut task);
        if result.is_err() {
            task.abort();
        }
        result?
            .map_err(|e| WorkError::Failed(e.to_string()))?
            .map_err(WorkError::Failed)
    }
    fn block<F: Future>(&self, future: F) -> Result<F::Output, WorkError> {
        self.handle.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(WorkError::Cancelled),
                output = future => Ok(output),
            }
        })
    }
}
