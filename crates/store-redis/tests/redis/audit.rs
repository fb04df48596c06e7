//! The audit log as it is written down.

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{AuditLog as _, StoreErrorKind};
use session_core::{
    AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, EventId, Fault, PageRequest,
    SessionId, UserId,
};
use store_redis::RedisStore;

use crate::raw::Raw;

pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time");
    start + TimeDelta::minutes(minutes)
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).expect("a user")
}

/// The event of this number, of that minute; about Ada.
pub(crate) fn event(n: u64) -> AuditEvent {
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&n.to_be_bytes());
    let at = at(i64::try_from(n).expect("small"));
    AuditEvent {
        user_id: Some(user("ada")),
        details: format!("event {n} \u{fffd}").into(),
        ..AuditEvent::new(EventId::at(at, tail), at, AuditAction::LoginFailure)
    }
}

pub(crate) fn session(n: u8) -> SessionId {
    SessionId::at(at(0), [n; 10])
}

pub(crate) async fn append(store: &RedisStore, events: &[AuditEvent]) {
    store.append(events).await.expect("it takes events");
}

/// All records that a filter admits.
pub(crate) async fn walked(
    store: &RedisStore,
    filter: &AuditFilter,
    order: AuditOrder,
    limit: usize,
) -> Vec<AuditRecord> {
    let mut request = PageRequest::new(Some(limit), None).expect("a page request");
    let mut walked = Vec::new();
    loop {
        let page = store.page(filter, order, request).await.expect("it lists");
        walked.extend(page.items);
        let Some(next) = page.next else { return walked };
        request = request.following(next);
    }
}

async fn all(store: &RedisStore) -> Vec<AuditRecord> {
    let filter = AuditFilter::default();
    walked(store, &filter, AuditOrder::OldestFirst, 1000).await
}

/// A log that is all forgotten leaves its two ends, and nothing else, whoever the events were about.
#[tokio::test]
async fn forgetting_leaves_no_key_but_the_ends() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let names = ["ada", "a b", "'\"\\", "é\u{1F600}", "\u{ff}\u{fe}", "*?[x]"];
    let mut given = Vec::new();
    for (n, name) in (0..).zip(names) {
        given.push(AuditEvent {
            user_id: Some(user(name)),
            session_id: Some(session(n as u8)),
            // A script must not take its digits for a number.
            timestamp: at(0) + TimeDelta::milliseconds(n),
            ..event(n.unsigned_abs())
        });
    }
    given.push(AuditEvent {
        user_id: None,
        ..event(10)
    });
    given.push(AuditEvent {
        user_id: None,
        session_id: Some(session(0)),
        ..event(11)
    });
    append(&store, &given).await;
    let kept = raw.names().await;
    assert_eq!(kept.len(), 3 + 2 * 6 + 6);
    for key in &kept {
        let left: i64 = raw.ask(&raw.about("PTTL", key)).await;
        assert_eq!(left, -1, "the chain ends with none of its parts");
    }
    let forgotten = store.forget_events(at(100), 100).await.expect("it forgets");
    assert_eq!((forgotten.count, forgotten.more), (8, false));
    assert_eq!(raw.names().await, [&b"audit"[..], b"audit:ends"]);
    let left: u64 = raw.ask(&raw.about("XLEN", b"audit")).await;
    assert_eq!(left, 0);
    // Its name is free again.
    append(&store, &given[..1]).await;
    assert_eq!(all(&store).await[0].sequence, 9);
}

/// At most 128 at a time, however many are asked for; none if none is asked for.
#[tokio::test]
async fn forgetting_is_bounded() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    append(&store, &(1..=300).map(event).collect::<Vec<_>>()).await;
    let none = store.forget_events(at(1000), 0).await.expect("it forgets");
    assert_eq!((none.count, none.more), (0, true));
    for (expected, more) in [(128, true), (128, true), (44, false), (0, false)] {
        let forgotten = store.forget_events(at(1000), 10_000).await;
        let forgotten = forgotten.expect("it forgets");
        assert_eq!((forgotten.count, forgotten.more), (expected, more));
    }
}

/// What a step costs: one request, unless there is much to look through.
#[tokio::test]
async fn steps_are_few_requests() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    // Scripts are brought along once, by whoever comes first.
    append(&store, &[event(1)]).await;
    store.forget_events(at(2), 1).await.expect("it forgets");
    let filter = AuditFilter::of_user(user("ada"));
    walked(&store, &filter, AuditOrder::OldestFirst, 1).await;
    store
        .verify(None)
        .await
        .expect("it answers")
        .expect("whole");
    store
        .summarize(&user("ada"), at(0))
        .await
        .expect("it answers");
    let action = AuditAction::LoginFailure;
    store
        .count(&user("ada"), action, at(0))
        .await
        .expect("it answers");

    let given: Vec<_> = (10..266).map(event).collect();
    assert_eq!(raw.requests(append(&store, &given)).await, 1);
    let count = async {
        let count = store.count(&user("ada"), action, at(0)).await;
        assert_eq!(count.expect("it answers"), 256);
    };
    assert_eq!(raw.requests(count).await, 1);
    let summarize = async {
        let summary = store.summarize(&user("ada"), at(200)).await;
        assert_eq!(summary.expect("it answers").total_events, 66);
    };
    assert_eq!(raw.requests(summarize).await, 1);
    for filter in [filter, AuditFilter::default()] {
        let page = async {
            let page = store
                .page(&filter, AuditOrder::NewestFirst, PageRequest::default())
                .await;
            assert_eq!(page.expect("it answers").items.len(), 100);
        };
        assert_eq!(raw.requests(page).await, 1);
    }
    let verify = async {
        let verified = store.verify(None).await.expect("it answers");
        assert_eq!(verified.expect("it is whole").records, 256);
    };
    assert_eq!(raw.requests(verify).await, 2);
    let forget = async {
        let forgotten = store.forget_events(at(1000), 100).await;
        assert_eq!(forgotten.expect("it forgets").count, 100);
    };
    assert_eq!(raw.requests(forget).await, 2);
}

/// What a newer version wrote is told, not passed over, and not taken for a tampering.
#[tokio::test]
async fn a_record_of_an_unknown_form_is_told() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    append(&store, &[event(1), event(2)]).await;
    let mut add = raw.about("XADD", b"audit");
    let _: String = raw.ask(add.arg("3-0").arg("2").arg("anything")).await;
    let page = store
        .page(
            &AuditFilter::default(),
            AuditOrder::OldestFirst,
            PageRequest::default(),
        )
        .await;
    assert_eq!(page.expect_err("unknown").kind(), StoreErrorKind::Corrupt);
    let verdict = store.verify(None).await;
    assert_eq!(
        verdict.expect_err("unknown").kind(),
        StoreErrorKind::Corrupt
    );
    // What is before it can be forgotten, and it cannot.
    let forgotten = store.forget_events(at(100), 100).await;
    assert_eq!(forgotten.expect("it forgets").count, 2);
    let forgotten = store.forget_events(at(100), 100).await;
    assert_eq!(
        forgotten.expect_err("unknown").kind(),
        StoreErrorKind::Corrupt
    );
    let left: u64 = raw.ask(&raw.about("XLEN", b"audit")).await;
    assert_eq!(left, 1);
}

/// The ends of the chain as no version wrote them: nothing is appended, checked or forgotten on such
/// ground.
#[tokio::test]
async fn ends_that_cannot_be_read_are_told() {
    let mut far = [0; 41];
    far[0] = b'1';
    far[1..9].copy_from_slice(&(1_u64 << 53).to_be_bytes());
    let mut last = far;
    last[1..9].fill(0xff);
    // As ours but for its form.
    let mut newer = [0; 41];
    (newer[0], newer[8]) = (b'2', 1);
    let anchors: [&[u8]; 6] = [b"", b"1", &far[..40], &far, &last, &newer];
    for end in ["base", "head"] {
        for anchor in anchors {
            let raw = Raw::new().await;
            let store = raw.store().await;
            append(&store, &[event(1)]).await;
            let mut set = raw.about("HSET", b"audit:ends");
            let _: i64 = raw.ask(set.arg(end).arg(anchor)).await;
            let verdict = store.verify(None).await.expect_err("no end");
            assert_eq!(verdict.kind(), StoreErrorKind::Corrupt, "{end}");
            let forgotten = store.forget_events(at(100), 100).await;
            let error = forgotten.expect_err("no end");
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{end}");
            if end == "head" {
                let error = store.append(&[event(2)]).await.expect_err("no end");
                assert_eq!(error.kind(), StoreErrorKind::Corrupt);
            }
            assert_eq!(all(&store).await.len(), 1, "what can be read is shown");
        }
    }
}

/// A record that is damaged is told when it is asked for, and is found by the check.
#[tokio::test]
async fn a_damaged_record_is_told() {
    let damaged: [&[u8]; 4] = [b"", &[0; 31], &[0; 32], &[0xff; 60]];
    for value in damaged {
        let raw = Raw::new().await;
        let store = raw.store().await;
        let mut add = raw.about("XADD", b"audit");
        let _: String = raw.ask(add.arg("1-0").arg("1").arg(value)).await;
        let mut head = [1; 41];
        head[0] = b'1';
        head[1..9].copy_from_slice(&1_u64.to_be_bytes());
        let mut set = raw.about("HSET", b"audit:ends");
        let _: i64 = raw.ask(set.arg("head").arg(&head[..])).await;
        let filter = AuditFilter::default();
        let page = store
            .page(&filter, AuditOrder::OldestFirst, PageRequest::default())
            .await;
        assert_eq!(page.expect_err("damaged").kind(), StoreErrorKind::Corrupt);
        let broken = store.verify(None).await.expect("it can be read");
        let broken = broken.expect_err("damaged");
        assert_eq!((broken.sequence, broken.fault), (1, Fault::Hash));
        let forgotten = store.forget_events(at(100), 10).await;
        assert_eq!(forgotten.expect("it stays").count, 0);
    }
}

/// A record of a kind that only a newer version knows has had its time like any other.
#[tokio::test]
async fn a_kind_of_event_that_is_not_known_is_checked_and_forgotten() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    append(&store, &[event(1)]).await;
    let head = store
        .verify(None)
        .await
        .expect("it answers")
        .expect("whole")
        .head;
    let line = event(2).to_line().replace("login_failure", "tea_served");
    let next = head.next(line.as_bytes());
    let value = [next.hash.as_bytes(), line.as_bytes()].concat();
    let mut add = raw.about("XADD", b"audit");
    let _: String = raw.ask(add.arg("2-0").arg("1").arg(value)).await;
    let head = [b"1\0\0\0\0\0\0\0\x02", &next.hash.as_bytes()[..]].concat();
    let mut set = raw.about("HSET", b"audit:ends");
    let _: i64 = raw.ask(set.arg("head").arg(head)).await;
    for (key, score, member) in [("audit:u:ada", 2, "2"), ("audit:t:ada", 2, "2 tea_served")] {
        let mut add = raw.about("ZADD", key.as_bytes());
        let _: i64 = raw.ask(add.arg(score).arg(member)).await;
    }
    let mut add = raw.about("SADD", b"audit:ids");
    let _: i64 = raw.ask(add.arg(event(2).id.as_bytes())).await;
    let verified = store.verify(None).await.expect("it answers");
    assert_eq!(verified.expect("it is whole").records, 2);
    let forgotten = store.forget_events(at(100), 10).await;
    assert_eq!(forgotten.expect("it forgets").count, 2);
    assert_eq!(raw.names().await, [&b"audit"[..], b"audit:ends"]);
}
