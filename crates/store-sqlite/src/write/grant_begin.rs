use std::collections::HashMap;
use std::sync::Arc;

use session_core::ports::{RefreshBegin, RefreshBegun};
use session_core::{Grant, Lease, RefreshOutcome, SessionId};
use sqlx::SqliteConnection;

use super::{Effects, Kind};
use crate::error::Failure;
use crate::grant_row::find_many;
use crate::refresh_row::{self, insert_refreshes};
use crate::row;

pub(crate) struct Request {
    pub(crate) begin: RefreshBegin,
}

impl Kind for Request {
    type Outcome = RefreshBegun;
    const DOING: &'static str = "begin a refresh";

    /// The write lock is held from before the grants are read until the leases are written, so nobody
    /// decides on the same ones.
    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<RefreshBegun>, Failure> {
        let ids = requests
            .iter()
            .map(|Request { begin }| begin.record.session_id);
        let mut grants = find_many(connection, ids).await?;
        let mut outcomes = Vec::with_capacity(requests.len());
        let (mut begun, mut died) = (Vec::new(), Vec::new());
        for Request { begin } in requests {
            let before = grants.get(&begin.record.session_id).cloned();
            let lease = before.as_ref().and_then(|grant| grant.lease);
            let outcome = decide(before, begin);
            if let RefreshBegun::Begun(after) = &outcome {
                grants.insert(after.session_id, Arc::clone(after));
                begun.push(begin);
                let now = begin.record.started_at.timestamp_millis();
                died.extend(lease.map(|lease| (row::hex(lease.record.as_bytes()), now)));
            }
            outcomes.push(outcome);
        }
        if !begun.is_empty() {
            insert_records(connection, &begun).await?;
            interrupt(connection, &died).await?;
            take_leases(connection, &begun, &grants).await?;
        }
        Ok(outcomes)
    }
}

fn decide(before: Option<Arc<Grant>>, begin: &RefreshBegin) -> RefreshBegun {
    match before {
        None => RefreshBegun::NotFound,
        Some(grant) if grant.is_leased(begin.record.started_at) => RefreshBegun::Busy(grant),
        Some(grant) if grant.version != begin.expected_version => RefreshBegun::Changed(grant),
        Some(grant) => RefreshBegun::Begun(Arc::new(Grant {
            version: grant.version + 1,
            lease: Some(Lease {
                until: begin.until,
                record: begin.record.id,
            }),
            ..Grant::clone(&grant)
        })),
    }
}

async fn insert_records(
    connection: &mut SqliteConnection,
    begun: &[&RefreshBegin],
) -> Result<(), Failure> {
    let records = {
        let records = begun.iter().map(|begin| refresh_row::write(&begin.record));
        row::json(&records.collect::<Vec<_>>())?
    };
    sqlx::query(insert_refreshes!())
        .bind(records)
        .execute(connection)
        .await?;
    Ok(())
}

/// Completes the records of those who died, unless their outcome is known: their ids, and when that
/// was found.
async fn interrupt(
    connection: &mut SqliteConnection,
    died: &[(String, i64)],
) -> Result<(), Failure> {
    if died.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE refreshes SET outcome = ?2, finished_at = died.at
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS at FROM json_each(?1)) AS died
         WHERE id = died.target AND outcome = ?3",
    )
    .bind(row::json(&died)?)
    .bind(RefreshOutcome::Interrupted.as_str())
    .bind(RefreshOutcome::Pending.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what a begin changes of the grants, each once and as the last of the batch left it.
async fn take_leases(
    connection: &mut SqliteConnection,
    begun: &[&RefreshBegin],
    grants: &HashMap<SessionId, Arc<Grant>>,
) -> Result<(), Failure> {
    let rows: HashMap<_, _> = begun
        .iter()
        .filter_map(|begin| grants.get(&begin.record.session_id))
        .filter_map(|grant| {
            let lease = grant.lease?;
            let row = (
                grant.version,
                lease.until.timestamp_millis(),
                row::hex(lease.record.as_bytes()),
            );
            Some((row::hex(grant.session_id.as_bytes()), row))
        })
        .collect();
    sqlx::query(
        "UPDATE grants SET version = taken.version, lease_until = taken.until,
             lease_record = taken.record
         FROM (SELECT unhex(key) AS target, value ->> 0 AS version, value ->> 1 AS until,
                      unhex(value ->> 2) AS record
               FROM json_each(?1)) AS taken
         WHERE session_id = taken.target",
    )
    .bind(row::json(&rows)?)
    .execute(connection)
    .await?;
    Ok(())
}
