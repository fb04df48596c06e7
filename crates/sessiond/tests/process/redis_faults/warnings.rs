//! What is said at the start about a Redis that may lose sessions.

use real_redis::{RedisServer, ServerOptions};

use super::node::Node;

/// The lines of a start and a stop that warn, over a Redis that is set up so.
fn warnings(options: &ServerOptions) -> Option<Vec<String>> {
    let redis = RedisServer::start(options)?;
    let node = Node::start(&redis.url(), &[]);
    let (status, _, log) = node.stop();
    assert!(status.success(), "{log}");
    let warnings = log.lines().filter(|line| line.contains("WARN"));
    Some(warnings.map(str::to_owned).collect())
}

#[test]
fn a_redis_that_forgets_is_warned_of() {
    let plain = ServerOptions::default();
    let cases = [
        (plain.clone().append_only(), &[][..]),
        (plain.clone(), &["persistence is off"][..]),
        (
            plain
                .clone()
                .append_only()
                .setting("maxmemory-policy", "allkeys-lru"),
            &["maxmemory-policy is `allkeys-lru`"],
        ),
        (
            plain.clone().setting("maxmemory-policy", "volatile-ttl"),
            &["maxmemory-policy is `volatile-ttl`", "persistence is off"],
        ),
        (
            plain.setting("save", "3600 1"),
            &["Redis writes snapshots alone"],
        ),
    ];
    for (options, expected) in cases {
        let Some(warnings) = warnings(&options) else {
            return;
        };
        assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
        for (line, expected) in warnings.iter().zip(expected) {
            assert!(line.contains(expected), "{line}");
        }
    }
}
