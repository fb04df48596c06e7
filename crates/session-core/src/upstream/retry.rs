use chrono::{DateTime, TimeDelta, Utc};

use super::ProviderFailure;

/// When tokens are renewed, and how long the ones before are taken for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshConfig {
    /// How long before its end an access token is renewed; for one that lives less than twice as long,
    /// half its life.
    pub proactive: TimeDelta,
    /// How long the access token before is taken for the user's after it was replaced.
    pub grace: TimeDelta,
}

/// Five minutes each.
impl Default for RefreshConfig {
    fn default() -> Self {
        Self {
            proactive: TimeDelta::minutes(5),
            grace: TimeDelta::minutes(5),
        }
    }
}

/// How often a provider that fails is asked again, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// Calls of one refresh at most, the first included; at least 1.
    pub max_tries: u32,
    /// Pause before the second call; doubled for each one after.
    pub initial_delay: TimeDelta,
    /// Longest pause.
    pub max_delay: TimeDelta,
}

/// Three calls, 1 s apart and then 2 s; never more than 30 s.
impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_tries: 3,
            initial_delay: TimeDelta::seconds(1),
            max_delay: TimeDelta::seconds(30),
        }
    }
}

/// What follows a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextTry {
    /// Another, after this pause.
    After(TimeDelta),
    /// None within this refresh. A new refresh may be begun after this pause.
    GiveUp(TimeDelta),
}

impl RetryConfig {
    /// What follows the `tries`-th call of a refresh, which failed so. `random` is any number: which
    /// part of the pause is cut off by it.
    ///
    /// The pause is between half of it and the whole, so that those who failed together do not come
    /// back together. What the provider says (`Retry-After`) wins: never sooner, and up to a tenth
    /// later.
    #[must_use]
    pub fn after(&self, failure: &ProviderFailure, tries: u32, random: u64) -> NextTry {
        let backoff = self.backoff(tries, random);
        let (most, pause) = match failure {
            ProviderFailure::Throttled {
                retry_after: Some(told),
            } => (self.max_tries, stretched(*told, random)),
            ProviderFailure::Throttled { retry_after: None } | ProviderFailure::Unavailable(_) => {
                (self.max_tries, backoff)
            }
            // The provider may have done it: asking over and over with a token that it has replaced
            // looks like theft.
            ProviderFailure::Ambiguous(_) => (self.max_tries.min(2), backoff),
            ProviderFailure::ReauthRequired
            | ProviderFailure::ClientRefused(_)
            | ProviderFailure::RequestRefused(_) => (1, backoff),
        };
        if tries < most && pause <= self.max_delay {
            NextTry::After(pause)
        } else {
            NextTry::GiveUp(pause)
        }
    }

    fn backoff(&self, tries: u32, random: u64) -> TimeDelta {
        let doublings = tries.saturating_sub(1).min(30);
        let whole =
            i32::checked_pow(2, doublings).and_then(|by| self.initial_delay.checked_mul(by));
        let whole = whole.unwrap_or(self.max_delay).min(self.max_delay);
        let half = whole.num_milliseconds() / 2;
        TimeDelta::milliseconds(whole.num_milliseconds() - part(half, random))
    }
}

fn stretched(told: TimeDelta, random: u64) -> TimeDelta {
    let told = told.num_milliseconds().max(0);
    TimeDelta::milliseconds(told.saturating_add(part(told / 10, random)))
}

/// A part of `of`, both ends included, chosen by `random`.
fn part(of: i64, random: u64) -> i64 {
    let steps = u64::try_from(of).unwrap_or(0).saturating_add(1);
    i64::try_from(random % steps).unwrap_or(0)
}

impl RefreshConfig {
    /// When the background renews a token that may be renewed from `from` on and ends at `end`: at
    /// some time of the first half of that span, chosen by `random`, so that tokens that end together
    /// are not renewed together.
    #[must_use]
    pub fn spread(from: DateTime<Utc>, end: DateTime<Utc>, random: u64) -> DateTime<Utc> {
        let half = (end - from).num_milliseconds() / 2;
        from + TimeDelta::milliseconds(part(half.max(0), random))
    }
}
