use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use session_core::parse_strict_json;

use crate::claims::{Broken, Claims};
use crate::keys::{Algorithm, KeySet};

/// A signed token (RFC 7515 §3.1) of which nothing is believed yet.
#[derive(Debug)]
pub(crate) struct Assertion {
    pub(crate) algorithm: Algorithm,
    /// Which key it is signed with, if it says so.
    pub(crate) key_id: Option<String>,
    /// What kind of token it calls itself.
    kind: Option<String>,
    /// What is signed.
    message: String,
    signature: Vec<u8>,
}

/// What a token may call itself (`typ`, RFC 7515 §4.1.9). One that does not say is either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    IdToken,
    LogoutToken,
}

impl Assertion {
    /// Reads the header. Members that would bring keys along (`jwk`, `jku`, `x5c`, `x5u`) are not
    /// looked at.
    pub(crate) fn parse(token: &str) -> Result<Self, Broken> {
        const UNREADABLE: Broken = "it is no signed token";
        let (message, signature) = token.rsplit_once('.').ok_or(UNREADABLE)?;
        let (header, claims) = message.split_once('.').ok_or(UNREADABLE)?;
        if claims.contains('.') {
            return Err(UNREADABLE);
        }
        let header = object(header).ok_or("its header cannot be read")?;
        if header.contains_key("crit") {
            return Err("its header demands what we do not know");
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err("its header cannot be read"),
        };
        let algorithm = text("alg")?.and_then(Algorithm::parse);
        Ok(Self {
            algorithm: algorithm.ok_or("its algorithm is none that is taken")?,
            key_id: text("kid")?.map(str::to_owned),
            kind: text("typ")?.map(str::to_ascii_lowercase),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| UNREADABLE)?,
            message: message.to_owned(),
        })
    }

    pub(crate) fn check_kind(&self, kind: Kind) -> Result<(), Broken> {
        // `logout+jwt` is recommended for logout tokens, and some providers say no more than that it is
        // a JWT: what tells one from an ID token is in its claims.
        let expected: &[&str] = match kind {
            Kind::IdToken => &["jwt"],
            Kind::LogoutToken => &["logout+jwt", "jwt"],
        };
        // RFC 7515 §4.1.9: the prefix may be left out.
        let shown = self.kind.as_deref();
        let shown = shown.map(|kind| kind.strip_prefix("application/").unwrap_or(kind));
        match shown {
            Some(shown) if !expected.contains(&shown) => Err("it is a token of another kind"),
            _ => Ok(()),
        }
    }

    /// What it says, if one of these keys signed it.
    pub(crate) fn claims(&self, keys: &KeySet) -> Result<Claims, Broken> {
        let key = keys.find(self).ok_or("the provider shows no key for it")?;
        if !key.verifies(self.algorithm, self.message.as_bytes(), &self.signature) {
            return Err("its signature is wrong");
        }
        let claims = self.message.split('.').nth(1).and_then(object);
        claims.ok_or("its claims cannot be read")
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let text = URL_SAFE_NO_PAD.decode(part).ok()?;
    match parse_strict_json(&text) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}
