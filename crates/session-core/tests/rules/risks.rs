//! The tables of risks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use session_core::{
    ActivityPattern, ClientDetails, DeviceFingerprint, Risk, RiskAction, RiskPolicy, RiskScore,
    RiskWeights, rate_subject, same_network,
};

const BROWSER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.1 Safari/605.1";
const NEWER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_2) Version/18.0.1 Safari/612";
const OTHER: &str = "curl/8.5.0";

fn client(address: &str, agent: &str, platform: &str) -> ClientDetails {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ClientDetails {
        ip_address: some(address).map(|text| text.parse().expect("an address")),
        user_agent: some(agent).map(String::into_boxed_str),
        device_fingerprint: some(platform).map(|platform| {
            Box::new(DeviceFingerprint {
                platform: Some(platform),
                ..DeviceFingerprint::default()
            })
        }),
    }
}

fn assess(seen: &ClientDetails) -> (f64, Vec<String>) {
    let begun = client("192.0.2.7", BROWSER, "MacIntel");
    let risk = Risk::assess(&begun, seen, &RiskWeights::default());
    assert_eq!(risk.is_suspicious(), !risk.signals.is_empty());
    (risk.score.as_f64(), risk.reasons())
}

/// Each signal's weight and reason, alone and with the others.
#[test]
fn the_score_is_the_sum_of_the_signals() {
    let ip = "IP address changed from 192.0.2.7 to 198.51.100.1";
    let device = "Device fingerprint mismatch";
    let agent = "User agent changed";
    let table: [(&str, &str, &str, f64, &[&str]); 8] = [
        ("192.0.2.7", BROWSER, "MacIntel", 0.0, &[]),
        ("198.51.100.1", BROWSER, "MacIntel", 0.3, &[ip]),
        ("192.0.2.7", BROWSER, "Win32", 0.5, &[device]),
        ("192.0.2.7", OTHER, "MacIntel", 0.2, &[agent]),
        ("198.51.100.1", BROWSER, "Win32", 0.8, &[ip, device]),
        ("198.51.100.1", OTHER, "MacIntel", 0.5, &[ip, agent]),
        ("192.0.2.7", OTHER, "Win32", 0.7, &[device, agent]),
        ("198.51.100.1", OTHER, "Win32", 1.0, &[ip, device, agent]),
    ];
    for (address, user_agent, platform, score, reasons) in table {
        let seen = client(address, user_agent, platform);
        let reasons: Vec<_> = reasons.iter().map(|&reason| reason.to_owned()).collect();
        assert_eq!(assess(&seen), (score, reasons));
    }
}

#[test]
fn what_is_expected_to_change_is_no_signal() {
    let same = [
        client("192.0.2.255", BROWSER, "MacIntel"),
        client("::ffff:192.0.2.9", BROWSER, "MacIntel"),
        client("192.0.2.7", NEWER, "MacIntel"),
        client("192.0.2.1", NEWER, ""),
        client("", "", ""),
    ];
    for seen in same {
        assert_eq!(assess(&seen), (0.0, vec![]));
    }
    // What the session was begun without is nothing to compare with.
    let begun = ClientDetails::default();
    let seen = client("198.51.100.1", OTHER, "Win32");
    let risk = Risk::assess(&begun, &seen, &RiskWeights::default());
    assert_eq!(risk, Risk::default());
}

/// A request that brings no fingerprint still tells its user agent, a critical field of one.
#[test]
fn a_user_agent_is_compared_with_the_fingerprints() {
    let mut begun = client("", "", "MacIntel");
    if let Some(device) = &mut begun.device_fingerprint {
        device.user_agent = Some(BROWSER.to_owned());
    }
    let weights = RiskWeights::default();
    let score = |agent| {
        Risk::assess(&begun, &client("", agent, ""), &weights)
            .score
            .as_f64()
    };
    assert_eq!(
        [score(BROWSER), score(NEWER), score(OTHER), score("")],
        [0.0, 0.0, 0.5, 0.0]
    );
}

#[test]
fn a_weight_of_zero_turns_a_signal_off() {
    let begun = client("192.0.2.7", BROWSER, "MacIntel");
    let seen = client("198.51.100.1", OTHER, "Win32");
    let weights = RiskWeights {
        ip_address: RiskScore::ZERO,
        ..RiskWeights::default()
    };
    let risk = Risk::assess(&begun, &seen, &weights);
    assert_eq!(risk.score.as_f64(), 0.7);
    let reasons = ["Device fingerprint mismatch", "User agent changed"];
    assert_eq!(risk.reasons(), reasons);
}

#[test]
fn networks_are_told_apart_by_their_prefix() {
    let table = [
        ("192.0.2.1", "192.0.2.254", true),
        ("192.0.2.255", "192.0.3.0", false),
        ("192.0.2.1", "::ffff:192.0.2.77", true),
        ("::ffff:192.0.2.1", "::ffff:192.0.3.1", false),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("::1", "127.0.0.1", false),
    ];
    for (a, b, expected) in table {
        let (a, b): (IpAddr, IpAddr) = (a.parse().expect("one"), b.parse().expect("two"));
        assert_eq!(same_network(a, b), expected, "{a} {b}");
        assert_eq!(same_network(b, a), expected, "{b} {a}");
    }
    let subject = |text: &str| rate_subject(text.parse().expect("an address")).to_string();
    assert_eq!(subject("192.0.2.7"), "192.0.2.7");
    assert_eq!(subject("::ffff:192.0.2.7"), "192.0.2.7");
    assert_eq!(subject("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
}

#[test]
fn the_policy_acts_at_its_borders() {
    let policy = RiskPolicy::default();
    let table = [
        (0, RiskAction::Allow),
        (299, RiskAction::Allow),
        (300, RiskAction::Audit),
        (700, RiskAction::Audit),
        (701, RiskAction::Terminate),
        (1000, RiskAction::Terminate),
    ];
    for (score, action) in table {
        assert_eq!(
            policy.action(RiskScore::from_thousandths(score)),
            action,
            "{score}"
        );
    }
    // Auditing from 0 on does not mean auditing what shows no sign at all; 1 never terminates.
    let policy = RiskPolicy {
        audit_from: RiskScore::ZERO,
        terminate_above: RiskScore::MAX,
        ..policy
    };
    assert_eq!(policy.action(RiskScore::ZERO), RiskAction::Allow);
    assert_eq!(
        policy.action(RiskScore::from_thousandths(1)),
        RiskAction::Audit
    );
    assert_eq!(policy.action(RiskScore::MAX), RiskAction::Audit);
}

#[test]
fn what_is_no_score_is_refused() {
    for score in [-0.1, 1.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(RiskScore::new(score).is_err(), "{score}");
    }
    for (score, thousandths) in [(0.0, 0), (0.3, 300), (0.7, 700), (0.0004, 0), (1.0, 1000)] {
        assert_eq!(
            RiskScore::new(score).expect("a score").thousandths(),
            thousandths
        );
    }
    assert_eq!(RiskScore::from_thousandths(5000), RiskScore::MAX);
}

proptest! {
    #[test]
    fn sums_are_exact_and_capped(a in 0..=1000_u16, b in 0..=1000_u16) {
        let sum = RiskScore::from_thousandths(a).plus(RiskScore::from_thousandths(b));
        prop_assert_eq!(sum.thousandths(), (a + b).min(1000));
        prop_assert_eq!(RiskScore::new(sum.as_f64()), Ok(sum));
    }
}

fn addresses(count: u8) -> BTreeSet<IpAddr> {
    (0..count).map(|n| IpAddr::from([192, 0, 2, n])).collect()
}

#[test]
fn each_pattern_of_activity_has_its_weight() {
    let none = ActivityPattern::default();
    let table: [(ActivityPattern, u16, &[&str], &[&str]); 8] = [
        (none.clone(), 0, &[], &[]),
        (
            ActivityPattern {
                sessions_created: 3,
                failed_logins: 3,
                active_devices: 2,
                ..none.clone()
            },
            0,
            &[],
            &[],
        ),
        (
            ActivityPattern {
                sessions_created: 4,
                ..none.clone()
            },
            400,
            &["Rapid session creation"],
            &["Review recent login activity"],
        ),
        (
            ActivityPattern {
                failed_logins: 4,
                ..none.clone()
            },
            500,
            &["Multiple failed logins"],
            &[],
        ),
        (
            ActivityPattern {
                recent_addresses: addresses(3),
                ..none.clone()
            },
            0,
            &[],
            &["Monitor for unauthorized access from new locations"],
        ),
        (
            ActivityPattern {
                recent_addresses: addresses(4),
                ..none.clone()
            },
            300,
            &["Multiple IP addresses"],
            &["Monitor for unauthorized access from new locations"],
        ),
        (
            ActivityPattern {
                active_devices: 3,
                ..none.clone()
            },
            200,
            &["Multiple devices active"],
            &[],
        ),
        (
            ActivityPattern {
                sessions_created: 9,
                failed_logins: 9,
                recent_addresses: addresses(9),
                session_addresses: addresses(1),
                current_address: Some([198, 51, 100, 1].into()),
                active_devices: 9,
            },
            1000,
            &[
                "Rapid session creation",
                "Multiple failed logins",
                "Multiple IP addresses",
                "New IP address",
                "Multiple devices active",
            ],
            &[
                "Consider revoking suspicious sessions",
                "Monitor for unauthorized access from new locations",
                "Review recent login activity",
            ],
        ),
    ];
    for (pattern, thousandths, reasons, recommendations) in table {
        let suspicion = pattern.assess();
        assert_eq!(suspicion.score.thousandths(), thousandths, "{pattern:?}");
        assert_eq!(suspicion.reasons, reasons);
        assert_eq!(suspicion.recommendations, recommendations);
    }
}

#[test]
fn an_address_is_new_beside_known_ones_only() {
    let at = |current: Option<[u8; 4]>, known: u8| ActivityPattern {
        session_addresses: addresses(known),
        current_address: current.map(IpAddr::from),
        ..ActivityPattern::default()
    };
    let score = |pattern: ActivityPattern| pattern.assess().score.thousandths();
    assert_eq!(score(at(Some([192, 0, 2, 9]), 2)), 300);
    assert_eq!(score(at(Some([192, 0, 2, 1]), 2)), 0);
    assert_eq!(
        score(at(Some([192, 0, 2, 9]), 0)),
        0,
        "nothing to compare with"
    );
    assert_eq!(score(at(None, 2)), 0);
}
