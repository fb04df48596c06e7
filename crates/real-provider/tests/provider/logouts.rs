//! Logging out at the provider.

use real_provider::{Options, RealProvider};

use crate::application::{Application, client, jwt, text};
use crate::listener::Listener;

#[tokio::test]
async fn a_logout_at_the_provider_arrives_and_the_offline_grant_survives() {
    let mut listener = Listener::answering(200).await;
    let client = client().hears_of_logouts_at(&listener.url);
    let Some(provider) = RealProvider::start(Options::with(client)).await else {
        return;
    };
    let app = Application::of(&provider);
    let mut browser = provider.browser();
    let callback = browser.log_in(&app.authorization_url("ada")).await;
    let (_, tokens) = app.exchange(&callback).await;
    let (_, id_token) = jwt(text(&tokens, "id_token"));
    // Somebody else, in another browser.
    provider.log_in(&app.authorization_url("grace")).await;

    browser.log_out().await;
    let bodies = listener.taken();
    let [body] = bodies.as_slice() else {
        panic!("one logout token: {bodies:?}");
    };
    let token = body.strip_prefix("logout_token=").expect("a logout token");
    let (header, claims) = jwt(token);
    assert_eq!(header["typ"], "logout+jwt");
    assert_eq!(claims["iss"], provider.issuer());
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["sub"], "ada");
    assert_eq!(claims["sid"], id_token["sid"]);
    assert!(claims["sid"].is_string());
    assert!(claims["jti"].is_string());
    assert!(claims.get("nonce").is_none());
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert!(claims["events"][event].is_object());
    let counts = provider.counts().await;
    assert_eq!((counts.logouts_taken, counts.logouts_refused), (1, 0));

    let (status, _) = app.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!(status, 200, "offline access survives");
}

#[tokio::test]
async fn a_logout_token_that_is_refused_is_counted_as_such() {
    let listener = Listener::answering(400).await;
    let client = client().hears_of_logouts_at(&listener.url);
    let Some(provider) = RealProvider::start(Options::with(client)).await else {
        return;
    };
    let app = Application::of(&provider);
    let mut browser = provider.browser();
    browser.log_in(&app.authorization_url("ada")).await;
    browser.log_out().await;
    let counts = provider.counts().await;
    assert_eq!((counts.logouts_taken, counts.logouts_refused), (0, 1));
}

#[tokio::test]
async fn a_browser_stays_signed_in_until_it_logs_out() {
    let listener = Listener::answering(200).await;
    let client = client().hears_of_logouts_at(&listener.url);
    let Some(provider) = RealProvider::start(Options::with(client)).await else {
        return;
    };
    let app = Application::of(&provider);
    let mut browser = provider.browser();
    let mut sids = Vec::new();
    for logs_out in [false, true, false] {
        let callback = browser.log_in(&app.authorization_url("ada")).await;
        let (_, tokens) = app.exchange(&callback).await;
        sids.push(jwt(text(&tokens, "id_token")).1["sid"].clone());
        if logs_out {
            browser.log_out().await;
        }
    }
    assert_eq!(sids[0], sids[1]);
    assert_ne!(sids[1], sids[2]);
}
