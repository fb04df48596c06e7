//! A store over nothing, and a look at what it writes.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, ToRedisArgs};
use store_redis::{Options, RedisStore};

/// No test is about a server that is slow: the machine may be.
const LONG: Duration = Duration::from_secs(20);

/// A store, and the same server beside it.
pub(crate) struct Place {
    pub(crate) store: Arc<RedisStore>,
    pub(crate) raw: MultiplexedConnection,
    options: Options,
    prefix: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options).await
    }

    pub(crate) async fn with(set: impl FnOnce(Options) -> Options) -> Self {
        let url = crate::server::url();
        let options = Options::from_url(&url).expect("a URL");
        let client = redis::Client::open(url).expect("a URL");
        let patient = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LONG))
            .set_response_timeout(Some(LONG));
        let raw = client.get_multiplexed_async_connection_with_config(&patient);
        let raw = raw.await;
        let mut raw = raw.expect("redis answers");
        // Counted by the server, which may have been there before this process, and outlive it.
        let number = redis::cmd("INCR").arg("looks").query_async(&mut raw).await;
        let number: u64 = number.expect("redis answers");
        let prefix = format!("look-{number}");
        let options = set(options.prefix(prefix.clone()).timeouts(LONG, LONG));
        Self {
            store: opened(&options).await,
            raw,
            options,
            prefix: format!("{prefix}:"),
        }
    }

    /// Another store over the same, as another process would open it.
    pub(crate) async fn another(&self) -> Arc<RedisStore> {
        opened(&self.options).await
    }

    /// Another store over the same that is set up otherwise.
    pub(crate) async fn another_with(
        &self,
        set: impl FnOnce(Options) -> Options,
    ) -> Arc<RedisStore> {
        opened(&set(self.options.clone())).await
    }

    /// A key of the store.
    pub(crate) fn key(&self, kind: &str, rest: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), kind.as_bytes(), rest].concat()
    }

    /// Every key of the store.
    pub(crate) async fn keys(&self) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = self.ask("KEYS", &format!("{}*", self.prefix), &[]).await;
        keys.sort_unstable();
        keys
    }

    /// What the server says to a command about a key.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        name: &str,
        key: impl ToRedisArgs,
        rest: &[&[u8]],
    ) -> T {
        let mut command = redis::cmd(name);
        command.arg(key).arg(rest);
        let answer = command.query_async(&mut self.raw.clone()).await;
        answer.expect("redis answers")
    }

    /// How long a key lives yet, in milliseconds; -1 without an end, -2 without a key.
    pub(crate) async fn time_to_live(&self, key: &[u8]) -> i64 {
        self.ask("PTTL", key, &[]).await
    }
}

async fn opened(options: &Options) -> Arc<RedisStore> {
    let store = RedisStore::open(options.clone()).await;
    Arc::new(store.expect("redis answers"))
}
