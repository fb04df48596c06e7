//! The audit log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use serde_json::json;
use session_core::ports::AuditLog;
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary, ChainHash,
    Cursor, EventId, Fault, PageRequest, RiskScore, Sequence, SessionId, Verified,
};

use crate::parallel;
use crate::samples::{minute, user};

/// An event of an id that no other has, about Ada.
fn event(action: AuditAction, at: DateTime<Utc>) -> AuditEvent {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&count.to_be_bytes());
    AuditEvent {
        user_id: Some(user("ada")),
        ..AuditEvent::new(EventId::at(at, tail), at, action)
    }
}

/// Events of a minute each, from the first on.
pub(crate) fn events(count: i64) -> Vec<AuditEvent> {
    (0..count)
        .map(|n| event(AuditAction::SessionCreated, minute(n)))
        .collect()
}

async fn append(log: &Arc<dyn AuditLog>, events: &[AuditEvent]) {
    log.append(events).await.expect("the log takes events");
}

async fn page(
    log: &Arc<dyn AuditLog>,
    filter: &AuditFilter,
    order: AuditOrder,
) -> Vec<AuditRecord> {
    let page = log.page(filter, order, PageRequest::default()).await;
    page.expect("the log answers").items
}

async fn all(log: &Arc<dyn AuditLog>) -> Vec<AuditRecord> {
    page(log, &AuditFilter::default(), AuditOrder::OldestFirst).await
}

async fn verified(log: &Arc<dyn AuditLog>) -> Verified {
    let verdict = log.verify(None).await.expect("the log answers");
    verdict.expect("the chain is whole")
}

/// In the order of appending, without gaps, each hash following from the one before.
pub async fn records_are_chained_in_order(log: Arc<dyn AuditLog>) {
    assert_eq!(verified(&log).await.head, Anchor::START, "empty");
    let told = events(30);
    append(&log, &told[..10]).await;
    append(&log, &[]).await;
    append(&log, &told[10..]).await;
    let records = all(&log).await;
    let mut anchor = Anchor::START;
    for (record, event) in records.iter().zip(&told) {
        anchor = anchor.next(&event.to_line());
        assert_eq!(&record.event, event);
        let (sequence, hash) = (record.sequence, record.hash);
        assert_eq!(Anchor { sequence, hash }, anchor);
    }
    let expected = Verified {
        records: 30,
        base: Anchor::START,
        head: anchor,
    };
    assert_eq!(verified(&log).await, expected);
}

/// Every field comes back, whatever stands in it.
pub async fn an_event_is_found_whole(log: Arc<dyn AuditLog>) {
    let nasty: Box<str> = "a\r\n\u{1b}[31m\"q\"\\ \u{2028}\u{0}\u{1F600}'; --".into();
    let mut told = Vec::new();
    for action in AuditAction::ALL {
        told.push(AuditEvent {
            details: nasty.clone(),
            actor: nasty.clone(),
            session_id: Some(SessionId::at(minute(0), [3; 10])),
            user_id: Some(user("\"ada\" {$.id} '; --")),
            ip_address: Some([192, 0, 2, 7].into()),
            user_agent: Some(nasty.clone()),
            fingerprint_id: Some(nasty.clone()),
            request_id: Some(nasty.clone()),
            endpoint: Some("/sessions/{session_id}".into()),
            method: Some("DELETE".into()),
            success: false,
            error_code: Some("a_code".into()),
            error_message: Some(nasty.clone()),
            metadata: json!({"a": [1, 2.5, null, {"b": "\n"}]})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            suspicious: true,
            risk_score: RiskScore::from_thousandths(701),
            ..event(*action, minute(0))
        });
    }
    told.push(AuditEvent {
        user_id: None,
        ..event(AuditAction::ConfigChanged, minute(0))
    });
    append(&log, &told).await;
    let records = all(&log).await;
    let found: Vec<_> = records.into_iter().map(|record| record.event).collect();
    assert_eq!(found, told);
    let filter = AuditFilter::of_user(user("\"ada\" {$.id} '; --"));
    let found = page(&log, &filter, AuditOrder::OldestFirst).await;
    assert_eq!(found.len(), AuditAction::ALL.len());
}

/// What was sent twice, since nobody knew whether it had arrived, is in the log once.
pub async fn an_event_is_recorded_once(log: Arc<dyn AuditLog>) {
    let told = events(6);
    append(&log, &told[..4]).await;
    append(&log, &told[2..]).await;
    let twice = [told[5].clone(), told[5].clone()];
    append(&log, &twice).await;
    let new = event(AuditAction::Logout, minute(9));
    append(&log, &[new.clone(), told[0].clone(), new.clone()]).await;
    let found = all(&log).await;
    let found: Vec<_> = found.into_iter().map(|record| record.event.id).collect();
    let expected: Vec<_> = told.iter().chain([&new]).map(|event| event.id).collect();
    assert_eq!(found, expected);
    assert_eq!(verified(&log).await.records, 7);
}

/// Parallel appends: each keeps its own order, none is lost, and the chain is whole.
pub async fn parallel_appends_make_one_chain(log: Arc<dyn AuditLog>) {
    let batches: Vec<_> = (0..20).map(|_| events(10)).collect();
    parallel::all(batches.clone().into_iter().map(|batch| {
        let log = Arc::clone(&log);
        async move { append(&log, &batch).await }
    }))
    .await;
    assert_eq!(verified(&log).await.records, 200);
    let filter = AuditFilter::default();
    let request = PageRequest::new(Some(1000), None).expect("a page");
    let records = log.page(&filter, AuditOrder::OldestFirst, request).await;
    let records = records.expect("the log answers").items;
    let sequences: Vec<_> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=200).collect::<Vec<Sequence>>());
    for batch in batches {
        let place = |event: &AuditEvent| records.iter().position(|r| r.event.id == event.id);
        assert!(
            batch
                .iter()
                .map(place)
                .is_sorted_by(|a, b| a.is_some() && a < b)
        );
    }
}

/// Filters find what they ask for, in both orders, and pages hold each record once.
pub async fn filters_and_pages_find_each_once(log: Arc<dyn AuditLog>) {
    let (one, two) = (
        SessionId::at(minute(0), [1; 10]),
        SessionId::at(minute(0), [2; 10]),
    );
    let mut told = Vec::new();
    for n in 0..60 {
        let action = [AuditAction::SessionCreated, AuditAction::LoginFailure][n as usize % 2];
        told.push(AuditEvent {
            user_id: [Some(user("ada")), Some(user("grace")), None][n as usize % 3].clone(),
            session_id: [Some(one), None, Some(two), None][n as usize % 4],
            ..event(action, minute(n))
        });
    }
    append(&log, &told).await;
    let users = [None, Some(user("ada")), Some(user("nobody"))];
    for user_id in users {
        for session_id in [None, Some(one)] {
            for action in [None, Some(AuditAction::LoginFailure)] {
                for (since, until) in [(None, None), (Some(10), Some(40)), (Some(59), None)] {
                    let filter = AuditFilter {
                        user_id: user_id.clone(),
                        session_id,
                        action,
                        since: since.map(minute),
                        until: until.map(minute),
                    };
                    follows(&log, &told, &filter).await;
                }
            }
        }
    }
}

/// Follows all pages in both orders.
async fn follows(log: &Arc<dyn AuditLog>, told: &[AuditEvent], filter: &AuditFilter) {
    for order in [AuditOrder::OldestFirst, AuditOrder::NewestFirst] {
        let mut expected: Vec<_> = told.iter().filter(|e| filter.admits(e)).collect();
        if order == AuditOrder::NewestFirst {
            expected.reverse();
        }
        let mut found = Vec::new();
        let mut after: Option<Cursor<Sequence>> = None;
        loop {
            let request = PageRequest::new(Some(7), after).expect("a page");
            let page = log.page(filter, order, request).await;
            let page = page.expect("the log answers");
            assert!(page.items.len() <= 7);
            found.extend(page.items.into_iter().map(|record| record.event));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

/// Counts are those of the events themselves.
pub async fn counts_are_those_of_the_events(log: Arc<dyn AuditLog>) {
    let mut told = Vec::new();
    for (n, action) in (0..).zip(AuditAction::ALL.iter().cycle().take(100)) {
        let score = u16::try_from(n * 7).expect("it fits");
        told.push(AuditEvent {
            ip_address: (n % 5 > 0).then(|| [192, 0, 2, n as u8 % 5].into()),
            suspicious: n % 3 == 0,
            risk_score: RiskScore::from_thousandths(score),
            user_id: Some(user(if n % 7 == 0 { "grace" } else { "ada" })),
            ..event(*action, minute(n))
        });
    }
    append(&log, &told).await;
    for name in ["ada", "grace", "nobody"] {
        for since in [0, 50, 99, 100] {
            let filter = AuditFilter {
                since: Some(minute(since)),
                ..AuditFilter::of_user(user(name))
            };
            let asked: Vec<_> = told.iter().filter(|event| filter.admits(event)).collect();
            let expected = AuditSummary::of(asked.iter().copied());
            let summary = log.summarize(&user(name), minute(since)).await;
            let summary = summary.expect("the log answers");
            let mean = summary.average_risk_score - expected.average_risk_score;
            assert!(mean.abs() < 1e-9, "{name} {since}");
            let rounded = AuditSummary {
                average_risk_score: expected.average_risk_score,
                ..summary
            };
            assert_eq!(rounded, expected, "{name} {since}");
            let action = AuditAction::LoginFailure;
            let count = log.count(&user(name), action, minute(since)).await;
            assert_eq!(count.expect("the log answers"), expected.failed_logins);
        }
    }
}

/// From the oldest on, a batch at a time, up to the first that is not old enough; the rest verifies.
pub async fn the_oldest_are_forgotten_and_the_rest_verifies(log: Arc<dyn AuditLog>) {
    let mut told = events(40);
    // Out of order by its clock: nothing behind it may go before it.
    told[30].timestamp = minute(1000);
    append(&log, &told).await;
    let before = verified(&log).await;
    let none = log.forget_events(minute(0), 10).await.expect("it forgets");
    assert_eq!((none.count, none.more), (0, false));
    let mut counts = Vec::new();
    loop {
        let step = log.forget_events(minute(25), 10).await.expect("it forgets");
        counts.push(step.count);
        let now = verified(&log).await;
        assert_eq!(now.head, before.head);
        assert_eq!(now.records, 40 - counts.iter().sum::<u64>());
        if !step.more {
            break;
        }
    }
    assert_eq!(counts, [10, 10, 5]);
    let step = log
        .forget_events(minute(500), 100)
        .await
        .expect("it forgets");
    assert_eq!(
        (step.count, step.more),
        (5, false),
        "up to the one of a later time"
    );
    let records = all(&log).await;
    assert_eq!(records[0].sequence, 31);
    assert_eq!(verified(&log).await.base.sequence, 30);
    append(&log, &events(1)).await;
    assert_eq!(verified(&log).await.head.sequence, 41);
    // What was forgotten leaves no trace: not even its name is taken.
    append(&log, &told[..1]).await;
    assert_eq!(verified(&log).await.head.sequence, 42);
    // All of them, and it goes on from there.
    while log
        .forget_events(minute(5000), 4)
        .await
        .expect("it forgets")
        .more
    {}
    let empty = verified(&log).await;
    assert_eq!((empty.records, empty.head), (0, empty.base));
    append(&log, &events(1)).await;
    assert_eq!(verified(&log).await.head.sequence, 43);
}

/// A head that was noted before tells a log that was rewritten.
pub async fn a_noted_head_is_asked_for(log: Arc<dyn AuditLog>) {
    append(&log, &events(5)).await;
    let noted = verified(&log).await.head;
    append(&log, &events(5)).await;
    let verdict = log.verify(Some(noted)).await.expect("the log answers");
    assert_eq!(verdict.expect("it is the same log").records, 10);
    let other = Anchor {
        hash: ChainHash::from_bytes([1; 32]),
        ..noted
    };
    let verdict = log.verify(Some(other)).await.expect("the log answers");
    let broken = verdict.expect_err("it is another log");
    assert_eq!((broken.sequence, broken.fault), (5, Fault::Rewritten));
    let beyond = Anchor {
        sequence: 11,
        ..noted
    };
    let verdict = log.verify(Some(beyond)).await.expect("the log answers");
    assert_eq!(verdict.expect_err("it was longer").fault, Fault::Missing);
}
