//! A revocation as bytes, and back.
//!
//! Scripts read the begin of the same form (`lua/revocations.lua`): numbers are big-endian, each part
//! that may be missing or of any length has its length before it. The token's hash is in the key.

use std::sync::Arc;

use session_core::{EndReason, Revocation, RevocationId, SessionId, TokenHash, TokenKind, UserId};

use crate::error::Failure;
use crate::record::{Parts, session_id};

/// The first byte. A form that an older program must not read has another number.
const FORM: u8 = 1;

const DAMAGED: Failure = Failure::Corrupt("a revocation cannot be read");

const fn number_of(kind: TokenKind) -> u8 {
    match kind {
        TokenKind::Session => 0,
        TokenKind::Access => 1,
        TokenKind::Refresh => 2,
        TokenKind::Id => 3,
    }
}

/// The record of a revocation.
pub(crate) fn write(revocation: &Revocation) -> Result<Vec<u8>, Failure> {
    let user = revocation.user_id.as_ref().map_or("", UserId::as_str);
    let reason = revocation.reason.as_str();
    let session = revocation.session_id.as_ref().map(SessionId::as_bytes);
    let cause = revocation
        .cascaded_from
        .as_ref()
        .map(RevocationId::as_bytes);
    let too_long = |_| Failure::Internal("a part of a revocation is too long");

    let mut bytes = Vec::with_capacity(128);
    bytes.push(FORM);
    bytes.extend(revocation.expires_at.timestamp_millis().to_be_bytes());
    bytes.extend(revocation.id.as_bytes());
    put_id(&mut bytes, session);
    bytes.extend(u16::try_from(user.len()).map_err(too_long)?.to_be_bytes());
    bytes.extend(user.as_bytes());
    bytes.push(number_of(revocation.token_type));
    bytes.extend(revocation.revoked_at.timestamp_millis().to_be_bytes());
    put_id(&mut bytes, cause);
    bytes.extend(u16::try_from(reason.len()).map_err(too_long)?.to_be_bytes());
    bytes.extend(reason.as_bytes());
    let by = revocation.revoked_by.as_bytes();
    bytes.extend(u32::try_from(by.len()).map_err(too_long)?.to_be_bytes());
    bytes.extend(by);
    Ok(bytes)
}

fn put_id(bytes: &mut Vec<u8>, id: Option<&[u8; 16]>) {
    match id {
        Some(id) => {
            bytes.push(16);
            bytes.extend(id);
        }
        None => bytes.push(0),
    }
}

/// Reads the record of a token's revocation back.
pub(crate) fn read(token_hash: TokenHash, bytes: &[u8]) -> Result<Arc<Revocation>, Failure> {
    let mut rest = Parts(bytes);
    let [form] = rest.array().ok_or(DAMAGED)?;
    if form != FORM {
        let newer = "a revocation was written by a newer version";
        return Err(Failure::Corrupt(newer));
    }
    let expires_at = rest.time()?;
    let id = revocation_id(&rest.array::<16>().ok_or(DAMAGED)?)?;
    let session = optional_id(&mut rest)?;
    let user = rest.short()?;
    let [kind] = rest.array().ok_or(DAMAGED)?;
    let token_type = TokenKind::ALL
        .into_iter()
        .find(|known| number_of(*known) == kind)
        .ok_or(DAMAGED)?;
    let revoked_at = rest.time()?;
    let cause = optional_id(&mut rest)?;
    let reason = EndReason::new(rest.short()?).map_err(|_| DAMAGED)?;
    let revoked_by = rest.long()?.into();
    let user_id = match user {
        "" => None,
        user => Some(UserId::new(user).map_err(|_| DAMAGED)?),
    };
    Ok(Arc::new(Revocation {
        id,
        token_hash,
        token_type,
        session_id: session.map(|id| session_id(&id)).transpose()?,
        user_id,
        revoked_at,
        expires_at,
        reason,
        revoked_by,
        cascaded_from: cause.map(|id| revocation_id(&id)).transpose()?,
    }))
}

fn optional_id(rest: &mut Parts<'_>) -> Result<Option<[u8; 16]>, Failure> {
    match rest.array().ok_or(DAMAGED)? {
        [0] => Ok(None),
        [16] => rest.array().ok_or(DAMAGED).map(Some),
        _ => Err(DAMAGED),
    }
}

/// The id of a revocation as bytes.
pub(crate) fn revocation_id(bytes: &[u8]) -> Result<RevocationId, Failure> {
    let bytes = bytes.try_into().map_err(|_| DAMAGED)?;
    RevocationId::from_bytes(bytes).map_err(|_| DAMAGED)
}
