use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

use crate::InvalidInput;

/// An e-mail address as accounts are found by it: in lower case and NFC, so that it does not matter
/// how it is typed.
///
/// RFC 5321 §2.4 lets a mail server tell `Ada@` from `ada@`; none in use does, and two accounts that
/// differ in that alone would be one person's trap or another's trick. The form is checked as far as
/// two spellings of one mailbox could be two accounts, and no further: what receives mail is found out
/// by sending one.
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
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || is_unseen(c);
        let is_bad = |c: char| is_odd(c) || c == '@' || c == '"';
        if local.is_empty() || local.chars().any(is_bad) || lower.len() > Self::MAX_BYTES {
            return Err(invalid());
        }
        if !is_host(host) {
            let problem = "must have a host of ASCII letters, other scripts as `xn--…`";
            return Err(InvalidInput::new("email", problem));
        }
        Ok(Self(lower.into()))
    }
}

/// Labels as the DNS has them (RFC 1123 §2.1), or an address in brackets.
///
/// A host in another script has two spellings, of which browsers send the one in ASCII (IDNA, RFC 5890):
/// that one is taken and no other, so that one mailbox is one account.
fn is_host(host: &str) -> bool {
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Some(literal) = literal {
        let is_digit = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b':';
        return !literal.is_empty() && literal.bytes().all(is_digit);
    }
    host.split('.').all(|label| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let is_open = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && !is_open && label.bytes().all(plain)
    })
}

/// Characters that take no room, turn the text around or mean what someone made them mean: with them
/// two addresses look like one, in a list of accounts and in a log. Unicode's
/// `Default_Ignorable_Code_Point`, the interlinear marks, and private use.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{10ffff}'
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
