//! Requirement 34: keys rotate with overlap; the JWKS shows public parts only.

use session_core::AccessClaims;
use session_core::ports::{AccessTokenSigner as _, TokenRefusal};
use token_jwt::{KeyRingError, SigningKeys};

use crate::sample::{claims, key, minutes, now, ring, secret, signer};

fn kids(keys: &SigningKeys) -> Vec<&str> {
    keys.iter().map(token_jwt::SigningKey::kid).collect()
}

/// As long as a token of [`claims`] may be shown, and a little more.
const KEEP_FOR: i64 = 6;

#[test]
fn a_token_of_an_old_key_is_good_until_the_key_is_dropped() {
    let signer = signer(ring());
    let first = ring().newest().kid().to_owned();
    let later = now() + minutes(60);
    let fresh = AccessClaims {
        expires_at: later + minutes(60),
        ..claims()
    };
    let token = signer.sign(&fresh).expect("a token");

    let two = || {
        let keys = ring().rotated(key(&[1; 32], later), later, minutes(KEEP_FOR));
        keys.expect("a newer key")
    };
    let second = two().newest().kid().to_owned();
    assert_eq!(kids(&two()), [&*second, &*first]);
    signer.replace_keys(two());
    assert_eq!(signer.verify(&token, later), Ok(fresh.clone()));

    let once_more = later + minutes(KEEP_FOR + 1);
    let third = key(&[2; 32], once_more);
    let keys = two()
        .rotated(third, once_more, minutes(KEEP_FOR))
        .expect("a newer key");
    assert_eq!(kids(&keys), [keys.newest().kid(), &*second]);
    signer.replace_keys(keys);
    assert_eq!(signer.verify(&token, once_more), Err(TokenRefusal::Invalid));
}

#[test]
fn the_newest_key_signs() {
    let signer = signer(ring());
    let newer = key(&[1; 32], now() + minutes(1));
    let alone = crate::sample::signer(SigningKeys::new(key(&[1; 32], now())));
    let keys = ring().rotated(newer, now() + minutes(1), minutes(KEEP_FOR));
    signer.replace_keys(keys.expect("a newer key"));
    let token = signer.sign(&claims()).expect("a token");
    assert_eq!(alone.verify(&token, now()), Ok(claims()));
}

#[test]
fn a_key_is_kept_for_as_long_as_it_was_asked_and_no_longer() {
    let second = || key(&[1; 32], now() + minutes(10));
    let third = || key(&[2; 32], now() + minutes(20));
    let two = || ring().rotated(second(), now() + minutes(10), minutes(KEEP_FOR));
    let rotated = |at| {
        let keys = two()
            .expect("a newer key")
            .rotated(third(), at, minutes(KEEP_FOR));
        keys.expect("a newer key").iter().count()
    };
    // The first was replaced at minute 10, the second at minute 20.
    assert_eq!(rotated(now() + minutes(16)), 3);
    assert_eq!(
        rotated(now() + minutes(16) + chrono::TimeDelta::nanoseconds(1)),
        2
    );
    assert_eq!(rotated(now() + minutes(26)), 2);
    assert_eq!(rotated(now() + minutes(27)), 1);
}

#[test]
fn a_key_that_is_not_newer_cannot_take_over() {
    for created_at in [now(), now() - minutes(1)] {
        let keys = ring().rotated(key(&[1; 32], created_at), now(), minutes(KEEP_FOR));
        assert_eq!(keys.err(), Some(KeyRingError::NotNewer));
    }
}

#[test]
fn one_kind_of_key_can_take_over_from_the_other_and_ends_its_tokens() {
    let signer = signer(ring());
    let token = signer.sign(&claims()).expect("a token");
    signer.replace_keys(secret());
    assert_eq!(signer.verify(&token, now()), Err(TokenRefusal::Invalid));
    assert_eq!(signer.public_keys(), []);
}

#[test]
fn all_keys_are_published_without_their_seeds() {
    let later = now() + minutes(1);
    let keys = ring().rotated(key(&[1; 32], later), later, minutes(KEEP_FOR));
    let published = signer(keys.expect("a newer key")).public_keys();
    let second = key(&[1; 32], later).public();
    assert_eq!(published, [second, ring().newest().public()]);

    let json = serde_json::to_value(&published).expect("JSON");
    let members: Vec<_> = json[0].as_object().expect("an object").keys().collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
}

/// RFC 8037 appendix A.1, A.2 and A.3.
#[test]
fn a_key_has_the_public_half_and_the_name_that_the_standard_gives() {
    let seed = crate::forgery::decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let key = key(seed[..].try_into().expect("32 bytes"), now()).public();
    assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!((key.kty, key.crv), ("OKP", "Ed25519"));
    assert_eq!((key.alg, key.usage), ("EdDSA", "sig"));
}
