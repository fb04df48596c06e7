use session_core::Revocation;
use sqlx::SqliteConnection;

use super::{Effects, Kind};
use crate::error::Failure;
use crate::revocations::number_of;
use crate::row;

pub(crate) struct Request {
    pub(crate) revocations: Vec<Revocation>,
}

impl Kind for Request {
    type Outcome = ();
    const DOING: &'static str = "revoke tokens";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<()>, Failure> {
        let mut rows = Vec::new();
        for revocation in requests.iter().flat_map(|request| &request.revocations) {
            effects.revoked.push(revocation.token_hash);
            rows.push((
                row::hex(revocation.id.as_bytes()),
                row::hex(revocation.token_hash.as_bytes()),
                number_of(revocation.token_type),
                revocation.session_id.map(|id| row::hex(id.as_bytes())),
                &revocation.user_id,
                revocation.revoked_at.timestamp_millis(),
                revocation.expires_at.timestamp_millis(),
                &revocation.reason,
                &revocation.revoked_by,
                revocation.cascaded_from.map(|id| row::hex(id.as_bytes())),
            ));
        }
        // `WHERE true` tells the parser that what follows is the upsert's `ON`, not a join's.
        sqlx::query(
            "INSERT INTO revocations
             SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, unhex(value ->> 3),
                    value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8,
                    unhex(value ->> 9)
             FROM json_each(?1) WHERE true
             ON CONFLICT (token_hash) DO UPDATE SET expires_at = excluded.expires_at
             WHERE excluded.expires_at > revocations.expires_at",
        )
        .bind(row::json(&rows)?)
        .execute(connection)
        .await?;
        Ok(vec![(); requests.len()])
    }
}
