use std::collections::HashSet;

use session_core::{Anchor, AuditEvent, EventId};
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::audit::anchor;
use crate::error::Failure;
use crate::row::{self, as_sql};

pub(crate) struct Request {
    pub(crate) events: Vec<AuditEvent>,
}

impl Kind for Request {
    type Outcome = ();
    const DOING: &'static str = "append to the audit log";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<()>, Failure> {
        let events: Vec<&AuditEvent> = requests.iter().flat_map(|r| &r.events).collect();
        let (mut head, mut known) = read(connection, &events).await?;
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            if known.insert(event.id) {
                let line = event.to_line();
                head = head.next(line.as_bytes());
                rows.push((head.sequence, line, row::hex(head.hash.as_bytes())));
            }
        }
        if !rows.is_empty() {
            write(connection, &rows, head).await?;
        }
        Ok(vec![(); requests.len()])
    }
}

/// Where the chain ends, and which of the events it holds already.
async fn read(
    connection: &mut SqliteConnection,
    events: &[&AuditEvent],
) -> Result<(Anchor, HashSet<EventId>), Failure> {
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let row = sqlx::query(
        "SELECT head_sequence, head_hash,
                (SELECT json_group_array(id) FROM audit
                 WHERE id IN (SELECT value FROM json_each(?1))),
                (SELECT max(sequence) FROM audit)
         FROM audit_anchors",
    )
    .bind(row::json(&ids)?)
    .fetch_one(&mut *connection)
    .await?;
    let known = serde_json::from_str(row.try_get(2)?)
        .map_err(|_| Failure::corrupt("an audit event's id cannot be read"))?;
    let head = anchor(&row, 0)?;
    let last: Option<i64> = row.try_get(3)?;
    let last = last.and_then(|last| u64::try_from(last).ok());
    if last.is_some_and(|last| last > head.sequence) {
        return Ok((free_place(connection, head, events.len()).await?, known));
    }
    Ok((head, known))
}

/// The chain's end when somebody put records beyond it: they stay, to be found by a check, and what
/// happens from now on is recorded in the first gap after them that is wide enough, rather than not at
/// all.
async fn free_place(
    connection: &mut SqliteConnection,
    head: Anchor,
    places: usize,
) -> Result<Anchor, Failure> {
    let end = i64::try_from(head.sequence).unwrap_or(i64::MAX);
    let sequence: i64 = sqlx::query(
        "WITH used (sequence) AS (
             SELECT ?1 UNION ALL SELECT sequence FROM audit WHERE sequence > ?1)
         SELECT sequence FROM used
         WHERE NOT EXISTS (SELECT 1 FROM audit
                           WHERE audit.sequence > used.sequence
                             AND audit.sequence <= used.sequence + ?2)
         ORDER BY sequence LIMIT 1",
    )
    .bind(end)
    .bind(as_sql(places))
    .fetch_one(connection)
    .await?
    .try_get(0)?;
    tracing::error!(
        head = head.sequence,
        "the audit log was tampered with: it holds records beyond its end"
    );
    Ok(Anchor {
        sequence: u64::try_from(sequence).unwrap_or(head.sequence),
        hash: head.hash,
    })
}

async fn write(
    connection: &mut SqliteConnection,
    rows: &[(u64, String, String)],
    head: Anchor,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO audit (sequence, event, hash)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each(?1)",
    )
    .bind(row::json(&rows)?)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE audit_anchors SET head_sequence = ?1, head_hash = ?2")
        .bind(i64::try_from(head.sequence).unwrap_or(i64::MAX))
        .bind(head.hash.as_bytes().to_vec())
        .execute(connection)
        .await?;
    Ok(())
}
