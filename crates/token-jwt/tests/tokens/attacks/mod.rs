//! Requirements 31 and 32: what was not signed by us, for us, in our form, is refused.

mod claims;
mod form;
mod header;

use serde_json::json;
use session_core::ports::{AccessTokenSigner as _, TokenRefusal};

use crate::forgery::{
    Signing, forge, payload, ring_header, secret_header, with_claim, with_secret_header,
};
use crate::sample::{SECRET, SEED, claims, now, ring, secret, signer};

/// A key that is not ours.
const FOREIGN: [u8; 32] = [8; 32];

/// What is wrong with the token, and the token.
type Attack = (String, String);

#[test]
fn attacks_are_refused() {
    let on_the_ring = [
        header::algorithms(),
        header::key_names(),
        header::members(),
        header::types(),
        header::as_text(),
        claims::missing_or_of_a_wrong_type(),
        claims::of_a_wrong_value(),
        claims::as_text(),
        claims::expired_and_worse(),
        form::forms(&ring_token()),
    ];
    for (attack, token) in on_the_ring.concat() {
        assert_invalid(&signer(ring()), &attack, &token);
    }
    for (attack, token) in [on_the_secret(), form::forms(&secret_token())].concat() {
        assert_invalid(&signer(secret()), &attack, &token);
    }
}

/// Else the attacks above might fail for the forger's lack of skill.
#[test]
fn a_forger_with_the_key_makes_tokens_as_good_as_ours() {
    assert_eq!(signer(ring()).verify(&ring_token(), now()), Ok(claims()));
    assert_eq!(
        signer(secret()).verify(&secret_token(), now()),
        Ok(claims())
    );
    let later_version = with_claim("client_id", Some(json!({ "a": [1] })));
    assert_eq!(signer(ring()).verify(&later_version, now()), Ok(claims()));
}

#[test]
fn keys_of_one_kind_refuse_the_tokens_of_the_other() {
    assert_invalid(&signer(ring()), "HS256 on a ring", &secret_token());
    assert_invalid(&signer(secret()), "EdDSA on a secret", &ring_token());
}

fn assert_invalid(signer: &token_jwt::JwtSigner, attack: &str, token: &str) {
    let answer = signer.verify(token, now());
    assert_eq!(answer, Err(TokenRefusal::Invalid), "{attack}: {token}");
}

fn ring_token() -> String {
    let payload = payload().to_string();
    forge(ring_header().to_string(), payload, Signing::Seed(&SEED))
}

fn secret_token() -> String {
    let payload = payload().to_string();
    forge(
        secret_header().to_string(),
        payload,
        Signing::Secret(SECRET),
    )
}

fn on_the_secret() -> Vec<Attack> {
    let mut attacks = Vec::new();
    let members = [
        ("alg", Some(json!("none"))),
        ("alg", Some(json!("HS512"))),
        ("alg", Some(json!("EdDSA"))),
        ("alg", None),
        ("typ", Some(json!("JWT"))),
        ("typ", None),
        ("kid", Some(json!("x"))),
        ("kid", Some(json!(null))),
        ("kid", Some(json!("../../dev/null"))),
        ("jku", Some(json!("https://evil.example"))),
        ("jwk", Some(json!({ "kty": "oct", "k": "AAAA" }))),
        ("crit", Some(json!(["exp"]))),
    ];
    for (name, value) in members {
        let attack = format!("HS256, {name} = {value:?}");
        attacks.push((attack, with_secret_header(name, value)));
    }
    for secret in [
        &b""[..],
        &SECRET[..31],
        b"another secret of thirty-two byte",
    ] {
        let header = secret_header().to_string();
        let token = forge(header, payload().to_string(), Signing::Secret(secret));
        attacks.push(("another secret".to_owned(), token));
    }
    let mut long = payload();
    long["x"] = json!("x".repeat(token_jwt::MAX_TOKEN_BYTES));
    let token = forge(
        secret_header().to_string(),
        long.to_string(),
        Signing::Secret(SECRET),
    );
    attacks.push(("too long, if well signed".to_owned(), token));
    attacks
}
