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
/// gets the same successor again; and nothing that is stored is a credential by itself. Stored and an
/// old secret together are one, until the next change.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The hash of the secret before.
    #[serde(rename = "p")]
    predecessor: [u8; 32],
    /// When the present secret was first used, in milliseconds since 1970: from then on whoever is the
    /// user has heard of it.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    used_at: Option<i64>,
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
    Current {
        /// Whether it is used for the first time: to be written down, since from then on the time of
        /// the one before is short.
        is_first_use: bool,
    },
    /// The one before, which is still good for whoever has not heard of the new one.
    Predecessor,
    /// The one before, just after its time: good for nothing, and no sign of theft yet.
    Outdated,
    /// One that was replaced, and should not be used by anyone any more: two parties have had it.
    Replayed,
    /// None of its secrets.
    None,
}

impl Rotation {
    /// How long a predecessor is good from the first use of its successor on, unless set otherwise.
    pub const DEFAULT_GRACE: TimeDelta = TimeDelta::seconds(10);
    /// How much longer it is refused without being taken for stolen: nodes' clocks differ, and what was
    /// sent in time may come late.
    pub const LENIENCE: TimeDelta = TimeDelta::seconds(30);
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
            used_at: None,
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

    /// The same, with the present secret first used at `at`.
    #[must_use]
    pub fn used(&self, at: DateTime<Utc>) -> Self {
        Self {
            used_at: Some(at.timestamp_millis()),
            ..self.clone()
        }
    }
}

impl Session {
    /// What `secret` is to this session at `now`. Each comparison takes the same time whatever the
    /// secret is.
    ///
    /// The one before ages from the first use of the present one on, and not before: whoever did not
    /// get the answer to a change may come back however late. Whoever uses it after the user has the
    /// present one is somebody else.
    #[must_use]
    pub fn proof(&self, secret: &SessionSecret, now: DateTime<Utc>, grace: TimeDelta) -> Proof {
        let is_current = self.secret_hash.proves(secret);
        let Some(rotation) = &self.rotation else {
            return if is_current {
                Proof::Current {
                    is_first_use: false,
                }
            } else {
                Proof::None
            };
        };
        if is_current {
            return Proof::Current {
                is_first_use: rotation.used_at.is_none(),
            };
        }
        if SecretHash::from_bytes(rotation.predecessor).proves(secret) {
            return rotation.predecessor_at(now, grace);
        }
        if rotation.family.ct_eq(&family(self.id, secret)).into() {
            Proof::Replayed
        } else {
            Proof::None
        }
    }

    /// Whether the one secret that `secret_hash` tells of is all that there is to know: it was not
    /// replaced, or its use is written down.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let rotation = self.rotation.as_ref();
        rotation.is_none_or(|rotation| rotation.used_at.is_some())
    }
}

impl Rotation {
    fn predecessor_at(&self, now: DateTime<Utc>, grace: TimeDelta) -> Proof {
        let Some(used_at) = self.used_at else {
            return Proof::Predecessor;
        };
        let age = now.timestamp_millis().saturating_sub(used_at);
        let grace = grace.num_milliseconds();
        if age < grace {
            Proof::Predecessor
        } else if age < grace.saturating_add(Self::LENIENCE.num_milliseconds()) {
            Proof::Outdated
        } else {
            Proof::Replayed
        }
    }
}

/// `bytes` under the pad of `secret`, or from under it. A secret is followed by one other, so a pad is
/// used once; twice only where a change was written, lost with a restored backup, and made again.
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
            .field("used_at", &self.used_at)
            .finish_non_exhaustive()
    }
}
