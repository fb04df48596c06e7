//! The record of a refresh as bytes, and back.
//!
//! In front, at fixed places, stands what steps read and write (`lua/grants.lua`): the form, the outcome,
//! and when it was written.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::{
    ProviderName, RefreshId, RefreshOutcome, RefreshReason, RefreshRecord, SessionId, UserId,
};

use crate::error::Failure;
use crate::packed::{Packed, pack_text, unpack_text};

/// The first byte. A form that an older program must not read has another number.
const FORM: u8 = 1;

/// Three of the numbers stand in `lua/grants.lua` as well.
const fn number_of_outcome(outcome: RefreshOutcome) -> u8 {
    match outcome {
        RefreshOutcome::Pending => 0,
        RefreshOutcome::Success => 1,
        RefreshOutcome::ReauthRequired => 2,
        RefreshOutcome::ClientRefused => 3,
        RefreshOutcome::RequestRefused => 4,
        RefreshOutcome::Throttled => 5,
        RefreshOutcome::Unavailable => 6,
        RefreshOutcome::Ambiguous => 7,
        RefreshOutcome::Interrupted => 8,
        RefreshOutcome::Superseded => 9,
        RefreshOutcome::Abandoned => 10,
    }
}

const fn number_of_reason(reason: RefreshReason) -> u8 {
    match reason {
        RefreshReason::Proactive => 0,
        RefreshReason::Expired => 1,
        RefreshReason::UserRequested => 2,
        RefreshReason::Forced => 3,
    }
}

/// The bytes of a record. Its id and its session's are not among them: they are how it is found.
pub(crate) fn write(record: &RefreshRecord) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    FORM.pack(&mut bytes);
    bytes.extend(write_outcome(record.outcome, record.finished_at));
    number_of_reason(record.reason).pack(&mut bytes);
    record.started_at.pack(&mut bytes);
    record.tries.pack(&mut bytes);
    record.rotation_count.pack(&mut bytes);
    record.old_access_token.pack(&mut bytes);
    record.old_refresh_token.pack(&mut bytes);
    record.new_access_token.pack(&mut bytes);
    record.new_refresh_token.pack(&mut bytes);
    record.old_expires_at.pack(&mut bytes);
    record.new_expires_at.pack(&mut bytes);
    record.grace_ends_at.pack(&mut bytes);
    pack_text(record.user_id.as_str(), &mut bytes);
    pack_text(record.provider.as_str(), &mut bytes);
    bytes
}

/// The ten bytes behind the form, so that one outcome can be written over another.
pub(crate) fn write_outcome(
    outcome: RefreshOutcome,
    finished_at: Option<DateTime<Utc>>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10);
    number_of_outcome(outcome).pack(&mut bytes);
    u8::from(finished_at.is_some()).pack(&mut bytes);
    finished_at.unwrap_or_default().pack(&mut bytes);
    bytes
}

/// Reads a record back.
pub(crate) fn read(
    session_id: SessionId,
    id: RefreshId,
    bytes: &[u8],
) -> Result<Arc<RefreshRecord>, Failure> {
    const DAMAGED: Failure = Failure::Corrupt("a refresh's record cannot be read");
    const NEWER: Failure = Failure::Corrupt("a refresh's record was written by a newer version");
    match bytes.split_first() {
        Some((&FORM, behind)) => read_behind_form(session_id, id, behind).ok_or(DAMAGED),
        Some(_) => Err(NEWER),
        None => Err(DAMAGED),
    }
}

fn read_behind_form(
    session_id: SessionId,
    id: RefreshId,
    bytes: &[u8],
) -> Option<Arc<RefreshRecord>> {
    let mut left = bytes;
    let from = &mut left;
    let outcome = u8::unpack(from)?;
    let outcome = RefreshOutcome::ALL
        .into_iter()
        .find(|known| number_of_outcome(*known) == outcome)?;
    let finished_at = match (u8::unpack(from)?, Packed::unpack(from)?) {
        (0, _) => None,
        (1, at) => Some(at),
        _ => return None,
    };
    let reason = u8::unpack(from)?;
    let reason = RefreshReason::ALL
        .into_iter()
        .find(|known| number_of_reason(*known) == reason)?;
    // In the order in which it was written.
    let read = RefreshRecord {
        id,
        session_id,
        outcome,
        finished_at,
        reason,
        started_at: Packed::unpack(from)?,
        tries: Packed::unpack(from)?,
        rotation_count: Packed::unpack(from)?,
        old_access_token: Packed::unpack(from)?,
        old_refresh_token: Packed::unpack(from)?,
        new_access_token: Packed::unpack(from)?,
        new_refresh_token: Packed::unpack(from)?,
        old_expires_at: Packed::unpack(from)?,
        new_expires_at: Packed::unpack(from)?,
        grace_ends_at: Packed::unpack(from)?,
        user_id: UserId::new(unpack_text(from)?).ok()?,
        provider: ProviderName::new(unpack_text(from)?).ok()?,
    };
    left.is_empty().then(|| Arc::new(read))
}
