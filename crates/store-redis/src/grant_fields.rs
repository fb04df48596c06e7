//! A grant as the fields of a hash, and back.
//!
//! What steps judge by are fields of their own, as texts (`lua/grants.lua`); so are the sealed tokens,
//! which most steps neither read nor write. All else is one field.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use redis::Cmd;
use session_core::{
    CipherKeyId, Grant, GrantStatus, Lease, ProviderName, ProviderTokenHash, RefreshId,
    SealedTokens, SessionId, SupersededToken, UserId,
};

use crate::error::Failure;
use crate::packed::{Packed, pack_text, unpack_text};
use crate::record::time;

/// The first field. A form that an older program must not read or change has another number.
const FORM: &str = "1";

/// What `HMGET` is asked for, in the order that [`read`] takes; the same in `lua/grants.lua`.
pub(crate) const FIELDS: [&str; 12] = ["f", "v", "d", "u", "l", "p", "s", "k", "a", "r", "i", "b"];

/// The values of [`FIELDS`].
pub(crate) type Fields = Vec<Option<Vec<u8>>>;

const DAMAGED: Failure = Failure::Corrupt("a grant cannot be read");

/// Gives a step all of a grant, as pairs of a field and its value.
pub(crate) fn give(call: &mut Cmd, grant: &Grant) {
    call.arg("f")
        .arg(FORM)
        .arg("v")
        .arg(grant.version)
        .arg("d")
        .arg(grant.due_at.timestamp_millis())
        .arg("p")
        .arg(grant.provider.as_str())
        .arg("b")
        .arg(the_rest(grant));
    if let Some(lease) = &grant.lease {
        call.arg("u")
            .arg(lease.until.timestamp_millis())
            .arg("l")
            .arg(lease.record.as_bytes());
    }
    if let Some(name) = &grant.provider_session {
        call.arg("s").arg(&**name);
    }
    give_tokens(call, &grant.tokens);
}

/// The same of the tokens alone.
pub(crate) fn give_tokens(call: &mut Cmd, tokens: &SealedTokens) {
    call.arg("k")
        .arg(tokens.key.as_str())
        .arg("a")
        .arg(&*tokens.access);
    if let Some(refresh) = &tokens.refresh {
        call.arg("r").arg(&**refresh);
    }
    if let Some(id) = &tokens.id {
        call.arg("i").arg(&**id);
    }
}

/// What only this program reads.
fn the_rest(grant: &Grant) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(192);
    let status: u8 = match grant.status {
        GrantStatus::Usable => 0,
        GrantStatus::ReauthRequired => 1,
    };
    status.pack(&mut bytes);
    grant.access_hash.pack(&mut bytes);
    grant.obtained_at.pack(&mut bytes);
    grant.access_expires_at.pack(&mut bytes);
    grant.superseded.pack(&mut bytes);
    grant.rotation_count.pack(&mut bytes);
    grant.retry_at.pack(&mut bytes);
    pack_text(grant.user_id.as_str(), &mut bytes);
    grant.token_type.pack(&mut bytes);
    grant.scopes.pack(&mut bytes);
    bytes
}

/// Reads a grant back; `None` if there is none.
pub(crate) fn read(id: SessionId, fields: Fields) -> Result<Option<Arc<Grant>>, Failure> {
    if fields.iter().all(Option::is_none) {
        return Ok(None);
    }
    read_present(id, fields).map(Some)
}

/// Reads a grant back that there is.
pub(crate) fn read_present(id: SessionId, fields: Fields) -> Result<Arc<Grant>, Failure> {
    let fields: [Option<Vec<u8>>; FIELDS.len()] = fields.try_into().map_err(|_| DAMAGED)?;
    let [
        form,
        version,
        due_at,
        until,
        record,
        provider,
        presence,
        key,
        access,
        refresh,
        id_token,
        rest,
    ] = fields;
    let form = text(form)?;
    if form != FORM {
        return Err(Failure::Corrupt("a grant was written by a newer version"));
    }
    let lease = match (until, record) {
        (None, None) => None,
        (Some(until), Some(record)) => Some(Lease {
            until: time_in(Some(until))?,
            record: refresh_id(&record)?,
        }),
        _ => return Err(DAMAGED),
    };
    let presence = presence.map(|name| text(Some(name))).transpose()?;
    let rest = Rest::read(&rest.ok_or(DAMAGED)?).ok_or(DAMAGED)?;
    Ok(Arc::new(Grant {
        session_id: id,
        user_id: rest.user_id,
        provider: ProviderName::new(&text(provider)?).map_err(|_| DAMAGED)?,
        provider_session: presence.map(String::into_boxed_str),
        version: number(version)?,
        status: rest.status,
        tokens: SealedTokens {
            key: CipherKeyId::new(&text(key)?).map_err(|_| DAMAGED)?,
            access: access.ok_or(DAMAGED)?.into(),
            refresh: refresh.map(Vec::into_boxed_slice),
            id: id_token.map(Vec::into_boxed_slice),
        },
        access_hash: rest.access_hash,
        token_type: rest.token_type,
        scopes: rest.scopes,
        obtained_at: rest.obtained_at,
        access_expires_at: rest.access_expires_at,
        superseded: rest.superseded,
        rotation_count: rest.rotation_count,
        retry_at: rest.retry_at,
        due_at: time_in(due_at)?,
        lease,
    }))
}

/// What [`the_rest`] wrote.
struct Rest {
    status: GrantStatus,
    access_hash: ProviderTokenHash,
    obtained_at: DateTime<Utc>,
    access_expires_at: Option<DateTime<Utc>>,
    superseded: Option<SupersededToken>,
    rotation_count: u64,
    retry_at: Option<DateTime<Utc>>,
    user_id: UserId,
    token_type: Box<str>,
    scopes: Vec<Box<str>>,
}

impl Rest {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut left = bytes;
        let from = &mut left;
        // In the order in which it was written, which is that in which fields are named here.
        let read = Self {
            status: match u8::unpack(from)? {
                0 => GrantStatus::Usable,
                1 => GrantStatus::ReauthRequired,
                _ => return None,
            },
            access_hash: Packed::unpack(from)?,
            obtained_at: Packed::unpack(from)?,
            access_expires_at: Packed::unpack(from)?,
            superseded: Packed::unpack(from)?,
            rotation_count: Packed::unpack(from)?,
            retry_at: Packed::unpack(from)?,
            user_id: UserId::new(unpack_text(from)?).ok()?,
            token_type: Packed::unpack(from)?,
            scopes: Packed::unpack(from)?,
        };
        left.is_empty().then_some(read)
    }
}

fn text(bytes: Option<Vec<u8>>) -> Result<String, Failure> {
    String::from_utf8(bytes.ok_or(DAMAGED)?).map_err(|_| DAMAGED)
}

/// Versions are compared as texts, so that one number has one text.
fn number(bytes: Option<Vec<u8>>) -> Result<u64, Failure> {
    let text = text(bytes)?;
    let number: u64 = text.parse().map_err(|_| DAMAGED)?;
    if number.to_string() != text {
        return Err(DAMAGED);
    }
    Ok(number)
}

fn time_in(bytes: Option<Vec<u8>>) -> Result<DateTime<Utc>, Failure> {
    time(text(bytes)?.parse().map_err(|_| DAMAGED)?)
}

/// The id of a refresh as bytes.
pub(crate) fn refresh_id(bytes: &[u8]) -> Result<RefreshId, Failure> {
    const DAMAGED: Failure = Failure::Corrupt("a refresh's id cannot be read");
    let bytes = bytes.try_into().map_err(|_| DAMAGED)?;
    RefreshId::from_bytes(bytes).map_err(|_| DAMAGED)
}
