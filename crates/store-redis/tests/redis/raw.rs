//! Redis as it is, beside the stores that are tested.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use real_redis::shared;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue};
use store_redis::{Options, RedisStore};

/// How long the records of these tests stay past the last time that anything needs them.
pub(crate) const KEEP: Duration = Duration::from_secs(1000);

/// Keys that no other test has.
pub(crate) struct Raw {
    url: String,
    prefix: String,
    connection: MultiplexedConnection,
}

impl Raw {
    pub(crate) async fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let shared = shared::standalone().expect("there is no Redis, for the reason above");
        let url = shared.url().to_owned();
        let client = redis::Client::open(url.as_str()).expect("a URL");
        let connection = client.get_multiplexed_async_connection().await;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            url,
            prefix: format!("raw-{}-{count}", std::process::id()),
            connection: connection.expect("redis answers"),
        }
    }

    /// A store over these keys, with a connection of its own.
    pub(crate) async fn store(&self) -> Arc<RedisStore> {
        let options = Options::from_url(&self.url).expect("a URL");
        let store = RedisStore::open(options.prefix(self.prefix.as_str()).keep(KEEP)).await;
        Arc::new(store.expect("redis answers"))
    }

    /// A key, of which the beginning is a text and the end may be bytes.
    pub(crate) fn key(&self, kind: &str, id: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), b":", kind.as_bytes(), id].concat()
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let answer = command.query_async(&mut self.connection.clone()).await;
        answer.expect("redis answers")
    }

    /// A command on a key, with what follows it.
    pub(crate) async fn on<T: FromRedisValue>(&self, name: &str, key: &[u8], args: &[&[u8]]) -> T {
        self.ask(redis::cmd(name).arg(key).arg(args)).await
    }

    /// All keys, in their order.
    pub(crate) async fn keys(&self) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = self
            .ask(redis::cmd("KEYS").arg(format!("{}:*", self.prefix)))
            .await;
        keys.sort_unstable();
        keys
    }

    /// What is behind each key, in whatever form Redis has it: for seeing that nothing was written.
    pub(crate) async fn everything(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut everything = Vec::new();
        for key in self.keys().await {
            let value: Vec<u8> = self.on("DUMP", &key, &[]).await;
            everything.push((key, value));
        }
        everything
    }
}
