//! Requirement 37: calls go to the provider itself, whatever the environment says.

use std::env;
use std::process::Command;

use session_core::ports::TokenProvider as _;

use crate::sample::Scene;

const THIS: &str = "proxies::a_proxy_of_the_environment_sees_no_call";
const PROXIES: [&str; 4] = ["http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"];

/// Runs itself again, with proxies in the environment that nobody answers at.
#[test]
fn a_proxy_of_the_environment_sees_no_call() {
    const INNER: &str = "OAUTH_CLIENT_TEST_INNER";
    if env::var_os(INNER).is_some() {
        return refresh();
    }
    let mut again = Command::new(env::current_exe().expect("this program"));
    again.args([THIS, "--exact"]).env(INNER, "1");
    again.env_remove("NO_PROXY").env_remove("no_proxy");
    for name in PROXIES {
        again.env(name, "http://127.0.0.1:9");
    }
    let output = again.output().expect("a run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

fn refresh() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let scene = Scene::new();
    let token = scene.refresh_token();
    let answer = runtime.block_on(scene.client.refresh(&token));
    answer.expect("tokens, from the provider itself");
}
