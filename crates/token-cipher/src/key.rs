use std::fmt::{self, Write as _};

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use chrono::{DateTime, Utc};
use session_core::CipherKeyId;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// What the name of a key is a hash of, before the key itself: the same bytes used for anything else
/// have another name there.
const NAMED_FOR: &[u8] = b"sessiond encryption key 1\n";
/// How much of the hash is the name: enough that two keys never share one.
const NAME_BYTES: usize = 16;

/// A key of the cipher, wiped on drop.
///
/// Its name follows from the secret, by a hash that leads nowhere back from 32 random bytes. So one
/// key has one name everywhere, two never share one, a secret that was copied wrongly is found out
/// before anything is sealed with it, and a key that comes back from a backup is known to be the one
/// that is missing. In hexadecimal, since a name is also an argument of commands, and must not begin
/// with a hyphen there.
pub struct CipherKey {
    id: CipherKeyId,
    /// Boxed, so that moving the key leaves no copy behind that is not wiped.
    secret: Box<Zeroizing<[u8; 32]>>,
    created_at: DateTime<Utc>,
}

impl CipherKey {
    /// A key of 32 bytes of entropy.
    #[must_use]
    pub fn new(secret: &[u8; 32], created_at: DateTime<Utc>) -> Self {
        let mut kept = Box::new(Zeroizing::new([0; 32]));
        kept.copy_from_slice(secret);
        Self {
            id: name_of(secret),
            secret: kept,
            created_at,
        }
    }

    /// The key's name, as it stands beside what was sealed with it. No secret.
    #[must_use]
    pub fn id(&self) -> &CipherKeyId {
        &self.id
    }

    /// When it was made, and so took over from the one before.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The cipher with this key, which wipes its own copy.
    pub(crate) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.secret).into())
    }
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CipherKey")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::expect_used,
    reason = "a name may have 64 characters, and hexadecimal digits are among those it is made of"
)]
fn name_of(secret: &[u8; 32]) -> CipherKeyId {
    let hash = Sha256::new_with_prefix(NAMED_FOR)
        .chain_update(secret)
        .finalize();
    let mut name = String::with_capacity(2 * NAME_BYTES);
    for byte in &hash[..NAME_BYTES] {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    CipherKeyId::new(&name).expect("a plain name")
}
