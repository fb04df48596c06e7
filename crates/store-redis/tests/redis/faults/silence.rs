//! A server that says nothing, or nothing more.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use real_redis::ServerOptions;
use session_core::ports::{AuditLog as _, SessionStore as _};
use session_core::{AuditAction, Session};
use store_contract::samples::{NO_LIMIT, event, minute, session, start};
use store_redis::RedisStore;

use super::life::whole_life;
use super::own::{self, SLOW, TIMEOUT, is_unavailable, timed, works_within};
use super::proxy::Proxy;

/// After its return a server is in use again within this time, without anybody's doing.
const RETURN: Duration = Duration::from_secs(2);

async fn stored(store: &RedisStore) -> Session {
    let session = session("ada", start());
    let created = store.create(session.clone(), NO_LIMIT).await;
    created.expect("it is stored");
    session
}

/// The first call takes no longer than the time-out, those after it hardly any time, whatever they are;
/// and then it works again by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_keeps_nobody_waiting() {
    let Some((server, store)) = own::server_and_store(&ServerOptions::default()).await else {
        return;
    };
    let kept = stored(&store).await;
    server.pause();
    let (answer, took) = timed(store.find(kept.id)).await;
    assert!(is_unavailable(&answer), "{answer:?}");
    assert!(took < TIMEOUT + SLOW, "{took:?}");
    // The next attempt to connect runs into the same silence.
    tokio::time::sleep(TIMEOUT + SLOW).await;
    let mut count = 0;
    let mut note = |name, answer| {
        assert!(is_unavailable(&answer), "{name}: {answer:?}");
        count += 1;
    };
    let ((), took) = timed(whole_life(&store, &mut note)).await;
    assert!(count > 40 && took < SLOW, "{count} in {took:?}");

    server.resume();
    let took = works_within(RETURN, async || store.find(kept.id).await).await;
    println!("in use again after {took:?}");
    let found = store.find(kept.id).await.expect("it answers");
    assert_eq!(*found.expect("it is kept"), kept);
}

/// Each method, were it the first to meet the silence.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_gives_up_within_the_time_out() {
    let Some(server) = own::start(&ServerOptions::default()) else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    // Stores that nobody has told yet, for calls that are made at the same time.
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(own::open(&proxy.url()).await);
    }
    server.pause();
    let now = minute(1);
    let [one, two, three, four] = &stores[..] else {
        unreachable!("there are four")
    };
    let events = [event("ada", AuditAction::Logout, now)];
    let (created, swept, counted, appended) = tokio::join!(
        timed(one.create(session("ada", start()), NO_LIMIT)),
        timed(two.sweep(now, now, 100)),
        timed(three.stats(now)),
        timed(four.append(&events)),
    );
    let answers = [
        (created.0.map(drop), created.1),
        (swept.0.map(drop), swept.1),
        (counted.0.map(drop), counted.1),
        appended,
    ];
    for (n, (answer, took)) in answers.iter().enumerate() {
        assert!(is_unavailable(answer), "{n}: {answer:?}");
        assert!(*took < TIMEOUT + SLOW, "{n}: {took:?}");
    }
    server.resume();
}

/// Many callers wait no longer than one does, though few requests may be on their way at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_ends_with_the_time_outs() {
    let Some(server) = own::start(&ServerOptions::default()) else {
        return;
    };
    let options = own::options(&server.url()).max_in_flight(4);
    let store = RedisStore::open(options).await.expect("redis answers");
    let id = stored(&store).await.id;
    let all = join_all((0..100).map(|_| store.find(id))).await;
    assert!(all.iter().all(|found| matches!(found, Ok(Some(_)))));

    server.pause();
    let all = join_all((0..100).map(|_| timed(store.find(id)))).await;
    server.resume();
    let longest = all.iter().map(|(_, took)| *took).max();
    println!("the longest of 100 waited for {longest:?}");
    for (answer, took) in &all {
        assert!(is_unavailable(answer), "{answer:?}");
        assert!(*took < TIMEOUT + TIMEOUT + SLOW, "{took:?}");
    }
    works_within(RETURN, async || store.find(id).await).await;
}

/// A caller who comes while others hold all places is told that, and not that Redis is away.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_are_under_way_than_may_be() {
    let Some(server) = own::start(&ServerOptions::default()) else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    let options = own::options(&proxy.url()).max_in_flight(4);
    let store = RedisStore::open(options).await.expect("redis answers");
    let id = stored(&store).await.id;
    proxy.take_asked();
    proxy.hold_after(0);
    let store = Arc::new(store);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.find(id).await })
        })
        .collect();
    proxy.until_asked(4).await;
    tokio::time::sleep(TIMEOUT / 4).await;
    assert_eq!(proxy.take_asked().len(), 4);
    proxy.release();
    for call in calls {
        let found = call.await.expect("it ends").expect("it is found");
        assert!(found.is_some());
    }
}

/// The answer to a request that nobody waits for any more is not taken for that to another.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_nobody_elses() {
    let Some(server) = own::start(&ServerOptions::default()) else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    let store = Arc::new(own::open(&proxy.url()).await);
    let mut sessions = Vec::new();
    for _ in 0..20 {
        sessions.push(stored(&store).await);
    }
    for round in 0..10 {
        proxy.take_asked();
        proxy.hold_after(0);
        // Callers who go away, each with an answer under way; every other round they are told so.
        let away: Vec<_> = sessions[..10]
            .iter()
            .map(|session| {
                let (store, id) = (Arc::clone(&store), session.id);
                tokio::spawn(async move { store.find(id).await })
            })
            .collect();
        proxy.until_asked(10).await;
        if round % 2 == 0 {
            away.iter().for_each(|call| call.abort());
        } else {
            for call in away {
                assert!(is_unavailable(&call.await.expect("it ends")));
            }
        }
        let asks = sessions.iter().map(|session| {
            let store = Arc::clone(&store);
            async move {
                let mut found = None;
                let find = async || {
                    found = store.find(session.id).await?;
                    Ok(())
                };
                works_within(RETURN, find).await;
                assert_eq!(*found.expect("it is there"), *session);
            }
        });
        let released = async {
            tokio::time::sleep(TIMEOUT / 20).await;
            proxy.release();
        };
        tokio::join!(join_all(asks), released);
    }
}

/// A connection that is reset: whoever was being answered hears of it at once, and the next works.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_fails_what_was_under_way_and_nothing_more() {
    let Some(server) = own::start(&ServerOptions::default()) else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    let store = Arc::new(own::open(&proxy.url()).await);
    let kept = stored(&store).await;
    // In front of the answer, and in the middle of it.
    for bytes in [0, 3, 40] {
        proxy.take_asked();
        proxy.hold_after(bytes);
        let (of_call, id) = (Arc::clone(&store), kept.id);
        let call = tokio::spawn(async move { timed(of_call.find(id)).await });
        proxy.until_asked(1).await;
        tokio::time::sleep(TIMEOUT / 10).await;
        proxy.reset();
        let (answer, took) = call.await.expect("it ends");
        proxy.release();
        assert!(is_unavailable(&answer), "{bytes}: {answer:?}");
        assert!(took < TIMEOUT, "{bytes}: {took:?}");
        let found = store.find(kept.id).await;
        let found = found.expect("the next request has another connection");
        assert_eq!(*found.expect("it is kept"), kept);
    }
    // Over and over, while others ask: nobody is answered wrongly, and in the end it works.
    let asking = async {
        let mut answered = 0;
        for _ in 0..2000 {
            match store.find(kept.id).await {
                Ok(found) => {
                    assert_eq!(*found.expect("it is kept"), kept);
                    answered += 1;
                }
                answer => assert!(is_unavailable(&answer), "{answer:?}"),
            }
        }
        answered
    };
    let resetting = async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            proxy.reset();
        }
    };
    let (answered, ()) = tokio::join!(asking, resetting);
    println!("{answered} of 2000 were answered");
    assert!(answered > 100, "{answered}");
    works_within(RETURN, async || store.find(kept.id).await).await;
}
