//! A nonce that is used twice gives both plain texts away.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use session_core::ports::TokenCipher as _;
use token_cipher::XChaChaCipher;

use crate::sample::{CONTEXT, Counting, PLAIN, key, ring};

#[test]
fn no_nonce_is_used_twice() {
    let entropy = Arc::new(Counting::default());
    let cipher = XChaChaCipher::new(ring(), Arc::clone(&entropy) as _);
    let mut seen = HashSet::new();
    for at in 0..10_000_u64 {
        if at == 5_000 {
            cipher.replace_keys(ring().rotated(key(8, 1)).expect("a newer key"));
        }
        let sealed = cipher.seal(PLAIN, CONTEXT).expect("bytes");
        // As it was drawn, all of it, and drawn for this alone.
        assert_eq!(sealed.bytes[1..25], at.to_be_bytes().repeat(3));
        assert!(seen.insert(sealed.bytes[1..25].to_vec()));
        assert_eq!(entropy.0.load(Ordering::Relaxed), at + 1);
    }
}
