use chrono::{DateTime, TimeDelta, Utc};

use crate::{InvalidInput, Session};

/// How long a new session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From creation to the absolute deadline.
    pub absolute: TimeDelta,
    /// How long it may go unused; `None` for as long as it lives.
    pub idle: Option<TimeDelta>,
}

/// What a library user gets who says nothing: 8 hours, at most 30 minutes of them unused.
impl Default for Lifetime {
    fn default() -> Self {
        Self {
            absolute: TimeDelta::hours(8),
            idle: Some(TimeDelta::minutes(30)),
        }
    }
}

/// Which lifetimes a caller of the service API may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeoutPolicy {
    /// Lifetime when the caller does not say (`SESSION_DEFAULT_TIMEOUT`).
    pub default: TimeDelta,
    /// Shortest lifetime to ask for (`SESSION_MIN_TIMEOUT`).
    pub min: TimeDelta,
    /// Longest lifetime to ask for, and the most that extending can reach, counted from the
    /// session's creation (`SESSION_MAX_TIMEOUT`).
    pub max: TimeDelta,
    /// Lifetime of a remember-me session when the caller does not say, and the longest it may ask
    /// for (`REMEMBER_ME_EXPIRE_SECONDS`).
    pub remember_me: TimeDelta,
}

/// 3600 s, from 300 s to 86400 s; 30 days when remembered.
impl Default for TimeoutPolicy {
    fn default() -> Self {
        Self {
            default: TimeDelta::seconds(3600),
            min: TimeDelta::seconds(300),
            max: TimeDelta::seconds(86_400),
            remember_me: TimeDelta::days(30),
        }
    }
}

impl TimeoutPolicy {
    /// The lifetime of a session that a backend asks for, in seconds.
    ///
    /// No idle timeout unless one is asked for.
    ///
    /// # Errors
    /// [`InvalidInput`] for `timeout` outside of the bounds, and for `idle_timeout` under one second
    /// or over the lifetime.
    pub fn lifetime(
        &self,
        timeout_seconds: Option<i64>,
        idle_timeout_seconds: Option<i64>,
        remember_me: bool,
    ) -> Result<Lifetime, InvalidInput> {
        let (default, max) = if remember_me {
            (self.remember_me, self.remember_me)
        } else {
            (self.default, self.max)
        };
        let absolute = match timeout_seconds {
            Some(seconds) => within("timeout", seconds, self.min, max)?,
            None => default,
        };
        let shortest_idle = TimeDelta::seconds(1);
        let idle = match idle_timeout_seconds {
            Some(seconds) => Some(within("idle_timeout", seconds, shortest_idle, absolute)?),
            None => None,
        };
        Ok(Lifetime { absolute, idle })
    }

    /// How much longer a backend may ask a session to live in one call, in seconds.
    ///
    /// # Errors
    /// [`InvalidInput`] for `additional_seconds` under one second or over the longest lifetime.
    pub fn extension(&self, additional_seconds: i64) -> Result<TimeDelta, InvalidInput> {
        let most = self.max.max(self.remember_me);
        within(
            "additional_seconds",
            additional_seconds,
            TimeDelta::seconds(1),
            most,
        )
    }

    /// The latest moment that extending can move the session's absolute deadline to.
    ///
    /// An ordinary session has a hard end, counted from its creation. A remember-me session is
    /// renewed by use and has none: it may always be extended to the whole remembered span again.
    #[must_use]
    pub fn latest_deadline(&self, session: &Session, now: DateTime<Utc>) -> DateTime<Utc> {
        let latest = if session.remember_me {
            now.checked_add_signed(self.remember_me)
        } else {
            session.created_at.checked_add_signed(self.max)
        };
        latest.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// A span given in seconds, or which bounds it breaks.
fn within(
    field: &'static str,
    seconds: i64,
    min: TimeDelta,
    max: TimeDelta,
) -> Result<TimeDelta, InvalidInput> {
    TimeDelta::try_seconds(seconds)
        .filter(|span| (min..=max).contains(span))
        .ok_or_else(|| {
            let (min, max) = (min.num_seconds(), max.num_seconds());
            InvalidInput::new(
                field,
                format_args!("must be a whole number of seconds from {min} to {max}"),
            )
        })
}
