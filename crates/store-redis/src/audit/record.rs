//! What the audit log is made of in Redis.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use session_core::{
    Anchor, AuditEvent, AuditRecord, BrokenRecord, ChainCheck, ChainHash, EventId, Sequence,
    SessionId,
};

use crate::error::Failure;

/// The name of a record's field, and the first byte of an anchor. A form that an older program must not
/// read has another one.
const FORM: u8 = b'1';
const HASH_LENGTH: usize = 32;

/// No record stands here or beyond: scripts count in doubles.
pub(super) const END_OF_PLACES: Sequence = 1 << 53;

const NEWER: Failure = Failure::Corrupt("an audit record was written by a newer version");
const DAMAGED: Failure = Failure::Corrupt("an audit record cannot be read");

/// An entry of the stream: its id, and the names and values of its fields.
pub(super) type Entry = (Vec<u8>, Vec<Vec<u8>>);

/// A record as the value of its one field: its hash and its line.
pub(super) fn write(hash: &ChainHash, line: &[u8]) -> Vec<u8> {
    [hash.as_bytes(), line].concat()
}

/// A record as the log is asked for it.
pub(super) fn read(entry: &Entry) -> Result<AuditRecord, Failure> {
    let raw = Raw::of(entry)?;
    let (hash, line) = raw.parts.ok_or(DAMAGED)?;
    let line = std::str::from_utf8(line).map_err(|_| DAMAGED)?;
    Ok(AuditRecord {
        sequence: raw.place,
        hash: ChainHash::from_bytes(*hash),
        event: AuditEvent::from_line(line).map_err(|_| DAMAGED)?,
    })
}

/// Whether a record fits into the chain.
pub(super) fn check(
    check: &mut ChainCheck,
    entry: &Entry,
) -> Result<Result<(), BrokenRecord>, Failure> {
    let raw = Raw::of(entry)?;
    // What is not as we write it has no hash, and so none that fits.
    let (hash, line) = match raw.parts {
        Some((hash, line)) => (&hash[..], line),
        None => (&[][..], &[][..]),
    };
    Ok(check.record(i128::from(raw.place), line, hash))
}

/// The place in the id of an entry.
pub(super) fn place(id: &[u8]) -> Result<Sequence, Failure> {
    place_and_rest(id).map(|(place, _)| place)
}

fn place_and_rest(id: &[u8]) -> Result<(Sequence, u64), Failure> {
    let id = std::str::from_utf8(id).map_err(|_| DAMAGED)?;
    let (place, rest) = id.split_once('-').unwrap_or((id, "0"));
    let number = |text: &str| text.parse().map_err(|_| DAMAGED);
    Ok((number(place)?, number(rest)?))
}

/// A record before it was looked at closely.
struct Raw<'a> {
    place: Sequence,
    /// Hash and line; `None` if it is not as we write it.
    parts: Option<(&'a [u8; HASH_LENGTH], &'a [u8])>,
}

impl<'a> Raw<'a> {
    fn of((id, fields): &'a Entry) -> Result<Self, Failure> {
        let (place, rest) = place_and_rest(id)?;
        let parts = match fields.as_slice() {
            [form, value] if *form == [FORM] => value.split_first_chunk(),
            [form, ..] if *form == [FORM] => None,
            _ => return Err(NEWER),
        };
        Ok(Self {
            place,
            // Ours end with `-0`.
            parts: parts.filter(|_| rest == 0),
        })
    }
}

/// A place of the chain, as it is kept beside the records.
pub(super) fn write_anchor(anchor: &Anchor) -> Vec<u8> {
    let sequence = anchor.sequence.to_be_bytes();
    [&[FORM][..], &sequence, anchor.hash.as_bytes()].concat()
}

/// Reads it back.
pub(super) fn read_anchor(bytes: &[u8]) -> Result<Anchor, Failure> {
    const DAMAGED: Failure = Failure::Corrupt("an end of the audit log cannot be read");
    let (form, bytes) = bytes.split_first().ok_or(DAMAGED)?;
    if *form != FORM {
        return Err(NEWER);
    }
    let (sequence, hash) = bytes.split_first_chunk().ok_or(DAMAGED)?;
    let sequence = Sequence::from_be_bytes(*sequence);
    let hash = hash.try_into().map_err(|_| DAMAGED)?;
    if sequence >= END_OF_PLACES {
        return Err(DAMAGED);
    }
    Ok(Anchor {
        sequence,
        hash: ChainHash::from_bytes(hash),
    })
}

/// By what a record is found. Read without the rest, so that a record of a kind that only a newer
/// version knows can be forgotten.
#[derive(Deserialize)]
pub(super) struct Found {
    pub(super) id: EventId,
    pub(super) timestamp: DateTime<Utc>,
    pub(super) action: String,
    #[serde(default)]
    pub(super) user_id: Option<String>,
    #[serde(default)]
    pub(super) session_id: Option<SessionId>,
}

impl Found {
    /// `None` if the line does not say.
    pub(super) fn read(entry: &Entry) -> Result<Option<(Sequence, Self)>, Failure> {
        let raw = Raw::of(entry)?;
        let found = raw
            .parts
            .and_then(|(_, line)| serde_json::from_slice(line).ok());
        Ok(found.map(|found| (raw.place, found)))
    }
}
