//! What the use cases take and give.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::{
    ClientDetails, Lifetime, Metadata, Refusal, Risk, Session, SessionId, SessionToken,
    UpstreamDetails, UserId,
};

/// What a session is begun with.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose it is.
    pub user_id: UserId,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Whether the user asked to be remembered.
    pub remember_me: bool,
    /// The application's own data.
    pub metadata: Metadata,
    /// Where it is begun.
    pub client: ClientDetails,
    /// Who vouched for the user.
    pub upstream: Option<UpstreamDetails>,
}

impl NewSession {
    /// A session of `user_id` with the library's default lifetime and nothing else.
    #[must_use]
    pub fn of(user_id: UserId) -> Self {
        Self {
            user_id,
            lifetime: Lifetime::default(),
            remember_me: false,
            metadata: Metadata::default(),
            client: ClientDetails::default(),
            upstream: None,
        }
    }
}

/// A session that was just begun.
#[derive(Debug)]
pub struct CreatedSession {
    /// The credential: the only time that it is to be had.
    pub token: SessionToken,
    /// The record.
    pub session: Arc<Session>,
    /// The user's sessions that were ended to make room, oldest first.
    pub evicted: Vec<SessionId>,
}

/// A session whose secret was replaced.
#[derive(Debug)]
pub struct Rotated {
    /// The credential from now on.
    pub token: SessionToken,
    /// The record afterwards.
    pub session: Arc<Session>,
}

/// Which session is meant.
#[derive(Debug)]
pub enum SessionRef {
    /// Named and proven by its token.
    Token(SessionToken),
    /// Named by its public handle: for callers who may act without the user's proof.
    Handle(SessionId),
}

impl SessionRef {
    /// The public handle.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        match self {
            Self::Token(token) => token.id,
            Self::Handle(id) => *id,
        }
    }
}

/// The answer to "may the bearer of this token come in?".
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Yes.
    Valid(Found),
    /// No.
    Refused(Refusal),
}

/// A live session.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record as the store has it.
    pub session: Arc<Session>,
    /// When it was last used, this very use not included; may be ahead of the record.
    pub last_activity: DateTime<Utc>,
    /// What speaks for it that someone else uses it; `None` where nothing was known to compare.
    pub risk: Option<Risk>,
}

/// A session that was given more time.
#[derive(Debug, Clone)]
pub struct Extended {
    /// The record afterwards.
    pub session: Arc<Session>,
    /// By how much its deadline moved: less than asked for where the longest lifetime is reached.
    pub by: TimeDelta,
}
