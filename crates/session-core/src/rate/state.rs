use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::RateRule;
use crate::digest::digest;

digest! {
    /// Who is counted under which rule, as a hash: of a fixed size whatever a client sends, and no
    /// list of accounts and addresses for whoever reads the store.
    RateKey
}

impl RateKey {
    /// The key of `subject` (a user, an address, a pair) under the rule of a name.
    #[must_use]
    pub fn of(rule: &RateRule, subject: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(rule.name());
        hash.update([0]);
        hash.update(subject);
        Self(hash.finalize().into())
    }
}

/// One thing that an attempt counts against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who, under which rule.
    pub key: RateKey,
    /// The rule.
    pub rule: RateRule,
}

impl Attempt {
    /// An attempt of `subject` under `rule`.
    #[must_use]
    pub fn of(rule: &RateRule, subject: &str) -> Self {
        Self {
            key: RateKey::of(rule, subject),
            rule: rule.clone(),
        }
    }
}

/// What is remembered of a key: every admitted attempt that is still in the window.
///
/// That is the one way to keep the promise exactly: whatever counts in whole windows lets twice the
/// number through at a window's edge. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateState {
    /// When attempts were admitted, in order.
    #[serde(rename = "a")]
    admitted: VecDeque<i64>,
    /// How often the limit was passed without a quiet period in between.
    #[serde(rename = "v", default, skip_serializing_if = "is_zero")]
    violations: u32,
    /// Refused up to here, this moment not included.
    #[serde(rename = "b", default, skip_serializing_if = "is_none")]
    blocked_until: Option<i64>,
    /// When the violations are forgotten.
    #[serde(rename = "f", default, skip_serializing_if = "is_none")]
    forgiven_at: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes by reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_none(time: &Option<i64>) -> bool {
    time.is_none()
}

/// The answer to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateDecision {
    /// Go on.
    Admitted {
        /// How many more would be admitted now.
        remaining: u32,
    },
    /// Not now.
    Refused {
        /// An attempt after this time is admitted, if no other comes first.
        retry_after: TimeDelta,
        /// How often the limit was passed, this time included.
        violations: u32,
        /// Whether this attempt was a violation of its own, rather than one made while blocked.
        is_new: bool,
    },
}

impl RateDecision {
    /// Whether to go on.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted { .. })
    }
}

/// Decides an attempt that counts against several keys at once: all of them must admit it, and only
/// then it is counted, in each. Those that refuse it note the violation.
///
/// `jitter` is from −1.0 to 1.0; see [`RateRule::backoff_after`]. Without keys it is admitted.
pub fn decide(
    attempts: &mut [(&RateRule, &mut RateState)],
    now: DateTime<Utc>,
    jitter: f64,
) -> RateDecision {
    let asked_at = now.timestamp_millis();
    let mut refusal: Option<Refusal> = None;
    let mut remaining = u32::MAX;
    for (rule, state) in attempts.iter_mut() {
        state.forget_the_impossible(rule, asked_at);
        let now = state.no_earlier_than_known(asked_at);
        match state.room(rule, now) {
            Ok(room) => remaining = remaining.min(room - 1),
            Err(violation) => {
                let (until, is_new) = match violation {
                    Violation::Blocked(until) => (until, false),
                    Violation::New => (state.violate(rule, now, jitter), true),
                };
                let longest = refusal.get_or_insert_default();
                // By the clock of whoever asks, which may be behind the latest that is known.
                longest.wait = longest.wait.max(until - asked_at);
                longest.violations = longest.violations.max(state.violations);
                longest.is_new |= is_new;
            }
        }
    }
    if let Some(refusal) = refusal {
        return RateDecision::Refused {
            retry_after: TimeDelta::milliseconds(refusal.wait),
            violations: refusal.violations,
            is_new: refusal.is_new,
        };
    }
    for (rule, state) in attempts {
        let now = state.no_earlier_than_known(asked_at);
        state.prune(rule, now);
        state.admitted.push_back(now);
    }
    RateDecision::Admitted { remaining }
}

/// What the keys that refuse an attempt say together.
#[derive(Default)]
struct Refusal {
    wait: i64,
    violations: u32,
    is_new: bool,
}

enum Violation {
    New,
    Blocked(i64),
}

impl RateState {
    /// From when on the state means nothing and may be forgotten: it decides as an empty one would.
    #[must_use]
    pub fn expires_at(&self, rule: &RateRule) -> DateTime<Utc> {
        let window_over = self
            .admitted
            .back()
            .map(|last| last.saturating_add(rule.window().num_milliseconds() + 1));
        let latest = window_over.max(self.blocked_until).max(self.forgiven_at);
        DateTime::from_timestamp_millis(latest.unwrap_or(0)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Nodes' clocks differ: for each key time goes on from the latest that it saw.
    fn no_earlier_than_known(&self, now: i64) -> i64 {
        self.admitted.back().map_or(now, |last| now.max(*last))
    }

    /// No clock that is at most a window ahead of this one leaves anything later than this behind. What
    /// is later comes from one that was wrong, and would lock the key until that time had come.
    fn forget_the_impossible(&mut self, rule: &RateRule, now: i64) {
        let window = rule.window().num_milliseconds();
        let backoff = rule.longest_backoff().num_milliseconds();
        let latest_admitted = now.saturating_add(window);
        let later = |at: &&mut i64| **at > latest_admitted;
        for at in self.admitted.iter_mut().rev().take_while(later) {
            *at = latest_admitted;
        }
        let latest_until = latest_admitted.saturating_add(backoff.max(window + 1));
        let latest_forgiven = latest_until.saturating_add(backoff);
        self.blocked_until = self.blocked_until.map(|until| until.min(latest_until));
        self.forgiven_at = self.forgiven_at.map(|at| at.min(latest_forgiven));
    }

    /// How many of the oldest attempts are out of the window.
    ///
    /// An attempt exactly one window ago still counts: so the promise holds for a window with both of
    /// its ends.
    fn out_of_window(&self, rule: &RateRule, now: i64) -> usize {
        let window = rule.window().num_milliseconds();
        self.admitted.partition_point(|at| *at < now - window)
    }

    /// Drops what means nothing any more.
    ///
    /// Only ever together with a change of the state: by a clock that is ahead, one that is behind
    /// would otherwise lose what still counts for it.
    fn prune(&mut self, rule: &RateRule, now: i64) {
        self.admitted.drain(..self.out_of_window(rule, now));
        if !self.is_blocked(now) {
            self.blocked_until = None;
        }
        if self.forgiven_at.is_some_and(|at| at <= now) {
            self.forgiven_at = None;
            self.violations = 0;
        }
    }

    fn is_blocked(&self, now: i64) -> bool {
        self.blocked_until.is_some_and(|until| until > now)
    }

    /// How many attempts there is room for: at least 1.
    fn room(&self, rule: &RateRule, now: i64) -> Result<u32, Violation> {
        if let Some(until) = self.blocked_until
            && until > now
        {
            // The rule may have become stricter since it was blocked.
            return Err(Violation::Blocked(until.max(self.room_at(rule))));
        }
        let admitted = self.admitted.len() - self.out_of_window(rule, now);
        let admitted = u32::try_from(admitted).unwrap_or(u32::MAX);
        match rule.requests().checked_sub(admitted) {
            Some(room) if room > 0 => Ok(room),
            _ => Err(Violation::New),
        }
    }

    /// From when on the window has room, if nothing more is admitted. Where a rule became stricter,
    /// more than one attempt must leave it.
    fn room_at(&self, rule: &RateRule) -> i64 {
        let fitting = rule.requests() as usize;
        let must_leave = (self.admitted.len() + 1).saturating_sub(fitting);
        let last_to_leave = must_leave.checked_sub(1).and_then(|n| self.admitted.get(n));
        last_to_leave.map_or(i64::MIN, |at| at + rule.window().num_milliseconds() + 1)
    }

    /// Notes a violation; until when the key is refused.
    fn violate(&mut self, rule: &RateRule, now: i64, jitter: f64) -> i64 {
        self.prune(rule, now);
        self.violations = self.violations.saturating_add(1);
        let backoff = rule
            .backoff_after(self.violations, jitter)
            .num_milliseconds();
        // Whoever waits as long as told must be admitted then: the window has to have room.
        let room_at = self.room_at(rule);
        let until = room_at.max(now.saturating_add(backoff));
        if backoff > 0 {
            self.blocked_until = Some(until);
        }
        self.forgiven_at = Some(until.saturating_add(backoff));
        until
    }
}
