//! Redis comes back with nothing: everybody has to sign in again, and nobody is taken for a thief.

use std::time::Duration;

use real_redis::{RedisServer, ServerOptions};
use serde_json::Value;

use super::node::{self, Node};
use crate::support::Client;

/// The token that follows this one.
fn rotated(client: &mut Client, token: &str) -> String {
    let headers = format!("X-Session-ID: {token}\r\n");
    let answer = client.exchange("POST", "/auth/sessions/refresh", &headers, None);
    let answer = answer.expect("the server answers");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["session_id"].as_str().expect("a token").to_owned()
}

#[test]
fn an_empty_redis_in_strict_mode() {
    emptied("strict");
}

#[test]
fn an_empty_redis_in_cached_mode() {
    emptied("cached");
}

fn emptied(mode: &str) {
    let Some(mut redis) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    let settings = [
        ("SESSION_CACHE", mode),
        ("SESSION_ROTATE", "true"),
        ("SESSION_ROTATION_GRACE", "0"),
    ];
    let nodes = [(); 2].map(|()| Node::start(&redis.url(), &settings));
    let mut clients = nodes.each_ref().map(|node| node.server.connect());
    let mut tokens = Vec::new();
    for n in 0..10 {
        let token = node::created(&mut clients[n % 2], &format!("user-{n}"));
        if n % 2 == 0 {
            let next = rotated(&mut clients[0], &token);
            assert_ne!(next, token);
            tokens.push(next);
        }
        tokens.push(token);
    }

    redis.kill();
    redis.start_again();
    for client in &mut clients {
        let ready = || node::service(client, "GET", "/ready", None).status;
        let took = node::until_answered(Duration::from_secs(5), 200, ready);
        println!("ready again after {took:?}");
        let answer = node::create(client, "someone new");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = node::token_in(&answer);
        assert_eq!(node::validate(client, &token).status, 200);
    }
    if mode == "cached" {
        // What was known may be said as long as the bound.
        std::thread::sleep(Duration::from_millis(1500));
    }
    for token in &tokens {
        for client in &mut clients {
            let answer = node::validate(client, token);
            assert_eq!(answer.status, 401, "{}", answer.body);
            let answer = node::with_cookie(client, "GET", "/auth/me", token);
            assert_eq!(answer.status, 401, "{}", answer.body);
            let headers = format!("X-Session-ID: {token}\r\n");
            let answer = client.exchange("POST", "/auth/sessions/refresh", &headers, None);
            assert_eq!(answer.expect("the server answers").status, 401);
        }
    }
    for client in &mut clients {
        node::until_recorded(client);
        for alarm in ["session_hijack_attempt", "session_terminated"] {
            let events = node::events(client, alarm);
            assert!(events.is_empty(), "{events:?}");
        }
    }
    for node in nodes {
        let (status, _, log) = node.stop();
        assert!(status.success(), "{log}");
        assert!(!log.contains("hijack") && !log.contains("panic"), "{log}");
    }
}

/// The same comparison does raise the alarm where there is a session to be stolen.
#[test]
fn a_token_that_was_replaced_raises_the_alarm_while_redis_is_there() {
    let Some(redis) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    let settings = [("SESSION_ROTATE", "true"), ("SESSION_ROTATION_GRACE", "0")];
    let node = Node::start(&redis.url(), &settings);
    let mut client = node.server.connect();
    let token = node::created(&mut client, "ada");
    let next = rotated(&mut client, &token);
    let next = rotated(&mut client, &next);
    assert_eq!(node::validate(&mut client, &next).status, 200);
    assert_eq!(node::validate(&mut client, &token).status, 401);
    node::until_recorded(&mut client);
    assert_eq!(node::events(&mut client, "session_hijack_attempt").len(), 1);
}
