//! People who sign in with a provider, at a server as a process: a scripted provider, with everything
//! logged; and a real one, which ends sessions by itself.

use std::fs;

use memchr::memmem;
use real_provider::{Options, RealProvider};
use scripted_provider::{Answer, Endpoint, Fault, ScriptedProvider};
use serde_json::{Value, json};

use crate::provider_tokens::{search, soon, with_provider};
use crate::support::{Client, Server, Whole, command};

/// A login that was begun: where the browser is sent, and the cookie that it keeps.
struct Begun {
    url: String,
    cookie: String,
}

fn begin(client: &mut Client, provider: &str) -> Begun {
    let path = format!("/auth/login/{provider}");
    let answer = client.exchange("GET", &path, "", None).unwrap();
    assert_eq!(answer.status, 303, "{}", answer.body);
    let cookie = answer.header("set-cookie").unwrap();
    Begun {
        url: answer.header("location").unwrap().to_owned(),
        cookie: cookie.split(';').next().unwrap().to_owned(),
    }
}

/// Comes back from the provider to `url`.
fn come_back(client: &mut Client, url: &str, cookie: &str) -> Whole {
    let (_, query) = url.split_once('?').unwrap();
    let path = format!("/auth/callback?{query}");
    let headers = format!("Cookie: {cookie}\r\n");
    client.exchange("GET", &path, &headers, None).unwrap()
}

fn as_json(answer: &Whole) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Requirements 4 and 7, of logins: at the most talkative level, with everything that goes wrong.
#[test]
fn a_login_leaves_no_secret_in_the_data_folder_or_the_log() {
    let (place, provider) = (tempfile::tempdir().unwrap(), ScriptedProvider::start());
    let folder = place.path().join("data");
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut loud = with_provider(&folder, &provider);
    loud.env("SESSION_LOG_LEVEL", "TRACE")
        .env("SESSION_LOG_REQUESTS", "true")
        .stderr(log.reopen().unwrap());
    let server = Server::start(&mut loud);
    let mut client = server.connect();
    let mut ours = Vec::new();
    provider.sign_in_as("ada");

    let begun = begin(&mut client, "acme");
    let callback = provider.visit(&begun.url);
    let signed_in = as_json(&come_back(&mut client, &callback, &begun.cookie));
    let session = signed_in["session_id"].as_str().unwrap().to_owned();
    assert_eq!(client.validate(&session).unwrap().0, 200);
    let (status, live) = client.get(&format!("/sessions/{session}/token")).unwrap();
    assert_eq!(status, 200, "{live}");
    assert!(provider.takes_access_token(live["access_token"].as_str().unwrap()));
    ours.extend([begun.cookie.clone(), session.clone()]);
    ours.push(signed_in["access_token"].as_str().unwrap().to_owned());

    // What goes wrong is logged, too: a replay, a stranger's browser, and a provider that fails.
    assert_eq!(come_back(&mut client, &callback, &begun.cookie).status, 400);
    let begun = begin(&mut client, "acme");
    let callback = provider.visit(&begun.url);
    assert_eq!(come_back(&mut client, &callback, "a=b").status, 400);
    ours.push(begun.cookie);
    for fault in [
        Fault::Instead(Answer::error(400, "invalid_grant")),
        Fault::Instead(Answer::status(500)),
        Fault::Instead(Answer::json(r#"{"access_token": 1}"#)),
    ] {
        let begun = begin(&mut client, "acme");
        let callback = provider.visit(&begun.url);
        provider.next_token_call(fault);
        let answer = come_back(&mut client, &callback, &begun.cookie);
        assert!(matches!(answer.status, 400 | 503), "{}", answer.body);
        ours.push(begun.cookie);
    }
    let logout_token = provider.logout_token(Some("ada"), None);
    for (status, times) in [(200, "first"), (400, "second")] {
        let told = send_logout_token(&server, "acme", &logout_token);
        assert_eq!(told, status, "the {times} time");
    }
    ours.push(logout_token);
    assert_eq!(client.validate(&session).unwrap().0, 401);
    soon("the revocation", || {
        provider.count(Endpoint::Revocation) >= 1
    });
    search(&folder, &provider);
    server.stop("TERM");
    search(&folder, &provider);

    let log = fs::read(log.path()).unwrap();
    for told in ["/auth/callback", "status 500"] {
        let found = memmem::find(&log, told.as_bytes());
        assert!(found.is_some(), "the log was on: {told}");
    }
    ours.extend(provider.secrets());
    for secret in ours {
        let secret = secret.split_once('=').map_or(&*secret, |(_, value)| value);
        assert!(secret.len() >= 16, "long enough to be looked for");
        let found = memmem::find(&log, secret.as_bytes());
        assert!(found.is_none(), "a secret stands in the log");
    }
}

/// As the provider sends it (OpenID Connect Back-Channel Logout 1.0 §2.5); the status of the answer.
fn send_logout_token(server: &Server, provider: &str, token: &str) -> u16 {
    use std::io::{Read as _, Write as _};

    let form = format!("logout_token={token}");
    let length = form.len();
    let request = format!(
        "POST /auth/backchannel-logout/{provider} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A server and a real provider that know each other.
struct Pair {
    server: Server,
    provider: RealProvider,
    runtime: tokio::runtime::Runtime,
    _place: tempfile::TempDir,
}

impl Pair {
    /// `None` where there is no provider to be had.
    fn start() -> Option<Self> {
        const SECRET: &str = "a secret of sixteen letters and more";
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let provider = runtime.block_on(RealProvider::start(Options::default()))?;
        let place = tempfile::tempdir().unwrap();
        let config = place.path().join("config.toml");
        let file = format!(
            "[providers.real]\nissuer = \"{}\"\nclient_id = \"sessiond\"\n\
             scopes = [\"openid\", \"email\", \"offline_access\"]\nprompt = \"consent\"\n",
            provider.issuer(),
        );
        fs::write(&config, file).unwrap();
        let mut command = command(&place.path().join("data"));
        command.arg("--config").arg(config);
        command.env("PROVIDER_REAL_CLIENT_SECRET", SECRET);
        let server = Server::start(&mut command);
        let own = format!("http://{}", server.address);
        let client = real_provider::Client::basic("sessiond", SECRET)
            .redirects_to(format!("{own}/auth/callback"))
            .hears_of_logouts_at(format!("{own}/auth/backchannel-logout/real"));
        runtime.block_on(provider.register(&client));
        Some(Self {
            server,
            provider,
            runtime,
            _place: place,
        })
    }
}

#[test]
fn a_real_provider_signs_people_in_and_out() {
    let Some(pair) = Pair::start() else { return };
    let mut client = pair.server.connect();
    let mut browser = pair.provider.browser();
    let begun = begin(&mut client, "real");
    let url = format!("{}&login_hint=ada", begun.url);
    let callback = pair.runtime.block_on(browser.log_in(&url));
    let answer = come_back(&mut client, callback.url(), &begun.cookie);
    let session = as_json(&answer)["session_id"].as_str().unwrap().to_owned();
    assert_eq!(client.validate(&session).unwrap().0, 200);

    let refresh = format!("/sessions/{session}/refresh");
    let (status, refreshed) = client.post(&refresh, &json!({"force": true})).unwrap();
    assert_eq!(status, 200, "{refreshed}");
    let (_, live) = client.get(&format!("/sessions/{session}/token")).unwrap();
    let live = live["access_token"].as_str().unwrap();
    let state = pair.runtime.block_on(pair.provider.token(live));
    assert!(state.is_some_and(|state| state.is_alive));

    // Another person, who stays.
    let other = begin(&mut client, "real");
    let url = format!("{}&login_hint=grace", other.url);
    let callback = pair.runtime.block_on(pair.provider.log_in(&url));
    let answer = come_back(&mut client, callback.url(), &other.cookie);
    let stays = as_json(&answer)["session_id"].as_str().unwrap().to_owned();

    // The provider tells this server that the first one signed out there.
    pair.runtime.block_on(browser.log_out());
    let counts = pair.runtime.block_on(pair.provider.counts());
    assert_eq!((counts.logouts_taken, counts.logouts_refused), (1, 0));
    assert_eq!(client.validate(&session).unwrap().0, 401);
    assert_eq!(client.validate(&stays).unwrap().0, 200);
}
