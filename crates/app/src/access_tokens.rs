use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use session_core::ports::{AccessTokenSigner, Clock, Entropy, JsonWebKey, TokenRefusal};
use session_core::{
    AccessClaims, AccessTokenId, ClientDetails, Session, TokenHash, TokenKind, UserId,
};

use crate::terms::{Found, Verdict};
use crate::{AccountError, IssuedToken, Origin, RevocationService, SessionError, SessionManager};

/// Issues access tokens, and lets their bearers in.
///
/// An access token stands for a session and is good no longer than it: the session is looked up with
/// each use. So whatever ends the session ends its access tokens, at once in strict mode.
pub struct AccessTokens {
    signer: Arc<dyn AccessTokenSigner>,
    sessions: Arc<SessionManager>,
    revocations: Arc<RevocationService>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lifetime: TimeDelta,
}

/// An access token that was just issued.
pub struct IssuedAccess {
    /// The credential.
    pub token: String,
    /// Its name.
    pub id: AccessTokenId,
    /// Whole seconds until it expires.
    pub expires_in: i64,
}

/// The answer to "may the bearer of this access token come in?".
#[derive(Debug, Clone)]
pub enum BearerVerdict {
    /// Yes.
    Valid {
        /// What the token says.
        claims: AccessClaims,
        /// The live session that it stands for.
        found: Found,
    },
    /// No: the token's time is over, and the session's may not be.
    Expired,
    /// No.
    Invalid,
}

impl AccessTokens {
    /// Lifetime of a token unless set otherwise (`ACCESS_TOKEN_EXPIRE_MINUTES`).
    pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::minutes(15);

    /// Tokens signed by `signer`, each good for `lifetime` and never longer than its session.
    #[must_use]
    pub fn new(
        signer: Arc<dyn AccessTokenSigner>,
        sessions: Arc<SessionManager>,
        revocations: Arc<RevocationService>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        lifetime: TimeDelta,
    ) -> Self {
        Self {
            signer,
            sessions,
            revocations,
            clock,
            entropy,
            lifetime,
        }
    }

    /// A token for a live session, with the role and the permissions that it has now.
    ///
    /// # Errors
    /// [`AccountError::Sign`]; `Entropy`.
    pub fn issue(&self, session: &Session) -> Result<IssuedAccess, AccountError> {
        let now = self.clock.now();
        let mut tail = [0; 10];
        self.entropy.fill(&mut tail)?;
        let id = AccessTokenId::at(now, tail);
        let issued_at = now.trunc_subsecs(0);
        // A session's last moment is worth a second: its own deadline is asked with each use anyway.
        let expires_at = later(issued_at, self.lifetime)
            .min(session.expires_at.trunc_subsecs(0))
            .max(later(issued_at, TimeDelta::seconds(1)));
        let claims = AccessClaims {
            user_id: session.user_id.clone(),
            session_id: session.id,
            id,
            issued_at,
            expires_at,
            role: session.metadata.role().into(),
            permissions: session.metadata.permissions().to_vec(),
        };
        Ok(IssuedAccess {
            token: self.signer.sign(&claims)?,
            id,
            expires_in: (expires_at - issued_at).num_seconds(),
        })
    }

    /// What a token says, if it is one of ours and its time is not over. Whether its session is still
    /// live is another question.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn read(&self, token: &str) -> Result<AccessClaims, TokenRefusal> {
        self.signer.verify(token, self.clock.now())
    }

    /// Whether the bearer of `token` may come in; `seen` is who sent it, as for
    /// [`SessionManager::validate`].
    ///
    /// # Errors
    /// `Store` when it could not be found out: then nobody gets in.
    pub async fn validate(
        &self,
        token: &str,
        seen: Option<&ClientDetails>,
        origin: &Origin<'_>,
    ) -> Result<BearerVerdict, SessionError> {
        let claims = match self.read(token) {
            Ok(claims) => claims,
            Err(TokenRefusal::Expired) => return Ok(BearerVerdict::Expired),
            Err(TokenRefusal::Invalid) => return Ok(BearerVerdict::Invalid),
        };
        // By its name, never by its text: the same signature can be written in more than one way
        // (RFC 8725 §3).
        if self
            .revocations
            .is_revoked(hash_of(claims.id))
            .await?
            .is_some()
        {
            return Ok(BearerVerdict::Invalid);
        }
        let verdict = self
            .sessions
            .validate_vouched(claims.session_id, seen, origin)
            .await?;
        match verdict {
            Verdict::Valid(found) if found.session.user_id == claims.user_id => {
                Ok(BearerVerdict::Valid { claims, found })
            }
            Verdict::Valid(_) | Verdict::Refused(_) => Ok(BearerVerdict::Invalid),
        }
    }

    /// The public halves of the keys, for whoever checks tokens elsewhere.
    #[must_use]
    pub fn public_keys(&self) -> Vec<JsonWebKey> {
        self.signer.public_keys()
    }
}

impl IssuedToken {
    /// An access token of ours.
    #[must_use]
    pub fn access(claims: &AccessClaims) -> Self {
        Self {
            hash: hash_of(claims.id),
            kind: TokenKind::Access,
            // Longer than any reader of tokens is lenient with clocks.
            expires_at: Some(later(claims.expires_at, TimeDelta::minutes(1))),
            session_id: Some(claims.session_id),
            user_id: Some(UserId::clone(&claims.user_id)),
        }
    }
}

fn hash_of(id: AccessTokenId) -> TokenHash {
    TokenHash::of(TokenKind::Access, id.as_bytes())
}

fn later(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(by)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl std::fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokens")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// Does not show the token.
impl std::fmt::Debug for IssuedAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedAccess")
            .field("id", &self.id)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
