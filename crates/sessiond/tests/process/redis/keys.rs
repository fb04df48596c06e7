//! Requirement 8: several servers over one store start only with keys that they share.

use std::io::Read as _;
use std::process::{Command, Stdio};

use scripted_provider::ScriptedProvider;

use super::nodes::{Site, is_bearer_in, json_of, login, register};
use crate::provider_tokens::with_provider;
use crate::support::Server;

/// What a server says that does not start.
fn refusal(command: &mut Command) -> String {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // One that starts prints what it listens on, and goes on.
    let printed = child.stdout.take().unwrap().read(&mut [0; 64]).unwrap();
    if printed > 0 {
        child.kill().unwrap();
    }
    let mut told = String::new();
    let mut log = child.stderr.take().unwrap();
    log.read_to_string(&mut told).unwrap();
    let status = child.wait().unwrap();
    assert!(printed == 0, "it started");
    assert!(!status.success());
    told
}

#[test]
fn a_node_that_others_can_reach_does_not_start_with_keys_of_its_own() {
    let Some(site) = Site::ready() else { return };
    let mut alone = site.command(0);
    alone
        .env("SESSION_LISTEN", "0.0.0.0:0")
        .env_remove("SECRET_KEY");
    let told = refusal(&mut alone);
    assert_eq!(told.lines().count(), 1, "{told}");
    let expected = "SESSION_ACCESS_TOKEN_KEYS or SECRET_KEY must be set where several servers share \
                    a store";
    assert!(told.contains(expected), "{told}");
    assert!(!site.data_dir(0).join("access-token.keys").exists());

    // With a provider, its tokens are encrypted.
    let provider = ScriptedProvider::start();
    let mut alone = with_provider(&site.data_dir(1), &provider);
    site.share(&mut alone);
    alone
        .env("SESSION_LISTEN", "0.0.0.0:0")
        .env_remove("SESSION_ENCRYPTION_KEYS");
    let told = refusal(&mut alone);
    assert_eq!(told.lines().count(), 1, "{told}");
    let expected = "SESSION_ENCRYPTION_KEYS must be set where several servers share a store";
    assert!(told.contains(expected), "{told}");
    assert!(!site.data_dir(1).join("upstream-token.keys").exists());
}

/// What one signs, the others take, and a node with other keys does not.
#[test]
fn nodes_take_what_another_signed_with_the_same_keys() {
    let Some(site) = Site::ready() else { return };
    let mut reachable = site.command(0);
    reachable.env("SESSION_LISTEN", "0.0.0.0:0");
    let nodes = [
        Server::start(&mut reachable),
        Server::start(&mut site.command(1)),
    ];
    let mut other = site.command(2);
    let stranger =
        Server::start(other.env("SECRET_KEY", "a secret that is known to this node alone"));
    register(&mut nodes[0].connect(), "ada@example.org");
    let answer = login(
        &mut nodes[0].connect(),
        "ada@example.org",
        super::nodes::PASSWORD,
    );
    let told = json_of(&answer);
    let access = told["access_token"].as_str().unwrap();
    assert!(is_bearer_in(&mut nodes[1].connect(), access));
    assert!(!is_bearer_in(&mut stranger.connect(), access));
}
