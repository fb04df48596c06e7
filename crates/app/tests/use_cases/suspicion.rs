//! What a user's activity lets suspect, and what the application itself records.

use app::{NewSession, Origin, Policies, Services};
use chrono::TimeDelta;
use session_core::{AuditAction, ClientDetails, RiskScore, UserId};

use crate::harness::{TestClock, services, user};

async fn begin(services: &Services, address: [u8; 4], device: &str) {
    let client = ClientDetails {
        ip_address: Some(address.into()),
        user_agent: Some(device.into()),
        device_fingerprint: None,
    };
    let new = NewSession {
        client,
        ..NewSession::of(user())
    };
    let created = services.sessions.create(new, &Origin::system()).await;
    created.expect("it is created");
}

async fn fail_login(services: &Services) {
    let origin = Origin {
        ip_address: Some([192, 0, 2, 1].into()),
        ..Origin::system()
    };
    services
        .security
        .log_security_event(
            AuditAction::LoginFailure,
            None,
            Some(user()),
            "wrong password",
            RiskScore::ZERO,
            &origin,
        )
        .await;
}

async fn suspect(services: &Services, address: Option<[u8; 4]>) -> (f64, Vec<&'static str>) {
    let address = address.map(Into::into);
    let found = services
        .security
        .detect_suspicious_activity(&user(), address)
        .await
        .expect("the store answers");
    (found.score.as_f64(), found.reasons)
}

#[tokio::test]
async fn each_pattern_is_seen_and_passes() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    assert_eq!(
        suspect(&services, Some([192, 0, 2, 1])).await,
        (0.0, vec![])
    );
    for _ in 0..3 {
        begin(&services, [192, 0, 2, 1], "one").await;
    }
    assert_eq!(
        suspect(&services, Some([192, 0, 2, 1])).await,
        (0.0, vec![])
    );
    begin(&services, [192, 0, 2, 1], "two").await;
    let rapid = "Rapid session creation";
    assert_eq!(suspect(&services, None).await, (0.4, vec![rapid]));
    let new = "New IP address";
    assert_eq!(
        suspect(&services, Some([192, 0, 2, 9])).await,
        (0.7, vec![rapid, new])
    );
    clock.pass(TimeDelta::minutes(5) + TimeDelta::milliseconds(1));
    assert_eq!(suspect(&services, None).await, (0.0, vec![]));
    begin(&services, [192, 0, 2, 1], "three").await;
    let devices = "Multiple devices active";
    assert_eq!(suspect(&services, None).await, (0.2, vec![devices]));
    for _ in 0..4 {
        fail_login(&services).await;
    }
    let failed = "Multiple failed logins";
    assert_eq!(suspect(&services, None).await, (0.7, vec![failed, devices]));
    clock.pass(TimeDelta::minutes(10) + TimeDelta::milliseconds(1));
    assert_eq!(suspect(&services, None).await, (0.2, vec![devices]));
}

#[tokio::test]
async fn many_addresses_are_suspicious() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    for n in 1..5 {
        begin(&services, [198, 51, 100, n], "one").await;
        clock.pass(TimeDelta::minutes(10));
    }
    let many = "Multiple IP addresses";
    assert_eq!(suspect(&services, None).await, (0.3, vec![many]));
}

#[tokio::test]
async fn what_the_application_saw_is_recorded() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    fail_login(&services).await;
    let origin = Origin::system();
    let risk = RiskScore::from_thousandths(900);
    services
        .security
        .log_security_event(
            AuditAction::SuspiciousActivity,
            None,
            Some(user()),
            &"x".repeat(10_000),
            risk,
            &origin,
        )
        .await;
    let summary = services.security.summary(user(), 1).await;
    let summary = summary.expect("the store answers");
    assert_eq!(
        (summary.counts.total_events, summary.counts.failed_logins),
        (2, 1)
    );
    assert_eq!(summary.counts.suspicious_events, 1);
    assert!((summary.counts.average_risk_score - 0.45).abs() < 1e-9);
    let newest = &summary.recent_events[0].event;
    assert_eq!((newest.suspicious, newest.risk_score), (true, risk));
    assert_eq!(newest.details.len(), 512, "cut to a bound");
    let other = UserId::new("grace").expect("a user");
    let summary = services.security.summary(other, 1).await;
    assert_eq!(summary.expect("the store answers").counts.total_events, 0);
}
