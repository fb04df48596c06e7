use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::uuid_v7::uuid_v7;
use crate::{InvalidInput, ProviderName, ProviderTokenHash, SessionId, UserId};

uuid_v7! {
    /// Names one attempt to refresh a grant's tokens. Ids sort by the time of the attempt.
    RefreshId
}

/// One attempt to refresh a grant's tokens: written before the provider is called, completed with the
/// new tokens in one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefreshRecord {
    /// Its own name.
    #[serde(rename = "record_id")]
    pub id: RefreshId,
    /// Whose tokens.
    pub session_id: SessionId,
    /// Whose session.
    pub user_id: UserId,
    /// Who issued them.
    pub provider: ProviderName,
    /// Why it was begun.
    pub reason: RefreshReason,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// When its outcome was written.
    pub finished_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub outcome: RefreshOutcome,
    /// How often the provider was called.
    pub tries: u32,
    /// How often the grant's tokens had been replaced, this time included if it did.
    pub rotation_count: u64,
    /// The access token before.
    pub old_access_token: ProviderTokenHash,
    /// The refresh token that was used.
    pub old_refresh_token: Option<ProviderTokenHash>,
    /// The access token after, where there is a new one.
    pub new_access_token: Option<ProviderTokenHash>,
    /// The refresh token after, where the provider gave a new one.
    pub new_refresh_token: Option<ProviderTokenHash>,
    /// When the access token before expires.
    pub old_expires_at: Option<DateTime<Utc>>,
    /// When the new access token expires.
    pub new_expires_at: Option<DateTime<Utc>>,
    /// Until when the access token before is still taken for the user's.
    pub grace_ends_at: Option<DateTime<Utc>>,
}

/// Why tokens are refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshReason {
    /// The access token is about to expire.
    Proactive,
    /// It has expired.
    Expired,
    /// Somebody asked for it.
    UserRequested,
    /// Somebody asked for it whether it is due or not.
    Forced,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshOutcome {
    /// It is under way; or whoever was at it died, and nobody has come by since.
    Pending,
    /// The new tokens are stored.
    Success,
    /// The provider takes the refresh token no more (RFC 6749 §5.2, `invalid_grant`).
    ReauthRequired,
    /// The provider does not know us, or not with these credentials: for the operator to mend.
    ClientRefused,
    /// The provider did not take the request: for the operator to mend.
    RequestRefused,
    /// The provider asked for patience.
    Throttled,
    /// The provider could not be reached, or could not do it.
    Unavailable,
    /// Nobody knows whether the provider did it: no answer came, or one that cannot be used.
    Ambiguous,
    /// Whoever was at it died: nobody knows whether the provider did it. The tokens are the old ones.
    Interrupted,
    /// The answer came after somebody else had taken over, and was not used.
    Superseded,
    /// It was broken off before the provider was called, by a fault of ours.
    Abandoned,
}

impl RefreshReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [
        Self::Proactive,
        Self::Expired,
        Self::UserRequested,
        Self::Forced,
    ];

    /// A stable snake_case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proactive => "proactive",
            Self::Expired => "expired",
            Self::UserRequested => "user_requested",
            Self::Forced => "forced",
        }
    }

    /// Reads the word back.
    ///
    /// # Errors
    /// [`InvalidInput`] for any other word.
    pub fn parse(word: &str) -> Result<Self, InvalidInput> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or_else(|| InvalidInput::new("reason", "is none of a refresh"))
    }
}

impl RefreshOutcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Success,
        Self::ReauthRequired,
        Self::ClientRefused,
        Self::RequestRefused,
        Self::Throttled,
        Self::Unavailable,
        Self::Ambiguous,
        Self::Interrupted,
        Self::Superseded,
        Self::Abandoned,
    ];

    /// A stable snake_case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::ReauthRequired => "reauth_required",
            Self::ClientRefused => "client_refused",
            Self::RequestRefused => "request_refused",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Ambiguous => "ambiguous",
            Self::Interrupted => "interrupted",
            Self::Superseded => "superseded",
            Self::Abandoned => "abandoned",
        }
    }

    /// Reads the word back.
    ///
    /// # Errors
    /// [`InvalidInput`] for any other word.
    pub fn parse(word: &str) -> Result<Self, InvalidInput> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or_else(|| InvalidInput::new("outcome", "is none of a refresh"))
    }
}
