//! What the tests seal with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Entropy, EntropyError, TokenCipher as _};
use session_core::{CipherKeyId, Sealed};
use token_cipher::{CipherKey, CipherKeys, XChaChaCipher};

pub(crate) const SECRET: [u8; 32] = [7; 32];
pub(crate) const PLAIN: &[u8] = b"an access token that nobody may read";
pub(crate) const CONTEXT: &[u8] = b"ada's session";

/// Bytes that differ from one drawing to the next.
#[derive(Default)]
pub(crate) struct Counting(pub(crate) AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let drawing = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, drawn) in bytes.iter_mut().zip(drawing.iter().cycle()) {
            *byte = *drawn;
        }
        Ok(())
    }
}

/// The same bytes every time.
pub(crate) struct Fixed(pub(crate) [u8; 24]);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

pub(crate) struct Broken;

impl Entropy for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError("no bytes".to_owned()))
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

pub(crate) fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

/// A key of that byte alone, made that many minutes after [`now`].
pub(crate) fn key(byte: u8, after: i64) -> CipherKey {
    CipherKey::new(&[byte; 32], now() + minutes(after))
}

pub(crate) fn id(byte: u8) -> CipherKeyId {
    key(byte, 0).id().clone()
}

/// One key, of [`SECRET`].
pub(crate) fn ring() -> CipherKeys {
    CipherKeys::new(key(SECRET[0], 0))
}

pub(crate) fn cipher_of(keys: CipherKeys) -> XChaChaCipher {
    XChaChaCipher::new(keys, Arc::new(Counting::default()))
}

pub(crate) fn cipher() -> XChaChaCipher {
    cipher_of(ring())
}

pub(crate) fn sealed(cipher: &XChaChaCipher) -> Sealed {
    cipher.seal(PLAIN, CONTEXT).expect("bytes are to be had")
}
