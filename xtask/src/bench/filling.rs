//! Sessions put into Redis by the store itself: a million of them through a server takes minutes,
//! and leaves a million audit records that are no part of a session.

use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Created, LimitPolicy, SessionLimit, SessionStore};
use session_core::{Lifetime, Session, SessionId, SessionSecret, SessionToken, UserId};
use store_redis::{Options, RedisStore};
use tokio::task::JoinSet;

use super::chance::Chance;
use crate::process::{self, Failure, Outcome};

const CALLERS: usize = 64;

/// One session for each user, made over the last hour and good for a day: their tokens.
///
/// A session holds what one made with nothing but a user's name holds; the names have 12 characters.
pub(super) fn fill(url: &str, prefix: &str, sessions: usize) -> Outcome<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let options = Options::from_url(url).map_err(failed)?.prefix(prefix);
        let store = Arc::new(RedisStore::open(options).await.map_err(failed)?);
        let now = now()?;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let store = Arc::clone(&store);
            let mine = (caller..sessions).step_by(CALLERS);
            callers.spawn(async move {
                let mut chance = Chance::new(caller as u64 + 1);
                let mut tokens = Vec::new();
                for number in mine {
                    let ago = TimeDelta::milliseconds((sessions - number) as i64 * 3_600_000)
                        / i32::try_from(sessions).unwrap_or(i32::MAX);
                    tokens.push(create(&store, number, now - ago, &mut chance).await?);
                }
                Ok::<_, Failure>(tokens)
            });
        }
        let mut tokens = Vec::with_capacity(sessions);
        while let Some(some) = callers.join_next().await {
            tokens.extend(some.map_err(failed)??);
        }
        Ok(tokens)
    })
}

async fn create(
    store: &RedisStore,
    number: usize,
    at: DateTime<Utc>,
    chance: &mut Chance,
) -> Outcome<String> {
    let mut bytes = [0; 48];
    for eight in bytes.chunks_exact_mut(8) {
        eight.copy_from_slice(&chance.next().to_be_bytes());
    }
    let (mut random, mut secret) = ([0; 10], [0; 32]);
    random.copy_from_slice(&bytes[..10]);
    secret.copy_from_slice(&bytes[16..]);
    let token = SessionToken {
        id: SessionId::at(at, random),
        secret: SessionSecret::from_bytes(secret),
    };
    let lifetime = Lifetime {
        absolute: TimeDelta::days(1),
        idle: None,
    };
    let user = UserId::new(&format!("{number:012}")).map_err(failed)?;
    let session = Session::start(token.id, user, token.secret.hash(), lifetime, at);
    let limit = SessionLimit {
        max: 5,
        policy: LimitPolicy::EvictOldest,
    };
    match store.create(session, limit).await.map_err(failed)? {
        Created::Stored { .. } => Ok(token.expose()),
        Created::LimitReached => Err(Failure::new("a user has too many sessions")),
    }
}

/// The programs of this machine know it, and nothing here needs it more closely.
fn now() -> Outcome<DateTime<Utc>> {
    process::answer(Command::new("date").arg("+%s"))
        .and_then(|seconds| DateTime::from_timestamp(seconds.trim().parse().ok()?, 0))
        .ok_or_else(|| Failure::new("`date` tells no time"))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
