//! A server that ends, and comes back.

use std::time::Duration;

use real_redis::ServerOptions;
use session_core::ports::SessionStore as _;
use store_contract::samples::{NO_LIMIT, session, start};

use super::own::{self, SLOW, is_unavailable, timed, works_within};

const RETURN: Duration = Duration::from_secs(2);

/// What was answered before is there afterwards, and whoever asks in between is told at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_that_was_on_the_disk() {
    let options = ServerOptions::default().append_only_always();
    let Some((mut server, store)) = own::server_and_store(&options).await else {
        return;
    };
    let mut kept = Vec::new();
    for is_killed in [true, false] {
        let session = session("ada", start());
        store
            .create(session.clone(), NO_LIMIT)
            .await
            .expect("stored");
        kept.push(session);
        if is_killed {
            server.kill();
        } else {
            server.stop();
        }
        for _ in 0..20 {
            let (answer, took) = timed(store.find(kept[0].id)).await;
            assert!(is_unavailable(&answer), "{answer:?}");
            assert!(took < SLOW, "{took:?}");
        }
        server.start_again();
        works_within(RETURN, async || store.check().await).await;
        for session in &kept {
            let found = store.find(session.id).await.expect("it answers");
            assert_eq!(*found.expect("it is kept"), *session);
        }
    }
}

/// While it reads its data it has not got all of it: what is missing is not taken for not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_still_reads_its_data_is_not_believed() {
    // So slowly that there is time to ask.
    let options = ServerOptions::default()
        .append_only_always()
        .setting("key-load-delay", "100")
        .setting("aof-use-rdb-preamble", "no");
    let Some((mut server, store)) = own::server_and_store(&options).await else {
        return;
    };
    let fill = "for n = 1, 12000 do redis.call('SET', 'filler:' .. n, n) end return 'OK'";
    assert_eq!(server.command(&["EVAL", fill, "0"]), "OK");
    // Read last of all.
    let kept = session("ada", start());
    store.create(kept.clone(), NO_LIMIT).await.expect("stored");
    server.kill();
    let returning = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    let (mut refused, mut loading) = (0, 0);
    let server = loop {
        match store.find(kept.id).await {
            Ok(found) => {
                assert_eq!(*found.expect("it is kept"), kept);
                break returning.await.expect("it starts again");
            }
            answer => {
                assert!(is_unavailable(&answer), "{answer:?}");
                let error = own::chain(&answer.expect_err("it is refused"));
                loading += u32::from(error.contains("oading"));
                refused += 1;
                assert!(refused < 2000, "it does not come back");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    assert!(loading > 0, "it was never caught reading");
    drop(server);
}

/// One that comes back with nothing has nothing: neither an error, nor anything that was known before.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_server_is_an_empty_store() {
    let Some((mut server, store)) = own::server_and_store(&ServerOptions::default()).await else {
        return;
    };
    let lost = session("ada", start());
    store.create(lost.clone(), NO_LIMIT).await.expect("stored");
    server.kill();
    server.start_again();
    works_within(RETURN, async || store.check().await).await;
    assert_eq!(store.find(lost.id).await.expect("it answers"), None);
    super::life::whole_life(&store, &mut |name, answer| answer.expect(name)).await;
}
