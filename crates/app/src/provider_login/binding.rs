use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Entropy, EntropyError, TokenCipher};
use session_core::{
    AuthorizationRequest, CipherKeyId, CodeChallenge, MarkHash, ProviderName, Sealed,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::ReturnTo;

/// How long a user may take to sign in at the provider.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// What a binding is sealed for: it opens as nothing else, and nothing else as it.
const CONTEXT: &[u8] = b"sessiond login binding 1\n";
/// What the use of a state is noted as.
const MARK: &str = "provider login";

/// A login that was begun: what ties the provider's answer to it, and it to one browser.
pub(super) struct Binding {
    pub(super) provider: ProviderName,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) state: Secret,
    pub(super) verifier: Secret,
    pub(super) nonce: Secret,
    pub(super) redirect_uri: Box<str>,
    pub(super) return_to: Option<ReturnTo>,
}

/// 32 random bytes in base64url: 43 characters, which is what a code verifier has at least
/// (RFC 7636 §4.1).
type Secret = Zeroizing<String>;

impl Binding {
    /// A new login, at `now`.
    pub(super) fn draw(
        provider: ProviderName,
        redirect_uri: Box<str>,
        return_to: Option<ReturnTo>,
        now: DateTime<Utc>,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        let draw = || {
            let mut bytes = Zeroizing::new([0; 32]);
            entropy.fill(&mut *bytes)?;
            Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
        };
        Ok(Self {
            provider,
            expires_at: now + LIFETIME,
            state: draw()?,
            verifier: draw()?,
            nonce: draw()?,
            redirect_uri,
            return_to,
        })
    }

    /// What the user is sent to the provider with.
    pub(super) fn request(&self) -> AuthorizationRequest {
        AuthorizationRequest {
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.as_str().into(),
            nonce: self.nonce.as_str().into(),
            challenge: CodeChallenge::of(&self.verifier),
        }
    }

    /// Whether an answer is to this login.
    pub(super) fn has_state(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// What the use of this login is noted by.
    pub(super) fn mark(&self) -> MarkHash {
        MarkHash::of(MARK, self.provider.as_str(), &self.state)
    }

    /// The binding as a browser keeps it: `<key>.<base64url>`, fit for a cookie.
    pub(super) fn seal(&self, cipher: &dyn TokenCipher) -> Result<String, EntropyError> {
        // No part holds a line break, so each line is one of them.
        let plain = Zeroizing::new(format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}",
            self.provider,
            self.expires_at.timestamp_millis(),
            *self.state,
            *self.verifier,
            *self.nonce,
            self.redirect_uri,
            self.return_to.as_ref().map_or("", ReturnTo::as_str),
        ));
        let sealed = cipher.seal(plain.as_bytes(), CONTEXT)?;
        let bytes = URL_SAFE_NO_PAD.encode(&sealed.bytes);
        Ok(format!("{}.{bytes}", sealed.key))
    }

    /// A binding that was sealed here; `None` for anything else.
    pub(super) fn open(text: &str, cipher: &dyn TokenCipher) -> Option<Self> {
        let (key, bytes) = text.split_once('.')?;
        let sealed = Sealed {
            key: CipherKeyId::new(key).ok()?,
            bytes: URL_SAFE_NO_PAD.decode(bytes).ok()?.into(),
        };
        let plain = cipher.open(&sealed, CONTEXT).ok()?;
        let mut lines = std::str::from_utf8(&plain).ok()?.split('\n');
        let secret = |line: Option<&str>| line.map(|line| Zeroizing::new(line.to_owned()));
        Some(Self {
            provider: ProviderName::new(lines.next()?).ok()?,
            expires_at: DateTime::from_timestamp_millis(lines.next()?.parse().ok()?)?,
            state: secret(lines.next())?,
            verifier: secret(lines.next())?,
            nonce: secret(lines.next())?,
            redirect_uri: lines.next()?.into(),
            return_to: match lines.next()? {
                "" => None,
                path => Some(ReturnTo::admitted(path)),
            },
        })
    }
}

/// Tells logins of one browser apart, by the state that the provider's answer brings: 12 characters of
/// its hash, fit for a cookie's name.
#[must_use]
pub fn login_tag(state: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(state)[..9])
}

/// Shows no secret.
impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("provider", &self.provider)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
