//! Well signed tokens that do not say what an access token says.

use serde_json::{Value, json};

use super::{Attack, FOREIGN};
use crate::forgery::{Signing, forge, payload, ring_header, with, with_claim};
use crate::sample::{AUDIENCE, SEED, claims, minutes, now};

pub(super) fn missing_or_of_a_wrong_type() -> Vec<Attack> {
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

pub(super) fn of_a_wrong_value() -> Vec<Attack> {
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

pub(super) fn as_text() -> Vec<Attack> {
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
pub(super) fn expired_and_worse() -> Vec<Attack> {
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
