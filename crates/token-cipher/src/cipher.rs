use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, XNonce};
use session_core::ports::{Entropy, EntropyError, OpenError, TokenCipher};
use session_core::{CipherKeyId, Sealed};
use zeroize::Zeroizing;

use crate::CipherKeys;

/// What sealed bytes begin with: the nonce and the ciphertext with its tag follow.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Seals and opens, with keys that can be replaced while it is in use.
pub struct XChaChaCipher {
    entropy: Arc<dyn Entropy>,
    /// A std lock: it is held for as long as it takes to copy or to change one pointer, which cannot
    /// be left half done; so a poisoned one guards keys as good as any.
    keys: RwLock<Arc<CipherKeys>>,
}

impl XChaChaCipher {
    /// A cipher with these keys, and nonces from `entropy`.
    #[must_use]
    pub fn new(keys: CipherKeys, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            entropy,
            keys: RwLock::new(Arc::new(keys)),
        }
    }

    /// Seals and opens with `keys` from now on. What was sealed with a key that is not among them
    /// does not open until it is.
    pub fn replace_keys(&self, keys: CipherKeys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn keys(&self) -> Arc<CipherKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TokenCipher for XChaChaCipher {
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Sealed, EntropyError> {
        let keys = self.keys();
        let key = keys.newest();
        let mut nonce = XNonce::default();
        self.entropy.fill(&mut nonce)?;
        // In a piece of memory that never moves, so that no copy of the plain text stays behind.
        let room = 1 + NONCE_BYTES + plain.len() + TAG_BYTES;
        let mut bytes = Vec::with_capacity(room);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&nonce);
        let start = bytes.len();
        bytes.extend_from_slice(plain);
        let text = InOutBuf::from(&mut bytes[start..]);
        let tag = key.cipher().encrypt_inout_detached(&nonce, context, text);
        // What is longer than 256 GiB is refused, and no memory holds it.
        let tag = tag.map_err(|_| EntropyError("no nonce is enough for so much".to_owned()))?;
        bytes.extend_from_slice(&tag);
        Ok(Sealed {
            key: key.id().clone(),
            bytes: bytes.into(),
        })
    }

    fn open(&self, sealed: &Sealed, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let keys = self.keys();
        let key = keys.find(&sealed.key);
        let key = key.ok_or_else(|| OpenError::UnknownKey(sealed.key.clone()))?;
        let (nonce, text, tag) = parts(&sealed.bytes).ok_or(OpenError::Altered)?;
        let mut plain = Zeroizing::new(text.to_vec());
        // The tag is checked before anything is decrypted.
        let text = InOutBuf::from(&mut **plain);
        key.cipher()
            .decrypt_inout_detached(&nonce.into(), context, text, &tag.into())
            .map_err(|_| OpenError::Altered)?;
        Ok(plain)
    }

    fn sealing_key(&self) -> CipherKeyId {
        self.keys().newest().id().clone()
    }

    fn has_key(&self, key: &CipherKeyId) -> bool {
        self.keys().find(key).is_some()
    }
}

impl fmt::Debug for XChaChaCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XChaChaCipher")
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}

/// Nonce, ciphertext and tag of what [`FORMAT`] stands before.
///
/// The format itself is not authenticated. There is one, so that changing it only makes what follows
/// unreadable; a second one would have to be bound to its ciphertext.
fn parts(sealed: &[u8]) -> Option<([u8; NONCE_BYTES], &[u8], [u8; TAG_BYTES])> {
    let (&FORMAT, rest) = sealed.split_first()? else {
        return None;
    };
    let (nonce, rest) = rest.split_first_chunk()?;
    let (text, tag) = rest.split_last_chunk()?;
    Some((*nonce, text, *tag))
}
