//! Requirement 49: what anonymous traffic can make grow has a bound.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{RateLimiter as _, SessionStore as _};
use session_core::{Attempt, RateRule};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use store_sqlite::{Options, SqliteStore};

/// As many as the store counts at once.
const BOUND: i64 = 1_000_000;

async fn connect(path: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    options.connect().await.expect("it opens")
}

#[tokio::test]
async fn at_the_bound_the_keys_go_that_mean_the_least() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.db");
    let open = async || {
        SqliteStore::open(Options::new(&path))
            .await
            .expect("it opens")
    };
    open().await.close().await;
    // A flood of names, each of which means something for longer than the one before.
    let mut file = connect(&path).await;
    sqlx::query(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
         INSERT INTO rate_limits
         SELECT randomblob(32), 4000000000000 + n, '{\"a\":[1]}' FROM n",
    )
    .bind(BOUND)
    .execute(&mut file)
    .await
    .expect("it floods");
    file.close().await.expect("it closes");

    let store = open().await;
    let now: DateTime<Utc> = DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time");
    let rule = RateRule::new("rule", 1, TimeDelta::minutes(5)).expect("a rule");
    for n in 0..20 {
        let attempt = [Attempt::of(&rule, &format!("user {n}"))];
        for is_admitted in [true, false, false] {
            let decision = store.attempt(&attempt, now, 0.0).await;
            let decision = decision.expect("it answers");
            assert_eq!(decision.is_admitted(), is_admitted, "{n}: it counts");
        }
    }
    let last = [Attempt::of(&rule, "last")];
    let decision = store.attempt(&last, now, 0.0).await;
    assert!(decision.expect("it answers").is_admitted());
    store.close().await;

    let mut file = connect(&path).await;
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM rate_limits), (SELECT keys FROM rate_limit_count),
                (SELECT min(expires_at) FROM rate_limits WHERE expires_at >= 4000000000000)",
    )
    .fetch_one(&mut file)
    .await
    .expect("it counts");
    let [rows, counted, least]: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
    assert_eq!((rows, counted), (BOUND, BOUND));
    // The newcomers are those that mean something for the shortest time: they displace each other,
    // and at most one of the flood went.
    assert!(least <= 4_000_000_000_002, "{least}");
    file.close().await.expect("it closes");
}
