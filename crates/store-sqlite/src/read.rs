//! Lookups of sessions by id, many in one statement.

use std::collections::HashMap;
use std::sync::Arc;

use session_core::ports::StoreError;
use session_core::{Session, SessionId};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::error::Failure;
use crate::row::{self, columns};
use crate::workers::{self, Closed, Workers};

const DOING: &str = "find a session";
/// Most lookups of one statement.
const BATCH: usize = 256;
/// Lookups that wait for a connection; beyond that, callers wait to join the queue.
const QUEUE: usize = 1024;
/// Connections for lookups. While one reads, the other collects what arrives.
const FINDERS: usize = 2;

type Found = Result<Option<Arc<Session>>, Failure>;

struct Lookup {
    id: SessionId,
    answer: oneshot::Sender<Found>,
}

/// Answers lookups. In sqlx each statement crosses to the connection's thread and back, which costs
/// more than finding a row: so lookups that arrive while a statement runs share the next one.
pub(crate) struct Finder(Workers<Lookup>);

impl Finder {
    pub(crate) async fn start(options: &SqliteConnectOptions) -> sqlx::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut tasks = Vec::with_capacity(FINDERS);
        for _ in 0..FINDERS {
            let connection = options.connect().await?;
            tasks.push(tokio::spawn(answer_all(connection, Arc::clone(&waiting))));
        }
        Ok(Self(Workers::new(queue, tasks)))
    }

    pub(crate) async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        let (answer, found) = oneshot::channel();
        let closed = || StoreError::closed(DOING);
        let lookup = Lookup { id, answer };
        self.0.send(lookup).await.map_err(|Closed| closed())?;
        found
            .await
            .map_err(|_| closed())?
            .map_err(|failure| failure.into_store_error(DOING))
    }

    /// Answers the lookups that wait and takes no more.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

/// Runs until the queue is closed and empty.
async fn answer_all(mut connection: SqliteConnection, waiting: Arc<Mutex<mpsc::Receiver<Lookup>>>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        // The lock is held while waiting for work, never while working.
        if waiting.lock().await.recv_many(&mut batch, BATCH).await == 0 {
            break;
        }
        answer(&mut connection, &mut batch).await;
    }
    workers::close(connection).await;
}

async fn answer(connection: &mut SqliteConnection, batch: &mut Vec<Lookup>) {
    // Who asked may have gone away: then there is nobody to look for.
    batch.retain(|lookup| !lookup.answer.is_closed());
    let ids = batch.iter().map(|lookup| lookup.id);
    let found = find_many(connection, ids).await;
    for Lookup { id, answer } in batch.drain(..) {
        let one = found
            .as_ref()
            .map(|found| found.get(&id).cloned())
            .map_err(Failure::clone);
        // The receiver may be gone by now, which is nobody's fault.
        let _ = answer.send(one);
    }
}

/// The records of `ids`, as far as there are any.
pub(crate) async fn find_many(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = SessionId>,
) -> Result<HashMap<SessionId, Arc<Session>>, Failure> {
    let ids: Vec<SessionId> = ids.collect();
    let rows = match ids.as_slice() {
        [] => return Ok(HashMap::new()),
        [id] => {
            sqlx::query(concat!(
                "SELECT ",
                columns!(),
                " FROM sessions WHERE id = ?1"
            ))
            .bind(id.as_bytes().as_slice())
            .fetch_all(connection)
            .await?
        }
        ids => {
            sqlx::query(concat!(
                "SELECT ",
                columns!(),
                " FROM sessions WHERE id IN (SELECT unhex(value) FROM json_each(?1))"
            ))
            .bind(ids_as_json(ids))
            .fetch_all(connection)
            .await?
        }
    };
    row::read_all(&rows)
}

/// Ids as a JSON array of hexadecimal text; they need no escaping.
fn ids_as_json(ids: &[SessionId]) -> String {
    let mut json = String::with_capacity(2 + ids.len() * 35);
    json.push('[');
    for (place, id) in ids.iter().enumerate() {
        json.push_str(if place == 0 { "\"" } else { ",\"" });
        json.push_str(&row::hex(id.as_bytes()));
        json.push('"');
    }
    json.push(']');
    json
}
