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
pub(crate) struct Flights<T>(Arc<Mutex<Table<T>>>);

type Table<T> = HashMap<SessionId, watch::Receiver<Option<T>>>;

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
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
        let mut table = lock(&self.0);
        if let Some(flight) = table.get(&id) {
            return flight.clone();
        }
        let (tell, flight) = watch::channel(None);
        table.insert(id, flight.clone());
        let landing = Landing {
            table: Arc::clone(&self.0),
            id,
        };
        let work = begin();
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
        lock(&self.0).len()
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
        let (done, is_done) = tokio::sync::oneshot::channel();
        let work = || async move {
            tokio::task::yield_now().await;
            let _ = done.send(());
        };
        let waited = tokio::time::timeout(Duration::ZERO, flights.join(id(), work)).await;
        assert!(waited.is_err());
        assert!(is_done.await.is_ok());
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
