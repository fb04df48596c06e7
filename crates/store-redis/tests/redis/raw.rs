//! Redis behind the store's back.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue};
use store_redis::{Options, RedisStore};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A prefix that nobody else uses, and what is under it.
pub(crate) struct Raw {
    pub(crate) prefix: String,
    connection: MultiplexedConnection,
}

pub(crate) fn url() -> String {
    std::env::var("SESSIOND_TEST_REDIS_STANDALONE").expect("a server")
}

impl Raw {
    /// Nothing is under it yet.
    pub(crate) async fn fresh() -> Self {
        let client = redis::Client::open(url()).expect("a URL");
        let connection = client.get_multiplexed_async_connection().await;
        let mut raw = Self {
            prefix: String::new(),
            connection: connection.expect("redis answers"),
        };
        // The server outlives the test, and process ids come again: it counts itself.
        let count: u64 = raw.ask(redis::cmd("INCR").arg("prefixes of tests")).await;
        raw.prefix = format!("raw-{count}");
        raw
    }

    /// One more way to the same.
    pub(crate) async fn another(&self) -> Self {
        let prefix = self.prefix.clone();
        let other = Self::fresh().await;
        Self { prefix, ..other }
    }

    /// One more node over what is there.
    pub(crate) async fn store(&self) -> RedisStore {
        self.store_by(&url()).await
    }

    /// The same by another way to the server.
    pub(crate) async fn store_by(&self, url: &str) -> RedisStore {
        // A machine that is busy with other things makes no test fail.
        let patience = Duration::from_secs(30);
        let options = Options::from_url(url).expect("a URL");
        let options = options.timeouts(patience, patience);
        let store = RedisStore::open(options.prefix(self.prefix.as_str())).await;
        store.expect("redis answers")
    }

    pub(crate) fn key(&self, rest: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), b":", rest].concat()
    }

    /// A command about the key that ends so.
    pub(crate) fn about(&self, command: &str, rest: &[u8]) -> Cmd {
        let mut about = redis::cmd(command);
        about.arg(self.key(rest));
        about
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let answer = command.query_async(&mut self.connection.clone()).await;
        answer.expect("redis does what it is told")
    }

    /// All keys there are, without the prefix.
    pub(crate) async fn keys(&self) -> Vec<Vec<u8>> {
        let pattern = format!("{}:*", self.prefix);
        let keys: Vec<Vec<u8>> = self.ask(redis::cmd("KEYS").arg(pattern)).await;
        let start = self.prefix.len() + 1;
        let mut keys: Vec<_> = keys.iter().map(|key| key[start..].to_vec()).collect();
        keys.sort();
        keys
    }

    /// How many requests under the prefix the server gets from `work`.
    pub(crate) async fn requests(&self, work: impl Future<Output = ()>) -> usize {
        let address = url();
        let address = address.trim_start_matches("redis://");
        let mut watcher = TcpStream::connect(address).await.expect("it listens");
        watcher
            .write_all(b"MONITOR\r\n")
            .await
            .expect("it takes it");
        let mut lines = BufReader::new(watcher).lines();
        let line = lines.next_line().await.expect("it answers");
        assert_eq!(line.as_deref(), Some("+OK"));
        work.await;
        let _: Option<String> = self.ask(&self.about("GET", b"that was all")).await;
        let mut requests = 0;
        loop {
            let line = lines.next_line().await.expect("it goes on");
            let line = line.expect("it does not hang up");
            let ours = line.contains(&format!("\"{}:", self.prefix));
            if ours && line.contains("that was all") {
                return requests;
            }
            // What a script does is not on the way.
            requests += usize::from(ours && !line.contains(" lua]"));
        }
    }
}
