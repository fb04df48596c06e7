use session_core::Grant;
use sqlx::SqliteConnection;

use super::{Effects, Kind};
use crate::error::Failure;
use crate::{grant_row, row};

pub(crate) struct Request {
    pub(crate) grant: Grant,
}

impl Kind for Request {
    type Outcome = ();
    const DOING: &'static str = "add a grant";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<()>, Failure> {
        let grants = || requests.iter().map(|request| &request.grant);
        let rows = grants()
            .map(grant_row::write)
            .collect::<Result<Vec<_>, _>>();
        // That a session has one is for the schema to say: then its request fails, by itself.
        sqlx::query(
            "INSERT INTO grants (session_id, user_id, provider, provider_session, version, status,
                 access_hash, token_type, scopes, obtained_at, access_expires_at, superseded_hash,
                 superseded_until, rotation_count, retry_at, due_at, lease_until, lease_record)
             SELECT unhex(value ->> '$[0][0]'), value ->> '$[0][1]', value ->> '$[0][2]',
                 value ->> '$[0][3]', value ->> '$[0][4]', value ->> '$[0][5]',
                 unhex(value ->> '$[0][6]'), value ->> '$[0][7]', value ->> '$[0][8]',
                 value ->> '$[1][0]', value ->> '$[1][1]', unhex(value ->> '$[1][2]'),
                 value ->> '$[1][3]', value ->> '$[1][4]', value ->> '$[1][5]', value ->> '$[1][6]',
                 value ->> '$[1][7]', unhex(value ->> '$[1][8]')
             FROM json_each(?1)",
        )
        .bind(row::json(&rows?)?)
        .execute(&mut *connection)
        .await?;
        let tokens: Vec<_> = grants()
            .map(|grant| grant_row::write_tokens(grant.session_id, &grant.tokens))
            .collect();
        sqlx::query(
            "INSERT INTO grant_tokens (session_id, key_id, access, refresh, id_token)
             SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), unhex(value ->> 3),
                 unhex(value ->> 4)
             FROM json_each(?1)",
        )
        .bind(row::json(&tokens)?)
        .execute(connection)
        .await?;
        Ok(vec![(); requests.len()])
    }
}
