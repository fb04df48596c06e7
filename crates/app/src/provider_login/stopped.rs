use session_core::{AuditEvent, ProviderFailure};

use super::error::ProviderLoginError;
use crate::{SessionError, TokenError};

/// Why a login is not finished: the error for the caller, and a word for the audit log.
pub(super) struct Stopped {
    pub(super) why: &'static str,
    /// More for the audit log; never anything secret.
    pub(super) details: Box<str>,
    pub(super) error: ProviderLoginError,
}

impl Stopped {
    pub(super) fn failed(why: &'static str) -> Self {
        Self {
            why,
            details: Box::default(),
            error: ProviderLoginError::Failed(why),
        }
    }

    /// For a reason that may pass.
    pub(super) fn for_now(why: &'static str, error: ProviderLoginError) -> Self {
        Self {
            why,
            details: Box::default(),
            error,
        }
    }

    pub(super) fn away(failure: ProviderFailure) -> Self {
        let details = AuditEvent::field(&failure.to_string());
        let why = match &failure {
            ProviderFailure::ClientRefused(_) => "client_refused",
            _ => "provider_away",
        };
        Self {
            why,
            details,
            error: ProviderLoginError::away(failure),
        }
    }

    pub(super) fn too_slow() -> Self {
        Self::away(ProviderFailure::Unavailable("it took too long".into()))
    }

    /// The provider's own word (RFC 6749 §4.1.2.1). Anybody can write it into an address, so no more
    /// of it is kept than a plain word.
    pub(super) fn told(error: &str) -> Self {
        let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
        let word = if error.len() <= 64 && error.bytes().all(plain) {
            error
        } else {
            "unreadable"
        };
        if word == "access_denied" {
            return Self {
                why: "access_denied",
                details: Box::default(),
                error: ProviderLoginError::Denied,
            };
        }
        Self::failed("provider_error").saying(word)
    }

    pub(super) fn not_begun(error: TokenError) -> Self {
        let is_at_limit = matches!(&error, TokenError::Session(error)
            if matches!(**error, SessionError::LimitReached { .. }));
        let why = if is_at_limit {
            "session_limit"
        } else {
            "unavailable"
        };
        Self::for_now(why, error.into())
    }

    pub(super) fn saying(self, details: &str) -> Self {
        let details = AuditEvent::field(details);
        Self { details, ..self }
    }
}
