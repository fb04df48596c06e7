//! Requirements 31 and 32: what was not signed by us, for us, in our form, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use session_core::ports::{AccessTokenSigner as _, TokenRefusal};

use crate::forgery::{
    Signing, decode, encode, forge, payload, ring_header, secret_header, with, with_claim,
    with_header, with_secret_header,
};
use crate::sample::{AUDIENCE, SECRET, SEED, claims, key, minutes, now, ring, secret, signer};

/// A key that is not ours.
const FOREIGN: [u8; 32] = [8; 32];

/// What is wrong with the token, and the token.
type Attack = (String, String);

#[test]
fn attacks_are_refused() {
    let on_the_ring = [
        algorithms(),
        key_names(),
        header_members(),
        types(),
        headers_as_text(),
        claims_missing_or_of_a_wrong_type(),
        claims_of_a_wrong_value(),
        payloads_as_text(),
        expired_and_worse(),
        forms(&ring_token()),
    ];
    for (attack, token) in on_the_ring.concat() {
        assert_invalid(&signer(ring()), &attack, &token);
    }
    for (attack, token) in [on_the_secret(), forms(&secret_token())].concat() {
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

fn algorithms() -> Vec<Attack> {
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

fn key_names() -> Vec<Attack> {
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

fn header_members() -> Vec<Attack> {
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
fn types() -> Vec<Attack> {
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

fn headers_as_text() -> Vec<Attack> {
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

fn claims_missing_or_of_a_wrong_type() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for (name, good) in payload().as_object().expect("an object") {
        attacks.push((format!("no {name}"), with_claim(name, None)));
        let mut wrong = vec![json!(null), json!(true), json!({}), json!(1.5), json!([1])];
        wrong.push(json!([good]));
        match good {
            // As a double it is the same instant, and still no whole number.
            Value::Number(at) => {
                wrong.extend([json!(at.to_string()), json!(at.as_f64()), json!([])])
            }
            Value::String(_) => wrong.extend([json!(0), json!([])]),
            _ => wrong.extend([json!(0), json!("notes:read"), json!(["notes:read", null])]),
        }
        for value in wrong {
            attacks.push((format!("{name} = {value}"), with_claim(name, Some(value))));
        }
    }
    attacks
}

fn claims_of_a_wrong_value() -> Vec<Attack> {
    let at = |seconds: i64| json!(now().timestamp() + seconds);
    let v4 = json!("0b8f5f6e-7c3d-4e9a-8b1a-2f6f1c9d0e11");
    let id = claims().id.to_string();
    let attacks = [
        ("iss", json!("https://evil.example")),
        ("iss", json!("https://id.example/")),
        ("iss", json!("HTTPS://ID.EXAMPLE")),
        ("iss", json!("")),
        ("aud", json!("https://other.example")),
        ("aud", json!("https://api.example/")),
        ("aud", json!("")),
        ("aud", json!([AUDIENCE, "https://other.example"])),
        ("sub", json!("")),
        ("sub", json!(" ")),
        ("sub", json!("ada\n")),
        ("sub", json!("a".repeat(256))),
        ("sid", json!("")),
        ("sid", v4.clone()),
        ("sid", json!("00000000-0000-0000-0000-000000000000")),
        ("sid", json!("../../etc/passwd")),
        ("jti", json!("")),
        ("jti", v4),
        ("jti", json!(id.to_uppercase())),
        ("jti", json!(id.replace('-', ""))),
        ("jti", json!(format!("{{{id}}}"))),
        ("iat", at(6)),
        ("iat", json!(i64::MAX)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(u64::MAX)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(i64::MIN)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("nbf", at(6)),
        ("nbf", json!(i64::MAX)),
        ("nbf", json!(null)),
        ("nbf", json!("0")),
        ("nbf", json!(0.5)),
    ];
    let attack = |(name, value): (&str, Value)| {
        let what = format!("{name} = {value}");
        (what, with_claim(name, Some(value)))
    };
    attacks.map(attack).to_vec()
}

fn payloads_as_text() -> Vec<Attack> {
    let good = payload().to_string();
    // The values in the order in which they are written, without their names.
    let names = [
        "iss",
        "aud",
        "sub",
        "sid",
        "jti",
        "iat",
        "exp",
        "iat",
        "role",
        "permissions",
    ];
    let values = names.map(|name| payload()[name].clone());
    let texts = [
        Vec::new(),
        b"{}".to_vec(),
        b"null".to_vec(),
        b"{".to_vec(),
        json!(values).to_string().into(),
        format!("[{good}]").into(),
        format!("{good}{good}").into(),
        format!("\u{feff}{good}").into(),
        good.replacen('{', r#"{"exp":9999999999,"#, 1).into(),
        good.replacen('{', r#"{"\u0073ub":"eve","#, 1).into(),
        good.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1).into(),
        good.replacen(
            '{',
            &format!(r#"{{"x":{}{},"#, "[".repeat(200), "]".repeat(200)),
            1,
        )
        .into(),
        [good.as_bytes(), b"\xff"].concat(),
        [b"{\"x\":\"\xff\",", &good.as_bytes()[1..]].concat(),
        [b"{\"x\":\"\xed\xa0\x80\",", &good.as_bytes()[1..]].concat(),
    ];
    let attack = |text: Vec<u8>| {
        let token = forge(ring_header().to_string(), &text, Signing::Seed(&SEED));
        (format!("payload {}", String::from_utf8_lossy(&text)), token)
    };
    texts.map(attack).to_vec()
}

/// "Expired" would tell that all else was in order.
fn expired_and_worse() -> Vec<Attack> {
    let mut old = payload();
    old["iat"] = json!((now() - minutes(10)).timestamp());
    old["exp"] = json!((now() - minutes(5)).timestamp());
    let header = ring_header().to_string();
    let worse = [
        ("iss", json!("https://evil.example")),
        ("aud", json!("https://other.example")),
        ("sub", json!("")),
        ("sid", json!("x")),
        ("iat", json!((now() + minutes(1)).timestamp())),
        ("nbf", json!((now() + minutes(1)).timestamp())),
        ("role", json!(1)),
    ];
    let mut attacks = Vec::new();
    for (name, value) in worse {
        let payload = with(old.clone(), name, Some(value));
        let token = forge(&header, payload, Signing::Seed(&SEED));
        attacks.push((format!("expired, and a wrong {name}"), token));
    }
    let token = forge(&header, old.to_string(), Signing::Seed(&FOREIGN));
    attacks.push(("expired, and signed by another".to_owned(), token));
    attacks
}

/// What can be done to a good token without a key.
fn forms(good: &str) -> Vec<Attack> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, body, signature] = parts[..] else {
        panic!("three parts: {good}");
    };
    let mut richer = payload();
    richer["role"] = json!("admin");
    let richer = encode(richer.to_string());
    let bytes = decode(signature);
    let mut attacks: Vec<Attack> = [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("one part", header.to_owned()),
        ("no signature", format!("{header}.{body}")),
        ("an empty signature", format!("{header}.{body}.")),
        ("no header", format!(".{body}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("an extra part", format!("{good}.{signature}")),
        ("an extra empty part", format!("{good}.")),
        ("a leading dot", format!(".{good}")),
        ("five parts", format!("{good}.{body}.{signature}")),
        ("altered payload", format!("{header}.{richer}.{signature}")),
        (
            "a shorter signature",
            format!("{header}.{body}.{}", encode(&bytes[..16])),
        ),
        (
            "a byte less",
            format!("{header}.{body}.{}", encode(&bytes[..bytes.len() - 1])),
        ),
        (
            "a byte more",
            format!("{header}.{body}.{}", encode([&bytes[..], &[0]].concat())),
        ),
        (
            "a signature of zeros",
            format!("{header}.{body}.{}", encode(vec![0; bytes.len()])),
        ),
        ("padded signature", format!("{good}=")),
        ("doubly padded signature", format!("{good}==")),
        ("padded header", format!("{header}=.{body}.{signature}")),
        ("a trailing line feed", format!("{good}\n")),
        ("a leading space", format!(" {good}")),
        ("a space inside", format!("{header} .{body}.{signature}")),
        (
            "a letter outside of ASCII",
            format!("{header}.{body}é.{signature}"),
        ),
        ("a scheme", format!("Bearer {good}")),
        ("quoted", format!("\"{good}\"")),
        (
            "JSON serialisation",
            json!({ "payload": body, "signature": signature }).to_string(),
        ),
        ("huge", "A".repeat(10_000_000)),
        ("huge, with dots", ".".repeat(1_000_000)),
        ("trailing bits", with_trailing_bit(good)),
    ]
    .map(|(attack, token)| (attack.to_owned(), token))
    .to_vec();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let token = format!("{header}.{body}.{}", encode(altered));
        attacks.push((format!("bit {bit} of the signature"), token));
    }
    attacks
}

/// The same bytes for a lenient decoder, in another text.
fn with_trailing_bit(good: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = good.split_at(good.len() - 1);
    let digit = DIGITS.iter().position(|digit| *digit == last.as_bytes()[0]);
    let digit = digit.expect("a digit of base64url");
    assert_eq!(digit % 2, 0, "the last bit is none of a byte");
    assert!(
        URL_SAFE_NO_PAD
            .decode(good.rsplit('.').next().expect("a part"))
            .is_ok()
    );
    format!("{rest}{}", char::from(DIGITS[digit + 1]))
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
