use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{AuditAction, AuditEvent};
use crate::{SessionId, UserId};

/// Which events are asked for; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this user.
    pub user_id: Option<UserId>,
    /// About this session.
    pub session_id: Option<SessionId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// Not before this moment.
    pub since: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    /// Everything about a user.
    #[must_use]
    pub fn of_user(user_id: UserId) -> Self {
        Self {
            user_id: Some(user_id),
            ..Self::default()
        }
    }

    /// Whether an event is asked for.
    #[must_use]
    pub fn admits(&self, event: &AuditEvent) -> bool {
        let same_user = |user| event.user_id.as_ref() == Some(user);
        self.user_id.as_ref().is_none_or(same_user)
            && self
                .session_id
                .is_none_or(|id| event.session_id == Some(id))
            && self.action.is_none_or(|action| event.action == action)
            && self.since.is_none_or(|since| event.timestamp >= since)
            && self.until.is_none_or(|until| event.timestamp < until)
    }
}

/// In which order records are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOrder {
    /// The latest record first: for people.
    NewestFirst,
    /// As the log holds them: for an export whose chain can be followed.
    OldestFirst,
}

/// A user's events of some time, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AuditSummary {
    /// All of them.
    pub total_events: u64,
    /// Those that speak for misuse.
    pub suspicious_events: u64,
    /// Logins that failed.
    pub failed_logins: u64,
    /// Logins that succeeded.
    pub successful_logins: u64,
    /// Different addresses.
    pub unique_ips: u64,
    /// The mean of all risk scores; 0.0 without events.
    pub average_risk_score: f64,
}

impl AuditSummary {
    /// Counts events.
    #[must_use]
    pub fn of<'a>(events: impl Iterator<Item = &'a AuditEvent>) -> Self {
        let mut summary = Self::default();
        let mut addresses = BTreeSet::new();
        let mut thousandths = 0_u64;
        for event in events {
            summary.total_events += 1;
            summary.suspicious_events += u64::from(event.suspicious);
            match event.action {
                AuditAction::LoginFailure => summary.failed_logins += 1,
                AuditAction::LoginSuccess => summary.successful_logins += 1,
                _ => {}
            }
            addresses.extend(event.ip_address);
            thousandths += u64::from(event.risk_score.thousandths());
        }
        summary.unique_ips = addresses.len() as u64;
        if summary.total_events > 0 {
            summary.average_risk_score = thousandths as f64 / 1000.0 / summary.total_events as f64;
        }
        summary
    }
}
