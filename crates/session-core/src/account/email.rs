use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

use crate::InvalidInput;

/// An e-mail address as accounts are found by it: in lower case and NFC, so that it does not matter
/// how it is typed.
///
/// RFC 5321 §2.4 lets a mail server tell `Ada@` from `ada@`; none in use does, and two accounts that
/// differ in that alone would be one person's trap or another's trick. The form is checked no further
/// than that there is a name and a host: what receives mail is found out by sending one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Email(Box<str>);

impl Email {
    /// Longest address in bytes (RFC 5321 §4.5.3.1.3, without the brackets).
    pub const MAX_BYTES: usize = 254;

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let invalid = || InvalidInput::new("email", "must be an e-mail address");
        let text = text.trim();
        if text.len() > Self::MAX_BYTES {
            return Err(invalid());
        }
        // Lowering may undo the normal form: `J` with a caron is two characters, `ǰ` is one.
        let lower: String = text
            .nfc()
            .collect::<String>()
            .to_lowercase()
            .nfc()
            .collect();
        let (local, host) = lower.rsplit_once('@').ok_or_else(invalid)?;
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || is_unseen(c) || c == '@';
        let is_bad = |part: &str| part.is_empty() || part.chars().any(is_odd);
        if is_bad(local) || is_bad(host) || lower.len() > Self::MAX_BYTES {
            return Err(invalid());
        }
        Ok(Self(lower.into()))
    }
}

/// Characters that take no room or turn the text around: with them two addresses look like one, in a
/// list of accounts and in a log.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
