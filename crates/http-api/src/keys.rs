use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What the bearer of a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// A backend: the service face.
    Service,
    /// An operator: the service face and the admin face.
    Admin,
}

impl KeyRole {
    /// What every key of this role begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Service => "svc_",
            Self::Admin => "adm_",
        }
    }
}

/// The keys of backends and operators; only their hashes are kept.
#[derive(Clone, Default)]
pub struct ServiceKeys {
    keys: Vec<(KeyRole, [u8; 32])>,
}

/// A key that the server will not start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitKey {
    /// It does not begin as keys of its role do.
    #[error("must begin with `{}`", .0.prefix())]
    Prefix(KeyRole),
    /// It is short enough to be guessed.
    #[error(
        "must be at least {} characters after the prefix",
        ServiceKeys::MIN_SECRET_LEN
    )]
    Short,
    /// It cannot be sent in a header.
    #[error("must be of visible ASCII characters without commas")]
    Characters,
    /// It looks like a word or a placeholder, not like random text.
    #[error("must be random: it repeats too few different characters")]
    Weak,
    /// It was given before.
    #[error("must not be given twice")]
    Repeated,
}

impl ServiceKeys {
    /// Fewest characters of a key after its prefix; 32 random bytes in base64url are 43.
    pub const MIN_SECRET_LEN: usize = 32;
    /// Fewest different characters: 32 random ones of base64url practically never have fewer.
    const MIN_DIFFERENT: usize = 10;

    /// Whether a text has the form of a key, known or not.
    pub(crate) fn is_key(text: &str) -> bool {
        [KeyRole::Service, KeyRole::Admin]
            .iter()
            .any(|role| text.starts_with(role.prefix()))
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`UnfitKey`] when it could be guessed or confused.
    pub fn add(&mut self, role: KeyRole, key: &str) -> Result<(), UnfitKey> {
        let secret = key
            .strip_prefix(role.prefix())
            .ok_or(UnfitKey::Prefix(role))?;
        if secret.len() < Self::MIN_SECRET_LEN {
            return Err(UnfitKey::Short);
        }
        if !secret.bytes().all(|b| b.is_ascii_graphic() && b != b',') {
            return Err(UnfitKey::Characters);
        }
        let mut seen = [false; 128];
        secret.bytes().for_each(|b| seen[usize::from(b)] = true);
        if seen.iter().filter(|seen| **seen).count() < Self::MIN_DIFFERENT {
            return Err(UnfitKey::Weak);
        }
        let hash = Sha256::digest(key).into();
        if self.role_of(key).is_some() {
            return Err(UnfitKey::Repeated);
        }
        self.keys.push((role, hash));
        Ok(())
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What the bearer of `key` may do; `None` for an unknown key. Takes the same time for each.
    pub(crate) fn role_of(&self, key: &str) -> Option<KeyRole> {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let mut found = None;
        for (role, held) in &self.keys {
            if bool::from(held.ct_eq(&hash)) {
                found = Some(*role);
            }
        }
        found
    }
}

impl fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceKeys({} keys)", self.keys.len())
    }
}
