use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::{SessionChange, UpdateOutcome};
use session_core::{DeviceFingerprint, Metadata, Rotation, SessionId};
use sqlx::SqliteConnection;

use super::each::{Found, SessionWrite, write_each};
use super::{Effects, Kind};
use crate::error::Failure;
use crate::row::{self, columns};

pub(crate) struct Request {
    pub(crate) id: SessionId,
    pub(crate) expected_version: u64,
    pub(crate) change: SessionChange,
    pub(crate) now: DateTime<Utc>,
}

impl Kind for Request {
    type Outcome = UpdateOutcome;
    const DOING: &'static str = "update a session";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<UpdateOutcome>, Failure> {
        write_each(connection, requests, effects).await
    }
}

impl SessionWrite for Request {
    const SQL: &'static str = concat!(
        "UPDATE sessions SET version = version + 1,
             metadata = ifnull(asked.new_metadata, metadata),
             details = iif(asked.fingerprint IS NULL, details,
                 json_set(details, '$.device_fingerprint', json(asked.fingerprint))),
             secret_hash = ifnull(unhex(asked.new_secret), secret_hash),
             rotation = ifnull(asked.new_rotation, rotation)
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS expected, value ->> 2 AS now,
                      value ->> 3 AS new_metadata, value ->> 4 AS fingerprint,
                      value ->> 5 AS new_secret, value ->> 6 AS new_rotation
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND version = asked.expected AND state < 2 AND deadline > asked.now
         RETURNING ",
        columns!()
    );
    type Row<'a> = (
        String,
        u64,
        i64,
        Option<&'a str>,
        Option<&'a DeviceFingerprint>,
        Option<String>,
        Option<&'a Rotation>,
    );

    fn id(&self) -> SessionId {
        self.id
    }

    fn row(&self) -> Self::Row<'_> {
        let SessionChange {
            metadata,
            device_fingerprint,
            secret,
        } = &self.change;
        (
            row::hex(self.id.as_bytes()),
            self.expected_version,
            self.now.timestamp_millis(),
            metadata.as_ref().map(Metadata::as_json),
            device_fingerprint.as_ref(),
            secret.as_ref().map(|(hash, _)| row::hex(hash.as_bytes())),
            secret.as_ref().map(|(_, rotation)| &**rotation),
        )
    }

    fn outcome(&self, found: Found<'_>) -> UpdateOutcome {
        match found {
            Found::Written(session) => UpdateOutcome::Updated(Arc::clone(session)),
            Found::Missed(Some(session)) if session.is_live(self.now) => {
                UpdateOutcome::VersionConflict
            }
            Found::Missed(_) => UpdateOutcome::NotLive,
        }
    }
}
