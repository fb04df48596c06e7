//! What is counted and recorded over all nodes.

use std::process::Command;

use serde_json::Value;

use super::nodes::{PASSWORD, Site, as_admin, at_once, create, handle, login, register};
use crate::support::Server;

/// Requirement 29: whoever tries on many nodes has no more tries.
#[test]
fn logins_are_counted_over_all_nodes() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&[
        ("RATE_LIMIT_LOGIN_ADDRESS", "24/300"),
        ("RATE_LIMIT_LOGIN_ATTEMPT", "1000/300"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "1000/300"),
    ]);
    let statuses = at_once(&nodes, 36, |client, n| {
        let email = format!("nobody{n}@example.org");
        login(client, &email, PASSWORD).status
    });
    let refused = statuses.iter().filter(|status| **status == 429).count();
    // A login that found no room for its hash was counted, too.
    assert_eq!(refused, 36 - 24, "{statuses:?}");
    for node in &nodes {
        let told = login(&mut node.connect(), "nobody@example.org", PASSWORD);
        assert_eq!(told.status, 429);
        let seconds: u64 = told.header("retry-after").unwrap().parse().unwrap();
        // Whoever goes on is put off for longer and longer, and at most for half an hour.
        assert!((1..=1800).contains(&seconds), "{seconds}");
    }
}

/// The right password is of no use after too many wrong ones, given elsewhere.
#[test]
fn an_account_is_throttled_on_all_nodes() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&[("RATE_LIMIT_LOGIN_ATTEMPT", "4/300")]);
    for email in ["ada@example.org", "bob@example.org"] {
        register(&mut nodes[0].connect(), email);
    }
    let try_it =
        |node: &Server, email, password| login(&mut node.connect(), email, password).status;
    for node in nodes.iter().chain([&nodes[0]]) {
        assert_eq!(try_it(node, "ada@example.org", "wrong"), 401);
    }
    for node in &nodes {
        assert_eq!(try_it(node, "ada@example.org", PASSWORD), 401);
        assert_eq!(
            try_it(node, "bob@example.org", PASSWORD),
            200,
            "another account"
        );
    }
}

/// Requirements 44 and 46: the chain is one, however many write it.
#[test]
fn the_audit_log_of_three_nodes_is_one_chain_with_one_record_of_each_event() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&[]);
    let tokens = at_once(&nodes, 90, |client, n| create(client, &format!("user{n}")));
    // Events are written behind the answers.
    let recorded = || {
        let mut recorded: Vec<String> = Vec::new();
        let mut path = "/admin/audit?action=session_created&limit=50".to_owned();
        loop {
            let page = as_admin(&mut nodes[1].connect(), "GET", &path);
            let events = page["events"].as_array().unwrap().iter();
            recorded.extend(events.map(session_of));
            let Some(next) = page["next_cursor"].as_str() else {
                return recorded;
            };
            path = format!("/admin/audit?action=session_created&limit=50&cursor={next}");
        }
    };
    crate::provider_tokens::soon("the last record", || recorded().len() >= tokens.len());
    let mut created: Vec<_> = tokens
        .iter()
        .map(|token| handle(token).to_owned())
        .collect();
    created.sort();
    let beside = verified(&site);
    for node in nodes {
        let (status, _) = node.stop("TERM");
        assert!(status.success());
    }
    let after = verified(&site);
    assert!(
        beside >= 90 && after >= beside,
        "{beside} and {after} records"
    );

    let node = Server::start(&mut site.command(0));
    let lines = export(&node);
    let mut recorded: Vec<_> = lines
        .iter()
        .filter(|event| event["action"] == "session_created")
        .map(session_of)
        .collect();
    recorded.sort();
    assert_eq!(recorded, created);
    let sequences: Vec<_> = lines
        .iter()
        .map(|event| event["sequence"].as_u64())
        .collect();
    let expected: Vec<_> = (1..=lines.len() as u64).map(Some).collect();
    assert_eq!(
        sequences, expected,
        "no number is missing, and none is there twice"
    );
    assert!(lines.len() >= after);
}

fn session_of(event: &Value) -> String {
    let id = event["session_id"].as_str();
    id.unwrap_or_else(|| panic!("{event}")).to_owned()
}

/// The whole log.
fn export(node: &Server) -> Vec<Value> {
    let mut events = Vec::new();
    let mut path = "/admin/audit?limit=100".to_owned();
    loop {
        let page = as_admin(&mut node.connect(), "GET", &path);
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else {
            events.reverse();
            return events;
        };
        path = format!("/admin/audit?limit=100&cursor={next}");
    }
}

/// How many records `sessiond audit verify` finds intact.
fn verified(site: &Site) -> usize {
    let mut verify = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    let output = verify
        .env_clear()
        .env("REDIS_URL", site.redis.url())
        .env("SESSION_KEY_PREFIX", "many-nodes")
        .args(["audit", "verify", "--data-dir"])
        .arg(site.folder().join("audit"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let rest = told.strip_prefix("the audit log is intact: ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}
