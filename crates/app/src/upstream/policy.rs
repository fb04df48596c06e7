use std::time::Duration;

use chrono::TimeDelta;
use session_core::{RefreshConfig, RetryConfig};

/// The numbers that a [`TokenManager`](crate::TokenManager) goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPolicy {
    /// When tokens are renewed.
    pub refresh: RefreshConfig,
    /// How a provider that fails is asked again.
    pub retry: RetryConfig,
    /// How long the right to renew outlives whoever has it: after a crash, the others wait that long.
    /// While its holder lives, it is kept.
    pub lease: TimeDelta,
    /// Renewals per second and provider that this process begins at most; at least 1.
    pub rate: u32,
    /// How long somebody waits for a token who has none otherwise.
    pub patience: Duration,
    /// How long somebody waits for a new token whose old one is still good.
    pub short_patience: Duration,
    /// How long records of renewals are kept.
    pub retention: TimeDelta,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            refresh: RefreshConfig::default(),
            retry: RetryConfig::default(),
            lease: TimeDelta::seconds(10),
            rate: 20,
            patience: Duration::from_secs(20),
            short_patience: Duration::from_secs(3),
            retention: TimeDelta::days(30),
        }
    }
}
