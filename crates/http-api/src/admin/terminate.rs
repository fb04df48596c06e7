use app::SessionRef;
use axum::extract::State;
use serde::Serialize;
use session_core::{EndKind, EndReason};
use utoipa::ToSchema;

use super::guard::Admin;
use crate::api::AppState;
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    #[schema(example = "terminated")]
    pub(crate) status: &'static str,
}

/// Ends a session for good. Ending what has ended is fine while its record is kept.
#[utoipa::path(delete, path = "/admin/sessions/{id}", tag = "admin",
    params(("id" = String, Path, description = "A session's handle")),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = Done),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 404, description = "No such session", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn terminate(
    admin: Admin,
    State(state): State<AppState>,
    Path(id): Path,
) -> Result<Json<Done>, Problem> {
    let id = id.parse().map_err(|_| Problem::no_such_session())?;
    let (kind, reason) = (EndKind::Terminated, EndReason::ADMIN_TERMINATION);
    state
        .services
        .sessions
        .end(&SessionRef::Handle(id), kind, reason, &admin.origin())
        .await?;
    Ok(Json(Done {
        status: "terminated",
    }))
}
