use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{SecretHash, Session, SessionId, SessionSecret};

/// Bytes that all secrets of a session begin with.
const FAMILY_BYTES: usize = 8;
/// Bytes that are new with each secret.
const FRESH_BYTES: usize = SessionSecret::BYTES - FAMILY_BYTES;

/// What is kept of the earlier secrets of a session that has changed its secret.
///
/// All secrets of a session begin with the same eight bytes. So an old one is known for what it is
/// however long ago it was replaced, with one hash kept for all of them; and a made-up one is not
/// taken for an old one, which would let anyone end a session whose handle is known. The other 24
/// bytes are new each time: whoever has an old secret is no nearer to the present one.
///
/// The successor is kept sealed with the predecessor. So whoever did not get the answer to a change
/// gets the same successor again; and nothing that is stored is a credential by itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The hash of the secret before.
    #[serde(rename = "p")]
    predecessor: [u8; 32],
    /// When the predecessor was first used after it had been replaced, in milliseconds since 1970.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    predecessor_used_at: Option<i64>,
    /// The new bytes of the present secret, under a pad made of the predecessor.
    #[serde(rename = "s")]
    successor: [u8; FRESH_BYTES],
    /// A hash of what all secrets of the session have in common.
    #[serde(rename = "f")]
    family: [u8; 32],
}

/// What a secret is to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its present secret.
    Current,
    /// The one before, which is still good for whoever has not heard of the new one.
    Predecessor {
        /// Whether it is used for the first time since it was replaced: to be written down, since
        /// from then on its time is short.
        is_first_use: bool,
    },
    /// One that was replaced, and should not be used by anyone any more: two parties have had it.
    Replayed,
    /// None of its secrets.
    None,
}

impl Rotation {
    /// How long a predecessor is good from its first use on, unless set otherwise.
    pub const DEFAULT_GRACE: TimeDelta = TimeDelta::seconds(10);
    /// New bytes that a change of the secret takes from the system's CSPRNG.
    pub const FRESH_BYTES: usize = FRESH_BYTES;

    /// The secret that follows `secret` in the session `id`, made of new random bytes, and what is kept
    /// of `secret`.
    #[must_use]
    pub fn of(
        id: SessionId,
        secret: &SessionSecret,
        fresh: &[u8; FRESH_BYTES],
    ) -> (SessionSecret, Self) {
        let rotation = Self {
            predecessor: *secret.hash().as_bytes(),
            predecessor_used_at: None,
            successor: padded(id, secret, fresh),
            family: family(id, secret),
        };
        (following(secret, fresh), rotation)
    }

    /// The present secret, unsealed with the one before.
    #[must_use]
    pub fn successor(&self, id: SessionId, predecessor: &SessionSecret) -> SessionSecret {
        let fresh = Zeroizing::new(padded(id, predecessor, &self.successor));
        following(predecessor, &fresh)
    }

    /// The same, with the predecessor first used at `at`.
    #[must_use]
    pub fn used(&self, at: DateTime<Utc>) -> Self {
        Self {
            predecessor_used_at: Some(at.timestamp_millis()),
            ..self.clone()
        }
    }
}

impl Session {
    /// What `secret` is to this session at `now`; every comparison takes the same time whatever the
    /// secret is.
    #[must_use]
    pub fn proof(&self, secret: &SessionSecret, now: DateTime<Utc>, grace: TimeDelta) -> Proof {
        if self.secret_hash.proves(secret) {
            return Proof::Current;
        }
        let Some(rotation) = &self.rotation else {
            return Proof::None;
        };
        if SecretHash::from_bytes(rotation.predecessor).proves(secret) {
            let grace = grace.num_milliseconds();
            let until = rotation
                .predecessor_used_at
                .map(|used_at| used_at.saturating_add(grace));
            return match until {
                Some(until) if until <= now.timestamp_millis() => Proof::Replayed,
                until => Proof::Predecessor {
                    is_first_use: until.is_none(),
                },
            };
        }
        if rotation.family.ct_eq(&family(self.id, secret)).into() {
            Proof::Replayed
        } else {
            Proof::None
        }
    }
}

/// `bytes` under the pad of `secret`, or from under it. A pad is used once: a secret is followed by one
/// other.
fn padded(id: SessionId, secret: &SessionSecret, bytes: &[u8; FRESH_BYTES]) -> [u8; FRESH_BYTES] {
    let pad = Sha256::new()
        .chain_update(b"sessiond successor 1\n")
        .chain_update(id.as_bytes())
        .chain_update(secret.bytes())
        .finalize();
    let mut out = *bytes;
    for (byte, pad) in out.iter_mut().zip(pad) {
        *byte ^= pad;
    }
    out
}

fn following(secret: &SessionSecret, fresh: &[u8; FRESH_BYTES]) -> SessionSecret {
    let mut bytes = Zeroizing::new(*secret.bytes());
    bytes[FAMILY_BYTES..].copy_from_slice(fresh);
    SessionSecret::from_bytes(*bytes)
}

fn family(id: SessionId, secret: &SessionSecret) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"sessiond family 1\n")
        .chain_update(id.as_bytes())
        .chain_update(&secret.bytes()[..FAMILY_BYTES])
        .finalize()
        .into()
}

/// Shows no hash: what is in it tells whether two records are of one family.
impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("predecessor_used_at", &self.predecessor_used_at)
            .finish_non_exhaustive()
    }
}
