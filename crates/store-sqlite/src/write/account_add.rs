use std::collections::HashSet;
use std::sync::Arc;

use session_core::Account;
use session_core::ports::Addition;
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row;

pub(crate) struct Request {
    pub(crate) account: Arc<Account>,
}

impl Kind for Request {
    type Outcome = Addition;
    const DOING: &'static str = "add an account";

    /// The write lock is held from before it is read what is taken until the accounts are written, so
    /// nobody takes an id or an address in between.
    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<Addition>, Failure> {
        let taken = read_taken(connection, requests).await?;
        let (mut ids, mut emails) = (HashSet::new(), HashSet::new());
        let mut outcomes = Vec::with_capacity(requests.len());
        let mut rows = Vec::with_capacity(requests.len());
        for (Request { account }, taken) in requests.iter().zip(taken) {
            // Before the address: sent again, an account does not find its address taken by another.
            if taken.id || ids.contains(&account.id) {
                return Err(Failure::internal("an account of this id exists already"));
            }
            if taken.email || !emails.insert(&account.email) {
                outcomes.push(Addition::EmailTaken);
                continue;
            }
            ids.insert(account.id);
            rows.push((
                row::hex(account.id.as_bytes()),
                account.email.as_str(),
                account.password_hash.as_str(),
                account.metadata.as_json(),
                i64::from(account.is_disabled),
                account.version,
                account.created_at.timestamp_millis(),
                account.password_set_at.timestamp_millis(),
            ));
            outcomes.push(Addition::Added(Arc::clone(account)));
        }
        sqlx::query(
            "INSERT INTO accounts (id, email, password_hash, metadata, is_disabled, version,
                 created_at, password_set_at)
             SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4,
                 value ->> 5, value ->> 6, value ->> 7
             FROM json_each(?1)",
        )
        .bind(row::json(&rows)?)
        .execute(connection)
        .await?;
        Ok(outcomes)
    }
}

/// What the file holds already of what a request brings.
struct Taken {
    id: bool,
    email: bool,
}

/// In the order of the requests. Looks at keys only: what else is in a row may be damaged.
async fn read_taken(
    connection: &mut SqliteConnection,
    requests: &[Request],
) -> Result<Vec<Taken>, Failure> {
    let asked: Vec<_> = requests
        .iter()
        .map(|Request { account }| (row::hex(account.id.as_bytes()), &account.email))
        .collect();
    let rows = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM accounts WHERE id = unhex(value ->> 0)),
                EXISTS (SELECT 1 FROM accounts WHERE email = value ->> 1)
         FROM json_each(?1) ORDER BY key",
    )
    .bind(row::json(&asked)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Taken {
                id: row.try_get(0)?,
                email: row.try_get(1)?,
            })
        })
        .collect()
}
