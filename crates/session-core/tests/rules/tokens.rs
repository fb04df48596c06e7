use chrono::{DateTime, Utc};
use proptest::prelude::*;
use session_core::{MalformedToken, SecretHash, SessionId, SessionSecret, SessionToken};

use crate::sample::at;

fn token(secret: [u8; 32], tail: [u8; 10]) -> SessionToken {
    SessionToken {
        id: SessionId::at(at(0), tail),
        secret: SessionSecret::from_bytes(secret),
    }
}

proptest! {
    #[test]
    fn what_was_handed_out_is_read_back(secret: [u8; 32], tail: [u8; 10]) {
        let given = token(secret, tail);
        let text = given.expose();
        prop_assert_eq!(text.len(), SessionToken::TEXT_LEN);
        let read: SessionToken = text.parse().expect("our own form");
        prop_assert_eq!(read.id, given.id);
        prop_assert!(given.secret.hash().proves(&read.secret));
        prop_assert_eq!(read.expose(), text);
    }

    /// Requirements 2 and 3: one spelling, and no other passes for it.
    #[test]
    fn a_single_changed_character_proves_nothing(
        secret: [u8; 32], tail: [u8; 10], place in 0..SessionToken::TEXT_LEN, with in "[ -~]",
    ) {
        let given = token(secret, tail);
        let mut text = given.expose();
        prop_assume!(text[place..=place] != with);
        text.replace_range(place..=place, &with);
        if let Ok(read) = text.parse::<SessionToken>() {
            let passes = read.id == given.id && given.secret.hash().proves(&read.secret);
            prop_assert!(!passes, "{}", text);
        }
    }

    #[test]
    fn nothing_that_is_sent_makes_the_parser_panic(text in ".{0,100}", bytes: Vec<u8>) {
        let _ = text.parse::<SessionToken>();
        let _ = text.parse::<SessionId>();
        let _ = String::from_utf8_lossy(&bytes).parse::<SessionToken>();
    }

    /// Requirement 7.
    #[test]
    fn nothing_prints_a_secret(secret: [u8; 32]) {
        let token = token(secret, [0; 10]);
        let text = token.expose();
        let secret = &text[SessionId::TEXT_LEN + 1..];
        let printed = format!("{:?} {:?} {:?}", token, token.secret, token.secret.hash());
        prop_assert!(!printed.contains(secret));
        prop_assert_eq!(printed.matches("[redacted]").count(), 3);
    }

    #[test]
    fn a_hash_is_proven_by_its_own_secret_alone(a: [u8; 32], b: [u8; 32]) {
        let (first, second) = (SessionSecret::from_bytes(a), SessionSecret::from_bytes(b));
        prop_assert_eq!(first.hash().proves(&second), a == b);
    }

    /// The smallest id of a user is the session least recently created.
    #[test]
    fn ids_sort_by_creation(
        a in 0..1_000_000_000_i64, b in 0..1_000_000_000_i64, tails: ([u8; 10], [u8; 10]),
    ) {
        prop_assume!(a != b);
        let (first, second) = (SessionId::at(at(a), tails.0), SessionId::at(at(b), tails.1));
        prop_assert_eq!(first < second, a < b);
        prop_assert_eq!(first.to_string() < second.to_string(), a < b);
        prop_assert_eq!(SessionId::from_bytes(*first.as_bytes()), Ok(first));
        prop_assert_eq!(serde_json::to_string(&first).expect("text"), format!("\"{first}\""));
    }
}

#[test]
fn other_spellings_and_other_versions_are_refused() {
    let good = "019a9c2e-7c00-7000-8000-000000000000";
    assert!(good.parse::<SessionId>().is_ok());
    for bad in [
        "",
        "019A9C2E-7C00-7000-8000-000000000000",
        "019a9c2e7c0070008000000000000000",
        "{019a9c2e-7c00-7000-8000-000000000000}",
        "urn:uuid:019a9c2e-7c00-7000-8000-000000000000",
        "019a9c2e-7c00-4000-8000-000000000000",
        "019a9c2e-7c00-7000-0000-000000000000",
        "00000000-0000-0000-0000-000000000000",
        " 19a9c2e-7c00-7000-8000-000000000000",
    ] {
        assert!(bad.parse::<SessionId>().is_err(), "{bad}");
    }
    let zeros = "A".repeat(43);
    assert!(format!("{good}.{zeros}").parse::<SessionToken>().is_ok());
    // Bits past the 32nd byte, padding, the other alphabet, other lengths.
    let nearly = "A".repeat(42);
    let bad = [
        format!("{nearly}B"),
        format!("{nearly}="),
        format!("{nearly}+"),
        format!("{zeros}A"),
    ];
    for secret in bad.iter().chain([&nearly]) {
        assert!(
            format!("{good}.{secret}").parse::<SessionToken>().is_err(),
            "{secret}"
        );
    }
}

const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

proptest! {
    /// Requirement 3: what is read is the one spelling, so two texts never mean one token.
    #[test]
    fn what_is_read_is_spelt_as_it_would_be_written(
        text in "[0-9a-fA-F]{8}-[0-9a-f]{4}-[67][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}[.:][A-Za-z0-9_-]{43}",
    ) {
        if let Ok(token) = text.parse::<SessionToken>() {
            prop_assert_eq!(token.expose(), text);
        }
    }

    #[test]
    fn an_id_in_capitals_is_refused(tail: [u8; 10], place in 0..SessionId::TEXT_LEN) {
        let mut text = SessionId::at(at(0), tail).to_string();
        prop_assume!(text.as_bytes()[place].is_ascii_lowercase());
        text[place..=place].make_ascii_uppercase();
        prop_assert_eq!(text.parse::<SessionId>(), Err(MalformedToken));
    }

    /// Requirement 3: no other version or variant of UUID (RFC 9562 §4) gets as far as a store.
    #[test]
    fn an_id_is_of_version_7_and_of_the_rfcs_variant(mut bytes: [u8; 16], version in 0..16_u8) {
        bytes[6] = version << 4 | bytes[6] & 0x0f;
        let is_ours = version == 7 && bytes[8] >> 6 == 0b10;
        prop_assert_eq!(SessionId::from_bytes(bytes).is_ok(), is_ours);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        prop_assert_eq!(text.parse::<SessionId>().is_ok(), is_ours);
    }

    /// Requirement 4: a stored hash proves its own secret, and with one bit changed proves none.
    #[test]
    fn a_hash_from_a_store_proves_its_secret_only_if_every_bit_is_right(
        secret: [u8; 32], bit in 0..256_usize,
    ) {
        let secret = SessionSecret::from_bytes(secret);
        let mut stored = *secret.hash().as_bytes();
        prop_assert!(SecretHash::from_bytes(stored).proves(&secret));
        stored[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!SecretHash::from_bytes(stored).proves(&secret));
    }

    /// The very next millisecond sorts later, whatever the random bytes are.
    #[test]
    fn ids_sort_by_the_millisecond(millis in 0..1_000_000_000_i64) {
        prop_assert!(SessionId::at(at(millis), [0xff; 10]) < SessionId::at(at(millis + 1), [0; 10]));
    }

    #[test]
    fn ids_differ_by_their_random_bytes(place in 0..10_usize) {
        let mut tail = [0; 10];
        // Version and variant take the upper four bits of the first and two of the third.
        tail[place] = 1;
        prop_assert_ne!(SessionId::at(at(0), tail), SessionId::at(at(0), [0; 10]));
    }
}

/// Requirement 3: 43 digits hold 258 bits, and the two to spare must be zero.
#[test]
fn bits_to_spare_in_the_last_digit_are_refused() {
    let id = SessionId::at(at(0), [0; 10]);
    for (value, digit) in BASE64URL.chars().enumerate() {
        let text = format!("{id}.{}{digit}", "A".repeat(42));
        assert_eq!(
            text.parse::<SessionToken>().is_ok(),
            value % 4 == 0,
            "{digit}"
        );
    }
}

/// Requirement 1: 32 bytes, base64url, no padding.
#[test]
fn a_token_is_the_id_a_dot_and_the_secret_in_base64url() {
    let token = token([0xff; 32], [0; 10]);
    let expected = format!("{}.{}8", token.id, "_".repeat(42));
    assert_eq!(token.expose(), expected);
    assert_eq!((SessionSecret::TEXT_LEN, SessionToken::TEXT_LEN), (43, 80));
}

/// Requirement 4: what is stored is SHA-256 (FIPS 180-4) of the 32 bytes.
#[test]
fn a_secret_is_stored_as_its_sha_256() {
    let hash = SessionSecret::from_bytes([0; 32]).hash();
    let hex: String = hash
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
    );
}

#[test]
fn a_token_in_any_wrapping_is_refused() {
    let good = token([7; 32], [7; 10]).expose();
    let (id, secret) = good.split_once('.').expect("a dot");
    let bare = id.replace('-', "");
    for bad in [
        String::new(),
        id.to_owned(),
        secret.to_owned(),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("Bearer {good}"),
        format!("{{{id}}}.{secret}"),
        format!("urn:uuid:{id}.{secret}"),
        format!("{bare}.{secret}"),
        format!("{bare}....{secret}"),
        format!("{id}:{secret}"),
        format!("{id}.{secret}="),
        format!("{secret}.{id}"),
        format!("{good}A"),
        format!("{good}AA"),
        format!("{good}.{secret}"),
        format!("{good}{}", "A".repeat(10_000)),
        // As long as a token in bytes, but not one; the cut must not fall into a character.
        "é".repeat(40),
        format!("{}.{}", "é".repeat(18), secret),
        format!("{id}.{}A", "é".repeat(21)),
    ] {
        assert!(bad.parse::<SessionToken>().is_err(), "{bad}");
    }
}

/// Requirement 7: a text that is refused may be someone's secret, so nothing of it is told.
#[test]
fn a_refusal_repeats_nothing_of_what_it_refused() {
    let error = "hunter2".parse::<SessionToken>().expect_err("not a token");
    assert_eq!(
        error.to_string(),
        "not a session id or token of this system"
    );
    assert_eq!(format!("{error:?}"), "MalformedToken");
}

#[test]
fn an_id_is_printed_as_it_is_written() {
    let text = "019a9c2e-7c00-7abc-8def-0123456789ab";
    let id: SessionId = text.parse().expect("an id");
    assert_eq!(
        (id.to_string(), format!("{id:?}")),
        (text.to_owned(), text.to_owned())
    );
    assert_eq!(
        serde_json::to_string(&id).expect("text"),
        format!("\"{text}\"")
    );
}

#[test]
fn times_before_1970_count_as_1970() {
    let epoch = SessionId::at(DateTime::<Utc>::UNIX_EPOCH, [3; 10]);
    assert_eq!(SessionId::at(DateTime::<Utc>::MIN_UTC, [3; 10]), epoch);
    assert!(epoch.to_string().starts_with("00000000-0000-7"));
}
