//! A store over nothing, and a look at what it writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, ToRedisArgs};
use store_redis::{Options, RedisStore};

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
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("look-{}-{count}", std::process::id());
        let url = crate::server::url();
        let options = Options::from_url(&url).expect("a URL");
        let options = set(options.prefix(prefix.clone()));
        let client = redis::Client::open(url).expect("a URL");
        let raw = client.get_multiplexed_async_connection().await;
        Self {
            store: opened(&options).await,
            raw: raw.expect("redis answers"),
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
