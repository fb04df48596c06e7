use session_core::RateKey;
use sqlx::SqliteConnection;

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row;

pub(crate) struct Request {
    pub(crate) keys: Vec<RateKey>,
}

impl Kind for Request {
    type Outcome = ();
    const DOING: &'static str = "reset a rate limit";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<()>, Failure> {
        let keys: Vec<_> = requests.iter().flat_map(|request| &request.keys).collect();
        sqlx::query(
            "DELETE FROM rate_limits WHERE key IN (SELECT unhex(value) FROM json_each(?1))",
        )
        .bind(row::json(&keys)?)
        .execute(connection)
        .await?;
        Ok(vec![(); requests.len()])
    }
}
