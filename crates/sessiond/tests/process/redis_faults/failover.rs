//! The primary dies under load, and another takes over.

use std::time::Duration;

use real_redis::{ClusterOptions, RedisCluster, RedisSentinel, SentinelOptions};

use super::load::{Account, under_load};
use super::node::{self, Node, now};
use crate::support::Server;

/// Issue 6: in use again so soon.
const RECOVERY: Duration = Duration::from_secs(10);
/// What Redis acknowledged so long ago has reached the replicas, where they follow at all.
const REPLICATED: Duration = Duration::from_secs(1);
/// Nobody hangs: the time-outs of the requests themselves bound them.
const LONGEST: Duration = Duration::from_secs(8);

#[test]
fn the_primary_under_sentinel_is_killed() {
    let Some(mut redis) = RedisSentinel::start(&SentinelOptions::default()) else {
        return;
    };
    let settings = [
        ("REDIS_MODE", "sentinel"),
        ("REDIS_SENTINEL_SERVICE", redis.service()),
    ];
    let nodes = [(); 2].map(|()| Node::start(&redis.url(), &settings));
    killed(&nodes, || {
        redis.kill_primary();
    });
}

#[test]
fn a_primary_of_the_cluster_is_killed() {
    let Some(mut redis) = RedisCluster::start(&ClusterOptions::default()) else {
        return;
    };
    let settings = [("REDIS_MODE", "cluster")];
    let nodes = [(); 2].map(|()| Node::start(&redis.url(), &settings));
    // The one that has everything that is not spread.
    let primary = redis.primary_of_key("{faults}:due");
    killed(&nodes, || redis.kill_node(primary));
}

fn killed(nodes: &[Node; 2], kill: impl FnOnce()) {
    let servers: Vec<&Server> = nodes.iter().map(|node| &node.server).collect();
    let work = || {
        std::thread::sleep(Duration::from_secs(3));
        let killed = now();
        kill();
        // Until both let in and write again, as a newcomer sees it.
        for server in &servers {
            let mut client = server.connect();
            let left = RECOVERY.saturating_sub(killed.elapsed());
            let ask = || node::create(&mut client, "newcomer").status;
            node::until_answered(left, 200, ask);
        }
        println!("in use again after {:?}", killed.elapsed());
        std::thread::sleep(Duration::from_secs(2));
        killed
    };
    let (killed, account) = under_load(&servers, work);

    let (lost, others) = told_apart(&account.wrong);
    assert_eq!(others, [""; 0], "{} in all", others.len());
    assert!(account.longest() < LONGEST, "{:?}", account.longest());
    let refused = account.asked.iter().filter(|asked| asked.status == 503);
    let last = refused.map(|asked| asked.answered).max();
    let last = last.map_or(Duration::ZERO, |last| {
        last.saturating_duration_since(killed)
    });
    println!(
        "the last was refused after {last:?}, nobody waited for more than {:?}; {lost} of lost ones",
        account.longest()
    );
    assert!(last < RECOVERY, "{last:?}");
    count_what_was_lost(&account, killed, &servers);
    for node in nodes {
        let log = node.log();
        assert!(!log.contains("panic"), "{log}");
    }
}

/// Whoever was acknowledged a session that the replica had not heard of is told that there is none: how
/// many, and everything else that is wrong.
fn told_apart(wrong: &[String]) -> (usize, Vec<&String>) {
    let others = wrong
        .iter()
        .filter(|wrong| !wrong.contains("session_unknown"));
    let others: Vec<_> = others.collect();
    (wrong.len() - others.len(), others)
}

fn count_what_was_lost(account: &Account, killed: std::time::Instant, servers: &[&Server]) {
    let mut clients: Vec<_> = servers.iter().map(|server| server.connect()).collect();
    let (mut lost, mut lost_early) = (0, 0);
    for (token, at) in &account.live {
        if node::validate(&mut clients[0], token).status != 200 {
            lost += 1;
            lost_early += u32::from(*at + REPLICATED < killed);
        }
    }
    let (mut back, mut back_early) = (0, 0);
    for (token, at) in &account.ended {
        for client in &mut clients {
            if node::validate(client, token).status == 200 {
                back += 1;
                back_early += u32::from(*at + REPLICATED < killed || *at > killed + RECOVERY);
            }
        }
    }
    println!(
        "of {} creates {lost} were lost, of {} ends {back}",
        account.live.len(),
        account.ended.len()
    );
    assert_eq!(back_early, 0, "ended sessions are accepted");
    assert_eq!(
        lost_early, 0,
        "sessions that had reached the replica are lost"
    );
    assert!(account.ended.len() > 20, "{}", account.ended.len());
    assert!(account.live.len() > 50, "{}", account.live.len());
}
