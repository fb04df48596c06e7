//! Tasks that own a connection each and carry out what comes through a queue.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// How long closing waits for a connection to let go of its file.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to them.
pub(crate) struct Workers<T> {
    /// `None` once closed.
    queue: RwLock<Option<mpsc::Sender<T>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// The workers take no more.
pub(crate) struct Closed;

impl<T> Workers<T> {
    /// Tasks that end when `queue` is dropped and what waits in it is carried out.
    pub(crate) fn new(queue: mpsc::Sender<T>, tasks: Vec<JoinHandle<()>>) -> Self {
        Self {
            queue: RwLock::new(Some(queue)),
            tasks: Mutex::new(tasks),
        }
    }

    /// Waits for a place in the queue.
    pub(crate) async fn send(&self, job: T) -> Result<(), Closed> {
        let queue = {
            // The sender is only ever replaced whole: a panic cannot have left it half done.
            let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
            queue.clone().ok_or(Closed)?
        };
        queue.send(job).await.map_err(|_| Closed)
    }

    /// Takes no more, has what waits carried out, and waits until the connections are closed.
    pub(crate) async fn close(&self) {
        self.queue
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for task in self.tasks.lock().await.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the session database failed");
            }
        }
    }
}

/// Lets go of the file, which the last one that does so leaves whole, without a write-ahead log.
pub(crate) async fn close(connection: SqliteConnection) {
    match tokio::time::timeout(CLOSE_TIMEOUT, connection.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "closing the session database failed"),
        Err(_) => tracing::warn!("closing the session database took too long"),
    }
}
