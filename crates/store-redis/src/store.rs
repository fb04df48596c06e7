use std::fmt;
use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use session_core::ports::StoreError;

use crate::advice::Advice;
use crate::audit::Appends;
use crate::error::Failure;
use crate::keys::{Keys, key};
use crate::link::Link;
use crate::options::{Options, Topology};
use crate::script::Script;

/// Everything in Redis; see the crate's documentation.
pub struct RedisStore {
    link: Link,
    pub(crate) keys: Keys,
    pub(crate) keep: Duration,
    pub(crate) max_rate_keys: usize,
    advice: Vec<Advice>,
    pub(crate) appends: Appends,
}

/// Why Redis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It did not answer as it should.
    #[error("redis could not be reached, or does not let us in: {0}")]
    Connect(redis::RedisError),
    /// It went away while it was looked at.
    #[error("redis went away just after it was reached")]
    Lost,
    /// It is of a version that lacks what is needed.
    #[error("redis {0} is too old: 7.0 or later is needed, or Valkey")]
    TooOld(String),
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
        if !Options::is_good_prefix(&options.prefix) {
            return Err(OpenError::Prefix);
        }
        let name = options.prefix.trim_end_matches(':');
        let keys = match options.topology {
            Topology::Cluster => Keys::in_cluster(name),
            Topology::Standalone | Topology::Sentinel { .. } => Keys::on_one_server(name),
        };
        let link = Link::open(&options).await.map_err(OpenError::Connect)?;
        let mut store = Self {
            link,
            keys,
            keep: options.keep,
            max_rate_keys: options.max_rate_keys,
            advice: Vec::new(),
            appends: Appends::default(),
        };
        // Whether it lets us do what we need is known now, and not with the first session.
        let probe = Script::of(&["return redis.call('EXISTS', KEYS[1] .. 'due')"]);
        let probed = store.link.run::<u64>(&probe, &store.call(&probe)).await;
        let checked = match probed {
            Ok(_) => store.look_at_server().await,
            Err(failure) => Err(failure),
        };
        let checked = checked.map_err(|failure| match failure {
            Failure::Redis(error) => OpenError::Connect(error),
            _ => OpenError::Lost,
        })?;
        if let Some(version) = checked.too_old {
            store.close_link();
            return Err(OpenError::TooOld(version));
        }
        store.advice = checked.advice;
        Ok(store)
    }

    /// What is unwise about how the server is set up, as it was when this was opened.
    #[must_use]
    pub fn advice(&self) -> &[Advice] {
        &self.advice
    }

    /// A key of what is not spread over hash slots.
    pub(crate) fn key(&self, rest: &[&[u8]]) -> Vec<u8> {
        key(self.keys.root(), rest)
    }

    /// A call of a script about what is not spread over hash slots, to be given its arguments.
    pub(crate) fn call(&self, script: &Script) -> Cmd {
        script.call(self.keys.root())
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

    pub(crate) const fn link(&self) -> &Link {
        &self.link
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
