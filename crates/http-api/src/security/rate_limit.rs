use axum::extract::State;
use serde::{Deserialize, Serialize};
use session_core::InvalidInput;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};

/// Longest name of who is counted, in bytes.
const MAX_KEY_BYTES: usize = 255;

#[derive(Deserialize, ToSchema)]
pub(crate) struct RateLimitKey {
    /// Who is counted: a user id, an address, …; 1 to 255 bytes. Kept and recorded as a hash only.
    key: String,
}

impl RateLimitKey {
    fn checked(&self) -> Result<&str, InvalidInput> {
        if self.key.is_empty() || self.key.len() > MAX_KEY_BYTES {
            let problem = format_args!("must be of 1 to {MAX_KEY_BYTES} bytes");
            return Err(InvalidInput::new("key", problem));
        }
        Ok(&self.key)
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RateLimitJson {
    /// Always true: a refusal is 429.
    allowed: bool,
    /// How many more are admitted now.
    remaining: u32,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RateLimitReset {
    #[schema(example = "Rate limit reset")]
    message: &'static str,
}

/// Counts an attempt under a rule, and says whether to go on with it.
#[utoipa::path(post, path = "/security/rate-limits/{rule}", tag = "security",
    params(("rule" = String, Path, description = "`token_refresh`, `session_create`, `login_attempt`, or a rule of the settings")),
    request_body = RateLimitKey,
    security(("service_key" = [])),
    responses(
        (status = 200, body = RateLimitJson),
        (status = 400, description = "No such rule, or malformed", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 429, description = "Over the limit", body = ProblemBody<'_>, headers(
            ("Retry-After" = u64, description = "Seconds after which an attempt is admitted"),
        )),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn check(
    caller: Caller,
    State(state): State<AppState>,
    Path(rule): Path,
    Json(body): Json<RateLimitKey>,
) -> Result<Json<RateLimitJson>, Problem> {
    let remaining = state
        .services
        .security
        .check_rate_limit(&rule, &[body.checked()?], None, &caller.origin())
        .await?;
    Ok(Json(RateLimitJson {
        allowed: true,
        remaining,
    }))
}

/// Forgets what is counted against a key under a rule: after an attempt that succeeded.
#[utoipa::path(post, path = "/security/rate-limits/{rule}/reset", tag = "security",
    params(("rule" = String, Path, description = "The rule's name")),
    request_body = RateLimitKey,
    security(("service_key" = [])),
    responses(
        (status = 200, body = RateLimitReset),
        (status = 400, description = "No such rule, or malformed", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn reset(
    _: Caller,
    State(state): State<AppState>,
    Path(rule): Path,
    Json(body): Json<RateLimitKey>,
) -> Result<Json<RateLimitReset>, Problem> {
    state
        .services
        .security
        .reset_rate_limit(&rule, &[body.checked()?])
        .await?;
    Ok(Json(RateLimitReset {
        message: "Rate limit reset",
    }))
}
