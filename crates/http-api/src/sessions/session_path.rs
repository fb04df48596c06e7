use app::SessionRef;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::Path;
use crate::keys::KeyRole;
use crate::problem::Problem;

/// The session that a path names, and the caller with a key who names it.
///
/// A service must give the whole token. Were a bare handle enough, a backend that passes on what a
/// client sent would let in whoever knows a handle, and handles are in lists and logs.
#[derive(Debug)]
pub(crate) struct ProvenSession(pub(crate) SessionRef, pub(crate) Caller);

impl<S> FromRequestParts<S> for ProvenSession
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        match named(parts, state).await? {
            SessionRef::Handle(_) if caller.role != KeyRole::Admin => {
                Err(Problem::no_such_session())
            }
            session => Ok(Self(session, caller)),
        }
    }
}

/// The session that a path names by token or by handle, and the caller with a key who names it.
#[derive(Debug)]
pub(crate) struct NamedSession(pub(crate) SessionRef, pub(crate) Caller);

impl<S> FromRequestParts<S> for NamedSession
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let session = named(parts, state).await?;
        Ok(Self(session, caller))
    }
}

/// What is not of the form that this system issues is unknown, and answered like it.
async fn named<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<SessionRef, Problem> {
    let Path(text) = Path::from_request_parts(parts, state).await?;
    let token = text.parse().map(SessionRef::Token);
    token
        .or_else(|_| text.parse().map(SessionRef::Handle))
        .map_err(|_| Problem::no_such_session())
}
