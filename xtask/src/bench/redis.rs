//! The Redis that is measured: real servers on this machine, where it has the program.

use real_redis::{RedisServer, ServerOptions, install};

use super::server::Beside;
use crate::process::{Failure, Outcome};

/// Which of its settings bear on the figures, for the page.
pub(super) const SETTINGS: &str = "`appendonly yes`, `appendfsync everysec`, no TLS";

/// What the Redis servers of this bench are.
#[derive(Debug)]
pub(super) struct Kind(String);

impl Kind {
    /// `None` where this machine has none, and none can be had.
    pub(super) fn found() -> Option<Self> {
        match install::ensure() {
            Ok(programs) => Some(Self(programs.version)),
            Err(absent) => {
                println!("what is about Redis is left out: {absent}");
                None
            }
        }
    }

    /// Such as `Redis 7.0.15`.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// An empty one. It ends with the bench, however that ends.
    pub(super) fn start(&self) -> Outcome<Redis> {
        let server = RedisServer::start(&ServerOptions::default().append_only());
        let server = server.ok_or_else(|| Failure::new("the Redis server is gone"))?;
        Ok(Redis(server))
    }
}

/// A running one.
#[derive(Debug)]
pub(super) struct Redis(RedisServer);

impl Redis {
    /// What a `sessiond` on this one is told, with keys of its own.
    pub(super) fn settings(&self, prefix: &str) -> [(&'static str, String); 3] {
        [
            ("SESSION_STORE", "redis".to_owned()),
            ("REDIS_URL", self.0.url()),
            ("SESSION_KEY_PREFIX", prefix.to_owned()),
        ]
    }

    /// Its work is done for the requests that a `sessiond` answers.
    pub(super) fn beside(&self) -> Beside {
        Beside(self.0.process_id())
    }
}
