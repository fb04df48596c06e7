//! Recording what happened.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::AuditLog;
use session_core::{
    AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, MAX_FIELD_BYTES, Page,
    PageRequest, RiskScore, Sequence,
};

use crate::audit_queries::count;
use crate::parallel;
use crate::samples::{event, minute, session, start};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub(crate) async fn append(log: &Arc<dyn AuditLog>, events: &[AuditEvent]) {
    log.append(events).await.expect("the log takes events");
}

/// All pages one after another; each but the last is full, and the last says that it is.
pub(crate) async fn walked(
    log: &Arc<dyn AuditLog>,
    filter: &AuditFilter,
    order: AuditOrder,
    limit: usize,
) -> Vec<AuditRecord> {
    let mut request = PageRequest::new(Some(limit), None).expect("a page request");
    let mut walked = Vec::new();
    loop {
        let page = log.page(filter, order, request).await;
        let Page { items, next } = page.expect("the log answers");
        assert!(items.len() <= limit);
        let last = items.last().map(|last| last.sequence);
        let is_full = items.len() == limit;
        walked.extend(items);
        let Some(next) = next else { return walked };
        assert_eq!((is_full, Some(next.0)), (true, last));
        request = request.following(next);
        assert!(walked.len() < 10_000, "there is an end to it");
    }
}

/// The whole log, oldest record first.
pub(crate) async fn whole(log: &Arc<dyn AuditLog>) -> Vec<AuditRecord> {
    walked(log, &AuditFilter::default(), AuditOrder::OldestFirst, 1000).await
}

pub(crate) fn events(records: &[AuditRecord]) -> Vec<AuditEvent> {
    records.iter().map(|record| record.event.clone()).collect()
}

/// In the order in which they were given, whatever their times and names say; numbered from 1 without
/// gaps.
pub async fn records_stand_in_the_order_given(log: Arc<dyn AuditLog>) {
    append(&log, &[]).await;
    assert_eq!(whole(&log).await, []);
    let mut given: Vec<_> = (0..30)
        .map(|n| event("ada", AuditAction::Logout, minute(n * 7 % 30)))
        .collect();
    given.rotate_left(11);
    given.swap(3, 17);
    for batch in [
        &given[..1],
        &given[1..12],
        &given[12..13],
        &[],
        &given[13..],
    ] {
        append(&log, batch).await;
    }
    let records = whole(&log).await;
    assert_eq!(events(&records), given);
    let places: Vec<_> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(places, (1..=30).collect::<Vec<Sequence>>());
}

/// What is sent again is passed over: the whole batch, a part of it, or twice in one; the first event
/// of an id stands, and what is new is taken.
pub async fn an_event_is_appended_once(log: Arc<dyn AuditLog>) {
    let given: Vec<_> = (0..8)
        .map(|n| event("ada", AuditAction::Logout, minute(n)))
        .collect();
    let changed = AuditEvent {
        details: "changed".into(),
        ..given[1].clone()
    };
    append(&log, &given[..3]).await;
    let batches = [
        (given[..3].to_vec(), 3),
        (vec![changed], 3),
        (given[1..5].to_vec(), 5),
        (
            vec![given[5].clone(), given[0].clone(), given[5].clone()],
            6,
        ),
        (
            vec![given[6].clone(), given[6].clone(), given[7].clone()],
            8,
        ),
        (given.clone(), 8),
    ];
    for (batch, expected) in batches {
        append(&log, &batch).await;
        let records = whole(&log).await;
        assert_eq!(events(&records), given[..expected]);
        assert_eq!(records[expected - 1].sequence, expected as Sequence);
    }
    let verified = log.verify(None).await.expect("the log answers");
    assert_eq!(verified.expect("it is whole").records, 8);
}

/// Of the same batch sent by ten at once one is taken.
pub async fn of_parallel_appends_of_an_event_one_counts(log: Arc<dyn AuditLog>) {
    for round in 1..=20 {
        let given: Vec<_> = (0..5)
            .map(|n| event("ada", AuditAction::Logout, minute(n)))
            .collect();
        parallel::all((0..10).map(|n| {
            let (log, mut given) = (Arc::clone(&log), given.clone());
            async move {
                // Some send a part of it.
                given.truncate(5 - n % 3);
                append(&log, &given).await;
            }
        }))
        .await;
        let records = whole(&log).await;
        assert_eq!(records.len(), round * 5);
        assert_eq!(events(&records[records.len() - 5..]), given);
    }
}

/// Every field comes back as it was given, whatever it holds.
pub async fn what_was_appended_is_found_whole(log: Arc<dyn AuditLog>) {
    let odd = "q\" 'a'\\ \r\n\t\u{0}\u{1b}[31m\u{7f}\u{2028} é e\u{301} \u{1F600} '; --";
    let maximal = AuditEvent::field(&"é".repeat(MAX_FIELD_BYTES));
    assert_eq!(maximal.len(), MAX_FIELD_BYTES);
    let fractions = [92.421_325_128_135_95, 0.1 + 0.2, -0.0, 5e-324, f64::MAX];
    let metadata = json!({"": null, "text": odd, "large": [i64::MIN, u64::MAX],
        "fractions": fractions, "nested": {"list": [true, {}, []]}});
    let mut given = Vec::new();
    for text in [odd, "", " ", "null", "\u{0}", &maximal] {
        let text = || Some(AuditEvent::field(text));
        given.push(AuditEvent {
            details: text().unwrap_or_default(),
            actor: text().unwrap_or_default(),
            session_id: Some(session("ada", start()).id),
            ip_address: Some("2001:db8::1".parse().expect("an address")),
            user_agent: text(),
            fingerprint_id: text(),
            request_id: text(),
            endpoint: text(),
            method: text(),
            success: false,
            error_code: text(),
            error_message: text(),
            metadata: metadata.as_object().expect("an object").clone(),
            suspicious: true,
            risk_score: RiskScore::MAX,
            ..event("ada \u{1F600} '; --", AuditAction::AccessDenied, minute(1))
        });
    }
    for (n, action) in AuditAction::ALL.iter().enumerate() {
        let at = minute(n as i64) + TimeDelta::milliseconds(n as i64);
        given.push(AuditEvent {
            user_id: None,
            risk_score: RiskScore::from_thousandths(n as u16 * 37 + 1),
            suspicious: n % 2 == 0,
            success: n % 3 == 0,
            ..event("nobody", *action, at)
        });
    }
    for address in ["192.0.2.1", "::ffff:192.0.2.1", "::", "fe80::1"] {
        given.push(AuditEvent {
            ip_address: Some(address.parse().expect("an address")),
            ..event(&"é".repeat(127), AuditAction::Logout, start())
        });
    }
    append(&log, &given).await;
    assert_eq!(events(&whole(&log).await), given);
    for given in given {
        let filter = AuditFilter {
            user_id: given.user_id.clone(),
            session_id: given.session_id,
            action: Some(given.action),
            since: Some(given.timestamp),
            until: Some(given.timestamp + MILLISECOND),
        };
        let found = walked(&log, &filter, AuditOrder::NewestFirst, 10).await;
        assert!(events(&found).contains(&given), "{given:?}");
    }
}

/// An append that was answered is seen by every look that comes after, on every thread.
pub async fn what_was_answered_is_seen(log: Arc<dyn AuditLog>) {
    let found = parallel::all((0..100).map(|n| {
        let log = Arc::clone(&log);
        async move {
            let name = format!("user {n}");
            append(&log, &[event(&name, AuditAction::Logout, start())]).await;
            let looks = (0..3).map(|_| {
                let (log, name) = (Arc::clone(&log), name.clone());
                async move { count(&log, &name, AuditAction::Logout, start()).await }
            });
            parallel::all(looks).await
        }
    }))
    .await;
    assert!(found.concat().into_iter().all(|count| count == 1));
}
