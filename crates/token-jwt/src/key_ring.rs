use chrono::{DateTime, TimeDelta, Utc};

use crate::{SeedRefused, SigningKey};

/// The Ed25519 keys of an installation: the newest signs, all verify.
///
/// As text, for a file or a setting, see [`expose`](Self::expose) and [`parse`](Self::parse).
#[derive(Debug)]
pub struct SigningKeys {
    newest: SigningKey,
    /// The newest of them first.
    older: Vec<SigningKey>,
}

impl SigningKeys {
    /// A ring of one key.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self {
            newest: key,
            older: Vec::new(),
        }
    }

    /// Lets `key` sign from now on, and drops those that nobody needs any more: whose successor was
    /// made more than `keep_for` ago.
    ///
    /// With `keep_for` no shorter than the longest life of a token, plus [`crate::LEEWAY_SECONDS`],
    /// plus the time until the last node has the new ring, every token of a dropped key has expired.
    ///
    /// # Errors
    /// [`KeyRingError::NotNewer`] when `key` was not made after all others.
    pub fn rotated(
        self,
        key: SigningKey,
        now: DateTime<Utc>,
        keep_for: TimeDelta,
    ) -> Result<Self, KeyRingError> {
        if key.created_at() <= self.newest.created_at() {
            return Err(KeyRingError::NotNewer);
        }
        let mut successor = key.created_at();
        let mut older = self.older;
        older.insert(0, self.newest);
        older.retain(|old| {
            let replaced_for = now.signed_duration_since(successor);
            successor = old.created_at();
            replaced_for <= keep_for
        });
        Ok(Self { newest: key, older })
    }

    /// All keys, the one that signs first.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// The one that signs.
    #[must_use]
    pub fn newest(&self) -> &SigningKey {
        &self.newest
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.iter().find(|key| key.kid() == kid)
    }

    /// A ring of keys in any order.
    pub(crate) fn of(mut keys: Vec<SigningKey>) -> Result<Self, KeyRingError> {
        keys.sort_by_key(|key| std::cmp::Reverse(key.created_at()));
        // A name follows from the seed, so two of one name are one key twice, whatever their times.
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].iter().any(|other| other.kid() == key.kid()) {
                return Err(KeyRingError::Twice);
            }
        }
        if keys.is_sorted_by(|newer, older| newer.created_at() > older.created_at()) {
            let mut keys = keys.into_iter();
            let newest = keys.next().ok_or(KeyRingError::Empty)?;
            Ok(Self {
                newest,
                older: keys.collect(),
            })
        } else {
            Err(KeyRingError::SameTime)
        }
    }
}

/// Why there is no such ring of keys.
///
/// It names a key by its place and repeats nothing of the text, which is a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Not the JSON that [`SigningKeys::expose`] writes.
    #[error("the signing keys are not of the form expected, at line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 before the first.
        column: usize,
    },
    /// Written by a later version of this program.
    #[error("the signing keys are of format {found}, and this program reads format 1 alone")]
    Format {
        /// What the text says it is.
        found: u64,
    },
    /// The ring of a text has no key.
    #[error("there is no signing key")]
    Empty,
    /// The seed is not 32 bytes in base64url without padding.
    #[error("the seed of signing key {place} is not 32 bytes in base64url")]
    Seed {
        /// Counted from 1.
        place: usize,
    },
    /// The name is that of another key.
    #[error("the kid of signing key {place} does not belong to its seed")]
    Kid {
        /// Counted from 1.
        place: usize,
    },
    /// One key is there twice.
    #[error("a signing key is there twice")]
    Twice,
    /// Two keys are equally new, so it is open which one signs.
    #[error("two signing keys were created at the same time")]
    SameTime,
    /// A key that is not the newest cannot take over.
    #[error("the new signing key is not newer than the others")]
    NotNewer,
    /// A seed makes no key.
    #[error(transparent)]
    Refused(#[from] SeedRefused),
}
