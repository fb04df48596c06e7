//! Nothing of a token chooses how it is checked but the names of the provider's own keys.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use scripted_provider::{Algorithm, Answer, Endpoint, Fault, Key, ScriptedProvider};
use serde_json::{Value, json};
use session_core::ports::{AssertionError, LoginProvider as _};

use crate::sample::{Scene, token};

async fn is_good(scene: &Scene, text: &str) -> bool {
    let verified = scene
        .client
        .verify_id_token(&token(text), "n", scene.now())
        .await;
    match verified {
        Ok(_) => true,
        Err(AssertionError::Refused(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Makes the provider show these keys and no others.
fn show(provider: &ScriptedProvider, keys: &[Value]) {
    let body = json!({ "keys": keys }).to_string();
    provider.always(Endpoint::Keys, Some(Fault::Instead(Answer::json(body))));
}

#[tokio::test]
async fn each_algorithm_that_is_taken_is_taken() {
    for algorithm in Algorithm::ALL {
        let scene = Scene::with(|settings| settings.algorithm = algorithm, |_| {});
        let claims = scene.provider.id_claims("ada", "n");
        let good = scene.provider.sign(&claims);
        assert!(is_good(&scene, &good).await, "{algorithm:?}");
        // Signed by another key of the same name.
        let other = Key::new(&scene.provider.key_id(), algorithm).sign(&claims);
        assert!(!is_good(&scene, &other).await, "{algorithm:?}");
    }
}

/// RFC 8725 §2.1: nothing at all, and a secret that is no secret.
#[tokio::test]
async fn no_signature_and_a_shared_secret_are_refused() {
    let scene = Scene::new();
    let claims = scene.provider.id_claims("ada", "n");
    let kid = scene.provider.key_id();
    let shown = scene.provider.sign(&claims);
    let signature = shown.rsplit('.').next().expect("a signature").to_owned();
    for alg in [
        "none", "None", "NONE", "", "HS256", "RS512", "ES256K", "es256", "Ed25519",
    ] {
        let message = format!(
            "{}.{}",
            part(&json!({ "alg": alg, "kid": kid })),
            part(&claims)
        );
        for signature in ["", &signature] {
            assert!(
                !is_good(&scene, &format!("{message}.{signature}")).await,
                "{alg}"
            );
        }
    }
    let public = Key::new(&kid, Algorithm::EdDsa);
    show(&scene.provider, &[public.public()]);
    let secret = URL_SAFE_NO_PAD.decode(public.public()["x"].as_str().expect("x"));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret.expect("base64url"));
    let message = format!(
        "{}.{}",
        part(&json!({ "alg": "HS256", "kid": kid })),
        part(&claims)
    );
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&secret, message.as_bytes()));
    assert!(!is_good(&scene, &format!("{message}.{tag}")).await);
}

/// A signature that is right is worth nothing under a name that is not taken.
#[tokio::test]
async fn a_right_signature_under_another_name_is_refused() {
    for algorithm in Algorithm::ALL {
        let scene = Scene::new();
        let claims = scene.provider.id_claims("ada", "n");
        let key = Key::new("k", algorithm);
        let mut shown = key.public();
        shown.as_object_mut().expect("a key").remove("alg");
        show(&scene.provider, &[shown]);
        for alg in [
            "none", "HS256", "RS384", "RS512", "PS384", "ES512", "Ed25519",
        ] {
            let text = key.sign_as(&json!({ "alg": alg, "kid": "k" }), &claims);
            assert!(!is_good(&scene, &text).await, "{algorithm:?} {alg}");
        }
        let text = key.sign_as(&json!({ "alg": algorithm.as_str(), "kid": "k" }), &claims);
        assert!(is_good(&scene, &text).await, "{algorithm:?}");
    }
}

/// A key that the token brings along, or tells the way to, is nobody's.
#[tokio::test]
async fn keys_in_the_token_are_not_looked_at() {
    let scene = Scene::new();
    let claims = scene.provider.id_claims("ada", "n");
    let kid = scene.provider.key_id();
    let thief = Key::new(&kid, Algorithm::Es256);
    let theirs = ScriptedProvider::start();
    for (name, value) in [
        ("jwk", thief.public()),
        ("jku", json!(theirs.url(Endpoint::Keys))),
        ("x5u", json!(theirs.url(Endpoint::Keys))),
        ("x5c", json!(["AAAA"])),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": kid });
        header[name] = value;
        assert!(
            !is_good(&scene, &thief.sign_as(&header, &claims)).await,
            "{name}"
        );
        let good = scene.provider.sign_as(&header, &claims);
        assert!(is_good(&scene, &good).await, "{name} is passed over");
    }
    assert_eq!(theirs.count(Endpoint::Keys), 0);
}

#[tokio::test]
async fn what_the_header_demands_is_refused() {
    let scene = Scene::new();
    let claims = scene.provider.id_claims("ada", "n");
    let kid = scene.provider.key_id();
    for crit in [json!(["exp"]), json!([]), json!(["b64"]), json!(null)] {
        let header = json!({ "alg": "ES256", "kid": kid, "crit": crit });
        assert!(
            !is_good(&scene, &scene.provider.sign_as(&header, &claims)).await,
            "{crit}"
        );
    }
    for header in [
        json!([]),
        json!({}),
        json!({ "alg": 7 }),
        json!({ "alg": "ES256", "kid": 7 }),
    ] {
        assert!(
            !is_good(&scene, &scene.provider.sign_as(&header, &claims)).await,
            "{header}"
        );
    }
}

#[tokio::test]
async fn a_key_is_used_for_what_it_is_made_for() {
    let scene = Scene::new();
    let claims = scene.provider.id_claims("ada", "n");
    let key = Key::new("k", Algorithm::Ps256);
    let text = key.sign(&claims);
    type Change = fn(&mut Value);
    let cases: &[(Change, bool)] = &[
        (|_| {}, true),
        (|key| key["alg"] = json!("RS256"), false),
        (|key| key["alg"] = json!("ES256"), false),
        (|key| key["alg"] = json!("RSA-OAEP"), false),
        (|key| key["alg"] = json!(7), false),
        (
            |key| drop(key.as_object_mut().expect("a key").remove("alg")),
            true,
        ),
        (|key| key["use"] = json!("enc"), false),
        (|key| key["use"] = json!(7), false),
        (
            |key| drop(key.as_object_mut().expect("a key").remove("use")),
            true,
        ),
        (|key| key["key_ops"] = json!(["verify"]), true),
        (|key| key["key_ops"] = json!(["encrypt"]), false),
        (|key| key["d"] = json!("AQAB"), false),
        (|key| key["kty"] = json!("EC"), false),
        (|key| key["kid"] = json!("another"), false),
        (|key| key["kid"] = json!(7), false),
        (|key| key["n"] = json!("AQAB"), false),
        (|key| key["n"] = json!("not base64url!"), false),
        (|key| key["e"] = json!(""), false),
    ];
    for (number, (change, expected)) in cases.iter().enumerate() {
        let scene = Scene::with(|settings| settings.algorithm = Algorithm::Ps256, |_| {});
        let mut shown = key.public();
        change(&mut shown);
        show(&scene.provider, &[json!("no key"), shown]);
        let mut claims = claims.clone();
        claims["iss"] = scene.provider.issuer().into();
        let text = key.sign(&claims);
        assert_eq!(is_good(&scene, &text).await, *expected, "case {number}");
    }
    drop(text);
}

/// A curve, a point and an algorithm belong together.
#[tokio::test]
async fn points_of_another_curve_or_length_are_no_key() {
    for (algorithm, member, value) in [
        (Algorithm::Es256, "crv", json!("P-384")),
        (Algorithm::Es256, "crv", json!("secp256k1")),
        (Algorithm::Es256, "x", json!("AQAB")),
        (Algorithm::Es384, "crv", json!("P-256")),
        (Algorithm::EdDsa, "crv", json!("X25519")),
        (Algorithm::EdDsa, "x", json!("AQAB")),
        (Algorithm::EdDsa, "kty", json!("oct")),
    ] {
        let scene = Scene::with(|settings| settings.algorithm = algorithm, |_| {});
        let key = Key::new("k", algorithm);
        let mut shown = key.public();
        shown.as_object_mut().expect("a key").remove("alg");
        let text = key.sign(&scene.provider.id_claims("ada", "n"));
        show(&scene.provider, std::slice::from_ref(&shown));
        assert!(is_good(&scene, &text).await, "{algorithm:?}");
        let scene = Scene::with(|settings| settings.algorithm = algorithm, |_| {});
        let text = key.sign(&scene.provider.id_claims("ada", "n"));
        shown[member] = value.clone();
        show(&scene.provider, &[shown]);
        assert!(
            !is_good(&scene, &text).await,
            "{algorithm:?} {member} {value}"
        );
    }
}

#[tokio::test]
async fn a_token_that_names_no_key_is_checked_by_the_only_one_that_fits() {
    let scene = Scene::new();
    let claims = scene.provider.id_claims("ada", "n");
    let (first, second) = (
        Key::new("1", Algorithm::Es256),
        Key::new("2", Algorithm::Es256),
    );
    let other = Key::new("3", Algorithm::EdDsa);
    let header = json!({ "alg": "ES256" });
    let text = first.sign_as(&header, &claims);
    show(&scene.provider, &[first.public(), other.public()]);
    assert!(is_good(&scene, &text).await);
    scene.clock.advance(chrono::TimeDelta::hours(1));
    show(&scene.provider, &[first.public(), second.public()]);
    let claims = scene.provider.id_claims("ada", "n");
    assert!(
        !is_good(&scene, &first.sign_as(&header, &claims)).await,
        "which of the two?"
    );
}

#[tokio::test]
async fn what_was_altered_or_is_no_token_is_refused() {
    let scene = Scene::new();
    let claims = scene.provider.id_claims("ada", "n");
    let good = scene.provider.sign(&claims);
    let parts: Vec<&str> = good.split('.').collect();
    let mut other = claims.clone();
    other["sub"] = json!("eve");
    for text in [
        format!("{}.{}.{}", parts[0], part(&other), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}."),
        format!("{good}.{}", parts[2]),
        format!("{good}="),
        format!(" {good}"),
        format!("..{}", parts[2]),
        ".".to_owned(),
        "..".to_owned(),
        "a".to_owned(),
        parts[0].to_owned(),
    ] {
        assert!(!is_good(&scene, &text).await, "{text}");
    }
    let twice = scene.provider.key_id();
    let header = URL_SAFE_NO_PAD.encode(format!(
        r#"{{"alg":"ES256","alg":"ES256","kid":"{twice}"}}"#
    ));
    assert!(!is_good(&scene, &format!("{header}.{}.{}", parts[1], parts[2])).await);
    assert!(is_good(&scene, &good).await);
}

/// A claim that is given twice means different things to different readers.
#[tokio::test]
async fn a_claim_given_twice_is_refused() {
    let scene = Scene::new();
    let key = Key::new("k", Algorithm::Es256);
    show(&scene.provider, &[key.public()]);
    let claims = scene.provider.id_claims("ada", "n").to_string();
    for text in [
        claims.replacen('{', r#"{"sub":"eve","#, 1),
        "[]".to_owned(),
        "{".to_owned(),
    ] {
        let header = part(&json!({ "alg": "ES256", "kid": "k" }));
        let signed = key.sign_text(&format!("{header}.{}", URL_SAFE_NO_PAD.encode(text)));
        assert!(!is_good(&scene, &signed).await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Requirement 47: whatever comes, it is refused and nothing panics.
    #[test]
    fn no_text_is_a_token_by_chance(text in "[ -~]{1,80}|[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,90}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let scene = Scene::new();
        prop_assert!(!runtime.block_on(is_good(&scene, &text)));
    }
}
