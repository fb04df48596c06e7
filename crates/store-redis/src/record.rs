//! A session as bytes, and back.
//!
//! Scripts read and write the same form (`lua/sessions/records.lua`): numbers are big-endian, each text
//! has its length before it. What scripts judge by stands at fixed places in front. Lengths are as short
//! as they may be: a few bytes decide about the next 16 that are set aside for a record.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use session_core::{
    ClientDetails, EndKind, EndReason, Ending, Metadata, SecretHash, Session, SessionId, Standing,
    UpstreamDetails, UserId,
};

use crate::error::Failure;

/// The first byte. A form that an older program must not read has another number.
const FORM: u8 = 1;
const REMEMBER_ME: u8 = 1;
const HAS_IDLE_TIMEOUT: u8 = 2;

/// The number of a final state.
pub(crate) const fn number_of(kind: EndKind) -> u8 {
    match kind {
        EndKind::Expired => 2,
        EndKind::Revoked => 3,
        EndKind::Terminated => 4,
    }
}

/// The record of a session.
pub(crate) fn write(session: &Session) -> Result<Vec<u8>, Failure> {
    let ending = match &session.standing {
        Standing::Ended(ending) => Some(ending),
        Standing::Open | Standing::Suspended => None,
    };
    let standing = match &session.standing {
        Standing::Open => 0,
        Standing::Suspended => 1,
        Standing::Ended(ending) => number_of(ending.kind),
    };
    let mut flags = 0;
    if session.remember_me {
        flags |= REMEMBER_ME;
    }
    if session.idle_timeout.is_some() {
        flags |= HAS_IDLE_TIMEOUT;
    }
    let idle = session
        .idle_timeout
        .map_or(0, |idle| idle.num_milliseconds());
    let client = &session.client;
    let fingerprint = client.device_fingerprint.as_ref().map(json).transpose()?;
    let details = details(session)?;

    let mut bytes = Vec::with_capacity(256);
    bytes.extend([FORM, standing, flags]);
    bytes.extend(session.version.to_be_bytes());
    bytes.extend(session.created_at.timestamp_millis().to_be_bytes());
    bytes.extend(session.last_activity.timestamp_millis().to_be_bytes());
    bytes.extend(session.expires_at.timestamp_millis().to_be_bytes());
    bytes.extend(idle.to_be_bytes());
    let ended_at = ending.map_or(0, |ending| ending.at.timestamp_millis());
    bytes.extend(ended_at.to_be_bytes());
    bytes.extend(session.secret_hash.as_bytes());
    put_tiny(&mut bytes, session.user_id.as_str().as_bytes())?;
    put_tiny(
        &mut bytes,
        ending
            .map_or("", |ending| ending.reason.as_str())
            .as_bytes(),
    )?;
    put_short(&mut bytes, metadata(&session.metadata))?;
    put_short(&mut bytes, &rotation(session)?)?;
    put_short(&mut bytes, &fingerprint.unwrap_or_default())?;
    put_long(&mut bytes, &details)?;
    Ok(bytes)
}

/// Metadata as the record holds it: most sessions have none, which takes no room.
pub(crate) fn metadata(metadata: &Metadata) -> &[u8] {
    match metadata.as_json() {
        "{}" => b"",
        json => json.as_bytes(),
    }
}

/// Nothing where there are none, as with metadata.
fn details(session: &Session) -> Result<Vec<u8>, Failure> {
    let json = json(&Details::of(session))?;
    Ok(if json == b"{}" { Vec::new() } else { json })
}

fn rotation(session: &Session) -> Result<Vec<u8>, Failure> {
    session.rotation.as_ref().map_or(Ok(Vec::new()), json)
}

/// Anything that is kept as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|_| Failure::Internal("a value cannot be written as JSON"))
}

fn put_tiny(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(), Failure> {
    let length = u8::try_from(text.len());
    let length = length.map_err(|_| Failure::Internal("a part of a session is too long"))?;
    bytes.push(length);
    bytes.extend(text);
    Ok(())
}

fn put_short(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(), Failure> {
    let length = u16::try_from(text.len());
    let length = length.map_err(|_| Failure::Internal("a part of a session is too long"))?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(text);
    Ok(())
}

fn put_long(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(), Failure> {
    let length = u32::try_from(text.len());
    let length = length.map_err(|_| Failure::Internal("a part of a session is too long"))?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(text);
    Ok(())
}

/// Reads the record of a session back.
pub(crate) fn read(id: SessionId, bytes: &[u8]) -> Result<Arc<Session>, Failure> {
    const DAMAGED: Failure = Failure::Corrupt("a session's record cannot be read");
    let mut rest = Parts(bytes);
    let [form, standing, flags] = rest.array().ok_or(DAMAGED)?;
    if form != FORM {
        return Err(Failure::Corrupt("a session was written by a newer version"));
    }
    let version = u64::from_be_bytes(rest.array().ok_or(DAMAGED)?);
    let created_at = rest.time()?;
    let last_activity = rest.time()?;
    let expires_at = rest.time()?;
    let idle = i64::from_be_bytes(rest.array().ok_or(DAMAGED)?);
    let ended_at = rest.time()?;
    let idle_timeout = (flags & HAS_IDLE_TIMEOUT != 0)
        .then(|| TimeDelta::try_milliseconds(idle).ok_or(DAMAGED))
        .transpose()?;
    let secret_hash = SecretHash::from_bytes(rest.array().ok_or(DAMAGED)?);
    let user_id = rest.tiny()?;
    let reason = rest.tiny()?;
    let metadata = rest.short()?;
    let rotation = rest.short()?;
    let fingerprint = rest.short()?;
    let details = rest.long()?;
    let ending = |kind| -> Result<Standing, Failure> {
        let reason = EndReason::new(reason).map_err(|_| DAMAGED)?;
        Ok(Standing::Ended(Ending {
            kind,
            reason,
            at: ended_at,
        }))
    };
    let standing = match standing {
        0 => Standing::Open,
        1 => Standing::Suspended,
        2 => ending(EndKind::Expired)?,
        3 => ending(EndKind::Revoked)?,
        4 => ending(EndKind::Terminated)?,
        _ => return Err(DAMAGED),
    };
    let metadata = match metadata {
        "" => Metadata::default(),
        json => Metadata::from_json(json).map_err(|_| DAMAGED)?,
    };
    let details: Details = optional_json(details)?.unwrap_or_default();
    Ok(Arc::new(Session {
        id,
        user_id: UserId::new(user_id).map_err(|_| DAMAGED)?,
        secret_hash,
        rotation: optional_json(rotation)?,
        standing,
        version,
        created_at,
        last_activity,
        expires_at,
        idle_timeout,
        remember_me: flags & REMEMBER_ME != 0,
        metadata,
        upstream: details.upstream(),
        client: ClientDetails {
            ip_address: details.ip_address,
            user_agent: details.user_agent,
            device_fingerprint: optional_json(fingerprint)?,
        },
    }))
}

fn optional_json<T: for<'a> Deserialize<'a>>(text: &str) -> Result<Option<T>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_str(text);
    read.map_err(|_| Failure::Corrupt("a part of a session cannot be read"))
}

/// A time as milliseconds since 1970.
pub(crate) fn time(millis: i64) -> Result<DateTime<Utc>, Failure> {
    DateTime::from_timestamp_millis(millis).ok_or(Failure::Corrupt("a time cannot be read"))
}

/// The id of a session as bytes.
pub(crate) fn session_id(bytes: &[u8]) -> Result<SessionId, Failure> {
    const DAMAGED: Failure = Failure::Corrupt("a session's id cannot be read");
    let bytes = bytes.try_into().map_err(|_| DAMAGED)?;
    SessionId::from_bytes(bytes).map_err(|_| DAMAGED)
}

/// What is still to be read.
pub(crate) struct Parts<'a>(pub(crate) &'a [u8]);

impl<'a> Parts<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(crate) fn time(&mut self) -> Result<DateTime<Utc>, Failure> {
        let bytes = self.array().ok_or(Failure::Corrupt("a time is cut off"))?;
        time(i64::from_be_bytes(bytes))
    }

    pub(crate) fn tiny(&mut self) -> Result<&'a str, Failure> {
        let length = self.array().map(u8::from_be_bytes).map(usize::from);
        self.text(length)
    }

    pub(crate) fn short(&mut self) -> Result<&'a str, Failure> {
        let length = self.array().map(u16::from_be_bytes).map(usize::from);
        self.text(length)
    }

    pub(crate) fn long(&mut self) -> Result<&'a str, Failure> {
        let length = self.array().map(u32::from_be_bytes);
        self.text(length.and_then(|length| usize::try_from(length).ok()))
    }

    fn text(&mut self, length: Option<usize>) -> Result<&'a str, Failure> {
        const CUT: Failure = Failure::Corrupt("a record is cut off");
        let (text, rest) = self.0.split_at_checked(length.ok_or(CUT)?).ok_or(CUT)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Failure::Corrupt("a text is no UTF-8"))
    }
}

/// Everything that no script asks about, with short names, since there are many of it.
///
/// Members may be added: an older program passes over what it does not know.
#[derive(Default, Serialize, Deserialize)]
struct Details {
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    ip_address: Option<IpAddr>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<Box<str>>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream>,
}

#[derive(Serialize, Deserialize)]
struct Upstream {
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    provider: Option<Box<str>>,
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<Box<str>>,
}

impl Details {
    fn of(session: &Session) -> Self {
        let upstream = session.upstream.as_deref().map(|upstream| Upstream {
            provider: upstream.provider.clone(),
            scopes: upstream.scopes.clone(),
        });
        Self {
            ip_address: session.client.ip_address,
            user_agent: session.client.user_agent.clone(),
            upstream,
        }
    }

    fn upstream(&self) -> Option<Box<UpstreamDetails>> {
        self.upstream.as_ref().map(|upstream| {
            Box::new(UpstreamDetails {
                provider: upstream.provider.clone(),
                scopes: upstream.scopes.clone(),
            })
        })
    }
}
