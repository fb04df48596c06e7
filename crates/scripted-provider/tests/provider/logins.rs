use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scripted_provider::{Algorithm, Endpoint, ScriptedProvider, Settings};
use serde_json::{Map, Value, json};
use session_core::CodeChallenge;

use crate::client::{get, member, post};

const BACK: &str = "https://app.example/callback";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-and-so-on";

/// The authorization request of a client that knows what it does.
fn request(provider: &ScriptedProvider) -> String {
    let challenge = CodeChallenge::of(VERIFIER);
    let query = [
        ("response_type", "code"),
        ("client_id", &provider.client_id()),
        ("redirect_uri", BACK),
        ("scope", "openid"),
        ("state", "a state"),
        ("nonce", "a-nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let query = serde_urlencoded::to_string(query).expect("a query");
    format!("{}?{query}", provider.url(Endpoint::Authorization))
}

/// The members that a user comes back with.
fn back(location: &str) -> Map<String, Value> {
    let query = location.strip_prefix(BACK).expect("the way back");
    let members: Vec<(String, String)> = serde_urlencoded::from_str(&query[1..]).expect("a query");
    let members = members.into_iter();
    members.map(|(name, value)| (name, value.into())).collect()
}

fn exchange(provider: &ScriptedProvider, code: &str, verifier: &str) -> crate::client::Answered {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", verifier),
    ];
    post(provider, Endpoint::Token, &form)
}

#[test]
fn a_user_comes_back_with_a_code_that_is_good_once() {
    let provider = ScriptedProvider::start();
    provider.sign_in_as("grace");
    let members = back(&provider.visit(&request(&provider)));
    assert_eq!(members["state"], "a state");
    assert_eq!(members["iss"], provider.issuer());
    let code = members["code"].as_str().expect("a code");
    let tokens = exchange(&provider, code, VERIFIER);
    let id_token = member(&tokens, "id_token");
    let claims = id_token.split('.').nth(1).expect("claims");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["sub"], "grace");
    assert_eq!(claims["nonce"], "a-nonce");
    assert_eq!(claims["iss"], provider.issuer());
    let access = member(&tokens, "access_token");
    assert!(provider.takes_access_token(&access));
    let again = exchange(&provider, code, VERIFIER);
    assert_eq!(again, Some((400, json!({ "error": "invalid_grant" }))));
    assert!(!provider.is_alive(&access));
}

#[test]
fn a_code_is_good_only_with_its_verifier() {
    let provider = ScriptedProvider::start();
    let members = back(&provider.visit(&request(&provider)));
    let code = members["code"].as_str().expect("a code");
    let tokens = exchange(&provider, code, "another-verifier");
    assert_eq!(tokens.map(|(status, _)| status), Some(400));
}

#[test]
fn the_endpoint_redirects_as_a_visit_does() {
    let provider = ScriptedProvider::start();
    let (status, _) = get(&request(&provider)).expect("an answer");
    assert_eq!(status, 303);
    provider.refuse_logins("access_denied");
    let members = back(&provider.visit(&request(&provider)));
    assert_eq!(members["error"], "access_denied");
    assert_eq!(members.get("code"), None);
}

#[test]
fn it_describes_itself_where_it_is_told_to() {
    let provider = ScriptedProvider::start_with(Settings {
        has_openid_configuration: false,
        introspects: false,
        ..Settings::default()
    });
    let (status, _) = get(&provider.url(Endpoint::Discovery)).expect("an answer");
    assert_eq!(status, 404);
    let other = format!(
        "{}/.well-known/oauth-authorization-server",
        provider.issuer()
    );
    let (status, document) = get(&other).expect("an answer");
    assert_eq!(
        (status, &document["issuer"]),
        (200, &provider.issuer().into())
    );
    assert_eq!(document.get("introspection_endpoint"), None);
    assert_eq!(
        document["revocation_endpoint"],
        provider.url(Endpoint::Revocation)
    );
}

#[test]
fn the_keys_that_sign_are_shown() {
    for algorithm in Algorithm::ALL {
        let provider = ScriptedProvider::start_with(Settings {
            algorithm,
            ..Settings::default()
        });
        let shown = || {
            let (_, keys) = get(&provider.url(Endpoint::Keys)).expect("an answer");
            let keys = keys["keys"].as_array().expect("keys").clone();
            keys.into_iter()
                .map(|key| key["kid"].as_str().expect("a name").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(), [provider.key_id()], "{algorithm:?}");
        if algorithm == Algorithm::EdDsa {
            provider.rotate_keys();
            assert_eq!(shown(), ["key-1", "key-2"]);
            provider.forget_old_keys();
            assert_eq!(shown(), ["key-2"]);
        }
    }
}
