use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Map, Value};
use session_core::ProviderFailure;

use crate::assertion::Assertion;
use crate::description::{document, read};
use crate::http::Http;

/// More keys than that are passed over.
const MAX_KEYS: usize = 100;

/// What a provider may sign with (RFC 7518 §3.1, RFC 8037): neither nothing at all, nor what whoever
/// checks could sign with too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// A provider's public keys (RFC 7517 §5), as far as they are of use.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<PublicKey>);

#[derive(Debug)]
pub(crate) struct PublicKey {
    id: Option<String>,
    /// The one algorithm that it is meant for, if it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Points in the form of SEC 1 §2.3.3.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Fetches a provider's keys.
pub(crate) async fn fetch(
    http: Http,
    url: Url,
    timeout: Duration,
) -> Result<KeySet, ProviderFailure> {
    let answer = read(&http, url, timeout).await?;
    let members = document(&answer)?;
    let Some(Value::Array(keys)) = members.get("keys") else {
        let problem = "its list of keys cannot be read";
        return Err(ProviderFailure::Unavailable(problem.to_owned()));
    };
    Ok(KeySet::of(keys))
}

impl KeySet {
    /// Those that can be read; a provider may have keys for purposes that we do not know.
    fn of(keys: &[Value]) -> Self {
        let keys = keys.iter().take(MAX_KEYS);
        Self(keys.filter_map(PublicKey::parse).collect())
    }

    /// The key of an assertion: the one that it names; where it names none, the only one that fits.
    pub(crate) fn find(&self, assertion: &Assertion) -> Option<&PublicKey> {
        let mut fitting = self.0.iter().filter(|key| {
            key.fits(assertion.algorithm)
                && (assertion.key_id.is_none() || key.id == assertion.key_id)
        });
        let key = fitting.next()?;
        fitting.next().is_none().then_some(key)
    }
}

impl PublicKey {
    fn parse(key: &Value) -> Option<Self> {
        let members = key.as_object()?;
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if members.contains_key("use") && text("use") != Some("sig") {
            return None;
        }
        if let Some(operations) = members.get("key_ops")
            && !operations.as_array()?.iter().any(|name| name == "verify")
        {
            return None;
        }
        // A key whose private half is shown is everyone's.
        if members.contains_key("d") {
            return None;
        }
        let algorithm = match members.get("alg") {
            None => None,
            Some(name) => Some(Algorithm::parse(name.as_str()?)?),
        };
        let key = Self {
            id: members
                .get("kid")
                .map(|id| id.as_str().map(str::to_owned))
                .unwrap_or_default(),
            algorithm,
            material: Material::parse(members)?,
        };
        Some(key)
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_of_kind = matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Material::P256(_), Algorithm::Es256)
                | (Material::P384(_), Algorithm::Es384)
                | (Material::Ed25519(_), Algorithm::EdDsa)
        );
        is_of_kind && self.algorithm.is_none_or(|meant| meant == algorithm)
    }

    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa = |n: &[u8], e: &[u8], parameters: &'static RsaParameters| {
            let key = RsaPublicKeyComponents { n, e };
            key.verify(parameters, message, signature).is_ok()
        };
        let other = |bytes: &[u8], algorithm: &'static dyn VerificationAlgorithm| {
            let key = UnparsedPublicKey::new(algorithm, bytes);
            key.verify(message, signature).is_ok()
        };
        match (&self.material, algorithm) {
            (Material::Rsa { n, e }, Algorithm::Rs256) => rsa(n, e, &RSA_PKCS1_2048_8192_SHA256),
            (Material::Rsa { n, e }, Algorithm::Ps256) => rsa(n, e, &RSA_PSS_2048_8192_SHA256),
            (Material::P256(point), Algorithm::Es256) => other(point, &ECDSA_P256_SHA256_FIXED),
            (Material::P384(point), Algorithm::Es384) => other(point, &ECDSA_P384_SHA384_FIXED),
            (Material::Ed25519(point), Algorithm::EdDsa) => other(point, &ED25519),
            _ => false,
        }
    }
}

impl Material {
    /// RFC 7518 §6, RFC 8037 §2.
    fn parse(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let point = |length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let is_whole = x.len() == length && y.len() == length;
            is_whole.then(|| [&[4], &x[..], &y[..]].concat())
        };
        Some(match (text("kty")?, text("crv")) {
            ("RSA", None) => Self::Rsa {
                n: bytes("n")?,
                e: bytes("e")?,
            },
            ("EC", Some("P-256")) => Self::P256(point(32)?),
            ("EC", Some("P-384")) => Self::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Self::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            _ => return None,
        })
    }
}
