//! Redis as it is, beside the stores that are tested.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue};
use store_redis::{Options, RedisStore};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::server;

/// How long the records of these tests stay past the last time that anything needs them.
pub(crate) const KEEP: Duration = Duration::from_secs(1000);
/// No test here is about a server that is slow: the machine may be.
const LONG: Duration = Duration::from_secs(20);

/// A prefix that no other test has, and what is under it.
pub(crate) struct Raw {
    pub(crate) prefix: String,
    connection: MultiplexedConnection,
}

impl Raw {
    /// Nothing is under it yet.
    pub(crate) async fn new() -> Self {
        let client = redis::Client::open(server::url()).expect("a URL");
        let patient = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LONG))
            .set_response_timeout(Some(LONG));
        let connection = client.get_multiplexed_async_connection_with_config(&patient);
        let mut raw = Self {
            prefix: String::new(),
            connection: connection.await.expect("redis answers"),
        };
        // The server outlives the test, and numbers of processes come again: it counts itself.
        let number: u64 = raw.ask(redis::cmd("INCR").arg("prefixes of tests")).await;
        raw.prefix = format!("raw-{number}");
        raw
    }

    /// The options of a store over what is there, with a connection of its own.
    pub(crate) fn options(&self) -> Options {
        self.options_by(&server::url())
    }

    fn options_by(&self, url: &str) -> Options {
        let options = Options::from_url(url).expect("a URL");
        let options = options.prefix(self.prefix.as_str()).keep(KEEP);
        options.timeouts(LONG, LONG)
    }

    /// One more way to the same.
    pub(crate) async fn another(&self) -> Self {
        let prefix = self.prefix.clone();
        let other = Self::new().await;
        Self { prefix, ..other }
    }

    /// One more node over what is there.
    pub(crate) async fn store(&self) -> Arc<RedisStore> {
        opened(self.options()).await
    }

    /// The same by another way to the server.
    pub(crate) async fn store_by(&self, url: &str) -> Arc<RedisStore> {
        opened(self.options_by(url)).await
    }

    /// A key, of which the beginning is a text and the end may be bytes.
    pub(crate) fn key(&self, kind: &str, id: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), b":", kind.as_bytes(), id].concat()
    }

    /// A command about the key that ends so.
    pub(crate) fn about(&self, command: &str, rest: &[u8]) -> Cmd {
        let mut about = redis::cmd(command);
        about.arg(self.key("", rest));
        about
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let answer = command.query_async(&mut self.connection.clone()).await;
        answer.expect("redis does what it is told")
    }

    /// A command on a key, with what follows it.
    pub(crate) async fn on<T: FromRedisValue>(&self, name: &str, key: &[u8], args: &[&[u8]]) -> T {
        self.ask(redis::cmd(name).arg(key).arg(args)).await
    }

    /// All keys, in their order.
    pub(crate) async fn keys(&self) -> Vec<Vec<u8>> {
        let pattern = format!("{}:*", self.prefix);
        let mut keys: Vec<Vec<u8>> = self.ask(redis::cmd("KEYS").arg(pattern)).await;
        keys.sort_unstable();
        keys
    }

    /// The same without the prefix.
    pub(crate) async fn names(&self) -> Vec<Vec<u8>> {
        let start = self.prefix.len() + 1;
        let keys = self.keys().await;
        keys.iter().map(|key| key[start..].to_vec()).collect()
    }

    /// How long a key lives yet, in milliseconds; -1 without an end, -2 without a key.
    pub(crate) async fn time_to_live(&self, key: &[u8]) -> i64 {
        self.on("PTTL", key, &[]).await
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

    /// How many requests under the prefix the server gets from `work`.
    pub(crate) async fn requests(&self, work: impl Future<Output = ()>) -> usize {
        let address = server::url();
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

async fn opened(options: Options) -> Arc<RedisStore> {
    let store = RedisStore::open(options).await;
    Arc::new(store.expect("redis answers"))
}
