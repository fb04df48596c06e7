//! Places in users' indexes of a cluster that were taken and not filled.

use redis::cluster_async::ClusterConnection;
use session_core::ports::{LimitPolicy, SessionLimit, SessionStore as _, StoreErrorKind};
use store_contract::samples::{session, start};

use crate::cluster;

/// In which part of the cluster's keys a user's index lies.
fn part_of(user: &str) -> u32 {
    let hash = user.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 16)) % 64
}

async fn take(raw: &mut ClusterConnection, prefix: &str, part: u32, place: &[u8], at: u64) {
    let mut add = redis::cmd("ZADD");
    add.arg(format!("{{{prefix}:{part:02x}}}:pending"))
        .arg(at)
        .arg(place);
    let _: u64 = add.query_async(raw).await.expect("redis answers");
}

/// However many there are, the sweep says so, and comes to their end.
#[tokio::test]
async fn places_are_settled_as_fast_as_they_are_taken() {
    let prefix = cluster::prefix();
    let store = cluster::opened(&cluster::url(), &prefix)
        .await
        .expect("redis answers");
    let mut raw = cluster::raw().await;
    for _ in 0..200 {
        let new = session("ada", start());
        let place = [new.id.as_bytes(), new.user_id.as_str().as_bytes()].concat();
        take(&mut raw, &prefix, part_of("ada"), &place, 1).await;
    }
    // Nobody can read it, and it stops nothing.
    take(&mut raw, &prefix, 3, b"odd", 1).await;
    let mut rounds = 0;
    loop {
        rounds += 1;
        let swept = store.sweep(start(), start(), 100).await.expect("it sweeps");
        if !swept.more {
            break;
        }
    }
    assert_eq!(rounds, 2);
}

/// Who waits for a place asks now and then, and goes away in time.
#[tokio::test]
async fn a_place_that_is_not_filled_is_waited_for_and_not_for_long() {
    let prefix = cluster::prefix();
    let store = cluster::opened(&cluster::url(), &prefix)
        .await
        .expect("redis answers");
    let mut raw = cluster::raw().await;
    let limit = SessionLimit {
        max: 1,
        policy: LimitPolicy::EvictOldest,
    };
    let first = session("ada", start());
    store
        .create(first.clone(), limit)
        .await
        .expect("it is stored");
    // As if whoever had the place had died before the session was written.
    let part = format!("{:02x}", first.id.as_bytes()[15] % 64);
    let key = [
        format!("{{{prefix}:{part}}}:s:").as_bytes(),
        first.id.as_bytes(),
    ]
    .concat();
    let _: u64 = redis::cmd("DEL")
        .arg(key)
        .query_async(&mut raw)
        .await
        .expect("redis answers");
    let began = tokio::time::Instant::now();
    let refused = store.create(session("ada", start()), limit).await;
    assert_eq!(
        refused.expect_err("no place").kind(),
        StoreErrorKind::Unavailable
    );
    let took = began.elapsed().as_millis();
    assert!((1900..4000).contains(&took), "{took} ms");
}
