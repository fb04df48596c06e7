use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::digest;
use crate::uuid_v7::uuid_v7;
use crate::{EndReason, SessionId, UserId};

uuid_v7! {
    /// Names a revocation.
    RevocationId
}

digest! {
    /// What a token is looked up by in the list of revocations: a hash of its name.
    ///
    /// The name of an opaque token is its text. The name of a signed one is its `jti`, never its text:
    /// the same signature can be written in more than one way (RFC 8725 §3). The name of a session is
    /// its id, so that every secret that it ever had is meant.
    TokenHash
}

impl TokenHash {
    /// The hash of a token of `kind` by its name.
    #[must_use]
    pub fn of(kind: TokenKind, name: &[u8]) -> Self {
        let mut hash = Sha256::new();
        // The kind goes in, so that a name that means something in two kinds is two tokens.
        hash.update(kind.as_str());
        hash.update([0]);
        hash.update(name);
        Self(hash.finalize().into())
    }

    /// The hash of a session.
    #[must_use]
    pub fn of_session(id: SessionId) -> Self {
        Self::of(TokenKind::Session, id.as_bytes())
    }
}

/// What a revoked token was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// The session token, with every secret that it had.
    Session,
    /// An access token (RFC 6749 §1.4), of ours or of a provider.
    Access,
    /// A refresh token (RFC 6749 §1.5).
    Refresh,
    /// An ID token (OpenID Connect Core §2).
    Id,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Session, Self::Access, Self::Refresh, Self::Id];

    /// A stable snake_case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Id => "id",
        }
    }
}

/// A token that is refused though it has not expired: what was revoked, when, why and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// Its own name.
    #[serde(rename = "revocation_id")]
    pub id: RevocationId,
    /// Which token; for a session [`TokenHash::of_session`].
    pub token_hash: TokenHash,
    /// What the token was good for.
    pub token_type: TokenKind,
    /// The session that it belonged to, or was.
    pub session_id: Option<SessionId>,
    /// Whose it was.
    pub user_id: Option<UserId>,
    /// When.
    pub revoked_at: DateTime<Utc>,
    /// Until when the revocation is known; the token is dead by itself then.
    pub expires_at: DateTime<Utc>,
    /// Why.
    pub reason: EndReason,
    /// Who did it.
    pub revoked_by: Box<str>,
    /// The revocation that this one followed from.
    pub cascaded_from: Option<RevocationId>,
}

impl Revocation {
    /// How long a revocation is known unless the token lives longer.
    pub const DEFAULT_TTL: TimeDelta = TimeDelta::hours(24);

    /// Until when a revocation must be known: for `ttl`, and never shorter than the token's own life.
    #[must_use]
    pub fn until(
        revoked_at: DateTime<Utc>,
        ttl: TimeDelta,
        token_expires_at: Option<DateTime<Utc>>,
    ) -> DateTime<Utc> {
        let by_ttl = revoked_at
            .checked_add_signed(ttl)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        token_expires_at.map_or(by_ttl, |token| token.max(by_ttl))
    }
}
