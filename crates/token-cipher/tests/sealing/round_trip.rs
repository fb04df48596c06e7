//! What was sealed comes back, and is not to be read meanwhile.

use proptest::prelude::*;
use session_core::ports::TokenCipher as _;

use crate::sample::{Broken, CONTEXT, PLAIN, cipher, id, ring, sealed};
use token_cipher::XChaChaCipher;

#[test]
fn what_was_sealed_comes_back() {
    let cipher = cipher();
    let sealed = sealed(&cipher);
    assert_eq!(
        cipher.open(&sealed, CONTEXT).as_deref().map(Vec::as_slice),
        Ok(PLAIN)
    );
    assert_eq!(sealed.key, id(7));
    assert_eq!(cipher.sealing_key(), id(7));
    assert!(cipher.has_key(&id(7)) && !cipher.has_key(&id(8)));
}

#[test]
fn nothing_at_all_can_be_sealed_too() {
    let cipher = cipher();
    let sealed = cipher.seal(b"", b"").expect("bytes are to be had");
    assert_eq!(sealed.bytes.len(), 1 + 24 + 16);
    assert_eq!(cipher.open(&sealed, b"").as_deref(), Ok(&Vec::new()));
    assert!(cipher.open(&sealed, b"\0").is_err());
}

#[test]
fn what_is_sealed_shows_nothing_of_what_it_is() {
    let first = sealed(&cipher());
    assert_eq!(first.bytes.len(), 1 + 24 + PLAIN.len() + 16);
    assert_eq!(first.bytes[0], 1, "the format");
    for part in [PLAIN, CONTEXT] {
        let mut windows = first.bytes.windows(4);
        assert!(!windows.any(|at| part.windows(4).any(|of| of == at)));
    }
}

#[test]
fn the_same_is_sealed_otherwise_every_time() {
    let cipher = cipher();
    let (one, other) = (sealed(&cipher), sealed(&cipher));
    assert_ne!(one.bytes[1..25], other.bytes[1..25]);
    assert_ne!(one.bytes[25..], other.bytes[25..]);
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    let cipher = XChaChaCipher::new(ring(), std::sync::Arc::new(Broken));
    let error = cipher.seal(PLAIN, CONTEXT).expect_err("no nonce");
    assert_eq!(error.0, "no bytes");
}

proptest! {
    #[test]
    fn whatever_it_is_and_wherever_it_belongs(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        context in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let cipher = cipher();
        let sealed = cipher.seal(&plain, &context).expect("bytes are to be had");
        prop_assert_eq!(&**cipher.open(&sealed, &context).expect("its own"), &plain[..]);
    }
}
