use std::collections::HashMap;
use std::fmt;

use crate::RedisStore;
use crate::error::Failure;

/// What is unwise about how a Redis is set up: it works, and may lose sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// When memory is short, it drops records instead of refusing new ones.
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// A restart loses everything.
    NotPersistent,
    /// A restart loses what came after the last snapshot.
    SnapshotsOnly,
    /// It did not say how it is set up.
    Unknown,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { policy } => write!(
                f,
                "maxmemory-policy is `{policy}`: Redis drops sessions when memory is short; set it to \
                 `noeviction`"
            ),
            Self::NotPersistent => f.write_str(
                "persistence is off: a restart of Redis signs everybody out; set `appendonly yes`",
            ),
            Self::SnapshotsOnly => f.write_str(
                "Redis writes snapshots alone: a crash loses what came after the last one, and brings \
                 sessions back that were ended since; set `appendonly yes`",
            ),
            Self::Unknown => f.write_str(
                "Redis does not say how it keeps data (`INFO` and `CONFIG GET` are not allowed): see \
                 that it evicts nothing and appends to a file",
            ),
        }
    }
}

/// The oldest version that has every command used here.
const OLDEST: (u32, u32) = (7, 0);

/// What a server says of itself.
pub(crate) struct Checked {
    pub(crate) advice: Vec<Advice>,
    /// A version that is too old, if it is.
    pub(crate) too_old: Option<String>,
}

impl RedisStore {
    /// Asks the server, which is the primary or a node of the cluster, how it is set up.
    pub(crate) async fn look_at_server(&self) -> Result<Checked, Failure> {
        let mut connection = self.link().dial_apart(|_| ()).await?;
        let info = redis::cmd("INFO").query_async(&mut connection).await;
        let Ok::<String, _>(info) = info else {
            return Ok(Checked {
                advice: vec![Advice::Unknown],
                too_old: None,
            });
        };
        // Servers that others run often do not allow it, and then snapshots are their affair.
        let snapshots = redis::cmd("CONFIG")
            .arg("GET")
            .arg("save")
            .query_async::<HashMap<String, String>>(&mut connection)
            .await;
        let takes_snapshots = snapshots.map_or(true, |save| {
            save.get("save").is_none_or(|times| !times.is_empty())
        });
        Ok(judge(&info, takes_snapshots))
    }
}

fn judge(info: &str, takes_snapshots: bool) -> Checked {
    let field = |name: &str| {
        info.lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(field, value)| (field == name).then(|| value.trim()))
    };
    let mut advice = Vec::new();
    match field("maxmemory_policy") {
        Some("noeviction") => {}
        Some(policy) => advice.push(Advice::Evicts {
            policy: policy.to_owned(),
        }),
        None => advice.push(Advice::Unknown),
    }
    match field("aof_enabled") {
        Some("0") if takes_snapshots => advice.push(Advice::SnapshotsOnly),
        Some("0") => advice.push(Advice::NotPersistent),
        _ => {}
    }
    // Valkey says which Redis it is like, too; that stays at 7.2, and is new enough.
    let too_old = field("redis_version").filter(|version| {
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        version < OLDEST
    });
    Checked {
        advice,
        too_old: too_old.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, policy: &str, appends: &str) -> String {
        format!(
            "# Server\r\nredis_version:{version}\r\n# Memory\r\nmaxmemory_policy:{policy}\r\n\
             # Persistence\r\naof_enabled:{appends}\r\n"
        )
    }

    #[test]
    fn a_server_that_keeps_what_it_is_given_needs_no_advice() {
        let checked = judge(&info("7.0.15", "noeviction", "1"), false);
        assert_eq!(checked.advice, []);
        assert_eq!(checked.too_old, None);
    }

    #[test]
    fn what_may_lose_sessions_is_told() {
        let policy = "allkeys-lru".to_owned();
        let checked = judge(&info("7.2.4", "allkeys-lru", "0"), false);
        assert_eq!(
            checked.advice,
            [Advice::Evicts { policy }, Advice::NotPersistent]
        );
        let checked = judge(&info("7.2.4", "noeviction", "0"), true);
        assert_eq!(checked.advice, [Advice::SnapshotsOnly]);
        assert_eq!(judge("", true).advice, [Advice::Unknown]);
    }

    #[test]
    fn a_version_that_is_too_old_is_told() {
        for (version, is_too_old) in [
            ("6.2.14", true),
            ("7.0.0", false),
            ("10.1.0", false),
            ("7", false),
        ] {
            let checked = judge(&info(version, "noeviction", "1"), false);
            assert_eq!(checked.too_old.is_some(), is_too_old, "{version}");
        }
    }
}
