//! Requirement 12 in cached mode: what one node changes, the others are told of, and know within the
//! bound in any case.

#![expect(
    clippy::disallowed_methods,
    reason = "the time that real servers take is what is looked at"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::channel::{Channel, Cut};
use super::ending::{WAYS, end};
use super::nodes::{
    BOUND, PASSWORD, Site, as_admin, create, create_with, handle, is_bearer_in, is_in, json_of,
    login, register, under_load,
};
use crate::support::{Client, Server};

pub(super) const CACHED: [(&str, &str); 2] =
    [("SESSION_CACHE", "cached"), ("SESSION_CACHE_BOUND", BOUND)];

/// The bound, and what the clock of a server may be read later than that of the test.
pub(super) const WITHIN: Duration = Duration::from_millis(1_020);

/// How long after a change a node goes on as before: when the last request began that was answered so.
pub(super) fn lag(
    client: &mut Client,
    changed_at: Instant,
    mut is_as_before: impl FnMut(&mut Client) -> bool,
) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let asked = changed_at.elapsed();
        if !is_as_before(client) {
            return last;
        }
        last = asked;
        assert!(last < WITHIN * 5, "it goes on for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_one_node_ends_the_others_are_told_of() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&CACHED);
    let by_way = under_load(&nodes, || {
        let mut clients: Vec<_> = nodes.iter().map(Server::connect).collect();
        let mut by_way: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
        for round in 0..84 {
            let here = round % nodes.len();
            let token = create(&mut clients[here], &format!("user{round}"));
            for client in &mut clients {
                assert!(is_in(client, &token));
            }
            let way = WAYS[round % WAYS.len()];
            end(&mut clients[here], way, &token, &format!("user{round}"));
            let ended_at = Instant::now();
            assert!(!is_in(&mut clients[here], &token), "its own is at once");
            for step in 1..nodes.len() {
                let client = &mut clients[(here + step) % nodes.len()];
                let lag = lag(client, ended_at, |client| is_in(client, &token));
                by_way.entry(way).or_default().push(lag);
                assert!(!is_in(client, &token), "and it stays so");
            }
        }
        by_way
    });
    for (way, mut lags) in by_way {
        assert_told(way, &mut lags);
    }
}

/// The same for access tokens, which are taken back one by one.
#[test]
fn an_access_token_that_one_node_takes_back_the_others_are_told_of() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&CACHED);
    let mut clients: Vec<_> = nodes.iter().map(Server::connect).collect();
    register(&mut clients[0], "ada@example.org");
    let told = json_of(&login(&mut clients[0], "ada@example.org", PASSWORD));
    let session = json!({"session_id": told["session_id"]});
    let mut lags = Vec::new();
    for round in 0..20 {
        let here = round % nodes.len();
        let path = "/auth/sessions/refresh";
        let answer = clients[here].exchange("POST", path, "", Some(&session));
        let access = json_of(&answer.unwrap())["access_token"].clone();
        let access = access.as_str().unwrap();
        for client in &mut clients {
            assert!(is_bearer_in(client, access));
        }
        let answer = clients[here].post_form("/oauth2/revoke", &format!("token={access}"));
        let taken_at = Instant::now();
        assert_eq!(answer.unwrap().status, 200);
        for step in 1..nodes.len() {
            let client = &mut clients[(here + step) % nodes.len()];
            lags.push(lag(client, taken_at, |client| is_bearer_in(client, access)));
            assert!(!is_bearer_in(client, access), "and it stays so");
        }
    }
    assert_told("revoke an access token", &mut lags);
}

/// Never later than the bound; and mostly so much earlier that somebody must have told.
fn assert_told(way: &str, lags: &mut [Duration]) {
    lags.sort_unstable();
    let (median, longest) = (lags[lags.len() / 2], lags[lags.len() - 1]);
    println!(
        "{way}: refused by the others {median:?} (median) to {longest:?} after, of {} times",
        lags.len()
    );
    assert!(longest < WITHIN, "{way}: {longest:?}");
    assert!(median < WITHIN / 4, "{way}: {median:?}");
}

/// Only the store knows how long a session has not been used: other nodes' uses count.
#[test]
fn a_session_that_another_node_keeps_alive_is_not_idle() {
    is_kept_alive("true", is_in);
}

/// Where to validate is not to use, a node's copy stays as it was, and seems idle in the end.
#[test]
fn a_copy_that_seems_idle_refuses_nobody() {
    is_kept_alive("false", |client, token| {
        let path = format!("/sessions/{token}/activity");
        client.post(&path, &json!({})).unwrap().0 == 200
    });
}

fn is_kept_alive(auto_update: &str, is_used: impl Fn(&mut Client, &str) -> bool) {
    const IDLE: u64 = 2;
    let Some(site) = Site::ready() else { return };
    let mut settings = CACHED.to_vec();
    settings.extend([
        ("SESSION_MIN_TIMEOUT", "1"),
        ("SESSION_AUTO_UPDATE", auto_update),
    ]);
    let nodes = site.start(&settings);
    let mut clients: Vec<_> = nodes.iter().map(Server::connect).collect();
    let body = json!({"user_id": "ada", "timeout": 60, "idle_timeout": IDLE});
    let used = create_with(&mut clients[0], &body);
    let unused = create_with(&mut clients[0], &body);
    // Until trust has begun, and copies are of that time.
    std::thread::sleep(Duration::from_millis(500));
    for client in &mut clients {
        assert!(is_in(client, &used) && is_in(client, &unused));
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(IDLE * 2) {
        std::thread::sleep(Duration::from_millis(200));
        assert!(is_used(&mut clients[0], &used));
    }
    for client in &mut clients[1..] {
        assert!(is_in(client, &used), "it was used a moment ago");
        assert!(!is_in(client, &unused));
    }
    assert!(!is_in(&mut clients[0], &unused));
}

/// What is not an end is seen as soon: by a node that is told, and by one that is told nothing.
#[test]
fn changes_of_a_session_are_seen_within_the_bound() {
    let Some(site) = Site::ready() else { return };
    let channel = Channel::to(site.redis.port());
    let nodes = [0, 1, 2].map(|node| {
        let mut command = site.command(node);
        command.envs(CACHED);
        if node == 2 {
            command.env("REDIS_URL", channel.url());
        }
        Server::start(&mut command)
    });
    channel.cut(Cut::Silent);
    let mut clients: Vec<_> = nodes.iter().map(Server::connect).collect();
    let token = create(&mut clients[0], "ada");
    let path = |rest: &str| format!("/sessions/{token}{rest}");
    let admin = |rest: &str| format!("/admin/sessions/{}{rest}", handle(&token));
    // Each change, and what an answer shows that knows nothing of it.
    let told = |client: &mut Client| client.validate(&token).unwrap();
    type Change<'a> = (&'a str, Box<dyn Fn(&mut Client) + 'a>);
    let changes: [Change<'_>; 4] = [
        (
            "updated",
            Box::new(|client| {
                let role = json!({"metadata": {"role": "editor"}});
                let (status, _) = client.request("PATCH", &path(""), "", Some(&role)).unwrap();
                assert_eq!(status, 200);
            }),
        ),
        (
            "extended",
            Box::new(|client| {
                let more = json!({"additional_seconds": 600});
                assert_eq!(client.post(&path("/extend"), &more).unwrap().0, 200);
            }),
        ),
        (
            "suspended",
            Box::new(|client| {
                as_admin(client, "POST", &admin("/suspend"));
            }),
        ),
        (
            "resumed",
            Box::new(|client| {
                as_admin(client, "POST", &admin("/resume"));
            }),
        ),
    ];
    for (what, change) in &changes {
        let before: Vec<(u16, Value)> = clients.iter_mut().map(told).collect();
        change(&mut clients[0]);
        let changed_at = Instant::now();
        for (node, (client, before)) in clients.iter_mut().zip(&before).enumerate() {
            let shown = |answer: (u16, Value)| {
                (
                    answer.0,
                    answer.1["role"].clone(),
                    answer.1["expires_at"].clone(),
                )
            };
            let before = shown(before.clone());
            let lag = lag(client, changed_at, |client| shown(told(client)) == before);
            println!("{what} was seen by node {node} {lag:?} after");
            let is_told = node != 2;
            let most = if is_told { WITHIN / 2 } else { WITHIN };
            assert!(lag < most, "{what}, node {node}: {lag:?}");
        }
    }
    let (status, told) = told(&mut clients[2]);
    assert_eq!((status, &told["role"]), (200, &json!("editor")));

    // An access token that is taken back by itself is a change of no session.
    register(&mut clients[0], "ada@example.org");
    let told = json_of(&login(&mut clients[0], "ada@example.org", PASSWORD));
    let access = told["access_token"].as_str().unwrap();
    assert!(is_bearer_in(&mut clients[2], access));
    let answer = clients[0].post_form("/oauth2/revoke", &format!("token={access}"));
    let taken_at = Instant::now();
    assert_eq!(answer.unwrap().status, 200);
    let lag = lag(&mut clients[2], taken_at, |client| {
        is_bearer_in(client, access)
    });
    println!("a taken access token was refused by node 2 {lag:?} after");
    assert!(lag < WITHIN, "{lag:?}");
    assert!(!is_bearer_in(&mut clients[2], access), "and it stays so");
}
