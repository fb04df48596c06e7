use std::collections::HashSet;

use session_core::AccountId;
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::accounts::account_id;
use crate::error::Failure;
use crate::row;

pub(crate) struct Request {
    pub(crate) id: AccountId,
}

impl Kind for Request {
    type Outcome = bool;
    const DOING: &'static str = "remove an account";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<bool>, Failure> {
        let ids: Vec<_> = requests
            .iter()
            .map(|request| row::hex(request.id.as_bytes()))
            .collect();
        let rows = sqlx::query(
            "DELETE FROM accounts WHERE id IN (SELECT unhex(value) FROM json_each(?1))
             RETURNING id",
        )
        .bind(row::json(&ids)?)
        .fetch_all(connection)
        .await?;
        let gone: Result<HashSet<_>, Failure> =
            rows.iter().map(|row| account_id(row.try_get(0)?)).collect();
        let mut gone = gone?;
        // Of several that name one account, the first removed it.
        Ok(requests.iter().map(|it| gone.remove(&it.id)).collect())
    }
}
