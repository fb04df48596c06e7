use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::TimeDelta;

use crate::RiskScore;

/// What a user did lately, as far as it may tell of misuse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityPattern {
    /// Sessions begun within [`Self::SESSIONS_WITHIN`].
    pub sessions_created: u64,
    /// Logins that failed within [`Self::FAILURES_WITHIN`].
    pub failed_logins: u64,
    /// The addresses of the last [`Self::EVENTS`] events.
    pub recent_addresses: BTreeSet<IpAddr>,
    /// The addresses that the user's live sessions were begun from.
    pub session_addresses: BTreeSet<IpAddr>,
    /// The address of the request at hand.
    pub current_address: Option<IpAddr>,
    /// Different devices among the user's live sessions.
    pub active_devices: usize,
}

impl ActivityPattern {
    /// How far back sessions are counted.
    pub const SESSIONS_WITHIN: TimeDelta = TimeDelta::minutes(5);
    /// How far back failed logins are counted.
    pub const FAILURES_WITHIN: TimeDelta = TimeDelta::minutes(10);
    /// How many events are looked at for addresses.
    pub const EVENTS: usize = 10;

    /// What speaks for misuse, and what to do about it.
    #[must_use]
    pub fn assess(&self) -> Suspicion {
        let is_new_address = self.current_address.is_some_and(|address| {
            !self.session_addresses.is_empty() && !self.session_addresses.contains(&address)
        });
        let signs = [
            (self.sessions_created > 3, 400, "Rapid session creation"),
            (self.failed_logins > 3, 500, "Multiple failed logins"),
            (
                self.recent_addresses.len() > 3,
                300,
                "Multiple IP addresses",
            ),
            (is_new_address, 300, "New IP address"),
            (self.active_devices > 2, 200, "Multiple devices active"),
        ];
        let mut suspicion = Suspicion::default();
        for (holds, thousandths, reason) in signs {
            if holds {
                let weight = RiskScore::from_thousandths(thousandths);
                suspicion.score = suspicion.score.plus(weight);
                suspicion.reasons.push(reason);
            }
        }
        let advice = [
            (
                suspicion.score > RiskScore::from_thousandths(500),
                "Consider revoking suspicious sessions",
            ),
            (
                self.recent_addresses.len() > 2,
                "Monitor for unauthorized access from new locations",
            ),
            (self.sessions_created > 3, "Review recent login activity"),
        ];
        suspicion.recommendations = advice
            .into_iter()
            .filter_map(|(holds, advice)| holds.then_some(advice))
            .collect();
        suspicion
    }
}

/// What a user's activity lets suspect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspicion {
    /// The sum of the signs' weights, capped at 1.0.
    pub score: RiskScore,
    /// A sentence for each sign.
    pub reasons: Vec<&'static str>,
    /// What to do about it.
    pub recommendations: Vec<&'static str>,
}
