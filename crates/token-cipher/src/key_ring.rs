use session_core::CipherKeyId;

use crate::CipherKey;

/// The keys of an installation: the newest seals, all open.
///
/// As text, for a file or a setting, see [`expose`](Self::expose) and [`parse`](Self::parse).
#[derive(Debug)]
pub struct CipherKeys {
    newest: CipherKey,
    /// The newest of them first.
    older: Vec<CipherKey>,
}

impl CipherKeys {
    /// A ring of one key.
    #[must_use]
    pub fn new(key: CipherKey) -> Self {
        Self {
            newest: key,
            older: Vec::new(),
        }
    }

    /// Lets `key` seal from now on. All others stay: none goes by itself, since only whoever can ask
    /// the store knows what is sealed with it.
    ///
    /// # Errors
    /// [`CipherKeysError::NotNewer`] when `key` was not made after all others.
    pub fn rotated(self, key: CipherKey) -> Result<Self, CipherKeysError> {
        if key.created_at() <= self.newest.created_at() {
            return Err(CipherKeysError::NotNewer);
        }
        let mut older = self.older;
        older.insert(0, self.newest);
        Ok(Self { newest: key, older })
    }

    /// The ring without a key. What is still sealed with that one does not open any more.
    ///
    /// # Errors
    /// [`CipherKeysError::Seals`] for the newest, [`CipherKeysError::NoSuchKey`] for one that is not
    /// there.
    pub fn without(mut self, id: &CipherKeyId) -> Result<Self, CipherKeysError> {
        if self.newest.id() == id {
            return Err(CipherKeysError::Seals(id.clone()));
        }
        let found = self.older.iter().position(|key| key.id() == id);
        let at = found.ok_or_else(|| CipherKeysError::NoSuchKey(id.clone()))?;
        self.older.remove(at);
        Ok(self)
    }

    /// All keys, the one that seals first.
    pub fn iter(&self) -> impl Iterator<Item = &CipherKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// The one that seals.
    #[must_use]
    pub fn newest(&self) -> &CipherKey {
        &self.newest
    }

    /// The key of a name.
    #[must_use]
    pub fn find(&self, id: &CipherKeyId) -> Option<&CipherKey> {
        self.iter().find(|key| key.id() == id)
    }

    /// A ring of keys in any order.
    pub(crate) fn of(mut keys: Vec<CipherKey>) -> Result<Self, CipherKeysError> {
        keys.sort_by_key(|key| std::cmp::Reverse(key.created_at()));
        // A name follows from the secret, so two of one name are one key twice, whatever their times.
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].iter().any(|other| other.id() == key.id()) {
                return Err(CipherKeysError::Twice);
            }
        }
        if !keys.is_sorted_by(|newer, older| newer.created_at() > older.created_at()) {
            return Err(CipherKeysError::SameTime);
        }
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or(CipherKeysError::Empty)?;
        Ok(Self {
            newest,
            older: keys.collect(),
        })
    }
}

/// Why there is no such ring of keys.
///
/// It names a key of a text by its place and repeats nothing of the text, which is a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CipherKeysError {
    /// Not the JSON that [`CipherKeys::expose`] writes.
    #[error("the encryption keys are not of the form expected, at line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 before the first.
        column: usize,
    },
    /// Written by a later version of this program.
    #[error("the encryption keys are of format {found}, and this program reads format 1 alone")]
    Format {
        /// What the text says it is.
        found: u64,
    },
    /// The ring of a text has no key.
    #[error("there is no encryption key")]
    Empty,
    /// The secret is not 32 bytes in base64url without padding.
    #[error("the secret of encryption key {place} is not 32 bytes in base64url")]
    Secret {
        /// Counted from 1.
        place: usize,
    },
    /// The name is that of another key.
    #[error("the id of encryption key {place} does not belong to its secret")]
    Id {
        /// Counted from 1.
        place: usize,
    },
    /// One key is there twice.
    #[error("an encryption key is there twice")]
    Twice,
    /// Two keys are equally new, so it is open which one seals.
    #[error("two encryption keys were created at the same time")]
    SameTime,
    /// A key that is not the newest cannot take over.
    #[error("the new encryption key is not newer than the others")]
    NotNewer,
    /// The newest key cannot go: nothing could be sealed any more.
    #[error("the key {0} is the one that seals")]
    Seals(CipherKeyId),
    /// The ring has no key of this name.
    #[error("the key {0} is not among the encryption keys")]
    NoSuchKey(CipherKeyId),
}
