//! Primaries under Sentinel.

use real_redis::{RedisSentinel, SentinelOptions};

use crate::patience::within_ten_seconds;

#[test]
#[ignore = "slow: a failover takes some seconds"]
fn another_server_is_made_the_primary_when_it_was_killed() {
    for options in [
        SentinelOptions::default(),
        SentinelOptions::default().passwords(),
    ] {
        let Some(mut sentinel) = RedisSentinel::start(&options) else {
            return;
        };
        let passwords = (sentinel.password(), sentinel.sentinel_password());
        let shown = format!("{sentinel:?}");
        if let (Some(servers), Some(sentinels)) = passwords {
            assert_ne!(servers, sentinels);
            assert!(!shown.contains(servers) && !shown.contains(sentinels));
        }
        assert_eq!(sentinel.service(), "sessiond");
        let primary = sentinel.primary();
        assert_eq!(primary.port(), sentinel.primary_port());
        assert_eq!(primary.command(&["SET", "key", "value"]), "OK");
        assert_eq!(primary.command(&["WAIT", "2", "5000"]), "2");
        let killed = sentinel.kill_primary();
        within_ten_seconds(|| sentinel.primary_port() != killed);
        assert_eq!(sentinel.primary().command(&["GET", "key"]), "value");
        assert!(
            sentinel
                .primary()
                .command(&["ROLE"])
                .starts_with("master\n")
        );
    }
}

#[test]
#[ignore = "slow: the sentinels take their time"]
fn the_old_primary_is_made_a_replica_when_it_comes_back() {
    let Some(mut sentinel) = RedisSentinel::start(&SentinelOptions::default().append_only()) else {
        return;
    };
    let killed = sentinel.kill_primary();
    within_ten_seconds(|| sentinel.primary_port() != killed);
    sentinel.start_again(killed);
    sentinel.until_whole();
    assert_ne!(sentinel.primary_port(), killed);
    assert_eq!(sentinel.primary().command(&["SET", "key", "value"]), "OK");
    assert_eq!(sentinel.primary().command(&["WAIT", "2", "5000"]), "2");
}
