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
        sentinel.start_again(killed);
        sentinel.until_whole();
        assert_ne!(sentinel.primary_port(), killed);
    }
}
