//! A grant as a row and its tokens, and back.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use session_core::{
    CipherKeyId, Grant, GrantStatus, Lease, ProviderName, ProviderTokenHash, RefreshId,
    SealedTokens, SessionId, SupersededToken, UserId,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::error::Failure;
use crate::row::{self, damaged, hex, time};

/// The columns that [`read`] takes, in its order; a macro so that it can stand in `concat!`.
macro_rules! grant_columns {
    () => {
        "grants.session_id, user_id, provider, provider_session, version, status, access_hash, \
         token_type, scopes, obtained_at, access_expires_at, superseded_hash, superseded_until, \
         rotation_count, retry_at, due_at, lease_until, lease_record, key_id, access, refresh, \
         id_token"
    };
}
pub(crate) use grant_columns;

/// The grants of `ids`, as far as there are any.
pub(crate) async fn find_many(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = SessionId>,
) -> Result<HashMap<SessionId, Arc<Grant>>, Failure> {
    let rows = rows_of(connection, ids).await?;
    rows.iter()
        .map(|row| read(row).map(|grant| (grant.session_id, grant)))
        .collect()
}

/// The same, but for those that cannot be read.
pub(crate) async fn find_readable(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = SessionId>,
) -> Result<HashMap<SessionId, Arc<Grant>>, Failure> {
    let rows = rows_of(connection, ids).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        match read(row) {
            Ok(grant) => drop(found.insert(grant.session_id, grant)),
            Err(failure) => {
                tracing::error!(?failure, "a grant in the session database is damaged");
            }
        }
    }
    Ok(found)
}

async fn rows_of(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = SessionId>,
) -> Result<Vec<SqliteRow>, Failure> {
    let ids: Vec<_> = ids.map(|id| hex(id.as_bytes())).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants JOIN grant_tokens USING (session_id)
          WHERE grants.session_id IN (SELECT unhex(value) FROM json_each(?1))"
    ))
    .bind(row::json(&ids)?)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Reads a row of [`grant_columns!`] back.
pub(crate) fn read(row: &SqliteRow) -> Result<Arc<Grant>, Failure> {
    let provider = ProviderName::new(row.try_get(2)?).map_err(|_| damaged("grant's provider"))?;
    let status = match row.try_get(5)? {
        0 => GrantStatus::Usable,
        1 => GrantStatus::ReauthRequired,
        _ => return Err(damaged("grant's status")),
    };
    let superseded = match (row.try_get(11)?, row.try_get(12)?) {
        (Some(hash), Some(until)) => Some(SupersededToken {
            hash: token_hash(hash)?,
            until: time(until)?,
        }),
        _ => None,
    };
    let lease = match (row.try_get(16)?, row.try_get(17)?) {
        (Some(until), Some(record)) => Some(Lease {
            until: time(until)?,
            record: refresh_id(record)?,
        }),
        _ => None,
    };
    let scopes = serde_json::from_str(row.try_get(8)?).map_err(|_| damaged("grant's scopes"))?;
    let key = CipherKeyId::new(row.try_get(18)?).map_err(|_| damaged("grant's key"))?;
    let optional_time = |millis: Option<i64>| millis.map(time).transpose();
    Ok(Arc::new(Grant {
        session_id: row::id(row.try_get(0)?)?,
        user_id: UserId::new(row.try_get(1)?).map_err(|_| damaged("grant's user id"))?,
        provider,
        provider_session: row.try_get::<Option<&str>, _>(3)?.map(Box::from),
        version: count(row, 4)?,
        status,
        tokens: SealedTokens {
            key,
            access: row.try_get::<&[u8], _>(19)?.into(),
            refresh: row.try_get::<Option<&[u8]>, _>(20)?.map(Box::from),
            id: row.try_get::<Option<&[u8]>, _>(21)?.map(Box::from),
        },
        access_hash: token_hash(row.try_get(6)?)?,
        token_type: row.try_get::<&str, _>(7)?.into(),
        scopes,
        obtained_at: time(row.try_get(9)?)?,
        access_expires_at: optional_time(row.try_get(10)?)?,
        superseded,
        rotation_count: count(row, 13)?,
        retry_at: optional_time(row.try_get(14)?)?,
        due_at: time(row.try_get(15)?)?,
        lease,
    }))
}

/// All of a grant but its tokens as the JSON array that a statement takes apart: blobs in hexadecimal,
/// in the order of the columns.
pub(crate) fn write(grant: &Grant) -> Result<impl Serialize + use<'_>, Failure> {
    let status = match grant.status {
        GrantStatus::Usable => 0,
        GrantStatus::ReauthRequired => 1,
    };
    let superseded = grant.superseded;
    // Two parts, since serde has tuples of sixteen at most.
    Ok((
        (
            hex(grant.session_id.as_bytes()),
            &grant.user_id,
            &grant.provider,
            &grant.provider_session,
            grant.version,
            status,
            hex(grant.access_hash.as_bytes()),
            &grant.token_type,
            row::json(&grant.scopes)?,
        ),
        (
            grant.obtained_at.timestamp_millis(),
            grant.access_expires_at.map(|at| at.timestamp_millis()),
            superseded.map(|before| hex(before.hash.as_bytes())),
            superseded.map(|before| before.until.timestamp_millis()),
            grant.rotation_count,
            grant.retry_at.map(|at| at.timestamp_millis()),
            grant.due_at.timestamp_millis(),
            grant.lease.map(|lease| lease.until.timestamp_millis()),
            grant.lease.map(|lease| hex(lease.record.as_bytes())),
        ),
    ))
}

/// The tokens of a grant in the same way.
pub(crate) fn write_tokens(id: SessionId, tokens: &SealedTokens) -> impl Serialize {
    let optional = |bytes: &Option<Box<[u8]>>| bytes.as_deref().map(hex);
    (
        hex(id.as_bytes()),
        tokens.key.as_str().to_owned(),
        hex(&tokens.access),
        optional(&tokens.refresh),
        optional(&tokens.id),
    )
}

pub(crate) fn token_hash(bytes: &[u8]) -> Result<ProviderTokenHash, Failure> {
    let bytes = bytes.try_into().map_err(|_| damaged("token's hash"))?;
    Ok(ProviderTokenHash::from_bytes(bytes))
}

pub(crate) fn refresh_id(bytes: &[u8]) -> Result<RefreshId, Failure> {
    let bytes = bytes.try_into().map_err(|_| damaged("refresh's id"))?;
    RefreshId::from_bytes(bytes).map_err(|_| damaged("refresh's id"))
}

pub(crate) fn count(row: &SqliteRow, place: usize) -> Result<u64, Failure> {
    let value: i64 = row.try_get(place)?;
    u64::try_from(value).map_err(|_| damaged("grant's count"))
}
