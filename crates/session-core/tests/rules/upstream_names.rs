//! What names a token, its place, its provider and its user; and that none of it shows a secret.

use proptest::prelude::*;
use session_core::{
    AuthorizationRequest, CipherKeyId, CodeChallenge, ProviderName, ProviderSubject, ProviderToken,
    RefreshOutcome, RefreshReason, Sealed, SessionId, TokenField, TokenPlace, UserId, token_answer,
};

use crate::sample::at;

fn subject(issuer: &str, subject: &str) -> ProviderSubject {
    ProviderSubject {
        issuer: issuer.into(),
        subject: subject.into(),
    }
}

/// Pinned: whoever signed in yesterday is the same tomorrow, with whatever version. The value is
/// that of another program than this one.
#[test]
fn a_user_of_a_provider_is_the_same_always_and_everywhere() {
    let id = subject("https://id.example", "ada").user_id();
    assert_eq!(id.as_str(), "bc10a3dd-065d-81a6-a4e2-140b078a1f57");
    let uuid: uuid::Uuid = id.as_str().parse().expect("a UUID");
    assert_eq!(uuid.get_version_num(), 8);
    assert!(!id.as_str().contains("ada"));
}

/// Neither half can take from the other.
#[test]
fn no_other_pair_is_the_same_user() {
    let pairs = [
        ("https://id.example", "ada"),
        ("https://id.example/", "ada"),
        ("https://id.example", "Ada"),
        ("https://id.example", "ada "),
        ("https://id.example", ""),
        ("https://id.exampl", "eada"),
        ("https://id.examplea", "da"),
        ("", "https://id.exampleada"),
        ("ada", "https://id.example"),
    ];
    for (number, (issuer, name)) in pairs.iter().enumerate() {
        for (other_issuer, other) in &pairs[..number] {
            assert_ne!(
                subject(issuer, name).user_id(),
                subject(other_issuer, other).user_id()
            );
        }
    }
}

#[test]
fn the_challenge_is_that_of_the_standard() {
    // RFC 7636 appendix B.
    let challenge = CodeChallenge::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(
        challenge.as_str(),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
}

/// Requirement 7.
#[test]
fn nothing_shows_a_token() {
    let body = br#"{"access_token":"hunter2a","refresh_token":"hunter2r","id_token":"hunter2i"}"#;
    let answer = token_answer(200, None, body).expect("tokens");
    let token = ProviderToken::new("token", "hunter2").expect("a token");
    let request = AuthorizationRequest {
        redirect_uri: "https://app.example".into(),
        state: "hunter2".into(),
        nonce: "hunter2".into(),
        challenge: CodeChallenge::of("hunter2"),
    };
    let sealed = Sealed {
        key: CipherKeyId::new("k").expect("a key's name"),
        bytes: b"hunter2".as_slice().into(),
    };
    let shown = format!("{answer:?} {token:?} {request:?} {sealed:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains(&format!("{:?}", b"hunter2")), "{shown}");
    let problem = ProviderToken::new("token", "hunter2\n").expect_err("a line's end");
    assert!(!format!("{problem} {problem:?}").contains("hunter2"));
}

#[test]
fn a_token_is_printable_ascii_of_bounded_length() {
    let most = ProviderToken::MAX_BYTES;
    for text in ["a", " ", "~", "a b.c-d_e/f+g=", &"a".repeat(most)] {
        assert_eq!(
            ProviderToken::new("t", text).expect("a token").expose(),
            text
        );
    }
    for text in ["", "\n", "a\0", "\u{7f}", "ä", &"a".repeat(most + 1)] {
        assert_eq!(
            ProviderToken::new("t", text).expect_err("none").field(),
            "t"
        );
    }
}

#[test]
fn a_name_is_short_and_plain() {
    for text in ["a", "open-router_2", &"a".repeat(64)] {
        assert_eq!(ProviderName::new(text).expect("a name").as_str(), text);
        assert_eq!(CipherKeyId::new(text).expect("a name").as_str(), text);
    }
    for text in ["", "a b", "a/b", "a.b", "ä", "a\n", &"a".repeat(65)] {
        assert!(ProviderName::new(text).is_err(), "{text:?}");
        assert!(CipherKeyId::new(text).is_err(), "{text:?}");
    }
    assert!(ProviderName::new("A").is_err() && CipherKeyId::new("A").is_ok());
}

#[test]
fn words_of_a_record_are_read_back() {
    for reason in RefreshReason::ALL {
        assert_eq!(RefreshReason::parse(reason.as_str()), Ok(reason));
        let json = serde_json::to_value(reason).expect("JSON");
        assert_eq!(json, reason.as_str());
    }
    for outcome in RefreshOutcome::ALL {
        assert_eq!(RefreshOutcome::parse(outcome.as_str()), Ok(outcome));
        let json = serde_json::to_value(outcome).expect("JSON");
        assert_eq!(json, outcome.as_str());
    }
    for word in ["", "Success", "success ", "done"] {
        assert!(RefreshReason::parse(word).is_err() && RefreshOutcome::parse(word).is_err());
    }
}

/// A place of a token: session, user, provider, field.
fn place() -> impl Strategy<Value = (u8, String, String, u8)> {
    (0..3_u8, "[ab\u{a0} /]{0,3}x", "[ab]{1,3}", 0..3_u8)
}

fn context((session, user, provider, field): &(u8, String, String, u8)) -> Vec<u8> {
    let fields = [TokenField::Access, TokenField::Refresh, TokenField::Id];
    let place = TokenPlace {
        session_id: SessionId::at(at(0), [*session; 10]),
        user_id: &UserId::new(user).expect("a user id"),
        provider: &ProviderName::new(provider).expect("a name"),
        field: fields[usize::from(*field)],
    };
    place.context()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Requirement 5: what is bound to one place opens in no other.
    #[test]
    fn no_two_places_have_the_same_context(first in place(), second in place()) {
        prop_assert_eq!(context(&first) == context(&second), first == second);
    }

    /// No letter of the user can be taken for one of the provider.
    #[test]
    fn a_name_does_not_run_into_the_next(first in place(), moved in "[ab]{1,3}") {
        let (mut one, mut other) = (first.clone(), first);
        one.2.push_str(&moved);
        other.1.insert_str(0, &moved);
        prop_assert_ne!(context(&one), context(&other));
    }

    #[test]
    fn one_change_is_another_context(first in place(), part in 0..4_u8) {
        let mut second = first.clone();
        match part {
            0 => second.0 = (second.0 + 1) % 3,
            1 => second.1.push('a'),
            2 => second.2.push('a'),
            _ => second.3 = (second.3 + 1) % 3,
        }
        prop_assert_ne!(context(&first), context(&second));
    }
}
