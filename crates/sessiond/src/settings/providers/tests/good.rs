//! What is read of good settings.

use std::time::Duration;

use app::wiring::ClientAuthentication;
use chrono::TimeDelta;

use super::{GOOD, SECRET, read, refused, shown};

#[test]
fn without_any_there_are_none() {
    let settings = read("", &[]).unwrap();
    assert!(settings.providers.is_empty());
    assert!(settings.without_effect.is_empty());
}

#[test]
fn every_member_of_the_file_is_read() {
    let settings = read(GOOD, &[]).unwrap();
    let [acme] = &*settings.providers else {
        panic!("one provider")
    };
    let at = |path: &str| Some(format!("https://id.acme.example{path}"));
    assert_eq!(acme.name.as_str(), "acme");
    assert_eq!(acme.issuer, at(""));
    assert_eq!(acme.token_endpoint, at("/token"));
    assert_eq!(acme.authorization_endpoint, at("/login?theme=dark"));
    assert_eq!(acme.introspection_endpoint, at("/introspect"));
    assert_eq!(acme.revocation_endpoint, at("/revoke"));
    assert_eq!(acme.jwks_uri, at("/keys"));
    assert_eq!(acme.client_id, "sessiond");
    assert!(acme.client_secret.is_some());
    assert_eq!(acme.client_authentication, ClientAuthentication::Post);
    assert_eq!(acme.scopes, ["openid", "offline_access"]);
    let mut parameters = acme.parameters.clone();
    parameters.sort_unstable();
    let expected = [
        ("audience", "api & more"),
        ("max_age", "60"),
        ("prompt", "consent"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters, expected);
    assert!(acme.names_itself);
    assert_eq!(acme.call_timeout, Duration::from_secs(3));
    assert!(acme.connect_timeout <= acme.call_timeout);
    assert_eq!(acme.ca_file.as_deref(), Some("/no/such/file".as_ref()));
    assert!(!format!("{settings:?}").contains(SECRET));
}

#[test]
fn what_is_left_out_is_the_default() {
    let few = "[providers.acme]\ntoken_endpoint = \"http://127.0.0.1:1/t\"\nclient_id = \"c\"\n\
               client_secret = \"s\"";
    let settings = read(few, &[]).unwrap();
    let [acme] = &*settings.providers else {
        panic!("one provider")
    };
    assert_eq!(acme.client_authentication, ClientAuthentication::Basic);
    assert_eq!(acme.scopes, ["openid"]);
    assert_eq!(acme.parameters, []);
    assert!(!acme.names_itself);
    assert_eq!(acme.call_timeout, Duration::from_secs(20));
    assert_eq!(acme.connect_timeout, Duration::from_secs(5));
    assert_eq!((&acme.issuer, &acme.ca_file), (&None, &None));
}

/// Secrets need not be in the file; and a provider need not be either.
#[test]
fn every_member_may_be_in_the_environment() {
    let settings = read(
        "[providers.my-idp]\nissuer = \"https://a.example\"\nclient_id = \"c\"",
        &[
            ("PROVIDER_MY_IDP_CLIENT_SECRET", "hunter2"),
            ("PROVIDER_MY_IDP_CLIENT_ID", "other"),
            ("PROVIDER_B_2_ISSUER", "https://b.example"),
            ("PROVIDER_B_2_AUTHORIZATION_ENDPOINT", "https://b.example/a"),
            ("PROVIDER_B_2_TOKEN_ENDPOINT", "https://b.example/t"),
            ("PROVIDER_B_2_INTROSPECTION_ENDPOINT", "https://b.example/i"),
            ("PROVIDER_B_2_REVOCATION_ENDPOINT", "https://b.example/r"),
            ("PROVIDER_B_2_JWKS_URI", "https://b.example/k"),
            ("PROVIDER_B_2_CLIENT_ID", "c"),
            ("PROVIDER_B_2_CLIENT_AUTHENTICATION", "none"),
            ("PROVIDER_B_2_SCOPES", " openid  email "),
            ("PROVIDER_B_2_PROMPT", "login"),
            ("PROVIDER_B_2_PARAMETERS", "audience=a%20b&x="),
            ("PROVIDER_B_2_NAMES_ITSELF", "yes"),
            ("PROVIDER_B_2_TIMEOUT", "120"),
            ("PROVIDER_B_2_CA_FILE", "ca.pem"),
            ("PROVIDER_B_2_CLIENT_SECRET", " "),
        ],
    );
    let settings = settings.unwrap();
    let [b, idp] = &*settings.providers else {
        panic!("two providers")
    };
    assert_eq!((b.name.as_str(), idp.name.as_str()), ("b_2", "my-idp"));
    assert_eq!(idp.client_id, "other", "the environment wins");
    assert!(idp.client_secret.is_some());
    let endpoints = [
        &b.authorization_endpoint,
        &b.token_endpoint,
        &b.introspection_endpoint,
        &b.revocation_endpoint,
        &b.jwks_uri,
    ];
    let ends = endpoints.map(|url| url.as_deref().and_then(|url| url.rsplit('/').next()));
    assert_eq!(ends, ["a", "t", "i", "r", "k"].map(Some));
    assert_eq!(b.client_authentication, ClientAuthentication::None);
    assert!(b.client_secret.is_none(), "an empty variable is not set");
    assert_eq!(b.scopes, ["openid", "email"]);
    let parameters = [("audience", "a b"), ("x", ""), ("prompt", "login")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(b.parameters, parameters);
    assert!(b.names_itself);
    assert_eq!(b.call_timeout, Duration::from_secs(120));
    assert_eq!(b.ca_file.as_deref(), Some("ca.pem".as_ref()));
}

#[test]
fn the_secret_may_be_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "hunter2\n").unwrap();
    let name = file.to_str().unwrap();
    let environment = [
        ("PROVIDER_A_ISSUER", "https://a.example"),
        ("PROVIDER_A_CLIENT_ID", "c"),
        ("PROVIDER_A_CLIENT_SECRET_FILE", name),
    ];
    let settings = read("", &environment).unwrap();
    assert!(settings.providers[0].client_secret.is_some());
    for (text, problem) in [("", "is an empty file"), (" \n", "is an empty file")] {
        std::fs::write(&file, text).unwrap();
        let lines = refused("", &environment);
        assert_eq!(lines, [format!("PROVIDER_A_CLIENT_SECRET_FILE {problem}")]);
    }
    std::fs::remove_file(&file).unwrap();
    let lines = refused("", &environment);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("PROVIDER_A_CLIENT_SECRET_FILE is a file that cannot be read"));
}

/// The two variables that the systems sessiond replaces know are all that their provider needs.
#[test]
fn the_seeds_variables_make_their_provider() {
    let seeds = [
        ("OPENROUTER_CLIENT_ID", "id"),
        ("OPENROUTER_CLIENT_SECRET", "hunter2"),
    ];
    let settings = read("", &seeds).unwrap();
    let token_endpoint = "https://openrouter.ai/api/v1/auth/token";
    assert_eq!(
        shown(&settings),
        [("openrouter".to_owned(), Some(token_endpoint), true)]
    );
    let openrouter = &settings.providers[0];
    let introspection = "https://openrouter.ai/api/v1/auth/introspect";
    assert_eq!(
        openrouter.introspection_endpoint.as_deref(),
        Some(introspection)
    );
    assert_eq!(
        (openrouter.client_id.as_str(), &openrouter.issuer),
        ("id", &None)
    );
    assert_eq!(
        openrouter.client_authentication,
        ClientAuthentication::Basic
    );
    assert!(settings.without_effect.is_empty());

    // The rest of it is set like that of any other.
    let file = "[providers.openrouter]\ntoken_endpoint = \"http://localhost:1/t\"\n\
                client_authentication = \"post\"";
    let settings = read(file, &seeds).unwrap();
    let openrouter = &settings.providers[0];
    assert_eq!(
        openrouter.token_endpoint.as_deref(),
        Some("http://localhost:1/t")
    );
    assert_eq!(
        openrouter.introspection_endpoint, None,
        "it is another place"
    );
    assert_eq!(openrouter.client_authentication, ClientAuthentication::Post);

    let in_file = "openrouter_client_id = \"id\"\nopenrouter_client_secret = \"hunter2\"";
    assert_eq!(shown(&read(in_file, &[]).unwrap()).len(), 1);
    let by_name = "[providers.openrouter]\nclient_id = \"id\"\nclient_secret = \"hunter2\"";
    assert_eq!(
        shown(&read(by_name, &[]).unwrap())[0].1,
        Some(token_endpoint)
    );

    let twice = "[providers.openrouter]\nclient_id = \"hunter2\"";
    let problem = "contradicts the settings of the provider `openrouter`: give one of the two";
    assert_eq!(
        refused(twice, &seeds),
        [format!("OPENROUTER_CLIENT_ID {problem}")]
    );
    let lines = refused("", &seeds[..1]);
    assert!(
        lines[0].starts_with("OPENROUTER_CLIENT_SECRET is missing"),
        "{lines:?}"
    );
    let lines = refused("", &seeds[1..]);
    assert_eq!(lines, ["OPENROUTER_CLIENT_ID is missing"]);
}

#[test]
fn how_tokens_are_renewed_is_set() {
    let tokens = read("", &[]).unwrap().policies.tokens;
    assert_eq!(tokens, app::TokenPolicy::default());
    let settings = read(
        "",
        &[
            ("PROVIDER_REFRESH_AHEAD", "60"),
            ("PROVIDER_TOKEN_GRACE", "0"),
            ("PROVIDER_REFRESH_RATE", "7"),
            ("PROVIDER_MAX_TRIES", "5"),
            ("PROVIDER_RETRY_DELAY", "2"),
            ("PROVIDER_RETRY_MAX_DELAY", "9"),
            ("PROVIDER_REFRESH_RETENTION", "3600"),
        ],
    );
    let tokens = settings.unwrap().policies.tokens;
    assert_eq!(tokens.refresh.proactive, TimeDelta::seconds(60));
    assert_eq!(tokens.refresh.grace, TimeDelta::zero());
    assert_eq!(tokens.rate, 7);
    assert_eq!(tokens.retry.max_tries, 5);
    assert_eq!(tokens.retry.initial_delay, TimeDelta::seconds(2));
    assert_eq!(tokens.retry.max_delay, TimeDelta::seconds(9));
    assert_eq!(tokens.retention, TimeDelta::hours(1));
    for (name, value) in [
        ("PROVIDER_REFRESH_AHEAD", "-1"),
        ("PROVIDER_TOKEN_GRACE", "1.5"),
        ("PROVIDER_REFRESH_RATE", "0"),
        ("PROVIDER_MAX_TRIES", "0"),
        ("PROVIDER_RETRY_DELAY", "0"),
        ("PROVIDER_RETRY_MAX_DELAY", "hunter2"),
        ("PROVIDER_REFRESH_RETENTION", "0"),
    ] {
        let lines = refused("", &[(name, value)]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(&format!("{name} takes ")), "{lines:?}");
    }
    let lines = refused("", &[("PROVIDER_RETRY_DELAY", "31")]);
    assert_eq!(
        lines,
        ["PROVIDER_RETRY_DELAY must not be over PROVIDER_RETRY_MAX_DELAY"]
    );
}
