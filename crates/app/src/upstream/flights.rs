use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use session_core::SessionId;
use tokio::sync::watch;

/// What is under way for a session, so that it is under way once: whoever comes late waits for the
/// same result.
///
/// Each flight is a task of its own, which goes on when those who wait for it give up.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    table: Arc<Mutex<Table<T>>>,
    closing: watch::Sender<bool>,
}

type Table<T> = HashMap<SessionId, watch::Receiver<Option<T>>>;

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(crate) fn new() -> Self {
        Self {
            table: Arc::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// The result of the flight that is under way for `id` or, where there is none, of the one that
    /// `begin` starts; `None` if it panicked.
    pub(crate) async fn join<F>(&self, id: SessionId, begin: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut flight = self.enter(id, begin);
        // The sender is gone before it said anything only if its task panicked.
        let landed = flight.wait_for(Option::is_some).await.ok()?;
        landed.clone()
    }

    fn enter<F>(&self, id: SessionId, begin: impl FnOnce() -> F) -> watch::Receiver<Option<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (tell, flight) = watch::channel(None);
        {
            let mut table = lock(&self.table);
            if let Some(flight) = table.get(&id) {
                return flight.clone();
            }
            table.insert(id, flight.clone());
        }
        let landing = Landing {
            table: Arc::clone(&self.table),
            id,
        };
        let work = begin();
        // Not under the lock: a runtime that shuts down drops the task at once, and the landing takes
        // the lock.
        tokio::spawn(async move {
            let result = work.await;
            // Off the table first: whoever comes from here on starts anew.
            drop(landing);
            tell.send_replace(Some(result));
        });
        flight
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        lock(&self.table).len()
    }

    /// Asks those under way to begin nothing new: they are not waited for much longer.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Whether nothing new is to be begun.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits until nothing new is to be begun.
    pub(crate) async fn closing(&self) {
        // The sender is `self`, so it is not gone.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }
}

/// Takes a flight off the table, also when it panics.
struct Landing<T> {
    table: Arc<Mutex<Table<T>>>,
    id: SessionId,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        lock(&self.table).remove(&self.id);
    }
}

/// The table is whole after every statement, so a panic elsewhere cannot have torn it.
fn lock<T>(table: &Mutex<Table<T>>) -> std::sync::MutexGuard<'_, Table<T>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn id() -> SessionId {
        SessionId::at(chrono::DateTime::UNIX_EPOCH, [1; 10])
    }

    #[tokio::test]
    async fn late_comers_get_the_same_result() {
        let flights = Arc::new(Flights::new());
        let begun = Arc::new(AtomicUsize::new(0));
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let (flights, begun) = (Arc::clone(&flights), Arc::clone(&begun));
                tokio::spawn(async move {
                    let work = || async move {
                        tokio::task::yield_now().await;
                        begun.fetch_add(1, Ordering::SeqCst)
                    };
                    flights.join(id(), work).await
                })
            })
            .collect();
        for waiter in waiting {
            assert_eq!(waiter.await.unwrap(), Some(0));
        }
        assert_eq!(flights.len(), 0);
        assert_eq!(flights.join(id(), || async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_flight_goes_on_when_those_who_wait_give_up() {
        let flights = Flights::new();
        let (go, may_go) = tokio::sync::oneshot::channel::<()>();
        let (done, is_done) = tokio::sync::oneshot::channel();
        let work = || async move {
            let _ = may_go.await;
            let _ = done.send(());
        };
        let waited = tokio::time::timeout(Duration::ZERO, flights.join(id(), work)).await;
        assert!(waited.is_err());
        go.send(()).unwrap();
        assert!(is_done.await.is_ok());
    }

    #[test]
    fn a_flight_in_a_runtime_that_shuts_down_locks_nobody_up() {
        // One thread for the flight, another one that notices the end meanwhile.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let flights = Arc::new(Flights::<()>::new());
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (is_down, wait_for_it) = std::sync::mpsc::channel::<()>();
        let (entered, is_entered) = std::sync::mpsc::channel();
        let theirs = Arc::clone(&flights);
        runtime.spawn(async move {
            begun.send(()).unwrap();
            // Until what waits has been dropped: from then on every task is, at once.
            assert!(wait_for_it.recv().is_err());
            drop(theirs.enter(id(), || async {}));
            entered.send(()).unwrap();
        });
        has_begun.recv().unwrap();
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(is_down);
        });
        runtime.shutdown_background();
        is_entered.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_flight_that_panics_is_over() {
        let flights: Flights<()> = Flights::new();
        assert_eq!(
            flights.join(id(), || async { panic!("a fault") }).await,
            None
        );
        assert_eq!(flights.join(id(), || async {}).await, Some(()));
    }
}
