//! What a token looks like, and that it says what it was given.

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::Value;
use session_core::ports::{AccessTokenSigner as _, TokenRefusal};
use session_core::{AccessClaims, AccessTokenId, SessionId, UserId};
use token_jwt::{MAX_TOKEN_BYTES, SecretTooShort, SharedSecret};

use crate::forgery::{decode, payload, ring_header, secret_header};
use crate::sample::{claims, now, ring, secret, signer};

#[test]
fn a_token_has_the_members_of_rfc_9068_and_no_other() {
    for (signer, header) in [
        (signer(ring()), ring_header()),
        (signer(secret()), secret_header()),
    ] {
        let token = signer.sign(&claims()).expect("a token");
        let parts: Vec<&str> = token.split('.').collect();
        let json = |part| serde_json::from_slice::<Value>(&decode(part)).expect("JSON");
        assert_eq!(parts.len(), 3);
        assert_eq!(json(parts[0]), header);
        assert_eq!(json(parts[1]), payload());
    }
}

#[test]
fn a_token_that_nobody_would_look_at_is_not_signed() {
    let mut long = claims();
    let signer = signer(ring());
    while let Ok(token) = signer.sign(&long) {
        assert!(token.len() <= MAX_TOKEN_BYTES);
        assert_eq!(signer.verify(&token, now()).as_ref(), Ok(&long));
        long.permissions
            .push("notes:read:and:write:everywhere".into());
    }
    let error = signer.sign(&long).expect_err("too long").to_string();
    assert!(error.contains("longer than 8192 bytes"), "{error}");
}

#[test]
fn a_secret_that_could_be_guessed_is_refused() {
    for length in [0, 1, 31] {
        assert_eq!(
            SharedSecret::new(&vec![1; length]).err(),
            Some(SecretTooShort)
        );
    }
    assert!(SharedSecret::new(&[1; 32]).is_ok());
    assert!(SharedSecret::new(&[1; 500]).is_ok());
}

#[test]
fn a_shared_secret_has_no_public_half() {
    assert_eq!(signer(secret()).public_keys(), []);
}

/// Requirement 7.
#[test]
fn no_secret_is_printed() {
    let printed = format!("{:?}{:?}", signer(ring()), signer(secret()));
    let shown = |secret: &str| printed.contains(secret);
    assert!(!shown("7, 7"), "{printed}");
    assert!(!shown("BwcHBwcH"), "{printed}");
    assert!(!shown("thirty-two"), "{printed}");
    assert!(shown("[redacted]"), "{printed}");
}

prop_compose! {
    fn any_claims()(
        user in "\\PC{1,60}".prop_filter_map("a user id", |text| UserId::new(&text).ok()),
        issued in 0..4_000_000_000_i64,
        lasts in 1..1_000_000_i64,
        random in any::<[u8; 10]>(),
        role in any::<String>().prop_filter("short", |role| role.len() < 100),
        permissions in prop::collection::vec("\\PC{0,20}", 0..10),
    ) -> AccessClaims {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        AccessClaims {
            user_id: user,
            session_id: SessionId::at(at(issued), random),
            id: AccessTokenId::at(at(issued), random),
            issued_at: at(issued),
            expires_at: at(issued + lasts),
            role: role.into(),
            permissions: permissions.into_iter().map(Into::into).collect(),
        }
    }
}

proptest! {
    #[test]
    fn what_was_signed_is_what_is_read(claims in any_claims(), shared in any::<bool>()) {
        let signer = if shared { signer(secret()) } else { signer(ring()) };
        let token = signer.sign(&claims).expect("a token");
        prop_assert_eq!(signer.verify(&token, claims.issued_at), Ok(claims));
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused(
        at in any::<prop::sample::Index>(),
        other in prop::sample::select(b"ABCXYZabcxyz0189-_.=+/ ".to_vec()),
        shared in any::<bool>(),
    ) {
        let signer = if shared { signer(secret()) } else { signer(ring()) };
        let mut token = signer.sign(&claims()).expect("a token").into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != other);
        token[at] = other;
        let token = String::from_utf8(token).expect("ASCII");
        prop_assert_eq!(signer.verify(&token, now()), Err(TokenRefusal::Invalid));
    }

    #[test]
    fn no_text_is_a_token_or_a_panic(text in "[A-Za-z0-9_.-]{0,200}|\\PC{0,200}") {
        prop_assert_eq!(signer(ring()).verify(&text, now()), Err(TokenRefusal::Invalid));
    }
}
