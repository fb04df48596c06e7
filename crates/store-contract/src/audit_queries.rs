//! What can be asked of the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::AuditLog;
use session_core::{
    AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditSummary, Cursor, EventId, Page,
    PageRequest, RiskScore, Sequence,
};

use crate::audit::{append, events, walked, whole};
use crate::restart::Stores;
use crate::samples::{event, minute, names_that_differ, session, start, stored, user};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

/// Numbers that look random and are the same in every run; enough for samples.
fn number(n: u64, salt: u64, below: u64) -> u64 {
    let mixed = (n * 31 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) % below
}

/// Events of a few users, sessions, kinds and addresses in all mixtures, not in the order of time.
fn mixture(count: u64) -> Vec<AuditEvent> {
    let sessions = [
        None,
        Some(session("ada", start()).id),
        Some(session("ada", start()).id),
    ];
    let actions = [
        AuditAction::LoginSuccess,
        AuditAction::LoginFailure,
        AuditAction::Logout,
        AuditAction::SuspiciousActivity,
    ];
    let one = |n| {
        let names = ["ada", "eve", "bob"];
        let name = names[number(n, 1, 3) as usize];
        let action = actions[number(n, 2, 4) as usize];
        let address = format!("192.0.2.{}", number(n, 3, 7));
        let mut event = event(name, action, minute(number(n, 4, 60) as i64));
        event.user_id = event.user_id.filter(|_| number(n, 5, 5) > 0);
        event.session_id = sessions[number(n, 6, 3) as usize];
        event.ip_address = address.parse().ok().filter(|_| number(n, 7, 4) > 0);
        event.suspicious = number(n, 8, 3) == 0;
        event.success = number(n, 9, 2) == 0;
        event.risk_score = RiskScore::from_thousandths(number(n, 10, 1001) as u16);
        event
    };
    (0..count).map(one).collect()
}

/// By user, session, kind and time, in any combination, in both orders, in pages of any size.
pub async fn a_filter_admits_what_it_says(log: Arc<dyn AuditLog>) {
    let given = mixture(120);
    append(&log, &given).await;
    let all = whole(&log).await;
    assert_eq!(events(&all), given);
    let session_id = given.iter().find_map(|event| event.session_id);
    let mut found_some = 0;
    for parts in 0..32 {
        let is_in = |part: i32| parts & part != 0;
        // To the millisecond: there are events at both of these moments.
        let filter = AuditFilter {
            user_id: is_in(1).then(|| user("ada")),
            session_id: session_id.filter(|_| is_in(2)),
            action: is_in(4).then_some(AuditAction::LoginFailure),
            since: is_in(8).then(|| given[7].timestamp.min(given[11].timestamp)),
            until: is_in(16).then(|| given[7].timestamp.max(given[11].timestamp)),
        };
        let admitted = all.iter().filter(|record| filter.admits(&record.event));
        let mut expected: Vec<_> = admitted.cloned().collect();
        found_some += usize::from(!expected.is_empty());
        for limit in [1, 7, expected.len().max(1), 1000] {
            let found = walked(&log, &filter, AuditOrder::OldestFirst, limit).await;
            assert_eq!(found, expected, "{filter:?}");
        }
        expected.reverse();
        for limit in [1, 7, expected.len().max(1), 1000] {
            let found = walked(&log, &filter, AuditOrder::NewestFirst, limit).await;
            assert_eq!(found, expected, "{filter:?}");
        }
    }
    assert!(found_some > 16, "the samples are rich enough");
    let strangers = [
        AuditFilter::of_user(user("nobody")),
        AuditFilter {
            session_id: Some(session("ada", start()).id),
            ..AuditFilter::default()
        },
        AuditFilter {
            since: Some(minute(30)),
            until: Some(minute(30)),
            ..AuditFilter::default()
        },
    ];
    for filter in strangers {
        assert_eq!(walked(&log, &filter, AuditOrder::NewestFirst, 10).await, []);
    }
}

/// A session's events are found whether its record is kept or not, and whether they name its user or
/// nobody.
pub async fn a_session_is_asked_for_by_its_record_too(stores: Stores) {
    let kept = stored(&stores.sessions, session("ada", start())).await.id;
    let gone = session("ada", start()).id;
    let mut given = mixture(60);
    for (n, event) in (0..).zip(&mut given) {
        event.session_id = [Some(kept), Some(gone), None][number(n, 12, 3) as usize];
        event.user_id = (number(n, 13, 3) > 0).then(|| user("ada"));
    }
    append(&stores.audit, &given).await;
    for (session_id, user_id) in [(kept, None), (gone, None), (kept, Some(user("ada")))] {
        let filter = AuditFilter {
            user_id,
            session_id: Some(session_id),
            ..AuditFilter::default()
        };
        let mut expected = given.clone();
        expected.retain(|event| filter.admits(event));
        let nameless = expected.iter().filter(|event| event.user_id.is_none());
        assert!(expected.len() > 4 && (nameless.count() > 2 || filter.user_id.is_some()));
        for order in [AuditOrder::OldestFirst, AuditOrder::NewestFirst] {
            for limit in [1, 7, 1000] {
                let found = walked(&stores.audit, &filter, order, limit).await;
                assert_eq!(events(&found), expected, "{filter:?} {order:?}");
            }
            expected.reverse();
        }
    }
}

/// What is there from the first page to the last is on exactly one of them, and who reads on gets what
/// was added meanwhile as well.
pub async fn pages_hold_each_once_while_others_come_and_go(log: Arc<dyn AuditLog>) {
    for order in [AuditOrder::NewestFirst, AuditOrder::OldestFirst] {
        let name = format!("{order:?}");
        let of = |n| event(&name, AuditAction::Logout, minute(n));
        let mut lasting: BTreeSet<EventId> = BTreeSet::new();
        for n in 0..40 {
            let given = of(n);
            append(
                &log,
                &[
                    given.clone(),
                    event("other", AuditAction::Logout, minute(n)),
                ],
            )
            .await;
            // The oldest are forgotten before the end.
            if n >= 20 {
                lasting.insert(given.id);
            }
        }
        let mut seen: BTreeMap<EventId, usize> = BTreeMap::new();
        let mut after: Option<Cursor<Sequence>> = None;
        for n in 0.. {
            let request = PageRequest::new(Some(5), after).expect("a page request");
            let filter = AuditFilter::of_user(user(&name));
            let page = log.page(&filter, order, request).await;
            let Page { items, next } = page.expect("the log answers");
            for item in items {
                *seen.entry(item.event.id).or_default() += 1;
            }
            after = next;
            if after.is_none() {
                break;
            }
            assert!(n < 20, "there is an end to it");
            if n < 10 {
                let added = of(100 + n);
                append(&log, std::slice::from_ref(&added)).await;
                if order == AuditOrder::OldestFirst {
                    lasting.insert(added.id);
                }
                let forgotten = log.forget_events(minute(20), 3).await;
                forgotten.expect("the log forgets");
            }
        }
        for id in lasting {
            assert_eq!(seen.get(&id), Some(&1), "{order:?} {id}");
        }
        assert!(seen.values().all(|times| *times == 1));
        while log
            .forget_events(minute(1000), 100)
            .await
            .expect("it forgets")
            .more
        {}
    }
}

async fn summarize(log: &Arc<dyn AuditLog>, name: &str, since: DateTime<Utc>) -> AuditSummary {
    let summary = log.summarize(&user(name), since).await;
    summary.expect("the log answers")
}

pub(crate) async fn count(
    log: &Arc<dyn AuditLog>,
    name: &str,
    action: AuditAction,
    since: DateTime<Utc>,
) -> u64 {
    let count = log.count(&user(name), action, since).await;
    count.expect("the log answers")
}

/// A user's events and nobody else's, from that moment on, itself included.
pub async fn counts_are_those_of_the_events(log: Arc<dyn AuditLog>) {
    let given = mixture(200);
    append(&log, &given).await;
    let moments = (0..=60)
        .step_by(10)
        .flat_map(|n| [minute(n), minute(n) + MILLISECOND]);
    for since in moments.chain([minute(-1000), minute(1000)]) {
        for name in ["ada", "eve", "nobody"] {
            let is_meant =
                |event: &&AuditEvent| event.user_id == Some(user(name)) && event.timestamp >= since;
            let expected = AuditSummary::of(given.iter().filter(is_meant));
            let found = summarize(&log, name, since).await;
            // The mean of numbers that were added up in another order may differ in its last bits.
            let off = found.average_risk_score - expected.average_risk_score;
            assert!(off.abs() < 1e-9, "{found:?} {expected:?}");
            let found = AuditSummary {
                average_risk_score: expected.average_risk_score,
                ..found
            };
            assert_eq!(found, expected, "{name} since {since}");
            for action in AuditAction::ALL {
                let expected = given.iter().filter(is_meant);
                let expected = expected.filter(|event| event.action == *action).count();
                assert_eq!(count(&log, name, *action, since).await, expected as u64);
            }
        }
    }
    let nothing = summarize(&log, "nobody", start()).await;
    assert_eq!(nothing, AuditSummary::default());
}

/// An address is one however often it comes, and an event without an address has none.
pub async fn addresses_are_counted_once(log: Arc<dyn AuditLog>) {
    let addresses = [
        None,
        Some("192.0.2.1"),
        Some("192.0.2.1"),
        Some("2001:db8::1"),
        Some("192.0.2.2"),
        None,
        Some("2001:db8::1"),
    ];
    for (n, address) in addresses.into_iter().enumerate() {
        let given = AuditEvent {
            ip_address: address.map(|address| address.parse().expect("an address")),
            ..event("ada", AuditAction::LoginSuccess, minute(n as i64))
        };
        append(&log, &[given]).await;
    }
    let expected = [(0, 3), (2, 3), (3, 2), (4, 2), (5, 1), (7, 0)];
    for (since, unique_ips) in expected {
        let summary = summarize(&log, "ada", minute(since)).await;
        assert_eq!(summary.unique_ips, unique_ips, "since minute {since}");
    }
}

/// Two users are the same if every byte is.
pub async fn users_are_told_apart_to_the_byte(log: Arc<dyn AuditLog>) {
    let names = names_that_differ();
    let of = |name: &String| event(name, AuditAction::Logout, start());
    let given: Vec<_> = names.iter().map(of).collect();
    append(&log, &given).await;
    for name in &names {
        let filter = AuditFilter::of_user(user(name));
        let found = walked(&log, &filter, AuditOrder::NewestFirst, 10).await;
        assert_eq!(found.len(), 1, "{name:?}");
        assert_eq!(found[0].event.user_id, Some(user(name)));
        assert_eq!(summarize(&log, name, start()).await.total_events, 1);
        assert_eq!(count(&log, name, AuditAction::Logout, start()).await, 1);
    }
}
