use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Forgotten, RateLimiter, StoreError};
use session_core::{Attempt, RateDecision, RateKey};

use crate::RedisStore;
use crate::script::Script;

/// A script of rate limits.
macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        static $name: LazyLock<Script> =
            LazyLock::new(|| Script::of(&[include_str!("lua/rates.lua"), $(include_str!($file)),+]));
    };
}
script!(ATTEMPT, "lua/rate_state.lua", "lua/rates_attempt.lua");
script!(RESET, "lua/rates_reset.lua");
script!(FORGET, "lua/rates_forget.lua");

/// Keys that one step forgets, at most.
const AT_ONCE: usize = 128;

/// The longest backoff that is reckoned with, in milliseconds: ten thousand years. With it each sum of
/// times is a whole number to Lua, whatever the clock says.
const LONGEST_BACKOFF: i64 = 10_000 * 365 * 24 * 3600 * 1000;

/// The decision is made where the states are, by the rule that [`session_core::decide`] is: reading and
/// writing states from here would take a second round trip, and more where others ask at the same time.
#[async_trait]
impl RateLimiter for RedisStore {
    async fn attempt(
        &self,
        attempts: &[Attempt],
        now: DateTime<Utc>,
        jitter: f64,
    ) -> Result<RateDecision, StoreError> {
        const DOING: &str = "check a rate limit";
        if attempts.is_empty() {
            self.expect_open(DOING)?;
            let remaining = u32::MAX;
            return Ok(RateDecision::Admitted { remaining });
        }
        let mut call = self.call(&ATTEMPT);
        call.arg(now.timestamp_millis())
            .arg(backoff_factor(jitter))
            .arg(self.kept())
            .arg(self.max_rate_keys);
        for Attempt { key, rule } in attempts {
            let longest = rule.longest_backoff().num_milliseconds();
            call.arg(key.as_bytes())
                .arg(rule.requests())
                .arg(rule.window().num_milliseconds())
                .arg(longest.clamp(-LONGEST_BACKOFF, LONGEST_BACKOFF));
        }
        let (is_admitted, remaining, wait, violations, is_new): (bool, _, _, _, _) =
            self.run(DOING, &ATTEMPT, &call).await?;
        Ok(if is_admitted {
            RateDecision::Admitted { remaining }
        } else {
            RateDecision::Refused {
                retry_after: TimeDelta::milliseconds(wait),
                violations,
                is_new,
            }
        })
    }

    async fn reset(&self, keys: &[RateKey]) -> Result<(), StoreError> {
        const DOING: &str = "reset a rate limit";
        for some in keys.chunks(AT_ONCE) {
            let mut call = self.call(&RESET);
            some.iter().for_each(|key| {
                call.arg(key.as_bytes());
            });
            let () = self.run(DOING, &RESET, &call).await?;
        }
        if keys.is_empty() {
            self.expect_open(DOING)?;
        }
        Ok(())
    }

    async fn forget_counts(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut call = self.call(&FORGET);
        call.arg(now.timestamp_millis()).arg(batch.min(AT_ONCE));
        let (count, more) = self.run("forget rate limits", &FORGET, &call).await?;
        Ok(Forgotten { count, more })
    }
}

/// What jitter makes of a backoff; see [`session_core::RateRule::backoff_after`].
fn backoff_factor(jitter: f64) -> f64 {
    let jitter = if jitter.is_finite() {
        jitter.clamp(-1.0, 1.0)
    } else {
        0.0
    };
    1.0 + jitter / 10.0
}
