//! Servers that let in whom they know, over TLS.

use std::fs;
use std::time::Duration;

use real_redis::{RedisServer, ServerOptions};
use session_core::Session;
use session_core::ports::{SessionStore as _, StoreErrorKind};
use store_contract::samples::{NO_LIMIT, minute, session, start};
use store_redis::{Options, RedisStore, Tls};
use zeroize::Zeroizing;

use super::life::whole_life;
use super::own::{self, is_unavailable, refused, works_within};

/// No more than what `docs/redis.md` says that the user needs, for the keys of these tests.
fn secured() -> ServerOptions {
    ServerOptions::default().secured().keys("test:*")
}

fn password(server: &RedisServer) -> String {
    let url = server.url();
    let (_, rest) = url.split_once("sessiond:").expect("a user");
    rest.split_once('@').expect("a password").0.to_owned()
}

fn authorities(server: &RedisServer) -> Tls {
    let tls = server.tls().expect("it has certificates");
    Tls {
        authorities: Some(fs::read(&tls.ca).expect("a file")),
        identity: None,
    }
}

const PATIENT: Duration = Duration::from_secs(10);

fn options(server: &RedisServer) -> Options {
    // A handshake takes its time on a busy machine, and is not what these tests are about.
    let options = own::options(&server.url()).timeouts(PATIENT, PATIENT);
    options.tls(authorities(server))
}

/// Every port works with the rights that are advised.
#[tokio::test]
async fn the_rights_that_are_advised_are_enough() {
    let Some(server) = own::start(&secured()) else {
        return;
    };
    let store = RedisStore::open(options(&server)).await;
    let store = store.expect("it lets us in");
    for _ in 0..2 {
        whole_life(&store, &mut |name, answer| answer.expect(name)).await;
        let _ = server.command(&["SCRIPT", "FLUSH"]);
    }
    // Keys of others are not for us, and that is found at once.
    let told = refused(options(&server).prefix("other")).await;
    assert!(told.to_uppercase().contains("NOPERM"), "{told}");
}

/// Changes are heard of with these rights, too.
#[tokio::test]
async fn changes_are_heard_of_with_the_rights_that_are_advised() {
    use std::sync::Arc;

    use session_core::ports::{Change, ChangeFeed as _, ChangeListener};
    use tokio::sync::mpsc;

    struct Told(mpsc::UnboundedSender<Option<Change>>);
    impl ChangeListener for Told {
        fn began(&self) {
            let _ = self.0.send(None);
        }
        fn changed(&self, change: Change) {
            let _ = self.0.send(Some(change));
        }
        fn looks(&self) {}
        fn up_to_date(&self) {}
        fn ended(&self) {}
    }

    let Some(server) = own::start(&secured()) else {
        return;
    };
    let store = RedisStore::open(options(&server)).await;
    let store = store.expect("it lets us in");
    let given = session("ada", start());
    store.create(given.clone(), NO_LIMIT).await.expect("stored");
    let (tell, mut told) = mpsc::unbounded_channel();
    let hearing = async {
        assert_eq!(told.recv().await, Some(None));
        let ending = store_contract::samples::revoked(start());
        store.end(given.id, ending).await.expect("it ends");
        assert_eq!(told.recv().await, Some(Some(Change::Session(given.id))));
    };
    let heard = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            ended = store.follow(Duration::from_secs(1), Arc::new(Told(tell))) => {
                panic!("it goes on: {ended:?}")
            }
            () = hearing => {}
        }
    });
    heard.await.expect("it is heard of soon");
}

#[tokio::test]
async fn nobody_else_is_let_in_and_the_reason_shows_no_password() {
    let Some(server) = own::start(&secured()) else {
        return;
    };
    let (port, password) = (server.port(), password(&server));
    let wrong = "an-unlikely-wrong-pass";
    let plain = format!("redis://sessiond:{password}@127.0.0.1:{port}");
    let with_user = |user: &str, password: &str| {
        own::options(&format!("rediss://{user}:{password}@127.0.0.1:{port}"))
    };
    let trusting = |options: Options| options.tls(authorities(&server));
    let cases = [
        (
            "without the authority",
            own::options(&server.url()),
            "certificate",
        ),
        ("without TLS", own::options(&plain), ""),
        (
            "a wrong password",
            trusting(with_user("sessiond", wrong)),
            "WRONGPASS",
        ),
        (
            "an unknown user",
            trusting(with_user("somebody", &password)),
            "WRONGPASS",
        ),
        (
            "nobody in particular",
            trusting(own::options(&format!("rediss://127.0.0.1:{port}"))),
            "",
        ),
    ];
    for (name, options, expected) in cases {
        let shown = format!("{options:?} {}", options.shown());
        let told = format!("{} {shown}", refused(options).await);
        println!("{name}: {told}");
        assert!(told.contains(expected), "{name}: {told}");
        for secret in [&password, wrong] {
            assert!(!told.contains(secret), "{name}: {told}");
        }
    }
    // The first to be refused is the open itself, not the first request.
    let nobody = server.command(&["ACL", "SETUSER", "idle", "on", ">idle-pass", "~*", "+ping"]);
    assert_eq!(nobody, "OK");
    let told = refused(trusting(with_user("idle", "idle-pass"))).await;
    println!("no rights: {told}");
    assert!(
        told.contains("NOPERM") || told.contains("no permissions"),
        "{told}"
    );
    assert!(!told.contains("idle-pass"), "{told}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_wanted() {
    let Some(server) = own::start(&secured().client_certificates()) else {
        return;
    };
    let told = refused(options(&server)).await;
    println!("without: {told}");
    let files = server.tls().expect("it has certificates");
    let read = |path| fs::read(path).expect("a file");
    let tls = Tls {
        identity: Some((
            read(&files.client_cert),
            Zeroizing::new(read(&files.client_key)),
        )),
        ..authorities(&server)
    };
    assert!(!format!("{tls:?}").contains("KEY"), "{tls:?}");
    let store = RedisStore::open(options(&server).tls(tls)).await;
    store.expect("it lets us in").check().await.expect("works");
    // A key that is none is told, and not shown.
    let tls = Tls {
        identity: Some((
            read(&files.client_cert),
            Zeroizing::new(b"no key at all".to_vec()),
        )),
        ..authorities(&server)
    };
    let told = refused(options(&server).tls(tls)).await;
    println!("a broken key: {told}");
    assert!(!told.contains("no key at all"), "{told}");
    let tls = Tls {
        authorities: Some(b"no certificate".to_vec()),
        identity: None,
    };
    let told = refused(options(&server).tls(tls)).await;
    println!("no authority: {told}");
}

/// Whoever may not ask for the role sees all the same that the server is no primary any more.
#[tokio::test]
async fn a_replica_is_not_believed_with_few_rights_either() {
    let Some(server) = own::start(&secured()) else {
        return;
    };
    let store = RedisStore::open(options(&server)).await;
    let store = store.expect("it lets us in");
    let kept = session("ada", start());
    store.create(kept.clone(), NO_LIMIT).await.expect("stored");
    assert_eq!(server.command(&["REPLICAOF", "127.0.0.1", "1"]), "OK");
    // Looked at once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for _ in 0..50 {
        let found = store.find(kept.id).await;
        assert!(is_unavailable(&found), "{found:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.command(&["REPLICAOF", "NO", "ONE"]), "OK");
    works_within(Duration::from_secs(3), async || store.find(kept.id).await).await;
}

/// Somebody changes what we may: that passes, once they see it.
#[tokio::test]
async fn rights_that_are_taken_away_and_given_back() {
    let Some(server) = own::start(&secured()) else {
        return;
    };
    let store = RedisStore::open(options(&server)).await;
    let store = store.expect("it lets us in");
    let kept = Session {
        expires_at: minute(1000),
        ..session("bob", start())
    };
    store.create(kept.clone(), NO_LIMIT).await.expect("stored");
    let set = |rights: &[&str]| {
        let words = [&["ACL", "SETUSER", "sessiond"], rights].concat();
        assert_eq!(server.command(&words), "OK");
    };
    let again = Duration::from_secs(3);
    let takings: [(&[&str], &[&str]); 4] = [
        // No scripts; no keys; nothing at all; not even a login.
        (&["-evalsha", "-eval"], &["+evalsha", "+eval"]),
        (&["resetkeys"], &["~test:*"]),
        (&["-@all"], &["+@all", "-@admin", "-@dangerous", "+info"]),
        (&["off"], &["on"]),
    ];
    for (taken, given) in takings {
        set(taken);
        if taken == ["off"] {
            let _ = server.command(&["CLIENT", "KILL", "USER", "sessiond"]);
        }
        whole_life(&store, &mut |name, answer| {
            if let Err(error) = &answer {
                let kind = error.kind();
                let told = own::chain(error);
                assert_eq!(
                    kind,
                    StoreErrorKind::Unavailable,
                    "{taken:?} {name}: {told}"
                );
            }
        })
        .await;
        let created = store.create(session("eve", start()), NO_LIMIT).await;
        assert!(is_unavailable(&created), "{taken:?}: {created:?}");
        set(given);
        works_within(again, async || {
            store.create(session("bob", start()), NO_LIMIT).await
        })
        .await;
        let found = store.find(kept.id).await.expect("it answers");
        assert_eq!(*found.expect("it is kept"), kept);
    }
    // Whoever may write, and may not write what the script writes: nothing is half done.
    set(&["-zadd"]);
    let half = session("half", start());
    let created = store.create(half.clone(), NO_LIMIT).await;
    assert!(is_unavailable(&created), "{created:?}");
    set(&["+zadd"]);
    let again = store.create(half.clone(), NO_LIMIT).await;
    println!("a create that was refused half-way, sent again: {again:?}");
}
