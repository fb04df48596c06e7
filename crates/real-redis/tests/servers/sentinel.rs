//! Primaries under Sentinel.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use real_redis::{RedisSentinel, SentinelOptions};

use crate::patience::within_ten_seconds;

#[test]
fn passwords_are_new_each_time_and_wanted_by_servers_and_sentinels() {
    let options = SentinelOptions::default().passwords();
    let (Some(first), Some(second)) = (
        RedisSentinel::start(&options),
        RedisSentinel::start(&options),
    ) else {
        return;
    };
    let passwords = |sentinel: &RedisSentinel| {
        [sentinel.password(), sentinel.sentinel_password()]
            .map(|password| password.expect("there is one").to_owned())
    };
    let mut all = [passwords(&first), passwords(&second)].concat();
    let (shown, url) = (format!("{first:?}"), first.url());
    for password in &all {
        assert!(!shown.contains(password) && !url.contains(password));
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);

    let places = url.trim_start_matches("redis://").split(',');
    let mut places: Vec<String> = places.map(ToOwned::to_owned).collect();
    assert_eq!(places.len(), 3);
    places.push(format!("127.0.0.1:{}", first.primary_port()));
    for place in places {
        let mut stream = TcpStream::connect(place).expect("a port");
        stream.write_all(b"INFO\r\n").expect("it is sent");
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(&answer, b"-NOAUTH");
    }
}

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
