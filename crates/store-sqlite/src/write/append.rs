use std::collections::HashSet;

use session_core::{Anchor, AuditEvent, EventId};
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::audit::anchor;
use crate::error::Failure;
use crate::row;

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
                head = head.next(&line);
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
    .fetch_one(connection)
    .await?;
    let known = serde_json::from_str(row.try_get(2)?)
        .map_err(|_| Failure::corrupt("an audit event's id cannot be read"))?;
    let mut head = anchor(&row, 0)?;
    // Somebody put records where the chain has none yet. They stay, to be found by a check; what
    // happens from now on is recorded behind them rather than not at all.
    let last: Option<i64> = row.try_get(3)?;
    let last = last.and_then(|last| u64::try_from(last).ok());
    if let Some(last) = last.filter(|last| *last > head.sequence) {
        tracing::error!(
            head = head.sequence,
            last,
            "the audit log was tampered with: it holds records beyond its end"
        );
        head.sequence = last;
    }
    Ok((head, known))
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
