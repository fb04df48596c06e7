use chrono::{DateTime, Utc};
use serde::Serialize;
use session_core::{
    ProviderTokenHash, RefreshId, RefreshOutcome, RefreshReason, RefreshRecord, SessionId,
};
use utoipa::ToSchema;

/// One attempt to renew a session's tokens, as the API shows it. Of the tokens it holds hashes alone.
#[derive(Serialize, ToSchema)]
#[schema(as = RefreshRecord)]
pub(crate) struct RefreshJson<'a> {
    #[schema(value_type = String)]
    record_id: RefreshId,
    #[schema(value_type = String)]
    session_id: SessionId,
    user_id: &'a str,
    provider: &'a str,
    /// `proactive`, `expired`, `user_requested` or `forced`.
    #[schema(value_type = String)]
    reason: RefreshReason,
    started_at: DateTime<Utc>,
    /// Null while it is under way.
    finished_at: Option<DateTime<Utc>>,
    /// `success`, `pending`, or what went wrong: `reauth_required`, `client_refused`,
    /// `request_refused`, `throttled`, `unavailable`, `ambiguous`, `interrupted`, `superseded`,
    /// `abandoned`.
    #[schema(value_type = String)]
    outcome: RefreshOutcome,
    /// How often the provider was asked.
    tries: u32,
    /// How often the tokens have been replaced, this time included if it did.
    rotation_count: u64,
    /// SHA-256, as hexadecimal digits; so the others.
    #[schema(value_type = String)]
    old_access_token_hash: ProviderTokenHash,
    #[schema(value_type = Option<String>)]
    old_refresh_token_hash: Option<ProviderTokenHash>,
    /// Null where no new token came.
    #[schema(value_type = Option<String>)]
    new_access_token_hash: Option<ProviderTokenHash>,
    /// Null where the provider gave no new one: the one before stays.
    #[schema(value_type = Option<String>)]
    new_refresh_token_hash: Option<ProviderTokenHash>,
    old_expires_at: Option<DateTime<Utc>>,
    new_expires_at: Option<DateTime<Utc>>,
    /// Until when the access token before is still taken for the user's.
    grace_ends_at: Option<DateTime<Utc>>,
}

impl<'a> From<&'a RefreshRecord> for RefreshJson<'a> {
    fn from(record: &'a RefreshRecord) -> Self {
        Self {
            record_id: record.id,
            session_id: record.session_id,
            user_id: record.user_id.as_str(),
            provider: record.provider.as_str(),
            reason: record.reason,
            started_at: record.started_at,
            finished_at: record.finished_at,
            outcome: record.outcome,
            tries: record.tries,
            rotation_count: record.rotation_count,
            old_access_token_hash: record.old_access_token,
            old_refresh_token_hash: record.old_refresh_token,
            new_access_token_hash: record.new_access_token,
            new_refresh_token_hash: record.new_refresh_token,
            old_expires_at: record.old_expires_at,
            new_expires_at: record.new_expires_at,
            grace_ends_at: record.grace_ends_at,
        }
    }
}
