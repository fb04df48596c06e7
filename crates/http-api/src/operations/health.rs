use serde::Serialize;
use utoipa::ToSchema;

use crate::json::Json;

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "healthy")]
    status: &'static str,
}

/// Whether the process is alive.
///
/// Asks nobody else: a store that is down is no reason to restart this server.
#[utoipa::path(get, path = "/health", tag = "operations", responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "healthy" })
}
