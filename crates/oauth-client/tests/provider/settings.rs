use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oauth_client::{ClientAuthentication, ClientSecret, OAuthClient, ProviderSettings};
use session_core::InvalidInput;
use session_core::ports::{Clock, LoginProvider as _};

use crate::sample::{TestClock, name, token};

fn good() -> ProviderSettings {
    let mut settings = ProviderSettings::new(name(), "client");
    settings.issuer = Some("https://id.example".to_owned());
    settings.client_secret = Some(ClientSecret::new("hunter2"));
    settings
}

fn checked(change: impl FnOnce(&mut ProviderSettings)) -> Result<OAuthClient, InvalidInput> {
    let mut settings = good();
    change(&mut settings);
    OAuthClient::new(settings, TestClock::new() as Arc<dyn Clock>)
}

type Change = fn(&mut ProviderSettings);
type Field = fn(&mut ProviderSettings) -> &mut Option<String>;

#[test]
fn each_wrong_setting_is_named_and_never_repeated() {
    fn parameter(settings: &mut ProviderSettings, name: &str, value: &str) {
        settings
            .parameters
            .push((name.to_owned(), value.to_owned()));
    }
    let cases: &[(&str, Change)] = &[
        ("client_id", |s| s.client_id.clear()),
        ("client_id", |s| s.client_id = "ü".to_owned()),
        ("client_id", |s| s.client_id = "a\nb".to_owned()),
        ("client_secret", |s| s.client_secret = None),
        ("client_secret", |s| {
            s.client_secret = Some(ClientSecret::new(""))
        }),
        ("client_secret", |s| {
            s.client_secret = Some(ClientSecret::new("hunter2\n"))
        }),
        ("client_secret", |s| {
            s.client_authentication = ClientAuthentication::None
        }),
        ("token_endpoint", |s| s.issuer = None),
        ("scopes", |s| s.scopes = vec!["hunter2 b".to_owned()]),
        ("scopes", |s| s.scopes = vec![String::new()]),
        ("scopes", |s| s.scopes = vec!["a\"".to_owned()]),
        ("parameters", |s| parameter(s, "state", "hunter2")),
        ("parameters", |s| parameter(s, "client_id", "hunter2")),
        ("parameters", |s| parameter(s, "redirect_uri", "hunter2")),
        ("parameters", |s| parameter(s, "request_uri", "hunter2")),
        ("parameters", |s| {
            parameter(s, "code_challenge_method", "plain")
        }),
        ("parameters", |s| parameter(s, "", "hunter2")),
        ("parameters", |s| parameter(s, "a", "hunter2\r")),
        ("parameters", |s| {
            parameter(s, "a", "hunter2");
            parameter(s, "a", "b");
        }),
        ("call_timeout", |s| s.call_timeout = Duration::ZERO),
        ("call_timeout", |s| s.call_timeout = Duration::MAX),
        ("connect_timeout", |s| s.connect_timeout = Duration::ZERO),
        ("connect_timeout", |s| {
            s.connect_timeout = Duration::from_secs(21)
        }),
        ("authorization_endpoint", |s| {
            s.authorization_endpoint = Some("https://id.example/?nonce=hunter2".to_owned());
        }),
        ("ca_file", |s| {
            s.ca_file = Some(PathBuf::from("/nowhere/hunter2"))
        }),
        ("ca_file", |s| {
            s.ca_file = Some(PathBuf::from(env!("CARGO_MANIFEST_PATH")))
        }),
    ];
    for (number, (setting, change)) in cases.iter().enumerate() {
        let error = checked(change).expect_err(&format!("case {number}"));
        assert_eq!(error.field(), *setting, "case {number}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    assert!(checked(|_| {}).is_ok());
}

#[test]
fn a_url_is_https_or_on_this_machine() {
    let fields: [(&str, Field); 6] = [
        ("issuer", |s| &mut s.issuer),
        ("authorization_endpoint", |s| &mut s.authorization_endpoint),
        ("token_endpoint", |s| &mut s.token_endpoint),
        ("introspection_endpoint", |s| &mut s.introspection_endpoint),
        ("revocation_endpoint", |s| &mut s.revocation_endpoint),
        ("jwks_uri", |s| &mut s.jwks_uri),
    ];
    for (setting, field) in fields {
        let with = |url: &str| checked(|settings| *field(settings) = Some(url.to_owned()));
        for url in [
            "",
            "id.example",
            "http://id.example",
            "http://127.0.0.1.id.example",
            "http://localhost.id.example",
            "http://10.0.0.1",
            "ftp://id.example",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "https://user@id.example",
            "https://user:hunter2@id.example",
            "https://id.example/#hunter2",
            "https://id.example/#",
            " https://id.example",
            "https://id.exa\nmple",
            "https://id.example/ü",
        ] {
            let error = with(url).expect_err(url);
            assert_eq!(error.field(), setting, "{url}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        for url in [
            "https://id.example",
            "https://id.example:8443/a/b",
            "http://localhost:9000",
            "http://127.0.0.1:9000/a",
            "http://127.8.9.10",
            "http://[::1]:9000",
        ] {
            assert!(with(url).is_ok(), "{setting} {url}");
        }
    }
    assert!(checked(|s| s.issuer = Some("https://id.example/?a".to_owned())).is_err());
    assert!(checked(|s| s.token_endpoint = Some("https://id.example/?a".to_owned())).is_ok());
}

#[tokio::test]
async fn without_an_issuer_nobody_signs_in() {
    let client = checked(|settings| {
        settings.issuer = None;
        settings.token_endpoint = Some("https://id.example/token".to_owned());
    });
    let client = client.expect("good settings");
    assert!(!client.signs_in());
    assert_eq!(client.issuer(), "");
    let verified = client
        .verify_id_token(&token("a.b.c"), "n", chrono::DateTime::UNIX_EPOCH)
        .await;
    assert!(verified.is_err());
    assert_eq!(client.names_itself().await, Ok(false));
}

/// Requirement 7.
#[test]
fn nothing_shows_the_secret() {
    let settings = good();
    assert!(!format!("{settings:?}").contains("hunter2"));
    let client = checked(|_| {}).expect("good settings");
    assert!(!format!("{client:?}").contains("hunter2"));
}
