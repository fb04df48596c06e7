use std::path::PathBuf;
use std::time::Duration;

use app::wiring::{ClientAuthentication, ClientSecret, ProviderSettings};
use axum::http::Uri;
use session_core::ProviderName;
use zeroize::Zeroizing;

use super::{Given, Member, members};
use crate::settings::parse::{self, Reader};

/// Longest time-out of one call in seconds: nobody waits longer.
const MAX_TIMEOUT: u64 = 120;

/// Reads what was given of a provider. What is wrong is noted, all of it.
///
/// Of each member it is seen that it has a form; what the members make together is for the adapter to
/// judge, which is made of them at the start.
pub(super) fn read(
    reader: &mut Reader<'_>,
    name: ProviderName,
    given: &Given,
) -> Option<ProviderSettings> {
    let mut members = Members {
        reader,
        name: &name,
        given,
    };
    let client_id = members.required("client_id", parse::name);
    let client_authentication = members.read("client_authentication", authentication);
    let client_secret = members.secret(client_authentication);
    if !given.contains_key("issuer") && !given.contains_key("token_endpoint") {
        members.complain("token_endpoint", "is missing: give it, or `issuer`");
    }
    let issuer = members.optional("issuer", issuer);
    let token_endpoint = members.optional("token_endpoint", url);
    let authorization_endpoint = members.optional("authorization_endpoint", url);
    let introspection_endpoint = members.optional("introspection_endpoint", url);
    let revocation_endpoint = members.optional("revocation_endpoint", url);
    let jwks_uri = members.optional("jwks_uri", url);
    let scopes = members.read("scopes", scopes);
    let prompt = members.optional("prompt", parse::name);
    let parameters = members.optional("parameters", parameters);
    let names_itself = members.read("names_itself", parse::switch);
    let timeout = members.read("timeout", timeout);
    let ca_file = members.optional("ca_file", parse::path);
    let mut parameters = parameters.unwrap_or_default();
    parameters.extend(prompt.map(|prompt| ("prompt".to_owned(), prompt)));
    let mut settings = ProviderSettings::new(name.clone(), &client_id?);
    settings.issuer = issuer;
    settings.token_endpoint = token_endpoint;
    settings.authorization_endpoint = authorization_endpoint;
    settings.introspection_endpoint = introspection_endpoint;
    settings.revocation_endpoint = revocation_endpoint;
    settings.jwks_uri = jwks_uri;
    settings.client_secret = client_secret;
    settings.client_authentication = client_authentication?;
    settings.scopes = scopes?;
    settings.parameters = parameters;
    settings.names_itself = names_itself?;
    settings.call_timeout = timeout?;
    settings.connect_timeout = settings.connect_timeout.min(settings.call_timeout);
    settings.ca_file = ca_file;
    Some(settings)
}

/// Reads the members of one provider, and notes what is wrong with them.
struct Members<'a, 'r> {
    reader: &'a mut Reader<'r>,
    name: &'a ProviderName,
    given: &'a Given,
}

impl Members<'_, '_> {
    /// A member's value, or its default's.
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
    fn secret(&mut self, how: Option<ClientAuthentication>) -> Option<ClientSecret> {
        let is_given = |member| self.given.contains_key(member);
        let (by_text, by_file) = (is_given("client_secret"), is_given("client_secret_file"));
        let wants_one = how.map(|how| how != ClientAuthentication::None);
        match (by_text || by_file, wants_one) {
            _ if by_text && by_file => {
                let problem = "contradicts `client_secret`: give one of the two";
                self.complain("client_secret_file", problem);
            }
            (false, Some(true)) => {
                let problem = "is missing: give it, or `client_secret_file`, or \
                               `client_authentication` as `none`";
                self.complain("client_secret", problem);
            }
            (true, Some(false)) => {
                let problem = "contradicts the client's secret: give one of the two";
                self.complain("client_authentication", problem);
            }
            _ => {}
        }
        if by_text {
            let secret = self.optional("client_secret", parse::secret)?;
            return Some(ClientSecret::new(&secret));
        }
        let path: PathBuf = self.optional("client_secret_file", parse::path)?;
        match std::fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) if text.trim().is_empty() => {
                self.complain("client_secret_file", "is an empty file");
                None
            }
            Ok(text) => Some(ClientSecret::new(text.trim())),
            Err(error) => {
                let problem = format!("is a file that cannot be read: {error}");
                self.complain("client_secret_file", &problem);
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
        let mut places = self.given.values().map(|other| other.place.as_str());
        if places.clone().any(|place| place.starts_with("OPENROUTER_"))
            && let Some((_, own)) = super::OPENROUTER_SETTINGS
                .iter()
                .find(|(known, _)| *known == member)
        {
            (*own).to_owned()
        } else if places.any(|place| place.starts_with("providers.")) {
            format!("providers.{}.{member}", self.name)
        } else {
            members::prefix(self.name.as_str()) + &member.to_ascii_uppercase()
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
    let is_safe = match url.scheme_str()? {
        "https" => true,
        "http" => matches!(host, "127.0.0.1" | "[::1]" | "localhost"),
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
    let is_plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    let scopes: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    let is_good = |scope: &String| scope.len() <= 128 && scope.bytes().all(is_plain);
    (!scopes.is_empty() && scopes.iter().all(is_good)).then_some(scopes)
}

fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    serde_urlencoded::from_str(text).ok()
}

fn timeout(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok()?;
    (1..=MAX_TIMEOUT)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}
