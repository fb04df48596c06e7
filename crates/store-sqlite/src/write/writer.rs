use session_core::ports::StoreError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Job, Queueable, Queued};
use crate::copies::AllCopies;
use crate::error::Failure;
use crate::workers::{self, Closed, Workers};

/// Most requests of one transaction.
const BATCH: usize = 256;
/// Requests that wait for the next transaction; beyond that, callers wait to join the queue.
const QUEUE: usize = 1024;

/// The way to the one task that writes.
pub(crate) struct Writer(Workers<Job>);

impl Writer {
    pub(crate) fn start(
        connection: SqliteConnection,
        reconnect: SqliteConnectOptions,
        copies: AllCopies,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let worker = Worker {
            connection: Some(connection),
            reconnect,
            copies,
        };
        let task = tokio::spawn(worker.run(waiting));
        Self(Workers::new(queue, vec![task]))
    }

    /// Has a request carried out, together with all that waits beside it; returns once it is on the
    /// disk.
    ///
    /// A caller that stops waiting leaves the request in the queue: it may still be carried out.
    pub(crate) async fn submit<K: Queueable>(&self, request: K) -> Result<K::Outcome, StoreError> {
        let closed = || StoreError::closed(K::DOING);
        let (answer, outcome) = oneshot::channel();
        let job = K::queued(Queued { request, answer });
        self.0.send(job).await.map_err(|Closed| closed())?;
        outcome.await.map_err(|_| closed())?
    }

    /// Takes no more requests, carries out those that wait, and closes the file.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

struct Worker {
    /// `None` when the last one was given up after a failure.
    connection: Option<SqliteConnection>,
    reconnect: SqliteConnectOptions,
    copies: AllCopies,
}

impl Worker {
    async fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut jobs, BATCH).await > 0 {
            let mut batch = Batch::default();
            jobs.drain(..).for_each(|job| batch.add(job));
            self.carry_out(batch).await;
        }
        if let Some(connection) = self.connection {
            workers::close(connection).await;
        }
    }

    async fn carry_out(&mut self, batch: Batch) {
        let Err((batch, failure)) = self.commit(batch).await else {
            return;
        };
        if batch.len() > 1 && failure.is_of_one_request() {
            // One of the requests is at fault: the others must not suffer for it.
            for single in batch.singly() {
                if let Err((single, failure)) = self.commit(single).await {
                    single.fail(&failure);
                }
            }
        } else {
            batch.fail(&failure);
        }
    }

    /// One transaction over the batch; afterwards it is on the disk and everyone is answered, or
    /// nothing is written.
    async fn commit(&mut self, mut batch: Batch) -> Result<(), (Batch, Failure)> {
        match self.transact(&mut batch).await {
            Ok(()) => {
                batch.succeed();
                Ok(())
            }
            Err(failure) => {
                // What became of a commit that failed is for the file to say, not for memory.
                self.copies.forget_all();
                Err((batch, failure))
            }
        }
    }

    async fn transact(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reconnect.connect().await?,
        };
        // `IMMEDIATE` takes the write lock at once: a transaction that starts by reading could find
        // its snapshot outdated when it comes to write. Wherever an error leaves this function
        // early, the connection is dropped, which rolls back whatever is open.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        match batch.apply(&mut transaction).await {
            Ok(effects) => {
                transaction.commit().await?;
                effects.apply(&self.copies);
            }
            Err(failure) => {
                transaction.rollback().await?;
                self.connection = Some(connection);
                return Err(failure);
            }
        }
        self.connection = Some(connection);
        Ok(())
    }
}
