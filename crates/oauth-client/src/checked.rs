use std::time::Duration;

use reqwest::Url;
use session_core::{InvalidInput, ProviderName};

use crate::authorization::OURS;
use crate::{ClientAuthentication, ClientSecret, ProviderSettings};

const MAX_TIMEOUT: Duration = Duration::from_secs(300);
const MAX_CLIENT_BYTES: usize = 1024;
const MAX_URL_BYTES: usize = 2048;

/// Settings that were found to make sense.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) name: ProviderName,
    pub(crate) issuer: Option<Issuer>,
    pub(crate) endpoints: Endpoints,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<ClientSecret>,
    pub(crate) client_authentication: ClientAuthentication,
    /// Separated by spaces.
    pub(crate) scope: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) names_itself: bool,
    pub(crate) call_timeout: Duration,
}

/// Who signs.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    /// Letter by letter.
    pub(crate) text: String,
    pub(crate) url: Url,
}

/// Where to ask what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endpoints {
    pub(crate) authorization: Option<Url>,
    pub(crate) token: Option<Url>,
    pub(crate) introspection: Option<Url>,
    pub(crate) revocation: Option<Url>,
    pub(crate) jwks: Option<Url>,
}

impl Endpoints {
    /// Whether a login needs nothing beside them.
    pub(crate) fn are_enough(&self) -> bool {
        self.authorization.is_some() && self.token.is_some() && self.jwks.is_some()
    }
}

impl Checked {
    pub(crate) fn new(settings: ProviderSettings) -> Result<Self, InvalidInput> {
        let issuer = settings.issuer.as_deref().map(issuer).transpose()?;
        let endpoint = |setting, text: &Option<String>| {
            let url = text.as_deref().map(|text| url(text, Loopback::Allowed));
            url.transpose()
                .map_err(|problem| InvalidInput::new(setting, problem))
        };
        let authorization = endpoint("authorization_endpoint", &settings.authorization_endpoint)?;
        if authorization.as_ref().is_some_and(holds_ours) {
            return Err(InvalidInput::new("authorization_endpoint", HOLDS_OURS));
        }
        let endpoints = Endpoints {
            authorization,
            token: endpoint("token_endpoint", &settings.token_endpoint)?,
            introspection: endpoint("introspection_endpoint", &settings.introspection_endpoint)?,
            revocation: endpoint("revocation_endpoint", &settings.revocation_endpoint)?,
            jwks: endpoint("jwks_uri", &settings.jwks_uri)?,
        };
        if issuer.is_none() && endpoints.token.is_none() {
            let problem = "is missing, and so is `issuer`, from which it could be learnt";
            return Err(InvalidInput::new("token_endpoint", problem));
        }
        client(&settings)?;
        timeouts(&settings)?;
        Ok(Self {
            issuer,
            endpoints,
            scope: scope(&settings.scopes)?,
            parameters: parameters(settings.parameters)?,
            name: settings.name,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
            client_authentication: settings.client_authentication,
            names_itself: settings.names_itself,
            call_timeout: settings.call_timeout,
        })
    }
}

/// Whether a URL may lead to this machine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loopback {
    Allowed,
    Refused,
}

/// What an authorization endpoint must not bring along.
pub(crate) const HOLDS_OURS: &str = "must not hold a parameter that every login sets itself";

pub(crate) fn holds_ours(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| OURS.contains(&&*name))
}

/// A URL to ask at, or what is wrong with it.
pub(crate) fn url(text: &str, loopback: Loopback) -> Result<Url, &'static str> {
    // The parser would pass over white space and control characters.
    if text.len() > MAX_URL_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("is no URL");
    }
    let url = Url::parse(text).map_err(|_| "is no URL")?;
    let is_loopback = is_loopback(&url);
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        _ => return Err("must be https, or http on this machine itself"),
    }
    if is_loopback && loopback == Loopback::Refused {
        return Err("must not be on this machine itself");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password");
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    Ok(url)
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let address = host.trim_start_matches('[').trim_end_matches(']');
            let address = address.parse::<std::net::IpAddr>();
            address.is_ok_and(|address| address.to_canonical().is_loopback())
        }
        None => false,
    }
}

fn issuer(text: &str) -> Result<Issuer, InvalidInput> {
    let url =
        url(text, Loopback::Allowed).map_err(|problem| InvalidInput::new("issuer", problem))?;
    // RFC 8414 §2.
    if url.query().is_some() {
        return Err(InvalidInput::new("issuer", "must not have a query"));
    }
    Ok(Issuer {
        text: text.to_owned(),
        url,
    })
}

fn client(settings: &ProviderSettings) -> Result<(), InvalidInput> {
    // RFC 6749 appendix A.
    let is_readable = |text: &str| {
        let printable = |byte: u8| (b' '..=b'~').contains(&byte);
        !text.is_empty() && text.len() <= MAX_CLIENT_BYTES && text.bytes().all(printable)
    };
    let form = format!("must be 1 to {MAX_CLIENT_BYTES} of printable ASCII");
    if !is_readable(&settings.client_id) {
        return Err(InvalidInput::new("client_id", form));
    }
    let secret = settings.client_secret.as_ref();
    match (settings.client_authentication, secret) {
        (ClientAuthentication::None, None) => Ok(()),
        (ClientAuthentication::None, Some(_)) => Err(InvalidInput::new(
            "client_secret",
            "must not be there when `client_authentication` is none",
        )),
        (_, None) => Err(InvalidInput::new(
            "client_secret",
            "is missing, and `client_authentication` is not none",
        )),
        (_, Some(secret)) if !is_readable(secret.expose()) => {
            Err(InvalidInput::new("client_secret", form))
        }
        (_, Some(_)) => Ok(()),
    }
}

fn timeouts(settings: &ProviderSettings) -> Result<(), InvalidInput> {
    let bounds = Duration::from_millis(1)..=MAX_TIMEOUT;
    if !bounds.contains(&settings.call_timeout) {
        return Err(InvalidInput::new("call_timeout", "must be 1 ms to 5 min"));
    }
    if !bounds.contains(&settings.connect_timeout)
        || settings.connect_timeout > settings.call_timeout
    {
        let problem = "must be at least 1 ms, and at most `call_timeout`";
        return Err(InvalidInput::new("connect_timeout", problem));
    }
    Ok(())
}

/// RFC 6749 §3.3.
fn scope(scopes: &[String]) -> Result<String, InvalidInput> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    let is_scope =
        |scope: &String| !scope.is_empty() && scope.len() <= 128 && scope.bytes().all(is_plain);
    if !scopes.iter().all(is_scope) {
        let problem = "must be 1 to 128 of printable ASCII each, without space, `\"` and `\\`";
        return Err(InvalidInput::new("scopes", problem));
    }
    Ok(scopes.join(" "))
}

fn parameters(parameters: Vec<(String, String)>) -> Result<Vec<(String, String)>, InvalidInput> {
    let refused = |problem: &str| Err(InvalidInput::new("parameters", problem));
    for (at, (name, value)) in parameters.iter().enumerate() {
        if name.is_empty() || name.chars().chain(value.chars()).any(char::is_control) {
            return refused("must have names, and hold no control characters");
        }
        if OURS.contains(&name.as_str()) {
            return refused(HOLDS_OURS);
        }
        if parameters[..at].iter().any(|(known, _)| known == name) {
            return refused("must not hold a name twice");
        }
    }
    Ok(parameters)
}
