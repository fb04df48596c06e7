//! How a ring of keys is kept in a file or a setting.

use serde_json::{Value, json};
use session_core::ports::AccessTokenSigner as _;
use token_jwt::{KeyRingError, SigningKeys};

use crate::forgery::encode;
use crate::sample::{SEED, claims, key, minutes, now, ring, signer};

fn row(seed: u8, created_at: &str) -> Value {
    let kid = key(&[seed; 32], now()).kid().to_owned();
    json!({ "kid": kid, "seed": encode([seed; 32]), "created_at": created_at })
}

fn text_of(keys: &[Value]) -> String {
    json!({ "v": 1, "keys": keys }).to_string()
}

const NOON: &str = "2026-01-01T12:00:00Z";

#[test]
fn a_ring_comes_back_from_its_text_and_reads_its_own_tokens() {
    let later = now() + minutes(1) + chrono::TimeDelta::nanoseconds(123_456_789);
    let keys = ring().rotated(key(&[1; 32], later), later, minutes(9));
    let keys = keys.expect("a newer key");
    let text = keys.expose();
    let read = SigningKeys::parse(&text).expect("a ring");

    assert_eq!(*read.expose(), *text);
    assert_eq!(read.newest().created_at(), later);
    let token = signer(keys).sign(&claims()).expect("a token");
    assert_eq!(signer(read).verify(&token, now()), Ok(claims()));
}

#[test]
fn the_text_is_the_documented_json() {
    let text: Value = serde_json::from_str(&ring().expose()).expect("JSON");
    assert_eq!(text, json!({ "v": 1, "keys": [row(SEED[0], NOON)] }));
}

#[test]
fn the_newest_signs_wherever_it_stands() {
    let older = row(1, "2025-01-01T00:00:00Z");
    let newer = row(2, "2026-01-01T00:00:00+01:00");
    for keys in [[older.clone(), newer.clone()], [newer.clone(), older]] {
        let ring = SigningKeys::parse(&text_of(&keys)).expect("a ring");
        assert_eq!(newer["kid"], ring.newest().kid());
    }
}

#[test]
fn a_ring_that_is_not_in_order_is_refused_and_not_repeated() {
    let good = || row(5, NOON);
    let changed = |name: &str, value: Value| {
        let mut row = good();
        row[name] = value;
        text_of(&[row])
    };
    let less = |name: &str| {
        let mut row = good();
        row.as_object_mut().expect("an object").remove(name);
        text_of(&[row])
    };
    let duplicate = text_of(&[good()]).replacen("\"seed\"", "\"seed\":\"AAAA\",\"seed\"", 1);
    let malformed = [
        String::new(),
        "hunter2".to_owned(),
        encode([5; 32]),
        "{}".to_owned(),
        json!({ "v": 1 }).to_string(),
        json!({ "v": "1", "keys": [good()] }).to_string(),
        json!({ "v": null, "keys": [good()] }).to_string(),
        json!({ "v": -1, "keys": [good()] }).to_string(),
        json!({ "keys": [good()] }).to_string(),
        json!({ "v": 1, "keys": { "a": good() } }).to_string(),
        json!({ "v": 1, "keys": [good()], "hunter2": 1 }).to_string(),
        format!("{}{}", text_of(&[good()]), text_of(&[good()])),
        text_of(&[good()])[..100].to_owned(),
        duplicate,
        text_of(&[json!(encode([5; 32]))]),
        changed("hunter2", json!("hunter2")),
        changed("seed", vec![5; 32].into()),
        changed("seed", json!(null)),
        changed("created_at", json!("hunter2")),
        changed("created_at", json!("2026-01-01")),
        changed("created_at", json!(1_767_268_800)),
        less("kid"),
        less("seed"),
        less("created_at"),
    ];
    for text in malformed {
        let error = refusal(&text);
        assert!(
            matches!(error, KeyRingError::Malformed { .. }),
            "{text}: {error:?}"
        );
    }

    let foreign = row(6, NOON)["kid"].clone();
    let padded = format!("{}=", encode([5; 32]));
    // 43 digits hold two bits more than 32 bytes have.
    let trailing_bits = format!("{}V", &encode([5; 32])[..42]);
    let cases = [
        (text_of(&[]), KeyRingError::Empty),
        (
            json!({ "v": 2, "rings": "hunter2" }).to_string(),
            KeyRingError::Format { found: 2 },
        ),
        (
            json!({ "v": 0, "keys": [good()] }).to_string(),
            KeyRingError::Format { found: 0 },
        ),
        (changed("seed", json!("")), KeyRingError::Seed { place: 1 }),
        (
            changed("seed", json!(encode([5; 31]))),
            KeyRingError::Seed { place: 1 },
        ),
        (
            changed("seed", json!(encode([5; 33]))),
            KeyRingError::Seed { place: 1 },
        ),
        (
            changed("seed", json!(encode([5; 64]))),
            KeyRingError::Seed { place: 1 },
        ),
        (
            changed("seed", json!(trailing_bits)),
            KeyRingError::Seed { place: 1 },
        ),
        (
            changed("seed", json!(padded)),
            KeyRingError::Seed { place: 1 },
        ),
        (
            changed("seed", json!("hunter2")),
            KeyRingError::Seed { place: 1 },
        ),
        (changed("kid", foreign), KeyRingError::Kid { place: 1 }),
        (
            changed("kid", json!("hunter2")),
            KeyRingError::Kid { place: 1 },
        ),
        (changed("kid", json!("")), KeyRingError::Kid { place: 1 }),
        (text_of(&[good(), good()]), KeyRingError::Twice),
        (
            text_of(&[good(), row(5, "2026-01-02T00:00:00Z")]),
            KeyRingError::Twice,
        ),
        (text_of(&[good(), row(6, NOON)]), KeyRingError::SameTime),
        (
            text_of(&[
                good(),
                json!({ "kid": "x", "seed": "x", "created_at": NOON }),
            ]),
            KeyRingError::Seed { place: 2 },
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(&text), expected, "{text}");
    }
}

fn refusal(text: &str) -> KeyRingError {
    let error = SigningKeys::parse(text).expect_err("not a ring");
    for secret in ["hunter2", "BQUF"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
    error
}
