//! What can be asked of the audit log, past what one look or step takes.

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::AuditLog as _;
use session_core::{AuditAction, AuditEvent, AuditFilter, AuditOrder, Cursor, PageRequest};

use crate::audit::{append, at, event, session, user, walked};
use crate::raw::Raw;

/// Longer than what one look takes: by user, by session, by kind, by time, and everything.
#[tokio::test]
async fn a_filter_reaches_past_many_looks() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let rare = |n: u64| n % 700 == 3;
    let given: Vec<_> = (0..2000_u64)
        .map(|n| AuditEvent {
            action: if rare(n) {
                AuditAction::Logout
            } else {
                AuditAction::LoginFailure
            },
            // Not what happened: who only looks at the text is taken in.
            metadata: (n % 50 == 0)
                .then(|| ("action".to_owned(), "logout".into()))
                .into_iter()
                .collect(),
            session_id: Some(session(u8::from(n % 2 == 0))),
            timestamp: at(0) + TimeDelta::milliseconds(n as i64),
            ..event(n)
        })
        .collect();
    for some in given.chunks(256) {
        append(&store, some).await;
    }
    let of = |user_id: Option<&str>, session_id, action, since: Option<i64>, until: Option<i64>| {
        let time = |millis: i64| at(0) + TimeDelta::milliseconds(millis);
        AuditFilter {
            user_id: user_id.map(user),
            session_id,
            action,
            since: since.map(time),
            until: until.map(time),
        }
    };
    let logout = Some(AuditAction::Logout);
    let filters = [
        of(None, None, None, None, None),
        of(None, None, logout, None, None),
        of(Some("ada"), None, logout, None, None),
        of(Some("ada"), Some(session(1)), logout, None, None),
        of(None, Some(session(0)), None, None, None),
        of(None, None, None, Some(1990), None),
        of(None, None, None, None, Some(5)),
        of(Some("ada"), None, None, Some(1200), Some(1210)),
        of(Some("eve"), Some(session(1)), None, None, None),
    ];
    for filter in filters {
        let mut expected: Vec<_> = given.iter().filter(|event| filter.admits(event)).collect();
        for order in [AuditOrder::OldestFirst, AuditOrder::NewestFirst] {
            for limit in [2, 127, 1000] {
                if limit == 2 && expected.len() > 10 {
                    continue;
                }
                let found = walked(&store, &filter, order, limit).await;
                let found: Vec<_> = found.iter().map(|record| &record.event).collect();
                assert!(found == expected, "{filter:?} {order:?} {limit}");
            }
            expected.reverse();
        }
    }
}

/// Between two milliseconds: what was a little earlier is not asked for.
#[tokio::test]
async fn times_are_compared_to_the_last_digit() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let given = AuditEvent {
        timestamp: at(0) + TimeDelta::nanoseconds(1_999_999),
        ..event(0)
    };
    append(&store, &[given]).await;
    // It is written with milliseconds.
    let told = at(0) + TimeDelta::milliseconds(1);
    let nanosecond = TimeDelta::nanoseconds(1);
    for (since, expected) in [(told - nanosecond, 1), (told, 1), (told + nanosecond, 0)] {
        let action = AuditAction::LoginFailure;
        let count = store.count(&user("ada"), action, since).await;
        let summary = store.summarize(&user("ada"), since).await;
        let filter = AuditFilter {
            since: Some(since),
            ..AuditFilter::default()
        };
        let found = walked(&store, &filter, AuditOrder::OldestFirst, 10).await;
        let total = summary.expect("it answers").total_events;
        assert_eq!(
            (count.expect("it answers"), total, found.len()),
            (expected, expected, expected as usize)
        );
        let filter = AuditFilter {
            until: Some(since),
            ..AuditFilter::default()
        };
        let found = walked(&store, &filter, AuditOrder::OldestFirst, 10).await;
        assert_eq!(found.len(), 1 - expected as usize, "before {since}");
    }
}

/// Times that are written longer than those of our days, and sort otherwise as texts.
#[tokio::test]
async fn far_times_are_asked_for_too() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    append(&store, &[event(0)]).await;
    let later = AuditEvent {
        timestamp: DateTime::from_timestamp(300_000_000_000, 0).expect("a time"),
        ..event(1)
    };
    append(&store, &[later]).await;
    let far = DateTime::from_timestamp(400_000_000_000, 0).expect("a time");
    let long_ago = DateTime::from_timestamp(-100_000_000_000, 0).expect("a time");
    let cases = [
        (Some(far), None, 0),
        (None, Some(far), 2),
        (Some(at(0)), None, 2),
        (None, Some(at(1)), 1),
        (Some(long_ago), None, 2),
        (None, Some(long_ago), 0),
        (
            Some(DateTime::<Utc>::MIN_UTC),
            Some(DateTime::<Utc>::MAX_UTC),
            2,
        ),
        (Some(DateTime::<Utc>::MAX_UTC), None, 0),
    ];
    for (since, until, expected) in cases {
        let filter = AuditFilter {
            since,
            until,
            ..AuditFilter::default()
        };
        let found = walked(&store, &filter, AuditOrder::OldestFirst, 10).await;
        assert_eq!(found.len(), expected, "{since:?} {until:?}");
        let Some(since) = since.filter(|_| until.is_none()) else {
            continue;
        };
        let action = AuditAction::LoginFailure;
        let count = store.count(&user("ada"), action, since).await;
        assert_eq!(count.expect("it answers"), expected as u64, "{since}");
    }
}

/// More than one step counts, at times of which many have the same one, also just where a step ends.
#[tokio::test]
async fn counts_reach_past_many_steps() {
    let spread = |over: i64| move |n: i64| n % over;
    let from_on = |many: i64| move |n: i64| i64::from(n >= many);
    let shapes: [&dyn Fn(i64) -> i64; 6] = [
        &spread(1),
        &spread(3),
        &spread(2000),
        &spread(3000),
        &from_on(1024),
        &from_on(128),
    ];
    for (shape, time_of) in shapes.into_iter().enumerate() {
        let raw = Raw::new().await;
        let store = raw.store().await;
        let given: Vec<_> = (0..3000)
            .map(|n| AuditEvent {
                timestamp: at(0) + TimeDelta::milliseconds(time_of(n)),
                action: if n % 3 == 0 {
                    AuditAction::LoginSuccess
                } else {
                    AuditAction::LoginFailure
                },
                ..event(n.unsigned_abs())
            })
            .collect();
        for some in given.chunks(500) {
            append(&store, some).await;
        }
        for since in [0, 1, 1999] {
            let since = at(0) + TimeDelta::milliseconds(since);
            let meant = given.iter().filter(|event| event.timestamp >= since);
            let (total, won) = meant.fold((0, 0), |(total, won), event| {
                let is_won = event.action == AuditAction::LoginSuccess;
                (total + 1, won + u64::from(is_won))
            });
            let action = AuditAction::LoginSuccess;
            let count = store.count(&user("ada"), action, since).await;
            assert_eq!(count.expect("it answers"), won, "shape {shape}");
            let summary = store.summarize(&user("ada"), since).await;
            let summary = summary.expect("it answers");
            assert_eq!(
                (summary.total_events, summary.successful_logins),
                (total, won),
                "shape {shape}"
            );
        }
    }
}

/// A place that no log has leads nowhere, and to no fault.
#[tokio::test]
async fn a_page_may_begin_anywhere() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    append(&store, &[event(1), event(2), event(3)]).await;
    for filter in [AuditFilter::default(), AuditFilter::of_user(user("ada"))] {
        let far = [1 << 53, i64::MAX as u64, u64::MAX];
        let cases = [(0, 3, 0), (1, 2, 0), (3, 0, 2), (4, 0, 3)];
        for (after, newer, older) in far.map(|after| (after, 0, 3)).into_iter().chain(cases) {
            let request = PageRequest::new(None, Some(Cursor(after))).expect("a page request");
            for (order, expected) in [
                (AuditOrder::OldestFirst, newer),
                (AuditOrder::NewestFirst, older),
            ] {
                let page = store.page(&filter, order, request).await;
                let found = page.expect("it lists").items.len();
                assert_eq!(found, expected, "{order:?} after {after}");
            }
        }
    }
}
