use std::cmp::Ordering;

use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::open::OpenError;

/// Marks a database file as sessiond's (`PRAGMA application_id`): "sesd" in ASCII.
const APPLICATION_ID: i64 = 0x7365_7364;

/// Every step from an empty file to today's schema. Steps are only ever added at the end; the number
/// of steps taken is kept in the file (`PRAGMA user_version`).
const STEPS: [&str; 4] = [
    include_str!("../migrations/0001_sessions.sql"),
    include_str!("../migrations/0002_trust.sql"),
    include_str!("../migrations/0003_accounts.sql"),
    include_str!("../migrations/0004_grants.sql"),
];

/// Brings a database to today's schema, each step in a transaction of its own.
///
/// Forward only: a file with more steps than this program knows was written by a newer one, whose
/// rules this one would break.
pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let application = pragma(connection, "PRAGMA application_id").await?;
    let taken = pragma(connection, "PRAGMA user_version").await?;
    let tables = pragma(connection, "SELECT count(*) FROM sqlite_schema").await?;
    let is_empty = application == 0 && taken == 0 && tables == 0;
    if !is_empty && application != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    let known = STEPS.len() as i64;
    if taken > known {
        return Err(OpenError::Newer {
            found: taken,
            known,
        });
    }
    for (number, step) in (1_i64..)
        .zip(STEPS)
        .skip_while(|(number, _)| *number <= taken)
    {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(step).execute(&mut *transaction).await?;
        // Pragmas take no parameters; both values are numbers of our own.
        let mark =
            format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};");
        sqlx::raw_sql(sqlx::AssertSqlSafe(mark))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Checks that a database is of this program and has today's schema, without changing anything.
pub(crate) async fn check_current(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    if pragma(connection, "PRAGMA application_id").await? != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    let found = pragma(connection, "PRAGMA user_version").await?;
    let known = STEPS.len() as i64;
    match found.cmp(&known) {
        Ordering::Less => Err(OpenError::Older { found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(OpenError::Newer { found, known }),
    }
}

async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<i64> {
    sqlx::query(sql).fetch_one(connection).await?.try_get(0)
}
