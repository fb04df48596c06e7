//! Servers that a test has for itself, to do to them what others would not like.

use std::future::Future;
use std::time::{Duration, Instant};

use real_redis::{RedisServer, ServerOptions};
use session_core::ports::{StoreError, StoreErrorKind};
use store_redis::{OpenError, Options, RedisStore};

/// How long these stores wait for a connection, and for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(400);
/// What a machine with much else to do may need on top.
pub(crate) const SLOW: Duration = Duration::from_millis(500);

pub(crate) fn start(options: &ServerOptions) -> Option<RedisServer> {
    RedisServer::start(options)
}

pub(crate) fn options(url: &str) -> Options {
    let options = Options::from_url(url).expect("a URL");
    options.prefix("test").timeouts(TIMEOUT, TIMEOUT)
}

pub(crate) async fn open(url: &str) -> RedisStore {
    let store = RedisStore::open(options(url)).await;
    store.expect("redis answers")
}

/// A server, and a store over it.
pub(crate) async fn server_and_store(options: &ServerOptions) -> Option<(RedisServer, RedisStore)> {
    let server = start(options)?;
    let store = open(&server.url()).await;
    Some((server, store))
}

/// Why a store cannot be opened, with all causes, as a person would be told.
pub(crate) async fn refused(options: Options) -> String {
    let error: OpenError = RedisStore::open(options).await.expect_err("it is refused");
    chain(&error)
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error} {error:?}");
        cause = error.source();
    }
    text
}

/// What an action answers, and how long that takes.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a caller waits is what is looked at"
)]
pub(crate) async fn timed<T>(action: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let answer = action.await;
    (answer, begun.elapsed())
}

pub(crate) fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    let error = answer.as_ref().err();
    error.is_some_and(|error| error.kind() == StoreErrorKind::Unavailable)
}

/// Tries until it works, and how long that took; fails where it is too long.
pub(crate) async fn works_within<T>(
    limit: Duration,
    mut action: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Duration {
    let again = async {
        loop {
            match action().await {
                Ok(_) => return,
                Err(error) => {
                    assert_eq!(
                        error.kind(),
                        StoreErrorKind::Unavailable,
                        "{}",
                        chain(&error)
                    );
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    };
    let (done, took) = timed(tokio::time::timeout(limit, again)).await;
    done.expect("it works again in time");
    took
}
