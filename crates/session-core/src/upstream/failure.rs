use chrono::TimeDelta;
use serde_json::Value;

use super::RefreshOutcome;
use crate::parse_strict_json;

/// Why a call of a provider brought nothing, sorted by what follows from it.
///
/// The texts say what happened, for the operator; they hold nothing of what was sent or answered but
/// the provider's own error code (RFC 6749 §5.2), if it is a plain word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFailure {
    /// `invalid_grant`: what was sent is good for nothing any more.
    #[error("the provider does not take the grant any more")]
    ReauthRequired,
    /// `invalid_client`, `unauthorized_client`: the provider does not know us, or not with these
    /// credentials.
    #[error("the provider refuses this client: {0}")]
    ClientRefused(String),
    /// Any other refusal: a wrong setting, or a provider that is none.
    #[error("the provider refuses the request: {0}")]
    RequestRefused(String),
    /// 429, or 503 with a time.
    #[error("the provider asks for patience")]
    Throttled {
        /// For how long, if it said.
        retry_after: Option<TimeDelta>,
    },
    /// It was not reached, or could not do it: the request had no effect.
    #[error("the provider is unavailable: {0}")]
    Unavailable(String),
    /// Nobody knows whether the request had an effect.
    #[error("the provider's answer is lost: {0}")]
    Ambiguous(String),
}

impl ProviderFailure {
    /// What the record of a refresh says of it.
    #[must_use]
    pub const fn outcome(&self) -> RefreshOutcome {
        match self {
            Self::ReauthRequired => RefreshOutcome::ReauthRequired,
            Self::ClientRefused(_) => RefreshOutcome::ClientRefused,
            Self::RequestRefused(_) => RefreshOutcome::RequestRefused,
            Self::Throttled { .. } => RefreshOutcome::Throttled,
            Self::Unavailable(_) => RefreshOutcome::Unavailable,
            Self::Ambiguous(_) => RefreshOutcome::Ambiguous,
        }
    }

    /// Whether it may pass by itself.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::Unavailable(_) | Self::Ambiguous(_)
        )
    }
}

/// What an answer other than 2xx means, from its status, its `Retry-After` and its body.
#[must_use]
pub fn refused_answer(status: u16, retry_after: Option<TimeDelta>, body: &[u8]) -> ProviderFailure {
    let told = |code: Option<&str>| match code {
        Some(code) => format!("status {status}, {code}"),
        None => format!("status {status}"),
    };
    match (status, retry_after) {
        (429, _) | (503, Some(_)) => return ProviderFailure::Throttled { retry_after },
        (500.., _) => return ProviderFailure::Unavailable(told(None)),
        _ => {}
    }
    let code = error_code(body);
    match code.as_deref() {
        Some("invalid_grant") if (400..500).contains(&status) => ProviderFailure::ReauthRequired,
        Some("invalid_client" | "unauthorized_client") => {
            ProviderFailure::ClientRefused(told(code.as_deref()))
        }
        _ if status == 401 => ProviderFailure::ClientRefused(told(code.as_deref())),
        _ => ProviderFailure::RequestRefused(told(code.as_deref())),
    }
}

/// The member `error` (RFC 6749 §5.2), if it is a plain word: it goes into logs.
fn error_code(body: &[u8]) -> Option<String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
    match parse_strict_json(body).ok()?.get("error")? {
        Value::String(code) if code.len() <= 64 && code.bytes().all(plain) => Some(code.clone()),
        _ => None,
    }
}
