//! The published example of XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, appendix A.3.1): what we
//! seal is that, and nothing of our own.

use std::sync::Arc;

use session_core::Sealed;
use session_core::ports::TokenCipher as _;
use token_cipher::{CipherKey, CipherKeys, XChaChaCipher};

use crate::sample::{Fixed, now};

const PLAIN: &[u8] =
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
                       for the future, sunscreen would be it.";
const CONTEXT: [u8; 12] = [
    0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
];
const CIPHERTEXT: &str = "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb\
                          731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452\
                          2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
                          21f9664c97637da9768812f615c68b13b52e";
const TAG: &str = "c0875924c1c7987947deafd8780acf49";

#[test]
fn the_published_example_is_sealed_and_opened() {
    let secret: [u8; 32] = std::array::from_fn(|at| 0x80 + at as u8);
    let nonce: [u8; 24] = std::array::from_fn(|at| 0x40 + at as u8);
    let keys = CipherKeys::new(CipherKey::new(&secret, now()));
    let cipher = XChaChaCipher::new(keys, Arc::new(Fixed(nonce)));
    let expected = [&[1], &nonce[..], &bytes(CIPHERTEXT), &bytes(TAG)].concat();

    let sealed = cipher.seal(PLAIN, &CONTEXT).expect("bytes");
    assert_eq!(*sealed.bytes, expected[..]);

    let published = Sealed {
        bytes: expected.into(),
        ..sealed
    };
    let opened = cipher.open(&published, &CONTEXT);
    assert_eq!(opened.as_deref().map(Vec::as_slice), Ok(PLAIN));
}

/// A stored name is forever: what it is made of must not change.
#[test]
fn the_name_of_a_key_stays_what_it_was() {
    let key = CipherKey::new(&[7; 32], now());
    assert_eq!(key.id().as_str(), "646b32737a8ac6585ffd7069d0d5dcc1");
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16);
    digits.map(|pair| byte(pair).expect("two digits")).collect()
}
