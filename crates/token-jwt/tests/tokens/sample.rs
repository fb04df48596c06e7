//! What the tests sign and with which keys.

use chrono::{DateTime, TimeDelta, Utc};
use session_core::{AccessClaims, AccessTokenId, SessionId, UserId};
use token_jwt::{JwtSigner, SharedSecret, SigningKey, SigningKeys, TokenKeys, TokenParties};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const SEED: [u8; 32] = [7; 32];
pub(crate) const SECRET: &[u8] = b"thirty-two bytes that are shared";

pub(crate) fn now() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

pub(crate) fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

pub(crate) fn key(seed: &[u8; 32], created_at: DateTime<Utc>) -> SigningKey {
    SigningKey::from_seed(seed, created_at).expect("32 bytes")
}

pub(crate) fn ring() -> SigningKeys {
    SigningKeys::new(key(&SEED, now()))
}

pub(crate) fn secret() -> SharedSecret {
    SharedSecret::new(SECRET).expect("32 bytes")
}

pub(crate) fn signer(keys: impl Into<TokenKeys>) -> JwtSigner {
    let parties = TokenParties {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
    };
    JwtSigner::new(parties, keys)
}

pub(crate) fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId::new("ada").expect("a user id"),
        session_id: SessionId::at(now(), [1; 10]),
        id: AccessTokenId::at(now(), [2; 10]),
        issued_at: now(),
        expires_at: now() + minutes(5),
        role: "editor".into(),
        permissions: vec!["notes:read".into(), "notes:write".into()],
    }
}
