use std::sync::Arc;

use session_core::{Grant, SessionId};
use sqlx::SqliteConnection;

use super::{Effects, Kind};
use crate::error::Failure;
use crate::grant_row::find_readable;
use crate::row;

pub(crate) struct Request {
    pub(crate) id: SessionId,
}

impl Kind for Request {
    type Outcome = Option<Arc<Grant>>;
    const DOING: &'static str = "remove a grant";

    /// One that cannot be read goes all the same, and is told as if it had not been there.
    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<Option<Arc<Grant>>>, Failure> {
        let ids = || requests.iter().map(|request| request.id);
        let mut gone = find_readable(connection, ids()).await?;
        let named: Vec<_> = ids().map(|id| row::hex(id.as_bytes())).collect();
        sqlx::query(
            "DELETE FROM grants WHERE session_id IN (SELECT unhex(value) FROM json_each(?1))",
        )
        .bind(row::json(&named)?)
        .execute(connection)
        .await?;
        // Of several that name one grant, the first removed it.
        Ok(ids().map(|id| gone.remove(&id)).collect())
    }
}
