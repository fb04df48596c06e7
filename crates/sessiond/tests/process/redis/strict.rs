//! Requirement 12 in strict mode: what one node ends, the others refuse with their very next answer.

use serde_json::{Value, json};

use super::ending::{WAYS, end};
use super::nodes::{
    PASSWORD, Site, create, is_active, is_bearer_in, is_in, json_of, login, register, under_load,
};
use crate::support::{Client, Server};

/// Connections that are kept: no request waits for one.
fn clients(nodes: &[Server]) -> Vec<Client> {
    nodes.iter().map(Server::connect).collect()
}

#[test]
fn what_one_node_ends_the_others_refuse_at_once() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&[]);
    under_load(&nodes, || {
        let mut clients = clients(&nodes);
        for round in 0..200 {
            let way = WAYS[round % WAYS.len()];
            let user = format!("user{round}");
            let here = round % nodes.len();
            let token = create(&mut clients[here], &user);
            for client in &mut clients {
                assert!(is_in(client, &token), "{way}");
            }
            end(&mut clients[here], way, &token, &user);
            // The next node first, and then the other.
            for step in 1..=nodes.len() {
                let there = (here + step) % nodes.len();
                let client = &mut clients[there];
                assert!(!is_in(client, &token), "{way}, round {round}");
                assert!(!is_active(client, &token), "{way}, round {round}");
            }
        }
    });
}

/// An access token goes with its session, and alone.
#[test]
fn an_access_token_that_one_node_takes_back_the_others_refuse_at_once() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&[]);
    register(&mut nodes[0].connect(), "ada@example.org");
    under_load(&nodes, || {
        let mut clients = clients(&nodes);
        let mut session: Option<String> = None;
        for round in 0..100 {
            let here = round % nodes.len();
            let takes_all = round % 10 == 9;
            let client = &mut clients[here];
            let (token, access) = match session.take() {
                Some(token) => refreshed(client, token),
                None => signed_in(client),
            };
            for client in &mut clients {
                assert!(is_bearer_in(client, &access));
                assert!(is_active(client, &access));
            }
            let taken = if takes_all { &token } else { &access };
            let form = format!("token={taken}");
            let answer = clients[here].post_form("/oauth2/revoke", &form);
            assert_eq!(answer.unwrap().status, 200);
            for step in 1..=nodes.len() {
                let client = &mut clients[(here + step) % nodes.len()];
                assert!(!is_bearer_in(client, &access), "round {round}");
                assert!(!is_active(client, &access), "round {round}");
                assert_eq!(is_in(client, &token), !takes_all, "round {round}");
            }
            session = (!takes_all).then_some(token);
        }
    });
}

fn signed_in(client: &mut Client) -> (String, String) {
    let answer = login(client, "ada@example.org", PASSWORD);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = json_of(&answer);
    (text(&told["session_id"]), text(&told["access_token"]))
}

/// The same session with another access token.
fn refreshed(client: &mut Client, token: String) -> (String, String) {
    let body = json!({"session_id": token});
    let answer = client.exchange("POST", "/auth/sessions/refresh", "", Some(&body));
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    (token, text(&json_of(&answer)["access_token"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
