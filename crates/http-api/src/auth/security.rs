use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use session_core::RiskScore;
use utoipa::ToSchema;

use super::EndUser;
use super::user::own_session;
use crate::api::AppState;
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct OwnSecurity {
    session_id: String,
    /// From 0.0, nothing, to 1.0.
    #[schema(value_type = f64)]
    risk_score: RiskScore,
    /// What was noticed, a sentence each.
    suspicious_activity: Vec<String>,
    /// What to do about it.
    recommendations: Vec<String>,
    last_security_check: DateTime<Utc>,
}

/// What the latest activity of the user lets suspect.
#[utoipa::path(get, path = "/auth/sessions/{session_id}/security", tag = "auth",
    params(("session_id" = String, Path, description = "The handle")),
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = OwnSecurity),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 404, description = "No live session of the user", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn security(
    user: EndUser,
    State(state): State<AppState>,
    Path(handle): Path,
) -> Result<Json<OwnSecurity>, Problem> {
    let session = own_session(&user, &handle, &state).await?;
    let address = if session.id == user.session.id {
        user.info().client().ip_address
    } else {
        session.client.ip_address
    };
    let suspicion = state
        .services
        .security
        .detect_suspicious_activity(&session.user_id, address)
        .await?;
    let owned = |texts: &[&'static str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Ok(Json(OwnSecurity {
        session_id: session.id.to_string(),
        risk_score: suspicion.score,
        suspicious_activity: owned(&suspicion.reasons),
        recommendations: owned(&suspicion.recommendations),
        last_security_check: state.services.sessions.now(),
    }))
}
