//! Values as bytes, one behind the other, and back: numbers are big-endian, texts and lists have their
//! length before them, and what may be missing a byte that says whether it is there.

use chrono::{DateTime, Utc};
use session_core::{ProviderTokenHash, SupersededToken};

/// What can be written so.
pub(crate) trait Packed: Sized {
    fn pack(&self, bytes: &mut Vec<u8>);

    /// Takes what [`pack`](Self::pack) wrote from the front of `rest`; `None` if it does not stand there.
    fn unpack(rest: &mut &[u8]) -> Option<Self>;
}

macro_rules! pack_numbers {
    ($($number:ty),+) => {
        $(impl Packed for $number {
            fn pack(&self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_be_bytes());
            }

            fn unpack(rest: &mut &[u8]) -> Option<Self> {
                let (number, behind) = rest.split_first_chunk()?;
                *rest = behind;
                Some(Self::from_be_bytes(*number))
            }
        })+
    };
}
pack_numbers!(u8, u32, u64, i64);

/// Milliseconds since 1970.
impl Packed for DateTime<Utc> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.timestamp_millis().pack(bytes);
    }

    fn unpack(rest: &mut &[u8]) -> Option<Self> {
        Self::from_timestamp_millis(i64::unpack(rest)?)
    }
}

impl Packed for ProviderTokenHash {
    fn pack(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.as_bytes());
    }

    fn unpack(rest: &mut &[u8]) -> Option<Self> {
        let (hash, behind) = rest.split_first_chunk()?;
        *rest = behind;
        Some(Self::from_bytes(*hash))
    }
}

impl Packed for SupersededToken {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.hash.pack(bytes);
        self.until.pack(bytes);
    }

    fn unpack(rest: &mut &[u8]) -> Option<Self> {
        let hash = Packed::unpack(rest)?;
        let until = Packed::unpack(rest)?;
        Some(Self { hash, until })
    }
}

impl<T: Packed> Packed for Option<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        u8::from(self.is_some()).pack(bytes);
        if let Some(value) = self {
            value.pack(bytes);
        }
    }

    fn unpack(rest: &mut &[u8]) -> Option<Self> {
        match u8::unpack(rest)? {
            0 => Some(None),
            1 => T::unpack(rest).map(Some),
            _ => None,
        }
    }
}

impl Packed for Box<str> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        pack_text(self, bytes);
    }

    fn unpack(rest: &mut &[u8]) -> Option<Self> {
        unpack_text(rest).map(Self::from)
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        pack_length(self.len(), bytes);
        self.iter().for_each(|value| value.pack(bytes));
    }

    fn unpack(rest: &mut &[u8]) -> Option<Self> {
        // Nothing is made room for that is not there.
        let length = u32::unpack(rest)?;
        (0..length).map(|_| T::unpack(rest)).collect()
    }
}

pub(crate) fn pack_text(text: &str, bytes: &mut Vec<u8>) {
    pack_length(text.len(), bytes);
    bytes.extend(text.as_bytes());
}

pub(crate) fn unpack_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(u32::unpack(rest)?).ok()?;
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    std::str::from_utf8(text).ok()
}

/// What is longer than this can count is nothing that Redis takes: 512 MiB is the most.
fn pack_length(length: usize, bytes: &mut Vec<u8>) {
    u32::try_from(length).unwrap_or(u32::MAX).pack(bytes);
}
