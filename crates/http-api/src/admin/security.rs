use axum::extract::State;
use serde::{Deserialize, Serialize};
use session_core::{AuditRecord, UserId};
use utoipa::{IntoParams, ToSchema};

use super::guard::Admin;
use crate::api::AppState;
use crate::json::{Json, Path, Query};
use crate::problem::{Problem, ProblemBody};

#[derive(Deserialize, IntoParams)]
pub(crate) struct Period {
    /// How far back, from 1 to 8784; 24 unless given.
    hours: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SecuritySummaryJson {
    user_id: String,
    period_hours: u32,
    total_events: u64,
    suspicious_events: u64,
    failed_logins: u64,
    successful_logins: u64,
    unique_ips: u64,
    /// The mean risk of all events, 0.0 to 1.0.
    average_risk_score: f64,
    /// The newest ten, newest first.
    #[schema(value_type = Vec<Object>)]
    recent_events: Vec<AuditRecord>,
}

/// What happened around a user lately, in figures.
#[utoipa::path(get, path = "/admin/security/{user_id}", tag = "admin",
    params(("user_id" = String, Path), Period),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = SecuritySummaryJson),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn security(
    _: Admin,
    State(state): State<AppState>,
    Path(user_id): Path,
    Query(Period { hours }): Query<Period>,
) -> Result<Json<SecuritySummaryJson>, Problem> {
    let user_id = UserId::new(&user_id)?;
    let summary = state
        .services
        .security
        .summary(user_id, hours.unwrap_or(24))
        .await?;
    let counts = summary.counts;
    Ok(Json(SecuritySummaryJson {
        user_id: summary.user_id.as_str().to_owned(),
        period_hours: summary.period_hours,
        total_events: counts.total_events,
        suspicious_events: counts.suspicious_events,
        failed_logins: counts.failed_logins,
        successful_logins: counts.successful_logins,
        unique_ips: counts.unique_ips,
        average_risk_score: counts.average_risk_score,
        recent_events: summary.recent_events,
    }))
}
