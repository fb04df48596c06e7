use std::convert::Infallible;
use std::net::IpAddr;

use app::{Actor, Origin};
use axum::extract::{FromRef, FromRequestParts, MatchedPath};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use session_core::ClientDetails;

use crate::api::AppState;
use crate::client::PeerAddress;
use crate::front::REQUEST_ID;
use crate::problem::Problem;

/// Longest `User-Agent` that is looked at, in bytes.
pub(crate) const MAX_USER_AGENT_BYTES: usize = 1024;

/// What is known of a request besides its content. Cheap to make: nothing in it is copied.
#[derive(Debug, Clone)]
pub(crate) struct RequestInfo {
    method: Method,
    route: Option<MatchedPath>,
    request_id: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    address: Option<IpAddr>,
    /// Whether a trusted proxy asks for someone else.
    is_forwarded: bool,
}

impl<S> FromRequestParts<S> for RequestInfo
where
    S: Send + Sync,
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self::of(parts, &AppState::from_ref(state)))
    }
}

/// All headers of a request, taken out of it instead of copied: for a handler that is asked very often
/// and has no body to read. Whatever reads headers must stand before it.
#[derive(Debug)]
pub(crate) struct TakenHeaders(pub(crate) HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for TakenHeaders {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(std::mem::take(&mut parts.headers)))
    }
}

impl RequestInfo {
    pub(crate) fn of(parts: &Parts, state: &AppState) -> Self {
        let proxies = &state.config.trusted_proxies;
        let peer = parts.extensions.get().map(|PeerAddress(peer)| *peer);
        let client = peer.map(|peer| proxies.client(peer, &parts.headers));
        Self {
            method: parts.method.clone(),
            route: parts.extensions.get().cloned(),
            request_id: parts.headers.get(REQUEST_ID).cloned(),
            user_agent: parts.headers.get(USER_AGENT).cloned(),
            address: client.map(|client| client.address),
            is_forwarded: client.is_some_and(|client| client.is_vouched_for),
        }
    }

    /// Where a call of `actor` comes from.
    pub(crate) fn origin<'a>(&'a self, actor: Actor<'a>) -> Origin<'a> {
        Origin {
            actor,
            ip_address: self.address,
            user_agent: self.user_agent(),
            request_id: self.request_id.as_ref().and_then(|id| id.to_str().ok()),
            endpoint: self.route.as_ref().map(MatchedPath::as_str),
            method: Some(self.method.as_str()),
        }
    }

    /// The end user's address and device, where a trusted proxy passes them on.
    ///
    /// From anyone else a request does not tell whose they are: a backend that asks for its user has
    /// an address and a user agent of its own.
    pub(crate) fn end_user(&self) -> Option<ClientDetails> {
        self.is_forwarded.then(|| ClientDetails {
            ip_address: self.address,
            user_agent: self.user_agent().map(Into::into),
            device_fingerprint: None,
        })
    }

    /// The address and the user agent of whoever sent this request: for routes that end users call by
    /// themselves.
    pub(crate) fn client(&self) -> ClientDetails {
        ClientDetails {
            ip_address: self.address,
            user_agent: self.user_agent().map(Into::into),
            device_fingerprint: None,
        }
    }

    /// Whether the method changes nothing (RFC 9110 §9.2.1).
    pub(crate) fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    fn user_agent(&self) -> Option<&str> {
        let text = self.user_agent.as_ref()?.to_str().ok()?;
        Some(&text[..text.len().min(MAX_USER_AGENT_BYTES)])
    }
}
