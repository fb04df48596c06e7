//! Introspection, revocation, public keys (requirement 40).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Answer, Ask, ISSUER, Server};

fn form(path: &str, token: &str) -> Ask {
    let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
    Ask::service("POST", path)
        .header("content-type", "application/x-www-form-urlencoded")
        .bytes(format!("token={token}&token_type_hint=access_token").into_bytes())
}

async fn introspect(server: &Server, token: &str) -> Value {
    server.send(form("/oauth2/introspect", token)).await.ok()
}

#[tokio::test]
async fn a_good_token_is_told_with_what_it_is_good_for() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let about = introspect(&server, &ada.access).await;
    assert_eq!(
        (&about["active"], &about["token_type"]),
        (&json!(true), &json!("access_token"))
    );
    assert_eq!(
        (&about["sub"], &about["sid"]),
        (&json!(ada.user_id), &json!(ada.handle()))
    );
    assert_eq!(
        (&about["role"], &about["permissions"]),
        (&json!("user"), &json!([]))
    );
    let (iat, exp) = (
        about["iat"].as_i64().unwrap(),
        about["exp"].as_i64().unwrap(),
    );
    assert_eq!(exp - iat, 900);
    assert!(about["jti"].is_string());
    let about = introspect(&server, &ada.token).await;
    assert_eq!(
        (&about["active"], &about["token_type"]),
        (&json!(true), &json!("session_token"))
    );
    assert_eq!(
        about["exp"].as_i64().unwrap() - about["iat"].as_i64().unwrap(),
        3600
    );
    assert!(about.get("jti").is_none());
}

/// Rights that were taken away are not told from the token.
#[tokio::test]
async fn rights_are_told_as_they_are_now() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let patch = |role: Value| {
        let ask = Ask::service("PATCH", &format!("/sessions/{}", ada.token));
        ask.json(&json!({"metadata": {"role": role}}))
    };
    server.send(patch("admin".into())).await.ok();
    assert_eq!(introspect(&server, &ada.access).await["role"], "admin");
    server.send(patch(Value::Null)).await.ok();
    assert_eq!(introspect(&server, &ada.access).await["role"], "user");
    // To the second, whatever readers of tokens allow for clocks that differ.
    server.pass(900);
    assert_eq!(
        introspect(&server, &ada.access).await,
        json!({"active": false})
    );
}

/// RFC 7662 §2.2: nothing but that it is not active.
#[tokio::test]
async fn a_token_that_is_no_good_is_told_as_nothing_else() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let eve = server.sign_in("eve@example.org").await;
    server.send(eve.ask("POST", "/auth/logout")).await.ok();
    let wrong = [
        &*eve.token,
        &eve.access,
        ada.handle(),
        "nonsense",
        "",
        crate::support::SERVICE_KEY,
        &ada.access[..ada.access.len() - 2],
    ];
    for token in wrong {
        assert_eq!(
            introspect(&server, token).await,
            json!({"active": false}),
            "{token}"
        );
    }
    server.pass(900);
    assert_eq!(
        introspect(&server, &ada.access).await,
        json!({"active": false})
    );
}

#[tokio::test]
async fn a_revoked_token_lets_nobody_in() {
    let server = Server::new();
    let (ada, eve) = (
        server.sign_in("ada@example.org").await,
        server.sign_in("eve@example.org").await,
    );
    let revoke = async |token: &str| -> Answer { server.send(form("/oauth2/revoke", token)).await };
    for _ in 0..2 {
        assert_eq!(revoke(&ada.access).await.status, 200);
    }
    let refused = server.send(ada.ask_by_access("GET", "/auth/me")).await;
    assert_eq!(refused.problem(401), "access_token_invalid");
    assert!(
        server.lets_in(&ada.token).await,
        "an access token goes alone"
    );
    assert_eq!(revoke(&eve.token).await.status, 200);
    assert!(
        !server.lets_in(&eve.token).await,
        "a session token with its session"
    );
    assert!(!server.is_let_in(eve.ask_by_access("GET", "/auth/me")).await);
    for unknown in ["nonsense", "", &eve.token, ada.handle()] {
        assert_eq!(revoke(unknown).await.status, 200, "{unknown}");
    }
    assert!(server.lets_in(&ada.token).await);
}

#[tokio::test]
async fn only_backends_may_ask_and_only_by_form() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        let ask = || {
            Ask::new("POST", path)
                .header("content-type", "application/x-www-form-urlencoded")
                .bytes(format!("token={}", ada.token).into_bytes())
        };
        assert_eq!(server.send(ask()).await.problem(401), "key_required");
        let by_token = server.send(ask().header("x-session-id", &ada.token)).await;
        assert_eq!(by_token.problem(401), "key_required");
        server.send(ask().bearer(&ada.access)).await.problem(401);
        let json = Ask::service("POST", path).json(&json!({"token": ada.token}));
        assert_eq!(
            server.send(json).await.problem(415),
            "unsupported_media_type"
        );
        for body in ["", "hint=x", "token=a&token=b"] {
            let ask = Ask::service("POST", path)
                .header("content-type", "application/x-www-form-urlencoded")
                .bytes(body.into());
            assert_eq!(
                server.send(ask).await.problem(400),
                "invalid_request",
                "{body}"
            );
        }
    }
    assert!(server.lets_in(&ada.token).await);
}

/// Whoever checks tokens elsewhere needs the public halves, and gets no more.
#[tokio::test]
async fn the_public_keys_are_public() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let answer = server.send(Ask::get("/.well-known/jwks.json")).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=60");
    let keys = answer.ok()["keys"].as_array().unwrap().clone();
    let [key] = keys.as_slice() else {
        panic!("one key")
    };
    let mut members: Vec<_> = key
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["alg", "crv", "kid", "kty", "use", "x"],
        "and no `d`"
    );
    let decode = |part: &str| -> Value {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let parts: Vec<_> = ada.access.split('.').collect();
    let (header, claims) = (decode(parts[0]), decode(parts[1]));
    assert_eq!(
        header,
        json!({"alg": key["alg"], "typ": "at+jwt", "kid": key["kid"]})
    );
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(ISSUER), &json!(AUDIENCE))
    );
    assert_eq!(
        (&claims["sub"], &claims["sid"]),
        (&json!(ada.user_id), &json!(ada.handle()))
    );
}
