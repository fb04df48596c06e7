//! Headers that are not ours: of another algorithm, key or kind, with more in them or less.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Attack, FOREIGN};
use crate::forgery::{
    Signing, decode, forge, payload, ring_header, secret_header, with, with_header,
};
use crate::sample::{SEED, key, now};

pub(super) fn algorithms() -> Vec<Attack> {
    let mut attacks = vec![("no alg".to_owned(), with_header("alg", None))];
    let names = [
        "none", "None", "NONE", "nOnE", "none ", "", "HS256", "HS384", "HS512", "RS256", "PS256",
        "ES256", "ES256K", "ES384", "Ed25519", "Ed448", "eddsa", "EDDSA",
    ];
    let others = [
        json!(null),
        json!(1),
        json!(["EdDSA"]),
        json!({ "alg": "EdDSA" }),
    ];
    for alg in names.map(Value::from).into_iter().chain(others) {
        let header = with(ring_header(), "alg", Some(alg.clone()));
        let payload = payload().to_string();
        let unsigned = forge(&header, &payload, Signing::Nothing);
        attacks.push((format!("alg {alg}, unsigned"), unsigned));
        let signed = forge(&header, &payload, Signing::Seed(&SEED));
        attacks.push((format!("alg {alg}, signed by our key"), signed));
    }
    let unsigned = forge(r#"{"alg":"none"}"#, payload().to_string(), Signing::Nothing);
    attacks.push(("nothing but alg none".to_owned(), unsigned));

    // The public key is known to all: it must never serve as a secret (RFC 8725 §2.1).
    let jwk = key(&SEED, now()).public();
    let der = [decode("MCowBQYDK2VwAyEA"), decode(&jwk.x)].concat();
    let pem_body = base64::engine::general_purpose::STANDARD.encode(&der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem_body}\n-----END PUBLIC KEY-----\n");
    let json = serde_json::to_vec(&jwk).expect("a JWK");
    let secrets = [
        decode(&jwk.x),
        jwk.x.into_bytes(),
        der,
        pem.into_bytes(),
        json,
        vec![],
    ];
    for (form, secret) in secrets.iter().enumerate() {
        let header = with(ring_header(), "alg", Some("HS256".into()));
        let with_kid = forge(header, payload().to_string(), Signing::Secret(secret));
        attacks.push((format!("public key as a secret, form {form}"), with_kid));
        let header = secret_header().to_string();
        let without_kid = forge(header, payload().to_string(), Signing::Secret(secret));
        attacks.push((
            format!("public key as a secret, form {form}, no kid"),
            without_kid,
        ));
    }
    attacks
}

pub(super) fn key_names() -> Vec<Attack> {
    let mut attacks = vec![("no kid".to_owned(), with_header("kid", None))];
    let ours = key(&SEED, now()).kid().to_owned();
    let foreign = key(&FOREIGN, now()).kid().to_owned();
    let kids = [
        json!(foreign),
        json!(""),
        json!("../../dev/null"),
        json!("/proc/self/environ"),
        json!("x' UNION SELECT 'secret' --"),
        json!("x\u{0}y"),
        json!("|id"),
        json!(format!("{ours} ")),
        json!(ours.to_lowercase()),
        json!(ours[..42]),
        json!("https://evil.example/key"),
        json!(null),
        json!(0),
        json!(true),
        json!([ours]),
        json!({ "kid": ours }),
    ];
    for kid in kids {
        for seed in [&SEED, &FOREIGN] {
            let header = with(ring_header(), "kid", Some(kid.clone()));
            let token = forge(header, payload().to_string(), Signing::Seed(seed));
            attacks.push((format!("kid {kid}"), token));
        }
        // What a file or a query that does not exist may come to: an empty secret.
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }).to_string();
        let token = forge(header, payload().to_string(), Signing::Secret(b""));
        attacks.push((format!("kid {kid}, empty secret"), token));
    }
    let header = ring_header().to_string();
    let token = forge(header, payload().to_string(), Signing::Seed(&FOREIGN));
    attacks.push(("our kid, another's key".to_owned(), token));
    attacks
}

pub(super) fn members() -> Vec<Attack> {
    let foreign = serde_json::to_value(key(&FOREIGN, now()).public()).expect("a JWK");
    let members = [
        ("jku", json!("https://evil.example/jwks.json")),
        ("jwk", foreign.clone()),
        ("jwk", json!(null)),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["unheard-of"])),
        ("crit", json!(["exp"])),
        ("crit", json!(["alg"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("exp", json!(1)),
        ("unheard-of", json!(null)),
        ("Alg", json!("none")),
        ("", json!("")),
    ];
    let mut attacks = Vec::new();
    for (name, value) in members {
        attacks.push((format!("{name}: {value}"), with_header(name, Some(value))));
    }
    // A key that the token brings along, and signed by it.
    for kid in [&foreign["kid"], &ring_header()["kid"]] {
        let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jwk": foreign });
        let token = forge(
            header.to_string(),
            payload().to_string(),
            Signing::Seed(&FOREIGN),
        );
        attacks.push((format!("its own jwk as {kid}"), token));
    }
    attacks
}

/// A token of another kind is not an access token, whoever signed it (RFC 8725 §3.11). That ours
/// is the only spelling is stricter than RFC 9068 §4, which also knows `application/at+jwt`.
pub(super) fn types() -> Vec<Attack> {
    let types = [
        json!("JWT"),
        json!("jwt"),
        json!("at+JWT"),
        json!("AT+JWT"),
        json!("at+jwt "),
        json!("application/at+jwt"),
        json!("rt+jwt"),
        json!("id+jwt"),
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!(""),
        json!(null),
        json!(["at+jwt"]),
    ];
    let mut attacks = vec![("no typ".to_owned(), with_header("typ", None))];
    for typ in types {
        attacks.push((format!("typ {typ}"), with_header("typ", Some(typ))));
    }
    attacks
}

pub(super) fn as_text() -> Vec<Attack> {
    let good = ring_header().to_string();
    let kid = &ring_header()["kid"];
    let texts = [
        Vec::new(),
        b"{}".to_vec(),
        b"null".to_vec(),
        b"\"EdDSA\"".to_vec(),
        b"{".to_vec(),
        format!("[{good}]").into(),
        format!("{good}{good}").into(),
        format!("{good},").into(),
        format!("\u{feff}{good}").into(),
        format!(r#"["EdDSA","at+jwt",{kid}]"#).into(),
        good.replacen('{', r#"{"alg":"none","#, 1).into(),
        good.replacen('{', r#"{"alg":"EdDSA","#, 1).into(),
        good.replacen('{', r#"{"\u0061lg":"none","#, 1).into(),
        good.replacen('{', r#"{"kid":"x","#, 1).into(),
        good.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1).into(),
        good.replacen('{', &format!(r#"{{"x":{}"#, "[".repeat(1000)), 1)
            .into(),
        good.replacen("at+jwt", "at+jwt\u{0}", 1).into(),
        [good.as_bytes(), b"\xff"].concat(),
        [b"{\"\xff\":1,", &good.as_bytes()[1..]].concat(),
    ];
    let attack = |text: Vec<u8>| {
        let token = forge(&text, payload().to_string(), Signing::Seed(&SEED));
        (format!("header {}", String::from_utf8_lossy(&text)), token)
    };
    texts.map(attack).to_vec()
}
