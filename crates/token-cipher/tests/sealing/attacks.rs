//! Requirement 5: what was altered, cut, moved or sealed by somebody else opens nowhere.

use session_core::Sealed;
use session_core::ports::{OpenError, TokenCipher as _};
use token_cipher::CipherKeys;

use crate::sample::{CONTEXT, cipher, cipher_of, id, key, ring, sealed};

#[test]
fn one_bit_anywhere_is_found() {
    let cipher = cipher();
    let good = sealed(&cipher);
    for bit in 0..good.bytes.len() * 8 {
        let mut bad = good.clone();
        bad.bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(cipher.open(&bad, CONTEXT), Err(OpenError::Altered), "{bit}");
    }
    assert!(cipher.open(&good, CONTEXT).is_ok());
}

#[test]
fn what_is_cut_or_longer_is_found() {
    let cipher = cipher();
    let good = sealed(&cipher);
    for length in 0..good.bytes.len() {
        let bytes = good.bytes[..length].into();
        let bad = Sealed {
            bytes,
            ..good.clone()
        };
        assert_eq!(
            cipher.open(&bad, CONTEXT),
            Err(OpenError::Altered),
            "{length}"
        );
    }
    let longer = [&*good.bytes, &[0]].concat().into();
    let bad = Sealed {
        bytes: longer,
        ..good
    };
    assert_eq!(cipher.open(&bad, CONTEXT), Err(OpenError::Altered));
}

#[test]
fn every_format_but_ours_is_refused() {
    let cipher = cipher();
    let mut sealed = sealed(&cipher);
    for format in (0..=255).filter(|format| *format != 1) {
        sealed.bytes[0] = format;
        assert_eq!(cipher.open(&sealed, CONTEXT), Err(OpenError::Altered));
    }
}

#[test]
fn two_that_changed_places_open_in_neither() {
    let cipher = cipher();
    let of_ada = cipher.seal(b"hers", b"ada").expect("bytes");
    let of_bob = cipher.seal(b"his", b"bob").expect("bytes");
    assert_eq!(cipher.open(&of_ada, b"bob"), Err(OpenError::Altered));
    assert_eq!(cipher.open(&of_bob, b"ada"), Err(OpenError::Altered));
    for near in [&b""[..], b"ad", b"ada\0", b"Ada", b"adaada"] {
        assert_eq!(cipher.open(&of_ada, near), Err(OpenError::Altered));
    }
}

#[test]
fn a_key_that_is_gone_is_named() {
    let sealed = sealed(&cipher());
    let without = cipher_of(CipherKeys::new(key(8, 0)));
    let error = without.open(&sealed, CONTEXT).expect_err("no key");
    assert_eq!(error, OpenError::UnknownKey(id(7)));
    assert!(error.to_string().contains(id(7).as_str()), "{error}");
    // And even for what could never be opened: the key may be all that it lacks.
    let damaged = Sealed {
        bytes: [].into(),
        ..sealed
    };
    assert_eq!(
        without.open(&damaged, CONTEXT),
        Err(OpenError::UnknownKey(id(7)))
    );
}

#[test]
fn the_name_of_another_key_does_not_open_it() {
    let both = ring().rotated(key(8, 1)).expect("a newer key");
    let cipher = cipher_of(both);
    let mut sealed = sealed(&cipher);
    assert_eq!(sealed.key, id(8));
    sealed.key = id(7);
    assert_eq!(cipher.open(&sealed, CONTEXT), Err(OpenError::Altered));
}

#[test]
fn nothing_shows_a_secret() {
    let cipher = cipher();
    let shown = format!("{cipher:?} {:?} {:?}", ring(), key(7, 0));
    assert!(shown.contains(id(7).as_str()), "{shown}");
    // As the numbers of the bytes, as text, and in hexadecimal.
    for secret in ["7, 7", "BwcH", "0707"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
