//! The way to Redis, where not all is as it should be.

use std::time::Duration;

use real_redis::{RedisServer, ServerOptions};
use session_core::ports::{SessionStore as _, StoreErrorKind};
use store_redis::{Options, RedisStore};

use crate::cluster;

/// The first of several addresses is a node like the others.
#[tokio::test]
async fn a_cluster_is_reached_while_the_first_of_its_addresses_is_not() {
    // Nobody listens on the port of discarding.
    let url = cluster::url().replacen("redis://", "redis://127.0.0.1:9,", 1);
    let store = cluster::opened(&url, &cluster::prefix()).await;
    let store = store.expect("the others answer");
    store.check().await.expect("the others answer");
}

/// What was demoted would be connected to again and again otherwise, as fast as it goes.
#[tokio::test]
async fn a_replica_is_not_connected_to_without_pause() {
    let server = RedisServer::start(&ServerOptions::default());
    let server = server.expect("there is no Redis to test with, for the reason above");
    let options = Options::from_url(&server.url()).expect("a URL");
    let store = RedisStore::open(options.clone()).await.expect("it answers");
    let connections = || -> u64 {
        let info = server.command(&["INFO", "stats"]);
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        line.and_then(|count| count.trim().parse().ok())
            .expect("a number")
    };
    let _ = server.command(&["REPLICAOF", "127.0.0.1", "9"]);
    let before = connections();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let error = store.check().await.expect_err("it is no primary");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(connections() - before < 30, "{}", connections() - before);
    RedisStore::open(options)
        .await
        .expect_err("it is no primary");
    let _ = server.command(&["REPLICAOF", "NO", "ONE"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    store.check().await.expect("it is a primary again");
}
