use proptest::prelude::*;
use session_core::{SessionId, SessionSecret, SessionToken};

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
