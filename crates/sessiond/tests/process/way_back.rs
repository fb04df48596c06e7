//! Where users of a provider come back to, and where a login may lead to, from the settings.

use scripted_provider::{Endpoint, ScriptedProvider};
use serde_json::json;

use crate::provider_tokens::with_provider;
use crate::start_and_stop::one_line;
use crate::support::{Server, command};

/// The address that a provider is told to send users back to, as it is written in an address.
fn redirect_uri(server: &Server) -> String {
    let answer = server
        .connect()
        .exchange("GET", "/auth/login/acme", "", None)
        .unwrap();
    assert_eq!(answer.status, 303, "{}", answer.body);
    let url = answer.header("location").unwrap();
    let (_, rest) = url.split_once("redirect_uri=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

#[test]
fn a_server_on_loopback_knows_its_own_address() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let folder = place.path().join("data");
    let server = Server::start(&mut with_provider(&folder, &provider));
    let port = server.address.port();
    let own = format!("http%3A%2F%2F127.0.0.1%3A{port}%2Fauth%2Fcallback");
    assert_eq!(redirect_uri(&server), own);
    server.stop("TERM");
    let mut told = with_provider(&folder, &provider);
    let server = Server::start(told.env("SESSION_PUBLIC_URL", "https://login.example.org/sso/"));
    let public = "https%3A%2F%2Flogin.example.org%2Fsso%2Fauth%2Fcallback";
    assert_eq!(redirect_uri(&server), public);
}

#[test]
fn a_server_that_others_reach_must_be_told_its_address() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let folder = place.path().join("data");
    let open = || {
        let mut open = with_provider(&folder, &provider);
        open.args(["--listen", "0.0.0.0:0"]);
        open
    };
    let line = one_line(&mut open());
    assert!(line.contains("SESSION_PUBLIC_URL"), "{line}");
    assert_eq!(provider.count(Endpoint::Discovery), 0);
    Server::start(open().env("SESSION_PUBLIC_URL", "https://login.example.org")).stop("TERM");
    // Where nobody signs in with a provider, nobody comes back from one.
    let mut without = command(&folder);
    Server::start(without.args(["--listen", "0.0.0.0:0"])).stop("TERM");
}

#[test]
fn a_login_leads_only_where_the_settings_say() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let folder = place.path().join("data");
    for (paths, status) in [(None, 400), (Some("/app/*,/home"), 303)] {
        let mut start = with_provider(&folder, &provider);
        if let Some(paths) = paths {
            start.env("SESSION_RETURN_PATHS", paths);
        }
        let server = Server::start(&mut start);
        let mut client = server.connect();
        let path = "/auth/login/acme?return_to=/app/inbox";
        let answer = client.exchange("GET", path, "", None).unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
        server.stop("TERM");
    }
}

#[test]
fn settings_of_the_way_back_that_mean_nothing_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("SESSION_PUBLIC_URL", "login.example.org"),
        ("SESSION_PUBLIC_URL", "http://login.example.org"),
        (
            "SESSION_PUBLIC_URL",
            "https://user:hunter2@login.example.org",
        ),
        ("SESSION_RETURN_PATHS", "*"),
        ("SESSION_RETURN_PATHS", "//hunter2"),
        ("SESSION_RETURN_PATHS", "https://app.example.org/*"),
        ("SESSION_RETURN_PATHS", "/app,http://app.example.org/"),
    ] {
        let line = one_line(command(folder.path()).env(name, value));
        assert!(line.contains(name) && !line.contains("hunter2"), "{line}");
    }
}

/// Sessions of such logins go by `SESSION_IDLE_TIMEOUT`, and live for eight hours whatever a password's
/// session does.
#[test]
fn an_idle_timeout_is_for_logins_with_a_provider_too() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let folder = place.path().join("data");
    let mut start = with_provider(&folder, &provider);
    start.env("SESSION_IDLE_TIMEOUT", "7200");
    let server = Server::start(start.env("SESSION_EXPIRE_SECONDS", "3600"));
    let mut client = server.connect();
    let begun = client
        .exchange("GET", "/auth/login/acme", "", None)
        .unwrap();
    let cookie = begun.header("set-cookie").unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let callback = provider.visit(begun.header("location").unwrap());
    let (_, query) = callback.split_once('?').unwrap();
    let path = format!("/auth/callback?{query}");
    let headers = format!("Cookie: {cookie}\r\n");
    let answer = client.exchange("GET", &path, &headers, None).unwrap();
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let token = body["session_id"].as_str().unwrap();
    let (_, session) = client.get(&format!("/sessions/{token}")).unwrap();
    let time = |name: &str| {
        let text = session[name].as_str().unwrap();
        text.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };
    let seconds = |name| (time(name) - time("created_at")).num_seconds();
    assert_eq!(seconds("expires_at"), 8 * 3600);
    assert_eq!(seconds("idle_expires_at"), 7200);
    assert_eq!(session["provider"], json!("acme"));
}
