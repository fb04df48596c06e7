use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::InvalidInput;

/// How many requests in how long, and what becomes of those who ask for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateRule {
    name: Box<str>,
    requests: u32,
    window: TimeDelta,
    backoff: Backoff,
}

/// How long a key is refused after it went over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// Until the window has room again.
    None,
    /// After the nth violation for window · 2^(n−1), ± 10 %, but never beyond `max`.
    Exponential {
        /// Longest backoff.
        max: TimeDelta,
    },
}

impl Backoff {
    /// Longest backoff unless a rule says otherwise.
    pub const DEFAULT_MAX: TimeDelta = TimeDelta::hours(1);
}

impl RateRule {
    /// Longest name of a rule in bytes.
    pub const MAX_NAME_BYTES: usize = 64;
    /// Most requests of a rule: each one that is in the window is remembered.
    pub const MAX_REQUESTS: u32 = 10_000;
    /// Longest window.
    pub const MAX_WINDOW: TimeDelta = TimeDelta::days(31);

    /// At most `requests` in any `window`, with exponential backoff up to one hour.
    ///
    /// # Errors
    /// [`InvalidInput`] for `name` unless it is a short snake_case word, for `requests` unless it is
    /// from 1 to [`Self::MAX_REQUESTS`], for `window` unless it is from 1 ms to [`Self::MAX_WINDOW`].
    pub fn new(name: &str, requests: u32, window: TimeDelta) -> Result<Self, InvalidInput> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || name.len() > Self::MAX_NAME_BYTES || !name.bytes().all(plain) {
            return Err(InvalidInput::new("name", "must be a short snake_case word"));
        }
        if !(1..=Self::MAX_REQUESTS).contains(&requests) {
            let problem = format_args!("must be from 1 to {}", Self::MAX_REQUESTS);
            return Err(InvalidInput::new("requests", problem));
        }
        if window < TimeDelta::milliseconds(1) || window > Self::MAX_WINDOW {
            return Err(InvalidInput::new("window", "must be from 1 ms to 31 days"));
        }
        Ok(Self {
            name: name.into(),
            requests,
            window,
            backoff: Backoff::Exponential {
                max: Backoff::DEFAULT_MAX,
            },
        })
    }

    /// The same with another backoff.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Most requests in any window.
    #[must_use]
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// The window's length.
    #[must_use]
    pub const fn window(&self) -> TimeDelta {
        self.window
    }

    /// The longest that a violation is held against a key.
    #[must_use]
    pub const fn longest_backoff(&self) -> TimeDelta {
        match self.backoff {
            Backoff::None => TimeDelta::zero(),
            Backoff::Exponential { max } => max,
        }
    }

    /// How long the nth violation is held against a key; `jitter` is from −1.0 to 1.0 and makes up to
    /// 10 % of it, so that many who were refused together do not come back together.
    #[must_use]
    pub fn backoff_after(&self, violations: u32, jitter: f64) -> TimeDelta {
        let max = self.longest_backoff();
        let doublings = violations.saturating_sub(1).min(30);
        let millis = self
            .window
            .num_milliseconds()
            .saturating_mul(1 << doublings);
        let jitter = if jitter.is_finite() {
            jitter.clamp(-1.0, 1.0)
        } else {
            0.0
        };
        let millis = (millis as f64 * (1.0 + jitter / 10.0)) as i64;
        TimeDelta::try_milliseconds(millis).map_or(max, |backoff| backoff.min(max))
    }
}

/// The rules that there are, by name.
#[derive(Debug, Clone)]
pub struct RateRules(BTreeMap<Box<str>, RateRule>);

/// There is no rule of this name: said rather than silently allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such rate limit rule")]
pub struct UnknownRule;

/// A rule of this name was given before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit rule `{0}` is given twice")]
pub struct DuplicateRule(pub Box<str>);

impl RateRules {
    /// No rules at all.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a rule, or replaces the one of its name, keeping that one's longest backoff.
    pub fn set(&mut self, rule: RateRule) {
        let rule = match self.0.get(rule.name()) {
            Some(before) => rule.backoff(before.backoff),
            None => rule,
        };
        self.0.insert(rule.name.clone(), rule);
    }

    /// Adds a rule of a new name.
    ///
    /// # Errors
    /// [`DuplicateRule`].
    pub fn add(&mut self, rule: RateRule) -> Result<(), DuplicateRule> {
        if self.0.contains_key(rule.name()) {
            return Err(DuplicateRule(rule.name));
        }
        self.0.insert(rule.name.clone(), rule);
        Ok(())
    }

    /// The rule of a name.
    ///
    /// # Errors
    /// [`UnknownRule`].
    pub fn get(&self, name: &str) -> Result<&RateRule, UnknownRule> {
        self.0.get(name).ok_or(UnknownRule)
    }

    /// All rules, by name.
    pub fn iter(&self) -> impl Iterator<Item = &RateRule> {
        self.0.values()
    }
}

/// `token_refresh` 10 in 60 s, `session_create` 5 in 300 s, `login_attempt` 5 in 300 s with a backoff
/// of at most 30 minutes, `login_account` 20 and `login_address` 50 in 300 s likewise, `registration` 5
/// in 3600 s.
impl Default for RateRules {
    fn default() -> Self {
        let rule = |name: &str, requests, seconds, max| RateRule {
            name: name.into(),
            requests,
            window: TimeDelta::seconds(seconds),
            backoff: Backoff::Exponential { max },
        };
        let rules = [
            rule("token_refresh", 10, 60, Backoff::DEFAULT_MAX),
            rule("session_create", 5, 300, Backoff::DEFAULT_MAX),
            rule("login_attempt", 5, 300, TimeDelta::minutes(30)),
            rule("login_account", 20, 300, TimeDelta::minutes(30)),
            rule("login_address", 50, 300, TimeDelta::minutes(30)),
            rule("registration", 5, 3600, Backoff::DEFAULT_MAX),
        ];
        Self(rules.map(|rule| (rule.name.clone(), rule)).into())
    }
}
