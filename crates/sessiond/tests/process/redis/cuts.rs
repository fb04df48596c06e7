//! Requirement 12 in cached mode where a node is no longer told of changes: the bound holds, and trust
//! comes back with the channel.

#![expect(
    clippy::disallowed_methods,
    reason = "the time that real servers take is what is looked at"
)]

use std::time::{Duration, Instant};

use super::caches::{CACHED, WITHIN, lag};
use super::channel::{Channel, Cut};
use super::nodes::{Site, create, is_in, under_load};
use crate::support::{Client, Server};

/// Sessions that are looked at together.
const SESSIONS: usize = 10;
/// How long reads are counted, in bounds.
const COUNTED: u32 = 3;

#[test]
#[ignore = "slow: it waits for time to pass"]
fn the_bound_holds_where_the_channel_falls_silent() {
    the_bound_holds(Cut::Silent);
}

#[test]
#[ignore = "slow: it waits for time to pass"]
fn the_bound_holds_where_the_channel_is_reset_again_and_again() {
    the_bound_holds(Cut::Reset);
}

#[test]
#[ignore = "slow: it waits for time to pass"]
fn the_bound_holds_where_nobody_can_subscribe() {
    the_bound_holds(Cut::NoSubscription);
}

fn the_bound_holds(cut: Cut) {
    let Some(site) = Site::ready() else { return };
    let channel = Channel::to(site.redis.port());
    let nodes = [0, 1, 2].map(|node| {
        let mut command = site.command(node);
        command.envs(CACHED);
        if node == 1 {
            command.env("REDIS_URL", channel.url());
        }
        Server::start(&mut command)
    });
    let there = &nodes[1];
    let tokens = sessions(&nodes, "stays");
    let old = sessions(&nodes, "old");
    assert_trusted(&site, there, &tokens);
    assert_eq!(channel.subscriptions(), 1, "it is heard through here");
    assert!(reads(&site, there, &old) <= SESSIONS + 2);
    // Nobody will ask for these until the channel is back.
    let unasked = sessions(&nodes, "unasked");

    channel.cut(cut);
    // Those that have been trusted for long: what nobody is told of any more must not last.
    let mut lags = ends(&nodes, &old);
    under_load(&nodes, || {
        for round in 0..2 {
            let young = sessions(&nodes, &format!("young {round}"));
            lags.extend(ends(&nodes, &young));
        }
    });
    delete(&nodes[0], &unasked);
    let longest = lags.iter().max().unwrap();
    println!(
        "{cut:?}: refused {longest:?} after, at the latest, of {} times",
        lags.len()
    );
    assert!(*longest < WITHIN, "{longest:?}");
    if cut != Cut::Reset {
        assert!(*longest > WITHIN / 10, "it was told after all");
    }
    // Each is read again, but not each time.
    let read = reads(&site, there, &tokens);
    println!("{cut:?}: {SESSIONS} sessions were read {read} times in {COUNTED} bounds");
    let expected = match cut {
        // All are forgotten whenever a subscription begins or ends.
        Cut::Reset => 2 * SESSIONS..=12 * SESSIONS,
        // And whenever a try to subscribe ends.
        _ => 2 * SESSIONS..=6 * SESSIONS,
    };
    assert!(expected.contains(&read), "{read}");
    assert!(cut != Cut::Reset || channel.subscriptions() > 3);

    channel.cut(Cut::None);
    assert_trusted(&site, there, &tokens);
    let mut client = there.connect();
    let is_any_in = unasked.iter().any(|token| is_in(&mut client, token));
    assert!(!is_any_in, "a copy from before the cut is believed again");
    let last = sessions(&nodes, "last");
    let lags = ends(&nodes, &last);
    let longest = lags.iter().max().unwrap();
    println!("{cut:?}: refused {longest:?} after, once the channel was back");
    assert!(*longest < WITHIN / 2, "it is told of again");
}

/// Sessions of different users, which every node has a copy of.
fn sessions(nodes: &[Server], name: &str) -> Vec<String> {
    let mut here = nodes[0].connect();
    let tokens: Vec<_> = (0..SESSIONS)
        .map(|n| create(&mut here, &format!("{name} {n}")))
        .collect();
    for node in nodes {
        let mut client = node.connect();
        assert!(tokens.iter().all(|token| is_in(&mut client, token)));
    }
    tokens
}

fn delete(node: &Server, tokens: &[String]) {
    let mut client = node.connect();
    for token in tokens {
        let (status, _) = client.delete(&format!("/sessions/{token}")).unwrap();
        assert_eq!(status, 200);
    }
}

/// Ends them all on the first node; how long the second still lets each in.
fn ends(nodes: &[Server], tokens: &[String]) -> Vec<Duration> {
    std::thread::scope(|scope| {
        let end = |token: &String| {
            let mut there = nodes[1].connect();
            assert!(is_in(&mut there, token));
            let answer = nodes[0].connect().delete(&format!("/sessions/{token}"));
            let ended_at = Instant::now();
            assert_eq!(answer.unwrap().0, 200);
            let lag = lag(&mut there, ended_at, |client| is_in(client, token));
            assert!(!is_in(&mut there, token), "and it stays so");
            lag
        };
        let ending: Vec<_> = tokens
            .iter()
            .map(|token| scope.spawn(move || end(token)))
            .collect();
        ending.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// Waits until a node believes its copies for longer than the bound, and sees that it goes on so.
fn assert_trusted(site: &Site, node: &Server, tokens: &[String]) {
    let mut tries = 0;
    while reads(site, node, tokens) > 2 {
        tries += 1;
        assert!(tries < 5, "it does not trust what it is told");
    }
}

/// How often Redis is asked for a session, while these are validated all the time for a few bounds.
fn reads(site: &Site, node: &Server, tokens: &[String]) -> usize {
    let mut client = node.connect();
    let before = gets(site);
    let begun = Instant::now();
    let mut validated = 0;
    while begun.elapsed() < Duration::from_secs(COUNTED.into()) {
        validated += validate_all(&mut client, tokens);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(validated > SESSIONS * 20, "that would be too few");
    gets(site) - before
}

fn validate_all(client: &mut Client, tokens: &[String]) -> usize {
    assert!(tokens.iter().all(|token| is_in(client, token)));
    tokens.len()
}

fn gets(site: &Site) -> usize {
    let stats = site.redis.command(&["INFO", "commandstats"]);
    let calls = stats.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("cmdstat_get:calls=")?;
        rest.split(',').next()?.parse().ok()
    });
    calls.unwrap_or(0)
}
