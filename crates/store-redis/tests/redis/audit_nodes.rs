//! Several nodes that append to one chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use session_core::AuditEvent;
use session_core::ports::AuditLog as _;
use store_redis::RedisStore;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::audit::{append, at, event};
use crate::raw::Raw;
use crate::server::url;

async fn nodes<const N: usize>(raw: &Raw) -> [Arc<RedisStore>; N] {
    let mut nodes = Vec::new();
    for _ in 0..N {
        nodes.push(raw.store().await);
    }
    nodes.try_into().expect("as many")
}

async fn records(store: &RedisStore) -> u64 {
    let verdict = store.verify(None).await.expect("it answers");
    verdict.expect("it is whole").records
}

/// Batches of three, one after another, with numbers from `from` on.
async fn append_many(node: Arc<RedisStore>, from: u64, batches: u64) {
    for batch in 0..batches {
        let events: Vec<_> = (0..3).map(|n| event(from + batch * 3 + n)).collect();
        append(&node, &events).await;
    }
}

/// Nobody fails, nothing is lost, and the chain is whole.
#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_append_at_once_and_none_gives_up() {
    const BATCHES: u64 = 200;
    let raw = Raw::new().await;
    let nodes = nodes::<3>(&raw).await;
    let work = nodes
        .iter()
        .zip(0..)
        .map(|(node, n)| tokio::spawn(append_many(Arc::clone(node), n * 10_000, BATCHES)));
    for work in work.collect::<Vec<_>>() {
        work.await.expect("no append fails");
    }
    assert_eq!(records(&nodes[0]).await, 3 * 3 * BATCHES);
    let keys = raw.names().await;
    assert!(!keys.contains(&b"audit:turn".to_vec()), "no turn is left");
}

/// Whatever one node knows of the end is outdated by the other; each finds it.
#[tokio::test]
async fn nodes_append_in_turn() {
    let raw = Raw::new().await;
    let nodes = nodes::<2>(&raw).await;
    for n in 0..20 {
        append(&nodes[n as usize % 2], &[event(n)]).await;
    }
    assert_eq!(records(&nodes[1]).await, 20);
    // One that begins later, too; and after all was lost.
    let later = raw.store().await;
    append(&later, &[event(20)]).await;
    assert_eq!(records(&later).await, 21);
    for key in raw.names().await {
        let _: i64 = raw.ask(&raw.about("DEL", &key)).await;
    }
    append(&nodes[0], &[event(30)]).await;
    append(&later, &[event(31)]).await;
    assert_eq!(records(&nodes[1]).await, 2);
}

/// The same events sent by several nodes at once, whole and in parts, stand once.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_append_an_event_once() {
    let raw = Raw::new().await;
    let nodes = nodes::<3>(&raw).await;
    for round in 0..30 {
        let given: Vec<_> = (0..6).map(|n| event(round * 6 + n)).collect();
        let parts = [given.clone(), given[2..].to_vec(), given[1..4].to_vec()];
        let work = nodes.iter().zip(parts).map(|(node, part)| {
            let node = Arc::clone(node);
            tokio::spawn(async move { append(&node, &part).await })
        });
        for work in work.collect::<Vec<_>>() {
            work.await.expect("no append fails");
        }
        assert_eq!(records(&nodes[0]).await, (round + 1) * 6);
    }
}

/// A node whose way to Redis is long gets its events in, though the others never pause.
#[tokio::test(flavor = "multi_thread")]
async fn a_far_node_is_not_starved() {
    const NEAR: u64 = 2;
    let raw = Raw::new().await;
    let near = nodes::<{ NEAR as usize }>(&raw).await;
    let far = raw
        .store_by(&by_a_long_way(Duration::from_millis(4)).await)
        .await;
    let (done, appended) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let work: Vec<_> = near
        .iter()
        .zip(1..)
        .map(|(node, n)| {
            let (node, done) = (Arc::clone(node), Arc::clone(&done));
            let appended = Arc::clone(&appended);
            tokio::spawn(async move {
                for place in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    append(&node, &[event(n * 1_000_000 + place)]).await;
                    appended.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let watch = {
        let (done, watcher) = (Arc::clone(&done), raw.another().await);
        tokio::spawn(async move {
            let mut turns = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let left: i64 = watcher.ask(&watcher.about("PTTL", b"audit:turn")).await;
                // There is none at the moment.
                if left != -2 {
                    turns.push(left);
                }
            }
            turns
        })
    };
    for n in 0..20 {
        append(&far, &[event(n)]).await;
    }
    done.store(true, Ordering::Relaxed);
    for work in work {
        work.await.expect("no append fails");
    }
    let turns = watch.await.expect("it ends");
    assert!(!turns.is_empty(), "turns were given");
    assert!(
        turns.iter().all(|left| (0..=300).contains(left)),
        "{turns:?}"
    );
    let near_ones = appended.load(Ordering::Relaxed);
    assert!(near_ones > 100, "the others were at it: {near_ones}");
    assert_eq!(records(&far).await, 20 + near_ones);
}

/// Whoever was given a turn and does not come back holds the others up for a moment only.
#[tokio::test]
async fn a_turn_that_is_not_used_lapses() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    append(&store, &[event(1)]).await;
    let mut set = raw.about("SET", b"audit:turn");
    let _: () = raw.ask(set.arg("somebody").arg("PX").arg(300)).await;
    append(&store, &[event(2)]).await;
    assert_eq!(records(&store).await, 2);
    // One that never ends, which nobody gives, is told.
    let mut set = raw.about("SET", b"audit:turn");
    let _: () = raw.ask(set.arg("somebody")).await;
    let error = store.append(&[event(3)]).await.expect_err("no turn");
    assert_eq!(
        error.kind(),
        session_core::ports::StoreErrorKind::Unavailable
    );
}

/// Who had a turn gives it back: with what it appended, and when there is nothing left to append.
#[tokio::test]
async fn a_turn_ends_with_its_append() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    for given in [[event(1), event(2)], [event(1), event(2)]] {
        let mut set = raw.about("SET", b"audit:turn");
        let _: () = raw.ask(set.arg(given[0].id.as_bytes())).await;
        append(&store, &given).await;
        assert!(!raw.names().await.contains(&b"audit:turn".to_vec()));
    }
    assert_eq!(records(&store).await, 2);
}

/// However many there are.
#[tokio::test]
async fn all_or_none_of_a_batch_is_appended() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let far = AuditEvent {
        timestamp: at(5),
        ..event(5)
    };
    append(&store, &[event(1), far.clone()]).await;
    // A batch that is larger than a script's arguments can be unpacked at once.
    let many: Vec<_> = (10..3010).map(event).collect();
    append(&store, &[&many[..], &[far]].concat()).await;
    assert_eq!(records(&store).await, 3002);
}

/// While a check is under way, what it is to check is forgotten, in part or all of it, and the log goes
/// on: what is left is whole.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_during_a_check_is_not_missed() {
    // With what was appended meanwhile; up to the end that the check goes to; and not so far.
    for (before, base, left) in [(3000, 1501, 1), (1500, 1500, 0), (1200, 1200, 300)] {
        let raw = Raw::new().await;
        let near = raw.store().await;
        append(&near, &(0..1500).map(event).collect::<Vec<_>>()).await;
        let gate = Arc::new(Gate::default());
        let far = raw.store_by(&through(Arc::clone(&gate)).await).await;
        let check = tokio::spawn(async move {
            let verdict = far.verify(None).await.expect("it answers");
            verdict.expect("it is whole")
        });
        gate.second_look.notified().await;
        append(&near, &[event(2000)]).await;
        loop {
            let forgotten = near.forget_events(at(before), 128).await;
            if !forgotten.expect("it forgets").more {
                break;
            }
        }
        append(&near, &[event(5000)]).await;
        gate.opened.notify_one();
        let verified = check.await.expect("it ends");
        assert_eq!((verified.base.sequence, verified.records), (base, left));
    }
}

/// Holds the second look of a check on its way to the server: the one that goes on behind 256 records.
#[derive(Default)]
struct Gate {
    second_look: Notify,
    opened: Notify,
}

impl Gate {
    async fn carry(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut some = vec![0; 65536];
        while let Ok(length @ 1..) = from.read(&mut some).await {
            if some[..length].windows(6).any(|part| part == b"(256-0") {
                self.second_look.notify_one();
                self.opened.notified().await;
            }
            if to.write_all(&some[..length]).await.is_err() {
                return;
            }
        }
    }
}

/// The URL of a server behind a gate.
async fn through(gate: Arc<Gate>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let server = url().trim_start_matches("redis://").to_owned();
            let far = TcpStream::connect(server).await.expect("it listens");
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::spawn(carry(far_in, near_out, Duration::ZERO));
            let gate = Arc::clone(&gate);
            tokio::spawn(async move { gate.carry(near_in, far_out).await });
        }
    });
    format!("redis://{address}")
}

/// The URL of a server that is so far away.
async fn by_a_long_way(delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let server = url().trim_start_matches("redis://").to_owned();
            let far = TcpStream::connect(server).await.expect("it listens");
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::spawn(carry(near_in, far_out, delay));
            tokio::spawn(carry(far_in, near_out, delay));
        }
    });
    format!("redis://{address}")
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let mut some = vec![0; 65536];
    while let Ok(length) = from.read(&mut some).await {
        sleep(delay).await;
        if length == 0 || to.write_all(&some[..length]).await.is_err() {
            return;
        }
    }
}
