use app::AuditCounts;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::json::Json;

#[derive(Serialize, ToSchema)]
pub(crate) struct SessionHealth {
    /// `healthy`, `unhealthy`, or `not_configured` where sessions are not in Redis.
    redis_connection: &'static str,
    /// Where sessions are kept.
    #[schema(example = "sqlite")]
    store: &'static str,
    /// `healthy` or `unhealthy`.
    store_connection: &'static str,
    /// What became of audit events since the start.
    audit: AuditHealth,
    timestamp: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
struct AuditHealth {
    /// In the audit log.
    written: u64,
    /// High-volume reads that were not recorded, for want of room in the queue.
    dropped: u64,
    /// Times that the log did not take events; they were tried again.
    failures: u64,
    /// Events that are in the server's log only.
    lost: u64,
}

/// How Redis is doing, where sessions are in Redis.
pub(crate) fn redis_health(state: &AppState, store_connection: &'static str) -> &'static str {
    if state.config.store_name == "redis" {
        store_connection
    } else {
        "not_configured"
    }
}

/// How the store is doing.
///
/// Answers 200 either way: the state is in the body. For probes there is `/ready`.
#[utoipa::path(get, path = "/health/sessions", tag = "operations",
    responses((status = 200, body = SessionHealth)))]
pub(crate) async fn health_sessions(State(state): State<AppState>) -> Json<SessionHealth> {
    let store_connection = match state.services.sessions.check().await {
        Ok(()) => "healthy",
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            "unhealthy"
        }
    };
    let store = state.config.store_name;
    let AuditCounts {
        written,
        dropped,
        failures,
        lost,
    } = state.services.audit.counts();
    Json(SessionHealth {
        redis_connection: redis_health(&state, store_connection),
        store,
        store_connection,
        audit: AuditHealth {
            written,
            dropped,
            failures,
            lost,
        },
        timestamp: state.services.sessions.now(),
    })
}
