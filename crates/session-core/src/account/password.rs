use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::Email;
use super::common_passwords::is_common;
use crate::InvalidInput;

/// A password as somebody gave it, in NFC (SP 800-63B-4 §3.1.1.2), wiped on drop.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Longest password in bytes: room for a passphrase in any script, and no way to keep the hash busy.
    pub const MAX_BYTES: usize = 1024;

    /// Takes a password; whether it is a good one is for [`PasswordPolicy::check`] to say.
    ///
    /// # Errors
    /// [`InvalidInput`] for `password` when it is longer than [`Self::MAX_BYTES`]; it is never cut.
    pub fn new(text: &str) -> Result<Self, InvalidInput> {
        let too_long = || {
            let problem = format_args!("must be at most {} bytes", Self::MAX_BYTES);
            InvalidInput::new("password", problem)
        };
        if text.len() > Self::MAX_BYTES {
            return Err(too_long());
        }
        // Room for all of it, so that growing leaves no copy behind: a letter grows to three times
        // its bytes at most (UAX #15 §12).
        let mut normal = Zeroizing::new(String::with_capacity(text.len() * 3));
        normal.extend(text.nfc());
        if normal.len() > Self::MAX_BYTES {
            return Err(too_long());
        }
        Ok(Self(normal))
    }

    /// The password itself, for the function that hashes it and for nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A password's hash as a PHC string: algorithm, parameters, salt and digest in one text.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes a hash as it was made or stored.
    #[must_use]
    pub fn new(phc: &str) -> Self {
        Self(phc.into())
    }

    /// The PHC string, to store it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing: what is in it can be guessed at.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Which passwords may be set.
///
/// Long enough, and not one that everybody tries first (SP 800-63B-4 §3.1.1.2). No rules about kinds
/// of characters: they make passwords worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    min_chars: usize,
}

impl PasswordPolicy {
    /// Shortest password unless set otherwise, in characters: for a password that is the only factor.
    pub const DEFAULT_MIN_CHARS: usize = 15;
    /// No deployment may ask for less, in characters.
    pub const LEAST_MIN_CHARS: usize = 8;
    /// No deployment may ask for more: passwords of this many characters are always long enough.
    pub const MOST_MIN_CHARS: usize = 64;

    /// Passwords of at least `min_chars` characters.
    ///
    /// # Errors
    /// [`InvalidInput`] for `password_min_length` unless it is from [`Self::LEAST_MIN_CHARS`] to
    /// [`Self::MOST_MIN_CHARS`].
    pub fn new(min_chars: usize) -> Result<Self, InvalidInput> {
        if !(Self::LEAST_MIN_CHARS..=Self::MOST_MIN_CHARS).contains(&min_chars) {
            let problem = format_args!(
                "must be from {} to {}",
                Self::LEAST_MIN_CHARS,
                Self::MOST_MIN_CHARS
            );
            return Err(InvalidInput::new("password_min_length", problem));
        }
        Ok(Self { min_chars })
    }

    /// Fewest characters.
    #[must_use]
    pub const fn min_chars(&self) -> usize {
        self.min_chars
    }

    /// Whether `password` may become the one of the account of `email`.
    ///
    /// # Errors
    /// [`InvalidInput`] for `password` when it is too short or among the first that are tried: a common
    /// word or the address with digits and signs around it, one piece over and over, runs of keys.
    pub fn check(&self, password: &Password, email: &Email) -> Result<(), InvalidInput> {
        let text = password.expose();
        if text.chars().count() < self.min_chars {
            let problem = format_args!("must have at least {} characters", self.min_chars);
            return Err(InvalidInput::new("password", problem));
        }
        let lower = Zeroizing::new(text.to_lowercase());
        let names = [email.as_str(), email.local_part()].map(from_letter_to_letter);
        if lower.as_str() == email.as_str() || is_common(&lower, &names) {
            let problem = "is among those that are tried first: choose another";
            return Err(InvalidInput::new("password", problem));
        }
        Ok(())
    }
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_chars: Self::DEFAULT_MIN_CHARS,
        }
    }
}

/// Without the digits and signs around it, for those may be others in the password.
fn from_letter_to_letter(name: &str) -> &str {
    name.trim_matches(|c: char| !c.is_alphabetic())
}
