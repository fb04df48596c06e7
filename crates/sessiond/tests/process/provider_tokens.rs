//! A server whose settings name an outside provider: tokens are kept, renewed, taken back, and stand
//! nowhere in plain.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use memchr::memmem;
use scripted_provider::{Endpoint, Fault, Issued, ScriptedProvider};
use serde_json::{Value, json};

use crate::support::{Client, Server, command};

/// A server with this provider under the name `acme`, and the secret in a file as an editor leaves it.
pub(crate) fn with_provider(folder: &Path, provider: &ScriptedProvider) -> Command {
    let config = folder.with_extension("toml");
    let file = format!(
        "[providers.acme]\nissuer = \"{}\"\nclient_id = \"{}\"\n",
        provider.issuer(),
        provider.client_id(),
    );
    fs::write(&config, file).unwrap();
    let mut command = command(folder);
    command.arg("--config").arg(config);
    let secret = folder.with_extension("secret");
    fs::write(&secret, provider.client_secret().unwrap() + "\n").unwrap();
    command.env("PROVIDER_ACME_CLIENT_SECRET_FILE", secret);
    command
}

/// Begins a session with what the provider gave; its token. The access token is due at once.
fn begin(client: &mut Client, issued: &Issued) -> String {
    let body = json!({
        "user_id": issued.subject,
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "id_token": issued.id_token,
        "expires_in": 0,
    });
    let (status, created) = client.post("/sessions/create", &body).unwrap();
    assert_eq!(status, 200, "{created}");
    created["session_id"].as_str().unwrap().to_owned()
}

fn live_token(client: &mut Client, session: &str) -> Value {
    let (status, live) = client.get(&format!("/sessions/{session}/token")).unwrap();
    assert_eq!(status, 200, "{live}");
    live
}

/// Waits for what happens in the background.
pub(crate) fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} does not come");
}

/// The whole life of a provider's tokens; and after it, as during it, none of the provider's secrets
/// is found in the data folder or in the log (requirements 4, 5 and 7).
#[test]
fn tokens_are_kept_renewed_taken_back_and_nowhere_in_plain() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let folder = place.path().join("data");
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut loud = with_provider(&folder, &provider);
    loud.env("SESSION_LOG_LEVEL", "TRACE")
        .env("SESSION_LOG_REQUESTS", "true")
        .stderr(log.reopen().unwrap());
    let server = Server::start(&mut loud);
    let mut client = server.connect();
    let issued = provider.issue("ada");
    let session = begin(&mut client, &issued);

    let first = live_token(&mut client, &session);
    let first = first["access_token"].as_str().unwrap();
    assert_ne!(first, issued.access_token, "it was due");
    assert!(provider.takes_access_token(first));
    let refresh = format!("/sessions/{session}/refresh");
    let (status, forced) = client.post(&refresh, &json!({"force": true})).unwrap();
    assert_eq!(status, 200, "{forced}");
    assert_eq!(forced["refresh_record"]["outcome"], "success");
    let second = live_token(&mut client, &session);
    let second = second["access_token"].as_str().unwrap();
    assert_ne!(second, first);
    let (_, history) = client
        .get(&format!("/sessions/{session}/refreshes"))
        .unwrap();
    let reasons: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["reason"])
        .collect();
    assert_eq!(reasons, ["forced", "expired"]);
    // While the server runs, the write-ahead log holds what is not in the database yet.
    search(&folder, &provider);

    // Acknowledged is kept, whatever becomes of the process.
    server.kill();
    let server = Server::start(&mut loud);
    let mut client = server.connect();
    let after = live_token(&mut client, &session);
    assert_eq!(after["access_token"], second);
    assert_eq!(
        provider.refresh_calls().len(),
        2,
        "and was not renewed for that"
    );
    search(&folder, &provider);

    // Failures are logged, too.
    provider.next_token_call(Fault::Instead(scripted_provider::Answer::error(
        400,
        "invalid_scope",
    )));
    let (status, failed) = client.post(&refresh, &json!({"force": true})).unwrap();
    assert_eq!(
        (status, &failed["code"]),
        (503, &json!("provider_unavailable"))
    );
    assert_eq!(live_token(&mut client, &session)["access_token"], second);

    let (status, _) = client.delete(&format!("/sessions/{session}")).unwrap();
    assert_eq!(status, 200);
    soon("the revocation", || !provider.is_alive(second));
    assert!(provider.count(Endpoint::Revocation) >= 1);
    assert_eq!(
        client.get(&format!("/sessions/{session}/token")).unwrap().0,
        404
    );
    server.stop("TERM");
    search(&folder, &provider);
    let log = fs::read(log.path()).unwrap();
    let route = b"/sessions/{session_id}/token";
    assert!(
        memmem::find_iter(&log, route).count() >= 4,
        "the log was on"
    );
    assert!(
        memmem::find(&log, b"invalid_scope").is_some(),
        "the failure is there"
    );
    for secret in provider.secrets() {
        assert!(
            memmem::find(&log, secret.as_bytes()).is_none(),
            "a secret stands in the log"
        );
    }
}

pub(crate) fn search(folder: &Path, provider: &ScriptedProvider) {
    let secrets = provider.secrets();
    assert!(
        secrets.len() > 4,
        "the client's, and those of a login and a renewal"
    );
    let mut searched = 0;
    for file in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        searched += bytes.len();
        for secret in &secrets {
            let found = memmem::find(&bytes, secret.as_bytes());
            assert!(found.is_none(), "a secret stands in the data folder");
        }
    }
    assert!(
        searched > 10_000,
        "there was something to search: {searched} bytes"
    );
}

#[test]
fn fifty_connections_that_ask_at_once_have_one_new_token() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let server = Server::start(&mut with_provider(&place.path().join("data"), &provider));
    let issued = provider.issue("ada");
    let session = begin(&mut server.connect(), &issued);
    let held = provider.hold_next(Endpoint::Token);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || live_token(&mut server.connect(), &session);
        let asking: Vec<_> = (0..50).map(|_| scope.spawn(ask)).collect();
        soon("the renewal", || held.has_arrived());
        held.release();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(provider.refresh_calls().len(), 1);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let live = answers[0]["access_token"].as_str().unwrap();
    assert!(provider.takes_access_token(live));
}

/// Nobody needs to ask: a token that is about to expire is renewed in time.
#[test]
fn the_server_renews_tokens_by_itself() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let mut command = with_provider(&place.path().join("data"), &provider);
    let server = Server::start(&mut command);
    provider.change(|settings| settings.access_lifetime = Some(chrono::TimeDelta::seconds(12)));
    let issued = provider.issue("ada");
    let session = begin(&mut server.connect(), &issued);
    live_token(&mut server.connect(), &session);
    assert_eq!(provider.refresh_calls().len(), 1, "by asking");
    soon("a renewal", || provider.refresh_calls().len() > 1);
    let (_, history) = server
        .connect()
        .get(&format!("/sessions/{session}/refreshes"))
        .unwrap();
    assert_eq!(history[0]["reason"], "proactive");
}

/// The two variables that the systems sessiond replaces know, and nothing else.
#[test]
fn the_seeds_two_variables_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let mut seeds = command(folder.path());
    seeds.env("OPENROUTER_CLIENT_ID", "your_client_id");
    seeds.env("OPENROUTER_CLIENT_SECRET", "your_client_secret");
    let server = Server::start(&mut seeds);
    let mut client = server.connect();
    let body = json!({"user_id": "user_123", "access_token": "test_token",
        "refresh_token": "test_refresh", "expires_in": 3600});
    let (status, created) = client.post("/sessions/create", &body).unwrap();
    assert_eq!((status, &created["provider"]), (200, &json!("openrouter")));
    let session = created["session_id"].as_str().unwrap();
    let live = live_token(&mut client, session);
    assert_eq!(live["access_token"], "test_token");
    assert_eq!(live["expires_at"], created["access_token_expires_at"]);
    // It does not say who its users are.
    let login = client.exchange("GET", "/auth/login/openrouter", "", None);
    assert_eq!(login.unwrap().status, 404);
    let (_, log) = server.stop("TERM");
    assert!(!log.contains("no effect"), "{log}");
}

/// The same elsewhere: the client proves itself as these variables say.
#[test]
fn the_seeds_variables_prove_who_asks() {
    for (authentication, header) in [("basic", true), ("post", false)] {
        let (folder, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
        let mut seeds = command(folder.path());
        seeds.env("OPENROUTER_CLIENT_ID", provider.client_id());
        seeds.env(
            "OPENROUTER_CLIENT_SECRET",
            provider.client_secret().unwrap(),
        );
        seeds.env(
            "PROVIDER_OPENROUTER_TOKEN_ENDPOINT",
            provider.url(Endpoint::Token),
        );
        seeds.env("PROVIDER_OPENROUTER_CLIENT_AUTHENTICATION", authentication);
        let server = Server::start(&mut seeds);
        let session = begin(&mut server.connect(), &provider.issue("ada"));
        live_token(&mut server.connect(), &session);
        let calls = provider.refresh_calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].header("authorization").is_some(), header);
        assert_eq!(calls[0].get("client_secret").is_some(), !header);
    }
}

/// Each is one line that names the setting, and no secret stands in it.
#[test]
fn bad_settings_of_a_provider_stop_the_start() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("sessiond.toml");
    let base = "client_id = \"c\"\nclient_secret = \"hunter2\"\n";
    let refused = |more: &str, environment: &[(&str, &str)]| {
        fs::write(&config, format!("[providers.acme]\n{base}{more}")).unwrap();
        let mut command = command(&place.path().join("data"));
        command.arg("--config").arg(&config);
        let output = command.envs(environment.iter().copied()).output().unwrap();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty(), "no banner");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        text
    };
    let url = "takes an `https` URL; `http` on this machine alone";
    let issuer = "issuer = \"https://id.acme.example\"";
    let several = refused(
        "issuer = \"http://hunter2.example\"\ntimeout = 0",
        &[
            ("PROVIDER_ACME_JWKS_URI", "hunter2"),
            ("SESSION_CACHE", "hunter2"),
        ],
    );
    let expected = format!(
        "sessiond: SESSION_CACHE takes `strict` or `cached`\n\
         sessiond: providers.acme.issuer {url}\n\
         sessiond: PROVIDER_ACME_JWKS_URI {url}\n\
         sessiond: providers.acme.timeout takes a whole number of seconds from 1 to 120\n"
    );
    assert_eq!(several, expected);
    let misspelt = refused("client_secert = \"hunter2\"", &[]);
    assert_eq!(misspelt.lines().count(), 1);
    assert!(
        misspelt.ends_with("there is no setting `providers.acme.client_secert`\n"),
        "{misspelt}"
    );
    // What only the adapter finds.
    for (more, member) in [
        ("ca_file = \"/no/such/file\"", "`ca_file` cannot be read"),
        (
            "parameters = { state = \"hunter2\" }",
            "`parameters` must not",
        ),
        (
            "parameters = { prompt = \"a\" }\nprompt = \"b\"",
            "`parameters` must not hold a name twice",
        ),
    ] {
        let line = refused(&format!("{issuer}\n{more}"), &[]);
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            line.starts_with(&format!("sessiond: providers.acme: {member}")),
            "{line}"
        );
    }
}
