use std::fmt;
use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use session_core::ports::StoreError;

use crate::audit::Appends;
use crate::error::Failure;
use crate::link::Link;
use crate::options::{Options, Topology};
use crate::script::Script;

/// Everything in Redis; see the crate's documentation.
pub struct RedisStore {
    link: Link,
    /// With the `:` at its end, and in a cluster as a hash tag: all keys lie in one slot.
    prefix: Vec<u8>,
    pub(crate) keep: Duration,
    pub(crate) appends: Appends,
}

/// Why Redis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It did not answer as it should.
    #[error("redis could not be reached, or does not let us in")]
    Connect(#[source] redis::RedisError),
    /// What keys begin with must be a short plain word.
    #[error("the prefix of the keys must be 1 to 64 of A-Z, a-z, 0-9, `_`, `-`, `.`, `:`")]
    Prefix,
}

impl RedisStore {
    /// Connects. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        let name = options.prefix.trim_end_matches(':');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(OpenError::Prefix);
        }
        let prefix = match options.topology {
            Topology::Cluster => format!("{{{name}}}:"),
            Topology::Standalone | Topology::Sentinel { .. } => format!("{name}:"),
        };
        let link = Link::open(&options).await.map_err(OpenError::Connect)?;
        Ok(Self {
            link,
            prefix: prefix.into_bytes(),
            keep: options.keep,
            appends: Appends::default(),
        })
    }

    /// A key: the prefix and what follows.
    pub(crate) fn key(&self, rest: &[&[u8]]) -> Vec<u8> {
        let mut key = self.prefix.clone();
        rest.iter().for_each(|part| key.extend(*part));
        key
    }

    /// A call of a script, to be given its arguments.
    pub(crate) fn call(&self, script: &Script) -> Cmd {
        script.call(&self.prefix)
    }

    /// Runs a step.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        doing: &'static str,
        script: &Script,
        call: &Cmd,
    ) -> Result<T, StoreError> {
        let answer = self.link.run(script, call).await;
        answer.map_err(|failure| failure.into_store_error(doing))
    }

    /// Sends a command.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        doing: &'static str,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        let answer = self.link.ask(command).await;
        answer.map_err(|failure| failure.into_store_error(doing))
    }

    /// For a call that has nothing to do: after the end that is an error, too.
    pub(crate) fn expect_open(&self, doing: &'static str) -> Result<(), StoreError> {
        if self.link.is_closed() {
            return Err(StoreError::closed(doing));
        }
        Ok(())
    }

    pub(crate) fn close_link(&self) {
        self.link.close();
    }
}

/// As an error of the port, for what an adapter reads out of an answer.
pub(crate) fn told<T>(doing: &'static str, read: Result<T, Failure>) -> Result<T, StoreError> {
    read.map_err(|failure| failure.into_store_error(doing))
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}
