use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use session_core::ports::{AuditLog, Clock, Entropy, RateLimiter};
use session_core::{
    ActivityPattern, Anchor, Attempt, AuditAction, AuditEvent, AuditFilter, AuditOrder,
    AuditRecord, AuditSummary, BrokenRecord, ClientDetails, InvalidInput, MAX_PAGE, Page,
    PageRequest, RateDecision, RateKey, Risk, RiskScore, Sequence, Session, Suspicion, UserId,
    Verified,
};

use crate::audit_trail::AuditTrail;
use crate::ending::Cleaned;
use crate::security_policy::{Enforcement, SecurityPolicy};
use crate::{Origin, SessionError, SessionManager};

/// Records that one call of the store forgets at most.
const BATCH: usize = 1000;
/// Most hours that a summary looks back.
const MAX_SUMMARY_HOURS: u32 = 24 * 366;
/// Events that a summary shows.
const RECENT_EVENTS: usize = 10;

/// Watches over sessions: rate limits, signs of theft and misuse, and what happened.
pub struct SecurityService {
    sessions: Arc<SessionManager>,
    rates: Arc<dyn RateLimiter>,
    log: Arc<dyn AuditLog>,
    audit: Arc<AuditTrail>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: SecurityPolicy,
}

/// A user's events of the last hours.
#[derive(Debug, Clone, PartialEq)]
pub struct SecuritySummary {
    /// Whose.
    pub user_id: UserId,
    /// How far back.
    pub period_hours: u32,
    /// The counts.
    pub counts: AuditSummary,
    /// The newest ten, newest first.
    pub recent_events: Vec<AuditRecord>,
}

impl SecurityService {
    /// A service over these ports, which shares `sessions` and `audit` with the rest of the program.
    #[must_use]
    pub fn new(
        sessions: Arc<SessionManager>,
        rates: Arc<dyn RateLimiter>,
        log: Arc<dyn AuditLog>,
        audit: Arc<AuditTrail>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        policy: SecurityPolicy,
    ) -> Self {
        Self {
            sessions,
            rates,
            log,
            audit,
            clock,
            entropy,
            policy,
        }
    }

    /// What it goes by.
    #[must_use]
    pub const fn policy(&self) -> &SecurityPolicy {
        &self.policy
    }

    /// Counts an attempt of each of `subjects` under a rule; how many more are admitted now.
    ///
    /// It is counted only if the rule admits it for all of them. In shadow mode one that would be
    /// refused is recorded and admitted. `user_id` is whom it is about, where that is known: the
    /// subjects themselves are kept and recorded as hashes only.
    ///
    /// # Errors
    /// [`SessionError::UnknownRule`]; [`SessionError::RateLimited`]; `Store`, and then it is not
    /// admitted.
    pub async fn check_rate_limit(
        &self,
        rule: &str,
        subjects: &[&str],
        user_id: Option<&UserId>,
        origin: &Origin<'_>,
    ) -> Result<u32, SessionError> {
        let counted: Vec<_> = subjects.iter().map(|subject| (rule, *subject)).collect();
        self.check_rate_limits(&counted, user_id, origin).await
    }

    /// The same for subjects that are each counted under a rule of their own.
    ///
    /// # Errors
    /// As [`Self::check_rate_limit`].
    pub async fn check_rate_limits(
        &self,
        counted: &[(&str, &str)],
        user_id: Option<&UserId>,
        origin: &Origin<'_>,
    ) -> Result<u32, SessionError> {
        let mut attempts = Vec::with_capacity(counted.len());
        for (rule, subject) in counted {
            attempts.push(Attempt::of(self.policy.rules.get(rule)?, subject));
        }
        if self.policy.enforcement == Enforcement::Off {
            let most = attempts.iter().map(|attempt| attempt.rule.requests());
            return Ok(most.min().unwrap_or(u32::MAX));
        }
        let decision = self
            .rates
            .attempt(&attempts, self.clock.now(), self.jitter())
            .await?;
        let (retry_after, violations, is_new) = match decision {
            RateDecision::Admitted { remaining } => return Ok(remaining),
            RateDecision::Refused {
                retry_after,
                violations,
                is_new,
            } => (retry_after, violations, is_new),
        };
        let is_shadow = self.policy.enforcement == Enforcement::Shadow;
        // Once for each violation: who keeps knocking while blocked must not fill the log.
        if is_new {
            let mut rules: Vec<_> = counted.iter().map(|(rule, _)| *rule).collect();
            rules.dedup();
            let mut event = AuditEvent {
                success: false,
                suspicious: true,
                details: AuditEvent::field(&rules.join(", ")),
                error_code: Some("rate_limited".into()),
                user_id: user_id.cloned(),
                ..self.audit.event(AuditAction::RateLimitExceeded, origin)
            };
            event
                .metadata
                .insert("violations".into(), json!(violations));
            let keys: Vec<_> = attempts.iter().map(|attempt| attempt.key).collect();
            event.metadata.insert("keys".into(), json!(keys));
            let seconds = whole_seconds(retry_after);
            event.metadata.insert("retry_after".into(), json!(seconds));
            if is_shadow {
                event.metadata.insert("mode".into(), json!("shadow"));
            }
            self.audit.record(event).await;
        }
        if is_shadow {
            return Ok(0);
        }
        Err(SessionError::RateLimited {
            retry_after: whole_seconds(retry_after),
        })
    }

    /// Forgets what is counted against `subjects` under a rule: after a login that succeeded.
    ///
    /// # Errors
    /// [`SessionError::UnknownRule`]; `Store`.
    pub async fn reset_rate_limit(
        &self,
        rule: &str,
        subjects: &[&str],
    ) -> Result<(), SessionError> {
        let counted: Vec<_> = subjects.iter().map(|subject| (rule, *subject)).collect();
        self.reset_rate_limits(&counted).await
    }

    /// The same for subjects that are each counted under a rule of their own.
    ///
    /// # Errors
    /// As [`Self::reset_rate_limit`].
    pub async fn reset_rate_limits(&self, counted: &[(&str, &str)]) -> Result<(), SessionError> {
        let mut keys = Vec::with_capacity(counted.len());
        for (rule, subject) in counted {
            keys.push(RateKey::of(self.policy.rules.get(rule)?, subject));
        }
        Ok(self.rates.reset(&keys).await?)
    }

    /// What speaks for it that a session is used by someone else than the one who began it.
    ///
    /// [`SessionManager::validate`] asks this by itself, and acts on it.
    #[must_use]
    pub fn detect_session_hijacking(&self, session: &Session, seen: &ClientDetails) -> Risk {
        self.sessions.assess(session, seen)
    }

    /// What a user's latest activity lets suspect; `current_address` is where the user is now.
    ///
    /// # Errors
    /// `Store`.
    pub async fn detect_suspicious_activity(
        &self,
        user_id: &UserId,
        current_address: Option<std::net::IpAddr>,
    ) -> Result<Suspicion, SessionError> {
        self.audit.flush().await;
        let now = self.clock.now();
        let created_since = now - ActivityPattern::SESSIONS_WITHIN;
        let failed_since = now - ActivityPattern::FAILURES_WITHIN;
        let (created, failed) = (AuditAction::SessionCreated, AuditAction::LoginFailure);
        let filter = AuditFilter::of_user(user_id.clone());
        let last = PageRequest::new(Some(ActivityPattern::EVENTS), None)?;
        let (sessions_created, failed_logins, events, sessions) = tokio::try_join!(
            async { Ok(self.log.count(user_id, created, created_since).await?) },
            async { Ok(self.log.count(user_id, failed, failed_since).await?) },
            async {
                let order = AuditOrder::NewestFirst;
                Ok::<_, SessionError>(self.log.page(&filter, order, last).await?)
            },
            self.sessions
                .list(user_id, PageRequest::new(Some(MAX_PAGE), None)?),
        )?;
        let devices: BTreeSet<_> = sessions.items.iter().filter_map(|s| device_of(s)).collect();
        let pattern = ActivityPattern {
            sessions_created,
            failed_logins,
            recent_addresses: events
                .items
                .iter()
                .filter_map(|record| record.event.ip_address)
                .collect(),
            session_addresses: sessions
                .items
                .iter()
                .filter_map(|session| session.client.ip_address)
                .collect(),
            current_address,
            active_devices: devices.len(),
        };
        Ok(pattern.assess())
    }

    /// Records something that the application saw. `risk` above zero marks it as suspicious.
    pub async fn log_security_event(
        &self,
        action: AuditAction,
        session: Option<&Session>,
        user_id: Option<UserId>,
        details: &str,
        risk: RiskScore,
        origin: &Origin<'_>,
    ) {
        let event = AuditEvent {
            session_id: session.map(|session| session.id),
            user_id: session.map(|session| session.user_id.clone()).or(user_id),
            details: AuditEvent::field(details),
            suspicious: risk > RiskScore::ZERO,
            risk_score: risk,
            ..self.audit.event(action, origin)
        };
        self.audit.record(event).await;
    }

    /// Records that somebody known asked for what they may not do.
    pub async fn log_denied(&self, user_id: Option<UserId>, code: &str, origin: &Origin<'_>) {
        let event = AuditEvent {
            user_id,
            success: false,
            error_code: Some(AuditEvent::field(code)),
            ..self.audit.event(AuditAction::AccessDenied, origin)
        };
        self.audit.record(event).await;
    }

    /// A user's events of the last `hours`, everything up to now included.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] for `hours` unless it is from 1 to a year's; `Store`.
    pub async fn summary(
        &self,
        user_id: UserId,
        hours: u32,
    ) -> Result<SecuritySummary, SessionError> {
        if !(1..=MAX_SUMMARY_HOURS).contains(&hours) {
            let problem = format_args!("must be from 1 to {MAX_SUMMARY_HOURS}");
            return Err(InvalidInput::new("hours", problem).into());
        }
        self.audit.flush().await;
        let since = self.clock.now() - TimeDelta::hours(i64::from(hours));
        let filter = AuditFilter {
            since: Some(since),
            ..AuditFilter::of_user(user_id.clone())
        };
        let newest = PageRequest::new(Some(RECENT_EVENTS), None)?;
        let counts = self.log.summarize(&user_id, since).await?;
        let page = self
            .log
            .page(&filter, AuditOrder::NewestFirst, newest)
            .await?;
        Ok(SecuritySummary {
            user_id,
            period_hours: hours,
            counts,
            recent_events: page.items,
        })
    }

    /// A page of the audit log, everything up to now included.
    ///
    /// # Errors
    /// `Store`.
    pub async fn events(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        page: PageRequest<Sequence>,
    ) -> Result<Page<AuditRecord, Sequence>, SessionError> {
        if page.after().is_none() {
            self.audit.flush().await;
        }
        Ok(self.log.page(filter, order, page).await?)
    }

    /// How many sessions of a user were begun, as far back as the audit log reaches.
    ///
    /// # Errors
    /// `Store`.
    pub async fn count_created(&self, user_id: &UserId) -> Result<u64, SessionError> {
        self.audit.flush().await;
        let (action, since) = (AuditAction::SessionCreated, DateTime::<Utc>::UNIX_EPOCH);
        Ok(self.log.count(user_id, action, since).await?)
    }

    /// Follows the chain of the audit log; see [`AuditLog::verify`].
    ///
    /// # Errors
    /// `Store` when it could not be read.
    pub async fn verify_log(
        &self,
        noted: Option<Anchor>,
    ) -> Result<Result<Verified, BrokenRecord>, SessionError> {
        self.audit.flush().await;
        Ok(self.log.verify(noted).await?)
    }

    /// Forgets rate limits that mean nothing any more and audit records past their time, one batch
    /// of each.
    ///
    /// # Errors
    /// `Store`.
    pub async fn forget_expired(&self) -> Result<Cleaned, SessionError> {
        let now = self.clock.now();
        let rates = self.rates.forget_counts(now, BATCH).await?;
        let before = now - self.audit.policy().retention;
        let records = self.log.forget_events(before, BATCH).await?;
        Ok(Cleaned {
            removed: rates.count + records.count,
            more: rates.more || records.more,
        })
    }

    /// From −1.0 to 1.0. Without entropy there is no jitter, which is no reason to refuse anyone.
    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        match self.entropy.fill(&mut bytes) {
            Ok(()) => f64::from(i32::from_be_bytes(bytes)) / f64::from(i32::MAX),
            Err(_) => 0.0,
        }
    }
}

/// What tells a session's device from others: its fingerprint's names, else its user agent.
fn device_of(session: &Session) -> Option<&str> {
    let device = session.client.device_fingerprint.as_deref();
    device
        .and_then(|device| {
            let names = [
                &device.device_id,
                &device.fingerprint_id,
                &device.user_agent,
            ];
            names.into_iter().find_map(|name| name.as_deref())
        })
        .or(session.client.user_agent.as_deref())
}

/// Rounded up, so that who waits for as long as told has waited long enough; at least 1.
fn whole_seconds(span: TimeDelta) -> u64 {
    u64::try_from(span.num_milliseconds()).map_or(1, |millis| millis.div_ceil(1000).max(1))
}

impl std::fmt::Debug for SecurityService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecurityService")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
