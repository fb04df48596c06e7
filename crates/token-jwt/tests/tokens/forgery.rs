//! Makes tokens of whatever text, signed as well as the real ones: so a token is refused for the one
//! thing that is wrong with it.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::sample::{AUDIENCE, ISSUER, SECRET, SEED, claims, key, now};

/// What a forger has to sign with.
#[derive(Clone, Copy)]
pub(crate) enum Signing<'a> {
    Seed(&'a [u8; 32]),
    Secret(&'a [u8]),
    Nothing,
}

pub(crate) fn forge(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    by: Signing<'_>,
) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = match by {
        Signing::Seed(seed) => {
            let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes");
            pair.sign(signed.as_bytes()).as_ref().to_vec()
        }
        Signing::Secret(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
        }
        Signing::Nothing => Vec::new(),
    };
    format!("{signed}.{}", encode(signature))
}

/// The header of a real token of [`crate::sample::ring`].
pub(crate) fn ring_header() -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": key(&SEED, now()).kid() })
}

/// The header of a real token of [`crate::sample::secret`].
pub(crate) fn secret_header() -> Value {
    json!({ "alg": "HS256", "typ": "at+jwt" })
}

/// The payload of a real token of [`claims`].
pub(crate) fn payload() -> Value {
    let claims = claims();
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "sid": claims.session_id,
        "jti": claims.id,
        "iat": claims.issued_at.timestamp(),
        "exp": claims.expires_at.timestamp(),
        "role": "editor",
        "permissions": ["notes:read", "notes:write"],
    })
}

/// `object` with a member set, or taken away where there is no value.
pub(crate) fn with(mut object: Value, name: &str, value: Option<Value>) -> String {
    let members = object.as_object_mut().expect("an object");
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    object.to_string()
}

/// Signed by the ring's key, with one member of the header changed.
pub(crate) fn with_header(name: &str, value: Option<Value>) -> String {
    let header = with(ring_header(), name, value);
    forge(header, payload().to_string(), Signing::Seed(&SEED))
}

/// Signed by the ring's key, with one claim changed.
pub(crate) fn with_claim(name: &str, value: Option<Value>) -> String {
    let payload = with(payload(), name, value);
    forge(ring_header().to_string(), payload, Signing::Seed(&SEED))
}

/// Signed with the shared secret, with one member of the header changed.
pub(crate) fn with_secret_header(name: &str, value: Option<Value>) -> String {
    let header = with(secret_header(), name, value);
    forge(header, payload().to_string(), Signing::Secret(SECRET))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).expect("base64url")
}
