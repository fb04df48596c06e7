//! Sealing anew while tokens are renewed, broken off and begun again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use app::{TokenOwner, TokenVault, reencrypt_some};
use chrono::TimeDelta;
use session_core::ports::SessionStore as _;
use session_core::ports::{GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished};
use session_core::{Grant, PageRequest, RefreshOutcome, RefreshRecord};
use store_sqlite::{Options, SqliteStore};

use super::sample::{cipher, counted, grant, id, intent, now, ring, session, tokens, vault};

const GRANTS: u32 = 300;
const RENEWERS: u32 = 3;

async fn open(path: &Path) -> Arc<SqliteStore> {
    let store = SqliteStore::open(Options::new(path)).await;
    Arc::new(store.unwrap())
}

/// Renews grants, each renewer its own, until it is told to stop: every other time in vain. How often
/// the provider has given each new tokens is counted in `rounds`.
async fn renew(
    store: Arc<SqliteStore>,
    vault: TokenVault,
    renewer: u32,
    rounds: Arc<Vec<AtomicU64>>,
    attempts: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
) {
    while !is_over.load(Ordering::SeqCst) {
        for number in (renewer..GRANTS).step_by(7 * RENEWERS as usize) {
            let attempt = attempts.fetch_add(1, Ordering::SeqCst);
            let seen = store.find_grant(session(number)).await;
            let seen = seen.unwrap().unwrap();
            let record = intent(&seen, attempt);
            let begin = RefreshBegin {
                expected_version: seen.version,
                until: now() + TimeDelta::seconds(10),
                record: record.clone(),
            };
            let begun = store.begin_refresh(begin).await.unwrap();
            let RefreshBegun::Begun(begun) = begun else {
                unreachable!("nobody else renews it: {begun:?}");
            };
            // The provider thinks.
            tokio::time::sleep(Duration::from_millis(attempt % 3)).await;
            let mut grant = Grant {
                lease: None,
                ..Grant::clone(&begun)
            };
            let is_given = attempt.is_multiple_of(2);
            let round = rounds[number as usize].load(Ordering::SeqCst) + u64::from(is_given);
            if is_given {
                let new = tokens(number, round);
                let sealed = vault.seal(TokenOwner::of(&grant), &new);
                grant.tokens = sealed.unwrap();
                grant.access_hash = new.access.hash();
            }
            let record = RefreshRecord {
                finished_at: Some(now()),
                outcome: if is_given {
                    RefreshOutcome::Success
                } else {
                    RefreshOutcome::Unavailable
                },
                ..record
            };
            let end = RefreshEnd { grant, record };
            let finished = store.finish_refresh(end).await.unwrap();
            assert!(matches!(finished, RefreshFinished::Stored(_)));
            rounds[number as usize].store(round, Ordering::SeqCst);
        }
    }
}

/// One round of all pages; whether anything is left for another.
async fn reencrypt_all(store: &Arc<dyn GrantStore>, vault: &TokenVault) -> bool {
    let mut page = PageRequest::new(Some(20), None).unwrap();
    let mut is_done = true;
    loop {
        let done = reencrypt_some(store, vault, now(), page).await;
        let done = done.unwrap();
        assert!(done.unreadable.is_empty(), "{done:?}");
        is_done &= done.busy == 0;
        match done.next {
            Some(next) => page = page.following(next),
            None => return is_done,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_tokens_are_renewed_and_it_is_broken_off_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let rounds: Arc<Vec<AtomicU64>> = Arc::new((0..GRANTS).map(|_| AtomicU64::new(0)).collect());
    let store = open(&path).await;
    let attempts = Arc::new(AtomicU64::new(0));
    let first = vault(&[1]);
    for number in 0..GRANTS {
        let added = store.add_grant(grant(number, &first)).await;
        added.unwrap();
    }

    // As many starts as it takes, each ended in the middle of something.
    let mut store = store;
    for start in 0..6_u64 {
        let cipher = cipher(&[1]);
        let vault = TokenVault::new(Arc::clone(&cipher) as _);
        let is_over = Arc::new(AtomicBool::new(false));
        let renewers: Vec<_> = (0..RENEWERS)
            .map(|renewer| {
                let (store, vault) = (Arc::clone(&store), vault.clone());
                let (rounds, attempts) = (Arc::clone(&rounds), Arc::clone(&attempts));
                let is_over = Arc::clone(&is_over);
                tokio::spawn(renew(store, vault, renewer, rounds, attempts, is_over))
            })
            .collect();
        // The new key comes while everything runs.
        tokio::time::sleep(Duration::from_millis(5)).await;
        cipher.replace_keys(ring(&[1, 2]));
        let (at, with) = (Arc::clone(&store) as Arc<dyn GrantStore>, vault);
        let under_way = tokio::spawn(async move { while !reencrypt_all(&at, &with).await {} });
        tokio::time::sleep(Duration::from_millis(4 + start)).await;
        under_way.abort();
        is_over.store(true, Ordering::SeqCst);
        for renewer in renewers {
            renewer.await.unwrap();
        }
        store.close().await;
        store = open(&path).await;
    }

    let grants = Arc::clone(&store) as Arc<dyn GrantStore>;
    while !reencrypt_all(&grants, &vault(&[1, 2])).await {}
    assert_eq!(counted(&grants).await, [(id(2), u64::from(GRANTS))]);
    // The old key is gone, and everything is there as it was given last.
    let without = vault(&[2]);
    let mut renewed = 0;
    for number in 0..GRANTS {
        let found = store.find_grant(session(number)).await;
        let found = found.unwrap().unwrap();
        let round = rounds[number as usize].load(Ordering::SeqCst);
        renewed += u32::from(round > 0);
        assert_eq!(without.open_all(&found), Ok(tokens(number, round)));
    }
    assert!(renewed > 20, "{renewed} were renewed at all");
    store.close().await;
}
