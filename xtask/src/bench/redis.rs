//! The Redis that is measured: real servers on this machine, where it has the program.

use std::time::Duration;

use real_redis::{RedisServer, ServerOptions, install};

use super::server::Beside;
use crate::process::{Failure, Outcome};
use crate::stopwatch::Stopwatch;

/// How long it may take to write its file anew.
const REWRITE: Duration = Duration::from_secs(120);

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

    pub(super) fn url(&self) -> String {
        self.0.url()
    }

    /// Its work is done for the requests that a `sessiond` answers.
    pub(super) fn beside(&self) -> Beside {
        Beside(self.0.process_id())
    }
    /// What it has allocated, in bytes.
    pub(super) fn used_memory(&self) -> Outcome<u64> {
        self.told("memory", "used_memory")
    }

    /// Waits until it does nothing but answer: with many new keys it writes its file anew.
    pub(super) fn until_settled(&self) -> Outcome {
        let watch = Stopwatch::start();
        while watch.elapsed() < REWRITE {
            let rewrites = self.told("persistence", "aof_rewrite_in_progress")?
                + self.told("persistence", "aof_rewrite_scheduled")?;
            if rewrites == 0 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(Failure::new("Redis does not come to an end with its file"))
    }

    /// A number among what it says of itself.
    fn told(&self, section: &str, name: &str) -> Outcome<u64> {
        let info = self.0.try_command(&["INFO", section])?;
        number(&info, name).ok_or_else(|| Failure::new(format!("Redis does not tell {name}")))
    }
}

fn number(info: &str, name: &str) -> Option<u64> {
    info.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_whole_name() {
        let info =
            "# Memory\r\nused_memory_rss:7\r\nused_memory:42\r\nmaxmemory_policy:noeviction\r\n";
        assert_eq!(number(info, "used_memory"), Some(42));
        assert_eq!(number(info, "memory"), None);
        assert_eq!(number(info, "maxmemory_policy"), None);
    }
}
