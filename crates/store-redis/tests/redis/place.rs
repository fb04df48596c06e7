//! A store over nothing, and a look at what it writes.

use std::sync::Arc;

use redis::{FromRedisValue, ToRedisArgs};
use store_redis::{Options, RedisStore};

use crate::raw::Raw;

/// A store, and the same server beside it.
pub(crate) struct Place {
    pub(crate) store: Arc<RedisStore>,
    pub(crate) raw: Raw,
    options: Options,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options).await
    }

    pub(crate) async fn with(set: impl FnOnce(Options) -> Options) -> Self {
        let raw = Raw::new().await;
        let options = set(raw.options());
        Self {
            store: opened(&options).await,
            raw,
            options,
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
        self.raw.key(kind, rest)
    }

    /// Every key of the store.
    pub(crate) async fn keys(&self) -> Vec<Vec<u8>> {
        self.raw.keys().await
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
        self.raw.ask(&command).await
    }

    /// How long a key lives yet, in milliseconds; -1 without an end, -2 without a key.
    pub(crate) async fn time_to_live(&self, key: &[u8]) -> i64 {
        self.raw.time_to_live(key).await
    }
}

async fn opened(options: &Options) -> Arc<RedisStore> {
    let store = RedisStore::open(options.clone()).await;
    Arc::new(store.expect("redis answers"))
}
