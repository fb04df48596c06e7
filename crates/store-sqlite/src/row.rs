//! A session as a row, and back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use session_core::{
    ClientDetails, DeviceFingerprint, EndKind, EndReason, Ending, Metadata, SecretHash, Session,
    SessionId, Standing, UpstreamDetails, UserId,
};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::Failure;

/// The columns that [`read`] takes, in its order; a macro so that it can stand in `concat!`.
macro_rules! columns {
    () => {
        "id, user_id, secret_hash, state, version, created_at, last_activity, expires_at, \
         idle_timeout, remember_me, ended_at, end_reason, metadata, details, rotation"
    };
}
pub(crate) use columns;

/// The number of a final state in the column `state`.
pub(crate) const fn state_of(kind: EndKind) -> i64 {
    match kind {
        EndKind::Expired => 2,
        EndKind::Revoked => 3,
        EndKind::Terminated => 4,
    }
}

/// A new session as the JSON array that the insert statement takes apart: blobs in hexadecimal, the
/// columns in the order of the statement.
pub(crate) fn write(session: &Session) -> Result<impl Serialize + use<>, Failure> {
    let details = serde_json::to_string(&Details::of(session))
        .map_err(|error| Failure::internal(error.to_string()))?;
    Ok((
        hex(session.id.as_bytes()),
        session.user_id.clone(),
        hex(session.secret_hash.as_bytes()),
        session.version,
        session.created_at.timestamp_millis(),
        session.last_activity.timestamp_millis(),
        session.expires_at.timestamp_millis(),
        session.idle_timeout.map(|idle| idle.num_milliseconds()),
        i64::from(session.remember_me),
        session.metadata.as_json().to_owned(),
        details,
    ))
}

/// Reads a row of [`columns!`] back.
pub(crate) fn read(row: &SqliteRow) -> Result<Arc<Session>, Failure> {
    let state: i64 = row.try_get(3)?;
    let standing = match state {
        0 => Standing::Open,
        1 => Standing::Suspended,
        2 => Standing::Ended(ending(row, EndKind::Expired)?),
        3 => Standing::Ended(ending(row, EndKind::Revoked)?),
        4 => Standing::Ended(ending(row, EndKind::Terminated)?),
        _ => return Err(Failure::corrupt("a session has an unknown state")),
    };
    let idle_timeout: Option<i64> = row.try_get(8)?;
    let secret_hash = row
        .try_get::<&[u8], _>(2)?
        .try_into()
        .map_err(|_| damaged("session's secret hash"))?;
    let metadata =
        Metadata::from_json(row.try_get(12)?).map_err(|_| damaged("session's metadata"))?;
    let details: Details =
        serde_json::from_str(row.try_get(13)?).map_err(|_| damaged("session's details"))?;
    details.check_version()?;
    let rotation: Option<&str> = row.try_get(14)?;
    let rotation = rotation.map(serde_json::from_str).transpose();
    Ok(Arc::new(Session {
        id: id(row.try_get(0)?)?,
        user_id: UserId::new(row.try_get(1)?).map_err(|_| damaged("session's user id"))?,
        secret_hash: SecretHash::from_bytes(secret_hash),
        rotation: rotation.map_err(|_| damaged("session's rotation"))?,
        standing,
        version: u64::try_from(row.try_get::<i64, _>(4)?)
            .map_err(|_| damaged("session's version"))?,
        created_at: time(row.try_get(5)?)?,
        last_activity: time(row.try_get(6)?)?,
        expires_at: time(row.try_get(7)?)?,
        idle_timeout: idle_timeout.map(TimeDelta::milliseconds),
        remember_me: row.try_get::<i64, _>(9)? != 0,
        metadata,
        upstream: details.upstream(),
        client: details.client(),
    }))
}

/// Reads rows of [`columns!`] back, by id.
pub(crate) fn read_all(rows: &[SqliteRow]) -> Result<HashMap<SessionId, Arc<Session>>, Failure> {
    rows.iter()
        .map(|row| read(row).map(|session| (session.id, session)))
        .collect()
}

/// Reads a session id from a blob column.
pub(crate) fn id(bytes: &[u8]) -> Result<SessionId, Failure> {
    let bytes = bytes.try_into().map_err(|_| damaged("session's id"))?;
    SessionId::from_bytes(bytes).map_err(|_| damaged("session's id"))
}

/// Many rows as one parameter: a JSON array, taken apart by `json_each`.
pub(crate) fn json(rows: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(rows).map_err(|error| Failure::internal(error.to_string()))
}

/// A count as SQLite takes it; what does not fit is no limit at all.
pub(crate) fn as_sql(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Bytes as hexadecimal digits, which is how a blob travels inside of JSON (`unhex` in SQL).
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn ending(row: &SqliteRow, kind: EndKind) -> Result<Ending, Failure> {
    let reason = EndReason::new(row.try_get(11)?).map_err(|_| damaged("session's end reason"))?;
    Ok(Ending {
        kind,
        reason,
        at: time(row.try_get(10)?)?,
    })
}

pub(crate) fn time(millis: i64) -> Result<DateTime<Utc>, Failure> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| damaged("session's time"))
}

pub(crate) fn damaged(what: &str) -> Failure {
    Failure::corrupt(format!("a {what} cannot be read"))
}

/// The column `details`: everything that no query asks about.
///
/// Members may be added without a migration, since an older program passes over what it does not
/// know. A change that an older program must not pass over raises `VERSION`.
#[derive(Serialize, Deserialize)]
struct Details {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip_address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_fingerprint: Option<Box<DeviceFingerprint>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream>,
}

#[derive(Serialize, Deserialize)]
struct Upstream {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<Box<str>>,
    #[serde(default)]
    scopes: Vec<Box<str>>,
}

impl Details {
    const VERSION: u32 = 1;

    fn of(session: &Session) -> Self {
        let ClientDetails {
            ip_address,
            user_agent,
            device_fingerprint,
        } = session.client.clone();
        let upstream = session.upstream.as_deref().map(|upstream| Upstream {
            provider: upstream.provider.clone(),
            scopes: upstream.scopes.clone(),
        });
        Self {
            v: Self::VERSION,
            ip_address,
            user_agent,
            device_fingerprint,
            upstream,
        }
    }

    fn check_version(&self) -> Result<(), Failure> {
        if self.v > Self::VERSION {
            return Err(Failure::corrupt("a session was written by a newer version"));
        }
        Ok(())
    }

    fn upstream(&self) -> Option<Box<UpstreamDetails>> {
        self.upstream.as_ref().map(|upstream| {
            let Upstream { provider, scopes } = upstream;
            Box::new(UpstreamDetails {
                provider: provider.clone(),
                scopes: scopes.clone(),
            })
        })
    }

    fn client(self) -> ClientDetails {
        let Self {
            ip_address,
            user_agent,
            device_fingerprint,
            ..
        } = self;
        ClientDetails {
            ip_address,
            user_agent,
            device_fingerprint,
        }
    }
}
