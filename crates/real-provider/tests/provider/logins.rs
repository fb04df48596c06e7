//! Discovery, and login by code + PKCE.

use real_provider::{Client, Options, REFUSES, RealProvider};

use crate::application::{Application, REDIRECT_URI, client, get, jwt, text};

#[tokio::test]
async fn discovery_names_the_issuer_and_every_endpoint() {
    let Some(provider) = RealProvider::start(Options::default()).await else {
        return;
    };
    let issuer = provider.issuer();
    let told = get(format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(told["issuer"], issuer);
    for (name, path) in [
        ("authorization_endpoint", "/auth"),
        ("token_endpoint", "/token"),
        ("introspection_endpoint", "/token/introspection"),
        ("revocation_endpoint", "/token/revocation"),
        ("jwks_uri", "/jwks"),
    ] {
        assert_eq!(told[name], format!("{issuer}{path}"), "{name}");
    }
    for name in [
        "authorization_response_iss_parameter_supported",
        "backchannel_logout_session_supported",
        "claims_parameter_supported",
    ] {
        assert_eq!(told[name], true, "{name}");
    }
    assert_eq!(provider.counts().await.discoveries, 1);
    let keys = get(format!("{issuer}/jwks")).await;
    let kinds: Vec<&str> = keys["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| text(key, "alg"))
        .collect();
    assert_eq!(kinds, ["RS256", "ES256"]);
    assert_eq!(provider.counts().await.key_fetches, 1);
}

#[tokio::test]
async fn a_login_ends_at_the_client_with_code_state_and_iss() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let callback = provider.log_in(&app.authorization_url("grace")).await;
    assert!(callback.url().starts_with(&format!("{REDIRECT_URI}?")));
    assert_eq!(callback.state().as_deref(), Some("a state"));
    assert_eq!(callback.iss().as_deref(), Some(provider.issuer()));
    assert_eq!(callback.error(), None);

    let (status, tokens) = app.exchange(&callback).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    let (header, claims) = jwt(text(&tokens, "id_token"));
    assert_eq!(header["alg"], "RS256");
    assert_eq!(claims["iss"], provider.issuer());
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["sub"], "grace");
    assert_eq!(claims["nonce"], "a-nonce");
    assert!(claims.get("email").is_none(), "bare unless asked: {claims}");

    let (status, again) = app.exchange(&callback).await;
    assert_eq!((status, text(&again, "error")), (400, "invalid_grant"));
    let counts = provider.counts().await;
    assert_eq!((counts.code_exchanges, counts.codes_exchanged), (2, 1));
    let grant = provider.token(text(&tokens, "refresh_token")).await;
    assert_eq!(grant, None, "a code that came twice kills what it gave");
}

#[tokio::test]
async fn every_way_of_authentication_is_checked() {
    let clients = vec![
        client(),
        Client::post("poster", "secret").redirects_to(REDIRECT_URI),
        Client::public("page").redirects_to(REDIRECT_URI),
    ];
    let options = Options {
        clients,
        ..Options::default()
    };
    let Some(provider) = RealProvider::start(options).await else {
        return;
    };
    // The provider takes a secret for either method, and a wrong one for none.
    for (id, secret, expected) in [
        ("app", "secret", "invalid_grant"),
        ("poster", "secret", "invalid_grant"),
        ("app", "another", "invalid_client"),
        ("poster", "another", "invalid_client"),
        ("page", "secret", "invalid_client"),
        ("unknown", "secret", "invalid_client"),
    ] {
        let app = Application::named(&provider, id, secret);
        let (_, answer) = app.refresh("an unknown token").await;
        assert_eq!(text(&answer, "error"), expected, "{id} with {secret}");
    }
}

#[tokio::test]
async fn without_pkce_there_is_no_code() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let callback = provider.log_in(&app.without_pkce("ada")).await;
    assert_eq!(callback.error().as_deref(), Some("invalid_request"));
    assert_eq!(callback.code(), None);
}

#[tokio::test]
async fn a_person_who_does_not_agree_comes_back_without_a_code() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let callback = provider.log_in(&app.authorization_url(REFUSES)).await;
    assert_eq!(callback.error().as_deref(), Some("access_denied"));
    assert_eq!(callback.code(), None);
    assert_eq!(callback.state().as_deref(), Some("a state"));
    assert_eq!(callback.iss().as_deref(), Some(provider.issuer()));
}

#[tokio::test]
async fn a_refresh_token_needs_the_scope_and_the_consent() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let asked = app.authorization_url("ada");
    for lacking in [
        asked.replace("%20offline_access", ""),
        asked.replace("&prompt=consent", ""),
    ] {
        assert_ne!(lacking, asked);
        let callback = provider.log_in(&lacking).await;
        let (status, tokens) = app.exchange(&callback).await;
        assert_eq!(status, 200, "the scope goes without a word: {tokens}");
        assert!(tokens.get("refresh_token").is_none(), "{lacking}");
    }
}

#[tokio::test]
async fn options_and_clients_change_what_a_login_gives() {
    let options = Options {
        access_token_ttl: std::time::Duration::from_secs(7),
        claims_in_id_token: true,
        ..Options::default()
    };
    let Some(provider) = RealProvider::start(options).await else {
        return;
    };
    // A client may come later: its address is often not known before the provider's.
    provider.register(&client().signed_with("ES256")).await;
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    assert_eq!(tokens["expires_in"], 7);
    let (header, claims) = jwt(text(&tokens, "id_token"));
    assert_eq!(header["alg"], "ES256");
    assert_eq!(claims["email"], "ada@example.org");
    assert!(claims.get("sid").is_none(), "not without a logout address");

    provider
        .register(&Client::basic("app", "another").redirects_to(REDIRECT_URI))
        .await;
    let (status, answer) = app.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!((status, text(&answer, "error")), (401, "invalid_client"));
}
