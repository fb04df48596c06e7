use std::collections::HashMap;
use std::sync::Arc;

use session_core::ports::{RefreshEnd, RefreshFinished};
use session_core::{Grant, RefreshId, RefreshOutcome, RefreshRecord, SessionId};
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::grant_row::{self, find_many, refresh_id};
use crate::refresh_row::{self, insert_refreshes};
use crate::row;

pub(crate) struct Request {
    pub(crate) end: RefreshEnd,
}

impl Kind for Request {
    type Outcome = RefreshFinished;
    const DOING: &'static str = "finish a refresh";

    /// The write lock is held from before the grants are read until they are written, so nobody takes
    /// over in between.
    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<RefreshFinished>, Failure> {
        let ids = requests.iter().map(|Request { end }| end.grant.session_id);
        let before = find_many(connection, ids).await?;
        let mut state = State {
            grants: before.clone(),
            outcomes: read_outcomes(connection, requests).await?,
            records: HashMap::new(),
        };
        let outcomes = requests
            .iter()
            .map(|Request { end }| state.finish(end))
            .collect();
        put_records(connection, &state.records).await?;
        let stored: Vec<_> = state
            .grants
            .values()
            .filter_map(|after| Some((before.get(&after.session_id)?, after)))
            .filter(|(before, after)| before.version != after.version)
            .collect();
        if !stored.is_empty() {
            store(connection, &stored).await?;
        }
        Ok(outcomes)
    }
}

/// What the file will hold.
struct State {
    grants: HashMap<SessionId, Arc<Grant>>,
    outcomes: HashMap<RefreshId, RefreshOutcome>,
    /// Those to be written.
    records: HashMap<RefreshId, RefreshRecord>,
}

impl State {
    fn finish(&mut self, end: &RefreshEnd) -> RefreshFinished {
        let RefreshEnd { grant, record } = end;
        let before = self.grants.get(&grant.session_id).cloned();
        match self.outcomes.get(&record.id) {
            None | Some(RefreshOutcome::Pending | RefreshOutcome::Interrupted) => {}
            // It was sent before.
            Some(written) => {
                return match before {
                    None => RefreshFinished::Gone,
                    Some(grant) if *written == RefreshOutcome::Superseded => {
                        RefreshFinished::Superseded(grant)
                    }
                    Some(grant) => RefreshFinished::Stored(grant),
                };
            }
        }
        let is_ours = before.as_ref().is_some_and(|before| {
            let lease = before.lease.map(|lease| lease.record);
            before.version == grant.version && lease == Some(record.id)
        });
        if is_ours {
            let after = Arc::new(Grant {
                version: grant.version + 1,
                lease: None,
                ..grant.clone()
            });
            self.grants.insert(after.session_id, Arc::clone(&after));
            self.complete(record.clone());
            return RefreshFinished::Stored(after);
        }
        self.complete(RefreshRecord {
            outcome: RefreshOutcome::Superseded,
            ..record.clone()
        });
        before.map_or(RefreshFinished::Gone, RefreshFinished::Superseded)
    }

    fn complete(&mut self, record: RefreshRecord) {
        self.outcomes.insert(record.id, record.outcome);
        self.records.insert(record.id, record);
    }
}

async fn read_outcomes(
    connection: &mut SqliteConnection,
    requests: &[Request],
) -> Result<HashMap<RefreshId, RefreshOutcome>, Failure> {
    let ids: Vec<_> = requests
        .iter()
        .map(|Request { end }| row::hex(end.record.id.as_bytes()))
        .collect();
    let rows = sqlx::query(
        "SELECT id, outcome FROM refreshes WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
    )
    .bind(row::json(&ids)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((refresh_id(row.try_get(0)?)?, refresh_row::outcome(row, 1)?)))
        .collect()
}

/// Completes records; one that was forgotten meanwhile is added again.
///
/// What an index holds of a record is the same since its begin, and is not written again.
async fn put_records(
    connection: &mut SqliteConnection,
    records: &HashMap<RefreshId, RefreshRecord>,
) -> Result<(), Failure> {
    if records.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = records.values().map(refresh_row::write).collect();
    let rows = row::json(&rows)?;
    sqlx::query(concat!(
        insert_refreshes!(),
        " ON CONFLICT (id) DO UPDATE SET
              user_id = excluded.user_id, provider = excluded.provider,
              reason = excluded.reason, finished_at = excluded.finished_at,
              outcome = excluded.outcome, tries = excluded.tries,
              rotation_count = excluded.rotation_count,
              old_access_token = excluded.old_access_token,
              old_refresh_token = excluded.old_refresh_token,
              new_access_token = excluded.new_access_token,
              new_refresh_token = excluded.new_refresh_token,
              old_expires_at = excluded.old_expires_at,
              new_expires_at = excluded.new_expires_at,
              grace_ends_at = excluded.grace_ends_at"
    ))
    .bind(rows)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes grants as they are after they were as before. What is mostly the same is written only where
/// it is not: large tokens, and what an index holds, whose page would be written too.
async fn store(
    connection: &mut SqliteConnection,
    stored: &[(&Arc<Grant>, &Arc<Grant>)],
) -> Result<(), Failure> {
    let rows = {
        let rows = stored.iter().map(|(_, after)| grant_row::write(after));
        row::json(&rows.collect::<Result<Vec<_>, _>>()?)?
    };
    sqlx::query(
        "UPDATE grants SET user_id = new.value ->> '$[0][1]', version = new.value ->> '$[0][4]',
             status = new.value ->> '$[0][5]', access_hash = unhex(new.value ->> '$[0][6]'),
             token_type = new.value ->> '$[0][7]', scopes = new.value ->> '$[0][8]',
             obtained_at = new.value ->> '$[1][0]', access_expires_at = new.value ->> '$[1][1]',
             superseded_hash = unhex(new.value ->> '$[1][2]'),
             superseded_until = new.value ->> '$[1][3]', rotation_count = new.value ->> '$[1][4]',
             retry_at = new.value ->> '$[1][5]', due_at = new.value ->> '$[1][6]',
             lease_until = NULL, lease_record = NULL
         FROM json_each(?1) AS new WHERE session_id = unhex(new.value ->> '$[0][0]')",
    )
    .bind(rows)
    .execute(&mut *connection)
    .await?;

    let moved = stored.iter().filter(|(before, after)| {
        before.provider != after.provider || before.provider_session != after.provider_session
    });
    let moved: Vec<_> = moved
        .map(|(_, after)| {
            let id = row::hex(after.session_id.as_bytes());
            (id, &after.provider, &after.provider_session)
        })
        .collect();
    if !moved.is_empty() {
        sqlx::query(
            "UPDATE grants SET provider = new.value ->> 1, provider_session = new.value ->> 2
             FROM json_each(?1) AS new WHERE session_id = unhex(new.value ->> 0)",
        )
        .bind(row::json(&moved)?)
        .execute(&mut *connection)
        .await?;
    }

    let renewed = stored
        .iter()
        .filter(|(before, after)| before.tokens != after.tokens);
    let renewed: Vec<_> = renewed
        .map(|(_, after)| grant_row::write_tokens(after.session_id, &after.tokens))
        .collect();
    if !renewed.is_empty() {
        sqlx::query(
            "UPDATE grant_tokens SET access = unhex(new.value ->> 2),
                 refresh = unhex(new.value ->> 3), id_token = unhex(new.value ->> 4)
             FROM json_each(?1) AS new WHERE session_id = unhex(new.value ->> 0)",
        )
        .bind(row::json(&renewed)?)
        .execute(&mut *connection)
        .await?;
    }

    let rekeyed = stored
        .iter()
        .filter(|(before, after)| before.tokens.key != after.tokens.key);
    let rekeyed: Vec<_> = rekeyed
        .map(|(_, after)| {
            let id = row::hex(after.session_id.as_bytes());
            (id, after.tokens.key.as_str())
        })
        .collect();
    if !rekeyed.is_empty() {
        sqlx::query(
            "UPDATE grant_tokens SET key_id = new.value ->> 1
             FROM json_each(?1) AS new WHERE session_id = unhex(new.value ->> 0)",
        )
        .bind(row::json(&rekeyed)?)
        .execute(connection)
        .await?;
    }
    Ok(())
}
