//! Requirement 6: the newest key seals, all open, and none goes by itself.

use std::sync::Arc;

use session_core::ports::{OpenError, TokenCipher as _};
use token_cipher::{CipherKey, CipherKeys, CipherKeysError};

use crate::sample::{CONTEXT, PLAIN, cipher_of, id, key, minutes, now, ring, sealed};

fn ids(keys: &CipherKeys) -> Vec<String> {
    keys.iter().map(|key| key.id().to_string()).collect()
}

fn three() -> CipherKeys {
    let two = ring().rotated(key(8, 1)).expect("a newer key");
    two.rotated(key(9, 60 * 24 * 1000)).expect("a newer key")
}

#[test]
fn the_newest_seals_and_all_open() {
    let cipher = cipher_of(ring());
    let old = sealed(&cipher);
    cipher.replace_keys(three());
    assert_eq!(cipher.sealing_key(), id(9));
    let new = sealed(&cipher);
    assert_eq!((&old.key, &new.key), (&id(7), &id(9)));
    for sealed in [&old, &new] {
        let opened = cipher.open(sealed, CONTEXT);
        assert_eq!(opened.as_deref().map(Vec::as_slice), Ok(PLAIN));
    }
}

#[test]
fn no_key_goes_by_itself_however_old_it_is() {
    let expected = [9, 8, 7].map(|byte| id(byte).to_string());
    assert_eq!(ids(&three()), expected);
    assert_eq!(three().newest().id(), &id(9));
    for byte in [7, 8, 9] {
        assert_eq!(three().find(&id(byte)).map(CipherKey::id), Some(&id(byte)));
    }
    assert!(three().find(&id(1)).is_none());
}

#[test]
fn a_key_that_is_not_newer_cannot_take_over() {
    for after in [0, -1] {
        let refused = ring().rotated(key(8, after)).err();
        assert_eq!(refused, Some(CipherKeysError::NotNewer));
    }
    let one_more = now() + minutes(0) + chrono::TimeDelta::nanoseconds(1);
    let ring = ring().rotated(CipherKey::new(&[8; 32], one_more));
    assert_eq!(ring.expect("a newer key").newest().id(), &id(8));
}

#[test]
fn a_key_goes_when_it_is_taken_out_and_never_the_one_that_seals() {
    let without = three().without(&id(8)).expect("not the newest");
    assert_eq!(ids(&without), [9, 7].map(|byte| id(byte).to_string()));
    let refused = |keys: CipherKeys, byte| keys.without(&id(byte)).expect_err("refused");
    assert_eq!(refused(three(), 9), CipherKeysError::Seals(id(9)));
    assert_eq!(refused(ring(), 7), CipherKeysError::Seals(id(7)));
    assert_eq!(refused(without, 8), CipherKeysError::NoSuchKey(id(8)));
}

#[test]
fn a_key_that_was_taken_out_opens_nothing_until_it_is_back() {
    let cipher = cipher_of(ring());
    let old = sealed(&cipher);
    let two = || ring().rotated(key(8, 1)).expect("a newer key");
    cipher.replace_keys(two().without(&id(7)).expect("not the newest"));
    assert!(!cipher.has_key(&id(7)) && cipher.has_key(&id(8)));
    assert_eq!(
        cipher.open(&old, CONTEXT),
        Err(OpenError::UnknownKey(id(7)))
    );
    cipher.replace_keys(two());
    assert!(cipher.open(&old, CONTEXT).is_ok());
}

#[test]
fn keys_are_replaced_under_the_feet_of_those_who_seal() {
    let cipher = Arc::new(cipher_of(ring()));
    let two = || ring().rotated(key(8, 1)).expect("a newer key");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let sealed = sealed(&cipher);
                    assert!(cipher.open(&sealed, CONTEXT).is_ok());
                }
            });
        }
        for _ in 0..200 {
            cipher.replace_keys(two());
        }
    });
    assert_eq!(cipher.sealing_key(), id(8));
}
