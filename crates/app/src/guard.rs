use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use quick_cache::sync::Cache;
use serde_json::json;
use session_core::ports::EndOutcome;
use session_core::{
    AuditAction, AuditEvent, ClientDetails, EndKind, EndReason, Refusal, Risk, RiskAction,
    RiskPolicy, RiskSignal, Session, SessionId,
};

use crate::terms::SessionRef;
use crate::{Enforcement, Origin, SessionError, SessionManager};

/// Sessions whose last risk is remembered, so that it is recorded once and not with each request.
const REMEMBERED: usize = 10_000;

/// Judges the use of sessions.
pub(crate) struct Guard {
    policy: RiskPolicy,
    enforcement: Enforcement,
    /// A hash of what was recorded last of a session.
    recorded: Cache<SessionId, u64>,
    /// Taken for what is suspicious only.
    judging: Mutex<()>,
}

/// What the guard says.
pub(crate) struct Judgement {
    pub(crate) risk: Risk,
    /// What is done about it.
    pub(crate) action: RiskAction,
    /// What to record.
    pub(crate) record: Option<AuditAction>,
}

impl Guard {
    pub(crate) fn new(policy: RiskPolicy, enforcement: Enforcement) -> Self {
        Self {
            policy,
            enforcement,
            recorded: Cache::new(REMEMBERED),
            judging: Mutex::new(()),
        }
    }

    /// What to say to the use of a session by `seen`; `None` where there is nothing to compare.
    pub(crate) fn judge(
        &self,
        session: &Session,
        seen: Option<&ClientDetails>,
    ) -> Option<Judgement> {
        let seen = seen.filter(|_| self.enforcement != Enforcement::Off)?;
        let risk = self.assess(session, seen);
        let said = self.policy.action(risk.score);
        let record = match said {
            RiskAction::Allow => None,
            RiskAction::Audit => Some(self.is_news(session.id, &risk, seen))
                .filter(|is_news| *is_news)
                .map(|_| kind_of(&risk)),
            // Acted upon, it happens once by itself.
            RiskAction::Terminate if self.enforcement == Enforcement::Enforce => {
                Some(AuditAction::SessionHijackAttempt)
            }
            RiskAction::Terminate => self
                .is_news(session.id, &risk, seen)
                .then_some(AuditAction::SessionHijackAttempt),
        };
        let action = match said {
            RiskAction::Terminate if self.enforcement == Enforcement::Shadow => RiskAction::Audit,
            said => said,
        };
        Some(Judgement {
            risk,
            action,
            record,
        })
    }

    /// What speaks for misuse, whatever is done about it.
    pub(crate) fn assess(&self, session: &Session, seen: &ClientDetails) -> Risk {
        Risk::assess(&session.client, seen, &self.policy.weights)
    }

    /// Whether this is another picture than the one that was recorded last.
    fn is_news(&self, id: SessionId, risk: &Risk, seen: &ClientDetails) -> bool {
        let mut picture = DefaultHasher::new();
        risk.score.hash(&mut picture);
        risk.reasons().hash(&mut picture);
        seen.user_agent.hash(&mut picture);
        let picture = picture.finish();
        // Of parallel requests with the same picture one is the first to put it there.
        let _one_at_a_time = self.judging.lock().unwrap_or_else(PoisonError::into_inner);
        if self.recorded.get(&id) == Some(picture) {
            return false;
        }
        self.recorded.insert(id, picture);
        true
    }

    /// Fills in what was seen.
    pub(crate) fn describe(
        &self,
        event: AuditEvent,
        session: &Session,
        seen: Option<&ClientDetails>,
        judgement: &Judgement,
    ) -> AuditEvent {
        let Judgement { risk, action, .. } = judgement;
        let mut event = AuditEvent {
            session_id: Some(session.id),
            user_id: Some(session.user_id.clone()),
            suspicious: true,
            risk_score: risk.score,
            success: *action != RiskAction::Terminate,
            details: AuditEvent::field(&risk.reasons().join("; ")),
            ..event
        };
        if let Some(seen) = seen {
            event.ip_address = seen.ip_address.or(event.ip_address);
            let agent = seen.user_agent.as_deref().map(AuditEvent::field);
            event.user_agent = agent.or(event.user_agent);
            let device = seen.device_fingerprint.as_deref();
            let name = device.and_then(|device| device.fingerprint_id.as_deref());
            event.fingerprint_id = name.map(AuditEvent::field);
        }
        let differing = risk.signals.iter().find_map(|signal| match signal {
            RiskSignal::FingerprintMismatch { differing } => Some(differing),
            _ => None,
        });
        if let Some(fields) = differing {
            event.metadata.insert("differing".into(), json!(fields));
        }
        if self.enforcement == Enforcement::Shadow {
            event.metadata.insert("mode".into(), json!("shadow"));
        }
        event
    }
}

impl SessionManager {
    /// Records a risk, and ends the session where the policy says so; then why nobody gets in.
    pub(crate) async fn act_on(
        &self,
        judgement: &Judgement,
        session: &Session,
        seen: Option<&ClientDetails>,
        origin: &Origin<'_>,
    ) -> Result<Option<Refusal>, SessionError> {
        let terminate = judgement.action == RiskAction::Terminate;
        let mut is_mine = true;
        if terminate {
            let which = SessionRef::Handle(session.id);
            let (kind, reason) = (EndKind::Terminated, EndReason::SUSPECTED_HIJACKING);
            let outcome = self.end(&which, kind, reason, origin).await?;
            // Of parallel uses one ends the session, and that one leaves the record.
            is_mine = matches!(outcome, EndOutcome::Ended(_));
        }
        if let (Some(audit), Some(action), true) = (&self.audit, judgement.record, is_mine) {
            let event = audit.event(action, origin);
            let event = self.guard.describe(event, session, seen, judgement);
            audit.record(event).await;
        }
        Ok(terminate.then_some(Refusal::Terminated))
    }

    /// What speaks for it that a session is used by someone else, without doing anything about it.
    #[must_use]
    pub fn assess(&self, session: &Session, seen: &ClientDetails) -> Risk {
        self.guard.assess(session, seen)
    }
}

/// What a risk is called in the audit log: by its one signal, or as suspicious where there are more.
fn kind_of(risk: &Risk) -> AuditAction {
    match risk.signals.as_slice() {
        [RiskSignal::IpChanged { .. }] => AuditAction::IpChangeDetected,
        [RiskSignal::FingerprintMismatch { .. }] => AuditAction::InvalidDevice,
        _ => AuditAction::SuspiciousActivity,
    }
}
