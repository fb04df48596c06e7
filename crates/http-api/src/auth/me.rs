use axum::extract::State;
use serde::{Deserialize, Serialize};
use session_core::Metadata;
use utoipa::ToSchema;

use super::EndUser;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    user_id: String,
    /// Null for users of other systems, and where their provider did not tell a verified one.
    email: Option<String>,
    role: String,
    permissions: Vec<String>,
    /// The public handle.
    session_id: String,
}

/// Who is signed in.
#[utoipa::path(get, path = "/auth/me", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = Me),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn me(user: EndUser, State(state): State<AppState>) -> Result<Json<Me>, Problem> {
    let session = &user.session;
    let account = state.services.logins.account_of(&session.user_id).await?;
    let email = match account {
        Some(account) => Some(account.email.as_str().to_owned()),
        None => told_email(&session.metadata),
    };
    let permissions = session.metadata.permissions().iter();
    Ok(Json(Me {
        user_id: session.user_id.as_str().to_owned(),
        email,
        role: session.metadata.role().to_owned(),
        permissions: permissions.map(|name| name.to_string()).collect(),
        session_id: session.id.to_string(),
    }))
}

/// The address of a user who has no account here, as the session has it.
fn told_email(metadata: &Metadata) -> Option<String> {
    #[derive(Deserialize)]
    struct Told {
        email: String,
    }
    let told: Option<Told> = serde_json::from_str(metadata.as_json()).ok();
    told.map(|told| told.email)
}
