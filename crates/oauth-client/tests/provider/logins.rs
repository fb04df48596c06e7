use scripted_provider::{Answer, Endpoint, Fault};
use session_core::ports::{LoginProvider as _, TokenProvider as _};
use session_core::{AuthorizationRequest, CodeChallenge, ProviderSubject, RefreshOutcome};

use crate::sample::{Scene, token};

const BACK: &str = "https://app.example/auth/callback?a=b&c";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-and-so-on";

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        redirect_uri: BACK.into(),
        state: "a state & more".into(),
        nonce: "a-nonce".into(),
        challenge: CodeChallenge::of(VERIFIER),
    }
}

/// What stands in the query of a URL.
fn query(url: &str) -> Vec<(String, String)> {
    let (_, query) = url.split_once('?').expect("a query");
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// The code that the provider sends the user back with.
async fn code(scene: &Scene) -> String {
    let url = scene
        .client
        .authorization_url(&request())
        .await
        .expect("a URL");
    let back = scene.provider.visit(&url);
    let mut members = query(&back).into_iter();
    let (_, code) = members.find(|(name, _)| name == "code").expect("a code");
    code
}

#[tokio::test]
async fn a_user_signs_in() {
    let scene = Scene::new();
    scene.provider.sign_in_as("grace");
    let code = token(&code(&scene).await);
    let tokens = scene
        .client
        .exchange_code(&code, VERIFIER, BACK)
        .await
        .expect("tokens");
    let id_token = tokens.id_token.expect("an ID token");
    let claims = scene
        .client
        .verify_id_token(&id_token, "a-nonce", scene.now())
        .await;
    let claims = claims.expect("a good ID token");
    assert_eq!(
        claims.subject,
        ProviderSubject {
            issuer: scene.provider.issuer().into(),
            subject: "grace".into(),
        }
    );
    assert_eq!(claims.email.as_deref(), Some("grace@example.com"));
    assert!(claims.session.is_some());
    let refresh_token = tokens.refresh_token.expect("a refresh token");
    assert!(scene.client.refresh(&refresh_token).await.is_ok());
}

#[tokio::test]
async fn the_url_holds_what_a_login_needs_once_and_more_as_told() {
    let scene = Scene::with(
        |_| {},
        |settings| {
            settings.parameters = vec![("prompt".to_owned(), "consent".to_owned())];
        },
    );
    let url = scene
        .client
        .authorization_url(&request())
        .await
        .expect("a URL");
    assert!(
        url.starts_with(&scene.provider.url(Endpoint::Authorization)),
        "{url}"
    );
    let expected = [
        ("response_type", "code"),
        ("client_id", "sessiond"),
        ("redirect_uri", BACK),
        ("scope", "openid offline_access"),
        ("state", "a state & more"),
        ("nonce", "a-nonce"),
        ("code_challenge", CodeChallenge::of(VERIFIER).as_str()),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(query(&url), expected);
}

#[tokio::test]
async fn what_the_endpoint_has_in_its_query_stays() {
    let scene = Scene::with(
        |_| {},
        |settings| {
            settings.authorization_endpoint = Some("https://id.example/go?tenant=7".to_owned());
            settings.scopes.clear();
        },
    );
    let url = scene
        .client
        .authorization_url(&request())
        .await
        .expect("a URL");
    assert!(
        url.starts_with("https://id.example/go?tenant=7&response_type=code&"),
        "{url}"
    );
    assert!(!url.contains("scope"), "{url}");
}

#[tokio::test]
async fn a_code_is_exchanged_with_its_verifier_and_its_way_back() {
    let scene = Scene::new();
    let text = code(&scene).await;
    let exchanged = scene
        .client
        .exchange_code(&token(&text), VERIFIER, BACK)
        .await;
    assert!(exchanged.is_ok());
    let call = &scene.provider.calls(Endpoint::Token)[0];
    assert_eq!(call.get("grant_type"), Some("authorization_code"));
    assert_eq!(call.get("code_verifier"), Some(VERIFIER));
    assert_eq!(call.get("redirect_uri"), Some(BACK));
    let again = scene
        .client
        .exchange_code(&token(&text), VERIFIER, BACK)
        .await;
    assert_eq!(
        again.expect_err("used").outcome(),
        RefreshOutcome::ReauthRequired
    );

    let text = code(&scene).await;
    let other = scene
        .client
        .exchange_code(&token(&text), "another", BACK)
        .await;
    assert!(other.is_err());
}

/// RFC 9207: whether one that does not name itself is to be refused.
#[tokio::test]
async fn whether_a_provider_names_itself_is_told_by_it() {
    for names_itself in [true, false] {
        let scene = Scene::with(|settings| settings.names_itself = names_itself, |_| {});
        assert_eq!(scene.client.names_itself().await, Ok(names_itself));
        assert_eq!(scene.client.issuer(), scene.provider.issuer());
        assert!(scene.client.signs_in());
    }
}

#[tokio::test]
async fn without_a_description_there_is_no_url_and_a_way_without_one_is_told() {
    let scene = Scene::new();
    scene.provider.next(Endpoint::Discovery, Fault::Status(503));
    let failure = scene
        .client
        .authorization_url(&request())
        .await
        .expect_err("none");
    assert_eq!(failure.outcome(), RefreshOutcome::Unavailable);

    let scene = Scene::new();
    let mut description = scene.provider.description();
    let members = description.as_object_mut().expect("an object");
    members.remove("authorization_endpoint");
    let fault = Fault::Instead(Answer::json(description.to_string()));
    scene.provider.next(Endpoint::Discovery, fault);
    let failure = scene
        .client
        .authorization_url(&request())
        .await
        .expect_err("none");
    assert_eq!(failure.outcome(), RefreshOutcome::RequestRefused);
    assert!(
        failure.to_string().contains("authorization endpoint"),
        "{failure}"
    );
}

#[tokio::test]
async fn what_a_provider_does_not_say_of_scopes_is_what_was_asked_for() {
    let scene = Scene::new();
    let bodies = [
        (r#"{"access_token":"a"}"#, vec!["openid", "offline_access"]),
        (r#"{"access_token":"a","scope":"openid"}"#, vec!["openid"]),
    ];
    for (body, granted) in bodies {
        let text = code(&scene).await;
        scene
            .provider
            .next_token_call(Fault::Replace(Answer::json(body)));
        let exchanged = scene
            .client
            .exchange_code(&token(&text), VERIFIER, BACK)
            .await;
        let granted: Vec<Box<str>> = granted.into_iter().map(Box::from).collect();
        assert_eq!(exchanged.expect("tokens").scopes, Some(granted));
    }
}
