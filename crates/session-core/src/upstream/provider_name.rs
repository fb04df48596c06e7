use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::InvalidInput;

/// An outside provider's name in the settings: what paths, records and sessions call it.
///
/// One to [`ProviderName::MAX_BYTES`] of `a`–`z`, `0`–`9`, `-` and `_`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderName(Arc<str>);

impl ProviderName {
    /// Longest name in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Takes a name, or says what is wrong with it.
    ///
    /// # Errors
    /// [`InvalidInput`] for `provider`.
    pub fn new(text: &str) -> Result<Self, InvalidInput> {
        let plain =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(plain) {
            let problem = format_args!(
                "must be 1 to {} of `a`-`z`, `0`-`9`, `-` and `_`",
                Self::MAX_BYTES
            );
            return Err(InvalidInput::new("provider", problem));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for ProviderName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
