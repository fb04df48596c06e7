//! The record of a refresh as a row, and back.

use std::sync::Arc;

use serde::Serialize;
use session_core::{
    ProviderName, ProviderTokenHash, RefreshOutcome, RefreshReason, RefreshRecord, UserId,
};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::Failure;
use crate::grant_row::{count, refresh_id, token_hash};
use crate::row::{self, damaged, hex, time};

/// The columns that [`read`] takes, in its order; a macro so that it can stand in `concat!`.
macro_rules! refresh_columns {
    () => {
        "id, session_id, user_id, provider, reason, started_at, finished_at, outcome, tries, \
         rotation_count, old_access_token, old_refresh_token, new_access_token, \
         new_refresh_token, old_expires_at, new_expires_at, grace_ends_at"
    };
}
pub(crate) use refresh_columns;

/// Reads a row of [`refresh_columns!`] back.
pub(crate) fn read(row: &SqliteRow) -> Result<Arc<RefreshRecord>, Failure> {
    let optional_hash = |bytes: Option<&[u8]>| bytes.map(token_hash).transpose();
    let optional_time = |millis: Option<i64>| millis.map(time).transpose();
    Ok(Arc::new(RefreshRecord {
        id: refresh_id(row.try_get(0)?)?,
        session_id: row::id(row.try_get(1)?)?,
        user_id: UserId::new(row.try_get(2)?).map_err(|_| damaged("refresh's user id"))?,
        provider: ProviderName::new(row.try_get(3)?).map_err(|_| damaged("refresh's provider"))?,
        reason: RefreshReason::parse(row.try_get(4)?).map_err(|_| damaged("refresh's reason"))?,
        started_at: time(row.try_get(5)?)?,
        finished_at: optional_time(row.try_get(6)?)?,
        outcome: outcome(row, 7)?,
        tries: u32::try_from(count(row, 8)?).map_err(|_| damaged("refresh's tries"))?,
        rotation_count: count(row, 9)?,
        old_access_token: token_hash(row.try_get(10)?)?,
        old_refresh_token: optional_hash(row.try_get(11)?)?,
        new_access_token: optional_hash(row.try_get(12)?)?,
        new_refresh_token: optional_hash(row.try_get(13)?)?,
        old_expires_at: optional_time(row.try_get(14)?)?,
        new_expires_at: optional_time(row.try_get(15)?)?,
        grace_ends_at: optional_time(row.try_get(16)?)?,
    }))
}

pub(crate) fn outcome(row: &SqliteRow, place: usize) -> Result<RefreshOutcome, Failure> {
    RefreshOutcome::parse(row.try_get(place)?).map_err(|_| damaged("refresh's outcome"))
}

/// A record as the JSON array that [`insert_refreshes!`] takes apart: blobs in hexadecimal, in the order of the
/// columns.
pub(crate) fn write(record: &RefreshRecord) -> impl Serialize + use<'_> {
    let optional = |hash: Option<ProviderTokenHash>| hash.map(|hash| hex(hash.as_bytes()));
    // Two parts, since serde has tuples of sixteen at most.
    (
        (
            hex(record.id.as_bytes()),
            hex(record.session_id.as_bytes()),
            &record.user_id,
            &record.provider,
            record.reason.as_str(),
            record.started_at.timestamp_millis(),
            record.finished_at.map(|at| at.timestamp_millis()),
            record.outcome.as_str(),
            record.tries,
            record.rotation_count,
        ),
        (
            hex(record.old_access_token.as_bytes()),
            optional(record.old_refresh_token),
            optional(record.new_access_token),
            optional(record.new_refresh_token),
            record.old_expires_at.map(|at| at.timestamp_millis()),
            record.new_expires_at.map(|at| at.timestamp_millis()),
            record.grace_ends_at.map(|at| at.timestamp_millis()),
        ),
    )
}

/// The insert of records, as [`write`] gives them; a macro so that it can stand in `concat!`.
///
/// `WHERE true` tells the parser that an upsert's `ON` that follows is not a join's.
macro_rules! insert_refreshes {
    () => {
        concat!(
            "INSERT INTO refreshes (",
            $crate::refresh_row::refresh_columns!(),
            ") SELECT unhex(value ->> '$[0][0]'), unhex(value ->> '$[0][1]'), value ->> '$[0][2]',
                 value ->> '$[0][3]', value ->> '$[0][4]', value ->> '$[0][5]', value ->> '$[0][6]',
                 value ->> '$[0][7]', value ->> '$[0][8]', value ->> '$[0][9]',
                 unhex(value ->> '$[1][0]'), unhex(value ->> '$[1][1]'), unhex(value ->> '$[1][2]'),
                 unhex(value ->> '$[1][3]'), value ->> '$[1][4]', value ->> '$[1][5]',
                 value ->> '$[1][6]'
             FROM json_each(?1) WHERE true"
        )
    };
}
pub(crate) use insert_refreshes;
