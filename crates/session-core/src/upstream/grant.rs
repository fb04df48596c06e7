use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq as _;

use super::{RefreshConfig, RefreshId, SealedTokens};
use crate::{ProviderName, ProviderToken, ProviderTokenHash, SessionId, UserId};

/// What is kept of a login at an outside provider: its present tokens, and where their renewal stands.
///
/// A session has at most one, so the session's id names it. All times are UTC in whole milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The session that it belongs to.
    pub session_id: SessionId,
    /// Whose session.
    pub user_id: UserId,
    /// Who issued the tokens.
    pub provider: ProviderName,
    /// The provider's own name for the user's presence there (`sid`, OpenID Connect Back-Channel
    /// Logout 1.0 §2.1), if it told.
    pub provider_session: Option<Box<str>>,
    /// Raised by the begin and by the end of a refresh. Whoever began one may only end it while the
    /// version is the one that the begin made: this is the fencing number.
    pub version: u64,
    /// Whether the tokens can be renewed.
    pub status: GrantStatus,
    /// The tokens.
    pub tokens: SealedTokens,
    /// The hash of the present access token.
    pub access_hash: ProviderTokenHash,
    /// How the access token is to be used (RFC 6749 §7.1): nearly always `Bearer`.
    pub token_type: Box<str>,
    /// What the user granted (RFC 6749 §3.3).
    pub scopes: Vec<Box<str>>,
    /// When the present tokens were asked for.
    pub obtained_at: DateTime<Utc>,
    /// When the access token expires, if the provider told.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// The access token before, while it is still taken for the user's.
    pub superseded: Option<SupersededToken>,
    /// How often the tokens have been replaced.
    pub rotation_count: u64,
    /// Before this the provider is not to be asked again: it said so, or has just failed.
    pub retry_at: Option<DateTime<Utc>>,
    /// When something is to be done with it that nobody may ask for: renewing the tokens, or seeing
    /// whether the session is still there.
    pub due_at: DateTime<Utc>,
    /// Who is renewing the tokens.
    pub lease: Option<Lease>,
}

/// Whether a grant's tokens can be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantStatus {
    /// As far as is known.
    Usable,
    /// The provider takes the refresh token no more: only another login there helps.
    ReauthRequired,
}

impl GrantStatus {
    /// A stable snake_case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::ReauthRequired => "reauth_required",
        }
    }
}

/// The right to renew a grant's tokens, for a time. It is in force until `until`, whoever holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When it ends by itself, because its holder must have died.
    pub until: DateTime<Utc>,
    /// What its holder is at.
    pub record: RefreshId,
}

/// An access token that was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupersededToken {
    /// Its hash.
    pub hash: ProviderTokenHash,
    /// Until when it is still taken for the user's.
    pub until: DateTime<Utc>,
}

/// What an access token of a provider is to a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenStanding {
    /// The present one, and good.
    Current,
    /// The one before, still good for whoever has not heard of the present one.
    InGrace,
    /// The present one or the one before, and past its time.
    Expired,
    /// The one before, after the grace.
    Superseded,
    /// None of the grant's.
    Unknown,
}

impl Grant {
    /// Whether somebody is renewing the tokens at `now`.
    #[must_use]
    pub fn is_leased(&self, now: DateTime<Utc>) -> bool {
        self.lease.is_some_and(|lease| now < lease.until)
    }

    /// Whether the access token is good at `now`. One whose end is not known is.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.access_expires_at.is_none_or(|end| now < end)
    }

    /// From when on the access token is to be renewed; `None` when its end is not known, and it never
    /// is.
    #[must_use]
    pub fn refresh_from(&self, config: &RefreshConfig) -> Option<DateTime<Utc>> {
        let end = self.access_expires_at?;
        // A token that lives shorter than twice the usual time would be renewed over and over.
        let ahead = config.proactive.min((end - self.obtained_at) / 2);
        end.checked_sub_signed(ahead)
    }

    /// Whether the access token is to be renewed at `now`, if it can be.
    #[must_use]
    pub fn needs_refresh(&self, config: &RefreshConfig, now: DateTime<Utc>) -> bool {
        self.refresh_from(config).is_some_and(|from| now >= from)
    }

    /// Whether there is something to renew the tokens with.
    #[must_use]
    pub fn can_refresh(&self) -> bool {
        self.status == GrantStatus::Usable && self.tokens.refresh.is_some()
    }

    /// What `token` is to this grant at `now`, in a time that tells nothing about it.
    #[must_use]
    pub fn standing(&self, token: &ProviderToken, now: DateTime<Utc>) -> TokenStanding {
        let hash = token.hash();
        let is = |known: &ProviderTokenHash| bool::from(known.as_bytes().ct_eq(hash.as_bytes()));
        if is(&self.access_hash) {
            return if self.is_live(now) {
                TokenStanding::Current
            } else {
                TokenStanding::Expired
            };
        }
        match &self.superseded {
            Some(before) if is(&before.hash) && now < before.until => TokenStanding::InGrace,
            Some(before) if is(&before.hash) => TokenStanding::Superseded,
            _ => TokenStanding::Unknown,
        }
    }
}
