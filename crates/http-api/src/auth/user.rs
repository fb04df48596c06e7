use std::sync::Arc;

use app::{Actor, BearerVerdict, Origin, Verdict};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use session_core::{Session, SessionId, SessionToken};

use crate::api::AppState;
use crate::credentials::{access_token, is_by_cookie, session_token};
use crate::problem::Problem;
use crate::request_info::RequestInfo;
use crate::site::{cross_site, is_own_page};

/// A user who calls by themselves, with a session token, an access token or both.
///
/// What is given must be good: an access token that has expired is refused though the session token
/// beside it is not, so that a client learns that it is time to refresh.
#[derive(Debug, Clone)]
pub(crate) struct EndUser {
    pub(crate) session: Arc<Session>,
    info: RequestInfo,
}

impl EndUser {
    pub(crate) fn origin(&self) -> Origin<'_> {
        self.info.origin(Actor::User(self.session.user_id.as_str()))
    }

    pub(crate) const fn info(&self) -> &RequestInfo {
        &self.info
    }

    /// The session, if it is of the same user.
    fn own(&self, session: Arc<Session>) -> Result<Arc<Session>, Problem> {
        if session.user_id == self.session.user_id {
            Ok(session)
        } else {
            Err(Problem::no_such_session())
        }
    }

    pub(crate) async fn of(parts: &Parts, state: &AppState) -> Result<Self, Problem> {
        let info = RequestInfo::of(parts, state);
        let bearer = access_token(&parts.headers)?;
        let token = session_token(&parts.headers, &state.config)?.if_given()?;
        let by_token = match &token {
            Some(token) => Some(Self::by_token(token, &info, state).await?),
            None => None,
        };
        let by_bearer = match bearer {
            Some(bearer) => Some(Self::by_bearer(bearer, &info, state).await?),
            None => None,
        };
        let session = match (by_token, by_bearer) {
            (Some(one), Some(other)) if one.id != other.id => {
                let detail = "The session token and the access token are of two sessions.";
                return Err(Problem::malformed("conflicting_credentials", detail));
            }
            (Some(session), _) | (None, Some(session)) => session,
            (None, None) => {
                let detail = "A session token or an access token is needed.";
                return Err(Problem::unauthorized("token_required", detail));
            }
        };
        let user = Self { session, info };
        let by_cookie_alone = bearer.is_none() && is_by_cookie(&parts.headers, &state.config);
        if by_cookie_alone && !user.info.is_safe() && !is_own_page(&parts.headers, &state.config) {
            let user_id = user.session.user_id.clone();
            return Err(cross_site(state, user_id, &user.origin()).await);
        }
        Ok(user)
    }

    async fn by_token(
        token: &SessionToken,
        info: &RequestInfo,
        state: &AppState,
    ) -> Result<Arc<Session>, Problem> {
        let (seen, origin) = (info.client(), info.origin(Actor::Bearer));
        let sessions = &state.services.sessions;
        match sessions.validate(token, Some(&seen), &origin).await? {
            Verdict::Valid(found) => Ok(found.session),
            Verdict::Refused(refusal) => Err(Problem::refused(refusal)),
        }
    }

    async fn by_bearer(
        token: &str,
        info: &RequestInfo,
        state: &AppState,
    ) -> Result<Arc<Session>, Problem> {
        let (seen, origin) = (info.client(), info.origin(Actor::Bearer));
        let tokens = &state.services.access_tokens;
        match tokens.validate(token, Some(&seen), &origin).await? {
            BearerVerdict::Valid { found, .. } => Ok(found.session),
            BearerVerdict::Expired => {
                let detail = "The access token has expired: refresh it.";
                Err(Problem::unauthorized("access_token_expired", detail))
            }
            BearerVerdict::Invalid => {
                let detail = "The access token is not valid.";
                Err(Problem::unauthorized("access_token_invalid", detail))
            }
        }
    }
}

impl<S> FromRequestParts<S> for EndUser
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::of(parts, &AppState::from_ref(state)).await
    }
}

/// A live session of the user, by its handle. What is somebody else's, unknown or no handle at all is
/// answered alike.
pub(crate) async fn own_session(
    user: &EndUser,
    handle: &str,
    state: &AppState,
) -> Result<Arc<Session>, Problem> {
    let id: SessionId = handle.parse().map_err(|_| Problem::no_such_session())?;
    let which = app::SessionRef::Handle(id);
    let session = state.services.sessions.get(&which, &user.origin()).await?;
    user.own(session)
}

/// The same for one that is to be ended: held back or ended already, it is still the user's.
pub(crate) async fn own_record(
    user: &EndUser,
    handle: &str,
    state: &AppState,
) -> Result<Arc<Session>, Problem> {
    let id: SessionId = handle.parse().map_err(|_| Problem::no_such_session())?;
    user.own(state.services.sessions.record_by_handle(id).await?)
}
