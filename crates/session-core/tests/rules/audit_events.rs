//! What an event holds, and that it stays in its line.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use session_core::{
    AuditAction, AuditEvent, AuditFilter, AuditSummary, EventId, MAX_FIELD_BYTES, RiskScore,
    SessionId, UserId,
};

fn at(minutes: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time");
    start + TimeDelta::minutes(minutes)
}

fn event(action: AuditAction, minutes: i64) -> AuditEvent {
    let n = u8::try_from(minutes % 256).expect("a byte");
    AuditEvent::new(EventId::at(at(minutes), [n; 10]), at(minutes), action)
}

proptest! {
    /// Requirement 45.
    #[test]
    fn whatever_a_client_writes_stays_in_one_line(text in any::<String>(), score in 0..=1000_u16) {
        let field = AuditEvent::field(&text);
        let event = AuditEvent {
            details: field.clone(),
            actor: field.clone(),
            user_agent: Some(field.clone()),
            error_message: Some(field.clone()),
            user_id: UserId::new(&text).ok(),
            risk_score: RiskScore::from_thousandths(score),
            ..event(AuditAction::LoginFailure, 0)
        };
        let line = event.to_line();
        prop_assert!(!line.chars().any(|c| c.is_ascii_control()), "{}", line);
        prop_assert_eq!(AuditEvent::from_line(&line).expect("one record"), event);
        prop_assert!(field.len() <= MAX_FIELD_BYTES);
        prop_assert!(text.starts_with(&*field));
    }
}

#[test]
fn what_would_break_a_log_is_escaped() {
    let text = "a\r\nb\u{1b}[31m\"q\"\\\u{0}\u{7f}\t";
    let event = AuditEvent {
        details: text.into(),
        ..event(AuditAction::Logout, 0)
    };
    let line = event.to_line();
    for raw in ['\r', '\n', '\u{1b}', '\u{0}', '\t'] {
        assert!(!line.contains(raw), "{raw:?}");
    }
    assert_eq!(
        &*AuditEvent::from_line(&line).expect("it reads").details,
        text
    );
}

#[test]
fn a_field_is_cut_between_two_characters() {
    let text = "é".repeat(MAX_FIELD_BYTES);
    let field = AuditEvent::field(&format!("x{text}"));
    assert_eq!(field.len(), MAX_FIELD_BYTES - 1);
    assert_eq!(AuditEvent::field("short"), "short".into());
}

/// Times sort as texts, whatever their milliseconds.
#[test]
fn times_are_written_in_one_width() {
    for (millis, expected) in [
        (0, "2025-06-15T15:06:40.000Z"),
        (7, "2025-06-15T15:06:40.007Z"),
    ] {
        let time = at(0) + TimeDelta::milliseconds(millis);
        let id = EventId::at(time, [0; 10]);
        let line = AuditEvent::new(id, time, AuditAction::Logout).to_line();
        assert!(
            line.contains(&format!("\"timestamp\":\"{expected}\"")),
            "{line}"
        );
    }
}

#[test]
fn the_actions_are_those_of_the_list() {
    let names: Vec<_> = AuditAction::ALL
        .iter()
        .map(|action| action.as_str())
        .collect();
    let expected = [
        "session_created",
        "session_accessed",
        "session_refreshed",
        "session_extended",
        "session_expired",
        "session_revoked",
        "session_terminated",
        "session_suspended",
        "session_resumed",
        "session_updated",
        "token_issued",
        "token_refreshed",
        "token_rotated",
        "token_revoked",
        "token_validated",
        "token_introspected",
        "suspicious_activity",
        "rate_limit_exceeded",
        "invalid_device",
        "ip_change_detected",
        "session_hijack_attempt",
        "login_success",
        "login_failure",
        "logout",
        "forced_logout",
        "user_registered",
        "user_updated",
        "password_changed",
        "access_denied",
        "config_changed",
    ];
    assert_eq!(names, expected);
    for action in AuditAction::ALL {
        assert_eq!(action.as_str().parse(), Ok(*action));
        let json = serde_json::to_string(action).expect("a word");
        assert_eq!(json, format!("\"{action}\""));
        let reads = ["session_accessed", "token_introspected", "token_validated"];
        let is_read = reads.contains(&action.as_str());
        assert_eq!(action.is_high_volume(), is_read);
    }
    for wrong in ["", "Logout", "logout ", "unknown"] {
        assert!(wrong.parse::<AuditAction>().is_err());
    }
}

#[test]
fn a_filter_admits_what_it_asks_for() {
    let (ada, grace) = (UserId::new("ada"), UserId::new("grace"));
    let (ada, grace) = (ada.expect("a user"), grace.expect("a user"));
    let session = SessionId::at(at(0), [1; 10]);
    let event = AuditEvent {
        user_id: Some(ada.clone()),
        session_id: Some(session),
        ..event(AuditAction::Logout, 5)
    };
    let all = AuditFilter::default();
    let table = [
        (all.clone(), true),
        (AuditFilter::of_user(ada), true),
        (AuditFilter::of_user(grace), false),
        (
            AuditFilter {
                session_id: Some(session),
                ..all.clone()
            },
            true,
        ),
        (
            AuditFilter {
                session_id: Some(SessionId::at(at(0), [2; 10])),
                ..all.clone()
            },
            false,
        ),
        (
            AuditFilter {
                action: Some(AuditAction::Logout),
                ..all.clone()
            },
            true,
        ),
        (
            AuditFilter {
                action: Some(AuditAction::LoginSuccess),
                ..all.clone()
            },
            false,
        ),
        (
            AuditFilter {
                since: Some(at(5)),
                ..all.clone()
            },
            true,
        ),
        (
            AuditFilter {
                since: Some(at(6)),
                ..all.clone()
            },
            false,
        ),
        (
            AuditFilter {
                until: Some(at(6)),
                ..all.clone()
            },
            true,
        ),
        (
            AuditFilter {
                until: Some(at(5)),
                ..all
            },
            false,
        ),
    ];
    for (filter, expected) in table {
        assert_eq!(filter.admits(&event), expected, "{filter:?}");
    }
}

#[test]
fn a_summary_counts_each_event() {
    let with = |action, address: u8, thousandths| AuditEvent {
        ip_address: (address > 0).then(|| [192, 0, 2, address].into()),
        suspicious: thousandths > 0,
        risk_score: RiskScore::from_thousandths(thousandths),
        ..event(action, 0)
    };
    let events = [
        with(AuditAction::LoginFailure, 1, 0),
        with(AuditAction::LoginFailure, 2, 300),
        with(AuditAction::LoginSuccess, 1, 0),
        with(AuditAction::Logout, 0, 500),
    ];
    let expected = AuditSummary {
        total_events: 4,
        suspicious_events: 2,
        failed_logins: 2,
        successful_logins: 1,
        unique_ips: 2,
        average_risk_score: 0.2,
    };
    assert_eq!(AuditSummary::of(events.iter()), expected);
    assert_eq!(AuditSummary::of([].iter()), AuditSummary::default());
}
