//! Public names of records: UUIDv7 (RFC 9562 §5.7), which sort by the time of their making.

use std::fmt;

use uuid::{Builder, Uuid, Variant};

use chrono::{DateTime, Utc};

use crate::MalformedToken;

/// Length of the text form: 32 hexadecimal digits and four hyphens.
pub(crate) const TEXT_LEN: usize = 36;

/// Times before 1970 count as 1970.
pub(crate) fn at(time: DateTime<Utc>, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

pub(crate) fn checked(uuid: Uuid) -> Result<Uuid, MalformedToken> {
    let is_v7 = uuid.get_version_num() == 7 && uuid.get_variant() == Variant::RFC4122;
    is_v7.then_some(uuid).ok_or(MalformedToken)
}

/// Reads the hyphenated lower-case form and no other, so that one record has one spelling.
pub(crate) fn parse(text: &str) -> Result<Uuid, MalformedToken> {
    if text.len() != TEXT_LEN || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(MalformedToken);
    }
    checked(Uuid::try_parse(text).map_err(|_| MalformedToken)?)
}

pub(crate) fn display(uuid: &Uuid, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

/// A type of its own for the names of one kind of record, so that they are never confused.
macro_rules! uuid_v7 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// Length of the text form: 32 hexadecimal digits and four hyphens.
            pub const TEXT_LEN: usize = crate::uuid_v7::TEXT_LEN;

            /// Makes the name of what came to be at `time`, from ten random bytes.
            ///
            /// Times before 1970 count as 1970.
            #[must_use]
            pub fn at(time: chrono::DateTime<chrono::Utc>, random: [u8; 10]) -> Self {
                Self(crate::uuid_v7::at(time, random))
            }

            /// The 16 bytes, in network order.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Reads the 16 bytes back.
            ///
            /// # Errors
            /// [`MalformedToken`](crate::MalformedToken) when they are not a UUIDv7.
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, crate::MalformedToken> {
                crate::uuid_v7::checked(uuid::Uuid::from_bytes(bytes)).map(Self)
            }
        }

        /// Reads the hyphenated lower-case form and no other, so that one record has one spelling.
        impl std::str::FromStr for $name {
            type Err = crate::MalformedToken;

            fn from_str(text: &str) -> Result<Self, crate::MalformedToken> {
                crate::uuid_v7::parse(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::uuid_v7::display(&self.0, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::uuid_v7::display(&self.0, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = uuid::Uuid::encode_buffer();
                serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use uuid_v7;
