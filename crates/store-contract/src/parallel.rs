//! Running many things at once.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

/// Longest time that a contract may take; a store that hangs fails instead of blocking the suite.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Runs a contract, but not forever.
pub async fn in_time(contract: impl Future<Output = ()>) {
    tokio::time::timeout(TIME_LIMIT, contract)
        .await
        .expect("the contract takes too long");
}

/// Runs all at once, on several threads; the outcomes in the order of the futures.
pub async fn all<T: Send + 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut tasks = JoinSet::new();
    for (place, future) in futures.into_iter().enumerate() {
        tasks.spawn(async move { (place, future.await) });
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
