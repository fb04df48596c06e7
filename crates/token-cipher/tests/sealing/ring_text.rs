//! How a ring of keys is kept in a file or a setting.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use session_core::ports::TokenCipher as _;
use token_cipher::{CipherKey, CipherKeys, CipherKeysError};

use crate::sample::{CONTEXT, cipher_of, id, minutes, now, ring, sealed};

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn row(secret: u8, created_at: &str) -> Value {
    json!({
        "id": id(secret).as_str(),
        "secret": encode([secret; 32]),
        "created_at": created_at,
    })
}

fn text_of(keys: &[Value]) -> String {
    json!({ "v": 1, "keys": keys }).to_string()
}

const NOON: &str = "2026-01-01T12:00:00Z";

#[test]
fn a_ring_comes_back_from_its_text_and_opens_what_it_sealed() {
    let later = now() + minutes(1) + chrono::TimeDelta::nanoseconds(123_456_789);
    let old = sealed(&cipher_of(ring()));
    let keys = ring().rotated(CipherKey::new(&[1; 32], later));
    let keys = keys.expect("a newer key");
    let text = keys.expose();
    let read = CipherKeys::parse(&text).expect("a ring");

    assert_eq!(*read.expose(), *text);
    assert_eq!(read.newest().created_at(), later);
    let new = sealed(&cipher_of(keys));
    let read = cipher_of(read);
    assert!(read.open(&old, CONTEXT).is_ok() && read.open(&new, CONTEXT).is_ok());
}

#[test]
fn the_text_is_the_documented_json() {
    let text: Value = serde_json::from_str(&ring().expose()).expect("JSON");
    assert_eq!(text, json!({ "v": 1, "keys": [row(7, NOON)] }));
}

#[test]
fn the_text_of_many_keys_never_moves_in_memory() {
    let mut keys = ring();
    for byte in 8..48 {
        let created_at = now() + chrono::TimeDelta::nanoseconds(i64::from(byte));
        keys = keys
            .rotated(CipherKey::new(&[byte; 32], created_at))
            .expect("newer");
    }
    let text = keys.expose();
    // What has had to grow has twice the room that it began with.
    assert_eq!(text.capacity(), 256 * 42);
    assert_eq!(CipherKeys::parse(&text).expect("a ring").iter().count(), 41);
}

#[test]
fn the_newest_seals_wherever_it_stands() {
    let older = row(1, "2025-01-01T00:00:00Z");
    let newer = row(2, "2026-01-01T00:00:00+01:00");
    for keys in [[older.clone(), newer.clone()], [newer.clone(), older]] {
        let ring = CipherKeys::parse(&text_of(&keys)).expect("a ring");
        assert_eq!(newer["id"], ring.newest().id().as_str());
    }
}

#[test]
fn a_text_that_is_none_of_ours_is_refused_and_not_repeated() {
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
    let twice = |name: &str| {
        let (is, twice) = (
            format!("\"{name}\""),
            format!("\"{name}\":\"BQUF\",\"{name}\""),
        );
        text_of(&[good()]).replacen(&is, &twice, 1)
    };
    let malformed = [
        String::new(),
        "hunter2".to_owned(),
        encode([5; 32]),
        "{}".to_owned(),
        "[]".to_owned(),
        json!({ "v": 1 }).to_string(),
        json!({ "v": "1", "keys": [good()] }).to_string(),
        json!({ "v": 1.0, "keys": [good()] }).to_string(),
        json!({ "v": null, "keys": [good()] }).to_string(),
        json!({ "v": -1, "keys": [good()] }).to_string(),
        json!({ "keys": [good()] }).to_string(),
        json!({ "v": 1, "keys": { "a": good() } }).to_string(),
        json!({ "v": 1, "keys": [good()], "hunter2": 1 }).to_string(),
        format!("{}{}", text_of(&[good()]), text_of(&[good()])),
        text_of(&[good()])[..100].to_owned(),
        twice("id"),
        twice("secret"),
        twice("created_at"),
        text_of(&[json!(encode([5; 32]))]),
        changed("hunter2", json!("hunter2")),
        changed("secret", vec![5; 32].into()),
        changed("secret", json!(null)),
        changed("id", json!(5)),
        changed("created_at", json!("hunter2")),
        changed("created_at", json!("2026-01-01")),
        changed("created_at", json!(1_767_268_800)),
        less("id"),
        less("secret"),
        less("created_at"),
    ];
    for text in malformed {
        let error = refusal(&text);
        assert!(
            matches!(error, CipherKeysError::Malformed { .. }),
            "{text}: {error:?}"
        );
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
    let secret = |text: String| {
        (
            changed("secret", text.into()),
            CipherKeysError::Secret { place: 1 },
        )
    };
    let name = |text: &str| (changed("id", text.into()), CipherKeysError::Id { place: 1 });
    let later = "2026-01-02T00:00:00Z";
    let cases = [
        (text_of(&[]), CipherKeysError::Empty),
        (
            json!({ "v": 2, "rings": "hunter2" }).to_string(),
            CipherKeysError::Format { found: 2 },
        ),
        (
            json!({ "v": 0, "keys": [good()] }).to_string(),
            CipherKeysError::Format { found: 0 },
        ),
        secret(String::new()),
        secret(encode([5; 31])),
        secret(encode([5; 33])),
        secret(encode([5; 64])),
        // 43 digits hold two bits more than 32 bytes have.
        secret(format!("{}V", &encode([5; 32])[..42])),
        secret(format!("{}=", encode([5; 32]))),
        secret(format!(" {}", encode([5; 32]))),
        secret("hunter2".to_owned()),
        name(id(6).as_str()),
        name(&id(5).as_str()[..31]),
        name(&id(5).as_str().to_ascii_uppercase()),
        name("hunter2"),
        name(""),
        (text_of(&[good(), good()]), CipherKeysError::Twice),
        (
            text_of(&[good(), row(6, later), row(5, later)]),
            CipherKeysError::Twice,
        ),
        (text_of(&[good(), row(6, NOON)]), CipherKeysError::SameTime),
        (
            text_of(&[row(4, later), good(), row(6, "2026-01-01T13:00:00+01:00")]),
            CipherKeysError::SameTime,
        ),
        (
            text_of(&[
                good(),
                json!({ "id": "x", "secret": "x", "created_at": NOON }),
            ]),
            CipherKeysError::Secret { place: 2 },
        ),
        (
            text_of(&[
                good(),
                row(6, later),
                json!({ "id": "x", "secret": encode([4; 32]), "created_at": NOON }),
            ]),
            CipherKeysError::Id { place: 3 },
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(&text), expected, "{text}");
    }
}

fn refusal(text: &str) -> CipherKeysError {
    let error = CipherKeys::parse(text).expect_err("not a ring");
    for secret in ["hunter2", "BQUF"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
    error
}
