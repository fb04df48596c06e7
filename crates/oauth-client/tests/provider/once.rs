//! A refresh token that is sent twice ends its grant: nothing below the port sends it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oauth_client::{ClientAuthentication, OAuthClient, ProviderSettings};
use scripted_provider::{Endpoint, Fault};
use session_core::RefreshOutcome;
use session_core::ports::{Clock, TokenProvider as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::sample::{Scene, TestClock, name, token};

#[tokio::test]
async fn no_connection_is_used_for_two_calls() {
    let scene = Scene::new();
    for _ in 0..3 {
        let token = scene.refresh_token();
        scene.client.refresh(&token).await.expect("tokens");
    }
    let calls = scene.provider.calls(Endpoint::Token);
    let mut connections: Vec<u64> = calls.iter().map(|call| call.connection).collect();
    connections.dedup();
    assert_eq!(connections.len(), 3, "{calls:?}");
}

#[tokio::test]
async fn a_refresh_is_one_call_whatever_breaks() {
    for fault in [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Status(408),
        Fault::Status(421),
        Fault::Status(425),
        Fault::Status(503),
        Fault::Status(307),
    ] {
        let scene = Scene::new();
        let first = scene.refresh_token();
        scene.client.refresh(&first).await.expect("tokens");
        let token = scene.refresh_token();
        scene.provider.next_token_call(fault.clone());
        let failed = scene.client.refresh(&token).await;
        assert!(failed.is_err(), "{fault:?}");
        let calls = scene.provider.refresh_calls();
        let sent = calls
            .iter()
            .filter(|call| call.refresh_token() == Some(token.expose()));
        assert_eq!(sent.count(), 1, "{fault:?}");
        assert!(scene.provider.is_alive(token.expose()), "{fault:?}");
    }
}

/// A server that answers each connection's first request and closes at the second, unread: there an
/// HTTP client that keeps connections sends again.
#[tokio::test]
async fn a_server_that_closes_kept_connections_gets_each_request_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                let mut text = String::new();
                while !text.contains("refresh_token=") {
                    let length = stream.read(&mut bytes).await.unwrap_or(0);
                    if length == 0 {
                        return;
                    }
                    text += &String::from_utf8_lossy(&bytes[..length]);
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let body = r#"{"access_token":"a"}"#;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    let mut settings = ProviderSettings::new(name(), "client");
    settings.token_endpoint = Some(format!("http://{address}/token"));
    settings.client_authentication = ClientAuthentication::None;
    let client = OAuthClient::new(settings, TestClock::new() as Arc<dyn Clock>);
    let client = client.expect("good settings");
    for _ in 0..20 {
        client.refresh(&token("once")).await.expect("tokens");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 20);
    server.abort();
}

/// The time of a call is that of all of it: what was sent and not answered in time is in doubt, and
/// is not sent again.
#[tokio::test]
async fn a_held_call_ends_in_time_and_is_not_sent_again() {
    let scene = Scene::with(
        |_| {},
        |settings| {
            let issuer = settings.issuer.take().expect("an issuer");
            settings.token_endpoint = Some(format!("{issuer}/token"));
            settings.call_timeout = std::time::Duration::from_millis(800);
            settings.connect_timeout = settings.call_timeout;
        },
    );
    let token = scene.refresh_token();
    let held = scene.provider.hold_next_answer(Endpoint::Token);
    let failure = scene.client.refresh(&token).await.expect_err("no answer");
    assert_eq!(failure.outcome(), RefreshOutcome::Ambiguous, "{failure}");
    assert!(held.has_arrived());
    held.release();
    assert_eq!(scene.provider.count(Endpoint::Token), 1);
}
