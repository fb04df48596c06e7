//! How often each method goes to Redis and back: most of what it costs.
//!
//! Commands are counted. One caller who waits for each answer makes no more round trips than that.

use real_redis::{ClusterOptions, RedisCluster, RedisServer, ServerOptions};
use session_core::AuditAction;
use session_core::ports::{AuditLog as _, SessionStore as _};
use store_contract::samples::{event, minute, session, start};
use store_redis::{RedisStore, Topology};

use super::life::{TWO, whole_life};
use super::own;
use super::proxy::Proxy;

/// Those that go more than once, and how often: a first append does not know where the log ends before it
/// has come too late; a check reads the chain, and that there is nothing behind it; and what is forgotten
/// of it is read and checked before it goes.
const MORE: [(&str, usize); 3] = [("append", 2), ("verify", 2), ("forget events", 2)];

#[tokio::test]
async fn every_step_is_one_round_trip_on_one_server() {
    let Some(server) = own::start(&ServerOptions::default()) else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    // The server has seen each script before, as it has in all but the first calls.
    let other = own::open(&server.url()).await;
    whole_life(&other, &mut |name, answer| answer.expect(name)).await;
    let store = own::open(&proxy.url()).await;
    proxy.take_asked();
    let mut names = 0;
    whole_life(&store, &mut |name, answer| {
        answer.expect(name);
        let asked = proxy.take_asked();
        let more = MORE.iter().find(|(of, _)| *of == name);
        let expected = more.map_or(1, |(_, count)| *count);
        assert_eq!(asked.len(), expected, "{name}: {asked:?}");
        names += 1;
    })
    .await;
    assert_eq!(names, 50);
    // From then on it knows.
    let event = event("ada", AuditAction::Logout, minute(200));
    store.append(&[event]).await.expect("it is appended");
    assert_eq!(proxy.take_asked().len(), 1);
}

/// What a server counts of the commands that clients sent, and not of those that scripts ran.
fn scripts_and_reads(cluster: &RedisCluster) -> u64 {
    (0..3).map(|node| calls(cluster.node(node))).sum()
}

fn calls(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]);
    let counted = stats.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let (calls, _) = rest.split_once(',')?;
        matches!(name, "evalsha" | "eval").then(|| calls.parse::<u64>().expect("a number"))
    });
    counted.sum()
}

#[tokio::test]
async fn a_create_is_two_round_trips_in_a_cluster() {
    let Some(cluster) = RedisCluster::start(&ClusterOptions::default().without_replicas()) else {
        return;
    };
    let options = own::options(&cluster.url()).topology(Topology::Cluster);
    let store = RedisStore::open(options).await.expect("redis answers");
    let create = async |user: &str| {
        let session = session(user, start());
        let id = session.id;
        store.create(session, TWO).await.expect("it is stored");
        id
    };
    // Each node has seen each script after some of them.
    for n in 0..100 {
        create(&format!("early {n}")).await;
    }
    let before = scripts_and_reads(&cluster);
    let mut last = None;
    for n in 0..50 {
        last = Some(create(&format!("user {n}")).await);
    }
    assert_eq!(scripts_and_reads(&cluster) - before, 100);

    let gets = |cluster: &RedisCluster| {
        let stats = (0..3).map(|node| cluster.command(node, &["INFO", "commandstats"]));
        let gets = stats.map(|stats| {
            let line = stats.lines().find_map(|line| {
                let rest = line.strip_prefix("cmdstat_get:calls=")?;
                rest.split_once(',')?.0.parse::<u64>().ok()
            });
            line.unwrap_or(0)
        });
        gets.sum::<u64>()
    };
    let (before, scripts) = (gets(&cluster), scripts_and_reads(&cluster));
    let found = store.find(last.expect("there is one")).await;
    assert!(found.expect("it answers").is_some());
    assert_eq!(gets(&cluster) - before, 1);
    assert_eq!(scripts_and_reads(&cluster), scripts);
}
