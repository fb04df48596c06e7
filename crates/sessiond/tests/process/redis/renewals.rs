//! Requirement 39: one renewal of a provider's tokens at a time, over all nodes; also when the node
//! that is at it dies.

#![expect(
    clippy::disallowed_methods,
    reason = "the time that real servers take is what is looked at"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use scripted_provider::{Endpoint, ScriptedProvider};
use serde_json::{Value, json};

use super::nodes::{Site, at_once, create_with, under_load};
use crate::provider_tokens::{soon, with_provider};
use crate::support::{Client, Server};

/// How long a right to renew outlives its holder, in seconds.
const LEASE: u64 = 10;

fn command(site: &Site, node: usize, provider: &ScriptedProvider) -> Command {
    let mut command = with_provider(&site.data_dir(node), provider);
    site.share(&mut command);
    command
}

/// A session whose access token is due at once.
fn begin(client: &mut Client, provider: &ScriptedProvider) -> String {
    let issued = provider.issue("ada");
    let body = json!({
        "user_id": issued.subject,
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "expires_in": 0,
    });
    create_with(client, &body)
}

fn live_token(client: &mut Client, session: &str) -> String {
    let (status, live) = client.get(&format!("/sessions/{session}/token")).unwrap();
    assert_eq!(status, 200, "{live}");
    live["access_token"].as_str().unwrap().to_owned()
}

fn outcomes(client: &mut Client, session: &str) -> Vec<Value> {
    let path = format!("/sessions/{session}/refreshes");
    let (status, history) = client.get(&path).unwrap();
    assert_eq!(status, 200, "{history}");
    let history = history.as_array().unwrap().iter();
    history.map(|one| one["outcome"].clone()).collect()
}

#[test]
fn three_hundred_who_ask_three_nodes_have_one_new_token() {
    let Some(site) = Site::ready() else { return };
    let provider = ScriptedProvider::start();
    let nodes = [0, 1, 2].map(|node| Server::start(&mut command(&site, node, &provider)));
    let held = provider.hold_next(Endpoint::Token);
    let session = begin(&mut nodes[0].connect(), &provider);
    let tokens: BTreeSet<String> = under_load(&nodes, || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                soon("the renewal", || held.has_arrived());
                // The others come meanwhile, each node's own first among them.
                std::thread::sleep(Duration::from_millis(500));
                held.release();
            });
            let ask = |client: &mut Client, _| live_token(client, &session);
            at_once(&nodes, 300, ask).into_iter().collect()
        })
    });
    assert_eq!(provider.refresh_calls().len(), 1);
    assert_eq!(tokens.len(), 1, "all have the same");
    assert!(provider.takes_access_token(tokens.first().unwrap()));
    for node in &nodes {
        assert_eq!(outcomes(&mut node.connect(), &session), ["success"]);
    }
}

#[test]
#[ignore = "slow: it waits for a lease to end"]
fn when_the_node_that_renews_is_killed_another_takes_over() {
    let Some(site) = Site::ready() else { return };
    let provider = ScriptedProvider::start();
    let first = Server::start(&mut command(&site, 0, &provider));
    let held = provider.hold_next(Endpoint::Token);
    let session = begin(&mut first.connect(), &provider);
    // Nobody else can be the one that renews: there is nobody else yet.
    let address = first.address;
    let path = format!("/sessions/{session}/token");
    let ill_fated = std::thread::spawn(move || Client::to(address).get(&path));
    soon("the renewal", || held.has_arrived());
    let others = [1, 2].map(|node| Server::start(&mut command(&site, node, &provider)));
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            at_once(&others, 60, |client, _| {
                (live_token(client, &session), Instant::now())
            })
        });
        // They wait for the one that holds the right.
        std::thread::sleep(Duration::from_millis(500));
        assert!(!asking.is_finished());
        assert_eq!(provider.refresh_calls().len(), 1);
        let killed_at = Instant::now();
        first.kill();
        let asked = asking.join().unwrap().into_iter();
        let asked = asked.map(|(token, at)| (token, at.duration_since(killed_at)));
        asked.collect::<Vec<_>>()
    });
    assert!(ill_fated.join().unwrap().is_none(), "its node died");
    let longest = asked.iter().map(|(_, took)| *took).max().unwrap();
    println!("the last had a token {longest:?} after the kill");
    assert!(longest < Duration::from_secs(LEASE + 1), "{longest:?}");
    let tokens: BTreeSet<_> = asked.iter().map(|(token, _)| token).collect();
    assert_eq!(tokens.len(), 1);
    let token = *tokens.first().unwrap();
    assert!(provider.takes_access_token(token));
    // The one that died, and the one that took over.
    assert_eq!(provider.refresh_calls().len(), 2);
    held.release();
    for node in &others {
        let outcomes = outcomes(&mut node.connect(), &session);
        assert_eq!(outcomes, ["success", "interrupted"]);
    }

    // The tokens that are kept are the last ones: another renewal goes well.
    let body = json!({"force": true});
    let path = format!("/sessions/{session}/refresh");
    let (status, told) = others[1].connect().post(&path, &body).unwrap();
    assert_eq!(
        (status, &told["refresh_record"]["outcome"]),
        (200, &json!("success"))
    );
    let renewed = live_token(&mut others[0].connect(), &session);
    assert_ne!(&renewed, token);
    assert!(provider.takes_access_token(&renewed));
}
