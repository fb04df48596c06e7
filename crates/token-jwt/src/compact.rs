//! The compact form of a signed token (RFC 7515 §7.1): `header.payload.signature`.
//!
//! It is written and read here rather than by a JWT library, since such a library has to take in what
//! others write. jsonwebtoken keeps whatever else a header says, passes over `crit`, compares `exp` to
//! the system's clock and wants keys as PKCS #8. Around it the whole header and all claims would be
//! read a second time by our own rules, and what it would add to them is base64 and a signature. Those
//! come from the libraries that it uses for them too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use session_core::parse_strict_json;

/// Longest token that is signed or looked at, in bytes: it has to fit into the headers of a request,
/// and the role and permissions of any session have to fit into it.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// Says that a token is an access token, and not some other token of the same issuer (RFC 9068 §2.1).
///
/// RFC 9068 §4 lets a reader take `application/at+jwt` too, and media types have no case. But every
/// token that we read is one that we wrote, so one spelling is enough.
const TYPE: &str = "at+jwt";

/// The header of a token of ours, which has these members and `typ`, and no other.
pub(crate) struct Header<'a> {
    pub(crate) alg: &'static str,
    pub(crate) kid: Option<&'a str>,
}

impl Header<'_> {
    fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let kid = self.kid.map(|kid| ("kid", kid));
        [("alg", self.alg), ("typ", TYPE)].into_iter().chain(kid)
    }
}

/// A token taken apart; nothing in it is believed yet.
pub(crate) struct Compact<'a> {
    header: Map<String, Value>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// What the signature is for: the first two parts as they are written.
    pub(crate) signed: &'a str,
}

impl<'a> Compact<'a> {
    pub(crate) fn read(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        // One more dot would be in the payload, where it is no digit.
        let (header, payload) = signed.split_once('.')?;
        let Ok(Value::Object(header)) = parse_strict_json(&decoded(header)?) else {
            return None;
        };
        Some(Self {
            header,
            payload: decoded(payload)?,
            signature: decoded(signature)?,
            signed,
        })
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// Whether the header has exactly the members of `header`: so nothing that names a key (`jku`,
    /// `jwk`, `x5u`, `x5c`) and nothing to be understood (`crit`) is ever acted upon.
    pub(crate) fn has_header(&self, header: &Header<'_>) -> bool {
        let has = |(name, value)| self.header.get(name).and_then(Value::as_str) == Some(value);
        self.header.len() == header.members().count() && header.members().all(has)
    }

    /// The first two parts.
    pub(crate) fn signed_part(header: &Header<'_>, payload: &[u8]) -> Option<String> {
        let members = header
            .members()
            .map(|(name, value)| (name.to_owned(), value.into()));
        let header = serde_json::to_vec(&members.collect::<Map<_, _>>()).ok()?;
        let mut text = String::with_capacity(MAX_TOKEN_BYTES / 4);
        URL_SAFE_NO_PAD.encode_string(header, &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut text);
        Some(text)
    }

    pub(crate) fn finish(mut signed: String, signature: &[u8]) -> String {
        signed.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut signed);
        signed
    }
}

/// One text for the same bytes: no padding, and no bit set beyond the last byte (RFC 4648 §3.5).
fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
