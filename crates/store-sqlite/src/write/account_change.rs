use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use session_core::ports::{AccountChange, ChangeOutcome};
use session_core::{Account, AccountId, Metadata, PasswordHash};
use sqlx::{Row as _, SqliteConnection};

use super::rounds::rounds;
use super::{Effects, Kind};
use crate::accounts::{account_columns, account_id, read};
use crate::error::Failure;
use crate::row;

pub(crate) struct Request {
    pub(crate) id: AccountId,
    pub(crate) expected_version: u64,
    pub(crate) change: AccountChange,
}

impl Kind for Request {
    type Outcome = ChangeOutcome;
    const DOING: &'static str = "change an account";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<ChangeOutcome>, Failure> {
        let mut outcomes: Vec<Option<ChangeOutcome>> = requests.iter().map(|_| None).collect();
        for round in rounds(requests, |request| request.id) {
            let asked: Vec<_> = round.iter().map(|place| &requests[*place]).collect();
            let changed = change(connection, &asked).await?;
            let missed = asked.iter().map(|request| request.id);
            let missed = missed.filter(|id| !changed.contains_key(id)).collect();
            let known = known(connection, missed).await?;
            for place in round {
                let id = requests[place].id;
                outcomes[place] = Some(match changed.get(&id) {
                    Some(account) => ChangeOutcome::Changed(Arc::clone(account)),
                    None if known.contains(&id) => ChangeOutcome::VersionConflict,
                    None => ChangeOutcome::NotFound,
                });
            }
        }
        // Each place is in one of the rounds.
        Ok(outcomes.into_iter().flatten().collect())
    }
}

/// Changes those whose version is the expected one; the records afterwards. Each id occurs once.
async fn change(
    connection: &mut SqliteConnection,
    asked: &[&Request],
) -> Result<HashMap<AccountId, Arc<Account>>, Failure> {
    let asked = {
        let rows: Vec<_> = asked.iter().map(|request| request.row()).collect();
        row::json(&rows)?
    };
    let rows = sqlx::query(concat!(
        "UPDATE accounts SET version = version + 1,
             password_hash = ifnull(asked.new_hash, password_hash),
             password_set_at = ifnull(asked.set_at, password_set_at),
             metadata = ifnull(asked.new_metadata, metadata),
             is_disabled = ifnull(asked.disabled, is_disabled)
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS expected,
                      value ->> 2 AS new_hash, value ->> 3 AS set_at,
                      value ->> 4 AS new_metadata, value ->> 5 AS disabled
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND version = asked.expected
         RETURNING ",
        account_columns!()
    ))
    .bind(asked)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| read(row).map(|account| (account.id, account)))
        .collect()
}

/// Which of `ids` there are. Looks at keys only: what else is in a row may be damaged.
async fn known(
    connection: &mut SqliteConnection,
    ids: Vec<AccountId>,
) -> Result<HashSet<AccountId>, Failure> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<_> = ids.iter().map(|id| row::hex(id.as_bytes())).collect();
    let rows =
        sqlx::query("SELECT id FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each(?1))")
            .bind(row::json(&ids)?)
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| account_id(row.try_get(0)?)).collect()
}

impl Request {
    /// The request for the statement.
    fn row(&self) -> impl Serialize {
        let AccountChange {
            password,
            rehashed,
            metadata,
            is_disabled,
        } = &self.change;
        let (password, set_at) = match password {
            Some((hash, set_at)) => (Some(hash), Some(set_at.timestamp_millis())),
            None => (None, None),
        };
        // What another password replaces is not worth a hash of today.
        let hash = password.or(rehashed.as_ref());
        (
            row::hex(self.id.as_bytes()),
            self.expected_version,
            hash.map(PasswordHash::as_str),
            set_at,
            metadata.as_ref().map(Metadata::as_json),
            is_disabled.map(i64::from),
        )
    }
}
