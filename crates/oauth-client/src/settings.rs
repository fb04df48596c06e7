use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use session_core::ProviderName;
use zeroize::Zeroizing;

/// What is known of a provider, as it was written down. It is checked by
/// [`OAuthClient::new`](crate::OAuthClient::new).
///
/// URLs are https, or http on the loopback interface; without user, password and fragment.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// What it is called here.
    pub name: ProviderName,
    /// Its issuer identifier, letter by letter as it is in its tokens (`iss`). From here its
    /// description is fetched, unless the three endpoints of a login are all given (`authorization`,
    /// `token`, `jwks_uri`). Without it nobody can sign in.
    pub issuer: Option<String>,
    /// Where users are sent to; wins over the description, like all that follow.
    pub authorization_endpoint: Option<String>,
    /// Where codes and refresh tokens are turned into tokens.
    pub token_endpoint: Option<String>,
    /// Where tokens are asked about (RFC 7662).
    pub introspection_endpoint: Option<String>,
    /// Where tokens are taken back (RFC 7009).
    pub revocation_endpoint: Option<String>,
    /// Where its public keys are (RFC 7517).
    pub jwks_uri: Option<String>,
    /// Who we are there.
    pub client_id: String,
    /// How we prove it.
    pub client_secret: Option<ClientSecret>,
    /// Where the proof goes.
    pub client_authentication: ClientAuthentication,
    /// What is asked for at a login (RFC 6749 §3.3).
    pub scopes: Vec<String>,
    /// More parameters of the authorization URL, such as `prompt=consent`. None of ours.
    pub parameters: Vec<(String, String)>,
    /// Whether it names itself when it sends users back (RFC 9207), if its description does not say.
    pub names_itself: bool,
    /// For how long a call may take as a whole: 1 ms to 5 min. Twenty seconds, unless changed.
    pub call_timeout: Duration,
    /// For how long connecting may take, TLS included; at most the time of a call. Five seconds,
    /// unless changed.
    pub connect_timeout: Duration,
    /// A PEM file of certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl ProviderSettings {
    /// Settings that lack what every provider needs: an issuer, or a token endpoint.
    #[must_use]
    pub fn new(name: ProviderName, client_id: &str) -> Self {
        Self {
            name,
            issuer: None,
            authorization_endpoint: None,
            token_endpoint: None,
            introspection_endpoint: None,
            revocation_endpoint: None,
            jwks_uri: None,
            client_id: client_id.to_owned(),
            client_secret: None,
            client_authentication: ClientAuthentication::Basic,
            scopes: Vec::new(),
            parameters: Vec::new(),
            names_itself: false,
            call_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(5),
            ca_file: None,
        }
    }
}

/// How a client shows a provider who it is (RFC 6749 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: in a header.
    Basic,
    /// `client_secret_post`: in the body.
    Post,
    /// `none`: by its name alone, which is no proof.
    None,
}

/// A client's secret. Never shown, wiped on drop.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<Box<str>>);

impl ClientSecret {
    /// Takes a secret as it was written down.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
