use std::collections::HashMap;

use chrono::{DateTime, Utc};
use session_core::{Activity, SessionId};
use sqlx::SqliteConnection;

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row;

pub(crate) struct Request {
    pub(crate) activities: Vec<Activity>,
}

impl Kind for Request {
    type Outcome = ();
    const DOING: &'static str = "note activity";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<()>, Failure> {
        // The latest of each session is all that matters.
        let mut latest: HashMap<SessionId, DateTime<Utc>> = HashMap::new();
        for activity in requests.iter().flat_map(|request| &request.activities) {
            let at = latest.entry(activity.id).or_insert(activity.at);
            *at = activity.at.max(*at);
        }
        let rows: Vec<_> = latest
            .iter()
            .map(|(id, at)| (row::hex(id.as_bytes()), at.timestamp_millis()))
            .collect();
        // `Session::accepts_activity` in SQL.
        sqlx::query(
            "UPDATE sessions SET last_activity = seen.at
             FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS at FROM json_each(?1)) AS seen
             WHERE sessions.id = seen.id AND state < 2
               AND last_activity < seen.at AND seen.at < expires_at",
        )
        .bind(row::json(&rows)?)
        .execute(connection)
        .await?;
        effects
            .touched
            .extend(latest.into_iter().map(|(id, at)| Activity { id, at }));
        Ok(vec![(); requests.len()])
    }
}
