use axum::extract::State;

use super::guard::Admin;
use super::terminate::Done;
use crate::api::AppState;
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};

/// Holds a session back: its token is refused until it is resumed. Deadlines go on meanwhile.
#[utoipa::path(post, path = "/admin/sessions/{id}/suspend", tag = "admin",
    params(("id" = String, Path, description = "A session's handle")),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = Done),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 404, description = "No such live session", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn suspend(
    admin: Admin,
    State(state): State<AppState>,
    Path(id): Path,
) -> Result<Json<Done>, Problem> {
    set(&admin, &state, &id, true).await?;
    Ok(Json(Done {
        status: "suspended",
    }))
}

/// Lets a session that was held back go on.
#[utoipa::path(post, path = "/admin/sessions/{id}/resume", tag = "admin",
    params(("id" = String, Path, description = "A session's handle")),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = Done),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 404, description = "No such live session", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn resume(
    admin: Admin,
    State(state): State<AppState>,
    Path(id): Path,
) -> Result<Json<Done>, Problem> {
    set(&admin, &state, &id, false).await?;
    Ok(Json(Done { status: "resumed" }))
}

async fn set(admin: &Admin, state: &AppState, id: &str, suspended: bool) -> Result<(), Problem> {
    let id = id.parse().map_err(|_| Problem::no_such_session())?;
    let sessions = &state.services.sessions;
    sessions.suspend(id, suspended, &admin.origin()).await?;
    Ok(())
}
