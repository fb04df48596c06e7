//! Clusters.

use real_redis::{ClusterOptions, RedisCluster};

use crate::patience::within_ten_seconds;

/// Keys whose slots lie in the first, the second and the last third.
const KEYS: [&str; 3] = ["bar", "c", "foo"];

#[test]
fn a_cluster_has_a_primary_for_each_third_of_the_slots() {
    let Some(cluster) = RedisCluster::start(&ClusterOptions::default().without_replicas()) else {
        return;
    };
    let urls = cluster.urls();
    assert_eq!(urls.len(), 3);
    for (number, key) in KEYS.iter().enumerate() {
        assert_eq!(cluster.primary_of_key(key), number);
        assert_eq!(cluster.command(number, &["SET", key, "value"]), "OK");
        let elsewhere = cluster.command((number + 1) % 3, &["GET", key]);
        assert!(elsewhere.starts_with("MOVED "), "{elsewhere}");
        assert!(urls[number].ends_with(elsewhere.rsplit(' ').next().expect("a place")));
    }
    let all = urls.iter().map(|url| url.trim_start_matches("redis://"));
    let all: Vec<&str> = all.collect();
    assert_eq!(cluster.url(), format!("redis://{}", all.join(",")));
}

#[test]
#[ignore = "slow: a failover takes some seconds"]
fn a_replica_takes_over_from_a_primary_that_was_killed() {
    let Some(mut cluster) = RedisCluster::start(&ClusterOptions::default()) else {
        return;
    };
    let killed = cluster.primary_of_key("c");
    assert_eq!(killed, 1);
    assert_eq!(cluster.command(killed, &["SET", "c", "value"]), "OK");
    assert_eq!(cluster.command(killed, &["WAIT", "1", "5000"]), "1");
    cluster.kill_node(killed);
    within_ten_seconds(|| cluster.primary_of_key("c") != killed);
    let primary = cluster.primary_of_key("c");
    assert_eq!(primary, 4);
    within_ten_seconds(|| cluster.command(primary, &["GET", "c"]) == "value");
    cluster.start_node_again(killed);
    cluster.until_whole();
    assert_eq!(cluster.primary_of_key("c"), primary);
    assert!(cluster.command(killed, &["ROLE"]).starts_with("slave\n"));
}
