use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use app::wiring::SharedSecret;
use app::{Enforcement, PublicUrl, ReturnPaths};
use axum::http::HeaderName;
use chrono::TimeDelta;
use http_api::TrustedProxies;
use session_core::ports::LimitPolicy;
use session_core::{PasswordPolicy, RateRule, RateRules, RiskScore};
use zeroize::Zeroizing;

use super::source::Sources;
use super::table::{RATE_LIMIT, SETTINGS, WITHOUT_EFFECT, find};
use super::{BadSettings, LostKeys, StoreKind};

/// Reads settings one by one and keeps what is wrong with them, so that all of it is told at once.
pub(crate) struct Reader<'a> {
    sources: &'a Sources,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn of(sources: &'a Sources) -> Self {
        Self {
            sources,
            problems: Vec::new(),
        }
    }

    /// The setting's value, or its default's; `None` when it is wrong, which is noted.
    pub(crate) fn read<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let default = SETTINGS
            .iter()
            .find(|setting| setting.name == name)?
            .default;
        let text = self.sources.get(name).or(default)?;
        self.parsed(name, text, parse)
    }

    /// The setting's value if it is given; `None` also when it is wrong, which is noted.
    pub(crate) fn read_optional<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.sources.get(name)?;
        self.parsed(name, text, parse)
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(text.trim());
        if value.is_none() {
            let takes = find(name).map_or("something else", |setting| setting.takes);
            // The value itself is not repeated: it may be a secret in the wrong place.
            self.problems.push(format!("{name} takes {takes}"));
        }
        value
    }

    /// The rules of the settings: those of a name of their own included, which no table can hold.
    pub(crate) fn read_rules(&mut self) -> RateRules {
        let mut rules = RateRules::default();
        let mut seen = HashSet::new();
        for name in self.sources.starting_with(RATE_LIMIT) {
            let Some((requests, window)) = self.read_optional(&name, rate) else {
                continue;
            };
            let rule = name[RATE_LIMIT.len()..].to_ascii_lowercase();
            match RateRule::new(&rule, requests, window) {
                Ok(_) if !seen.insert(rule.clone()) => {
                    self.complain(&name, "is given twice, in upper and in lower case");
                }
                Ok(rule) => rules.set(rule),
                Err(error) => {
                    let field = error.to_string().replace('`', "");
                    self.complain(&name, &format!("makes no rule: {field}"));
                }
            }
        }
        rules
    }

    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.sources.get(name).is_some()
    }

    pub(crate) fn complain(&mut self, name: &str, problem: &str) {
        self.problems.push(format!("{name} {problem}"));
    }

    /// What was given and does nothing: misspelt, or of a later version.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let given = WITHOUT_EFFECT.iter().filter(|name| self.is_given(name));
        let given = given.map(|name| (*name).to_owned());
        self.sources.unknown.iter().cloned().chain(given).collect()
    }

    pub(crate) fn finish(self) -> Result<(), BadSettings> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(BadSettings(self.problems))
        }
    }
}

/// A hundred years: more would be a slip, and leaves the calendar.
const LONGEST: i64 = 100 * 366 * 24 * 3600;

pub(crate) fn span(text: &str) -> Option<TimeDelta> {
    let seconds: i64 = text.parse().ok()?;
    (0..=LONGEST)
        .contains(&seconds)
        .then(|| TimeDelta::try_seconds(seconds))?
}

/// A short time that may have a fraction.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (0.01..=60.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

pub(crate) fn positive_span(text: &str) -> Option<TimeDelta> {
    span(text).filter(|span| *span > TimeDelta::zero())
}

/// An address to listen on; `localhost` is the IPv4 loopback.
pub(crate) fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

pub(crate) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

pub(crate) fn count(text: &str) -> Option<usize> {
    text.parse().ok()
}

pub(crate) fn limit(text: &str) -> Option<u32> {
    text.parse().ok().filter(|limit| *limit > 0)
}

pub(crate) fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub(crate) fn enforcement(text: &str) -> Option<Enforcement> {
    match text {
        "enforce" => Some(Enforcement::Enforce),
        "shadow" => Some(Enforcement::Shadow),
        "off" => Some(Enforcement::Off),
        _ => None,
    }
}

/// A number from 0 to 1.
pub(crate) fn score(text: &str) -> Option<RiskScore> {
    RiskScore::new(text.parse().ok()?).ok()
}

/// `<requests>/<seconds>`.
pub(crate) fn rate(text: &str) -> Option<(u32, TimeDelta)> {
    let (requests, seconds) = text.split_once('/')?;
    Some((
        requests.trim().parse().ok()?,
        positive_span(seconds.trim())?,
    ))
}

pub(crate) fn networks(text: &str) -> Option<TrustedProxies> {
    text.parse().ok()
}

pub(crate) fn header(text: &str) -> Option<HeaderName> {
    text.parse().ok()
}

pub(crate) fn list(text: &str) -> Option<Vec<String>> {
    let items: Vec<_> = text.split(',').map(|item| item.trim().to_owned()).collect();
    items.iter().all(|item| !item.is_empty()).then_some(items)
}

/// The level by the name that `tracing` has for it; Python's names are read too.
pub(crate) fn log_level(text: &str) -> Option<String> {
    let level = match text.to_ascii_lowercase().as_str() {
        "critical" => "error".to_owned(),
        "warning" => "warn".to_owned(),
        level => level.to_owned(),
    };
    ["error", "warn", "info", "debug", "trace"]
        .contains(&level.as_str())
        .then_some(level)
}

pub(crate) fn minutes_of_a_day(text: &str) -> Option<TimeDelta> {
    let minutes: i64 = text.parse().ok()?;
    (1..=24 * 60)
        .contains(&minutes)
        .then(|| TimeDelta::try_minutes(minutes))?
}

pub(crate) fn password_policy(text: &str) -> Option<PasswordPolicy> {
    PasswordPolicy::new(text.parse().ok()?).ok()
}

pub(crate) fn name(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= 255).then(|| text.to_owned())
}

pub(crate) fn secret(text: &str) -> Option<Zeroizing<String>> {
    (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()))
}

/// One that is too short to be a key, or repeats itself, is as good as none.
pub(crate) fn shared_secret(text: &str) -> Option<Zeroizing<String>> {
    const LEAST_DIFFERENT: usize = 10;
    let different = text.bytes().collect::<HashSet<_>>().len();
    let is_fit = text.len() >= SharedSecret::MIN_BYTES && different >= LEAST_DIFFERENT;
    secret(text).filter(|_| is_fit)
}

/// `https://host[:port]`, as browsers send it (RFC 6454 §6.1): nothing behind it, no wildcard.
pub(crate) fn origins(text: &str) -> Option<Vec<String>> {
    let origins = list(text)?;
    let is_origin = |origin: &String| {
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        matches!(scheme, "https" | "http") && !authority.is_empty() && authority.bytes().all(plain)
    };
    origins.iter().all(is_origin).then_some(origins)
}

pub(crate) fn public_url(text: &str) -> Option<PublicUrl> {
    text.parse().ok()
}

pub(crate) fn return_paths(text: &str) -> Option<ReturnPaths> {
    text.parse().ok()
}

pub(crate) fn store(text: &str) -> Option<StoreKind> {
    match text {
        "sqlite" => Some(StoreKind::Sqlite),
        "memory" => Some(StoreKind::Memory),
        "redis" => Some(StoreKind::Redis),
        _ => None,
    }
}

pub(crate) fn cached(text: &str) -> Option<bool> {
    match text {
        "strict" => Some(false),
        "cached" => Some(true),
        _ => None,
    }
}

pub(crate) fn lost_keys(text: &str) -> Option<LostKeys> {
    match text {
        "refuse" => Some(LostKeys::Refuse),
        "accept" => Some(LostKeys::Accept),
        _ => None,
    }
}

pub(crate) fn limit_policy(text: &str) -> Option<LimitPolicy> {
    match text {
        "evict_oldest" => Some(LimitPolicy::EvictOldest),
        "refuse" => Some(LimitPolicy::Refuse),
        _ => None,
    }
}
