//! A chain of hashes over the log: a record that was edited, removed, inserted or moved is found.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{AuditEvent, EventId};
use crate::digest::digest;

/// A record's place in the log; the first is 1, and there are no gaps.
pub type Sequence = u64;

digest! {
    /// The hash of a record, its place, and the hash of the record before it.
    ChainHash
}

impl ChainHash {
    /// What the first record follows.
    pub const START: Self = Self([0; 32]);

    /// The hash of the record `line` at `sequence`, where the record before has the hash `self`.
    #[must_use]
    pub fn next(&self, sequence: Sequence, line: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"sessiond audit 1\n");
        hash.update(sequence.to_be_bytes());
        hash.update(self.0);
        hash.update(line);
        Self(hash.finalize().into())
    }
}

/// A place in the chain that is known: where the kept part begins, or where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The place of the record.
    pub sequence: Sequence,
    /// Its hash.
    pub hash: ChainHash,
}

impl Anchor {
    /// Before the first record.
    pub const START: Self = Self {
        sequence: 0,
        hash: ChainHash::START,
    };

    /// The place of the record `line` that follows.
    #[must_use]
    pub fn next(&self, line: &[u8]) -> Self {
        let sequence = self.sequence + 1;
        Self {
            sequence,
            hash: self.hash.next(sequence, line),
        }
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

/// Reads the form that [`Display`](fmt::Display) writes: `17:9f86d0…`.
impl std::str::FromStr for Anchor {
    type Err = crate::InvalidInput;

    fn from_str(text: &str) -> Result<Self, crate::InvalidInput> {
        let malformed =
            || crate::InvalidInput::new("anchor", "must be `<sequence>:<64 hex digits>`");
        let (sequence, digits) = text.split_once(':').ok_or_else(malformed)?;
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| malformed())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
        }
        Ok(Self {
            sequence: sequence.parse().map_err(|_| malformed())?,
            hash: ChainHash::from_bytes(hash),
        })
    }
}

/// An event in its place in the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRecord {
    /// The place.
    pub sequence: Sequence,
    /// What the next record's hash builds upon.
    pub hash: ChainHash,
    /// The event.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// A whole chain without a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many records were checked.
    pub records: u64,
    /// What was forgotten before the first of them, if anything was.
    pub base: Anchor,
    /// The last of them: note it elsewhere, and a later check can tell that the log still holds it.
    pub head: Anchor,
}

impl Verified {
    /// Whether the check could tell that the log still holds `noted`. What is older than the kept part
    /// was forgotten, and nothing tells whether it was as noted.
    #[must_use]
    pub const fn reaches_back_to(&self, noted: &Anchor) -> bool {
        noted.sequence >= self.base.sequence
    }
}

/// The first record that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence}{}: {fault}", id_of(.event))]
pub struct BrokenRecord {
    /// Its place.
    pub sequence: Sequence,
    /// The name of the event that stands there, if it can be read.
    pub event: Option<EventId>,
    /// What is wrong.
    pub fault: Fault,
}

fn id_of(event: &Option<EventId>) -> String {
    event.map_or_else(String::new, |id| format!(" (event {id})"))
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no record where there must be one.
    #[error("is missing")]
    Missing,
    /// Its hash is not that of its content after the record before it.
    #[error("was edited, moved or inserted: its hash does not follow from it")]
    Hash,
    /// It stands outside of the kept part of the chain.
    #[error("stands where the chain has no record")]
    Extra,
    /// It is intact, but not the one that was noted elsewhere.
    #[error("is not the one that was noted: the log was rewritten")]
    Rewritten,
}

/// Follows a chain from the first kept record to the last.
#[derive(Debug)]
pub struct ChainCheck {
    base: Anchor,
    head: Anchor,
    at: Anchor,
    /// A place that was noted elsewhere.
    noted: Option<Anchor>,
}

impl ChainCheck {
    /// Of the chain that follows `base` and ends with `head`, both as the store says; at `noted` it
    /// must be what was noted elsewhere.
    #[must_use]
    pub const fn new(base: Anchor, head: Anchor, noted: Option<Anchor>) -> Self {
        Self {
            base,
            head,
            at: base,
            noted,
        }
    }

    /// The last record that was found to fit; at first, what the first one follows.
    #[must_use]
    pub const fn reached(&self) -> Anchor {
        self.at
    }

    /// The next record as the store has it, in the order of `sequence`.
    ///
    /// # Errors
    /// [`BrokenRecord`]: the first that does not fit. There is no sense in going on.
    pub fn record(&mut self, sequence: i128, line: &[u8], hash: &[u8]) -> Result<(), BrokenRecord> {
        let broken = |sequence, event, fault| {
            Err(BrokenRecord {
                sequence,
                event,
                fault,
            })
        };
        let expected = self.at.sequence + 1;
        let place = Sequence::try_from(sequence).unwrap_or(0);
        if place < expected || place > self.head.sequence {
            return broken(place, name_in(line), Fault::Extra);
        }
        if place > expected {
            return broken(expected, None, Fault::Missing);
        }
        let next = self.at.next(line);
        if next.hash.as_bytes() != hash {
            return broken(place, name_in(line), Fault::Hash);
        }
        if self
            .noted
            .is_some_and(|noted| noted.sequence == place && noted.hash != next.hash)
        {
            return broken(place, name_in(line), Fault::Rewritten);
        }
        self.at = next;
        Ok(())
    }

    /// There are no more records.
    ///
    /// # Errors
    /// [`BrokenRecord`] when the last ones are missing, or are not those that the store noted.
    pub fn finish(self) -> Result<Verified, BrokenRecord> {
        let broken = |sequence, fault| {
            Err(BrokenRecord {
                sequence,
                event: None,
                fault,
            })
        };
        if self.at.sequence < self.head.sequence {
            return broken(self.at.sequence + 1, Fault::Missing);
        }
        if self.at != self.head {
            return broken(self.head.sequence, Fault::Hash);
        }
        match self.noted {
            Some(noted) if noted.sequence > self.head.sequence => {
                broken(self.head.sequence + 1, Fault::Missing)
            }
            Some(noted) if noted.sequence == self.base.sequence && noted != self.base => {
                broken(noted.sequence, Fault::Rewritten)
            }
            _ => Ok(Verified {
                records: self.head.sequence - self.base.sequence,
                base: self.base,
                head: self.head,
            }),
        }
    }
}

/// The name of the event that a record tells of, as far as it can be read.
fn name_in(line: &[u8]) -> Option<EventId> {
    let line = std::str::from_utf8(line).ok()?;
    AuditEvent::from_line(line).ok().map(|event| event.id)
}
