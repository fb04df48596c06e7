//! Records of sessions that cannot be read: whoever asks for one is told, and nobody else is any the
//! worse for it.

use std::sync::Arc;

use real_redis::shared;
use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue};
use session_core::ports::{
    Created, EndOutcome, Extension, LimitPolicy, SessionChange, SessionLimit, SessionStore,
    StoreError, StoreErrorKind,
};
use session_core::{Activity, PageRequest, Session, SessionId, UserId};
use store_contract::samples::{NO_LIMIT, ids, minute, revoked, session, start, user};
use store_redis::{Options, RedisStore, Topology};

use super::own::chain;
use crate::raw::Raw;

/// A store, and its keys as they are.
struct Place {
    store: Arc<RedisStore>,
    raw: Keys,
}

enum Keys {
    OneServer(Raw),
    Cluster {
        connection: redis::cluster_async::ClusterConnection,
        name: String,
    },
}

impl Place {
    async fn on_one_server() -> Self {
        let raw = Raw::new().await;
        Self {
            store: raw.store().await,
            raw: Keys::OneServer(raw),
        }
    }

    async fn in_a_cluster(name: &str) -> Option<Self> {
        let cluster = shared::cluster()?;
        let name = format!("damage-{}-{name}", std::process::id());
        let options = Options::from_url(cluster.url()).expect("a URL");
        let options = options.topology(Topology::Cluster).prefix(name.as_str());
        let store = RedisStore::open(options).await.expect("redis answers");
        let nodes = cluster.url().trim_start_matches("redis://").split(',');
        let nodes: Vec<_> = nodes.map(|node| format!("redis://{node}")).collect();
        let client = redis::cluster::ClusterClient::new(nodes).expect("addresses");
        let connection = client.get_async_connection().await;
        Some(Self {
            store: Arc::new(store),
            raw: Keys::Cluster {
                connection: connection.expect("redis answers"),
                name,
            },
        })
    }

    async fn both(name: &str) -> Vec<Self> {
        let mut places = vec![Self::on_one_server().await];
        places.extend(Self::in_a_cluster(name).await);
        places
    }

    fn key(&self, id: SessionId) -> Vec<u8> {
        match &self.raw {
            Keys::OneServer(raw) => raw.key("s:", id.as_bytes()),
            Keys::Cluster { name, .. } => {
                let bucket = format!("{{{name}:{:02x}}}:s:", id.as_bytes()[15] % 64);
                [bucket.as_bytes(), id.as_bytes()].concat()
            }
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        match &self.raw {
            Keys::OneServer(raw) => raw.ask(command).await,
            Keys::Cluster { connection, .. } => {
                let mut connection = connection.clone();
                let value = connection.req_packed_command(command).await;
                redis::from_redis_value(value.expect("redis answers")).expect("as expected")
            }
        }
    }

    async fn damage(&self, id: SessionId, how: Damage) {
        let key = self.key(id);
        let bytes: Vec<u8> = self.ask(redis::cmd("GET").arg(&key)).await;
        assert!(bytes.len() > 80, "there is a record");
        let damaged = match how {
            Damage::Newer => [b"\x02", &bytes[1..]].concat(),
            Damage::NewerAndShort => b"\x02".to_vec(),
            Damage::Empty => Vec::new(),
            Damage::CutOff => bytes[..60].to_vec(),
            Damage::NoText => {
                let mut bytes = bytes;
                // The first letter of the user's name.
                bytes[85] = 0xff;
                bytes
            }
            Damage::AnotherType => {
                self.ask::<()>(redis::cmd("DEL").arg(&key)).await;
                self.ask::<()>(redis::cmd("SADD").arg(&key).arg("x")).await;
                return;
            }
        };
        let mut set = redis::cmd("SET");
        self.ask::<()>(set.arg(&key).arg(damaged).arg("KEEPTTL"))
            .await;
    }

    async fn exists(&self, id: SessionId) -> bool {
        self.ask(redis::cmd("EXISTS").arg(self.key(id))).await
    }

    async fn stored(&self, user: &str) -> SessionId {
        self.stored_as(session(user, start())).await
    }

    async fn stored_as(&self, session: Session) -> SessionId {
        let id = session.id;
        self.store
            .create(session, NO_LIMIT)
            .await
            .expect("it is stored");
        id
    }

    async fn listed(&self, of: &UserId) -> Vec<SessionId> {
        let page = PageRequest::new(Some(2), None).expect("a page");
        let mut listed = Vec::new();
        let mut page = self.store.list(of, page, minute(1)).await.expect("a page");
        loop {
            listed.extend(page.items.iter().map(|session| session.id));
            let Some(next) = page.next else {
                return listed;
            };
            let next = PageRequest::new(Some(2), Some(next)).expect("a page");
            page = self.store.list(of, next, minute(1)).await.expect("a page");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Newer,
    NewerAndShort,
    Empty,
    CutOff,
    /// Scripts can read it, and nobody else.
    NoText,
    AnotherType,
}

const DAMAGES: [Damage; 6] = [
    Damage::Newer,
    Damage::NewerAndShort,
    Damage::Empty,
    Damage::CutOff,
    Damage::NoText,
    Damage::AnotherType,
];

/// Those that steps over many see as what they are.
const SEEN: [Damage; 5] = [
    Damage::Newer,
    Damage::NewerAndShort,
    Damage::Empty,
    Damage::CutOff,
    Damage::AnotherType,
];

fn assert_corrupt<T>(answer: Result<T, StoreError>, what: &str) -> String {
    let error = answer.err().unwrap_or_else(|| panic!("{what} is refused"));
    let told = chain(&error);
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{what}: {told}");
    told
}

#[tokio::test]
async fn whoever_asks_for_a_damaged_session_is_told() {
    for place in Place::both("told").await {
        for how in DAMAGES {
            let id = place.stored("ada").await;
            place.damage(id, how).await;
            let (store, now) = (&place.store, minute(1));
            let told = assert_corrupt(store.find(id).await, "find");
            if matches!(how, Damage::Newer) {
                assert!(told.contains("newer version"), "{told}");
            }
            if matches!(how, Damage::NoText) {
                continue;
            }
            let extension = Extension {
                by: chrono::TimeDelta::minutes(1),
                not_past: minute(99),
            };
            assert_corrupt(store.extend(id, extension, now).await, "extend");
            let update = store.update(id, 1, SessionChange::default(), now);
            assert_corrupt(update.await, "update");
            assert_corrupt(store.suspend(id, true, now).await, "suspend");
            let told = assert_corrupt(store.end(id, revoked(now)).await, "end");
            if matches!(how, Damage::Newer) {
                assert!(told.contains("newer version"), "{told}");
            }
            assert!(place.exists(id).await);
        }
    }
}

/// One that is damaged is left out of the list, and the others are where they belong.
#[tokio::test]
async fn a_list_leaves_out_what_cannot_be_read() {
    for place in Place::both("list").await {
        for (n, how) in DAMAGES.into_iter().enumerate() {
            let user = user(&format!("ada {n}"));
            let mut stored = Vec::new();
            for _ in 0..5 {
                stored.push(place.stored(user.as_str()).await);
            }
            for damaged in [0, 2, 4] {
                place.damage(stored[damaged], how).await;
            }
            let listed = place.listed(&user).await;
            assert_eq!(listed, [stored[3], stored[1]], "{how:?}");
        }
    }
}

/// The sweep goes on, ends, and looks at what it could not read again later.
#[tokio::test]
async fn a_sweep_goes_on_past_what_cannot_be_read() {
    for place in Place::both("sweep").await {
        let mut damaged = Vec::new();
        // More than one sweep looks at, and due before all others.
        for n in 0..300 {
            let id = place.stored("eve").await;
            place.damage(id, SEEN[n % SEEN.len()]).await;
            damaged.push(id);
        }
        let late = Session {
            expires_at: minute(61),
            ..session("ada", start())
        };
        let late = place.stored_as(late).await;
        let mut expired = Vec::new();
        let mut rounds = 0;
        loop {
            let swept = place.store.sweep(minute(62), start(), 100).await;
            let swept = swept.expect("it goes on");
            expired.extend(ids(&swept.expired));
            rounds += 1;
            assert!(rounds < 20, "it ends");
            if !swept.more {
                break;
            }
        }
        assert_eq!(expired, [late]);
        // They are still there for whoever can read them, and are counted as before.
        for id in &damaged {
            assert!(place.exists(*id).await);
        }
        let stats = place.store.stats(minute(62)).await.expect("it counts");
        assert_eq!(stats.total, 301);
        let stats = place.store.stats(minute(200)).await.expect("it counts");
        assert_eq!(stats.total, 301);
    }
}

/// Whoever ends all sessions of a user ends those that cannot be read as well: a newer version must not
/// accept one afterwards.
#[tokio::test]
async fn what_cannot_be_read_ends_with_all_others_of_its_user() {
    for place in Place::both("all").await {
        for (n, how) in SEEN.into_iter().enumerate() {
            let user = user(&format!("ada {n}"));
            let mut stored = Vec::new();
            for _ in 0..5 {
                stored.push(place.stored(user.as_str()).await);
            }
            for damaged in [0, 2] {
                place.damage(stored[damaged], how).await;
            }
            let (mut ended, mut rounds) = (Vec::new(), 0);
            loop {
                let some =
                    place
                        .store
                        .end_user_sessions(&user, Some(stored[4]), revoked(minute(1)), 2);
                let some = some.await.expect("it goes on");
                ended.extend(ids(&some.ended));
                rounds += 1;
                assert!(rounds < 9, "it ends");
                if !some.more {
                    break;
                }
            }
            ended.sort_unstable();
            assert_eq!(ended, [stored[1], stored[3]], "{how:?}");
            for gone in [0, 2] {
                assert!(!place.exists(stored[gone]).await, "{how:?}");
                let found = place.store.find(stored[gone]).await;
                assert_eq!(found.expect("it answers"), None);
            }
            assert_eq!(place.listed(&user).await, [stored[4]]);
        }
    }
}

/// It takes no place of its user's, so that nobody is locked out by it.
#[tokio::test]
async fn what_cannot_be_read_takes_no_place() {
    for place in Place::both("limit").await {
        for (n, how) in SEEN.into_iter().enumerate() {
            let user = user(&format!("ada {n}"));
            let damaged = place.stored(user.as_str()).await;
            place.damage(damaged, how).await;
            for policy in [LimitPolicy::Refuse, LimitPolicy::EvictOldest] {
                let limit = SessionLimit { max: 1, policy };
                let new = session(user.as_str(), start());
                let id = new.id;
                let created = place.store.create(new, limit).await.expect("it answers");
                let Created::Stored { evicted, .. } = created else {
                    panic!("{how:?}: there is a place")
                };
                assert_eq!(evicted, [], "{how:?}");
                let other = session(user.as_str(), start());
                let created = place.store.create(other, limit).await.expect("it answers");
                match (policy, created) {
                    (LimitPolicy::Refuse, Created::LimitReached) => {}
                    (LimitPolicy::EvictOldest, Created::Stored { evicted, .. }) => {
                        assert_eq!(evicted, [id]);
                    }
                    (_, created) => panic!("{how:?}: {created:?}"),
                }
                assert!(place.exists(damaged).await);
                for id in place.listed(&user).await {
                    let ended = place.store.end(id, revoked(minute(1))).await;
                    assert!(matches!(ended, Ok(Some(EndOutcome::Ended(_)))));
                }
            }
        }
    }
}

/// Notes of activity come in batches of many users: one damaged session must not cost the others theirs.
#[tokio::test]
async fn activity_is_noted_past_what_cannot_be_read() {
    for place in Place::both("touch").await {
        let mut stored = Vec::new();
        for n in 0..12 {
            stored.push(place.stored(&format!("ada {n}")).await);
        }
        for (id, how) in stored.iter().zip(SEEN) {
            place.damage(*id, how).await;
        }
        let at = minute(5);
        let batch: Vec<_> = stored.iter().map(|id| Activity { id: *id, at }).collect();
        place.store.touch(&batch).await.expect("it is noted");
        for id in &stored[SEEN.len()..] {
            let found = place.store.find(*id).await.expect("it answers");
            assert_eq!(found.expect("it is there").last_activity, at);
        }
    }
}
