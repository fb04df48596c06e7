//! With which keys the tokens of providers are encrypted, by the names of the keys. No route shows a key.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use session_core::{CipherKeyId, PageRequest};
use utoipa::{IntoParams, ToSchema};

use super::guard::Admin;
use crate::api::AppState;
use crate::json::{Json, Query};
use crate::problem::{Problem, ProblemBody};

/// How many grants a key has.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyCount {
    /// The key's name.
    key: String,
    grants: u64,
}

fn counts(by_key: BTreeMap<CipherKeyId, u64>) -> Vec<KeyCount> {
    let count = |(key, grants): (CipherKeyId, u64)| KeyCount {
        key: key.to_string(),
        grants,
    };
    by_key.into_iter().map(count).collect()
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EncryptionKeys {
    /// The name of the key that encrypts now.
    sealing_key: String,
    /// The keys that something is encrypted with, those included that the server does not have.
    in_use: Vec<KeyCount>,
}

/// With which keys the tokens of providers are encrypted, and how many sessions' tokens with each.
#[utoipa::path(get, path = "/admin/encryption-keys", tag = "admin",
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = EncryptionKeys),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn encryption_keys(
    _: Admin,
    State(state): State<AppState>,
) -> Result<Json<EncryptionKeys>, Problem> {
    let keys = state.services.tokens.keys_in_use().await?;
    Ok(Json(EncryptionKeys {
        sealing_key: keys.sealing.to_string(),
        in_use: counts(keys.sealed),
    }))
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct ReencryptQuery {
    /// Sessions of a batch; 100 unless given, at most 1000.
    limit: Option<usize>,
    /// `cursor` of the batch before.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ReencryptedBatch {
    /// Sessions whose tokens are encrypted with the present key now.
    resealed: u64,
    /// Sessions whose tokens are being renewed: they are for another round.
    busy: u64,
    /// Those that cannot be decrypted, by the key that they name; they are left as they are.
    unreadable: Vec<KeyCount>,
    /// Whether there is another batch.
    more: bool,
    /// Where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Encrypts a batch of provider tokens with the present key that were encrypted with one before.
///
/// Nothing is out of use meanwhile. After the last batch, `/admin/encryption-keys` tells what is left.
#[utoipa::path(post, path = "/admin/reencrypt", tag = "admin",
    params(ReencryptQuery),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = ReencryptedBatch),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn reencrypt(
    _: Admin,
    State(state): State<AppState>,
    Query(query): Query<ReencryptQuery>,
) -> Result<Json<ReencryptedBatch>, Problem> {
    let cursor = query.cursor.as_deref().map(str::parse).transpose()?;
    let page = PageRequest::new(query.limit, cursor)?;
    let done = state.services.tokens.reencrypt_some(page).await?;
    Ok(Json(ReencryptedBatch {
        resealed: done.resealed,
        busy: done.busy,
        unreadable: counts(done.unreadable),
        more: done.next.is_some(),
        cursor: done.next.map(|cursor| cursor.0.to_string()),
    }))
}
