//! Every method of every port, one after the other, as a short life would call them.

use chrono::TimeDelta;
use session_core::ports::{
    AccountChange, AuditLog as _, Extension, GrantStore as _, LimitPolicy, OneTimeMarks as _,
    RateLimiter as _, RefreshBegin, RefreshBegun, RevocationList as _, SessionChange, SessionLimit,
    SessionStore as _, StoreError, UserDirectory as _,
};
use session_core::{
    Activity, Attempt, AuditAction, AuditFilter, AuditOrder, Grant, MarkHash, Metadata,
    PageRequest, RateRule,
};
use store_contract::samples::{
    account, attempt, cipher_key, event, grant, minute, provider, revocation, revoked, sealed,
    session, start, user,
};
use store_redis::RedisStore;

use crate::grant_keys::end;

/// Is told of each call by its name, and of what came of it.
pub(crate) type Note<'a> = &'a mut dyn FnMut(&'static str, Result<(), StoreError>);

/// A limit that the third session of a user exceeds.
pub(crate) const TWO: SessionLimit = SessionLimit {
    max: 2,
    policy: LimitPolicy::EvictOldest,
};

pub(crate) async fn whole_life(store: &RedisStore, note: Note<'_>) {
    life_of_sessions(store, note).await;
    life_of_accounts(store, note).await;
    life_of_tokens(store, note).await;
    life_of_grants(store, note).await;
    life_of_the_log(store, note).await;
}

async fn life_of_sessions(store: &RedisStore, note: Note<'_>) {
    let now = minute(1);
    let ada = user("ada");
    let sessions = [0, 1, 2].map(|_| session("ada", start()));
    let [oldest, middle, newest] = sessions.clone().map(|session| session.id);
    for (name, session) in [
        "create the first",
        "create the second",
        "create one that evicts",
    ]
    .into_iter()
    .zip(sessions)
    {
        note(name, store.create(session, TWO).await.map(drop));
    }
    note("check", store.check().await);
    note("find", store.find(oldest).await.map(drop));
    let activities = [middle, newest].map(|id| Activity { id, at: now });
    note("touch", store.touch(&activities).await);
    let extension = Extension {
        by: TimeDelta::minutes(1),
        not_past: minute(100),
    };
    let extended = store.extend(newest, extension, now).await;
    note("extend", extended.map(drop));
    let change = SessionChange {
        metadata: Some(Metadata::default()),
        ..SessionChange::default()
    };
    let updated = store.update(newest, 2, change, now).await;
    note("update", updated.map(drop));
    let suspended = store.suspend(newest, true, now).await;
    note("suspend", suspended.map(drop));
    let listed = store.list(&ada, PageRequest::default(), now).await;
    note("list", listed.map(drop));
    note("stats", store.stats(now).await.map(drop));
    note("end", store.end(middle, revoked(now)).await.map(drop));
    let ended = store.end_user_sessions(&ada, None, revoked(now), 100);
    note("end a user's", ended.await.map(drop));
    let swept = store.sweep(minute(99), minute(99), 100).await;
    note("sweep", swept.map(drop));
}

async fn life_of_accounts(store: &RedisStore, note: Note<'_>) {
    let ada = account("ada@example.org", start());
    note("add", store.add_account(ada.clone()).await.map(drop));
    note(
        "find an account",
        store.find_account(ada.id).await.map(drop),
    );
    let found = store.find_account_by_email(&ada.email).await;
    note("find by address", found.map(drop));
    let change = AccountChange {
        is_disabled: Some(true),
        ..AccountChange::default()
    };
    let changed = store.change_account(ada.id, 1, change).await;
    note("change an account", changed.map(drop));
    let listed = store.list_accounts(PageRequest::default()).await;
    note("list accounts", listed.map(drop));
    let removed = store.remove_account(ada.id).await;
    note("remove an account", removed.map(drop));
}

async fn life_of_tokens(store: &RedisStore, note: Note<'_>) {
    let revocation = revocation("token", start());
    let (token, now) = (revocation.token_hash, minute(1));
    note("revoke", store.revoke(&[revocation]).await);
    let found = store.find_revocation(token, now).await;
    note("find a revocation", found.map(drop));
    let history = store.history(Some(user("ada")), None, PageRequest::default());
    note("history", history.await.map(drop));
    let forgotten = store.forget_revocations(minute(99), 100).await;
    note("forget revocations", forgotten.map(drop));

    let rule = RateRule::new("rule", 3, TimeDelta::minutes(1)).expect("a rule");
    let attempts = ["ada", "::1"].map(|subject| Attempt::of(&rule, subject));
    let admitted = store.attempt(&attempts, now, 0.0).await;
    note("attempt", admitted.map(drop));
    note("reset", store.reset(&attempts.map(|one| one.key)).await);
    let forgotten = store.forget_counts(minute(99), 100).await;
    note("forget counts", forgotten.map(drop));

    let mark = MarkHash::of("kind", "scope", "name");
    let marked = store.mark_used(mark, minute(2), now).await;
    note("mark", marked.map(drop));
    let forgotten = store.forget_marks(minute(99), 100).await;
    note("forget marks", forgotten.map(drop));
}

async fn life_of_grants(store: &RedisStore, note: Note<'_>) {
    let given = Grant {
        provider_session: Some("presence".into()),
        ..grant("ada", start())
    };
    let (id, record) = (given.session_id, attempt(&given, minute(1)));
    let added = store.add_grant(given.clone()).await;
    note("add a grant", added);
    note("find a grant", store.find_grant(id).await.map(drop));
    note("find grants", store.find_grants(&[id]).await.map(drop));
    let begin = RefreshBegin {
        expected_version: 1,
        until: minute(2),
        record: record.clone(),
    };
    let begun = store.begin_refresh(begin).await;
    let held = match &begun {
        Ok(RefreshBegun::Begun(held)) => Grant::clone(held),
        _ => given.clone(),
    };
    note("begin a refresh", begun.map(drop));
    let kept = store.keep_lease(id, 2, minute(3)).await;
    note("keep a lease", kept.map(drop));
    let finished = store.finish_refresh(end(&held, &record)).await;
    note("finish a refresh", finished.map(drop));
    let claimed = store.claim_due(minute(60), minute(70), 10).await;
    note("claim", claimed.map(drop));
    note("postpone", store.postpone(id, 3, minute(80)).await);
    let corp = provider("corp");
    let there = store.sessions_at_provider(&corp, "presence").await;
    note("sessions at a provider", there.map(drop));
    let resealed = store.reseal(id, 3, sealed("k2")).await;
    note("reseal", resealed.map(drop));
    let (key, page) = (cipher_key("k1"), PageRequest::default());
    let otherwise = store.sealed_otherwise(&key, page).await;
    note("sealed otherwise", otherwise.map(drop));
    note("count by key", store.count_by_key().await.map(drop));
    let refreshes = store.refreshes(id, PageRequest::default()).await;
    note("refreshes", refreshes.map(drop));
    let forgotten = store.forget_refreshes(minute(99), 100).await;
    note("forget refreshes", forgotten.map(drop));
    let removed = store.remove_grant(id).await;
    note("remove a grant", removed.map(drop));
}

async fn life_of_the_log(store: &RedisStore, note: Note<'_>) {
    let events = [0, 1].map(|n| event("ada", AuditAction::LoginFailure, minute(n)));
    note("append", store.append(&events).await);
    let (filter, page) = (AuditFilter::of_user(user("ada")), PageRequest::default());
    let listed = store.page(&filter, AuditOrder::NewestFirst, page).await;
    note("a page of the log", listed.map(drop));
    let summary = store.summarize(&user("ada"), start()).await;
    note("summarize", summary.map(drop));
    let (ada, failure) = (user("ada"), AuditAction::LoginFailure);
    let counted = store.count(&ada, failure, start()).await;
    note("count", counted.map(drop));
    note("verify", store.verify(None).await.map(drop));
    let forgotten = store.forget_events(minute(99), 100).await;
    note("forget events", forgotten.map(drop));
}
