use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::InvalidInput;

/// Why a session ended, as a short snake_case word for people and audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndReason(Cow<'static, str>);

impl EndReason {
    /// A deadline passed.
    pub const EXPIRED: Self = Self(Cow::Borrowed("expired"));
    /// A newer session of the same user took its place at the limit.
    pub const SESSION_LIMIT: Self = Self(Cow::Borrowed("session_limit"));
    /// The application ended it through the service API.
    pub const ENDED_BY_SERVICE: Self = Self(Cow::Borrowed("ended_by_service"));
    /// The user signed out.
    pub const LOGOUT: Self = Self(Cow::Borrowed("logout"));

    /// An operator ended it.
    pub const ADMIN_TERMINATION: Self = Self(Cow::Borrowed("admin_termination"));
    /// Too much spoke for it that someone else uses it.
    pub const SUSPECTED_HIJACKING: Self = Self(Cow::Borrowed("suspected_hijacking"));
    /// A token was used that had been replaced.
    pub const TOKEN_REUSE: Self = Self(Cow::Borrowed("token_reuse"));
    /// The user signed in anew from the same place.
    pub const NEW_LOGIN: Self = Self(Cow::Borrowed("new_login"));
    /// The user ended it from another session.
    pub const ENDED_BY_USER: Self = Self(Cow::Borrowed("ended_by_user"));
    /// The user's password changed.
    pub const PASSWORD_CHANGED: Self = Self(Cow::Borrowed("password_changed"));
    /// The user's role or permissions changed.
    pub const ROLE_CHANGED: Self = Self(Cow::Borrowed("role_changed"));
    /// The user may not sign in any more.
    pub const ACCOUNT_DISABLED: Self = Self(Cow::Borrowed("account_disabled"));
    /// There is no such user any more.
    pub const ACCOUNT_DELETED: Self = Self(Cow::Borrowed("account_deleted"));
    /// The user signed out at the provider that vouched for them.
    pub const PROVIDER_LOGOUT: Self = Self(Cow::Borrowed("provider_logout"));

    /// Longest reason in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Takes a reason of one's own.
    ///
    /// # Errors
    /// [`InvalidInput`] for `reason` unless it is 1 to [`Self::MAX_BYTES`] of `a`–`z`, `0`–`9`, `_`.
    pub fn new(text: &str) -> Result<Self, InvalidInput> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(plain) {
            return Err(InvalidInput::new(
                "reason",
                "must be a short snake_case word",
            ));
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EndReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
