use std::sync::Arc;

use serde::Serialize;
use session_core::{Session, SessionId};
use sqlx::SqliteConnection;

use super::rounds::rounds;
use super::{Effects, Kind};
use crate::error::Failure;
use crate::read::find_many;
use crate::row;

/// A write of one session: one statement does it for all requests of a batch.
pub(crate) trait SessionWrite: Kind {
    /// Takes one parameter, a JSON array of [`Self::Row`]s, and returns the columns of the sessions
    /// that it wrote.
    const SQL: &'static str;
    /// What the statement needs of a request.
    type Row<'a>: Serialize
    where
        Self: 'a;

    /// Which session.
    fn id(&self) -> SessionId;

    /// The request for the statement.
    fn row(&self) -> Self::Row<'_>;

    /// What the caller is told.
    fn outcome(&self, found: Found<'_>) -> Self::Outcome;
}

/// What became of a request.
pub(crate) enum Found<'a> {
    /// The record afterwards.
    Written(&'a Arc<Session>),
    /// Nothing was written; the record as it is, if there is one.
    Missed(Option<&'a Arc<Session>>),
}

/// Carries requests out, in rounds in which each session occurs once.
pub(crate) async fn write_each<W: SessionWrite + Sync>(
    connection: &mut SqliteConnection,
    requests: &[W],
    effects: &mut Effects,
) -> Result<Vec<W::Outcome>, Failure> {
    let mut outcomes: Vec<Option<W::Outcome>> = requests.iter().map(|_| None).collect();
    for round in rounds(requests, W::id) {
        let asked = {
            let rows: Vec<_> = round.iter().map(|place| requests[*place].row()).collect();
            row::json(&rows)?
        };
        let written = sqlx::query(W::SQL)
            .bind(asked)
            .fetch_all(&mut *connection)
            .await?;
        let written = row::read_all(&written)?;
        let ids = round.iter().map(|place| requests[*place].id());
        let missed = ids.filter(|id| !written.contains_key(id));
        let missed = find_many(connection, missed).await?;
        for place in round {
            let request = &requests[place];
            let found = match written.get(&request.id()) {
                Some(session) => {
                    effects.written.push(Arc::clone(session));
                    Found::Written(session)
                }
                None => Found::Missed(missed.get(&request.id())),
            };
            outcomes[place] = Some(request.outcome(found));
        }
    }
    // Each place is in one of the rounds.
    Ok(outcomes.into_iter().flatten().collect())
}
