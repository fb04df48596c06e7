//! Who calls, from the request's headers. Whatever a URL's query says is no credential.

use app::{Actor, Origin};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use session_core::{Refusal, SessionToken};

use crate::api::{ApiConfig, AppState};
use crate::keys::{KeyRole, ServiceKeys};
use crate::problem::Problem;
use crate::request_info::RequestInfo;

/// Most session tokens of one request that are looked at.
const MAX_HELD: usize = 4;

static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A caller with a service or an admin key, and the request at hand.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) role: KeyRole,
    info: RequestInfo,
}

impl Caller {
    pub(crate) fn origin(&self) -> Origin<'_> {
        self.info.origin(match self.role {
            KeyRole::Service => Actor::Service,
            KeyRole::Admin => Actor::Admin,
        })
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let state = AppState::from_ref(state);
        let role = key_role(&parts.headers, &state)?.ok_or_else(|| {
            let detail = "A service key is needed, as `Authorization: Bearer` or `X-API-Key`.";
            Problem::unauthorized("key_required", detail)
        })?;
        let info = RequestInfo::of(parts, &state);
        Ok(Self { role, info })
    }
}

/// What the key of a request allows; `None` if it carries none.
pub(crate) fn key_role(headers: &HeaderMap, state: &AppState) -> Result<Option<KeyRole>, Problem> {
    let bearers = values(headers, &AUTHORIZATION).map(|value| bearer(value));
    let keys = values(headers, &API_KEY).map(Some);
    let Some(key) = one_of(bearers.chain(keys).flatten())? else {
        return Ok(None);
    };
    let role = std::str::from_utf8(key)
        .ok()
        .and_then(|key| state.keys.role_of(key));
    let unknown = || Problem::unauthorized("key_unknown", "The key is not known here.");
    role.map(Some).ok_or_else(unknown)
}

/// What a request carries in the place of a session token.
#[derive(Debug)]
pub(crate) enum SentToken {
    /// Nothing.
    Missing,
    /// Something that is not of the right form: a credential that is no good.
    Malformed,
    /// A token, good or not.
    Token(SessionToken),
}

impl SentToken {
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The token, where the request carries one; what is none of ours is refused like an unknown one.
    pub(crate) fn if_given(self) -> Result<Option<SessionToken>, Problem> {
        match self {
            Self::Missing => Ok(None),
            Self::Malformed => Err(Problem::refused(Refusal::Unknown)),
            Self::Token(token) => Ok(Some(token)),
        }
    }

    /// The same where there must be one.
    pub(crate) fn required(self) -> Result<SessionToken, Problem> {
        let missing = || Problem::unauthorized("token_required", "A session token is needed.");
        self.if_given()?.ok_or_else(missing)
    }
}

/// The session token that a request carries, by header or by cookie.
pub(crate) fn session_token(headers: &HeaderMap, config: &ApiConfig) -> Result<SentToken, Problem> {
    let in_headers = values(headers, &config.session_header);
    let in_cookies =
        values(headers, &COOKIE).flat_map(|line| cookies(line, config.session_cookie()));
    let Some(text) = one_of(in_headers.chain(in_cookies))? else {
        return Ok(SentToken::Missing);
    };
    let token = std::str::from_utf8(text).ok().map(str::parse);
    Ok(match token {
        Some(Ok(token)) => SentToken::Token(token),
        Some(Err(_)) | None => SentToken::Malformed,
    })
}

/// Every session token that a request carries, whatever it is good for: what a login replaces and what
/// a logout ends.
pub(crate) fn held_tokens(headers: &HeaderMap, config: &ApiConfig) -> Vec<SessionToken> {
    let in_headers = values(headers, &config.session_header);
    let in_cookies =
        values(headers, &COOKIE).flat_map(|line| cookies(line, config.session_cookie()));
    let texts = in_headers.chain(in_cookies);
    texts
        .filter_map(|text| std::str::from_utf8(text).ok()?.parse().ok())
        .take(MAX_HELD)
        .collect()
}

/// Whether a request carries a session token as a cookie, good or not.
pub(crate) fn has_cookie(headers: &HeaderMap, config: &ApiConfig) -> bool {
    let mut lines = values(headers, &COOKIE);
    lines.any(|line| cookies(line, config.session_cookie()).next().is_some())
}

/// Whether the session token of a request came as a cookie, which a browser sends by itself.
pub(crate) fn is_by_cookie(headers: &HeaderMap, config: &ApiConfig) -> bool {
    has_cookie(headers, config) && !headers.contains_key(&config.session_header)
}

/// The access token that a request carries as `Authorization: Bearer`; a key is none.
pub(crate) fn access_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let bearers = values(headers, &AUTHORIZATION).filter_map(bearer);
    let token = one_of(bearers)?.map(|token| std::str::from_utf8(token).unwrap_or_default());
    Ok(token.filter(|token| !ServiceKeys::is_key(token)))
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .map(|value| value.as_bytes())
}

/// The token of `Bearer <token>` (RFC 6750 §2.1); the scheme's case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

/// The values of the cookies called `name` in a `Cookie` line.
fn cookies<'a>(line: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    pairs(line).filter_map(move |(key, value)| (key == name.as_bytes()).then_some(value))
}

/// The cookies of a request, by name and value, in the order in which they were sent.
pub(crate) fn all_cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    values(headers, &COOKIE).flat_map(pairs)
}

/// The names and values of a `Cookie` line (RFC 6265 §4.2.1).
fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|b| *b == b';').filter_map(|pair| {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        Some((halves.next()?.trim_ascii(), halves.next()?.trim_ascii()))
    })
}

/// The one credential there is, however often it is given; two different ones are refused, since it
/// would be a guess which of them was meant.
fn one_of<'a>(
    mut credentials: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<&'a [u8]>, Problem> {
    let first = credentials.next();
    if credentials.any(|other| Some(other) != first) {
        let detail = "The request carries two different credentials.";
        return Err(Problem::malformed("conflicting_credentials", detail));
    }
    Ok(first)
}
