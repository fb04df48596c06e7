use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use session_core::ProviderName;
use zeroize::Zeroizing;

use super::{Given, Member, members};
use crate::settings::parse::{self, Reader};

/// What the settings say of a provider.
pub(crate) struct ProviderSettings {
    pub(crate) name: ProviderName,
    pub(crate) client_id: String,
    /// None with [`ClientAuthentication::None`] alone.
    pub(crate) client_secret: Option<Zeroizing<String>>,
    pub(crate) client_authentication: ClientAuthentication,
    /// Given, unless the token endpoint is.
    pub(crate) issuer: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) introspection_endpoint: Option<String>,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) scopes: Vec<String>,
    /// More parameters of a login, `prompt` among them.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) timeout: Duration,
    /// A PEM text.
    pub(crate) authority: Option<String>,
}

/// How this server proves to a provider that it is the client (RFC 6749 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAuthentication {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// Not at all.
    None,
}

/// Longest time-out of one call in seconds: nobody waits longer.
const MAX_TIMEOUT: u64 = 120;

impl ProviderSettings {
    /// Reads what was given of a provider; what is wrong is noted, all of it.
    pub(super) fn read(reader: &mut Reader<'_>, name: ProviderName, given: &Given) -> Option<Self> {
        let mut members = Members {
            reader,
            name,
            given,
        };
        let client_id = members.required("client_id", parse::name);
        let client_authentication = members.read("client_authentication", authentication);
        let client_secret = members.secret(client_authentication);
        let issuer = members.optional("issuer", issuer);
        let token_endpoint = members.optional("token_endpoint", url);
        let authorization_endpoint = members.optional("authorization_endpoint", url);
        let introspection_endpoint = members.optional("introspection_endpoint", url);
        let revocation_endpoint = members.optional("revocation_endpoint", url);
        let jwks_uri = members.optional("jwks_uri", url);
        if !given.contains_key("issuer") && !given.contains_key("token_endpoint") {
            members.complain("token_endpoint", "is missing: give it, or `issuer`");
        }
        let scopes = members.optional("scopes", scopes);
        let prompt = members.optional("prompt", parse::name);
        let parameters = members.optional("parameters", parameters);
        let mut parameters = parameters.unwrap_or_default();
        if parameters.iter().any(|(name, _)| is_ours(name)) {
            let problem = "must not have a parameter that this server sets by itself";
            members.complain("parameters", problem);
        }
        parameters.extend(prompt.map(|prompt| ("prompt".to_owned(), prompt)));
        let timeout = members.read("timeout", timeout);
        let authority = members.authority();
        Some(Self {
            client_id: client_id?,
            client_secret,
            client_authentication: client_authentication?,
            issuer,
            token_endpoint,
            authorization_endpoint,
            introspection_endpoint,
            revocation_endpoint,
            jwks_uri,
            scopes: scopes.unwrap_or_default(),
            parameters,
            timeout: timeout?,
            authority,
            name: members.name,
        })
    }
}

/// Reads the members of one provider, and notes what is wrong with them.
struct Members<'a, 'r> {
    reader: &'a mut Reader<'r>,
    name: ProviderName,
    given: &'a Given,
}

impl Members<'_, '_> {
    fn read<T>(&mut self, member: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        if self.given.contains_key(member) {
            return self.optional(member, parse);
        }
        parse(members::find(member)?.default?)
    }

    fn required<T>(&mut self, member: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        if !self.given.contains_key(member) {
            self.complain(member, "is missing");
        }
        self.optional(member, parse)
    }

    fn optional<T>(&mut self, member: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let Member { text, .. } = self.given.get(member)?;
        let value = parse(text.trim());
        if value.is_none() {
            let takes = members::find(member).map_or("something else", |member| member.takes);
            // The value itself is not repeated: it may be a secret in the wrong place.
            self.complain(member, &format!("takes {takes}"));
        }
        value
    }

    /// The client's secret, from the settings or from a file of its own.
    fn secret(&mut self, how: Option<ClientAuthentication>) -> Option<Zeroizing<String>> {
        let is_given = |member| self.given.contains_key(member);
        let (by_text, by_file) = (is_given("client_secret"), is_given("client_secret_file"));
        match (by_text, by_file) {
            (true, true) => {
                let problem = "contradicts `client_secret`: give one of the two";
                self.complain("client_secret_file", problem);
            }
            (false, false) if how.is_some_and(|how| how != ClientAuthentication::None) => {
                let problem = "is missing: give it, or `client_secret_file`, or say \
                               `client_authentication` = `none`";
                self.complain("client_secret", problem);
            }
            (true, _) | (_, true) if how == Some(ClientAuthentication::None) => {
                let problem = "contradicts the client's secret: give one of the two";
                self.complain("client_authentication", problem);
            }
            _ => {}
        }
        if by_text {
            return self.optional("client_secret", parse::secret);
        }
        let text = Zeroizing::new(self.file("client_secret_file")?);
        let secret = parse::secret(text.trim());
        if secret.is_none() {
            self.complain("client_secret_file", "is an empty file");
        }
        secret
    }

    fn authority(&mut self) -> Option<String> {
        let text = self.file("ca_file")?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            self.complain("ca_file", "is a file without a certificate in PEM form");
        }
        Some(text)
    }

    /// The text of the file that a member names.
    fn file(&mut self, member: &str) -> Option<String> {
        let path: PathBuf = self.optional(member, parse::path)?;
        match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.complain(member, &format!("is a file that cannot be read: {error}"));
                None
            }
        }
    }

    fn complain(&mut self, member: &str, problem: &str) {
        let place = match self.given.get(member) {
            Some(member) => member.place.clone(),
            None => self.place_of(member),
        };
        self.reader.complain(&place, problem);
    }

    /// What a member that was not given would be called: where the others stand.
    fn place_of(&self, member: &str) -> String {
        let others: Vec<_> = self.given.values().map(|other| &other.place).collect();
        let own = super::OPENROUTER_SETTINGS
            .iter()
            .find(|(own, _)| *own == member);
        match own {
            Some((_, setting)) if others.iter().any(|place| place.starts_with("OPENROUTER_")) => {
                (*setting).to_owned()
            }
            _ if others.iter().any(|place| place.starts_with("providers.")) => {
                format!("providers.{}.{member}", self.name)
            }
            _ => {
                let prefix = members::prefix(self.name.as_str());
                prefix + &member.to_ascii_uppercase()
            }
        }
    }
}

fn authentication(text: &str) -> Option<ClientAuthentication> {
    match text {
        "basic" => Some(ClientAuthentication::Basic),
        "post" => Some(ClientAuthentication::Post),
        "none" => Some(ClientAuthentication::None),
        _ => None,
    }
}

/// A URL that secrets may be sent to: over TLS, or not over a network at all.
fn url(text: &str) -> Option<String> {
    let url: Uri = text.parse().ok()?;
    let (host, authority) = (url.host()?, url.authority()?.as_str());
    let is_here = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    let is_safe = match url.scheme_str()? {
        "https" => true,
        "http" => is_here,
        _ => false,
    };
    let is_plain = !host.is_empty() && !authority.contains('@') && !text.contains('#');
    (is_safe && is_plain).then(|| text.to_owned())
}

/// An issuer identifier (OpenID Connect Discovery §2): such a URL without a query.
fn issuer(text: &str) -> Option<String> {
    url(text).filter(|url| !url.contains('?'))
}

/// Scopes (RFC 6749 §3.3) with spaces between them.
fn scopes(text: &str) -> Option<Vec<String>> {
    let is_scope = |scope: &str| {
        scope
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"\\".contains(&b))
    };
    let scopes: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    let is_good = !scopes.is_empty() && scopes.iter().all(|scope| is_scope(scope));
    is_good.then_some(scopes)
}

fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let parameters: Vec<(String, String)> = serde_urlencoded::from_str(text).ok()?;
    let is_named = |(name, _): &(String, String)| !name.is_empty();
    parameters.iter().all(is_named).then_some(parameters)
}

/// Whether a login sets this parameter by itself.
fn is_ours(parameter: &str) -> bool {
    const OURS: [&str; 10] = [
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "prompt",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    OURS.contains(&parameter)
}

fn timeout(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok()?;
    (1..=MAX_TIMEOUT)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

/// Shows no secret.
impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSettings")
            .field("name", &self.name)
            .field("issuer", &self.issuer)
            .field("token_endpoint", &self.token_endpoint)
            .field("client_id", &self.client_id)
            .field("client_authentication", &self.client_authentication)
            .finish_non_exhaustive()
    }
}
