use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::{AccountId, InvalidInput};

/// Whose session it is: the application's own name for a user, opaque to sessiond.
///
/// One to [`UserId::MAX_BYTES`] bytes of UTF-8 that are not all white space and hold no control
/// character. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserId(#[serde(serialize_with = "as_str")] Arc<str>);

fn as_str<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl UserId {
    /// Longest user id, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 255;

    /// Takes a user id as given, or says what is wrong with it.
    ///
    /// # Errors
    /// [`InvalidInput`] for `user_id` when it is empty, blank, too long or holds a control character.
    pub fn new(text: &str) -> Result<Self, InvalidInput> {
        if text.trim().is_empty() {
            return Err(InvalidInput::new("user_id", "must not be empty"));
        }
        if text.len() > Self::MAX_BYTES {
            let problem = format_args!("must be at most {} bytes", Self::MAX_BYTES);
            return Err(InvalidInput::new("user_id", problem));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidInput::new(
                "user_id",
                "must not hold control characters",
            ));
        }
        Ok(Self(text.into()))
    }

    pub(crate) fn of_uuid(uuid: uuid::Uuid) -> Self {
        Self(uuid.hyphenated().to_string().into())
    }

    pub(crate) fn of_account(id: AccountId) -> Self {
        Self(id.to_string().into())
    }

    /// The id as the application gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
