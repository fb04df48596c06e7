//! Requirements 31 to 33: what is not one of our access tokens, whole and in time, is refused. The table
//! of the signer itself is in `token-jwt`; this one goes through the face.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Ask, Server, SignedIn};

fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The test server's own key.
fn own_key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn signed_by(key: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let input = format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    );
    let signature = encode(key.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

fn with(value: &Value, name: &str, member: Value) -> Value {
    let mut value = value.clone();
    value[name] = member;
    value
}

fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(name);
    value
}

/// Every attack is answered 401, and a token forged with the true key is let in: so the table tests
/// what it says.
#[tokio::test]
async fn forged_tokens_are_refused() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let parts: Vec<_> = ada.access.split('.').collect();
    let [head, body, signature] = parts.as_slice() else {
        panic!("three parts")
    };
    let (header, claims) = (decode(head), decode(body));
    let own = own_key();
    let sign = |header: &Value, claims: &Value| signed_by(&own, header, claims);
    let me = |token: &str| Ask::get("/auth/me").bearer(token);
    assert!(
        server.is_let_in(me(&sign(&header, &claims))).await,
        "the table's key is the server's"
    );

    let foreign = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let by_public_key = |header: &Value| {
        let input = format!("{}.{body}", encode(header.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, own.public_key().as_ref());
        let tag = encode(hmac::sign(&key, input.as_bytes()));
        format!("{input}.{tag}")
    };
    let unsigned = |alg: &str| {
        let header = with(&header, "alg", alg.into());
        format!("{}.{body}.", encode(header.to_string()))
    };
    let (iat, exp) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    let mut attacks: Vec<(String, String)> = Vec::new();
    let mut attack = |name: &str, token: String| attacks.push((name.to_owned(), token));
    for alg in ["none", "None", "NONE", ""] {
        attack("unsigned", unsigned(alg));
        attack(
            "unsigned, with a signature",
            format!("{}{signature}", unsigned(alg)),
        );
    }
    for alg in ["HS256", "ES256", "RS256", "Ed448", "eddsa"] {
        attack(
            "another algorithm",
            sign(&with(&header, "alg", alg.into()), &claims),
        );
    }
    attack(
        "HS256 by the public key",
        by_public_key(&with(&header, "alg", "HS256".into())),
    );
    attack("HMAC under our own name", by_public_key(&header));
    attack("another key", signed_by(&foreign, &header, &claims));
    for kid in [
        "unknown",
        "../../dev/null",
        "/etc/passwd",
        "' OR 1=1 --",
        "",
    ] {
        attack(
            "another kid",
            sign(&with(&header, "kid", kid.into()), &claims),
        );
    }
    attack("no kid", sign(&without(&header, "kid"), &claims));
    attack(
        "kid of another type",
        sign(&with(&header, "kid", json!(["x"])), &claims),
    );
    for name in [
        "jku",
        "jwk",
        "x5u",
        "x5c",
        "crit",
        "b64",
        "zip",
        "cty",
        "unheard_of",
    ] {
        attack(name, sign(&with(&header, name, json!(["exp"])), &claims));
    }
    for typ in ["JWT", "at+JWT", "application/at+jwt", "logout+jwt", ""] {
        attack(
            "another kind",
            sign(&with(&header, "typ", typ.into()), &claims),
        );
    }
    for name in [
        "iss",
        "aud",
        "sub",
        "sid",
        "jti",
        "iat",
        "exp",
        "role",
        "permissions",
    ] {
        attack("a claim missing", sign(&header, &without(&claims, name)));
        attack(
            "a claim mistyped",
            sign(&header, &with(&claims, name, json!({"a": 1}))),
        );
        attack(
            "a claim null",
            sign(&header, &with(&claims, name, Value::Null)),
        );
    }
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("https://other.example")),
        ("sub", json!("somebody else")),
        ("sid", json!("019a9c2e-7c00-7000-8000-000000000000")),
        ("sid", json!("not a uuid")),
        ("jti", json!("not a uuid")),
        ("exp", json!(iat - 6)),
        ("exp", json!(exp.to_string())),
        ("exp", json!(-1)),
        ("iat", json!(exp + 3600)),
        ("nbf", json!(exp)),
    ] {
        attack(name, sign(&header, &with(&claims, name, value)));
    }
    attack(
        "a claim changed",
        format!(
            "{head}.{}.{signature}",
            encode(with(&claims, "role", "admin".into()).to_string(),)
        ),
    );
    for cut in [1, 2, 10, signature.len()] {
        let cut = &signature[..signature.len() - cut];
        attack("a signature cut short", format!("{head}.{body}.{cut}"));
    }
    attack("a part too many", format!("{}.{signature}", ada.access));
    attack("a part too few", format!("{head}.{body}"));
    attack("padding", format!("{}==", ada.access));
    attack("nothing", ".".to_owned());
    attack("dots", "..".to_owned());
    attack("long", "a".repeat(10_000));
    assert!(attacks.len() > 70);
    for (name, token) in attacks {
        let answer = server.send(me(&token)).await;
        let code = answer.problem(401);
        let expected = if name == "exp" {
            ["access_token_expired", "access_token_invalid"].contains(&&*code)
        } else {
            code == "access_token_invalid"
        };
        assert!(expected, "{name}: {code}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(token.len() < 8 || !answer.text().contains(&token), "{name}");
    }
    assert!(
        server.is_let_in(me(&ada.access)).await,
        "the true one is still good"
    );
}

/// A token is good no longer than its session, whatever it says.
#[tokio::test]
async fn an_access_token_ends_with_its_session() {
    let server = Server::new();
    let suspended = server.sign_in("ada@example.org").await;
    let me = |who: &SignedIn| who.ask_by_access("GET", "/auth/me");
    let path = format!("/admin/sessions/{}", suspended.handle());
    let admin = |method: &str, path: &str| Ask::admin(method, path);
    server
        .send(admin("POST", &format!("{path}/suspend")))
        .await
        .ok();
    assert!(!server.is_let_in(me(&suspended)).await);
    server
        .send(admin("POST", &format!("{path}/resume")))
        .await
        .ok();
    assert!(server.is_let_in(me(&suspended)).await);
    server.send(admin("DELETE", &path)).await.ok();
    assert!(!server.is_let_in(me(&suspended)).await);
    // Near its session's end a token is short.
    let late = server.sign_in("ada@example.org").await;
    for _ in 0..3 {
        server.pass(1190);
        assert!(server.lets_in(&late.token).await);
    }
    let body = server
        .send(late.ask("POST", "/auth/sessions/refresh"))
        .await
        .ok();
    assert_eq!(body["expires_in"], 30);
}

/// The role that counts is the one that the session has now.
#[tokio::test]
async fn the_admin_face_goes_by_the_session_not_by_the_token() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let audit = || Ask::get("/admin/audit").bearer(&ada.access);
    assert_eq!(server.send(audit()).await.problem(403), "admin_only");
    let patch = Ask::service("PATCH", &format!("/sessions/{}", ada.token));
    let patch = patch.json(&json!({"metadata": {"role": "admin"}}));
    server.send(patch).await.ok();
    server.send(audit()).await.ok();
    let both = ada.ask("GET", "/admin/audit").bearer(&ada.access);
    server.send(both).await.ok();
    let patch = Ask::service("PATCH", &format!("/sessions/{}", ada.token));
    let patch = patch.json(&json!({"metadata": {"role": null}}));
    server.send(patch).await.ok();
    assert_eq!(server.send(audit()).await.problem(403), "admin_only");
}
