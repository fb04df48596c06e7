use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::{Builder, Uuid, Variant};

use crate::MalformedToken;

/// Public handle of a session: a UUIDv7 (RFC 9562 §5.7).
///
/// Safe in lists, logs and audit. It proves nothing: proof is the [`SessionSecret`] beside it in a
/// [`SessionToken`]. Ids sort by the time of creation, so the smallest id of a user is the session
/// least recently created.
///
/// [`SessionSecret`]: crate::SessionSecret
/// [`SessionToken`]: crate::SessionToken
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SessionId(#[serde(serialize_with = "hyphenated")] Uuid);

fn hyphenated<S: serde::Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

impl SessionId {
    /// Length of the text form: 32 hexadecimal digits and four hyphens.
    pub const TEXT_LEN: usize = 36;

    /// Makes the id of a session created at `created_at`, from ten random bytes.
    ///
    /// Times before 1970 count as 1970.
    #[must_use]
    pub fn at(created_at: DateTime<Utc>, random: [u8; 10]) -> Self {
        let millis = u64::try_from(created_at.timestamp_millis()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The 16 bytes, in network order.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads the 16 bytes back.
    ///
    /// # Errors
    /// [`MalformedToken`] when they are not a UUIDv7.
    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, MalformedToken> {
        Self::from_uuid(Uuid::from_bytes(bytes))
    }

    fn from_uuid(uuid: Uuid) -> Result<Self, MalformedToken> {
        let is_v7 = uuid.get_version_num() == 7 && uuid.get_variant() == Variant::RFC4122;
        if is_v7 {
            Ok(Self(uuid))
        } else {
            Err(MalformedToken)
        }
    }
}

/// Reads the hyphenated lower-case form and no other, so that one session has one spelling.
impl FromStr for SessionId {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, MalformedToken> {
        if text.len() != Self::TEXT_LEN || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(MalformedToken);
        }
        Self::from_uuid(Uuid::try_parse(text).map_err(|_| MalformedToken)?)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
