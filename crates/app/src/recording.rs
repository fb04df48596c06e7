//! What the session manager leaves in the audit log.

use session_core::{
    AuditAction, AuditEvent, ClientDetails, EndReason, Session, SessionId, Standing, UserId,
};

use crate::{Origin, SessionManager};

impl SessionManager {
    /// Whether events of this kind are recorded.
    pub(crate) fn records(&self, action: AuditAction) -> bool {
        self.audit
            .as_ref()
            .is_some_and(|audit| audit.records(action))
    }

    /// Records what was done with a session.
    pub(crate) async fn record(&self, action: AuditAction, session: &Session, origin: &Origin<'_>) {
        let reason = match &session.standing {
            Standing::Ended(ending) => Some(ending.reason.as_str()),
            _ => None,
        };
        self.record_of(action, session.id, &session.user_id, reason, origin)
            .await;
    }

    /// The same for one of which no more is known.
    pub(crate) async fn record_of(
        &self,
        action: AuditAction,
        id: SessionId,
        user_id: &UserId,
        details: Option<&str>,
        origin: &Origin<'_>,
    ) {
        let Some(audit) = self.audit.as_ref().filter(|audit| audit.records(action)) else {
            return;
        };
        let event = AuditEvent {
            session_id: Some(id),
            user_id: Some(user_id.clone()),
            details: details.unwrap_or_default().into(),
            ..audit.event(action, origin)
        };
        audit.record(event).await;
    }

    /// Records the begin of a session, with the device that it was begun from, and whom it displaced.
    pub(crate) async fn record_created(
        &self,
        session: &Session,
        evicted: &[SessionId],
        origin: &Origin<'_>,
    ) {
        let Some(audit) = &self.audit else { return };
        let ClientDetails {
            ip_address,
            user_agent,
            device_fingerprint,
        } = &session.client;
        let mut event = AuditEvent {
            session_id: Some(session.id),
            user_id: Some(session.user_id.clone()),
            ..audit.event(AuditAction::SessionCreated, origin)
        };
        event.ip_address = ip_address.or(event.ip_address);
        event.user_agent = user_agent
            .as_deref()
            .map(AuditEvent::field)
            .or(event.user_agent);
        let device = device_fingerprint.as_deref();
        let name = device.and_then(|device| device.fingerprint_id.as_deref());
        event.fingerprint_id = name.map(AuditEvent::field);
        audit.record(event).await;
        let (action, reason) = (AuditAction::SessionTerminated, EndReason::SESSION_LIMIT);
        for id in evicted {
            self.record_of(action, *id, &session.user_id, Some(reason.as_str()), origin)
                .await;
        }
    }
}
