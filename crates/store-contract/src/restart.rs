//! For durable stores, and for closing.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::{
    AccountChange, Addition, AuditLog, ChangeOutcome, Extension, GrantStore, LimitPolicy,
    OneTimeMarks, RateLimiter, RevocationList, SessionChange, SessionLimit, SessionStore,
    StoreErrorKind, Suspension, UpdateOutcome, UserDirectory,
};
use session_core::{
    Activity, Attempt, AuditAction, AuditEvent, AuditFilter, AuditOrder, Metadata, PageRequest,
    PasswordHash, RateDecision, RateRule, Revocation, SessionId, Verified,
};

use crate::accounts::{added, find, find_by, listed, remove};
use crate::audit::{append, walked};
use crate::restart_grants::every_call;
use crate::samples::{
    account, email, event, found, grant, idling, ids, minute, revocation, revoked, session, start,
    stored, stored_with, user,
};
use crate::update::secret;

/// All ports of one store.
#[expect(
    missing_debug_implementations,
    reason = "the ports do not ask for one of their adapters"
)]
pub struct Stores {
    /// The sessions, by which the whole store is closed.
    pub sessions: Arc<dyn SessionStore>,
    /// The revocations.
    pub revocations: Arc<dyn RevocationList>,
    /// What is counted.
    pub rates: Arc<dyn RateLimiter>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// The accounts.
    pub accounts: Arc<dyn UserDirectory>,
    /// The grants.
    pub grants: Arc<dyn GrantStore>,
    /// What was used that is good once.
    pub marks: Arc<dyn OneTimeMarks>,
}

impl Stores {
    /// Of a store that is all of them.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: SessionStore
            + RevocationList
            + RateLimiter
            + AuditLog
            + UserDirectory
            + GrantStore
            + OneTimeMarks
            + 'static,
    {
        Self {
            sessions: Arc::clone(&store) as _,
            revocations: Arc::clone(&store) as _,
            rates: Arc::clone(&store) as _,
            audit: Arc::clone(&store) as _,
            accounts: Arc::clone(&store) as _,
            grants: Arc::clone(&store) as _,
            marks: store,
        }
    }
}

/// What was answered of sessions before a store was closed is there after it was opened again.
///
/// `open` opens the same data each time.
pub async fn everything_survives_a_restart(open: impl AsyncFn() -> Arc<dyn SessionStore>) {
    let store = open().await;
    let live = stored(&store, session("ada", start())).await.id;
    let idle = stored(
        &store,
        idling(session("ada", start()), TimeDelta::minutes(5)),
    )
    .await
    .id;
    let ended = stored(&store, session("ada", start())).await.id;
    store
        .end(ended, revoked(minute(1)))
        .await
        .expect("the store ends it");
    let held = stored(&store, session("eve", start())).await.id;
    store
        .suspend(held, true, minute(1))
        .await
        .expect("the store holds it back");
    let extension = Extension {
        by: TimeDelta::minutes(5),
        not_past: minute(100),
    };
    store
        .extend(live, extension, minute(1))
        .await
        .expect("it is extended");
    let metadata = json!({"role": "admin"});
    let metadata = Metadata::new(metadata.as_object().expect("an object")).expect("metadata");
    let change = SessionChange {
        metadata: Some(metadata),
        ..secret(live, 7)
    };
    let version = found(&store, live).await.version;
    store
        .update(live, version, change, minute(1))
        .await
        .expect("it is changed");
    store
        .touch(&[Activity {
            id: live,
            at: minute(2),
        }])
        .await
        .expect("it is noted");

    let mut before = Vec::new();
    for id in [live, idle, ended, held] {
        before.push(found(&store, id).await);
    }
    let listed = store
        .list(&user("ada"), PageRequest::default(), minute(2))
        .await;
    let listed = listed.expect("the store answers");
    let stats = store.stats(minute(2)).await.expect("the store answers");
    store.close().await;
    drop(store);

    let store = open().await;
    for session in before {
        assert_eq!(found(&store, session.id).await, session);
    }
    let again = store
        .list(&user("ada"), PageRequest::default(), minute(2))
        .await;
    assert_eq!(again.expect("the store answers"), listed);
    assert_eq!(
        store.stats(minute(2)).await.expect("the store answers"),
        stats
    );
    rules_still_hold(&store, live, idle, ended).await;
    let let_go = store.suspend(held, false, minute(3)).await;
    let let_go = let_go.expect("the store answers");
    assert!(matches!(let_go, Some(Suspension::Changed(_))), "{let_go:?}");
    store.close().await;
}

/// What the rules need to know came back as well: versions, deadlines, ends and who counts.
async fn rules_still_hold(
    store: &Arc<dyn SessionStore>,
    live: SessionId,
    idle: SessionId,
    ended: SessionId,
) {
    let gone = found(store, ended).await;
    let activity = Activity {
        id: ended,
        at: minute(3),
    };
    store.touch(&[activity]).await.expect("the store answers");
    assert_eq!(found(store, ended).await, gone, "final is final");
    let stale = store
        .update(live, 1, SessionChange::default(), minute(3))
        .await;
    assert_eq!(
        stale.expect("the store answers"),
        UpdateOutcome::VersionConflict
    );
    let two = SessionLimit {
        max: 2,
        policy: LimitPolicy::EvictOldest,
    };
    let (newcomer, evicted) = stored_with(store, session("ada", minute(3)), two).await;
    assert_eq!(evicted, [live], "the oldest of two makes room");
    let swept = store.sweep(minute(5), minute(2), 10).await;
    let swept = swept.expect("the store sweeps");
    assert_eq!((ids(&swept.expired), swept.forgotten), (vec![idle], 1));
    assert!(found(store, newcomer.id).await.is_live(minute(5)));
}

/// Tokens that were revoked before a store was closed are refused after it was opened again.
///
/// `open` opens the same data each time.
pub async fn revocations_survive_a_restart(open: impl AsyncFn() -> Stores) {
    let stores = open().await;
    let list = &stores.revocations;
    let given: Vec<_> = (0..5)
        .map(|n| Revocation {
            user_id: Some(user("ada")).filter(|_| n > 0),
            session_id: Some(session("ada", start()).id).filter(|_| n > 1),
            expires_at: minute(10 * n),
            ..revocation(&format!("token {n}"), minute(n))
        })
        .collect();
    let later = Revocation {
        token_hash: given[2].token_hash,
        ..revocation("", minute(3))
    };
    list.revoke(&given).await.expect("they are noted");
    list.revoke(std::slice::from_ref(&later))
        .await
        .expect("it is noted");
    let forgotten = list
        .forget_revocations(minute(10), 10)
        .await
        .expect("it forgets");
    assert_eq!(forgotten.count, 2);
    let history = async |list: &Arc<dyn RevocationList>, of_ada: bool| {
        let user = of_ada.then(|| user("ada"));
        let page = list.history(user, None, PageRequest::default()).await;
        page.expect("the list answers")
    };
    let before = (history(list, false).await, history(list, true).await);
    stores.sessions.close().await;
    drop(stores);

    let stores = open().await;
    let list = &stores.revocations;
    let after = (history(list, false).await, history(list, true).await);
    assert_eq!(after, before);
    let longer = Revocation {
        expires_at: later.expires_at,
        ..given[2].clone()
    };
    for expected in [&longer, &given[3], &given[4]] {
        let last = expected.expires_at - TimeDelta::milliseconds(1);
        let found = list.find_revocation(expected.token_hash, last).await;
        assert_eq!(found.expect("the list answers").as_deref(), Some(expected));
    }
    for gone in &given[..2] {
        let found = list.find_revocation(gone.token_hash, start()).await;
        assert_eq!(found.expect("the list answers"), None);
    }
    list.revoke(&[later]).await.expect("it is noted");
    assert_eq!(history(list, false).await, before.0, "the first stands");
    let forgotten = list
        .forget_revocations(minute(62), 10)
        .await
        .expect("it forgets");
    assert_eq!(forgotten.count, 2);
    stores.sessions.close().await;
}

/// Attempts that were counted before a store was closed count after it was opened again, and so do
/// violations.
///
/// `open` opens the same data each time.
pub async fn rate_limits_survive_a_restart(open: impl AsyncFn() -> Stores) {
    let rule = RateRule::new("a", 3, TimeDelta::minutes(1)).expect("a rule");
    let check = async |stores: &Stores, name: &str, now| {
        let attempt = Attempt::of(&rule, name);
        let decision = stores.rates.attempt(&[attempt], now, 0.5).await;
        decision.expect("the limiter answers")
    };
    let stores = open().await;
    for (name, times) in [("some", 2), ("all", 4), ("reset", 4)] {
        for n in 0..times {
            assert_eq!(check(&stores, name, start()).await.is_admitted(), n < 3);
        }
    }
    let key = Attempt::of(&rule, "reset").key;
    stores.rates.reset(&[key]).await.expect("it forgets");
    stores.sessions.close().await;
    drop(stores);

    let stores = open().await;
    let now = start() + TimeDelta::seconds(30);
    for (name, remaining) in [("some", 0), ("reset", 2)] {
        let expected = RateDecision::Admitted { remaining };
        assert_eq!(check(&stores, name, now).await, expected, "{name}");
    }
    let backoff = rule.backoff_after(1, 0.5);
    let expected = RateDecision::Refused {
        retry_after: start() + backoff - now,
        violations: 1,
        is_new: false,
    };
    assert_eq!(check(&stores, "all", now).await, expected);
    let now = start() + backoff;
    for n in 0..3 {
        assert!(check(&stores, "all", now).await.is_admitted(), "number {n}");
    }
    let expected = RateDecision::Refused {
        retry_after: rule.backoff_after(2, 0.5),
        violations: 2,
        is_new: true,
    };
    assert_eq!(check(&stores, "all", now).await, expected);
    stores.sessions.close().await;
}

/// Events that were recorded before a store was closed are there after it was opened again, and the
/// chain goes on where it was; what was forgotten before stays so.
///
/// `open` opens the same data each time.
pub async fn the_audit_chain_survives_a_restart(open: impl AsyncFn() -> Stores) {
    let given: Vec<_> = (0..20)
        .map(|n| AuditEvent {
            details: "é\"'\n\u{0}".into(),
            suspicious: n % 3 == 0,
            ..event("ada", AuditAction::LoginFailure, minute(n))
        })
        .collect();
    let whole = async |log: &Arc<dyn AuditLog>| {
        walked(log, &AuditFilter::default(), AuditOrder::OldestFirst, 7).await
    };
    let verified = async |log: &Arc<dyn AuditLog>, noted| {
        let verified = log.verify(noted).await.expect("the log answers");
        verified.expect("the chain is whole")
    };
    let mut kept = Vec::new();
    // The second time with a part forgotten, the third time with nothing left.
    for (forgotten, expected) in [(0, 20), (8, 12), (100, 0)] {
        let stores = open().await;
        let log = &stores.audit;
        if forgotten == 0 {
            append(log, &given).await;
            kept = whole(log).await;
        } else {
            let count = log.forget_events(minute(forgotten), 100).await;
            let count = count.expect("the log forgets").count as usize;
            kept.drain(..count);
        }
        let before: Verified = verified(log, None).await;
        let summary = log.summarize(&user("ada"), start()).await;
        let summary = summary.expect("the log answers");
        stores.sessions.close().await;
        drop(stores);

        let stores = open().await;
        let log = &stores.audit;
        assert_eq!(kept.len(), expected);
        assert_eq!(whole(log).await, kept);
        assert_eq!(verified(log, Some(before.head)).await, before);
        let again = log.summarize(&user("ada"), start()).await;
        assert_eq!(again.expect("the log answers"), summary);
        // What is there already is passed over still.
        let there: Vec<_> = kept.iter().map(|record| record.event.clone()).collect();
        append(log, &there).await;
        assert_eq!(verified(log, None).await, before);
        stores.sessions.close().await;
    }
    let stores = open().await;
    let new = event("ada", AuditAction::Logout, minute(200));
    append(&stores.audit, std::slice::from_ref(&new)).await;
    let records = whole(&stores.audit).await;
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].sequence, &records[0].event), (21, &new));
    assert_eq!(verified(&stores.audit, None).await.records, 1);
    stores.sessions.close().await;
}

/// Accounts, their versions and whose an address is outlast a store that was closed.
///
/// `open` opens the same data each time.
pub async fn accounts_survive_a_restart(open: impl AsyncFn() -> Stores) {
    let stores = open().await;
    let directory = &stores.accounts;
    let mut given = Vec::new();
    for (n, address) in (0..).zip(["ada@example.org", "é@xn--exmple-cua.org", "eve@example.org"]) {
        given.push(added(directory, account(address, minute(n))).await);
    }
    let change = AccountChange {
        password: Some((PasswordHash::new("another"), minute(5))),
        is_disabled: Some(true),
        ..AccountChange::default()
    };
    let outcome = directory.change_account(given[1].id, 1, change).await;
    let outcome = outcome.expect("the directory answers");
    assert!(matches!(outcome, ChangeOutcome::Changed(_)), "{outcome:?}");
    assert!(remove(directory, given[2].id).await);
    let before = listed(directory, 10).await;
    stores.sessions.close().await;
    drop(stores);

    let stores = open().await;
    let directory = &stores.accounts;
    assert_eq!(listed(directory, 10).await, before);
    assert_eq!(before.len(), 2);
    for account in before {
        let found = find_by(directory, &account.email).await;
        assert_eq!(found.as_ref(), Some(&account));
        assert_eq!(find(directory, account.id).await, found);
    }
    assert_eq!(find(directory, given[2].id).await, None);
    assert_eq!(find_by(directory, &email("eve@example.org")).await, None);
    // What the rules need to know came back as well: who has an address, and which version it is.
    let again = account("é@xn--exmple-cua.org", minute(6));
    let again = directory.add_account(again).await;
    assert_eq!(again.expect("it answers"), Addition::EmailTaken);
    added(directory, account("eve@example.org", minute(6))).await;
    for (version, is_outdated) in [(1, true), (2, false)] {
        let change = AccountChange::default();
        let outcome = directory.change_account(given[1].id, version, change).await;
        let outcome = outcome.expect("it answers");
        assert_eq!(outcome == ChangeOutcome::VersionConflict, is_outdated);
    }
    stores.sessions.close().await;
}

/// Closing the sessions closes the other ports of a store as well: each call is an error that says so,
/// and never an empty answer.
pub async fn a_closed_store_answers_on_no_port(stores: Stores) {
    let Stores {
        sessions,
        revocations,
        rates,
        audit,
        accounts,
        grants,
        marks,
    } = stores;
    let token = revocation("a", start());
    let rule = RateRule::new("a", 3, TimeDelta::minutes(1)).expect("a rule");
    let attempt = Attempt::of(&rule, "ada");
    let logout = event("ada", AuditAction::Logout, start());
    let noted = revocations.revoke(std::slice::from_ref(&token)).await;
    noted.expect("an open store answers");
    append(&audit, std::slice::from_ref(&logout)).await;
    let ada_herself = account("ada@example.org", start());
    let id = added(&accounts, ada_herself.clone()).await.id;
    let grant = crate::grants::added(&grants, grant("ada", start())).await;
    sessions.close().await;

    let (now, ada, page) = (start(), user("ada"), PageRequest::default());
    let every = AuditFilter::default();
    let kinds = [
        revocations
            .find_revocation(token.token_hash, now)
            .await
            .map(drop),
        revocations
            .history(None, None, PageRequest::default())
            .await
            .map(drop),
        revocations.forget_revocations(now, 10).await.map(drop),
        revocations.revoke(&[token]).await,
        rates.reset(&[attempt.key]).await,
        rates.forget_counts(now, 10).await.map(drop),
        rates.attempt(&[attempt], now, 0.0).await.map(drop),
        audit.append(&[logout]).await,
        audit
            .page(&every, AuditOrder::NewestFirst, page)
            .await
            .map(drop),
        audit.summarize(&ada, now).await.map(drop),
        audit.count(&ada, AuditAction::Logout, now).await.map(drop),
        audit.verify(None).await.map(drop),
        audit.forget_events(now, 10).await.map(drop),
        accounts.find_account(id).await.map(drop),
        accounts
            .find_account_by_email(&ada_herself.email)
            .await
            .map(drop),
        accounts
            .list_accounts(PageRequest::default())
            .await
            .map(drop),
        accounts
            .change_account(id, 1, AccountChange::default())
            .await
            .map(drop),
        accounts.remove_account(id).await.map(drop),
        accounts.add_account(ada_herself).await.map(drop),
    ]
    .map(|outcome| outcome.expect_err("a closed store fails").kind());
    assert_eq!(kinds, [StoreErrorKind::Unavailable; 19]);
    for outcome in every_call(&grants, &marks, &grant).await {
        let error = outcome.expect_err("a closed store fails");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    }
}
